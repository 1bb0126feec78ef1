/** Keeps the address and the shown tab the same: what one does changes the address, Back changes what is shown. */
import { decodeRoute, encodeRoute, isWhole } from '../route.ts'
import { atRoute, routeOf, studio, type WrittenBy } from '../store.ts'

/** What stands with an entry of the history. The browser keeps it when the page is loaded anew, the tabs it does not. */
interface Written extends WrittenBy {
  readonly load: string
}

/** This load of the page: numbers of tabs begin again with each. */
const LOAD: string = [...crypto.getRandomValues(new Uint32Array(2))].join('-')

let stop: (() => void) | undefined

/** Begins with the first tab. Moves between views make an entry of the history, typing does not. */
export function followAddress(): void {
  stop?.()
  let last: { hash: string; tab: number; panel: string | undefined; record: unknown } | undefined
  const write = (): void => {
    const state = studio.get()
    const route = routeOf(state)
    if (state.session.kind !== 'in' || route === undefined) return
    const hash = encodeRoute(route)
    const now = { hash, tab: state.active, panel: route.panel, record: JSON.stringify(route.record) }
    if (last?.hash === hash && last.tab === now.tab) return
    const moved = last !== undefined && (last.tab !== now.tab || last.panel !== now.panel || last.record !== now.record)
    const entry: Written = { load: LOAD, tab: now.tab, isWhole: isWhole(route) }
    if (moved) history.pushState(entry, '', hash)
    else history.replaceState(entry, '', hash)
    last = now
  }
  const read = ({ state }: { readonly state: unknown }): void => {
    const route = decodeRoute(location.hash)
    if (route === undefined) return
    // The entry is the one of the tab that shows it now; a further one would stand in the way of Back.
    last = undefined
    studio.set((s) => atRoute(s, route, ownEntry(state)))
  }
  write()
  const unsubscribe = studio.subscribe(write)
  addEventListener('popstate', read)
  stop = () => {
    unsubscribe()
    removeEventListener('popstate', read)
  }
}

/** undefined for an entry of another load of the page, and for a link. */
function ownEntry(state: unknown): WrittenBy | undefined {
  const entry = state as Written | null
  return entry?.load === LOAD ? entry : undefined
}

export function stopAddress(): void {
  stop?.()
  stop = undefined
}
