/** One statement: which plan it means, and running that plan. */
import type { BoundExpr, Output } from '../plan/plan.ts'
import { describe, show } from '../plan/bind/show.ts'
import type { Statement } from '../sql/ast.ts'
import { BOOLEAN, STRING } from '../types.ts'
import { isCommand, runCommand } from './commands/run.ts'
import { explain } from './explain.ts'
import type { StatementContext } from './context.ts'
import { planQuery } from './plan-statement.ts'
import { runPlan } from './run-plan.ts'
import { abortable } from './turns.ts'

export async function runStatement(statement: Statement, index: number | null, context: StatementContext): Promise<void> {
  const plan = await abortable(isCommand(statement) ? runCommand(statement, context) : planOf(statement, context), context.signal)
  const like = statement.kind === 'show' ? statement.like : undefined
  await runPlan(like === undefined ? plan : firstColumnLike(plan, like), statement.span, index, context)
}

/** SHOW … LIKE: of rows that are there already. */
function firstColumnLike(plan: Output, like: string): Output {
  const operand: BoundExpr = { kind: 'slot', index: 0, name: 'name', type: STRING }
  const pattern: BoundExpr = { kind: 'constant', value: like, type: STRING }
  return { ...plan, input: { kind: 'filter', input: plan.input, predicate: { kind: 'like', operand, pattern, negated: false, type: BOOLEAN } } }
}

async function planOf(statement: Statement, context: StatementContext): Promise<Output> {
  const { catalog } = context.environment
  switch (statement.kind) {
    case 'selectStatement':
      return planQuery(statement.query, context)
    case 'show':
      return show(statement, catalog, context.settings)
    case 'describe':
      return describe(statement, catalog)
    case 'explain':
      return explain(statement, context)
    default:
      throw new Error(`${statement.kind} has no plan`)
  }
}
