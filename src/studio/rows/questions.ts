/**
 * What the page may ask about the rows that the worker holds. A view that needs another answer (a histogram, a search)
 * adds a function here; it runs in the worker, so a long one must look at the rows in slices.
 */
import type { ChartData } from '../chart/data.ts'
import type { ChartSpec, ColumnFacts } from '../chart/spec.ts'
import { columnFacts } from '../chart/worker/facts.ts'
import { chartData } from '../chart/worker/series.ts'
import { type Arranged, type Arrangement, arrange, placesOf, rowAt } from './arrange.ts'
import { type Copied, type CopyInput, copied } from './copy.ts'
import { type FindInput, type Found, find } from './find.ts'
import type { Result, Window } from './result.ts'
import { summaries, type Summary, type SummaryInput } from './summary.ts'

/** Rows `from` to `to`; of the arrangement, where `arranged` is set. */
interface WindowInput {
  readonly from: number
  readonly to: number
  readonly columns: readonly number[]
  readonly arranged?: boolean
}

/** A question by its name: input and answer are plain data. */
export interface Questions {
  /** The cells of the rows `from` to `to`, of the columns at these positions. */
  readonly window: (result: Result, input: WindowInput) => Window
  /** The whole data of the RECORD of the row with this number, as JSON; undefined when there is no such row. */
  readonly record: (result: Result, input: { row: number }) => string | undefined
  /** What the columns hold, for the choice of a chart. */
  readonly chartColumns: (result: Result, input: object) => readonly ColumnFacts[]
  /** The series of a chart over all rows. */
  readonly chart: (result: Result, spec: ChartSpec) => Promise<ChartData>
  /** Sorts and filters what was received; undefined when another arrangement was asked for meanwhile. */
  readonly arrange: (result: Result, input: Arrangement) => Promise<Arranged | undefined>
  /** The next cell with a text. */
  readonly find: (result: Result, input: FindInput) => Promise<Found | undefined>
  /** Cells as text for the clipboard. */
  readonly copy: (result: Result, input: CopyInput) => Promise<Copied>
  /** What the values of columns look like. */
  readonly summaries: (result: Result, input: SummaryInput) => Promise<readonly Summary[]>
}

export const QUESTIONS: Questions = {
  window(result, { from, to, columns, arranged = false }) {
    const count = placesOf(result, arranged)
    const first = Math.max(0, Math.min(from, count))
    const numbers: number[] = []
    for (let place = first; place < Math.min(to, count); place++) numbers.push(rowAt(result, place, arranged))
    const { dropped } = result
    const rows = numbers.map((row) => result.cells(row, columns))
    return { from: first, numbers: numbers.map((row) => row + dropped), rows }
  },
  record(result, { row: number }) {
    const row = number - result.dropped
    return row >= 0 && row < result.rows ? result.text(row) : undefined
  },
  chartColumns: (result) => columnFacts(result),
  chart: (result, spec) => chartData(result, spec),
  arrange,
  find,
  copy: copied,
  summaries,
}
