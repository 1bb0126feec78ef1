/** What a result without rows says: what was read, and what could be changed. Pure. */
import { shortBytes } from '../explorer/topics.ts'
import { conditionsAt, controlsAt, type Edit, edited, withoutCondition, withRange } from '../price/edits.ts'
import { progressOf, type RunState } from '../run/run-state.ts'
import { started } from './start.ts'

/** A change that may bring rows: what of the text is replaced. */
export interface Change {
  readonly label: string
  readonly edits: readonly Edit[]
}

/** Not a limit: more changes nobody reads. */
const SHOWN = 4

/**
 * undefined where the result has rows, or has not ended by itself. What could be changed is said of the statement that
 * was run, while it is the one at the caret; `values`: of its parameters.
 */
export function emptyResult(
  state: Pick<RunState, 'phase' | 'rows' | 'stats' | 'badRecords' | 'asked'>,
  text: string,
  caret: number,
  values: Readonly<Record<string, string>>,
): { readonly read: string; readonly changes: readonly Change[] } | undefined {
  if (state.phase !== 'complete' || state.rows > 0) return undefined
  const wasRun = started(text, { from: caret, to: caret }, values, false).sql === state.asked
  return { read: readText(state), changes: wasRun ? changesAt(text, caret) : [] }
}

function changesAt(text: string, caret: number): readonly Change[] {
  const range = controlsAt(text, caret)?.range
  const changes: Change[] = []
  if (range !== undefined) changes.push({ label: 'All times', edits: withRange(text, caret, undefined) })
  for (const [i, condition] of conditionsAt(text, caret).entries())
    if (!condition.isTime) changes.push({ label: `Without ${condition.text}`, edits: withoutCondition(text, caret, i) })
  return changes.filter(({ edits }) => edited(text, edits) !== text).slice(0, SHOWN)
}

function readText(state: Pick<RunState, 'stats' | 'badRecords'>): string {
  const progress = progressOf(state)
  const bad =
    state.badRecords === 0
      ? ''
      : ` ${state.badRecords.toLocaleString('en')} records could not be read and were left out.`
  if (progress === undefined || progress.scanned === 0) return `No rows: there was no record to read.${bad}`
  const { scanned, bytesRead, partitions } = progress
  const of = partitions === 0 ? '' : ` of ${partitions} partition${partitions === 1 ? '' : 's'}`
  const what = `${scanned.toLocaleString('en')} records${of} (${shortBytes(bytesRead)}) were read`
  return `No rows: ${what}, and none of them fits.${bad}`
}
