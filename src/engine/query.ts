/**
 * The steps of a query in one place: parse, bind, optimize, lower, run.
 *
 * A request is a list of statements. A SELECT is bound against the catalog (await ①: topics, schemas), optimized,
 * lowered to rows and records, and run over record batches (await ②) into frames (await ③). Statements that change or
 * show something do it first and answer with a plan over constant rows, which is run in the same way.
 */
import { unexpected } from '../lib/assert.ts'
import { systemClock, within } from '../lib/clock.ts'
import { DEFAULT_LIMIT } from '../plan/bind/bind.ts'
import { bindWithSecondLook } from '../plan/bind/second-look.ts'
import { describe, show } from '../plan/bind/show.ts'
import { withBadRecords } from '../plan/lower/bad-records.ts'
import { canFollow, following, RULES_OF_ENDS } from '../plan/bind/follow.ts'
import { scansOf } from '../plan/inputs.ts'
import { lower } from '../plan/lower/lower.ts'
import { computedOnce } from '../plan/expressions/volatile.ts'
import { optimize } from '../plan/optimize.ts'
import type { Output } from '../plan/plan.ts'
import { applySet, followingSettings } from '../plan/settings.ts'
import { stats as statsFrame } from '../protocol/frames.ts'
import type { Query, Statement } from '../sql/ast.ts'
import { SqlError } from '../sql/error.ts'
import { parseScript as parse } from '../sql/parse.ts'
import { firstColumnLike } from './commands/answer.ts'
import { isCommand, runCommand } from './commands/run.ts'
import { captureBounds } from './prepare/capture-bounds.ts'
import type { PlanOptions, StatementContext } from './context.ts'
import { asColumns, checkOneResult } from './prepare/one-result.ts'
import { explain } from './explain.ts'
import { evaluateConstant } from './program/expression/constant.ts'
import { FoldingBudget } from './program/expression/references.ts'
import { runOnceQueries } from './prepare/run-once.ts'
import { runPlan, withDoubles } from './run-plan.ts'
import { during } from './stages/stages.ts'
import { answerSubqueries } from './prepare/subqueries.ts'
import { Turns } from './turns.ts'

/**
 * Runs the statements of a text, one after the other. `begun` is called with the index of each before it runs: null
 * where there is only one. Rejects with the error of the first that fails.
 */
export async function runScript(
  sql: string,
  context: Omit<StatementContext, 'plan' | 'folding'>,
  begun: (index: number | null) => void,
): Promise<void> {
  const { stages } = context
  const statements = during(stages, 'parse', () => parse(sql))
  if (context.sink.target !== undefined) checkOneResult(statements)
  for (const [i, statement] of statements.entries()) {
    const index = statements.length === 1 ? null : i
    begun(index)
    context.environment.processor?.(context.settings['max.processor.time'])
    const its = { ...context, startedMs: systemClock.monotonic(), folding: new FoldingBudget(), plan }
    stages?.operation(operationOf(statement))
    if (index === null) await runStatement(statement, index, its)
    else
      await during(
        stages,
        'statement',
        () => runStatement(statement, index, its),
        () => ({ index }),
      )
  }
}

/** `SELECT`, `CREATE TABLE`, …: what kind of statement it is, in the words of SQL. */
function operationOf({ kind }: Statement): string {
  return kind
    .replace(/Statement$/, '')
    .replace(/[A-Z]/g, (letter) => ` ${letter}`)
    .toUpperCase()
}

/** A result that is taken as values is taken whole. */
const WHOLE: PlanOptions = { defaultLimit: Number.MAX_SAFE_INTEGER, reshape: asColumns }

async function runStatement(statement: Statement, index: number | null, context: StatementContext): Promise<void> {
  if (statement.kind === 'set') {
    const set = applySet(context.settings, statement, context.environment.maxima)
    if (set !== undefined) context.set.add(set)
    return
  }
  if (statement.kind === 'use') return
  if (statement.kind === 'selectStatement' && context.settings.follow)
    return runFollowing(statement.query, statement, index, context)
  if (statement.kind === 'insert' && context.settings.follow)
    throw new SqlError(
      'UNSUPPORTED',
      'INSERT cannot follow: it writes what its query gives, and ends.',
      statement.span,
      'SET follow = false, or write the rows that a following SELECT gives with INSERTs of their own.',
    )
  const planned = await within(
    isCommand(statement)
      ? during(context.stages, 'command', () => runCommand(statement, context))
      : planOf(statement, context),
    { signal: context.signal },
  )
  await run(
    statement.kind === 'show' && statement.like !== undefined ? firstColumnLike(planned, statement.like) : planned,
    statement,
    index,
    context,
  )
}

/** A query that goes on with what comes; one that reads no topic just runs. */
async function runFollowing(
  query: Query,
  statement: Statement,
  index: number | null,
  given: StatementContext,
): Promise<void> {
  const { environment, signal } = given
  const planned = await within(plan(query, given, { follow: true, defaultLimit: Number.MAX_SAFE_INTEGER }), { signal })
  if (!scansOf(planned).some((scan) => scan.follow === true)) return run(planned, statement, index, given)
  const settings = followingSettings(given.settings, given.set, environment.maxima)
  environment.processor?.(settings['max.processor.time'])
  await run(planned, statement, index, { ...given, settings })
}

async function planOf(statement: Statement, context: StatementContext): Promise<Output> {
  const { catalog } = context.environment
  switch (statement.kind) {
    case 'selectStatement':
      return plan(statement.query, context, context.sink.target === undefined ? {} : WHOLE)
    case 'show':
      return show(statement, catalog, context.settings)
    case 'describe':
      return describe(statement, catalog)
    case 'explain':
      return explain(statement, context)
    default:
      unexpected(`${statement.kind} has no plan`)
  }
}

/**
 * SELECT → a plan that can be run. Subqueries that depend on nothing are run on the way: a constant takes the place of
 * each.
 */
async function plan(query: Query, context: StatementContext, options: PlanOptions = {}): Promise<Output> {
  // A long statement takes some milliseconds in each of its stages: others get a turn between them.
  const turns = new Turns()
  const bound = await during(context.stages, 'bind', () => bind(query, context, options))
  const follows = options.follow === true && canFollow(bound, query)
  await turns.due()
  const complete = await runOnceQueries(bound, ready, context)
  const answered = await answerSubqueries(complete, ready, withDoubles(bound, context))
  await turns.due()
  const planned = await ready(
    follows ? following(answered) : answered,
    withDoubles(answered, follows ? withoutRulesOfEnds(context) : context),
  )
  await turns.due()
  return planned
}

function withoutRulesOfEnds(context: StatementContext): StatementContext {
  const { environment } = context
  const { rulesOff } = environment
  if (rulesOff === 'all') return context
  return { ...context, environment: { ...environment, rulesOff: new Set([...(rulesOff ?? []), ...RULES_OF_ENDS]) } }
}

async function bind(
  query: Query,
  { settings, environment }: StatementContext,
  { defaultLimit = DEFAULT_LIMIT, reshape }: PlanOptions,
): Promise<Output> {
  const { catalog } = environment
  const limits = { maxSources: settings['max.sources'], maxPatternTopics: settings['max.pattern.topics'] }
  const bound = await bindWithSecondLook(query, { catalog, defaultLimit, ...limits })
  return computedOnce(reshape?.(bound) ?? bound)
}

/**
 * The order of joins wants to know how many records there are: the bounds of topics are captured now where it matters,
 * and the reading keeps to them.
 */
function ready(bound: Output, context: StatementContext): Promise<Output> {
  return during(context.stages, 'optimize', () => optimized(bound, context))
}

async function optimized(bound: Output, context: StatementContext): Promise<Output> {
  const { settings, functions, environment } = context
  const evaluate = (e: Parameters<typeof evaluateConstant>[0]) =>
    evaluateConstant(e, { ...functions, folding: context.folding })
  const better = optimize(
    await captureBounds(bound, context),
    { evaluate, keyPartitions: settings['optimize.kafka.partition'] },
    environment.rulesOff,
  )
  const lowered = lower(better)
  return withBadRecords(lowered)
}

async function run(
  planned: Output,
  statement: Statement,
  index: number | null,
  context: StatementContext,
): Promise<void> {
  const shaped = context.sink.target === undefined ? planned : asColumns(planned)
  await during(context.stages, 'run', () => runPlan(shaped, statement.span, index, context))
  if (context.statsMs !== undefined) context.sink.send(statsFrame(context.statistics.snapshot(), index))
}
