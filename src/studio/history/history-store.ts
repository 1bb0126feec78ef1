/**
 * Keeps what was run in the browser's storage, for each account by itself. A logout clears all of it. The storage is
 * read before each change: other tabs of the browser write there, too.
 */
import { keep, kept } from '../kept.ts'
import type { Run } from '../run/run.ts'
import { isActive, type RunState } from '../run/run-state.ts'
import { studio } from '../store.ts'
import { added, type Entry, type Outcome, readEntries } from './history.ts'

const followed = new WeakSet<Run>()

function key(): string | undefined {
  const { session } = studio.get()
  return session.kind === 'in' ? `sluice.history.${session.user}` : undefined
}

/** Newest first. */
export function history(): readonly Entry[] {
  const place = key()
  return place === undefined ? [] : readEntries(kept(place))
}

/** Notes every run of a tab when it ends. */
export function followRun(run: Run): void {
  if (followed.has(run)) return
  followed.add(run)
  let before: RunState = run.state.get()
  run.state.subscribe(() => {
    const now = run.state.get()
    if (isActive(before) && !isActive(now) && now.phase !== 'idle' && now.endedMs !== undefined) note(now)
    before = now
  })
}

function note({ asked, startedMs, endedMs = startedMs, phase, rows }: RunState): void {
  const place = key()
  if (place === undefined) return
  const entry: Entry = {
    sql: asked,
    environment: studio.get().environment ?? '',
    atMs: startedMs,
    seconds: (endedMs - startedMs) / 1000,
    outcome: phase as Outcome,
    rows,
  }
  keep(place, JSON.stringify(added(readEntries(kept(place)), entry)))
}

export function clearHistory(): void {
  const place = key()
  if (place !== undefined) keep(place, null)
}
