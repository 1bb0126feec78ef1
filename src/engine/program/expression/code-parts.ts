/** What the parts of the expression compiler share: the compiler as they see it, and small pieces of code. */
import { type Code, type Emitter, join, js, type Name } from '../../../codegen/emitter.ts'
import { ValueError } from '../../../functions/function.ts'
import type { Span } from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import type { Value } from '../../../types.ts'
import type { BoundExpr } from '../../../plan/plan.ts'
import type { References } from './references.ts'

/** The expression compiler, as code for comparisons and arithmetic needs it. */
export interface ExpressionParts {
  readonly emitter: Emitter
  readonly references: References
  /** A JavaScript expression for the run-time value of `e` (types.ts), null for NULL. */
  value(e: BoundExpr): Code
  /** As `value`, with the mark of a whole double where it may have one. */
  marked(e: BoundExpr): Code
  mayBeMarked(e: BoundExpr): boolean
  /** The value that `code` gives, without its mark. */
  unmarked(code: Code): Code
  /** Code that can be used twice, and the tests that it is not NULL (none for a constant). */
  operand(e: BoundExpr): { code: Code; test: Code[] }
  /** A new variable that the generated function declares. */
  temp(): Name
}

/** The code in brackets. */
export function parenthesized(code: Code): Code {
  return js`(${code})`
}

/** As `f`; its ValueError becomes a SqlError that points at `span`. */
export function guarded<A extends Value[], R extends Value>(
  f: (...args: A) => R,
  span: Span | undefined,
): (...args: A) => R {
  return (...args) => {
    try {
      return f(...args)
    } catch (error) {
      if (error instanceof ValueError) throw new SqlError('VALUE', error.message, span)
      throw error
    }
  }
}

/** The declaration of variables, each null: `let t_1 = null, …`. */
export function declare(names: readonly Name[]): Code {
  return names.length === 0
    ? js``
    : js`let ${join(
        names.map((n) => js`${n} = null`),
        ', ',
      )};`
}
