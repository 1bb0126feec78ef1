/** Runs a plan: its sources one after the other into its pipeline, with the frames around the rows. */
import { randomUUID } from 'node:crypto'
import { metadataFields } from '../plan/bind/select/output-columns.ts'
import { there, unexpected } from '../lib/assert.ts'
import { systemClock, TIMED_OUT, wakefulClock, within } from '../lib/clock.ts'
import { dividesJson } from '../plan/divides-json.ts'
import { topAggregate } from '../plan/bind/follow.ts'
import { inputs, scansOf } from '../plan/inputs.ts'
import type { Output, Plan, Scan } from '../plan/plan.ts'
import type { Settings } from '../plan/settings.ts'
import { metadata as metadataFrame, type SentinelReason, sentinel, stats as statsFrame } from '../protocol/frames.ts'
import type { Span } from '../sql/ast.ts'
import { SqlError } from '../sql/error.ts'
import type { HandedOver, RowTarget } from './host.ts'
import { releaseAll } from './operators/backlog.ts'
import { nothingHeld, type Operator, CHUNK_ROWS } from './operators/operator.ts'
import { FrameWriter } from './frame-writer.ts'
import { buildPipeline, type Pipeline, type PipelineContext, type PipelineSource } from './pipeline.ts'
import { renderOptions, type StatementContext } from './context.ts'
import { runWhereWanted } from './prepare/hand-over.ts'
import { rowShape } from './row-shape.ts'
import { unmarked } from './program/values/whole-double.ts'
import type { ScanContext } from './scan/scan-context.ts'
import { ScanRun } from './scan/scan-run.ts'
import { StatsFrames } from './scan/stats-frames.ts'
import { during } from './stages/stages.ts'
import { Turns } from './turns.ts'

export async function runPlan(
  given: Output,
  span: Span,
  index: number | null,
  context: StatementContext,
): Promise<void> {
  const { settings, sink, statistics } = context
  const scans = scansOf(given)
  if (scans.length > 0 && hasAggregate(given) && !settings['live.aggs'])
    throw new SqlError(
      'SETTING',
      'Aggregations are switched off (live.aggs = false).',
      undefined,
      'SET live.aggs = true.',
    )
  if (sink.target !== undefined && scans.some(({ follow }) => follow === true))
    throw new SqlError(
      'SETTING',
      'A query that follows a topic has no end: its result cannot be exported.',
      undefined,
      'Leave out SET follow = true.',
    )
  const writer = new FrameWriter(sink, index, randomUUID(), context.environment.maxFrame)
  const resultsBefore = statistics.results
  let announced = false
  const announce = (plan: Output, { render }: PipelineContext): void => {
    if (announced) return
    announced = true
    if (sink.target !== undefined) beginTarget(sink.target, plan, render)
    sink.rows?.(rowShape(plan, index))
    writer.frame(metadataFrame(metadataNames(plan, scans.length === 1 ? scans[0] : undefined), index))
  }
  try {
    await runWhereWanted(
      given,
      context,
      async (plan, handed) => {
        const pipelineContext = contextOf(writer, context, plan)
        const live = sink.target === undefined && isLive(plan, context)
        const pipeline =
          sink.target === undefined
            ? buildPipeline(plan, pipelineContext, live)
            : buildPipeline(plan, pipelineContext, false, taking(sink.target, writer, pipelineContext))
        announce(plan, pipelineContext)
        const sentinels = await runSources(pipeline, pipelineContext, { ...context, live, handed }, span, () => {
          statistics.results = resultsBefore + writer.rows
          writer.frame(statsFrame(statistics.snapshot(), index))
        })
        for (const reason of [...sentinels, ...(handed?.lost ?? [])]) writer.frame(sentinel(reason))
        for (const topic of handed?.uncounted ?? [])
          writer.frame(sentinel({ type: 'UNCOUNTED', source: topic, sourceId: statistics.id }))
        for (const reason of lackOf(given, statistics.id)) writer.frame(sentinel(reason))
        if (pipeline.cut)
          writer.frame(
            sentinel({
              type: 'LIMIT',
              source: scans.map((s) => s.table.name).join(', '),
              sourceId: statistics.id,
              amount: pipeline.cap,
            }),
          )
      },
      () => writer.rows > 0,
    )
  } finally {
    statistics.results = resultsBefore + writer.rows
  }
}

/** What rows lack that were there already. */
function lackOf({ input }: Output, sourceId: string): SentinelReason[] {
  if (input.kind !== 'values') return []
  return (input.missing ?? []).map((missing) => ({ type: 'UNHEARD', source: input.title, sourceId, missing }))
}

/**
 * Groups of a query that follows change in place: it has no end at which they were sent once. Those of windows are sent
 * when these close, unless live results were asked for.
 */
function isLive(plan: Output, { request }: StatementContext): boolean {
  if (request.live || topAggregate(plan)?.windows !== undefined) return request.live
  return scansOf(plan).some((scan) => scan.follow === true)
}

/** Tells the target of a sink the columns of a plan. */
function beginTarget(target: RowTarget, plan: Output, render: PipelineContext['render']): void {
  const columns = plan.shape.kind === 'columns' ? plan.shape.columns : unexpected('a result for a target has columns')
  target.begin(
    columns.map(({ path, expr, spread }) => ({ path, type: expr.type, spread: spread === true })),
    render,
  )
}

/** Rows into the target of a sink; the writer counts them, and says when the target's reader is behind. */
function taking(target: RowTarget, writer: FrameWriter, context: PipelineContext): Operator {
  const take: Operator = {
    push: (row) => {
      target.row(row)
      writer.rows++
    },
    finish: nothingHeld,
    done: false,
    get full() {
      return writer.drained() !== undefined
    },
  }
  return context.functions.doubles === true ? withoutMarks(take) : take
}

/** What METADATA announces: the fields that come with each row. */
function metadataNames(plan: Output, scan: Scan | undefined): string[] {
  if (plan.facts !== undefined) return plan.facts.map((f) => f.name)
  return plan.metadata && scan !== undefined ? metadataFields(scan.table) : []
}

/**
 * Runs a plan into an operator instead of frames; a threshold that cuts it short is an error, as the answer would be
 * wrong. `who`: the beginning of that error. `marks`: the operator takes values with marks (`WholeDouble`). The
 * context's sink is asked whether there is room.
 */
export async function runInto(
  given: Output,
  take: Operator,
  context: StatementContext,
  { who = 'A subquery', marks = false } = {},
): Promise<void> {
  let taken = false
  const noting = through(take, (row) => {
    taken = true
    take.push(row)
  })
  await runWhereWanted(
    given,
    context,
    (plan, handed) => runPlanInto(plan, handed === undefined ? take : noting, { ...context, handed }, who, marks),
    () => taken,
  )
}

async function runPlanInto(
  plan: Output,
  take: Operator,
  context: StatementContext & Pick<SourcesContext, 'handed'>,
  who: string,
  marks: boolean,
): Promise<void> {
  const writer = new FrameWriter({ send: () => undefined, drained: () => context.sink.drained() }, null, randomUUID())
  const pipelineContext = contextOf(writer, context, plan)
  const pipeline = buildPipeline(
    plan,
    pipelineContext,
    false,
    pipelineContext.functions.doubles === true && !marks ? withoutMarks(take) : take,
  )
  const nowhere = { start: 0, end: 0 }
  const reasons = await runSources(pipeline, pipelineContext, { ...context, live: false }, nowhere, () => undefined)
  const [stopped] = [...reasons, ...(context.handed?.lost ?? [])]
  if (stopped?.type === 'LOST')
    throw new SqlError(
      'VALUE',
      `${who} on ${stopped.source} lost ${stopped.amount} records that were deleted while it ran (${stopped.places}); its answer would not be complete.`,
      undefined,
      'Ask again.',
    )
  if (stopped !== undefined && stopped.type !== 'UNCOUNTED' && stopped.type !== 'UNHEARD')
    throw new SqlError(
      'MEMORY_LIMIT',
      `${who} on ${stopped.source} was stopped by ${STOPPED_BY[stopped.type]}; its answer would not be complete.`,
      undefined,
      `SET ${STOPPED_BY[stopped.type]} higher.`,
    )
}

const STOPPED_BY: Readonly<Record<Exclude<SentinelReason['type'], 'LOST' | 'UNCOUNTED' | 'UNHEARD'>, string>> = {
  SCANNEDSIZE: 'max.size',
  IDLETIMEOUT: 'max.idle.time',
  COMPLETIONTIMEOUT: 'max.query.time',
  LIMIT: 'LIMIT',
}

/** Rows that leave the plan lose their marks: their readers know none. */
function withoutMarks(take: Operator): Operator {
  return through(take, (row) => take.push(row.map(unmarked)))
}

/** An operator before another one, which takes what `push` makes of each row. */
function through(take: Operator, push: Operator['push']): Operator {
  return {
    push,
    finish: () => take.finish(),
    get done() {
      return take.done
    },
    get full() {
      return take.full
    },
  }
}

/**
 * What the parts of a plan are computed with: where it divides JSON values, numbers keep their marks, also in the
 * subqueries that it takes numbers from.
 */
export function withDoubles(plan: Output, context: StatementContext): StatementContext {
  return context.functions.doubles === true || !dividesJson(plan)
    ? context
    : { ...context, functions: { ...context.functions, doubles: true } }
}

/** Also for EXPLAIN CODE. */
export function contextOf(writer: FrameWriter, context: StatementContext, plan: Output): PipelineContext {
  const { functions } = withDoubles(plan, context)
  return {
    writer,
    render: renderOptions(context.settings, context.environment.metadataFollowsFormat),
    functions,
    limits: memoryLimits(context.settings),
    windows: { now: context.environment.now ?? systemClock.now, graceMs: context.settings['window.grace'] },
  }
}

/** How often it is looked whether statistics are due while another engine is waited for. */
const FOREIGN_TICK_MS = 250

interface SourcesContext extends StatementContext {
  readonly live: boolean
  /** Parts of the plan that another engine runs. */
  readonly handed: HandedOver | undefined
}

async function runSources(
  pipeline: Pipeline,
  pipelineContext: PipelineContext,
  context: SourcesContext,
  span: Span,
  sendStats: () => void,
): Promise<SentinelReason[]> {
  const { settings, statistics, request, environment, signal, statsMs } = context
  const deadline = context.startedMs + settings['max.query.time']
  const sentinels: SentinelReason[] = []
  const turns = new Turns()
  const title = request.sql.slice(span.start, span.end)
  for (const source of pipeline.sources) {
    if (source.kind === 'rows') await pushRows(source, pipeline, context, turns)
    else if (source.kind === 'foreign')
      await pushForeign(
        source,
        pipeline,
        context,
        turns,
        new StatsFrames({ statistics, writer: pipelineContext.writer, statsMs, sendStats }),
      )
    else {
      const part = source.scan.foreign
      const scanContext: ScanContext = {
        ...pipelineContext,
        log: part === undefined ? environment.log : there(context.handed, 'a scan elsewhere').log(part),
        // What another engine reads is not dealt out here.
        helpers:
          environment.helpers === undefined || part !== undefined
            ? undefined
            : {
                readers: settings['query.parallel'],
                aloneMs: environment.aloneMs,
                ask: environment.helpers,
                used: environment.helped,
              },
        // A job of another engine that is still at work is not a silent topic.
        settings: part === undefined ? settings : { ...settings, 'max.idle.time': Number.POSITIVE_INFINITY },
        statistics,
        sourceId: randomUUID(),
        signal,
        now: environment.now ?? systemClock.now,
        statsMs,
        live: context.live,
        sendStats,
        title,
        deadline,
      }
      const scan = new ScanRun(pipeline, source, scanContext)
      const read = () => statistics.read(scanContext.sourceId)
      sentinels.push(...(await during(context.stages, 'read', () => scan.run(), read)))
    }
    for (const _ of source.finish()) await settle(pipeline, context, turns)
  }
  return sentinels
}

export function memoryLimits(settings: Settings): PipelineContext['limits'] {
  return {
    groups: settings['max.group.records'],
    groupBytes: settings['max.group.bytes'],
    collectBytes: settings['max.collect.bytes'],
    joinBytes: settings['max.join.bytes'],
    sortBytes: settings['max.sort.bytes'],
  }
}

function hasAggregate(plan: Plan): boolean {
  return plan.kind === 'aggregate' || inputs(plan).some(hasAggregate)
}

async function pushRows(
  source: Extract<PipelineSource, { kind: 'rows' }>,
  pipeline: Pipeline,
  context: StatementContext,
  turns: Turns,
): Promise<void> {
  const { first } = source
  let pushed = 0
  for (const row of source.rows()) {
    if (first.done) return
    first.push(row)
    if (first.full || ++pushed % CHUNK_ROWS === 0) await settle(pipeline, context, turns)
  }
}

async function pushForeign(
  source: Extract<PipelineSource, { kind: 'foreign' }>,
  pipeline: Pipeline,
  context: SourcesContext,
  turns: Turns,
  stats: StatsFrames,
): Promise<void> {
  const { first, part } = source
  const rows = there(context.handed, 'rows of another engine').rows(part)[Symbol.asyncIterator]()
  const next = async (): ReturnType<typeof rows.next> => {
    const coming = rows.next()
    for (;;) {
      const ms = Math.max(0, Math.min(FOREIGN_TICK_MS, stats.waitMs(systemClock.monotonic())))
      const chunk = await within(coming, { signal: context.signal, ms, clock: wakefulClock })
      if (chunk !== TIMED_OUT) return chunk
      stats.sendDue(systemClock.monotonic())
    }
  }
  try {
    for (let chunk = await next(); chunk.done !== true; chunk = await next()) {
      for (const row of chunk.value) {
        if (first.done) return
        first.push(row)
      }
      await settle(pipeline, context, turns)
    }
  } finally {
    await rows.return?.()
  }
}

/** Gives others a turn, and emits what waits in the pipeline. */
async function settle(pipeline: Pipeline, context: StatementContext, turns: Turns): Promise<void> {
  await rest(context, turns)
  for (const _ of releaseAll(pipeline.backlogs)) await rest(context, turns)
}

async function rest(context: StatementContext, turns: Turns): Promise<void> {
  const drained = context.sink.drained()
  if (drained !== undefined) await turns.after(within(drained, { signal: context.signal }))
  else await turns.due()
  context.signal.throwIfAborted()
}
