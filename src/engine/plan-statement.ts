/** SELECT → optimized plan: binds, runs the subqueries that depend on nothing and puts their answers in place, optimizes. */
import { type BindContext, bindQuery, DEFAULT_LIMIT } from '../plan/bind.ts'
import { optimize } from '../plan/optimize.ts'
import type { Output } from '../plan/plan.ts'
import { computedOnce } from '../plan/volatile.ts'
import type { Query } from '../sql/ast.ts'
import type { StatementContext } from './context.ts'
import { evaluateConstant } from './expression.ts'
import { runOnceQueries } from './run-once.ts'
import { withDoubles } from './run-plan.ts'
import { answerSubqueries } from './subqueries.ts'
import { Turns } from './turns.ts'

/** `defaultLimit`: rows when there is no LIMIT. `reshape` may give the output another shape before it is optimized. */
export async function planQuery(
  query: Query,
  context: StatementContext,
  defaultLimit = DEFAULT_LIMIT,
  reshape: (bound: Output) => Output = (bound) => bound,
): Promise<Output> {
  const { settings, environment } = context
  const bindContext: BindContext = {
    catalog: environment.catalog,
    defaultLimit,
    maxSources: Number(settings['max.sources']),
    maxPatternTopics: Number(settings['max.pattern.topics']),
  }
  // A long statement takes some milliseconds in each of its stages: others get a turn between them.
  const turns = new Turns()
  const bound = computedOnce(reshape(await bindQuery(query, bindContext)))
  await turns.due()
  const complete = await runOnceQueries(bound, optimized, context)
  const answered = await answerSubqueries(complete, optimized, withDoubles(bound, context))
  await turns.due()
  const plan = optimized(answered, withDoubles(answered, context))
  await turns.due()
  return plan
}

function optimized(plan: Output, context: StatementContext): Output {
  const { settings, functions, environment } = context
  return optimize(
    plan,
    { evaluate: (e) => evaluateConstant(e, functions), keyPartitions: settings['optimize.kafka.partition'] === true },
    environment.optimize !== false,
  )
}
