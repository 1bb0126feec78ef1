/**
 * New rows on top: at the top they slide in; somebody who reads further below keeps the rows that he reads, and the
 * cursor stays on its record.
 */
import { useLayoutEffect, useRef } from 'preact/hooks'

const SLIDE_MS = 140
/** Not a limit: rows that come at once and are still seen to slide. */
const MOST_SLID = 3

interface Place {
  readonly current: HTMLElement | null
}

/** `rows`: how many came so far `of` one arrangement. `moved` hears by how many places the rows have gone down. */
export function useNewest(
  place: Place,
  isNewestFirst: boolean,
  { of, rows }: { readonly of: string; readonly rows: number },
  rowPixels: number,
  moved: (by: number) => void,
): void {
  const before = useRef({ of, rows })
  useLayoutEffect(() => {
    const by = of === before.current.of ? rows - before.current.rows : 0
    before.current = { of, rows }
    const element = place.current
    if (!isNewestFirst || by <= 0 || element === null) return
    moved(by)
    if (element.scrollTop > 0) element.scrollTop += by * rowPixels
    else if (by <= MOST_SLID && matchMedia('(prefers-reduced-motion: no-preference)').matches)
      element
        .querySelector('.grid-seen')
        ?.animate([{ transform: `translateY(${-by * rowPixels}px)` }, { transform: 'translateY(0)' }], SLIDE_MS)
  }, [of, rows, isNewestFirst])
}
