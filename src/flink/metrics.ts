/**
 * How far a job of Flink is, from the metrics that its JobManager collects (REST v1, `docs/ops/rest_api` of Flink 2.2).
 * They are some seconds old (`metrics.fetcher.update-interval`), and those of a short job never come: what they say is
 * for people who wait, and nothing depends on it.
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

interface Vertex {
  readonly id?: unknown
  readonly name?: unknown
  readonly status?: unknown
}

async function countsOf(
  rest: string,
  job: string,
  sources: readonly JobSource[],
  signal: AbortSignal,
): Promise<Map<string, SourceCounts>> {
  const path = `/v1/jobs/${encodeURIComponent(job)}`
  const { vertices } = (await get(rest, path, signal)) as { readonly vertices?: readonly Vertex[] }
  const found = new Map<string, SourceCounts>()
  for (const { id, name, status } of vertices ?? [])
    for (const [, table, number] of String(name).matchAll(/Source: (sluice_\w+)\[(\d+)\]/g)) {
      const source = sources.find((one) => one.table === table)
      if (source === undefined) continue
      const ask = (names: readonly string[]) =>
        metrics(rest, `${path}/vertices/${encodeURIComponent(String(id))}/subtasks/metrics`, names, signal)
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
  const passed = ranges.reduce((sum, range) => sum + seenOf(range) - range.start, 0)
  const share = (of: number, offsets: number) => (passed === 0 ? 0 : Math.round((of * offsets) / passed))
  const scanned = new Map<number, number>()
  const progress = ranges.map((range) => {
    const { partition, start, end } = range
    const position = ended || counts?.finished === true ? end : seenOf(range)
    if (counts !== undefined) scanned.set(partition, share(counts.records, position - start))
    return {
      partition,
      begin: start,
      end,
      position,
      unread: position < end ? [{ partition, start: position, end }] : [],
      complete: position >= end,
      bytesRead: share(counts?.bytes ?? 0, position - start),
      lost: 0,
      lostRanges: [],
    }
  })
  return { progress, scanned }
}
