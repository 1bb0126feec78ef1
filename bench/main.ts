/**
 * `npm run bench`: Sluice against its peers on the same topics of the same real Kafka in the same run. Each figure is a
 * ratio of medians; the two sides take turns, so that a machine that gets slower gets slower for both. The full form
 * writes bench/RESULTS.md and results.json; `-- --short` takes less data and few turns and writes nothing.
 * `-- --large` measures large joins and groupings instead (large-kafka.ts), `-- --crowd` many clients at once, `-- --exports` exports of a whole topic, `-- --flink` the same statements on Apache Flink, `-- --readers` two readers
 * against one, `-- --scale` very many topics and partitions (scale/scale.ts).
 * Below a floor (bench/floors.json) it ends with exit code 1.
 */
import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs, promisify } from 'node:util'
import { startKafka } from '../scripts/kafka.ts'
import { startRegistry } from '../scripts/registry.ts'
import { measureCrowd } from './crowd-kafka.ts'
import { measureExports } from './exports-kafka.ts'
import { measureFlink } from './flink-kafka.ts'
import { measureLarge } from './large-kafka.ts'
import { measureReaders } from './readers-kafka.ts'
import { savePeers } from './results.ts'
import { measureScale } from './scale/scale.ts'
import { seedTopics } from './seed.ts'
import { type Held, machineName, node, peakMiB, type Server, startServer, type Timed, TOKEN } from './server.ts'

const run = promisify(execFile)
const { values: options } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    crowd: { type: 'boolean', default: false },
    readers: { type: 'boolean', default: false },
    exports: { type: 'boolean', default: false },
    flink: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    runs: { type: 'string' },
  },
})
const form = options.short ? 'short' : 'full'
const runs = Number(options.runs ?? (options.short ? 3 : 7))
const counts = options.short
  ? { large: 500_000, codec: 300_000, star: 200_000 }
  : { large: 5_000_000, codec: 2_000_000, star: 1_000_000 }
const here = import.meta.dirname
const floors = JSON.parse(readFileSync(join(here, 'floors.json'), 'utf8')) as Record<
  'full' | 'short',
  Record<string, number>
> & {
  memoryMiB: number
  loopMs: number
}

interface Figure {
  readonly name: string
  readonly ours: number[]
  readonly peer: number[]
  readonly ratio: number
}

/** The topics are larger than what a query may read by default. */
const SIZE = "SET max.size = '100g'; "

async function kcat(brokers: string, topic: string): Promise<number> {
  const started = performance.now()
  await run('kcat', ['-C', '-b', brokers, '-t', topic, '-o', 'beginning', '-e', '-q', '-f', ''], { maxBuffer: 1 << 20 })
  return (performance.now() - started) / 1000
}

function median(of: readonly number[]): number {
  const sorted = [...of].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

const figures: Figure[] = []
let loop: () => Promise<Held> = async () => ({ busyMs: Number.NaN, delayMs: Number.NaN })
let worst: Held = { busyMs: 0, delayMs: 0 }

/** Turns of ours before the first that counts: the floors are for a warm server. */
const WARM_UPS = 3

/** Takes turns; the first turn of the peer warms up and is not counted, either. */
async function compare(name: string, ours: () => Promise<number>, peer: () => Promise<number>): Promise<void> {
  const [a, b]: [number[], number[]] = [[], []]
  for (let i = 1; i < WARM_UPS; i++) await ours()
  await loop()
  for (let i = 0; i <= runs; i++) {
    const [mine, theirs] = [await ours(), await peer()]
    if (i > 0) {
      a.push(mine)
      b.push(theirs)
    }
  }
  const figure = { name, ours: a, peer: b, ratio: median(b) / median(a) }
  figures.push(figure)
  const held = await loop()
  worst = { busyMs: Math.max(worst.busyMs, held.busyMs), delayMs: Math.max(worst.delayMs, held.delayMs) }
  console.log(
    `${line(figure)}   event loop held ${held.busyMs.toFixed(0)} ms at most (${held.delayMs.toFixed(0)} ms by the clock)`,
  )
}

function line(f: Figure): string {
  const seconds = (of: readonly number[]): string =>
    `${median(of).toFixed(3)} s (${Math.min(...of).toFixed(3)}–${Math.max(...of).toFixed(3)})`
  return `${f.name.padEnd(28)} ${f.ratio.toFixed(2).padStart(6)}   ours ${seconds(f.ours)}   peer ${seconds(f.peer)}   floor ${floors[form][f.name] ?? '–'}`
}

async function bareWs(count: number, size: number): Promise<{ url: string; stop(): void }> {
  const child = spawn(process.execPath, [join(here, 'bare-ws.ts'), String(count), String(size)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const text of createInterface(child.stdout))
    return { url: `ws://127.0.0.1:${(JSON.parse(text) as { port: number }).port}`, stop: () => child.kill() }
  throw new Error('the bare server does not start')
}

async function main(): Promise<void> {
  const kafka = await startKafka({ heap: '2g', throughput: true })
  const registry = await startRegistry()
  let server: Server | undefined
  try {
    const codecs = ['zstd', 'lz4', 'snappy', 'gzip'] as const
    await seedTopics(
      kafka.bootstrap,
      registry.url,
      [
        { kind: 'vessels', topic: 'bench_vessels', count: counts.large },
        { kind: 'payments', topic: 'bench_payments', count: counts.large },
        ...codecs.map((codec) => ({
          kind: 'vessels' as const,
          topic: `bench_vessels_${codec}`,
          count: counts.codec,
          codec,
        })),
      ],
      (w) => console.log(`seeded ${w.topic}: ${w.records.toLocaleString('en')} records, ${w.seconds.toFixed(0)} s`),
    )
    server = await startServer(kafka.bootstrap, registry.url)
    loop = server.loop
    await measure(kafka.bootstrap, server, codecs)
  } finally {
    await server?.stop()
    await Promise.all([kafka.stop(), registry.stop()])
  }
}

async function measure(brokers: string, server: Server, codecs: readonly string[]): Promise<void> {
  const timed = async (sql: string, pauseMs = 0): Promise<Timed> => {
    const result = await node<Timed>('client.ts', server.url, TOKEN, SIZE + sql, String(pauseMs))
    if (result.error !== '') throw new Error(`${sql}: ${result.error}`)
    return result
  }
  const ours = (sql: string) => async (): Promise<number> => (await timed(sql)).seconds
  const group = (topic: string): string => `SELECT Type, count(*), avg(Speed) FROM ${topic} GROUP BY Type`
  const bare = async (): Promise<number> =>
    (await node<{ seconds: number }>('bare-loop.ts', brokers, 'bench_vessels')).seconds
  console.log(`\nratio = peer's time / ours, medians of ${runs} turns each\n`)
  await compare('avro-group / kcat', ours(group('bench_vessels')), () => kcat(brokers, 'bench_vessels'))
  await compare(
    'json-group / kcat',
    ours('SELECT currency, count(*), sum(amount) FROM bench_payments GROUP BY currency'),
    () => kcat(brokers, 'bench_payments'),
  )
  await compare('avro-group / bare loop', ours(group('bench_vessels')), bare)
  await compare(
    'avro-filter / bare loop',
    ours('SELECT MMSI, Speed FROM bench_vessels WHERE Second = 7 AND Radio < 7800 LIMIT 10000000'),
    bare,
  )
  for (const codec of codecs)
    await compare(`avro-group ${codec} / kcat`, ours(group(`bench_vessels_${codec}`)), () =>
      kcat(brokers, `bench_vessels_${codec}`),
    )
  await compareStar(timed)
  const firsts: number[] = []
  const one = async (): Promise<number> => (await timed('SELECT * FROM bench_vessels LIMIT 1')).firstMs
  await one()
  const before = await server.requests()
  for (let i = 0; i < runs * 3; i++) firsts.push(await one())
  const trips = ((await server.requests()) - before) / firsts.length
  const first = median(firsts)
  await timed(`SELECT * FROM bench_vessels LIMIT ${Math.min(50_000, counts.star)}`, 20)
  const peak = peakMiB(server.pid)
  console.log(
    `\nfirst row of SELECT * … LIMIT 1: ${first.toFixed(1)} ms (median, warm), ${trips.toFixed(1)} requests to the broker\npeak resident memory of the server through all of this and a slow reader: ${peak} MiB (limit ${floors.memoryMiB})`,
  )
  report(first, trips, peak)
}

async function compareStar(timed: (sql: string) => Promise<Timed>): Promise<void> {
  const sql = `SELECT * FROM bench_vessels LIMIT ${counts.star}`
  const sample = await timed(sql)
  const peer = await bareWs(counts.star, Math.round(sample.bytes / sample.frames))
  try {
    await compare(
      'select-star / bare ws',
      async () => (await timed(sql)).seconds,
      async () => (await node<Timed>('client.ts', peer.url, TOKEN, '')).seconds,
    )
  } finally {
    peer.stop()
  }
}

function report(firstMs: number, trips: number, peak: number): void {
  const failures = figures
    .filter((f) => f.ratio < (floors[form][f.name] ?? 0))
    .map((f) => `${f.name} is ${f.ratio.toFixed(2)}, its floor ${floors[form][f.name]}`)
  if (worst.busyMs > floors.loopMs)
    failures.push(`a query held the event loop for ${worst.busyMs.toFixed(0)} ms, the limit is ${floors.loopMs}`)
  if (peak > floors.memoryMiB) failures.push(`the server took ${peak} MiB, its limit is ${floors.memoryMiB}`)
  if (form === 'full') writeResults(firstMs, trips, peak)
  console.log(
    failures.length === 0
      ? '\nEvery floor is held.'
      : `\nBelow the floor:\n${failures.map((f) => `  ${f}`).join('\n')}`,
  )
  if (failures.length > 0) process.exitCode = 1
}

function writeResults(firstMs: number, trips: number, peak: number): void {
  const machine = machineName()
  const date = new Date().toISOString().slice(0, 10)
  const spread = (of: readonly number[]): string =>
    `${median(of).toFixed(3)} (${Math.min(...of).toFixed(3)}–${Math.max(...of).toFixed(3)})`
  const rows = figures.map(
    (f) => `| ${f.name} | **${f.ratio.toFixed(2)}** | ${floors.full[f.name]} | ${spread(f.ours)} | ${spread(f.peer)} |`,
  )
  const text = `# Results of \`npm run bench\`

${date}; ${machine}; Apache Kafka 4.1.0, one node on the same cores, loopback, log in the page cache. ${counts.large.toLocaleString('en')} vessel reports (Avro, about 99 bytes of key and value) and payments
(JSON, about 150 bytes), ${counts.codec.toLocaleString('en')} for each codec, one partition each. Ours: from the request to END in a client process of its own, server warm. kcat: the whole process. Medians of ${runs} turns, (fastest–slowest), in seconds.

| case | ratio | floor | ours | peer |
|---|---|---|---|---|
${rows.join('\n')}

First row of \`SELECT * … LIMIT 1\`: ${firstMs.toFixed(1)} ms, with ${trips.toFixed(1)} requests to the broker. Peak resident memory of the server through all of it, a slow reader included: ${peak} MiB.
Longest stretch for which a query held the server's event loop: ${worst.busyMs.toFixed(0)} ms of processor time (limit ${floors.loopMs}); longest delay of a turn by the clock, with broker and client on the same two cores: ${worst.delayMs.toFixed(0)} ms.
`
  savePeers(text, { date, machine, runs, firstMs, requestsToFirst: trips, peakMiB: peak, figures })
}

if (options.large) await measureLarge(Number(options.runs ?? 2), options.short)
else if (options.readers) await measureReaders(options.short)
else if (options.scale) process.exitCode = (await measureScale(Number(options.runs ?? 3), options.short)) ? 0 : 1
else if (options.flink) process.exitCode = (await measureFlink(options.short)) ? 0 : 1
else if (options.exports) process.exitCode = (await measureExports(counts.large)) ? 0 : 1
else if (options.crowd) process.exitCode = (await measureCrowd()) ? 0 : 1
else await main()
