/**
 * What was refused, or lost its connection, may say that the session has ended: the server is asked. So for runs, for
 * questions of the page itself and for every call of REST.
 */
import { ConnectionError } from '../../client/connect.ts'
import { isActive, type RunState } from '../run/run-state.ts'
import { sessionEnded, studio } from '../store.ts'
import { whenUnknown, whoAmI } from './server.ts'

/** For what becomes of a run. */
export function lookAfter({ phase, error }: RunState): void {
  const isSuspect = phase === 'lost' || (phase === 'failed' && isRefused(error?.message ?? ''))
  if (isSuspect) void look()
}

/** For what a question of the page rejects with. */
export function lookAfterFailure(cause: unknown): void {
  if (cause instanceof ConnectionError || (cause instanceof Error && isRefused(cause.message))) void look()
}

function isRefused(message: string): boolean {
  return message.startsWith('Not authenticated')
}

whenUnknown(() => void look())

let looking: Promise<unknown> | undefined

/** Once for all that was refused at the same time. */
async function look(): Promise<void> {
  if (studio.get().session.kind !== 'in') return
  // A server that does not answer says nothing about the session.
  looking ??= whoAmI().catch(() => 'unknown')
  const who = await looking
  looking = undefined
  if (who === undefined) studio.set(sessionEnded)
}

/** Calls back when a run has ended, once for each. */
export function whenEnded(
  state: { get(): RunState; subscribe(heard: () => void): () => void },
  ended: (state: RunState) => void,
): void {
  let before = state.get()
  state.subscribe(() => {
    const now = state.get()
    if (isActive(before) && !isActive(now)) ended(now)
    before = now
  })
}
