/** What the columns of a result hold, from its first rows. Runs in the worker. */
import type { Result } from '../../rows/result.ts'
import { isTimeText, looksLikeTime } from '../numbers.ts'
import type { ColumnFacts, ColumnRole } from '../spec.ts'
import { keyOf } from './names.ts'

/** Rows that are looked at; fewer where there are many columns. */
const ROWS = 500
const CELLS = 100_000
/** Different values of a column that are counted. */
const DISTINCT = 200

interface Seen {
  looked: number
  numbers: number
  times: number
  texts: number
  readonly values: Set<string>
}

/** A line for each column of the result, in its order. */
export function columnFacts(result: Result): readonly ColumnFacts[] {
  const columns = result.columns.list
  const all = columns.map((_, at) => at)
  const seen = columns.map((): Seen => ({ looked: 0, numbers: 0, times: 0, texts: 0, values: new Set() }))
  const rows = Math.min(result.rows, ROWS, Math.ceil(CELLS / Math.max(1, columns.length)))
  for (let row = 0; row < rows; row++)
    for (const [at, cell] of result.cells(row, all).entries()) {
      if (cell === undefined || cell.kind === 'null') continue
      const of = seen[at]
      of.looked++
      if (of.values.size < DISTINCT) of.values.add(keyOf(cell))
      if (cell.kind === 'number') {
        if (looksLikeTime(columns[at].path, cell.text)) of.times++
        of.numbers++
      } else if (cell.kind === 'text') {
        if (isTimeText(cell.text)) of.times++
        of.texts++
      } else if (cell.kind === 'boolean') of.texts++
    }
  return columns.map(({ path }, at) => ({
    path,
    role: roleOf(seen[at]),
    distinct: seen[at].values.size,
    looked: seen[at].looked,
  }))
}

function roleOf({ looked, times, numbers, texts }: Seen): ColumnRole {
  if (looked === 0) return 'other'
  if (times === looked) return 'time'
  if (numbers === looked) return 'number'
  return texts + numbers === looked ? 'category' : 'other'
}
