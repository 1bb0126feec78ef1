/** Shown where a result has no rows: what was read, and what to change, by one click. */
import type { Edit } from '../price/edits.ts'
import type { RunState } from '../run/run-state.ts'
import { emptyResult } from './empty-result.ts'

interface Props {
  readonly state: RunState
  readonly text: string
  readonly caret: number
  readonly values: Readonly<Record<string, string>>
  /** Changes that text, and runs the statement that is changed. */
  choose(text: string, edits: readonly Edit[]): void
}

export function EmptyResult({ state, text, caret, values, choose }: Props) {
  const empty = emptyResult(state, text, caret, values)
  if (empty === undefined) return null
  return (
    <div class="no-rows" role="note">
      <p>{empty.read}</p>
      {empty.changes.length > 0 && (
        <p class="soft">
          Try:{' '}
          {empty.changes.map(({ label, edits }) => (
            <button key={label} type="button" onClick={() => choose(text, edits)}>
              {label}
            </button>
          ))}
        </p>
      )}
    </div>
  )
}
