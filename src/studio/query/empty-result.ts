/** What a result without rows says: what was read, and what could be changed. Pure. */
import { shortBytes } from '../explorer/topics.ts'
import { conditionsAt, controlsAt, edited, withoutCondition, withRange } from '../price/edits.ts'
import { progressOf, type RunState } from '../run/run-state.ts'

/** A change that may bring rows: the text after it. */
export interface Change {
  readonly label: string
  readonly text: string
}

/** Not a limit: more changes nobody reads. */
const SHOWN = 4

/** undefined where the result has rows, or has not ended by itself. */
export function emptyResult(
  state: Pick<RunState, 'phase' | 'rows' | 'stats' | 'badRecords'>,
  text: string,
  caret: number,
): { readonly read: string; readonly changes: readonly Change[] } | undefined {
  if (state.phase !== 'complete' || state.rows > 0) return undefined
  const range = controlsAt(text, caret)?.range
  const changes: Change[] = []
  if (range !== undefined) changes.push({ label: 'All times', text: edited(text, withRange(text, caret, undefined)) })
  for (const [i, condition] of conditionsAt(text, caret).entries())
    if (!condition.isTime)
      changes.push({ label: `Without ${condition.text}`, text: edited(text, withoutCondition(text, caret, i)) })
  return { read: readText(state), changes: changes.filter((change) => change.text !== text).slice(0, SHOWN) }
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
