/** Attacks by connections, logins and requests; most of them without an account. */
import { statSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { type Attack, ask, judged, type Told, V2 } from './attack.ts'
import { type Target, TOKENS, USER } from './world.ts'

const LOGINS = 'Logins'
const OPEN = 'Connections before authentication'
const READERS = 'Clients that do not read'
const MANY = 'Many queries of one account'
const RIGHTS = 'Rights'
const SMALL = 'Small doors'

const MARKS = `a${'\u0307\u0323'.repeat(250_000)}`

async function login(
  target: Target,
  body: unknown,
  patienceMs: number,
  headers: Record<string, string> = {},
): Promise<Response | string> {
  return await fetch(`${target.url}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(patienceMs),
  }).catch((cause: unknown) => String(cause))
}

async function toldOf(answer: Response | string, right: (status: number) => boolean): Promise<Told> {
  if (typeof answer === 'string') return { text: answer, right: false }
  const text = (await answer.text()).slice(0, 160)
  return { text: `${answer.status} ${text}`, right: right(answer.status) }
}

function oneLogin(name: string, body: unknown): Attack {
  return {
    kind: LOGINS,
    name,
    run: async (target, patienceMs) =>
      toldOf(await login(target, body, patienceMs), (status) => status >= 400 && status < 500),
  }
}

/** How long something is held up: less for the impatient. */
function held(patienceMs: number, mostMs: number): number {
  return Math.min(mostMs, patienceMs / 5)
}

/** Opens sockets, writes to each, waits, and says how many were still open. */
async function sockets(
  target: Target,
  count: number,
  write: (socket: Socket, n: number) => void,
  holdMs: number,
): Promise<Told> {
  const { port, hostname } = new URL(target.url)
  const all: Socket[] = []
  const seen = new Map<string, number>()
  for (let n = 0; n < count; n++) {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    socket.once('data', (bytes: Buffer) => {
      const line = bytes.toString('latin1').split('\r\n')[0].slice(0, 60)
      seen.set(line, (seen.get(line) ?? 0) + 1)
    })
    socket.on('connect', () => write(socket, n))
    all.push(socket)
    if (n % 50 === 49) await sleep(5)
  }
  await sleep(holdMs)
  const open = all.filter((socket) => !socket.destroyed && socket.readyState !== 'closed').length
  for (const socket of all) socket.destroy()
  const answers = [...seen].map(([line, times]) => `${times} × ${line}`).join(', ')
  return {
    text: `${open} of ${count} left open after ${holdMs / 1000} s; ${answers === '' ? 'no answers' : answers}`,
    right: true,
  }
}

const HANDSHAKE =
  'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nHost: x\r\n\r\n'

/** A masked fragment of a text message that never ends. */
function fragment(bytes: number, first: boolean): Buffer {
  const head = Buffer.from([first ? 0x01 : 0x00, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeBigUInt64BE(BigInt(bytes), 2)
  return Buffer.concat([head, Buffer.alloc(bytes, 'x')])
}

/** Queries of one account, none of whose clients reads; resolves with what they were told. */
async function unread(target: Target, count: number, sql: string, holdMs: number): Promise<Told> {
  const told = new Map<string, number>()
  const all = Array.from({ length: count }, () => {
    const socket = new WebSocket(target.url.replace('http', 'ws') + V2, {
      headers: { authorization: `Bearer ${TOKENS.mallory}` },
    })
    socket.on('error', () => undefined)
    socket.on('open', () => socket.send(JSON.stringify({ sql })))
    socket.once('message', (message) => {
      const text = String(message)
      const kind = text.startsWith('{"type":"ERROR"')
        ? (JSON.parse(text) as { data: string }).data.slice(0, 140)
        : 'began'
      told.set(kind, (told.get(kind) ?? 0) + 1)
      socket.pause()
    })
    return socket
  })
  await sleep(holdMs)
  for (const socket of all) socket.terminate()
  const text = [...told].map(([kind, times]) => `${times} × ${kind}`).join('; ')
  return { text, right: [...told.keys()].some((kind) => /max\.concurrent/.test(kind)) }
}

export const CONNECTIONS: readonly Attack[] = [
  oneLogin('a password of 500,000 marks', { user: USER.name, password: MARKS }),
  oneLogin('a name of 500,000 marks', { user: MARKS, password: 'x' }),
  oneLogin('a password of 1,000 marks', { user: USER.name, password: MARKS.slice(0, 1000) }),
  oneLogin('a body of 100,000 brackets', `{"user":${'['.repeat(100_000)}${']'.repeat(100_000)},"password":"x"}`),
  {
    kind: LOGINS,
    name: '480 wrong logins with names of 1 MB',
    run: async (target, patienceMs) => {
      const statuses = new Map<string, number>()
      const until = performance.now() + held(patienceMs, 60_000)
      for (let n = 0; n < 480 && performance.now() < until; n += 8)
        await Promise.all(
          Array.from({ length: 8 }, async (_, i) => {
            const answer = await login(target, { user: `${n + i}${'n'.repeat(1_000_000)}`, password: 'x' }, 30_000)
            const status = typeof answer === 'string' ? answer : String(answer.status)
            statuses.set(status, (statuses.get(status) ?? 0) + 1)
          }),
        )
      return { text: [...statuses].map(([status, times]) => `${times} × ${status}`).join(', '), right: true }
    },
  },
  {
    kind: LOGINS,
    name: '150 wrong passwords for one name',
    run: async (target, patienceMs) => {
      const statuses = new Map<number, number>()
      const until = performance.now() + held(patienceMs, 60_000)
      for (let n = 0; n < 150 && performance.now() < until; n++) {
        const answer = await login(target, { user: 'nobody-at-all', password: `wrong-${n}` }, 30_000)
        const status = typeof answer === 'string' ? 0 : answer.status
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
      const text = [...statuses].map(([status, times]) => `${times} × ${status}`).join(', ')
      return { text, right: (statuses.get(401) ?? 0) <= 100 }
    },
  },
  {
    kind: LOGINS,
    name: 'a token of 500,000 characters in the first message',
    run: async (target, patienceMs) => {
      const socket = new WebSocket(`${target.url.replace('http', 'ws')}/api/ws/v2/sql/execute`)
      let text = ''
      socket.on('message', (message) => {
        text ||= String(message).slice(0, 160)
      })
      socket.on('open', () => socket.send(JSON.stringify({ sql: 'SELECT 1', token: MARKS })))
      socket.on('error', () => undefined)
      await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(patienceMs)])
      socket.terminate()
      return { text, right: /ERROR/.test(text) }
    },
  },
  {
    kind: OPEN,
    name: '1,500 connections with a body of 1 MiB',
    long: true,
    run: (target, patienceMs) =>
      sockets(
        target,
        1500,
        (socket) => {
          socket.write(
            `POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n`,
          )
          socket.write(Buffer.alloc(1_000_000, 'x'))
        },
        held(patienceMs, 15_000),
      ),
  },
  {
    kind: OPEN,
    name: '300 connections with a body of 1 MiB',
    run: (target, patienceMs) =>
      sockets(
        target,
        300,
        (socket) => {
          socket.write(
            `POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n`,
          )
          socket.write(Buffer.alloc(1_000_000, 'x'))
        },
        held(patienceMs, 4000),
      ),
  },
  {
    kind: OPEN,
    name: '1,000 silent connections',
    run: (target, patienceMs) => sockets(target, 1000, () => undefined, held(patienceMs, 4000)),
  },
  {
    kind: OPEN,
    name: '1,000 silent WebSockets without a token',
    run: (target, patienceMs) =>
      sockets(
        target,
        1000,
        (socket) => void socket.write(`GET /api/ws/v2/sql/execute HTTP/1.1\r\n${HANDSHAKE}`),
        held(patienceMs, 4000),
      ),
  },
  {
    kind: OPEN,
    name: '300 first messages in fragments',
    run: (target, patienceMs) =>
      sockets(
        target,
        300,
        (socket) => {
          socket.write(`GET /api/ws/v2/sql/execute HTTP/1.1\r\n${HANDSHAKE}`)
          socket.write(fragment(900_000, true))
        },
        held(patienceMs, 4000),
      ),
  },
  {
    kind: OPEN,
    name: '200 first messages in fragments of one byte',
    run: (target, patienceMs) =>
      sockets(
        target,
        200,
        (socket) => {
          socket.write(`GET /api/ws/v2/sql/execute HTTP/1.1\r\n${HANDSHAKE}`)
          const one = Buffer.from([0x00, 0x81, 0, 0, 0, 0, 0x78])
          socket.write(
            Buffer.concat([Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x78]), ...Array.from({ length: 20_000 }, () => one)]),
          )
        },
        held(patienceMs, 4000),
      ),
  },
  {
    kind: READERS,
    name: '40 queries of rows of 16 kB',
    prepare: (world) =>
      world.topic(
        'open_wide',
        Array.from({ length: 3000 }, (_, n) => ({ value: JSON.stringify({ n, text: 'x'.repeat(16_000) }) })),
      ),
    run: (target, patienceMs) => unread(target, 40, 'SELECT * FROM open_wide', held(patienceMs, 8000)),
  },
  {
    kind: READERS,
    name: '40 queries of rows of 1 MB each, made by a function',
    run: (target, patienceMs) =>
      unread(target, 40, "SELECT LPAD(text, 300000, 'x') AS x FROM open_wide", held(patienceMs, 8000)),
  },
  {
    kind: MANY,
    name: 'ten queries that group by UUID()',
    long: true,
    run: async (target, patienceMs) => {
      const sql = 'SELECT COUNT(*) FROM open_wide a CROSS JOIN open_wide b GROUP BY UUID()'
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => ask(target, sql, Math.max(patienceMs, 90_000))),
      )
      const told = new Map<string, number>()
      for (const answer of answers) {
        const text = judged(answer).text.replace(/ \([\d.]+ s\)$/, '')
        told.set(text, (told.get(text) ?? 0) + 1)
      }
      return {
        text: [...told].map(([text, times]) => `${times} × ${text}`).join('; '),
        right: answers.every((a) => a.complete),
      }
    },
  },
  {
    kind: MANY,
    name: 'ten queries that work without end',
    run: async (target, patienceMs) => {
      const sql = 'SELECT COUNT(*) FROM open_wide a CROSS JOIN open_wide b CROSS JOIN open_wide c'
      await Promise.all(Array.from({ length: 10 }, () => ask(target, sql, held(patienceMs, 6000))))
      return { text: 'ended by the attacker', right: true }
    },
  },
  {
    kind: RIGHTS,
    name: 'a service account with the name of a user',
    run: async (target) => {
      const session = await login(target, { user: USER.name, password: USER.password }, 10_000)
      if (typeof session === 'string') return { text: session, right: false }
      const token = (await session.text()).replaceAll('"', '')
      const socket = new WebSocket(`${target.url.replace('http', 'ws')}/api/ws/v2/sql/execute`)
      socket.on('error', () => undefined)
      socket.on('open', () =>
        socket.send(JSON.stringify({ sql: "SELECT 'a secret' AS x, text FROM open_wide", token })),
      )
      socket.once('message', () => socket.pause())
      await sleep(1500)
      const other = await ask(target, 'SHOW QUERIES', 10_000, 'token-of-the-other-alice')
      socket.terminate()
      const sees = other.text.includes('a secret')
      return { text: sees ? 'sees the statements of the user' : 'sees its own', right: !sees }
    },
  },
  {
    kind: RIGHTS,
    name: '`references` to a hidden subject',
    prepare: async (world) => {
      await world.register('hidden-value', {
        type: 'record',
        name: 'Hidden',
        fields: [{ name: 'secret_field', type: 'int' }],
      })
    },
    run: async (target) => {
      const try_ = async (subject: string): Promise<string> => {
        const answer = await fetch(
          `${target.url}/api/v1/environments/demo/proxy/api/proxy-sr/compatibility/subjects/small-value/versions/latest`,
          {
            method: 'POST',
            headers: { authorization: 'Bearer token-of-the-other-alice', 'content-type': 'application/json' },
            body: JSON.stringify({
              schema: JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'h', type: 'Hidden' }] }),
              references: [{ name: 'Hidden', subject, version: 1 }],
            }),
          },
        )
        // Each answer has an id of its own.
        return `${answer.status} ${(await answer.text()).replace(/"request_id":"[^"]*"/, '')}`
      }
      const [there, not] = [await try_('hidden-value'), await try_('nothing-value')]
      return { text: there.slice(0, 150), right: there.replaceAll('hidden', '') === not.replaceAll('nothing', '') }
    },
  },
  {
    kind: SMALL,
    name: 'login with a foreign Origin',
    run: async (target) =>
      toldOf(
        await login(target, { user: USER.name, password: USER.password }, 10_000, {
          origin: 'https://elsewhere.example',
        }),
        (status) => status === 403,
      ),
  },
  {
    kind: SMALL,
    name: 'answers without nosniff',
    run: async (target) => {
      const answers = await Promise.all(
        ['/health', '/api/v1/environments', '/nowhere', '/api/auth'].map((path) => fetch(target.url + path)),
      )
      const without = answers.filter((answer) => answer.headers.get('x-content-type-options') !== 'nosniff')
      return { text: without.map(({ url }) => new URL(url).pathname).join(', ') || 'none', right: without.length === 0 }
    },
  },
  {
    kind: SMALL,
    name: 'who may read the data folder',
    run: async (target) => {
      const mode = statSync(join(target.folder, 'data', 'sluice.db')).mode & 0o777
      return { text: mode.toString(8), right: (mode & 0o077) === 0 }
    },
  },
]
