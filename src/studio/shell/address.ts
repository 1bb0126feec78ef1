/** Keeps the address and the shown tab the same: what one does changes the address, Back changes what is shown. */
import { decodeRoute, encodeRoute } from '../route.ts'
import { atRoute, routeOf, studio } from '../store.ts'

interface Written {
  readonly tab: number
}

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
    const entry: Written = { tab: now.tab }
    if (moved) history.pushState(entry, '', hash)
    else history.replaceState(entry, '', hash)
    last = now
  }
  const read = ({ state }: PopStateEvent): void => {
    const route = decodeRoute(location.hash)
    if (route === undefined) return
    const tab = (state as Written | null)?.tab
    last = { hash: location.hash, tab: tab ?? -1, panel: route.panel, record: JSON.stringify(route.record) }
    studio.set((s) => atRoute(s, route, tab))
  }
  write()
  const unsubscribe = studio.subscribe(write)
  addEventListener('popstate', read)
  stop = () => {
    unsubscribe()
    removeEventListener('popstate', read)
  }
}

export function stopAddress(): void {
  stop?.()
  stop = undefined
}
