/** A long list of lines of one height, of which those are drawn that are seen. Arrows move, Enter chooses, → and ← open and close. */
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { scrollFor, seenRows } from './rows.ts'

interface Props {
  readonly label: string
  readonly count: number
  readonly rowPixels: number
  draw(row: number): ComponentChildren
  choose(row: number): void
  expand?(row: number, open: boolean): void
}

export function VirtualList({ label, count, rowPixels, draw, choose, expand }: Props) {
  const ref = useRef<HTMLDivElement>(null)
  const id = useId()
  const { top, height, onScroll } = useViewport(ref)
  const [at, move] = useState(0)
  const current = Math.min(at, count - 1)
  const { first, last, offset, height: whole } = seenRows(count, rowPixels, top, height)
  const press = (event: KeyboardEvent): void => {
    const next = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: count - 1 }[event.key]
    if (next !== undefined) {
      const row = Math.max(0, Math.min(count - 1, next))
      move(row)
      const element = ref.current
      if (element !== null) element.scrollTop = scrollFor(row, count, rowPixels, element.scrollTop, height)
    } else if (event.key === 'Enter') choose(current)
    else if (event.key === 'ArrowRight') expand?.(current, true)
    else if (event.key === 'ArrowLeft') expand?.(current, false)
    else return
    event.preventDefault()
  }
  const rows = []
  for (let row = first; row < last; row++) rows.push(row)
  return (
    <div
      class="virtual-list"
      ref={ref}
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={count === 0 ? undefined : `${id}-${current}`}
      onScroll={onScroll}
      onKeyDown={press}
    >
      <div class="virtual-whole" role="presentation" style={{ height: `${whole}px` }}>
        <div class="virtual-seen" role="presentation" style={{ transform: `translateY(${offset}px)` }}>
          {rows.map((row) => (
            <div
              key={row}
              id={`${id}-${row}`}
              role="option"
              aria-selected={row === current}
              aria-setsize={count}
              aria-posinset={row + 1}
              style={{ height: `${rowPixels}px` }}
              onClick={() => {
                move(row)
                choose(row)
              }}
            >
              {draw(row)}
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}

/** Where an element is scrolled to, and how high it is; read at most once a frame. */
export function useViewport(ref: { readonly current: HTMLElement | null }): {
  readonly top: number
  readonly left: number
  readonly height: number
  readonly width: number
  onScroll(): void
} {
  const [view, set] = useState({ top: 0, left: 0, height: 600, width: 800 })
  const waits = useRef(false)
  const look = (): void => {
    waits.current = false
    const element = ref.current
    if (element === null) return
    const { scrollTop: top, scrollLeft: left, clientHeight: height, clientWidth: width } = element
    set((before) =>
      before.top === top && before.left === left && before.height === height && before.width === width
        ? before
        : { top, left, height, width },
    )
  }
  // The element may come later than the component, and be another one.
  const watched = useRef<{ readonly element: HTMLElement; readonly observer: ResizeObserver } | undefined>(undefined)
  useLayoutEffect(() => {
    const element = ref.current
    if (element === (watched.current?.element ?? null)) return
    watched.current?.observer.disconnect()
    watched.current = undefined
    if (element === null) return
    const observer = new ResizeObserver(look)
    observer.observe(element)
    watched.current = { element, observer }
    look()
  })
  useEffect(() => () => watched.current?.observer.disconnect(), [])
  const onScroll = (): void => {
    if (waits.current) return
    waits.current = true
    requestAnimationFrame(look)
  }
  return { ...view, onScroll }
}
