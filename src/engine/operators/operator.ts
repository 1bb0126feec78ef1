/**
 * What an operator above the scan is: rows are pushed in, synchronously; `finish` emits what was held, in
 * chunks. No record, no topic, no socket.
 */
import type { Value } from '../../types.ts'

/** A value for each slot. A row is never changed once it has been pushed. */
export type Row = readonly Value[]

/** One step of a pipeline: rows are pushed in, and it pushes rows into the next one. */
export interface Operator {
  /** Takes one row. */
  push(row: Row): void
  /** No more rows. Run once, to its end; at each yield the reader of the frames and the event loop get a turn. */
  finish(): Generator<void>
  /** True once no further row can change the result: the scan may stop. */
  readonly done: boolean
  /** The reader of the frames is behind: pause soon. */
  readonly full: boolean
}

/** A `finish` that holds nothing back. */
export function* nothingHeld(): Generator<void> {
  // Nothing to yield.
}

/** Rows that a finished operator emits between two checks whether the event loop is due for others. */
export const CHUNK_ROWS = 200

/** Pushes many rows into the next operator, in chunks, for as long as they are wanted. */
export function* pushAll(rows: Iterable<Row>, next: Operator): Generator<void> {
  let n = 0
  for (const row of rows) {
    if (next.done) return
    next.push(row)
    if (next.full || ++n % CHUNK_ROWS === 0) yield
  }
}
