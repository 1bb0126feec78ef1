/**
 * `npm run bench -- --readers`: queries whose records are costly to read, by one thread and by two, in turn; wall time
 * and processor seconds of the server. Writes its section of bench/RESULTS.md; with `--short` it takes few records and turns
 * and writes nothing.
 */
import { readFileSync } from 'node:fs'
import { startKafka } from '../scripts/kafka.ts'
import { startRegistry } from '../scripts/registry.ts'
import { saveSection } from './results.ts'
import { seedTopics } from './seed.ts'
import { cpuSeconds, machineName, node, type Server, startServer, type Timed, TOKEN } from './server.ts'

const FULL = { records: 6_000_000, turns: 5 }
const SHORT = { records: 60_000, turns: 1 }

const JSON_FIELDS =
  'currency, count(*) AS n, sum(amount) AS s, max(time) AS t, min(id) AS i, max(merchantId) AS m, min(creditCardId) AS c'
const GROUPED =
  'SELECT MMSI, count(*) AS n, avg(Speed) AS s, max(Latitude) AS a, min(Longitude) AS o, max(Heading) AS h'
const WHOLE =
  'SELECT count(*) AS n, sum(Speed) AS s, max(Latitude) AS a, min(Longitude) AS o, max(Heading) AS h, max(Course) AS c, min(Second) AS e, sum(Radio) AS r, max(Status) AS u, min(Turn) AS t, max(Timestamp) AS p'
const SIMPLE = "REGEXP(id, '^txn-.*[0-9]{3}$') IS NOT NULL"
const COSTLY = "REGEXP(CONCAT(id, time, creditCardId), '(txn|trx|pay)-([0-9a-f]+)-.*([0-9]+)[^0-9]*$') IS NOT NULL"
const PLACE = "REGEXP(location, '[0-9]{3},1[0-9]') IS NOT NULL"

const CASES: readonly { readonly name: string; readonly sql: string }[] = [
  {
    name: 'JSON: six fields and a regular expression, grouped',
    sql: `SELECT ${JSON_FIELDS} FROM bench_json WHERE ${SIMPLE} GROUP BY currency`,
  },
  {
    name: 'JSON: six fields and a costly regular expression, grouped',
    sql: `SELECT ${JSON_FIELDS} FROM bench_json WHERE ${COSTLY} GROUP BY currency`,
  },
  {
    name: 'Protobuf: twelve fields and a regular expression, one group',
    sql: `${WHOLE} FROM bench_protobuf WHERE ${PLACE}`,
  },
  {
    name: 'JSON, zstd, one partition: six fields and a regular expression, grouped',
    sql: `SELECT ${JSON_FIELDS} FROM bench_json_zstd WHERE ${SIMPLE} GROUP BY currency`,
  },
  {
    name: 'JSON, zstd, four partitions: the same',
    sql: `SELECT ${JSON_FIELDS} FROM bench_json_zstd4 WHERE ${SIMPLE} GROUP BY currency`,
  },
  {
    name: 'Avro, zstd: six fields, grouped by a number',
    sql: `${GROUPED} FROM bench_avro_zstd GROUP BY MMSI LIMIT 10`,
  },
  {
    name: 'Protobuf, zstd: six fields, grouped by a number',
    sql: `${GROUPED} FROM bench_protobuf_zstd GROUP BY MMSI LIMIT 10`,
  },
  {
    name: 'Protobuf, zstd: twelve fields and a regular expression, one group',
    sql: `${WHOLE} FROM bench_protobuf_zstd WHERE ${PLACE}`,
  },
  {
    name: 'JSON, zstd: a filter on two fields that keeps little, in order',
    sql: "SELECT * FROM bench_json_zstd WHERE amount > 5000 AND currency = 'SEK' LIMIT 1000000",
  },
]

interface Sample {
  readonly seconds: number
  readonly cpu: number
  /** Share of all cores that anything used, 0 to 1. */
  readonly busy: number
}

/** Measures every case and writes the results. */
export async function measureReaders(short: boolean): Promise<void> {
  const { records, turns } = short ? SHORT : FULL
  const kafka = await startKafka()
  const registry = await startRegistry()
  let server: Server | undefined
  try {
    const count = records
    for (const written of await seedTopics(kafka.bootstrap, registry.url, [
      { kind: 'payments', topic: 'bench_json', count },
      { kind: 'reports', topic: 'bench_protobuf', count },
      { kind: 'payments', topic: 'bench_json_zstd', count, codec: 'zstd' },
      { kind: 'payments', topic: 'bench_json_zstd4', count, codec: 'zstd', partitions: 4 },
      { kind: 'vessels', topic: 'bench_avro_zstd', count, codec: 'zstd' },
      { kind: 'reports', topic: 'bench_protobuf_zstd', count, codec: 'zstd' },
    ]))
      console.log(`seeded ${written.topic}: ${written.records.toLocaleString('en')} records`)
    server = await startServer(kafka.bootstrap, registry.url)
    const rows: string[] = []
    const figures: object[] = []
    for (const one of CASES) {
      const samples: Record<number, Sample[]> = { 1: [], 2: [] }
      for (let turn = -1; turn < turns; turn++)
        for (const readers of [1, 2]) {
          const sample = await run(server, one.sql, readers)
          if (turn >= 0) samples[readers].push(sample)
        }
      const [alone, two] = [1, 2].map((readers) => ({
        seconds: median(samples[readers].map((s) => s.seconds)),
        cpu: median(samples[readers].map((s) => s.cpu)),
        busy: median(samples[readers].map((s) => s.busy)),
      }))
      const [wall, cpu] = [two.seconds / alone.seconds, two.cpu / alone.cpu]
      rows.push(
        `| ${one.name} | ${alone.seconds.toFixed(2)} → ${two.seconds.toFixed(2)} | **${wall.toFixed(2)}** | ${alone.cpu.toFixed(2)} → ${two.cpu.toFixed(2)} | ${cpu.toFixed(2)} | ${Math.round(alone.busy * 100)} → ${Math.round(two.busy * 100)} |`,
      )
      figures.push({ name: one.name, alone, two, wall, cpu })
      console.log(rows.at(-1))
    }
    if (short) return
    saveSection(
      'readers',
      `Made by \`npm run bench -- --readers\` on ${machineName()}; Kafka and the client run on the same cores. ${records.toLocaleString('en')} records, medians of ${turns} turns each, one reader and two in turn. One reader leaves decompression to other threads: where that and the broker keep the second core busy already, a second reader can gain only what is left of it (last column).\n\n| query | seconds, 1 → 2 readers | ratio | processor seconds of the server | ratio | cores busy, % |\n|---|---|---|---|---|---|\n${rows.join('\n')}\n`,
      figures,
    )
  } finally {
    await server?.stop()
    await registry.stop()
    await kafka.stop()
  }
}

async function run(server: Server, sql: string, readers: number): Promise<Sample> {
  const [before, ticks] = [cpuSeconds(server.pid), processorTicks()]
  const text = `SET max.size = '100g'; SET query.parallel = ${readers}; ${sql}`
  const { seconds, error } = await node<Timed>('client.ts', server.url, TOKEN, text)
  if (error !== '') throw new Error(`${sql}: ${error}`)
  const now = processorTicks()
  const busy = 1 - (now.idle - ticks.idle) / (now.all - ticks.all)
  return { seconds, cpu: cpuSeconds(server.pid) - before, busy }
}

/** Of all cores since the machine was started (https://man7.org/linux/man-pages/man5/proc_stat.5.html). */
function processorTicks(): { readonly idle: number; readonly all: number } {
  const [line] = readFileSync('/proc/stat', 'utf8').split('\n')
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number)
  return { idle: ticks[3] + ticks[4], all: ticks.reduce((sum, n) => sum + n) }
}

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[of.length >> 1]
}
