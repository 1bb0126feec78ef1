/** Attacks by what the page asks for: saved queries, dry runs of INSERT, messages in batches, sizes of topics. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, ask, counted, judged, sent, type Told } from './attack.ts'
import { type Target, TOKENS } from './world.ts'

const PAGE = 'What the page asks'
const AT_ONCE = 50

async function called(target: Target, method: string, path: string, body: unknown, patienceMs: number) {
  // A kept connection may be closed by the server while it is taken for the next call: that call is made once more.
  const first = await calledOnce(target, method, path, body, patienceMs)
  return first === 'TypeError: fetch failed' ? calledOnce(target, method, path, body, patienceMs) : first
}

async function calledOnce(target: Target, method: string, path: string, body: unknown, patienceMs: number) {
  const answer = await fetch(`${target.url}/api/v1/environments/demo/proxy/${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKENS.mallory}` },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(patienceMs),
  }).catch((cause: unknown) => String(cause))
  if (typeof answer === 'string') return answer
  await answer.arrayBuffer()
  return String(answer.status)
}

/** `count` calls, some at a time; every status and how often it came. */
async function manyCalls(count: number, one: (n: number) => Promise<string>): Promise<Told> {
  const texts: string[] = []
  for (let n = 0; n < count; n += AT_ONCE)
    texts.push(...(await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - n) }, (_, i) => one(n + i)))))
  return { text: counted(texts), right: texts.every((text) => /^(2|4)\d\d$/.test(text)) }
}

/** Batched rows for clients that take none of them. */
async function unreadBatches(target: Target, count: number, patienceMs: number): Promise<Told> {
  const told: string[] = []
  const sockets = Array.from({ length: count }, () => {
    const socket = sent(target, { sql: 'SELECT * FROM open_wide', batch: true })
    socket.on('open', () => socket.pause())
    socket.once('close', () => told.push('closed'))
    return socket
  })
  await sleep(Math.min(6000, patienceMs / 5))
  for (const socket of sockets) socket.terminate()
  return { text: `${count} opened, ${told.length} of them closed by the server`, right: true }
}

export const ON_THE_PAGE: readonly Attack[] = [
  {
    kind: PAGE,
    name: '1,000 saved queries of 100,000 characters',
    run: (target, patienceMs) =>
      manyCalls(1000, (n) =>
        called(
          target,
          'PUT',
          `api/v1/saved-queries/${encodeURIComponent(`q${n}`)}`,
          { sql: `SELECT '${'x'.repeat(99_000)}' FROM small`, parameters: {} },
          patienceMs,
        ),
      ),
  },
  {
    kind: PAGE,
    name: 'the list of them, 300 times',
    run: (target, patienceMs) =>
      manyCalls(300, () => called(target, 'GET', 'api/v1/saved-queries', undefined, patienceMs)),
  },
  {
    kind: PAGE,
    name: 'sizes and fields of all topics, 300 times',
    run: (target, patienceMs) =>
      manyCalls(300, () => called(target, 'GET', 'api/v1/datasets?pageSize=500', undefined, patienceMs)),
  },
  {
    kind: PAGE,
    name: 'a dry run of an INSERT that never ends',
    run: async (target, patienceMs) =>
      judged(
        await ask(
          target,
          "SET max.query.time = 3s; EXPLAIN INSERT INTO small SELECT REPEAT('x', 1000) AS text FROM open_wide a CROSS JOIN open_wide b",
          patienceMs,
        ),
      ),
  },
  {
    kind: PAGE,
    name: '40 clients that take no batch of messages',
    run: (target, patienceMs) => unreadBatches(target, 40, patienceMs),
  },
]
