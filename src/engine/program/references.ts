/** What stands behind the names of compiled expressions, and what they are computed with. */
import { type Code, js } from '../../codegen/emitter.ts'
import type { FunctionContext } from '../../functions/function.ts'
import type { HeaderRef, LastOffset, PathRef, PresenceTest, SlotRef } from '../../plan/plan.ts'

/** What expressions are computed with. */
export interface EvaluationContext extends FunctionContext {
  /** The statement divides JSON values: whole numbers that were written as doubles keep a mark on their way to arithmetic (`runtime.WholeDouble`). */
  readonly doubles?: boolean
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
  /** For a text that may be compared as bytes: is it equal to the literal, true or false (`negated`: is it certainly different)? */
  textEquals?(ref: PathRef, literal: string, negated: boolean): Code | undefined
  /** Where the bytes of a text stand in `b`, if it has such a place (`from >= 0`), and the variable that holds what has none. */
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
    throw new Error(`a path (${ref.path.facet} ${ref.path.steps.join('.')}) above a row`)
  }
  presence(): Code {
    throw new Error('EXISTS above a row')
  }
  header(): Code {
    throw new Error('a header above a row')
  }
  lastOffset(): Code {
    throw new Error('LAST_OFFSET above a row')
  }
}
