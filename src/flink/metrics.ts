/**
 * How far a job of Flink is, from the metrics that its JobManager collects (REST v1, `docs/ops/rest_api` of Flink 2.2).
 * They are some seconds old (`metrics.fetcher.update-interval`), and those of a short job never come; once a job has ended,
 * its JobManager has the sums of each part. What they say is for people who wait, and nothing depends on it.
 */
import type { PartitionProgress } from '../kafka/log.ts'
import { sleep, systemClock } from '../lib/clock.ts'
import { boundedText } from './gateway.ts'

/** A range of a partition that a source reads; offsets [start, end). */
export interface SourceRange {
  readonly partition: number
  readonly start: number
  readonly end: number
}

/** A source of a job, by the name of its table. */
export interface JobSource {
  readonly table: string
  readonly topic: string
  readonly ranges: readonly SourceRange[]
}

/** What is known of a source. */
export interface SourceCounts {
  readonly bytes: number
  readonly records: number
  /** By partition the offset of the record that was read last. */
  readonly offsets: ReadonlyMap<number, number>
  /** Everything of it has been read; its metrics may never have come. */
  readonly finished: boolean
  /** The bytes and records are all that there are. */
  readonly whole?: boolean
}

/** How often a job is asked about; longer where the answers take long. */
const ASK_MS = 1000
const PART_OF_TIME = 10
/** Not a limit: names of metrics in one request. */
const NAMES = 40
/**
 * Limit `flink.metrics.max.bytes` (bytes): one answer of Flink's JobManager. Beyond it: the metrics are not shown.
 */
const MAX_METRICS_BYTES = 16 * 1024 * 1024

/** Asks about a job until `signal` is aborted; `told` is called with what is known of each source. Never rejects. */
export async function followJob(
  rest: string,
  job: () => string | undefined,
  sources: readonly JobSource[],
  told: (counts: ReadonlyMap<string, SourceCounts>) => void,
  signal: AbortSignal,
  askMs = ASK_MS,
): Promise<void> {
  let waitMs = askMs
  for (;;) {
    await sleep(systemClock, waitMs, signal).catch(() => undefined)
    if (signal.aborted) return
    const id = job()
    if (id === undefined) continue
    const began = systemClock.monotonic()
    const counts = await countsOf(rest, id, sources, signal).catch(() => undefined)
    if (signal.aborted) return
    if (counts !== undefined) told(counts)
    waitMs = Math.max(askMs, (systemClock.monotonic() - began) * PART_OF_TIME)
  }
}

/**
 * Limit `flink.metrics.end.timeout` (ms): how long the JobManager is asked for the sums of a job that has ended. Beyond it:
 * what was last seen is carried on to the end.
 */
const END_TIMEOUT_MS = 1000
/** The JobManager hears of the end of the last parts a little later than the gateway. */
const AGAIN_MS = 50

/** What the sources of a job read that has ended; those of which it is not known are left out. Never rejects. */
export async function countsAtEnd(
  rest: string,
  job: string,
  sources: readonly JobSource[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, SourceCounts>> {
  const found = new Map<string, SourceCounts>()
  const until = AbortSignal.any([signal, AbortSignal.timeout(END_TIMEOUT_MS)])
  try {
    for (;;) {
      const vertices = await verticesOf(rest, job, until)
      for (const { name, metrics: sums } of vertices) {
        const tables = sourcesIn(name).filter(({ table }) => sources.some((one) => one.table === table))
        // Several sources in one part are counted together.
        if (tables.length === 1 && isWhole(sums))
          found.set(tables[0].table, {
            bytes: sums['read-bytes'],
            records: sums['read-records'],
            offsets: new Map(),
            finished: true,
            whole: true,
          })
      }
      if (found.size === sources.length || vertices.every(({ status }) => status === 'FINISHED')) return found
      await sleep(systemClock, AGAIN_MS, until)
    }
  } catch {
    return found
  }
}

interface Sums {
  readonly 'read-bytes': number
  readonly 'read-records': number
}

function isWhole(sums: unknown): sums is Sums {
  if (typeof sums !== 'object' || sums === null) return false
  const each = sums as Readonly<Record<string, unknown>>
  return ['read-bytes', 'read-records'].every(
    (name) => each[`${name}-complete`] === true && Number.isSafeInteger(each[name]) && Number(each[name]) >= 0,
  )
}

interface Vertex {
  readonly id?: unknown
  readonly name?: unknown
  readonly status?: unknown
  readonly metrics?: unknown
}

/** The tables that a part of a job reads. */
function sourcesIn(name: unknown): { readonly table: string; readonly number: string }[] {
  const found = String(name).matchAll(/Source: (sluice_\w+)\[(\d+)\]/g)
  return [...found].map(([, table, number]) => ({ table, number }))
}

async function verticesOf(rest: string, job: string, signal: AbortSignal): Promise<readonly Vertex[]> {
  const { vertices } = (await get(rest, pathOf(job), signal)) as { readonly vertices?: unknown }
  if (!Array.isArray(vertices)) return []
  return vertices.filter((each) => typeof each === 'object' && each !== null) as Vertex[]
}

function pathOf(job: string): string {
  return `/v1/jobs/${encodeURIComponent(job)}`
}

async function countsOf(
  rest: string,
  job: string,
  sources: readonly JobSource[],
  signal: AbortSignal,
): Promise<Map<string, SourceCounts>> {
  const found = new Map<string, SourceCounts>()
  for (const { id, name, status } of await verticesOf(rest, job, signal))
    for (const { table, number } of sourcesIn(name)) {
      const source = sources.find((one) => one.table === table)
      if (source === undefined) continue
      const ask = (names: readonly string[]) =>
        metrics(rest, `${pathOf(job)}/vertices/${encodeURIComponent(String(id))}/subtasks/metrics`, names, signal)
      const counts = await countsOfSource(source, `Source__${table}[${number}]`, ask)
      found.set(table, { ...counts, finished: status === 'FINISHED' })
    }
  return found
}

async function countsOfSource(
  { topic, ranges }: JobSource,
  name: string,
  ask: (names: readonly string[]) => Promise<Map<string, { sum: number; max: number }>>,
): Promise<Omit<SourceCounts, 'finished'>> {
  const ofPartition = (partition: number) =>
    `${name}.KafkaSourceReader.topic.${topic}.partition.${partition}.currentOffset`
  const [bytes, records] = [`${name}.numBytesIn`, `${name}.numRecordsIn`]
  const values = await ask([bytes, records, ...ranges.map(({ partition }) => ofPartition(partition))])
  const offsets = ranges.flatMap(({ partition }) => {
    const offset = values.get(ofPartition(partition))?.max
    return offset === undefined ? [] : [[partition, offset] as const]
  })
  return {
    bytes: values.get(bytes)?.sum ?? 0,
    records: values.get(records)?.sum ?? 0,
    offsets: new Map(offsets),
  }
}

/** Metrics of all parallel parts together, by their names; those that are not there are left out. */
async function metrics(
  rest: string,
  path: string,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, { sum: number; max: number }>> {
  const found = new Map<string, { sum: number; max: number }>()
  for (let i = 0; i < names.length; i += NAMES) {
    const asked = names
      .slice(i, i + NAMES)
      .map(encodeURIComponent)
      .join(',')
    const answer = await get(rest, `${path}?agg=sum,max&get=${asked}`, signal)
    if (!Array.isArray(answer)) continue
    for (const { id, sum, max } of answer as { id: unknown; sum: unknown; max: unknown }[]) {
      const [all, most] = [Number(sum), Number(max)]
      if (Number.isFinite(all) && Number.isFinite(most)) found.set(String(id), { sum: all, max: most })
    }
  }
  return found
}

async function get(rest: string, path: string, signal: AbortSignal): Promise<object> {
  const response = await fetch(new URL(path, rest), { redirect: 'manual', signal })
  const text = await boundedText(response, MAX_METRICS_BYTES, 'flink.metrics.max.bytes')
  const answer: unknown = response.ok ? JSON.parse(text) : {}
  return typeof answer === 'object' && answer !== null ? answer : {}
}

/**
 * The progress of a source whose job still runs, or (`ended`) has read everything. Flink counts the bytes and records of
 * a source as a whole: each partition has its part of them by the offsets that were passed. Of what has ended they are
 * carried on to its end from what was last seen.
 */
export function progressOf(
  ranges: readonly SourceRange[],
  counts: SourceCounts | undefined,
  ended: boolean,
): { readonly progress: readonly PartitionProgress[]; readonly scanned: ReadonlyMap<number, number> } {
  const seenOf = ({ partition, start, end }: SourceRange): number =>
    Math.min(Math.max((counts?.offsets.get(partition) ?? -1) + 1, start), end)
  const passedOf = (range: SourceRange): number => (counts?.whole === true ? range.end : seenOf(range)) - range.start
  const passed = ranges.reduce((sum, range) => sum + passedOf(range), 0)
  const upTo = (of: number, offsets: number) => (passed === 0 ? 0 : Math.round((of * offsets) / passed))
  const scanned = new Map<number, number>()
  let before = 0
  const progress = ranges.map((range) => {
    const { partition, start, end } = range
    const position = ended || counts?.finished === true ? end : seenOf(range)
    const [from, to] = [before, before + position - start]
    before = to
    // From sums to sums: rounded each alone, the parts would not come to the whole.
    const share = (of: number) => upTo(of, to) - upTo(of, from)
    if (counts !== undefined) scanned.set(partition, share(counts.records))
    return {
      partition,
      begin: start,
      end,
      position,
      unread: position < end ? [{ partition, start: position, end }] : [],
      complete: position >= end,
      bytesRead: share(counts?.bytes ?? 0),
      lost: 0,
      lostRanges: [],
    }
  })
  return { progress, scanned }
}
