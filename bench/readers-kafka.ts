/**
 * `npm run bench -- --readers`: queries whose records are costly to read, by one thread and by two, in turn; wall time
 * and processor seconds of the server. Writes its section of bench/RESULTS.md; with `--short` it takes few records and turns
 * and writes nothing.
 */
import { startKafka } from '../scripts/kafka.ts'
import { startRegistry } from '../scripts/registry.ts'
import { saveSection } from './results.ts'
import { seedTopics } from './seed.ts'
import { cpuSeconds, machineName, node, type Server, startServer, type Timed, TOKEN } from './server.ts'

const FULL = { records: 3_000_000, turns: 7 }
const SHORT = { records: 60_000, turns: 1 }

const CASES: readonly { readonly name: string; readonly sql: string }[] = [
  {
    name: 'JSON, zstd, one partition: six fields and a regular expression, grouped',
    sql: "SELECT currency, count(*) AS n, sum(amount) AS s, max(time) AS t, min(id) AS i, max(merchantId) AS m, min(creditCardId) AS c FROM bench_json WHERE REGEXP(id, '^txn-.*[0-9]{3}$') IS NOT NULL GROUP BY currency",
  },
  {
    name: 'JSON, zstd, four partitions: the same',
    sql: "SELECT currency, count(*) AS n, sum(amount) AS s, max(time) AS t, min(id) AS i, max(merchantId) AS m, min(creditCardId) AS c FROM bench_json4 WHERE REGEXP(id, '^txn-.*[0-9]{3}$') IS NOT NULL GROUP BY currency",
  },
  {
    name: 'Avro, zstd: six fields, grouped by a number',
    sql: 'SELECT MMSI, count(*) AS n, avg(Speed) AS s, max(Latitude) AS a, min(Longitude) AS o, max(Heading) AS h FROM bench_avro GROUP BY MMSI LIMIT 10',
  },
  {
    name: 'Protobuf, zstd: six fields, grouped by a number',
    sql: 'SELECT MMSI, count(*) AS n, avg(Speed) AS s, max(Latitude) AS a, min(Longitude) AS o, max(Heading) AS h FROM bench_protobuf GROUP BY MMSI LIMIT 10',
  },
  {
    name: 'Protobuf, zstd: twelve fields and a regular expression, one group',
    sql: "SELECT count(*) AS n, sum(Speed) AS s, max(Latitude) AS a, min(Longitude) AS o, max(Heading) AS h, max(Course) AS c, min(Second) AS e, sum(Radio) AS r, max(Status) AS u, min(Turn) AS t, max(Timestamp) AS p FROM bench_protobuf WHERE REGEXP(location, '[0-9]{3},1[0-9]') IS NOT NULL",
  },
  {
    name: 'JSON, zstd: a filter on two fields that keeps little, in order',
    sql: "SELECT * FROM bench_json WHERE amount > 5000 AND currency = 'SEK' LIMIT 1000000",
  },
]

interface Sample {
  readonly seconds: number
  readonly cpu: number
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
      { kind: 'payments', topic: 'bench_json', count, codec: 'zstd' },
      { kind: 'payments', topic: 'bench_json4', count, codec: 'zstd', partitions: 4 },
      { kind: 'vessels', topic: 'bench_avro', count, codec: 'zstd' },
      { kind: 'reports', topic: 'bench_protobuf', count, codec: 'zstd' },
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
      }))
      const [wall, cpu] = [two.seconds / alone.seconds, two.cpu / alone.cpu]
      rows.push(
        `| ${one.name} | ${alone.seconds.toFixed(2)} → ${two.seconds.toFixed(2)} | **${wall.toFixed(2)}** | ${alone.cpu.toFixed(2)} → ${two.cpu.toFixed(2)} | ${cpu.toFixed(2)} |`,
      )
      figures.push({ name: one.name, alone, two, wall, cpu })
      console.log(rows.at(-1))
    }
    if (short) return
    saveSection(
      'readers',
      `Made by \`npm run bench -- --readers\` on ${machineName()}; Kafka and the client run on the same cores. ${records.toLocaleString('en')} records, medians of ${turns} turns each, one reader and two in turn.\n\n| query | seconds, 1 → 2 readers | ratio | processor seconds of the server | ratio |\n|---|---|---|---|---|\n${rows.join('\n')}\n`,
      figures,
    )
  } finally {
    await server?.stop()
    await registry.stop()
    await kafka.stop()
  }
}

async function run(server: Server, sql: string, readers: number): Promise<Sample> {
  const before = cpuSeconds(server.pid)
  const text = `SET max.size = '100g'; SET query.parallel = ${readers}; ${sql}`
  const { seconds, error } = await node<Timed>('client.ts', server.url, TOKEN, text)
  if (error !== '') throw new Error(`${sql}: ${error}`)
  return { seconds, cpu: cpuSeconds(server.pid) - before }
}

function median(of: readonly number[]): number {
  return [...of].sort((a, b) => a - b)[of.length >> 1]
}
