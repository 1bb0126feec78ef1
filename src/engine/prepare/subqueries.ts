/**
 * Answers the subqueries of a plan that depend on nothing outside of them: each is run once, before the query, and a
 * constant takes its place.
 */
import { anyOf, comparison } from '../../plan/bind/expressions/coerce.ts'
import { decorrelate } from '../../plan/lower/decorrelate.ts'
import type { BoundExpr, Output, Plan, Subquery } from '../../plan/plan.ts'
import { mapChildren, visit } from '../../plan/expressions/children.ts'
import { mapExpressions, rewrite, visitExpressions, visitPlan } from '../../plan/rewrite.ts'
import { SqlError } from '../../sql/error.ts'
import { BOOLEAN, type Value } from '../../types.ts'
import { MemoryBudget } from '../operators/memory.ts'
import { nothingHeld, type Operator } from '../operators/operator.ts'
import type { StatementContext } from '../context.ts'
import { constantOf } from '../program/expression/constant.ts'
import { runInto, withDoubles } from '../run-plan.ts'
import { Turns } from '../turns.ts'

/**
 * Runs the subqueries that depend on nothing, and puts constants in their places. `optimized`: what makes a plan ready
 * to run. SqlError: a scalar subquery gives more than one row, or `max.join.bytes` is exceeded.
 */
export async function answerSubqueries(
  plan: Output,
  optimized: (plan: Output, context: StatementContext) => Promise<Output>,
  context: StatementContext,
): Promise<Output> {
  const found: Subquery[] = []
  const collect = (e: BoundExpr): void => {
    if (e.kind === 'subquery') found.push(e)
  }
  visitPlan(plan, (node) => visitExpressions(node, (e) => visit(e, collect)))
  if (found.length === 0) return plan
  const answers = new Map<Subquery, BoundExpr>()
  for (const subquery of found) {
    const whole = decorrelate(subquery.plan)
    const within = withDoubles(whole, context)
    const inner = await answerSubqueries(whole, optimized, within)
    answers.set(subquery, await answer({ ...subquery, plan: await optimized(inner, within) }, within))
  }
  return rewrite(plan, (node: Plan) => mapExpressions(node, (e) => substitute(e, answers))) as Output
}

function substitute(e: BoundExpr, answers: ReadonlyMap<Subquery, BoundExpr>): BoundExpr {
  const found = e.kind === 'subquery' ? answers.get(e) : undefined
  if (found === undefined) return mapChildren(e, (c) => substitute(c, answers))
  // Only the operand of IN can hold further subqueries; its items are many.
  return found.kind === 'in' ? { ...found, operand: substitute(found.operand, answers) } : found
}

async function answer(subquery: Subquery, context: StatementContext): Promise<BoundExpr> {
  const { span } = subquery
  if (subquery.mode === 'exists') {
    const rows = await values(subquery, 1, context)
    return { kind: 'constant', value: rows.length > 0 !== subquery.negated, type: BOOLEAN, span }
  }
  if (subquery.mode === 'scalar') {
    const rows = await values(subquery, 2, context)
    if (rows.length > 1)
      throw new SqlError(
        'VALUE',
        'A subquery that stands for a value gave more than one row.',
        span,
        'Use an aggregate or LIMIT 1 in it, or IN (SELECT …).',
      )
    return constantOf(rows[0] ?? null, subquery.type, span)
  }
  const rows = [...new Set(await values(subquery, Number.POSITIVE_INFINITY, context))]
  if (rows.length === 0) return { kind: 'constant', value: subquery.negated, type: BOOLEAN, span }
  return membership(subquery, rows)
}

/**
 * `operand IN (values)`. How they are compared is said by their type, for all of them alike, and not by what one of
 * them happens to be; they are made comparable in chunks, as there may be very many.
 */
async function membership(subquery: Subquery, values: readonly Value[]): Promise<BoundExpr> {
  const { span, negated } = subquery
  const operand = subquery.operand as BoundExpr
  const type = subquery.plan.shape.kind === 'columns' ? subquery.plan.shape.columns[0].expr.type : operand.type
  const { by, side } = comparison([operand, anyOf(type)], span)
  const turns = new Turns()
  const items: BoundExpr[] = []
  for (let from = 0; from < values.length; from += CHUNK_VALUES) {
    for (const value of values.slice(from, from + CHUNK_VALUES)) items.push(side({ kind: 'constant', value, type }))
    await turns.due()
  }
  return { kind: 'in', by, operand: side(operand), items, negated, type: BOOLEAN, span }
}

const CHUNK_VALUES = 4000

/** The first column of the first `limit` rows. */
async function values(subquery: Subquery, limit: number, context: StatementContext): Promise<Value[]> {
  const rows: Value[] = []
  const budget = new MemoryBudget('max.join.bytes', context.settings['max.join.bytes'])
  const take: Operator = {
    push: (row) => {
      if (rows.length >= limit) return
      budget.takeRow(row)
      rows.push(row[0] ?? null)
    },
    finish: nothingHeld,
    get done() {
      return rows.length >= limit
    },
    full: false,
  }
  await runInto(subquery.plan, take, context, { marks: subquery.mode === 'scalar' })
  return rows
}
