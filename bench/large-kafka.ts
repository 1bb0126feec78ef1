/**
 * `npm run bench -- --large`: joins, groupings and sorts of millions of rows on a real Kafka, each with the time, the
 * most memory that the server held, and the longest stretch for which it kept the event loop; and the same queries
 * beyond a limit, which have to end in the error that the documentation promises, by a server that goes on. Every case
 * has a server of its own. Writes its section of bench/RESULTS.md and results.json, but for `--short`. A limit that is
 * not told makes the exit code 1.
 */
import { loadavg } from 'node:os'
import { startKafka } from '../scripts/kafka.ts'
import { startRegistry } from '../scripts/registry.ts'
import { saveSection } from './results.ts'
import { seedTopics } from './seed.ts'
import { cpuSeconds, machineName, node, peakMiB, type Server, startServer, type Timed, TOKEN } from './server.ts'

/** Records of the topics; a tenth of them for the short form. */
const SIZES = { orders: 10_000_000, customers: 1_000_000 }

interface Case {
  readonly name: string
  readonly sql: string
  /** Records of the topics that it reads. */
  readonly topics: readonly (keyof typeof SIZES)[]
  /** The limit that it has to end at. */
  readonly limit?: string
}

const CASES: readonly Case[] = [
  {
    name: 'join of 10 M with 1 M rows, grouped',
    sql: 'SELECT c.city, count(*) AS n, sum(o.amount) AS amount FROM bench_orders o JOIN bench_customers c ON o.customer = c._key GROUP BY c.city',
    topics: ['orders', 'customers'],
  },
  {
    name: 'EXISTS of 10 M in 1 M rows',
    sql: 'SELECT count(*) AS n FROM bench_orders o WHERE EXISTS (SELECT * FROM bench_customers c WHERE c._key = o.customer AND c.city < 10)',
    topics: ['orders', 'customers'],
  },
  {
    name: 'GROUP BY of 5 M numbers',
    sql: 'SELECT count(*) AS n, sum(s) AS s FROM (SELECT basket, count(*) AS n, sum(amount) AS s FROM bench_orders GROUP BY basket)',
    topics: ['orders'],
  },
  {
    name: 'GROUP BY of 5 M texts',
    sql: 'SELECT count(*) AS n, sum(s) AS s FROM (SELECT cart, count(*) AS n, sum(amount) AS s FROM bench_orders GROUP BY cart)',
    topics: ['orders'],
  },
  {
    name: '5 M groups sent to the client',
    sql: 'SELECT basket, count(*) AS n FROM bench_orders GROUP BY basket LIMIT 10000000',
    topics: ['orders'],
  },
  {
    name: 'ORDER BY of 1 M rows, sent',
    sql: "SET max.sort.bytes = '1g'; SELECT city, name FROM bench_customers ORDER BY city DESC, name LIMIT 10000000",
    topics: ['customers'],
  },
  {
    name: 'more groups than max.group.records',
    sql: 'SET max.group.records = 1000000; SELECT basket, count(*) FROM bench_orders GROUP BY basket',
    topics: ['orders'],
    limit: 'max.group.records',
  },
  {
    name: 'longer keys than max.group.bytes',
    sql: "SET max.group.bytes = '64m'; SELECT cart, count(*) FROM bench_orders GROUP BY cart",
    topics: ['orders'],
    limit: 'max.group.bytes',
  },
  {
    name: 'a right side larger than max.join.bytes',
    sql: 'SELECT count(*) FROM bench_customers c JOIN bench_orders o ON o.customer = c._key',
    topics: ['orders'],
    limit: 'max.join.bytes',
  },
  {
    name: 'more to sort than max.sort.bytes',
    sql: 'SELECT name FROM bench_customers ORDER BY name',
    topics: ['customers'],
    limit: 'max.sort.bytes',
  },
]

interface Measured {
  readonly name: string
  readonly seconds: number[]
  /** Of the event loop's thread. */
  readonly cpuSeconds: number[]
  readonly rowsPerSecond: number
  readonly peakMiB: number
  readonly heldMs: number
  readonly frames: number
  readonly error: string
}

async function measure(brokers: string, registry: string, one: Case, runs: number, scale: number): Promise<Measured> {
  const server = await startServer(brokers, registry)
  try {
    const seconds: number[] = []
    const cpu: number[] = []
    let answer = await ask(server, 'SELECT 1 AS one FROM __dual')
    await server.loop()
    for (let i = 0; i < runs; i++) {
      const before = cpuSeconds(server.pid)
      answer = await ask(server, `SET max.size = '100g'; ${one.sql}`)
      seconds.push(answer.seconds)
      cpu.push(cpuSeconds(server.pid) - before)
    }
    const { busyMs } = await server.loop()
    if (answer.error.includes(one.limit ?? 'ERROR') !== (one.limit !== undefined))
      throw new Error(`${one.name}: ${answer.error || 'no error'}`)
    const after = await ask(server, 'SELECT count(*) AS n FROM bench_customers')
    if (after.error !== '') throw new Error(`${one.name}: the server does not go on: ${after.error}`)
    const rows = one.topics.reduce((n, t) => n + SIZES[t] * scale, 0)
    return {
      name: one.name,
      seconds,
      cpuSeconds: cpu,
      rowsPerSecond: Math.round(rows / Math.min(...seconds)),
      peakMiB: peakMiB(server.pid),
      heldMs: Math.round(busyMs),
      frames: answer.frames,
      error: one.limit === undefined ? '' : message(answer.error),
    }
  } finally {
    await server.stop()
  }
}

function ask(server: Server, sql: string): Promise<Timed> {
  return node<Timed>('client.ts', server.url, TOKEN, sql)
}

/** The text of an ERROR frame. */
function message(frame: string): string {
  const { data } = JSON.parse(frame) as { data: string | { message?: string } }
  return (typeof data === 'string' ? data : (data.message ?? JSON.stringify(data))).split('\n')[0]
}

/** `runs`: of each case. */
export async function measureLarge(runs: number, short: boolean): Promise<void> {
  const scale = short ? 0.1 : 1
  const kafka = await startKafka({ heap: '1g', throughput: true })
  const registry = await startRegistry()
  try {
    const topics = (['orders', 'customers'] as const).map((kind) => ({
      kind,
      topic: `bench_${kind}`,
      count: SIZES[kind] * scale,
    }))
    await seedTopics(kafka.bootstrap, registry.url, topics, (w) =>
      console.log(`seeded ${w.topic}: ${w.records.toLocaleString('en')} records, ${w.seconds.toFixed(0)} s`),
    )
    const measured: Measured[] = []
    for (const one of CASES) {
      if (short && one.limit !== undefined) continue
      const figures = await measure(kafka.bootstrap, registry.url, one, one.limit === undefined ? runs : 1, scale)
      measured.push(figures)
      console.log(
        `${figures.name.padEnd(42)} ${listed(figures.seconds)} s (${listed(figures.cpuSeconds)} s processor)   ${figures.rowsPerSecond.toLocaleString('en')} rows/s   ${figures.peakMiB} MiB   event loop held ${figures.heldMs} ms   ${figures.error}`,
      )
    }
    if (!short) saveSection('large', section(measured), { date: today(), machine: machineName(), cases: measured })
  } finally {
    await Promise.all([kafka.stop(), registry.stop()])
  }
}

function listed(seconds: readonly number[]): string {
  return seconds.map((s) => s.toFixed(1)).join(', ')
}

function today(): string {
  return new Date().toISOString().slice(0, 10)
}

function section(measured: readonly Measured[]): string {
  const row = (m: Measured): string =>
    `| ${m.name} | ${listed(m.seconds)} | ${listed(m.cpuSeconds)} | ${(m.rowsPerSecond / 1e6).toFixed(2)} | ${m.peakMiB} | ${m.heldMs} |`
  return `\`npm run bench -- --large\`, ${today()}; ${machineName()}; Apache Kafka 4.1.0 on the same cores. ${SIZES.orders.toLocaleString('en')} orders and ${SIZES.customers.toLocaleString('en')} customers (JSON), one partition each. Each case has
a server of its own, so its first run is cold; memory is the server's largest resident size, of which about 150 MiB are there without a query; the event loop's figure is the longest stretch in processor time. Seconds depend on what else the machine does (load averages at the end: ${loadavg()
    .map((n) => n.toFixed(0))
    .join(', ')}), processor time hardly.

| case | seconds, run by run | of which processor time of the event loop | million rows read a second | peak MiB | event loop held, ms |
|---|---|---|---|---|---|
${measured
  .filter((m) => m.error === '')
  .map(row)
  .join('\n')}

Beyond a limit, after which the same server answers the next query:

| case | seconds | peak MiB | error |
|---|---|---|---|
${measured
  .filter((m) => m.error !== '')
  .map((m) => `| ${m.name} | ${m.seconds[0].toFixed(1)} | ${m.peakMiB} | ${m.error} |`)
  .join('\n')}
`
}
