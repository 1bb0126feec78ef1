/**
 * What is large, or goes wrong, on the page, against a server on the real Kafka: ten million rows, a record of 20 MB,
 * 2,000 columns, 100,000 records that arrive at once, a server that ends and comes back, two tabs, a wrong clock. The
 * page answers meanwhile: each time its palette opens, and another query runs. Nothing is timed.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { Producer, stringSerializers } from '@platformatic/kafka'
import type { Browser, Page } from 'playwright-core'
import { seedTopics } from '../../bench/seed.ts'
import { type SluiceProcess, startSluice, TOKEN } from '../support/sluice-process.ts'
import { topicName } from './cluster.ts'
import { type KafkaHand, kafkaHand } from './kafka-hand.ts'
import { cluster } from './served.ts'
import {
  launchBrowser,
  logIn,
  phase,
  runStatement,
  see,
  type Watched,
  watchedPage,
  withoutBrowser,
} from './studio-page.ts'

const PAYMENTS = 500_000
/** Characters of the large records. */
const LARGE = [15_000_000, 20_000_000]
const MOST_ROWS = '500,000 rows'

const payments = topicName('payments')
const large = topicName('large')
const wide = topicName('wide')
const news = topicName('news')

describe('what is large on the page', { skip: cluster.skip !== false ? cluster.skip : withoutBrowser }, () => {
  let server: SluiceProcess
  let hand: KafkaHand
  let browser: Browser
  let watched: Watched
  let page: Page

  const start = (port: number): Promise<SluiceProcess> =>
    startSluice(
      [
        ...['--brokers', cluster.kafka.bootstrap, '--registry', cluster.registry.url, '--environment', 'demo'],
        ...['--user', 'admin:studio-secret', '--service-account', `robot:${TOKEN}`],
        ...['--port', String(port), '--log-level', 'warn'],
      ],
      { plain: true },
    )

  before(async () => {
    const { bootstrap } = cluster.kafka
    hand = await kafkaHand(bootstrap)
    await Promise.all([
      seedTopics(bootstrap, cluster.registry.url, [{ kind: 'payments', topic: payments, count: PAYMENTS }]),
      hand.create(large, { config: { 'max.message.bytes': '30000000' } }),
      hand.create(wide),
      hand.create(news, { partitions: 3 }),
    ])
    const producer = new Producer({
      clientId: 'large',
      bootstrapBrokers: [bootstrap],
      serializers: stringSerializers,
    })
    for (const [i, characters] of LARGE.entries()) {
      const value = JSON.stringify({ id: i + 1, text: 'x'.repeat(characters), end: 'the end' })
      await producer.send({ messages: [{ topic: large, key: `k${i}`, value }] })
    }
    await producer.close()
    const fields = Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`field_${n}`, n]))
    await hand.produce(
      wide,
      Array.from({ length: 50 }, (_, n) => ({ key: `${n}`, value: JSON.stringify({ ...fields, field_0: n }) })),
    )
    server = await start(0)
    browser = await launchBrowser()
    watched = await watchedPage(browser)
    page = watched.page
    await logIn(page, server.url, 'admin', 'studio-secret')
    watched.complaints.splice(0)
  })
  after(async () => {
    await browser?.close()
    await server?.close()
    await hand?.close()
  })
  afterEach(() => assert.deepEqual(watched.complaints.splice(0), []))

  /** Writes so many records into the topic that is followed. */
  async function arriving(count: number): Promise<void> {
    const producer = new Producer({
      clientId: 'news',
      bootstrapBrokers: [cluster.kafka.bootstrap],
      serializers: stringSerializers,
    })
    for (let from = 0; from < count; from += 10_000) {
      const messages = Array.from({ length: 10_000 }, (_, i) => ({
        topic: news,
        key: `k${from + i}`,
        value: `{"id":${from + i},"text":"news"}`,
      }))
      await producer.send({ messages })
    }
    await producer.close()
  }

  const status = (on = page) => on.innerText('.status-line')

  /** The page takes keys and draws. */
  async function answers(on = page): Promise<void> {
    await on.keyboard.press('Control+k')
    await see(on, 'dialog[open] input')
    await on.keyboard.press('Escape')
    await on.waitForSelector('dialog', { state: 'detached' })
  }

  async function small(on = page): Promise<void> {
    await runStatement(on, `SELECT count(*) AS n FROM \`${wide}\``)
    await phase(on, 'complete')
    await see(on, '.grid-row .cell >> text=50')
  }

  it('ten million rows: the page keeps what its limit says, and goes on', async () => {
    const ten = `(SELECT id FROM \`${payments}\` LIMIT 20) AS b`
    await runStatement(page, `SELECT a.*, b.id AS other FROM \`${payments}\` AS a CROSS JOIN ${ten} LIMIT 10000000`)
    await phase(page, 'running')
    await answers()
    await phase(page, 'limited')
    assert.ok((await status()).includes(MOST_ROWS), await status())
    await page.focus('.grid')
    await page.keyboard.press('Control+End')
    await see(page, `.grid-row .row-number >> text=${MOST_ROWS.replace(' rows', '')}`)
    assert.ok((await page.locator('.grid-row').count()) < 60, 'only what is seen is drawn')
    await page.getByText('Export all …').waitFor()
    const devTools = await watched.context.newCDPSession(page)
    await devTools.send('Performance.enable')
    const { metrics } = await devTools.send('Performance.getMetrics')
    const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.POSITIVE_INFINITY
    assert.ok(heap < 100 * 1024 * 1024, `the rows are the worker's: ${heap} bytes`)
    await small()
  })

  it('a record of 15 MB: its beginning, then the whole of it; one of 20 MB is too large, and says so', async () => {
    await runStatement(page, `SELECT id, LEN(text) AS characters FROM \`${large}\` WHERE id = 1`)
    await see(page, '.status-line[data-phase="complete"] >> text=1 bad record left out')
    await see(page, '.grid-row .cell >> text=15000000')
    await page.locator('.grid-row[data-place="0"] .cell').first().dblclick()
    await page.locator('.record .notice', { hasText: /15,000,0\d\d bytes/ }).waitFor()
    await page.click('.record >> text=Load the whole value')
    await page.locator('#record-side', { hasText: 'the end' }).waitFor()
    await answers()
    await page.click('[aria-label="Close the record"]')
    await page.click('#panel-tab-messages')
    await page.locator('#panel', { hasText: /too large|larger|beyond|more than/i }).waitFor()
    await page.click('#panel-tab-rows')
    await small()
  })

  it('2,000 columns', async () => {
    await runStatement(page, `SELECT * FROM \`${wide}\``)
    await phase(page, 'complete')
    await see(page, '.grid-row .cell')
    assert.ok((await page.locator('.grid [role="columnheader"]').count()) < 60, 'only what is seen is drawn')
    await answers()
    await page.focus('.grid')
    await page.keyboard.press('End')
    await see(page, '.grid [role="columnheader"] >> text=field_1999')
    await page.click('#panel-tab-columns')
    await see(page, '.summary')
    await answers()
    await page.click('#panel-tab-rows')
    await small()
  })

  it('300,000 records that arrive while it follows: the newest stay, the others are said', async () => {
    await runStatement(page, `SELECT * FROM \`${news}\``)
    // The query before this one was complete, too, with 50 rows.
    await see(page, '.status-line[data-phase="complete"] >> text=/\\b0 rows/')
    await page.click('.run-bar >> text=Follow')
    await see(page, '.status-line >> text=Following')
    const written = arriving(300_000)
    await see(page, '.status-line >> text=/rows are let go/')
    await answers()
    await written
    await see(page, '.status-line >> text=/300 k records read/')
    await answers()
    await page.click('.run-bar >> text=Cancel')
    await phase(page, 'cancelled')
    await small()
  })

  it('two tabs: each has its own queries, and a logout is that of both', async () => {
    const other = await watched.context.newPage()
    await other.goto(server.url)
    await see(other, '.explorer [role="option"]')
    await small(other)
    await small()
    await other.click('button[aria-label="Account admin"]')
    await other.click('text=Log out')
    await see(other, '.login')
    await other.close()
    await see(page, '.login')
    await logIn(page, server.url, 'admin', 'studio-secret')
    watched.complaints.splice(0)
    await small()
  })

  it('a clock that is ten years slow', async () => {
    const slow = await watchedPage(browser)
    await slow.context.addInitScript('{ const now = Date.now; Date.now = () => now() - 315576000000 }')
    await logIn(slow.page, server.url, 'admin', 'studio-secret')
    slow.complaints.splice(0)
    await small(slow.page)
    assert.match(await status(slow.page), /· \d+\.\d s$/)
    await slow.page.click('text=History')
    await see(slow.page, '.choices [role="option"]')
    assert.deepEqual(slow.complaints, [])
    await slow.context.close()
  })

  it('a server that ends in the middle, and comes back: the page says so, and asks again after a login', async () => {
    const port = Number(new URL(server.url).port)
    await runStatement(page, `SELECT id FROM \`${payments}\` LIMIT 400000`)
    await phase(page, 'running')
    process.kill(server.pid, 'SIGKILL')
    await phase(page, 'lost')
    const found = /([\d,]+) rows?/.exec(await status())?.[1]
    await answers()
    await server.close()
    server = await start(port)
    await page.click('text=Continue from here')
    await see(page, '.login')
    await logIn(page, server.url, 'admin', 'studio-secret')
    await small()
    assert.ok(found !== undefined)
    // The server was away: the browser says so on the console.
    watched.complaints.splice(0)
  })
})
