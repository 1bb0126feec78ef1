/** SELECT → optimized plan: binds, runs the subqueries that depend on nothing and puts their answers in place, optimizes. */
import { bindQuery, DEFAULT_LIMIT } from '../plan/bind.ts'
import { optimize } from '../plan/optimize.ts'
import type { Output } from '../plan/plan.ts'
import type { Query } from '../sql/ast.ts'
import type { StatementContext } from './context.ts'
import { evaluateConstant } from './expression.ts'
import { answerSubqueries } from './subqueries.ts'

export async function planQuery(query: Query, context: StatementContext): Promise<Output> {
  const bound = await bindQuery(query, { catalog: context.environment.catalog, defaultLimit: DEFAULT_LIMIT })
  return optimized(await answerSubqueries(bound, (plan) => optimized(plan, context), context), context)
}

function optimized(plan: Output, context: StatementContext): Output {
  const { settings, functions, environment } = context
  return optimize(
    plan,
    { evaluate: (e) => evaluateConstant(e, functions), keyPartitions: settings['optimize.kafka.partition'] === true },
    environment.optimize !== false,
  )
}
