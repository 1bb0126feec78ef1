/** One statement: which plan it means, and running that plan. */
import type { RenderOptions } from '../formats/format.ts'
import type { FunctionContext } from '../functions/registry.ts'
import { bindQuery, DEFAULT_LIMIT, metadataFields } from '../plan/bind.ts'
import { optimize } from '../plan/optimize.ts'
import { inputs, type Output, type Plan, scansOf } from '../plan/plan.ts'
import type { Settings } from '../plan/settings.ts'
import { describe, show } from '../plan/show.ts'
import { metadata as metadataFrame, type QueryRequest, type SentinelReason, sentinel, stats as statsFrame } from '../protocol/frames.ts'
import type { ExplainStatement, Statement } from '../sql/ast.ts'
import { SqlError } from '../sql/error.ts'
import { randomUUID } from 'node:crypto'
import { explain } from './explain.ts'
import { evaluateConstant } from './expression.ts'
import { FrameWriter } from './output.ts'
import { buildPipeline, type PipelineContext, type PipelineSource } from './pipeline.ts'
import type { FrameSink, QueryEnvironment } from './query.ts'
import { type ScanContext, ScanRun } from './scan.ts'
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
  const scans = scansOf(plan)
  const scan = scans.length === 1 ? scans[0] : undefined
  const writer = new FrameWriter(sink, index, randomUUID(), scan?.table.topic ?? '')
  const resultsBefore = statistics.results
  const pipelineContext: PipelineContext = { writer, render: renderOptions(settings), functions, limits: memoryLimits(settings) }
  if (scans.length > 0 && hasAggregate(plan) && settings['live.aggs'] === false) throw new SqlError('SETTING', 'Aggregations are switched off (live.aggs = false).', undefined, 'SET live.aggs = true.')
  const pipeline = buildPipeline(plan, pipelineContext, request.live)
  writer.frame(metadataFrame(plan.metadata && scan !== undefined ? metadataFields(scan.table) : [], index))
  const deadline = performance.now() + Number(settings['max.query.time'])
  const sentinels: SentinelReason[] = []
  const scanContext = (): ScanContext => ({
    ...pipelineContext, log: context.environment.log, settings, statistics, sourceId: randomUUID(), signal: context.signal, statsMs: context.statsMs, live: request.live,
    sendStats: () => writer.frame(statsFrame(statistics.snapshot(), index)), title: request.sql.slice(statement.span.start, statement.span.end), deadline,
  })
  try {
    for (const source of pipeline.sources) {
      if (source.kind === 'values') await pushValues(source, context)
      else {
        const stopped = await new ScanRun(pipeline, source, scanContext()).run()
        if (stopped !== undefined) sentinels.push(stopped)
      }
      for (const _ of source.finish()) await rest(context)
    }
    for (const reason of sentinels) writer.frame(sentinel(reason))
    if (pipeline.cut) writer.frame(sentinel({ type: 'LIMIT', source: scans.map((s) => s.table.name).join(', '), sourceId: statistics.id, amount: pipeline.cap }))
  } finally {
    statistics.results = resultsBefore + writer.rows
  }
}

export function memoryLimits(settings: Settings): PipelineContext['limits'] {
  return { groups: Number(settings['max.group.records']), collectBytes: Number(settings['max.collect.bytes']), joinBytes: Number(settings['max.join.bytes']), sortBytes: Number(settings['max.sort.bytes']) }
}

function hasAggregate(plan: Plan): boolean {
  return plan.kind === 'aggregate' || inputs(plan).some(hasAggregate)
}

/** Rows pushed before others get a turn. */
const STRETCH = 1000

async function pushValues(source: Extract<PipelineSource, { kind: 'values' }>, context: StatementContext): Promise<void> {
  const { values, first } = source
  for (let i = 0; i < values.rows.length && !first.done; i++) {
    first.push(values.rows[i])
    if (i % STRETCH === STRETCH - 1) await rest(context)
  }
}

async function rest(context: StatementContext): Promise<void> {
  const drained = context.sink.drained()
  if (drained !== undefined) await abortable(drained, context.signal)
  else await new Turns().yield()
  context.signal.throwIfAborted()
}
