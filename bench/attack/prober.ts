/**
 * The neighbour: asks two small queries and `/health` over and over, each about ten times a second, and says how long
 * each took. A process of its own, so that the attacker's work does not count. Messages:  `begin` → nothing, `end` →
 * `{ query: number[], health: number[], failed: string[] }` in ms; what has not come by then counts as it stands.
 */
import { WebSocket } from 'ws'

export interface Seen {
  readonly query: number[]
  readonly health: number[]
  readonly failed: string[]
}

const [url, path, token] = process.argv.slice(2)
const EVERY_MS = 100
/** At most so many at once: a server that stands still is not flooded. */
const AT_ONCE = 8
const STATEMENTS = ['SELECT 1 AS one', 'SELECT * FROM small LIMIT 1']
let seen: Seen = { query: [], health: [], failed: [] }
const open = { query: new Set<number>(), health: new Set<number>() }
let turn = 0

function query(): void {
  if (open.query.size >= AT_ONCE) return
  const [into, began] = [seen, performance.now()]
  open.query.add(began)
  const socket = new WebSocket(url.replace('http', 'ws') + path, { headers: { authorization: `Bearer ${token}` } })
  let rows = 0
  let failure = ''
  socket.on('open', () => socket.send(JSON.stringify({ sql: STATEMENTS[turn++ % STATEMENTS.length] })))
  socket.on('message', (message) => {
    const text = String(message)
    if (text.startsWith('{"type":"RECORD"')) rows++
    if (text.startsWith('{"type":"ERROR"')) failure = text
  })
  socket.on('error', (cause) => {
    failure = String(cause)
  })
  socket.on('close', () => {
    if (open.query.delete(began)) into.query.push(performance.now() - began)
    if (rows !== 1) into.failed.push(failure === '' ? `${rows} rows` : failure)
  })
}

function health(): void {
  if (open.health.size >= AT_ONCE) return
  const [into, began] = [seen, performance.now()]
  open.health.add(began)
  fetch(`${url}/health`)
    .then((answer) => answer.text())
    .catch((cause: unknown) => void into.failed.push(`/health: ${String(cause)}`))
    .finally(() => {
      if (open.health.delete(began)) into.health.push(performance.now() - began)
    })
}

setInterval(() => {
  query()
  health()
}, EVERY_MS)

process.on('message', (what) => {
  if (what === 'end') {
    const now = performance.now()
    seen.query.push(...[...open.query].map((began) => now - began))
    seen.health.push(...[...open.health].map((began) => now - began))
    process.send?.(seen)
  }
  // What is under way belongs to what was before.
  seen = { query: [], health: [], failed: [] }
})

process.on('disconnect', () => process.exit())
