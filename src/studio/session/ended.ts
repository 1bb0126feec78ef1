/** A query that was refused, or lost its connection, may say that the session has ended: the server is asked. */
import { isActive, type RunState } from '../run/run-state.ts'
import { sessionEnded, studio } from '../store.ts'
import { whoAmI } from './server.ts'

/** For what becomes of a run. */
export function lookAfter({ phase, error }: RunState): void {
  const isSuspect = phase === 'lost' || (phase === 'failed' && error?.message.startsWith('Not authenticated') === true)
  if (isSuspect) void look()
}

async function look(): Promise<void> {
  // A server that does not answer says nothing about the session.
  const who = await whoAmI().catch(() => 'unknown')
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
