/** Which rows of a long list lie in what is seen. Rows are all of one height; heights beyond what browsers can scroll are pressed together. */

/** Not a limit: browsers scroll about 16 million pixels exactly. */
const MOST_PIXELS = 8_000_000

/** `first` up to `last` (exclusive) are drawn, `offset` pixels from the top of the content. */
export interface Seen {
  readonly first: number
  readonly last: number
  readonly offset: number
  /** Height of the content in pixels. */
  readonly height: number
}

/** `margin`: rows that are drawn beyond what is seen, on either side. */
export function seenRows(count: number, rowHeight: number, scrollTop: number, viewport: number, margin = 8): Seen {
  const whole = count * rowHeight
  const height = Math.min(whole, MOST_PIXELS)
  const room = Math.max(0, height - viewport)
  const at = Math.max(0, Math.min(scrollTop, room))
  // Where pixels stand for more than themselves, the share of the way counts.
  const virtual = whole <= MOST_PIXELS || room === 0 ? at : (at / room) * (whole - viewport)
  const first = Math.max(0, Math.floor(virtual / rowHeight) - margin)
  const last = Math.min(count, Math.ceil((virtual + viewport) / rowHeight) + margin)
  return { first, last, offset: at - (virtual - first * rowHeight), height }
}

/** Where to scroll to, so that a row is seen; the same place when it is. */
export function scrollFor(row: number, count: number, rowHeight: number, scrollTop: number, viewport: number): number {
  const whole = count * rowHeight
  const height = Math.min(whole, MOST_PIXELS)
  const room = Math.max(0, height - viewport)
  const scale = whole <= MOST_PIXELS || room === 0 ? 1 : room / (whole - viewport)
  const top = row * rowHeight * scale
  const bottom = Math.max(0, (row + 1) * rowHeight - viewport) * scale
  return scrollTop > top ? top : scrollTop < bottom ? bottom : scrollTop
}
