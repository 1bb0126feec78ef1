/**
 * `node bench/main.ts --scale`: the built program against the sandbox's broker with 100,000 topics and one topic of
 * 10,000 partitions, each in a process of its own: what metadata cost, in time, in memory, and for others. Writes
 * bench/SCALE.md; with `--short` a tenth of both, and nothing is written.
 */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { machineName, peakMiB, type Server, startServer, TOKEN } from '../server.ts'
import { type Asked, ask, call, type Felt, watched } from './asking.ts'
import type { Constants } from './constants.ts'
import { FEW, generatedName, RECORDS_PER_PARTITION, WIDE } from './names.ts'

const OTHER = 'scale-token-of-the-other-client'
const NARROW = 'scale-token-of-an-account-that-sees-few'
const SEEN = 100
/** Ten users share an account: `max.concurrent.queries.per.user`. */
const ACCOUNTS = 20
const USERS = 10 * ACCOUNTS
const tokenOf = (kind: 'many' | 'few', i: number): string => `scale-token-of-${kind}-${i % ACCOUNTS}`

interface Backdrop {
  readonly brokers: string
  readonly registry: string
  readonly rssMiB: number
}

interface Line {
  readonly what: string
  readonly ms: readonly number[]
  readonly said: string
  readonly felt: Felt
}

/** Measures everything `runs` times and writes the page. */
export async function measureScale(runs: number, short: boolean): Promise<boolean> {
  const [topics, partitions] = short ? [10_000, 1000] : [100_000, 10_000]
  const broker = await startBroker(topics, partitions)
  const folder = mkdtempSync(join(tmpdir(), 'scale-'))
  let server: Server | undefined
  try {
    const config = join(folder, 'accounts.yaml')
    writeFileSync(config, accounts(broker.said.brokers, topics))
    server = await startServer(broker.said.brokers, broker.said.registry, ['--config', config])
    const { startMs } = server
    const idle = await memory(server)
    const constants = await constantsOf(broker.said.brokers, partitions)
    const lines = await measure(server, { topics, partitions, runs })
    const after = await memory(server)
    const measured = { topics, partitions, runs, startMs, idle, after, peak: peakMiB(server.pid), lines, constants }
    const text = page({ ...measured, broker: broker.said })
    console.log(text)
    if (!short) writeFileSync(join(import.meta.dirname, '../SCALE.md'), text)
    return true
  } finally {
    await server?.stop()
    broker.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function constantsOf(brokers: string, partitions: number): Promise<Constants> {
  const script = join(import.meta.dirname, 'constants.ts')
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, brokers, String(partitions)])
  return JSON.parse(stdout) as Constants
}

async function startBroker(topics: number, partitions: number): Promise<{ said: Backdrop; stop(): void }> {
  const script = join(import.meta.dirname, 'broker.ts')
  const child = spawn(process.execPath, [script, String(topics), String(partitions)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const text of createInterface(child.stdout))
    return { said: JSON.parse(text) as Backdrop, stop: () => child.kill() }
  throw new Error('the broker does not start')
}

/** An account that sees a hundred topics by their names, and another client. */
function accounts(brokers: string, topics: number): string {
  const names = Array.from({ length: SEEN }, (_, i) => generatedName(i * Math.floor(topics / SEEN)))
  const account = (name: string, token: string, seen: readonly string[]): string =>
    `  - name: ${name}\n    token: ${token}\n    permissions:\n      - {environments: ['*'], topics: ${JSON.stringify(seen)}}`
  return [
    'environments:',
    '  - name: bench',
    `    kafka: {brokers: ['${brokers}']}`,
    'serviceAccounts:',
    account('other', OTHER, ['*']),
    account('narrow', NARROW, names),
    ...Array.from({ length: ACCOUNTS }, (_, i) => account(`few-${i}`, tokenOf('few', i), names)),
    ...Array.from({ length: ACCOUNTS }, (_, i) => account(`many-${i}`, tokenOf('many', i), ['*'])),
    '',
  ].join('\n')
}

async function memory(server: Server): Promise<number> {
  const held = (await server.loop()) as { readonly rssBytes?: number }
  return Math.round((held.rssBytes ?? Number.NaN) / 2 ** 20)
}

interface Measured {
  readonly topics: number
  readonly partitions: number
  readonly runs: number
}

async function measure(server: Server, { topics, partitions, runs }: Measured): Promise<Line[]> {
  const lines: Line[] = []
  const add = async (what: string, times: number, run: () => Promise<{ ms: number; said: string }>): Promise<void> => {
    const before = await server.requests()
    const [found, felt] = await watched(server, OTHER, async () => {
      const found: { ms: number; said: string }[] = []
      for (let i = 0; i < times; i++) found.push(await run())
      return found
    })
    const said = `${found[0].said}`
    const asked = (await server.requests()) - before
    lines.push({ what, ms: found.map(({ ms }) => ms), said, felt })
    console.log(
      `${what}: ${found.map(({ ms }) => ms.toFixed(0)).join(', ')} ms; ${said}; health at most ${felt.health.at(-1)?.toFixed(0)} ms, small p99 ${at(felt.small, 0.99).toFixed(0)} ms, loop ${felt.busyMs.toFixed(0)} ms, ${asked} requests, ${felt.refused.length === 0 ? '' : `REFUSED ${felt.refused.length}: ${felt.refused[0].slice(0, 90)}, `}peak ${peakMiB(server.pid)} MiB`,
    )
  }
  const sql = (
    what: string,
    text: string,
    check: (found: Asked) => boolean,
    options: { token?: string; statsMs?: number; times?: number } = {},
  ): Promise<void> =>
    add(what, options.times ?? runs, async () => {
      const found = await ask(server.url, options.token ?? TOKEN, text, options.statsMs)
      if (!check(found)) throw new Error(`${text}: ${JSON.stringify(found).slice(0, 500)}`)
      return { ms: found.ms, said: saidOf(found) }
    })
  const rest = (what: string, path: string, body?: object, token = TOKEN): Promise<void> =>
    add(what, runs, async () => {
      const found = await call(server, token, path, body)
      if (found.status !== 200) throw new Error(`${path}: ${found.status} ${found.text.slice(0, 300)}`)
      return { ms: found.ms, said: size(found.bytes) }
    })
  const all = topics + FEW.count + 2
  const rows =
    (n: number) =>
    (found: Asked): boolean =>
      found.rows === n && found.error === ''
  const fails =
    (pattern: RegExp) =>
    (found: Asked): boolean =>
      pattern.test(found.error)
  await add('nothing', 1, async () => {
    await new Promise((resolve) => setTimeout(resolve, 3000))
    return { ms: 3000, said: '' }
  })
  await sql('`SHOW TABLES`, the first time', 'SHOW TABLES', rows(all), { times: 1 })
  await sql('`SHOW TABLES`', 'SHOW TABLES', rows(all))
  await sql(`\`SHOW TABLES\` of an account that sees ${SEEN}`, 'SHOW TABLES', rows(SEEN), { token: NARROW })
  await rest('completion behind `FROM ledger.`', 'api/v1/sql/presentation', { sql: 'SELECT * FROM ledger.', caret: 21 })
  await rest(
    'completion, of the narrow account',
    'api/v1/sql/presentation',
    { sql: 'SELECT * FROM l', caret: 15 },
    NARROW,
  )
  await rest('REST: a page of 100 datasets', 'api/v1/datasets?page=1&pageSize=100')
  await rest('REST: another page of 100', 'api/v1/datasets?page=70&pageSize=100')
  await rest('REST: 100 datasets by search', 'api/v1/datasets?search=ledger&searchFields=false&pageSize=100')
  await rest('REST: a page of 100 topics', 'api/topics?page=5&pageSize=100')
  await sql(`pattern that matches ${FEW.count}`, `SELECT count(*) FROM \`${FEW.prefix}*\``, rows(1))
  await sql('pattern that matches too many', 'SELECT * FROM `ledger.*`', fails(/max\.pattern\.topics/))
  await sql('a name that does not exist', 'SELECT * FROM ledger.servise-031.event-7.v1', fails(/Unknown table/))
  await sql(
    '`DESCRIBE` of one topic',
    `DESCRIBE ${FEW.prefix}01`.replaceAll(/ (\S+)$/g, ' `$1`'),
    (f) => f.error === '' && f.rows > 3,
  )
  await sql(
    `\`DESCRIBE\` of the topic of ${partitions.toLocaleString('en')} partitions`,
    `DESCRIBE ${WIDE}`,
    (f) => f.error === '' && f.rows > 3,
  )
  const records = partitions * RECORDS_PER_PARTITION
  const counted =
    (n: number) =>
    (f: Asked): boolean =>
      f.error === '' && f.last.includes(String(n))
  await sql('wide: `count(*)`', `SELECT count(*) AS n FROM ${WIDE}`, counted(records), { statsMs: 1000 })
  await sql('wide: filter and group', `SELECT g, count(*) AS c FROM ${WIDE} WHERE n >= 100 GROUP BY g`, rows(10), {
    statsMs: 1000,
  })
  await sql('wide: `SELECT *`, every row', `SELECT * FROM ${WIDE} LIMIT 10000000`, rows(records), { statsMs: 1000 })
  await sql('wide: `LIMIT 10`', `SELECT * FROM ${WIDE} LIMIT 10`, rows(10), { statsMs: 1000 })
  await sql('wide: newest first', `SELECT * FROM ${WIDE} ORDER BY _meta.timestamp DESC LIMIT 10`, rows(10), {
    statsMs: 1000,
  })
  await sql(
    'wide: ended by `max.size`',
    `SET max.size = '1m'; SELECT * FROM ${WIDE} LIMIT 10000000`,
    (f) => f.error === '',
    { statsMs: 1000 },
  )
  await sql('wide: `EXPLAIN`', `EXPLAIN SELECT count(*) FROM ${WIDE} WHERE n > 5`, (f) => f.error === '')
  await add(`${USERS} users ask \`SHOW TABLES\` at once, each sees ${SEEN}`, 1, () =>
    crowd(server, 'few', USERS, rows(SEEN)),
  )
  await add(`20 users ask \`SHOW TABLES\` at once, each sees all`, 1, () => crowd(server, 'many', 20, rows(all)))
  await add(`${USERS} users have completion at once`, 1, async () => {
    const body = { sql: 'SELECT * FROM ledger.', caret: 21 }
    const started = performance.now()
    const asked = Array.from({ length: USERS }, (_, i) =>
      call(server, tokenOf('many', i), 'api/v1/sql/presentation', body),
    )
    return answered(
      started,
      await Promise.all(asked),
      ({ status }) => status === 200,
      ({ status }) => `${status}`,
    )
  })
  return lines
}

async function crowd(
  server: Server,
  kind: 'many' | 'few',
  users: number,
  right: (found: Asked) => boolean,
): Promise<{ ms: number; said: string }> {
  const started = performance.now()
  const asked = Array.from({ length: users }, (_, i) => ask(server.url, tokenOf(kind, i), 'SHOW TABLES'))
  return answered(started, await Promise.all(asked), right, ({ error }) => error.slice(0, 60))
}

/** How many had their answer, and after how long. */
function answered<T extends { readonly ms: number }>(
  started: number,
  found: readonly T[],
  right: (one: T) => boolean,
  why: (one: T) => string,
): { ms: number; said: string } {
  const times = found
    .filter(right)
    .map(({ ms }) => ms)
    .sort((a, b) => a - b)
  const refused = [...new Set(found.filter((one) => !right(one)).map(why))].join(' or ')
  const others = refused === '' ? '' : `; ${found.length - times.length} refused: ${refused}`
  const said = `${times.length} answered, half of them within ${at(times, 0.5).toFixed(0)} ms, the last after ${at(times, 1).toFixed(0)} ms${others}`
  return { ms: performance.now() - started, said }
}

function saidOf({ firstMs, rows, bytes, stats, statsBytes, error }: Asked): string {
  if (error !== '') return 'the error'
  const of = stats === 0 ? '' : `; ${stats} STATS, the largest ${size(statsBytes)}`
  return `${rows.toLocaleString('en')} rows, the first after ${firstMs.toFixed(0)} ms, ${size(bytes)}${of}`
}

function size(bytes: number): string {
  return bytes < 10_000
    ? `${bytes} B`
    : bytes < 1e6
      ? `${Math.round(bytes / 1000)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

interface Page extends Measured {
  readonly startMs: number
  readonly idle: number
  readonly after: number
  readonly peak: number
  readonly lines: readonly Line[]
  readonly broker: Backdrop
  readonly constants: Constants
}

function page({ topics, partitions, runs, startMs, idle, after, peak, lines, broker, constants }: Page): string {
  const ms = (value: number): string => (Number.isNaN(value) ? '–' : value < 10 ? value.toFixed(1) : value.toFixed(0))
  const rows = lines.map(({ what, ms: times, said, felt }) => {
    const cells = [
      times.map(ms).join(', '),
      said,
      ms(felt.health.at(-1) ?? Number.NaN),
      ms(felt.busyMs),
      ms(at(felt.small, 0.99)),
    ]
    return `| ${what} | ${cells.join(' | ')} |`
  })
  const refused = lines.flatMap(({ felt }) => felt.refused)
  const load = loadavg()
    .map((n) => n.toFixed(1))
    .join(', ')
  return `# Results of \`node bench/main.ts --scale\`

${new Date().toISOString().slice(0, 10)}; ${machineName()}; the sandbox's broker (${topics.toLocaleString('en')} topics of one partition, one of ${partitions.toLocaleString('en')} with ${RECORDS_PER_PARTITION} records each) and the clients on the same cores, load averages at the end ${load} (well above ${cpus().length}: other work was running, and figures by the clock are too large). ${runs} turns each, in order: the first one has to ask for what later ones may remember.

Server: ${ms(startMs)} ms from the command to the first good \`/health\` (looked for every 100 ms), ${idle} MiB resident then, ${after} MiB at the end, ${peak} MiB at most, with all of its threads. The broker's own process: ${broker.rssMiB} MiB.

“Others”, while it ran: the slowest \`/health\`, the longest stretch of processor time of the server's event loop, and \`SELECT … LIMIT 1\` of another account (99th percentile), one after the other. ${refused.length === 0 ? 'None of these small queries got an ERROR.' : `${refused.length} of these small queries got an ERROR: ${[...new Set(refused)].join(' ')}`}

| what | ms, turn by turn | what came | others: \`/health\`, ms | event loop, ms | small query, ms |
|---|---|---|---|---|---|
${rows.join('\n')}

What one thread pays (\`bench/scale/constants.ts\`, processor time, which other processes do not add to): a list of ${constants.topics.toLocaleString('en')} topics ${ms(constants.listMs)} ms (the first time ${ms(constants.listFirstMs)}; ${ms(constants.sameMs)} when it is the same as the last one), of which ${ms(constants.bytesPerTopic)} bytes a topic are kept; metadata of ${partitions.toLocaleString('en')} partitions ${ms(constants.metadataMs)} ms, of which ${ms(constants.bytesPerPartition)} bytes a partition are kept; the ends of as many ${ms(constants.boundsMs)} ms.
`
}
