/** Asking a server while it is watched: statements on a WebSocket, REST calls, and what others feel of it meanwhile. */
import { WebSocket } from 'ws'
import type { Server } from '../server.ts'
import { SMALL } from './names.ts'

/** What one statement gave. Milliseconds from the request; bytes of text. */
export interface Asked {
  readonly firstMs: number
  readonly ms: number
  readonly rows: number
  readonly bytes: number
  /** Frames of STATS: how many, the largest. */
  readonly stats: number
  readonly statsBytes: number
  /** The text of the ERROR; '' for none. */
  readonly error: string
  /** The value of the last RECORD. */
  readonly last: string
}

/** Asks one statement. `statsMs`: how often STATS are wanted. Never rejects. */
export function ask(url: string, token: string, sql: string, statsMs?: number): Promise<Asked> {
  return new Promise((resolve) => {
    let [started, firstMs, rows, bytes, stats, statsBytes] = [performance.now(), -1, 0, 0, 0, 0]
    let error = ''
    let last = ''
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false })
    socket.on('open', () => {
      started = performance.now()
      socket.send(JSON.stringify(statsMs === undefined ? { sql } : { sql, stats: statsMs }))
    })
    socket.on('message', (data: Buffer) => {
      bytes += data.length
      const type = data.toString('latin1', 9, 16)
      if (type.startsWith('RECORD')) {
        if (rows++ === 0) firstMs = performance.now() - started
        if (data.length < 500) last = data.toString()
      } else if (type.startsWith('STATS')) {
        stats++
        statsBytes = Math.max(statsBytes, data.length)
      } else if (type.startsWith('ERROR')) error ||= (JSON.parse(data.toString()) as { data: string }).data
    })
    socket.on('error', (cause) => {
      error ||= cause.message
    })
    socket.on('close', () =>
      resolve({ firstMs, ms: performance.now() - started, rows, bytes, stats, statsBytes, error, last }),
    )
  })
}

/** What a REST call gave. */
export interface Called {
  readonly ms: number
  readonly status: number
  readonly bytes: number
  readonly text: string
}

/** `path`: behind `…/proxy/`. */
export async function call(server: Server, token: string, path: string, body?: object): Promise<Called> {
  const url = server.url.replace(/^ws/, 'http').replace(/api\/ws.*$/, path)
  const started = performance.now()
  const answer = await fetch(url, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { ms: performance.now() - started, status: answer.status, bytes: text.length, text }
}

/** What others felt while something ran: milliseconds, sorted. */
export interface Felt {
  readonly health: readonly number[]
  readonly small: readonly number[]
  /** Errors of the small query: there should be none. */
  readonly refused: readonly string[]
  /** Longest stretch of processor time of the event loop. */
  readonly busyMs: number
}

/** Runs something while one client asks for `/health` and another asks a small query, each one after the other. */
export async function watched<T>(server: Server, token: string, run: () => Promise<T>): Promise<[T, Felt]> {
  let done = false
  const health: number[] = []
  const small: number[] = []
  const refused: string[] = []
  const origin = new URL(server.url.replace(/^ws/, 'http')).origin
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 10))
  const askHealth = async (): Promise<void> => {
    while (!done) {
      const started = performance.now()
      await (await fetch(`${origin}/health`)).text()
      health.push(performance.now() - started)
      await pause()
    }
  }
  const askSmall = async (): Promise<void> => {
    while (!done) {
      const { ms, error } = await ask(server.url, token, `SELECT n FROM ${SMALL} LIMIT 1`)
      if (error === '') small.push(ms)
      else refused.push(error)
      await pause()
    }
  }
  await server.loop()
  const others = Promise.all([askHealth(), askSmall()])
  const result = await run().finally(() => {
    done = true
  })
  await others
  const { busyMs } = await server.loop()
  const sorted = (of: number[]): number[] => of.sort((a, b) => a - b)
  return [result, { health: sorted(health), small: sorted(small), refused, busyMs }]
}
