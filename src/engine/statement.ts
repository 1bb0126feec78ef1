/** One statement: which plan it means, and running that plan. */
import type { RenderOptions } from '../formats/format.ts'
import type { FunctionContext } from '../functions/registry.ts'
import { bindQuery, DEFAULT_LIMIT, metadataFields } from '../plan/bind.ts'
import { findScan } from '../plan/explain.ts'
import { optimize } from '../plan/optimize.ts'
import type { Output } from '../plan/plan.ts'
import type { Settings } from '../plan/settings.ts'
import { describe, show } from '../plan/show.ts'
import { metadata as metadataFrame, type QueryRequest, sentinel, stats as statsFrame } from '../protocol/frames.ts'
import type { ExplainStatement, Statement } from '../sql/ast.ts'
import { SqlError } from '../sql/error.ts'
import { randomUUID } from 'node:crypto'
import { explain } from './explain.ts'
import { evaluateConstant } from './expression.ts'
import { FrameWriter } from './output.ts'
import { buildPipeline, type Pipeline } from './pipeline.ts'
import type { FrameSink, QueryEnvironment } from './query.ts'
import { ScanRun } from './scan.ts'
import type { Statistics } from './statistics.ts'
import { abortable, Turns } from './turns.ts'

export interface StatementContext {
  readonly request: QueryRequest
  readonly environment: QueryEnvironment
  readonly sink: FrameSink
  readonly signal: AbortSignal
  readonly statistics: Statistics
  readonly settings: Settings
  readonly functions: FunctionContext
  /** Milliseconds between STATS, or undefined for none. */
  readonly statsMs: number | undefined
}

export async function runStatement(statement: Statement, index: number | null, context: StatementContext): Promise<void> {
  const plan = await abortable(planOf(statement, context), context.signal)
  await runPlan(plan, statement, index, context)
}

/** Binds and optimizes. */
export async function planOf(statement: Statement, context: StatementContext): Promise<Output> {
  const { catalog } = context.environment
  switch (statement.kind) {
    case 'selectStatement': {
      const bound = await bindQuery(statement.query, { catalog, defaultLimit: DEFAULT_LIMIT })
      return optimize(bound, { evaluate: (e) => evaluateConstant(e, context.functions), keyPartitions: context.settings['optimize.kafka.partition'] === true }, context.environment.optimize !== false)
    }
    case 'show': return show(statement, catalog, context.settings)
    case 'describe': return describe(statement, catalog)
    case 'explain': return explain(statement as ExplainStatement, context)
    default: throw new SqlError('UNSUPPORTED', `${NAMES[statement.kind] ?? statement.kind.toUpperCase()} is not offered yet.`, statement.span, 'This version reads: SELECT, EXPLAIN, SHOW, DESCRIBE, SET and USE.')
  }
}

const NAMES: Readonly<Record<string, string>> = { createTable: 'CREATE TABLE', createView: 'CREATE VIEW', createSynonym: 'CREATE SYNONYM', kill: 'KILL QUERY' }

export function renderOptions(settings: Settings): RenderOptions {
  const decimal = settings['format.decimal']
  return { timestamp: settings['format.timestamp'] === true, decimal: typeof decimal === 'number' ? decimal : undefined, uuid: settings['format.uuid'] === true }
}

async function runPlan(plan: Output, statement: Statement, index: number | null, context: StatementContext): Promise<void> {
  const { settings, sink, statistics, functions, request } = context
  const scan = findScan(plan)
  const writer = new FrameWriter(sink, index, randomUUID(), scan?.table.topic ?? '')
  const resultsBefore = statistics.results
  const limits = { groups: Number(settings['max.group.records']), collectBytes: Number(settings['max.collect.bytes']) }
  const pipelineContext = { writer, render: renderOptions(settings), functions, limits }
  const pipeline = buildPipeline(plan, pipelineContext, request.live)
  if (scan !== undefined && hasAggregate(plan) && settings['live.aggs'] === false) throw new SqlError('SETTING', 'Aggregations are switched off (live.aggs = false).', undefined, 'SET live.aggs = true.')
  writer.frame(metadataFrame(plan.metadata && scan !== undefined ? metadataFields(scan.table) : [], index))
  const sourceId = randomUUID()
  try {
    if (pipeline.source.kind === 'values') await pushValues(pipeline, context)
    else {
      const started = performance.now()
      const run = new ScanRun(pipeline, {
        ...pipelineContext, log: context.environment.log, settings, statistics, sourceId, signal: context.signal, statsMs: context.statsMs, live: request.live,
        sendStats: () => writer.frame(statsFrame(statistics.snapshot(), index)),
        title: request.sql.slice(statement.span.start, statement.span.end), deadline: started + Number(settings['max.query.time']),
      })
      const stopped = await run.run()
      await finish(pipeline, context)
      if (stopped !== undefined) writer.frame(sentinel(stopped))
    }
    if (pipeline.cut) writer.frame(sentinel({ type: 'LIMIT', source: scan?.table.name ?? '', sourceId, amount: pipeline.cap }))
  } finally {
    statistics.results = resultsBefore + writer.rows
  }
}

function hasAggregate(plan: Output): boolean {
  let node: { readonly kind: string; readonly input?: unknown } = plan
  while (node.kind !== 'aggregate' && node.input !== undefined) node = node.input as typeof node
  return node.kind === 'aggregate'
}

/** Rows pushed before others get a turn. */
const STRETCH = 1000

async function pushValues(pipeline: Pipeline, context: StatementContext): Promise<void> {
  if (pipeline.source.kind !== 'values') return
  const { values, first } = pipeline.source
  for (let i = 0; i < values.rows.length && !pipeline.done; i++) {
    first.push(values.rows[i])
    if (i % STRETCH === STRETCH - 1) await rest(context)
  }
  await finish(pipeline, context)
}

async function finish(pipeline: Pipeline, context: StatementContext): Promise<void> {
  while (pipeline.finish()) await rest(context)
}

async function rest(context: StatementContext): Promise<void> {
  const drained = context.sink.drained()
  if (drained !== undefined) await abortable(drained, context.signal)
  else await new Turns().yield()
  context.signal.throwIfAborted()
}
