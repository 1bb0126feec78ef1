/** Attacks by queries without an end, and by results that leave as files. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, ask, counted, judged, sent, type Told } from './attack.ts'
import { type Target, TOKENS } from './world.ts'

const FILES = 'Results as files'
const FOLLOW = 'Queries that follow'
const CODES = 'Codes of a demo'

const HOLD_MS = 6000

async function exported(target: Target, body: object, patienceMs: number): Promise<Response | string> {
  return await fetch(`${target.url}/api/v1/sql/export`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKENS.mallory}` },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(patienceMs),
  }).catch((cause: unknown) => String(cause))
}

/** Exports whose clients take the head and nothing more. */
async function unreadFiles(target: Target, count: number, body: object, patienceMs: number): Promise<Told> {
  const answers = await Promise.all(Array.from({ length: count }, () => exported(target, body, patienceMs)))
  await sleep(Math.min(HOLD_MS, patienceMs / 5))
  const texts = await Promise.all(
    answers.map(async (answer) => {
      if (typeof answer === 'string') return answer
      if (answer.ok) {
        await answer.body?.cancel()
        return '200'
      }
      return `${answer.status} ${(await answer.text()).slice(0, 140)}`
    }),
  )
  return { text: counted(texts), right: texts.every((text) => /^(200|4\d\d)/.test(text)) }
}

/** One export, read to its end and thrown away. */
async function wholeFile(target: Target, body: object, patienceMs: number): Promise<Told> {
  const answer = await exported(target, body, patienceMs)
  if (typeof answer === 'string') return { text: answer, right: false }
  let bytes = 0
  try {
    for await (const chunk of answer.body ?? []) bytes += chunk.length
  } catch (cause) {
    return { text: `${answer.status}, broken off after ${bytes} bytes: ${String(cause)}`, right: false }
  }
  return { text: `${answer.status}, ${bytes} bytes`, right: answer.status < 500 }
}

/** Queries that follow a topic into which nothing comes. */
async function silent(target: Target, count: number, patienceMs: number): Promise<Told> {
  const told: string[] = []
  const all = Array.from({ length: count }, () => {
    const socket = sent(target, { sql: 'SELECT * FROM small', follow: true })
    socket.once('message', (message) => {
      const text = String(message)
      told.push(
        text.startsWith('{"type":"ERROR"') ? (JSON.parse(text) as { data: string }).data.slice(0, 140) : 'began',
      )
    })
    return socket
  })
  await sleep(Math.min(HOLD_MS, patienceMs / 5))
  for (const socket of all) socket.terminate()
  return { text: counted(told), right: told.length > 0 }
}

const WIDE = `SELECT ${Array.from({ length: 2000 }, (_, n) => `CONCAT('${n}', text) AS c${n}`).join(', ')} FROM open_wide LIMIT 200`

export const OUTPUTS: readonly Attack[] = [
  {
    kind: FILES,
    name: '40 exports that nobody reads, as Parquet',
    run: (target, patienceMs) =>
      unreadFiles(target, 40, { sql: 'SELECT * FROM open_wide', format: 'parquet' }, patienceMs),
  },
  {
    kind: FILES,
    name: '40 exports that nobody reads, as NDJSON',
    run: (target, patienceMs) =>
      unreadFiles(target, 40, { sql: 'SELECT * FROM open_wide', format: 'ndjson' }, patienceMs),
  },
  {
    kind: FILES,
    name: '200 rows of 2,000 columns of 16 kB, as Arrow',
    long: true,
    run: (target, patienceMs) => wholeFile(target, { sql: WIDE, format: 'arrow' }, patienceMs),
  },
  {
    kind: FILES,
    name: 'a product that never ends, as Parquet, left after a while',
    run: async (target, patienceMs) => {
      const sql = 'SELECT a.n FROM open_wide a CROSS JOIN open_wide b CROSS JOIN open_wide c'
      const answer = await exported(target, { sql, format: 'parquet' }, Math.min(HOLD_MS, patienceMs / 5))
      if (typeof answer === 'string') return { text: 'left by the attacker', right: true }
      await answer.body?.cancel()
      return { text: `${answer.status}, left by the attacker`, right: answer.status < 500 }
    },
  },
  {
    kind: FILES,
    name: 'a format that is not there, and one of Object',
    run: async (target, patienceMs) => {
      const answers = await Promise.all(
        ['exe', '__proto__', 'constructor'].map((format) => exported(target, { sql: 'SELECT 1', format }, patienceMs)),
      )
      const texts = answers.map((answer) => (typeof answer === 'string' ? answer : String(answer.status)))
      return { text: counted(texts), right: texts.every((text) => text === '400') }
    },
  },
  {
    kind: FOLLOW,
    name: '60 of one account, in silence',
    run: (target, patienceMs) => silent(target, 60, patienceMs),
  },
  {
    kind: FOLLOW,
    name: 'from the beginning, a group for each record and a row for each of them',
    run: async (target, patienceMs) =>
      judged(
        await ask(
          target,
          'SET follow = true; SET max.query.time = 3s; SELECT UUID(), count(*) FROM open_wide WHERE _meta.offset >= 0 GROUP BY UUID()',
          patienceMs,
        ),
      ),
  },
  {
    kind: CODES,
    name: '300 guesses',
    run: async (target, patienceMs) => {
      const guess = async (n: number): Promise<string> => {
        const answer = await fetch(`${target.url}/api/login`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ code: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` }),
          signal: AbortSignal.timeout(patienceMs),
        }).catch((cause: unknown) => String(cause))
        return typeof answer === 'string' ? answer : String(answer.status)
      }
      // So many strangers at once: some of their connections give way to others.
      const texts = await Promise.all(Array.from({ length: 300 }, (_, n) => guess(n)))
      return { text: counted(texts), right: texts.every((text) => /^(4\d\d$|TypeError)/.test(text)) }
    },
  },
]
