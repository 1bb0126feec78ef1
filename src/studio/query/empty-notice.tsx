/** Shown where a result has no rows: what was read, and what to change, by one click. */
import type { RunState } from '../run/run-state.ts'
import { emptyResult } from './empty-result.ts'

interface Props {
  readonly state: RunState
  readonly text: string
  readonly caret: number
  choose(sql: string): void
}

export function EmptyResult({ state, text, caret, choose }: Props) {
  const empty = emptyResult(state, text, caret)
  if (empty === undefined) return null
  return (
    <div class="no-rows" role="note">
      <p>{empty.read}</p>
      {empty.changes.length > 0 && (
        <p class="soft">
          Try:{' '}
          {empty.changes.map(({ label, text: next }) => (
            <button key={label} type="button" onClick={() => choose(next)}>
              {label}
            </button>
          ))}
        </p>
      )}
    </div>
  )
}
