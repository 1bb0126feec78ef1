/** What a run sends: the statement under the caret, or all, with values in place of parameters; and the way back from it. */
import { substituted } from '../../sql/edit/parameters.ts'
import { placeInText, runPieces, type StatementSpan, textToRun } from '../editor/statement.ts'
import { errorSpan } from '../run/error-place.ts'
import type { RunState } from '../run/run-state.ts'

/** A text that is about to run, or has run. `text`: what stood in the editor. */
export interface Started {
  readonly text: string
  readonly sql: string
  /** Parameters without a value. */
  readonly missing: readonly string[]
  /** A position of `sql` as one of the text. */
  back(position: number): number
}

/** `all`: every statement, one after the other. */
export function started(
  text: string,
  selection: StatementSpan,
  values: Readonly<Record<string, string>>,
  all: boolean,
): Started {
  const pieces = all ? [{ from: 0, to: text.length }] : runPieces(text, selection)
  const { sql, missing, back } = substituted(all ? text : textToRun(text, selection), values)
  return { text, sql, missing, back: (position) => placeInText(pieces, back(position)) }
}

/** The place of an error in the editor, while what was sent stands there. */
export function wrongSpan(
  { error, sql }: Pick<RunState, 'error' | 'sql'>,
  text: string,
  last: Started | undefined,
): { from: number; to: number } | undefined {
  if (error?.place === undefined) return undefined
  const within = errorSpan(sql, error.place)
  if (within === undefined) return undefined
  if (last !== undefined && last.sql === sql)
    return last.text === text ? { from: last.back(within.from), to: last.back(within.to) } : undefined
  const at = text.indexOf(sql)
  return at < 0 ? undefined : { from: within.from + at, to: within.to + at }
}
