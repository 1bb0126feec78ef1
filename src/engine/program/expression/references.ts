/** What stands behind the names of compiled expressions, and what they are computed with. */
import { unexpected } from '../../../lib/assert.ts'
import { type Code, js } from '../../../codegen/emitter.ts'
import type { FunctionContext } from '../../../functions/function.ts'
import { JsonText } from '../../../lib/json-text.ts'
import type { Span } from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import type { Value } from '../../../types.ts'
import type { HeaderRef, LastOffset, PathRef, PresenceTest, SlotRef } from '../../../plan/plan.ts'

/**
 * Limit `sql.max.folded.chars` (characters): texts that functions and casts make of the constants of one statement.
 * Beyond it: an error. They are computed in one go, while no other query runs.
 */
export const MAX_FOLDED_CHARS = 32 * 1024 * 1024

/**
 * Limit `sql.max.row.chars` (characters): large texts that functions and casts make for one row. Beyond it: an error.
 * They are computed in one go, while no other query of the thread runs.
 */
export const MAX_ROW_CHARS = 32 * 1024 * 1024
/** A text of fewer characters is not large: of those there cannot be many enough in one statement. */
export const LARGE_TEXT_CHARS = 64 * 1024

/** The end of a statement whose functions make too much of one row. */
export function tooLargeRow(span: Span | undefined): never {
  throw new SqlError(
    'LIMIT',
    `The texts that the statement makes of one row are longer than ${MAX_ROW_CHARS} characters (sql.max.row.chars).`,
    span,
    'Make shorter texts, or fewer of them at a time.',
  )
}

/** What computing the constants of one statement may cost. */
export class FoldingBudget {
  #left = MAX_FOLDED_CHARS

  /** A value that was made on the way. A SqlError when all of them are too much. */
  spend(value: Value, span: Span | undefined): void {
    if (typeof value === 'string') this.#left -= value.length
    else if (Array.isArray(value))
      for (const item of value) this.#left -= typeof item === 'string' ? 8 + item.length : 8
    else if (value instanceof JsonText) this.#left -= value.text.length
    if (this.#left < 0)
      throw new SqlError(
        'LIMIT',
        `The texts that the statement makes of its constants are longer than ${MAX_FOLDED_CHARS} characters (sql.max.folded.chars).`,
        span,
      )
  }
}

/** What expressions are computed with. */
export interface EvaluationContext extends Omit<FunctionContext, 'equal' | 'read'> {
  /**
   * The statement divides JSON values: whole numbers that were written as doubles keep a mark on their way to
   * arithmetic (`runtime.WholeDouble`).
   */
  readonly doubles?: boolean
  /** What texts may still be made for what depends on no record: see `FoldingBudget`. */
  readonly folding?: FoldingBudget
}

/** How references turn into code: a variable of a record program, or an element of a row. */
export interface References {
  path(ref: PathRef): Code
  /** The JSON text of a value, or null; of records only. */
  text?(ref: PathRef): Code
  slot(ref: SlotRef): Code
  presence(ref: PresenceTest): Code
  header(ref: HeaderRef, name: Code | undefined): Code
  lastOffset(ref: LastOffset): Code
  /**
   * For a text that may be compared as bytes: is it equal to the literal, true or false (`negated`: is it certainly
   * different)?
   */
  textEquals?(ref: PathRef, literal: string, negated: boolean): Code | undefined
  /**
   * Where the bytes of a text stand in `b`, if it has such a place (`from >= 0`), and the variable that holds what has
   * none.
   */
  slice?(ref: PathRef): { readonly from: Code; readonly to: Code; readonly value: Code } | undefined
}

/** References of expressions over rows: slots only. */
export class RowReferences implements References {
  readonly #row: Code
  constructor(row: Code) {
    this.#row = row
  }
  slot(ref: SlotRef): Code {
    return js`${this.#row}[${ref.index}]`
  }
  path(ref: PathRef): Code {
    unexpected(`a path (${ref.path.facet} ${ref.path.steps.join('.')}) above a row`)
  }
  presence(): Code {
    unexpected('EXISTS above a row')
  }
  header(): Code {
    unexpected('a header above a row')
  }
  lastOffset(): Code {
    unexpected('LAST_OFFSET above a row')
  }
}
