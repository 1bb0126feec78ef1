/** The line below the rows: how fast, how far, how it ended and why, and how to read on. */
import { useEffect, useState } from 'preact/hooks'
import { systemClock } from '../../lib/clock.ts'
import { openDialog } from '../shell/shell-commands.ts'
import { useStore } from '../use-store.ts'
import type { Run } from './run.ts'
import { isActive, progressOf } from './run-state.ts'
import { statusText } from './status-text.ts'

export function StatusLine({ run }: { readonly run: Run }) {
  const state = useStore(run.state, (s) => s)
  const [refusal, refuse] = useState<string | undefined>(undefined)
  const [nowMs, tick] = useState(0)
  const active = isActive(state)
  useEffect(() => {
    refuse(undefined)
    tick(systemClock.now())
    if (!active) return
    const timer = systemClock.every(500, () => tick(systemClock.now()))
    return () => timer.cancel()
  }, [state.phase, state.startedMs])
  if (state.phase === 'idle') return <footer class="status-line">Ready</footer>
  const share = progressOf(state)?.share
  return (
    <footer class="status-line" data-phase={state.phase}>
      <span class="parts">{statusText(state, nowMs).join(' · ')}</span>
      {active && !state.follow && share !== undefined && <progress aria-label="Read" value={share} max={1} />}
      {state.why !== undefined && <span class="why">{refusal ?? state.why}</span>}
      {state.resume !== undefined && refusal === undefined && (
        <button type="button" onClick={() => refuse(run.goOn())}>
          Continue from here
        </button>
      )}
      {state.isFull && (
        <button type="button" onClick={() => openDialog('export')}>
          Export all …
        </button>
      )}
    </footer>
  )
}
