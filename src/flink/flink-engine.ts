/**
 * Flink as the other engine of an environment: hands plans over, runs their parts in sessions of the SQL gateway, and
 * gives their rows back as values, or as the record batches of a log.
 */
import { randomUUID } from 'node:crypto'
import { GivenBackError, type HandedOver as Handed, type HandOverContext, type OtherEngine } from '../engine/host.ts'
import { lostReason, offsetsIn } from '../engine/scan/ending/lost.ts'
import type { ScanRanges } from '../engine/scan/ranges.ts'
import type { ClusterConfig } from '../kafka/config.ts'
import type { KafkaLog } from '../kafka/log.ts'
import { systemClock } from '../lib/clock.ts'
import { plain } from '../engine/program/values/whole-double.ts'
import { dividesJson } from '../plan/divides-json.ts'
import { scansOf } from '../plan/inputs.ts'
import type { Output, Scan } from '../plan/plan.ts'
import { SqlError } from '../sql/error.ts'
import type { Value } from '../types.ts'
import { FlinkError, type FlinkConfig, FlinkSession, givenBack, type FlinkRow } from './gateway.ts'
import { GivenBack } from './translate/terms.ts'
import { type FlinkPart, handOver } from './hand-over.ts'
import { type FlinkRegistry, kafkaProperties, registryProperties } from './kafka-properties.ts'
import { deletedMeanwhile, watchEnds } from './captured.ts'
import { countsAtEnd, followJob, progressOf, type SourceCounts } from './metrics.ts'
import { RecordsOfFlink } from './records.ts'
import type { Made } from './translate/aggregates.ts'
import { streamingJob } from './streaming.ts'
import { Refusal } from './translate/refusal.ts'
import type { FlinkKafka } from './translate/records/tables.ts'

/** The other engine of an environment whose configuration names a SQL gateway. Asks nothing of it yet. */
export function createFlinkEngine(config: FlinkConfig, kafka: ClusterConfig, registry?: FlinkRegistry): OtherEngine {
  const properties = {
    ...kafkaProperties(kafka, config.kafka),
    registry: registryProperties(registry, config.registry),
  }
  return {
    handOver: (plan, context) => begin(plan, context, config, properties),
    explain: async (plan, context, into) => {
      const ranges = await rangesOf(plan, context)
      const isolation = context.settings['isolation.level']
      const statements = refusing(() =>
        into === undefined
          ? handOver(plan, ranges, context.dividesJson).parts.flatMap((part) =>
              statementsOf(part, context, properties, true),
            )
          : streamingJob(plan, ranges, into, { kafka: properties, isolation }),
      )
      return statements.flatMap((statement) => `${statement};`.split('\n'))
    },
  }
}

async function rangesOf(plan: Output, context: HandOverContext): Promise<Map<Scan, ScanRanges>> {
  const ranges = new Map<Scan, ScanRanges>()
  for (const scan of scansOf(plan)) ranges.set(scan, await context.ranges(scan))
  return ranges
}

/** A Refusal as the error that a user sees. */
function refusing<T>(translate: () => T): T {
  try {
    return translate()
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    const { message, span, remedy = 'SET engine = sluice.' } = cause
    throw new SqlError('UNSUPPORTED', `Not handed over to Flink. ${message}`, span, remedy)
  }
}

async function divided(plan: Output, context: HandOverContext, kafka: FlinkKafka) {
  const ranges = await rangesOf(plan, context)
  return refusing(() => {
    if (!context.settings['skip.bad.records'])
      throw new Refusal('Flink passes over records that cannot be read.', undefined, 'SET skip.bad.records = true.')
    const division = handOver(plan, ranges, context.dividesJson)
    for (const part of division.parts) statementsOf(part, context, kafka)
    return { ...division, ranges }
  })
}

async function begin(
  given: Output,
  context: HandOverContext,
  config: FlinkConfig,
  kafka: FlinkKafka,
): Promise<Handed | undefined> {
  const isAuto = context.settings.engine === 'auto'
  let division: Awaited<ReturnType<typeof divided>>
  try {
    division = await divided(given, context, kafka)
  } catch (cause) {
    if (isAuto && cause instanceof SqlError) return undefined
    throw cause
  }
  const { plan, parts, ranges } = division
  const bytes = await estimatedBytes(ranges, context)
  if (isAuto && bytes < context.settings['engine.auto.size']) return undefined
  if (bytes > context.settings['max.size'])
    throw new SqlError(
      'LIMIT',
      `The statement reads about ${bytes.toLocaleString('en')} bytes on Flink, and max.size is ${context.settings['max.size'].toLocaleString('en')}.`,
      undefined,
      'SET max.size higher, or narrow the statement by _meta.offset, _meta.timestamp or _meta.partition.',
    )
  return new RunningParts(plan, parts, context, config, kafka)
}

async function estimatedBytes(ranges: ReadonlyMap<Scan, ScanRanges>, context: HandOverContext): Promise<number> {
  let bytes = 0
  for (const [scan, resolved] of ranges) {
    const records = resolved.ranges.reduce((n, r) => n + r.end - r.start, 0)
    if (records > 0) bytes += records * ((await context.bytesPerRecord(scan, resolved)) ?? 0)
  }
  return Math.round(bytes)
}

/** DDL, and the query behind it. `shown`: without secrets. */
function statementsOf(part: FlinkPart, { settings }: HandOverContext, kafka: FlinkKafka, shown = false): string[] {
  const isolation = settings['isolation.level']
  const ddl = part.tables.flatMap((table) => table.ddl({ kafka, isolation, shown }).map(({ text }) => text))
  return [...ddl, part.query.text]
}

class RunningParts implements Handed {
  readonly plan: Output
  readonly uncounted: readonly string[]
  readonly lost: ReturnType<typeof lostReason>[] = []
  readonly #parts: readonly FlinkPart[]
  readonly #context: HandOverContext
  readonly #config: FlinkConfig
  readonly #kafka: FlinkKafka
  readonly #marks: boolean
  readonly #sessions = new Set<FlinkSession>()
  readonly #ended = new AbortController()
  /** End what is shown of parts that still read; a second end does nothing. */
  readonly #ends = new Set<(failed: boolean) => void>()

  constructor(
    plan: Output,
    parts: readonly FlinkPart[],
    context: HandOverContext,
    config: FlinkConfig,
    kafka: FlinkKafka,
  ) {
    this.plan = plan
    this.#parts = parts
    this.#context = context
    this.#config = config
    this.#kafka = kafka
    this.#marks = context.keepsMarks || dividesJson(plan)
    const looked = parts.flatMap(({ tables }) => tables.filter(({ checked }) => checked.size > 0))
    this.uncounted = [...new Set(looked.map(({ scan }) => scan.table.name))]
  }

  async *rows(number: number): AsyncGenerator<readonly Value[][]> {
    const part = this.#parts[number]
    if ('recordsOf' in part.gives) throw new Error('Records are read through the log.')
    const { slots } = part.gives
    for await (const page of this.#run(part)) {
      try {
        yield page.map((fields) => valuesOf(slots, fields, this.#marks))
      } catch (cause) {
        if (cause instanceof GivenBack) throw new GivenBackError(givenBack(cause.message))
        throw cause
      }
    }
  }

  log(number: number): KafkaLog {
    const part = this.#parts[number]
    if (!('recordsOf' in part.gives)) throw new Error('Rows are no records.')
    return new RecordsOfFlink(part.gives.recordsOf, this.#context.log, () => this.#run(part))
  }

  async close(): Promise<void> {
    this.#ended.abort(new Error('the statement is over'))
    await Promise.all([...this.#sessions].map((session) => session.close()))
    // Of a part whose last page nobody waits for.
    for (const end of this.#ends) end(false)
  }

  /** The sources of a part, and what keeps their counts in STATS. */
  #shown({ tables }: FlinkPart) {
    const { statistics, settings, stages } = this.#context
    const shown = tables.map((table) => {
      // Of several statements each counts its scans from the beginning.
      const id = `flink-${randomUUID()}`
      const counts = statistics.addSource(id, table.scan, settings)
      return { table, id, counts, last: undefined as SourceCounts | undefined, endRead: stages?.beside('read') }
    })
    const show = (news: ReadonlyMap<string, SourceCounts>, ended: boolean): void => {
      for (const source of shown) {
        source.last = news.get(source.table.id) ?? source.last
        const { progress, scanned } = progressOf(source.table.hulls, source.last, ended)
        source.counts.progress = progress
        for (const [partition, records] of scanned) source.counts.scanned.set(partition, records)
      }
    }
    const lose = async (signal: AbortSignal): Promise<void> => {
      for (const { table, id, counts } of shown) {
        const ranges = await deletedMeanwhile(table, { log: this.#context.log, settings, signal })
        if (ranges.length === 0) continue
        counts.progress = counts.progress.map((p) => {
          const lostRanges = ranges.filter(({ partition }) => partition === p.partition)
          return { ...p, lostRanges, lost: offsetsIn(lostRanges) }
        })
        this.lost.push(lostReason(ranges, { source: table.scan.table.name, sourceId: id }))
      }
    }
    const sources = tables.map(({ id, scan, hulls }) => ({ table: id, topic: scan.table.topic, ranges: hulls }))
    const end = (failed: boolean): void => {
      if (!this.#ends.delete(end)) return
      for (const { id, endRead } of shown) {
        const { topic, partitions, ...counted } = statistics.read(id)
        // What no metric said in time is not known, and not nothing.
        endRead?.(failed, { topic, partitions, ...(counted.records === 0 ? {} : counted), engine: 'flink' })
      }
    }
    this.#ends.add(end)
    return { sources, show, lose, end }
  }

  async *#run(part: FlinkPart) {
    const { signal, deadline, settings, log } = this.#context
    const late = new AbortController()
    const timer = systemClock.after(Math.max(0, deadline - systemClock.monotonic()), () =>
      late.abort(
        new SqlError(
          'LIMIT',
          `The statement did not end on Flink within ${settings['max.query.time']} ms (max.query.time); it was cancelled there.`,
          undefined,
          'SET max.query.time higher.',
        ),
      ),
    )
    const session = new FlinkSession(this.#config, AbortSignal.any([signal, late.signal, this.#ended.signal]))
    this.#sessions.add(session)
    const { statistics } = this.#context
    const { sources, show, lose, end } = this.#shown(part)
    const over = new AbortController()
    const most = 'most' in part.gives ? part.gives.most : undefined
    const { badRecords } = statistics
    let came = 0
    let failed = false
    try {
      await session.open(`sluice ${statistics.id}`)
      const statements = statementsOf(part, this.#context, this.#kafka)
      for (const ddl of statements.slice(0, -1)) await session.execute(ddl)
      void watchEnds(part.tables, { log, settings, signal: over.signal }, (error) => late.abort(error))
      const { rest } = this.#config
      if (rest !== undefined)
        void followJob(
          rest,
          () => session.jobId,
          sources,
          (counts) => show(counts, false),
          over.signal,
        )
      for await (const page of session.query(statements[statements.length - 1])) {
        signal.throwIfAborted()
        came += page.length
        yield page
      }
      // Each page has been read before the next one is asked for.
      if (came === most && statistics.badRecords > badRecords)
        throw new FlinkError(givenBack(`of the first ${most} records by ORDER BY some cannot be read`))
      over.abort()
      const { jobId } = session
      const asked =
        rest !== undefined && jobId !== undefined
          ? countsAtEnd(rest, jobId, sources, AbortSignal.any([signal, this.#ended.signal]))
          : undefined
      show((await asked) ?? new Map(), true)
      await lose(AbortSignal.any([signal, this.#ended.signal]))
    } catch (cause) {
      // What is cut off because nobody waits for it any more has not failed.
      failed = !this.#ended.signal.aborted
      if (cause instanceof FlinkError)
        throw cause.isGivenBack ? new GivenBackError(cause.message) : new SqlError('VALUE', cause.message)
      throw cause
    } finally {
      over.abort()
      end(failed)
      timer.cancel()
      this.#sessions.delete(session)
      await session.close()
    }
  }
}

/** `marks`: what stands above divides JSON numbers, and knows marked ones. */
function valuesOf(slots: readonly Made[], fields: FlinkRow, marks: boolean): Value[] {
  const row: Value[] = []
  let at = 0
  for (const slot of slots) {
    const texts = fields.slice(at, at + slot.columns.length)
    at += slot.columns.length
    const value = slot.read(texts.map((field) => (field === null ? null : String(field))))
    row.push(marks ? value : plain(value))
  }
  // Where no column is wanted, SQL has to have one all the same.
  const columns = Math.max(at, 1)
  if (columns !== fields.length)
    throw new SqlError(
      'VALUE',
      `The SQL gateway of Flink answered with rows of ${fields.length} columns instead of ${columns}.`,
    )
  return row
}
