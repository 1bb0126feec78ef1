/**
 * A real page in a real Chromium, with nothing but WebSocket and fetch, from an origin of its own; the server on real
 * Kafka. Whose answers a page may read: CORS by origin, off by default.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { chromium as playwright } from 'playwright-core'
import { browser as chromium, kafkaLibraries } from '../../scripts/provision.ts'
import type { RunningServer } from '../../src/server/start.ts'
import { topicName } from './cluster.ts'
import { kafkaHand } from './kafka-hand.ts'
import { type Case, cluster, ROBOT_KEY, serve, testCases } from './served.ts'

/** The background of a browser would look for hosts that no test machine reaches. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const program = await Promise.all([chromium(), kafkaLibraries()]).catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : program instanceof Error ? program.message : false

/** Serves the page; two of them are two origins. */
async function pageServer(): Promise<{ origin: string; close(): void }> {
  const html = readFileSync(join(import.meta.dirname, 'page', 'page.html'))
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}

async function fill(server: RunningServer, table: string, topic: string): Promise<void> {
  const ask = async (sql: string): Promise<void> => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/ws/v2/sql/execute`)
    socket.onopen = () => socket.send(JSON.stringify({ sql, token: ROBOT_KEY }))
    await new Promise((resolve) => socket.addEventListener('close', resolve))
  }
  await ask(`CREATE TABLE ${table}(_key string, name string, amount double) FORMAT (string, avro)`)
  await ask(
    `INSERT INTO ${table}(_key, name, amount) VALUES ('a', 'x', 1.5), ('b', 'y', 2.5), ('c', 'Ünïcødé 日本 🙂', 3.5)`,
  )
  const hand = await kafkaHand(cluster.kafka.bootstrap)
  try {
    await hand.create(topic)
    await hand.produce(
      topic,
      Array.from({ length: 20_000 }, (_, n) => ({ value: JSON.stringify({ n }) })),
    )
  } finally {
    await hand.close()
  }
}

async function run(executablePath: string): Promise<Case[]> {
  const [own, other] = [await pageServer(), await pageServer()]
  const server = await serve({ server: { port: 0, corsOrigins: [own.origin] } })
  const closed = await serve()
  const profile = await mkdtemp(join(tmpdir(), 'sluice-chromium-'))
  const table = topicName('page').replaceAll('-', '_')
  const topic = topicName('pages').replaceAll('-', '_')
  try {
    await fill(server, table, topic)
    const browser = await playwright.launchPersistentContext(profile, {
      executablePath,
      args: FLAGS,
      chromiumSandbox: false,
    })
    try {
      const visit = async (origin: string, about: object): Promise<Case[]> => {
        const page = await browser.newPage()
        await page.goto(`${origin}/#${encodeURIComponent(JSON.stringify({ table, topic, ...about }))}`)
        const outcome = await page.waitForFunction('window.outcome', undefined, { timeout: 120_000 })
        return (await outcome.jsonValue()) as Case[]
      }
      return [
        ...(await visit(own.origin, { server: server.url, set: 'all' })),
        ...(await visit(other.origin, { server: server.url, set: 'strangers', cors: 'an origin that is not named' })),
        ...(await visit(own.origin, { server: closed.url, set: 'strangers', cors: 'a server without CORS' })),
      ]
    } finally {
      await browser.close()
    }
  } finally {
    await Promise.all([server.close(0), closed.close(0)])
    own.close()
    other.close()
    await rm(profile, { recursive: true, force: true })
  }
}

if (skip !== false || program instanceof Error)
  it('a page in Chromium', { skip: skip === false ? 'no Chromium' : skip }, () => undefined)
else {
  const cases = await run(program[0])
  describe('a page in Chromium', () => testCases(cases, 20))
}
