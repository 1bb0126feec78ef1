/** The end of what listens: answers may be completed, and nothing else is waited for. */
import type { Clock } from '../../lib/clock.ts'
import type { Connections } from './connections.ts'

/** How long answers have at least, and what is about to be asked over a connection. */
const LAST_MS = 1000

/**
 * Resolves when all connections are closed. Half a request, or a connection without one, would hold the server for ever:
 * the first has `graceMs` as answers have, or until `hurry`, the second a moment.
 */
export async function closeHttp(
  http: { close(): Promise<unknown> },
  connections: Pick<Connections, 'end'>,
  graceMs: number,
  { clock, hurry }: { readonly clock: Clock; readonly hurry: AbortSignal },
): Promise<void> {
  const end = (which: 'unused' | 'all') => () => connections.end(which)
  const waitMs = hurry.aborted ? LAST_MS : Math.max(LAST_MS, graceMs)
  const timers = [clock.after(LAST_MS, end('unused')), clock.after(waitMs, end('all'))]
  hurry.addEventListener('abort', end('all'), { once: true })
  await http.close()
  for (const timer of timers) timer.cancel()
}
