/** What an attack is, and the ways of asking that attacks share. */
import { WebSocket } from 'ws'
import { TOKENS, type Target, type World } from './world.ts'

/** What the attacker was told. */
export interface Told {
  /** An ERROR, a refusal, or what came instead. */
  readonly text: string
  /** Whether that is right: an ERROR about the statement, a refusal, or an answer. */
  readonly right: boolean
}

export interface Attack {
  /** The kind: a row of the table in RESULTS.md. */
  readonly kind: string
  readonly name: string
  /** Left out of the short form: it takes long, or much of the machine. */
  readonly long?: true
  /** Makes what it needs of topics, once, before the server is started. */
  prepare?(world: World): Promise<void>
  run(target: Target, patienceMs: number): Promise<Told>
}

export interface Answer {
  readonly errors: readonly string[]
  readonly rows: number
  /** The first frames, for a look at them. */
  readonly text: string
  readonly ms: number
  /** END came. */
  readonly complete: boolean
}

export const V2 = '/api/v1/environments/demo/proxy/api/ws/v2/sql/execute'
export const JDBC = '/api/v1/environments/demo/proxy/api/ws/v3/jdbc/execute'

/** A connection of the attacker that sends a request when it is open; what comes is the caller's. */
export function sent(target: Target, request: object): WebSocket {
  const socket = new WebSocket(target.url.replace('http', 'ws') + V2, {
    headers: { authorization: `Bearer ${TOKENS.mallory}` },
  })
  socket.on('error', () => undefined)
  socket.on('open', () => socket.send(JSON.stringify(request)))
  return socket
}

/** Asks a statement as a service account and reads to the end, or until patience is at its end. */
export function ask(
  target: Target,
  sql: string,
  patienceMs: number,
  token: string = TOKENS.mallory,
  path = V2,
): Promise<Answer> {
  const began = performance.now()
  const socket = new WebSocket(target.url.replace('http', 'ws') + path, {
    headers: { authorization: `Bearer ${token}` },
  })
  const errors: string[] = []
  let [rows, text, complete] = [0, '', false]
  socket.on('message', (message: Buffer) => {
    const head = message.toString('utf8', 0, 2000)
    if (text.length < 4000) text += head
    if (head.startsWith('{"type":"RECORD"')) rows++
    else if (head.startsWith('{"type":"ERROR"')) errors.push(message.toString())
    else if (head.startsWith('{"type":"END"')) {
      complete = true
      socket.close()
    }
  })
  socket.on('open', () => socket.send(JSON.stringify({ sql })))
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      resolve({ errors, rows, text, ms: performance.now() - began, complete })
    }
    const timer = setTimeout(() => {
      socket.terminate()
      end()
    }, patienceMs)
    socket.once('error', (cause) => errors.push(String(cause)))
    socket.once('close', end)
  })
}

/** How many of them had which answer. */
export function counted(answers: readonly string[]): string {
  return [...Map.groupBy(answers, (text) => text)].map(([text, all]) => `${all.length} × ${text}`).join(', ')
}

/** Of an ERROR that says nothing of what the attacker did. */
const OURS = /Internal error|a fault of|Ask again/

/** What is to be thought of an answer to one statement. */
export function judged({ errors, rows, ms, complete }: Answer): Told {
  const seconds = `${(ms / 1000).toFixed(1)} s`
  if (errors.length > 0) {
    const text = String(
      (JSON.parse(errors[0].startsWith('{') ? errors[0] : JSON.stringify({ data: errors[0] })) as { data: unknown })
        .data,
    )
    return { text: `${text.split('\n')[0].slice(0, 220)} (${seconds})`, right: !OURS.test(text) }
  }
  if (!complete) return { text: `no answer within ${seconds}`, right: false }
  return { text: `${rows} rows (${seconds})`, right: true }
}

/** An attack that is one statement. */
export function statement(
  kind: string,
  name: string,
  sql: string | (() => string),
  more: Partial<Attack> = {},
): Attack {
  return {
    kind,
    name,
    run: async (target, patienceMs) => {
      const text = typeof sql === 'string' ? sql : sql()
      const answer = await ask(target, text, patienceMs)
      // The attack before it may have been what ended their thread: then one does what one is told, once.
      return judged(answer.errors.some(isOfAnother) ? await ask(target, text, patienceMs) : answer)
    },
    ...more,
  }
}

/** An ERROR of a query that ended for what another one on its thread did. */
function isOfAnother(error: string): boolean {
  return error.includes('another query on it used too much')
}
