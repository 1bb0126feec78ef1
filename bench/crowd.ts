/**
 * Many clients of many accounts at once, each asking one thing after the other, and one more whose small query is
 * timed. `node bench/main.ts --crowd` runs it against the real program on a real Kafka; a test runs it while threads of
 * the server are ended under it.
 */
import { WebSocket } from 'ws'

/** The topic that they ask: `n` counts up from 0, `g` is `n % 10`, `text` has some words. */
export interface CrowdTopic {
  readonly name: string
  readonly records: number
}

/** How one query ended. */
export interface Outcome {
  readonly sql: string
  readonly rows: readonly unknown[]
  /** The text of the ERROR, where it had one. */
  readonly error: string | undefined
  /** Whether END and the close with 1000 came. */
  readonly ended: boolean
  readonly ms: number
}

interface Question {
  readonly sql: string
  /** What is wrong with the rows of a query that had no error; undefined: nothing. */
  wrong(rows: readonly unknown[]): string | undefined
}

/** The small query, whose time is taken. */
export function smallQuery({ name }: CrowdTopic): Question {
  return { sql: `SELECT n FROM ${name} LIMIT 1`, wrong: (rows) => (rows.length === 1 ? undefined : 'not one row') }
}

/** What the crowd asks: scans, groups, sorts, joins, small ones. */
export function questions(topic: CrowdTopic): readonly Question[] {
  const { name, records } = topic
  const exactly = (expected: unknown) => (rows: readonly unknown[]) =>
    JSON.stringify(rows) === JSON.stringify(expected) ? undefined : `${JSON.stringify(rows).slice(0, 200)}`
  return [
    smallQuery(topic),
    {
      sql: `SELECT count(*) AS n, sum(n) AS s FROM ${name}`,
      wrong: exactly([{ n: records, s: (records * (records - 1)) / 2 }]),
    },
    {
      sql: `SELECT g, count(*) AS n FROM ${name} GROUP BY g ORDER BY g`,
      wrong: exactly(Array.from({ length: 10 }, (_, g) => ({ g, n: records / 10 }))),
    },
    { sql: `SELECT n FROM ${name} ORDER BY n DESC LIMIT 2`, wrong: exactly([{ n: records - 1 }, { n: records - 2 }]) },
    {
      sql: `SELECT count(*) AS n FROM ${name} a JOIN (SELECT n FROM ${name} WHERE n < 100) b ON a.n = b.n`,
      wrong: exactly([{ n: 100 }]),
    },
    { sql: `SELECT count(*) AS n FROM ${name} WHERE text LIKE '%needle%'`, wrong: exactly([{ n: records / 10 }]) },
    { sql: `SHOW QUERIES`, wrong: (rows) => (rows.length > 0 ? undefined : 'does not show itself') },
  ]
}

/** Asks one thing. Never rejects: a lost connection is an outcome without an end. */
export function ask(url: string, token: string, sql: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const started = performance.now()
    const rows: unknown[] = []
    let error: string | undefined
    let end = false
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false })
    socket.on('open', () => socket.send(JSON.stringify({ sql })))
    socket.on('message', (message) => {
      const frame = JSON.parse(String(message)) as { type: string; data: { value: unknown } & string }
      if (frame.type === 'RECORD') rows.push(frame.data.value)
      else if (frame.type === 'ERROR') error = frame.data
      else if (frame.type === 'END') end = true
    })
    socket.on('error', (cause) => {
      error ??= cause.message
    })
    socket.on('close', (code) =>
      resolve({ sql, rows, error, ended: end && code === 1000, ms: performance.now() - started }),
    )
  })
}

/** What became of all queries of a crowd. */
export interface CrowdResult {
  readonly answered: number
  /** ERRORs by their first words. */
  readonly errors: ReadonlyMap<string, number>
  /** Wrong rows, or no end: there should be none. */
  readonly faults: readonly string[]
  /** Milliseconds of the small query, sorted. */
  readonly smallMs: readonly number[]
}

/** How large a crowd is, and how long it asks. */
export interface CrowdOptions {
  readonly clients: number
  readonly seconds: number
  /** Told how many queries were answered, often. Until it says so, the crowd goes on, up to `PATIENCE` times as long. */
  readonly enough?: (answered: number) => boolean
}

const PATIENCE = 20

/** Runs `clients` clients of the accounts for so long. The first token is of the account that is timed. */
export async function runCrowd(
  url: string,
  tokens: readonly string[],
  topic: CrowdTopic,
  { clients, seconds, enough = () => true }: CrowdOptions,
): Promise<CrowdResult> {
  const startedMs = performance.now()
  const goesOn = (): boolean => {
    const passed = (performance.now() - startedMs) / 1000
    return !enough(answered) ? passed < seconds * PATIENCE : passed < seconds
  }
  const errors = new Map<string, number>()
  const faults: string[] = []
  const smallMs: number[] = []
  let answered = 0
  const take = (question: Question, outcome: Outcome): void => {
    const { error, ended, rows } = outcome
    const wrong = error === undefined ? question.wrong(rows) : undefined
    if (!ended) faults.push(`no end: ${question.sql} (${error ?? 'no error'})`)
    else if (wrong !== undefined) faults.push(`${question.sql}: ${wrong}`)
    if (error === undefined) answered++
    else errors.set(error.slice(0, 70), (errors.get(error.slice(0, 70)) ?? 0) + 1)
  }
  const [own, ...others] = tokens
  const all = questions(topic)
  const client = async (number: number): Promise<void> => {
    for (let i = number; goesOn(); i++) {
      const question = all[i % all.length]
      take(question, await ask(url, others[number % others.length], question.sql))
    }
  }
  const timed = async (): Promise<void> => {
    const question = smallQuery(topic)
    while (goesOn()) {
      const outcome = await ask(url, own, question.sql)
      take(question, outcome)
      if (outcome.error === undefined) smallMs.push(outcome.ms)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  await Promise.all([timed(), ...Array.from({ length: clients }, (_, i) => client(i))])
  return { answered, errors, faults, smallMs: smallMs.sort((a, b) => a - b) }
}
