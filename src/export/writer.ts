/** What writes the rows of a result into a file. Types only. */
import type { Value } from '../types.ts'
import type { ExportOutcome } from './outcome.ts'

/** Writes one file. Whatever `row` has taken is in it once `finish` has run. */
export interface ResultWriter {
  row(row: readonly Value[]): void
  /** Ends the file; as far as its format has a place for that, it says what became of the export. */
  finish(outcome: ExportOutcome): void
}
