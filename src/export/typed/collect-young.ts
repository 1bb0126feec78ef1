/** Collection of young garbage at a moment that a writer chooses. */

type Collect = (options: { readonly type: 'minor' }) => void

/**
 * Collects what was made lately and dropped, where the platform offers that (the threads of a server: it is switched on
 * where they are started): some milliseconds. For moments when much is dropped that holds memory outside of the heap
 * (typed arrays): the collector counts only the heap, and would let far more of it pile up.
 */
export function collectYoung(): void {
  const { gc } = globalThis as { gc?: Collect }
  gc?.({ type: 'minor' })
}
