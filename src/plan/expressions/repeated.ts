/** A guard for operands that the binder writes several times into a plan. */
import { SqlError } from '../../sql/error.ts'
import type { BoundExpr } from '../plan.ts'
import { children } from './children.ts'

/**
 * Limit `sql.max.repeated.parts` (parts): parts that an operand becomes by standing several times in the plan. Beyond
 * it: an error. Nested ones double with every level.
 */
const MAX_REPEATED_PARTS = 10_000

/**
 * The operand itself, which `what` compares `times` times. Throws a SqlError (LIMIT) when that makes too many parts.
 */
export function repeated(operand: BoundExpr, times: number, what: string): BoundExpr {
  const todo = [operand]
  let parts = 0
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    parts++
    if (parts > 1 && parts * times > MAX_REPEATED_PARTS)
      throw new SqlError(
        'LIMIT',
        `${what} computes its operand anew for each of its ${times} comparisons, and that makes more than ` +
          `${MAX_REPEATED_PARTS} parts (sql.max.repeated.parts).`,
        operand.span,
        'Compute it once, in FROM: SELECT CASE x WHEN … END FROM (SELECT …, UPPER(y) AS x FROM t).',
      )
    todo.push(...children(at))
  }
  return operand
}
