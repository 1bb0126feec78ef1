/** A part of a store as a hook: the component is drawn again when that part is another one. */
import { useLayoutEffect, useState } from 'preact/hooks'
import type { Store } from './observable.ts'

export function useStore<S, T>(store: Store<S>, select: (state: S) => T): T {
  const [, redraw] = useState(0)
  const selected = select(store.get())
  useLayoutEffect(() => {
    let seen = selected
    const look = (): void => {
      const now = select(store.get())
      if (Object.is(now, seen)) return
      seen = now
      redraw((n) => n + 1)
    }
    look()
    return store.subscribe(look)
  })
  return selected
}
