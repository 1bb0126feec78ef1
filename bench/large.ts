/**
 * Large joins and groupings, measured in memory by hand: node bench/large.ts [case …]. Record batches are made as they
 * are read, so that what is measured is the engine: time, rows a second, and the most memory that the process held.
 * Each case runs in a process of its own. No floors: the machine decides.
 */
import { spawnSync } from 'node:child_process'
import { runRequest } from '../src/engine/request.ts'
import type { BatchSource, KafkaLog, RecordBatch, ScanRequest } from '../src/kafka/log.ts'
import { Progress } from '../src/kafka/read/progress.ts'
import { BatchHeader, writeRecordBatch } from '../src/kafka/read/record-batch.ts'
import { memoryWorld } from '../test/support/memory-world.ts'

const BATCH = 1000
/** Different batches of a topic; a longer topic has them over and over. */
const DIFFERENT = 1000

/** Record number i of a topic. */
type Make = (i: number) => { readonly key: string; readonly value: string }

const spread = (i: number): number => Math.imul(i, 0x9e3779b1) >>> 0
const CUSTOMERS: Make = (i) => ({ key: `c${i}`, value: `{"name":"customer ${i}","city":${i % 1000}}` })
const ORDERS: Make = (i) => ({
  key: `o${i}`,
  value: `{"id":${i},"customer":"c${spread(i) % 1_000_000}","amount":${i % 997}}`,
})

interface Topic {
  readonly records: number
  readonly make: Make
}
const TOPICS: Readonly<Record<string, Topic>> = {
  customers: { records: 1_000_000, make: CUSTOMERS },
  orders: { records: 10_000_000, make: ORDERS },
}

const GIB = 1024 ** 3
const CASES: Readonly<Record<string, { readonly sql: string; readonly settings: Readonly<Record<string, number>> }>> = {
  'join 10 M x 1 M': {
    sql: 'SELECT c.city, count(*) AS n, sum(o.amount) AS amount FROM orders o JOIN customers c ON o.customer = c._key GROUP BY c.city',
    settings: { 'max.join.bytes': GIB },
  },
  'exists 10 M in 1 M': {
    sql: 'SELECT count(*) FROM orders o WHERE EXISTS (SELECT * FROM customers c WHERE c._key = o.customer AND c.city < 10)',
    settings: { 'max.join.bytes': GIB },
  },
  'group 5 M numbers': {
    sql: 'SELECT count(*) FROM (SELECT _meta.offset % 5000000 AS g, count(*) AS n, sum(amount) AS s FROM orders GROUP BY g)',
    settings: {},
  },
  'group 5 M texts': {
    sql: "SELECT count(*) FROM (SELECT CONCAT(customer, '-', _meta.offset % 5) AS g, count(*) AS n FROM orders GROUP BY g)",
    settings: {},
  },
  'order 1 M rows': {
    sql: 'SELECT city, name FROM customers ORDER BY city DESC, name LIMIT 10000000',
    settings: { 'max.sort.bytes': GIB },
  },
  'join beyond its limit': {
    sql: 'SELECT count(*) FROM orders o JOIN customers c ON o.customer = c._key',
    settings: { 'max.join.bytes': 64 * 1024 * 1024 },
  },
  'groups beyond their limit': {
    sql: 'SELECT _meta.offset, count(*) FROM orders GROUP BY _meta.offset',
    settings: { 'max.group.records': 1_000_000 },
  },
}

/** Topics of one partition whose batches are written once and handed out at ever later offsets. */
class MadeLog implements KafkaLog {
  readonly #batches = new Map<string, Buffer[]>()
  constructor(names: readonly string[]) {
    for (const name of names) {
      const { make } = TOPICS[name]
      const batch = (b: number): Buffer =>
        writeRecordBatch(
          Array.from({ length: BATCH }, (_, i) => {
            const { key, value } = make(b * BATCH + i)
            return { offset: i, timestamp: i, key: Buffer.from(key), value: Buffer.from(value), headers: [] }
          }),
        )
      this.#batches.set(
        name,
        Array.from({ length: DIFFERENT }, (_, b) => batch(b)),
      )
    }
  }
  async bounds(topic: string): ReturnType<KafkaLog['bounds']> {
    return [{ partition: 0, start: 0, end: TOPICS[topic].records }]
  }
  async offsetsForTime(): ReturnType<KafkaLog['offsetsForTime']> {
    return [0]
  }
  scan(request: ScanRequest): BatchSource {
    const progress = request.ranges.map((r) => new Progress(r))
    const batches = this.#read(request, progress)
    return { progress, next: () => batches.next().value ?? Promise.resolve(undefined), close: () => undefined }
  }
  *#read(request: ScanRequest, progress: Progress[]): Generator<RecordBatch, undefined> {
    const stored = this.#batches.get(request.topic) ?? []
    const header = new BatchHeader()
    for (const [i, range] of request.ranges.entries()) {
      for (let base = Math.floor(range.start / BATCH) * BATCH; base < range.end; base += BATCH) {
        const buffer = stored[(base / BATCH) % DIFFERENT]
        const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
        if (!header.open(view, 0, buffer.length)) throw new Error('a batch of the benchmark cannot be read')
        progress[i].read(range.start, Math.min(range.end, base + BATCH))
        yield {
          partition: 0,
          buffer,
          view,
          from: header.from,
          to: header.to,
          count: BATCH,
          baseOffset: base,
          lastOffset: base + BATCH - 1,
          baseTimestamp: base,
          maxTimestamp: base + BATCH - 1,
          logAppendTime: false,
          rangeStart: range.start,
          rangeEnd: range.end,
          clipped: base < range.start || base + BATCH > range.end,
          fault: undefined,
        }
      }
    }
    return undefined
  }
}

async function measure(name: string): Promise<void> {
  const { sql, settings } = CASES[name]
  const names = Object.keys(TOPICS).filter((t) => sql.includes(t))
  const { catalog } = memoryWorld(names.map((t) => ({ name: t, records: [] })))
  const log = new MadeLog(names)
  const before = process.memoryUsage.rss()
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 50)
  const frames: string[] = []
  const started = performance.now()
  const cpuBefore = process.threadCpuUsage()
  const sink = {
    send: (frame: string): void => void (frames.length < 10 && frames.push(frame)),
    drained: () => undefined,
  }
  const environment = { catalog, log, defaults: { 'max.size': 100 * GIB, ...settings } }
  const summary = await runRequest({ sql, live: false }, environment, sink, new AbortController().signal)
  const seconds = (performance.now() - started) / 1000
  const cpu = process.threadCpuUsage(cpuBefore)
  clearInterval(timer)
  peak = Math.max(peak, process.memoryUsage.rss())
  console.log(
    JSON.stringify({
      case: name,
      seconds: Number(seconds.toFixed(1)),
      cpuSeconds: Number(((cpu.user + cpu.system) / 1e6).toFixed(1)),
      millionRecordsPerSecond: Number((summary.recordsScanned / seconds / 1e6).toFixed(2)),
      peakMiB: Math.round(peak / 1024 ** 2),
      ofWhichAtStartMiB: Math.round(before / 1024 ** 2),
      rows: summary.results,
      ...(summary.error === undefined ? {} : { error: summary.error.split('\n')[0] }),
    }),
  )
  catalog.close()
}

const [first, ...rest] = process.argv.slice(2)
if (first === '--measure') await measure(rest[0])
else
  for (const name of first === undefined ? Object.keys(CASES) : [first, ...rest]) {
    const run = spawnSync(process.execPath, [import.meta.filename, '--measure', name], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    if (run.status !== 0) process.exitCode = 1
  }
