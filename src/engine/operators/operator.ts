/** What an operator above the scan is: rows are pushed in, synchronously; `finish` lets out what was held back. No await, no record, no topic. */
import type { Value } from '../../types.ts'

export type Row = readonly Value[]

export interface Operator {
  /** Takes one row. */
  push(row: Row): void
  /** No more rows. Called once. */
  finish(): void
  /** True once no further row can change the result: the scan may stop. */
  readonly done: boolean
}
