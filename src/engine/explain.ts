/**
 * EXPLAIN and EXPLAIN CODE: binds, optimizes and compiles, asks Kafka for the bounds, and reads one batch to price the
 * query. No row of the topic is returned. EXPLAIN INSERT is a dry run: every row is encoded, and nothing is sent.
 */
import { randomUUID } from 'node:crypto'
import { TIMED_OUT, wakefulClock, within } from '../lib/clock.ts'
import type { RecordBatch } from '../kafka/log.ts'
import { type PlainRecord, readRecords } from '../kafka/read/record-batch.ts'
import { explainPlan, explainPushdown } from '../plan/explain/explain-plan.ts'
import type { TableFacet } from '../plan/catalog.ts'
import type { Output, Scan } from '../plan/plan.ts'
import { scansOf } from '../plan/inputs.ts'
import { rowsOutput } from '../plan/bind/show.ts'
import type { ExplainStatement, InsertStatement } from '../sql/ast.ts'
import { SqlError } from '../sql/error.ts'
import { checkInsert } from './commands/insert.ts'
import { FrameWriter } from './frame-writer.ts'
import { buildPipeline } from './pipeline.ts'
import { bytesPerOffset, handOverContext } from './prepare/hand-over.ts'
import { resolveRanges, type ScanRanges } from './scan/ranges.ts'
import { buildProgram } from './program/record-program.ts'
import { programSpec } from './scan/programs/programs.ts'
import { decoderOf } from './scan/programs/writer-schemas.ts'
import { RecordWriter } from './write/record-writer.ts'
import { planRows } from './write/rows.ts'
import { targetsOfColumns } from './write/targets.ts'
import type { StatementContext } from './context.ts'
import { contextOf } from './run-plan.ts'

/** The longest wait for the sample batch that bytes are estimated from. */
const SAMPLE_MS = 2000

export async function explain(statement: ExplainStatement, context: StatementContext): Promise<Output> {
  if (statement.flink !== undefined) return explainFlink(statement, statement.flink, context)
  if (statement.statement.kind === 'insert' && !statement.code) return explainInsert(statement.statement, context)
  if (statement.statement.kind !== 'selectStatement')
    throw new SqlError('UNSUPPORTED', WHAT[statement.code ? 'code' : 'plan'], statement.statement.span)
  const plan = await context.plan(statement.statement.query, context)
  if (statement.code)
    return rowsOutput(
      'EXPLAIN CODE',
      ['code'],
      (await code(plan, statement, context)).map((l) => [l]),
    )
  const lines = await planLines(plan, context)
  return rowsOutput(
    'EXPLAIN',
    ['plan'],
    lines.map((l) => [l]),
  )
}

const WHAT = { plan: 'EXPLAIN explains SELECT and INSERT.', code: 'EXPLAIN CODE explains SELECT.' } as const

/** What Flink would be told: a query that ends, or with STREAMING a job that writes what comes into a topic. */
async function explainFlink(
  { statement }: ExplainStatement,
  mode: 'batch' | 'streaming',
  context: StatementContext,
): Promise<Output> {
  const { other, catalog } = context.environment
  if (other === undefined)
    throw new SqlError(
      'SETTING',
      'This environment has no other engine.',
      undefined,
      'Name a SQL gateway of Apache Flink in the configuration (environments[].flink.gateway).',
    )
  const isInsert = statement.kind === 'insert' && statement.query !== undefined && statement.targets === undefined
  if (mode === 'streaming' ? !isInsert : statement.kind !== 'selectStatement')
    throw new SqlError('UNSUPPORTED', FLINK_TAKES[mode], statement.span)
  const query = statement.kind === 'insert' || statement.kind === 'selectStatement' ? statement.query : undefined
  if (query === undefined) throw new SqlError('UNSUPPORTED', FLINK_TAKES[mode], statement.span)
  if (statement.kind !== 'insert') {
    const plan = await context.plan(query, context, {})
    return flinkLines(await other.explain(plan, handOverContext(plan, context)))
  }
  const { text: name } = statement.table
  const target = await catalog.table(name)
  if (target === undefined)
    throw new SqlError('UNKNOWN_TABLE', `There is no table ${name}.`, statement.table.span, 'CREATE TABLE first.')
  const { plan, columns } = await planRows(statement, query, context)
  const targets = targetsOfColumns(statement, columns, target)
  // It knows which columns go together.
  new RecordWriter(target, targets)
  return flinkLines(await other.explain(uncapped(plan), handOverContext(plan, context), { table: target, targets }))
}

const FLINK_TAKES = {
  batch: 'EXPLAIN FLINK explains SELECT.',
  streaming: 'EXPLAIN FLINK STREAMING explains INSERT INTO target SELECT …, without a list of columns.',
} as const

function flinkLines(lines: readonly string[]): Output {
  return rowsOutput(
    'EXPLAIN FLINK',
    ['statement'],
    lines.map((l) => [l]),
  )
}

/** The report of the dry run, and below it how the rows of its SELECT are found. */
async function explainInsert(statement: InsertStatement, context: StatementContext): Promise<Output> {
  const { lines, plan } = await checkInsert(statement, context)
  const all = [...lines, ...(plan === undefined ? [] : await planLines(uncapped(plan), context))]
  return rowsOutput(
    'EXPLAIN INSERT',
    ['plan'],
    all.map((l) => [l]),
  )
}

/** The plan without the limit that INSERT lifts. */
function uncapped(plan: Output): Output {
  const { input } = plan
  const isLifted = input.kind === 'limit' && input.implied && input.count === Number.MAX_SAFE_INTEGER
  return isLifted ? { ...plan, input: input.input } : plan
}

async function planLines(plan: Output, context: StatementContext): Promise<string[]> {
  const ranges = new Map<Scan, ScanRanges>()
  for (const scan of scansOf(plan)) ranges.set(scan, await rangesOf(scan, context))
  const lines = explainPlan(plan, (scan) => {
    const resolved = ranges.get(scan)
    return resolved === undefined ? '' : offsetsText(resolved)
  })
  lines.push(...explainPushdown(plan))
  for (const [scan, resolved] of ranges)
    lines.push(...(await price(scan, resolved, context, ranges.size > 1 ? `${scan.table.name}: reads` : 'Reads')))
  return lines
}

function rangesOf(scan: Scan, context: StatementContext): Promise<ScanRanges> {
  const { settings, environment, signal } = context
  return resolveRanges(scan, environment.log, {
    isolation: settings['isolation.level'],
    timeoutMs: settings['kafka.offset.timeout'],
    signal,
  })
}

/** Limit `explain.ranges` (ranges): ranges of offsets that EXPLAIN lists of a scan. Beyond it: it says how many more. */
export const RANGES_SHOWN = 100

/**
 * `offsets=[0, 120)` when every partition reads the same, else one entry a partition; nothing when everything is read.
 */
function offsetsText(resolved: Pick<ScanRanges, 'skippedPartitions' | 'bounds' | 'ranges'>): string {
  // A whole partition is one range: of several none is.
  const read = new Map(resolved.ranges.map((r) => [r.partition, r]))
  const whole =
    resolved.skippedPartitions.length === 0 &&
    resolved.bounds.every((b) => {
      const r = read.get(b.partition)
      return b.start >= b.end || (r !== undefined && r.start === b.start && r.end === b.end)
    })
  if (whole) return ''
  if (resolved.ranges.length === 0) return 'offsets=none'
  const text = (r: { start: number; end: number }): string => `[${r.start}, ${r.end})`
  const shown = resolved.ranges.slice(0, RANGES_SHOWN).map((r) => `${r.partition}:${text(r)}`)
  const more = resolved.ranges.length - shown.length
  return `offsets=${shown.join(' ')}${more > 0 ? ` and ${more.toLocaleString('en')} more` : ''}`
}

async function price(scan: Scan, resolved: ScanRanges, context: StatementContext, reads: string): Promise<string[]> {
  const partitions = new Set(resolved.ranges.map((r) => r.partition))
  const records = resolved.ranges.reduce((n, r) => n + r.end - r.start, 0)
  const line = `${reads} ${partitions.size} of ${scan.table.partitions.length} partitions, at most ${records.toLocaleString('en')} records`
  if (records === 0) return [`${line}.`]
  const { environment, settings, signal } = context
  const each = await bytesPerOffset(scan, resolved, { log: environment.log, settings, signal })
  return [each === undefined ? `${line}.` : `${line}, about ${Math.round(each * records).toLocaleString('en')} bytes.`]
}

async function code(plan: Output, statement: ExplainStatement, context: StatementContext): Promise<string[]> {
  const writer = new FrameWriter({ send: () => undefined, drained: () => undefined }, null, randomUUID())
  const pipelineContext = contextOf(writer, context, plan)
  const { sources } = buildPipeline(plan, pipelineContext, false)
  const title = context.request.sql.slice(statement.statement.span.start, statement.statement.span.end)
  const lines: string[] = []
  for (const source of sources) {
    if (source.kind !== 'scan') continue
    const { scan } = source
    const [keyId, valueId] = await firstSchemas(scan, context)
    const schemas = {
      keyId,
      valueId,
      key: await decoderOf(scan.table.key, keyId),
      value: await decoderOf(scan.table.value, valueId),
    }
    const spec = programSpec(scan, source.sink, {
      settings: context.settings,
      render: pipelineContext.render,
      functions: pipelineContext.functions,
      title,
    })
    lines.push(...buildProgram(spec, schemas).source.split('\n'))
  }
  return lines.length === 0 ? ['-- no topic is read; no code is generated for records'] : lines
}

/** The writer schemas of the first record that carries them, -1 where there is none. */
async function firstSchemas(scan: Scan, context: StatementContext): Promise<[number, number]> {
  if (scan.table.key.framing === 'none' && scan.table.value.framing === 'none') return [-1, -1]
  const resolved = await rangesOf(scan, context)
  const source = context.environment.log.scan(
    {
      topic: scan.table.topic,
      topicId: scan.table.topicId,
      ranges: resolved.ranges,
      isolation: context.settings['isolation.level'],
      limit: 1,
    },
    context.signal,
  )
  try {
    const next = source.next()
    const batch = next instanceof Promise ? await within(next, { ms: SAMPLE_MS, clock: wakefulClock }) : next
    if (batch === undefined || batch === TIMED_OUT || batch.fault !== undefined) return [-1, -1]
    return schemaIdsIn(batch, scan)
  } finally {
    source.close()
  }
}

function schemaIdsIn(batch: RecordBatch, scan: Scan): [number, number] {
  const id = (bytes: Uint8Array | null, record: PlainRecord, { framing, frame }: TableFacet): number => {
    if (bytes === null || framing === 'none') return -1
    if (frame !== undefined) return frame.schemaIn(bytes, record.headers)
    return bytes.length >= 5 && bytes[0] === 0 ? Buffer.from(bytes).readInt32BE(1) : -1
  }
  let [key, value] = [-1, -1]
  for (const record of readRecords(batch)) {
    if (key === -1) key = id(record.key, record, scan.table.key)
    if (value === -1) value = id(record.value, record, scan.table.value)
    if (value !== -1) break
  }
  return [key, value]
}
