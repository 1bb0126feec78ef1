/**
 * What the page may ask about the rows that the worker holds. A view that needs another answer (a histogram, a search)
 * adds a function here; it runs in the worker, so a long one must look at the rows in slices.
 */
import type { ChartData } from '../chart/data.ts'
import type { ChartSpec, ColumnFacts } from '../chart/spec.ts'
import { columnFacts } from '../chart/worker/facts.ts'
import { chartData } from '../chart/worker/series.ts'
import type { Result, Window } from './result.ts'

/** A question by its name: input and answer are plain data. */
export interface Questions {
  /** The cells of the rows `from` to `to`, of the columns at these positions. */
  readonly window: (result: Result, input: { from: number; to: number; columns: readonly number[] }) => Window
  /** The whole data of the RECORD of a row, as JSON; undefined when there is no such row. */
  readonly record: (result: Result, input: { row: number }) => string | undefined
  /** What the columns hold, for the choice of a chart. */
  readonly chartColumns: (result: Result, input: object) => readonly ColumnFacts[]
  /** The series of a chart over all rows. */
  readonly chart: (result: Result, spec: ChartSpec) => Promise<ChartData>
}

export const QUESTIONS: Questions = {
  window: (result, { from, to, columns }) => result.window(from, to, columns),
  record: (result, { row }) => (row >= 0 && row < result.rows ? result.text(row) : undefined),
  chartColumns: (result) => columnFacts(result),
  chart: (result, spec) => chartData(result, spec),
}
