/** State outside of the components: one value, changed by functions, watched by whoever shows it. Plain, no browser. */

/** Holds a value of type S. `set` with the same value tells nobody. */
export interface Store<S> {
  get(): S
  set(change: (state: S) => S): void
  /** Calls back after each change; gives what ends that. */
  subscribe(heard: () => void): () => void
}

export function createStore<S>(initial: S): Store<S> {
  let state = initial
  const listeners = new Set<() => void>()
  return {
    get: () => state,
    set(change) {
      const next = change(state)
      if (Object.is(next, state)) return
      state = next
      for (const heard of [...listeners]) heard()
    },
    subscribe(heard) {
      listeners.add(heard)
      return () => void listeners.delete(heard)
    },
  }
}
