/**
 * Runs the WITH queries whose rows several places of a statement share (`plan/run-once`), each once, and puts the rows
 * into these places.
 */
import { decorrelate } from '../../plan/lower/decorrelate.ts'
import type { OnceQuery, Output } from '../../plan/plan.ts'
import { onceQueries, replaced } from '../../plan/run-once.ts'
import type { StatementContext } from '../context.ts'
import { MemoryBudget } from '../operators/memory.ts'
import { nothingHeld, type Operator, type Row } from '../operators/operator.ts'
import { runInto, withDoubles } from '../run-plan.ts'
import { answerSubqueries } from './subqueries.ts'

/**
 * Runs the WITH queries that must have one set of rows, and puts the rows in their places. `optimized`: what makes a
 * plan ready to run.
 */
export async function runOnceQueries(
  plan: Output,
  optimized: (plan: Output, context: StatementContext) => Promise<Output>,
  given: StatementContext,
): Promise<Output> {
  const queries = onceQueries(plan)
  if (queries.size === 0) return plan
  const context = withDoubles(plan, given)
  const answers = new Map<number, readonly Row[]>()
  const filled = (of: Output): Output =>
    replaced(of, (query, node) => ({ ...node, of: undefined, rows: answers.get(query.id) as readonly Row[] })) as Output
  for (const [id, query] of queries) {
    const whole = decorrelate(filled(query.plan))
    answers.set(
      id,
      await rowsOf(query, await optimized(await answerSubqueries(whole, optimized, context), context), context),
    )
  }
  return filled(plan)
}

async function rowsOf({ name }: OnceQuery, plan: Output, context: StatementContext): Promise<readonly Row[]> {
  const rows: Row[] = []
  const budget = new MemoryBudget('max.join.bytes', context.settings['max.join.bytes'])
  const take: Operator = {
    push: (row) => {
      budget.takeRow(row)
      rows.push(row)
    },
    finish: nothingHeld,
    done: false,
    full: false,
  }
  await runInto(plan, take, context, { who: `The query "${name}"`, marks: true })
  return rows
}
