/** The server with the real engine, on the embedded broker: what the stand-ins of the other tests cannot show. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { connect } from '../../../src/client/connect.ts'
import { type Sandbox, startSandbox } from '../../../src/sandbox/sandbox.ts'
import { readConfig } from '../../../src/server/config/config.ts'
import { createLog } from '../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../src/server/start.ts'
import { eventually, stoodStill } from '../../support/eventually.ts'
import { BEARER, DEMO_PATH, EVERYTHING, TOKEN } from './fixture.ts'

let sandbox: Sandbox
let server: RunningServer

before(async () => {
  sandbox = await startSandbox({ sizes: { payments: 200_000, vessels: 20_000 } })
  const config = await readConfig({
    server: { port: 0 },
    environments: [{ name: 'demo', kafka: { brokers: sandbox.brokers }, registry: sandbox.registryUrl }],
    serviceAccounts: [
      { name: 'ci', token: TOKEN, permissions: EVERYTHING },
      {
        name: 'narrow',
        token: 'narrow-token-0123456789',
        permissions: [{ environments: ['demo'], topics: ['orders'] }],
      },
    ],
    settings: { 'max.size': '1g' },
  })
  server = await startServer(config, { log: createLog('silent') })
})

after(async () => {
  await server.close(0)
  await sandbox.close()
})

async function values(sql: string, token = TOKEN): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const row of connect({ url: server.url, environment: 'demo', token }).query(sql).rows()) rows.push(row)
  return rows
}

test('whole numbers beyond 2^53 arrive exactly', async () => {
  const [row] = (await values('SELECT Timestamp FROM sea_vessel_position_reports LIMIT 1')) as { Timestamp: unknown }[]
  assert.equal(typeof row.Timestamp, 'bigint')
})

test('an account sees its topics and no others', async () => {
  const names = ((await values('SHOW TABLES', 'narrow-token-0123456789')) as { name: string }[]).map((row) => row.name)
  assert.deepEqual(names, ['orders'])
  await assert.rejects(values('SELECT * FROM cc_payments LIMIT 1', 'narrow-token-0123456789'), /cc_payments/)
})

test('the server configuration gives settings their defaults', async () => {
  const sql = 'SELECT count(*) FROM cc_payments'
  for await (const event of connect({ url: server.url, token: TOKEN }).query(sql, { stats: 1 })) {
    if (event.type === 'STATS') assert.equal(Object.values(event.data.sourceConfigs)[0]['max.size'], 1024 ** 3)
  }
})

/** A client that asks for everything and then reads nothing. */
async function silentClient(): Promise<WebSocket> {
  const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
  await once(ws, 'open')
  ws.send(JSON.stringify({ sql: 'SELECT * FROM cc_payments LIMIT 200000' }))
  ws.pause()
  return ws
}

test('a slow reader stops the fetch and takes little memory; closing stops the reading at the broker', async () => {
  const fetches = () => [...sandbox.broker.stats.bytesOut.values()].reduce((sum, bytes) => sum + bytes, 0)
  const before = fetches()
  const ws = await silentClient()
  await eventually('the broker is asked', () => fetches() > before)
  const stalled = await stoodStill(fetches, 300)
  const memory = process.memoryUsage().rss
  await wait(500)
  assert.ok(
    fetches() - stalled < 100_000,
    `the broker sent ${fetches() - stalled} bytes more to a query that nobody reads`,
  )
  // The topic holds about 19 MB; socket buffers and one fetch account for the rest.
  assert.ok(stalled > before && stalled - before < 12_000_000, `${stalled - before} bytes were read for nobody`)
  assert.ok(process.memoryUsage().rss - memory < 30 * 1024 * 1024)
  ws.terminate()
  const ended = await stoodStill(fetches, 200)
  await wait(300)
  assert.equal(fetches(), ended)
})

test('the event loop keeps turning while a query runs', async () => {
  // Processor time of this thread, so that what else the machine does counts for nothing.
  const spent = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let longest = 0
  let last = spent()
  const timer = setInterval(() => {
    const now = spent()
    longest = Math.max(longest, now - last)
    last = now
  }, 1)
  const rows = await values('SELECT currency, count(*), sum(amount) FROM cc_payments GROUP BY currency')
  clearInterval(timer)
  assert.ok(rows.length > 5)
  // The aim is 20 ms; slow machines take longer for the same work.
  assert.ok(longest < 200, `longest turn ${longest} ms`)
})
