/**
 * What is large, or goes wrong, on the page, against a server on the real Kafka: ten million rows, a record of 20 MB,
 * 2,000 columns, 100,000 records that arrive at once, a server that ends and comes back, two tabs, a wrong clock. The
 * page answers meanwhile: each time its palette opens, and another query runs. Nothing is timed.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { seedTopics } from '../../bench/seed.ts'
import { type SluiceProcess, startSluice, TOKEN } from '../support/sluice-process.ts'
import { topicName } from './cluster.ts'
import { type KafkaHand, kafkaHand } from './kafka-hand.ts'
import { cluster } from './served.ts'
import { launchBrowser, logIn, phase, runStatement, type Watched, watchedPage, withoutBrowser } from './studio-page.ts'

const PAYMENTS = 500_000
const LARGE = 20_000_000
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
    const text = 'x'.repeat(LARGE)
    await hand.produce(large, [{ key: 'k', value: JSON.stringify({ id: 1, text, end: 'the end' }) }], {
      settings: { 'max.request.size': '30000000', 'buffer.memory': '100000000' },
    })
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

  const status = (on = page) => on.innerText('.status-line')

  /** The page takes keys and draws. */
  async function answers(on = page): Promise<void> {
    await on.keyboard.press('Control+k')
    await on.waitForSelector('dialog[open] input')
    await on.keyboard.press('Escape')
    await on.waitForSelector('dialog', { state: 'detached' })
  }

  async function small(on = page): Promise<void> {
    await runStatement(on, `SELECT count(*) AS n FROM \`${wide}\``)
    await phase(on, 'complete')
    await on.waitForSelector('.grid-row .cell >> text=50')
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
    await page.waitForSelector(`.grid-row .row-number >> text=${MOST_ROWS.replace(' rows', '')}`)
    assert.ok((await page.locator('.grid-row').count()) < 60, 'only what is seen is drawn')
    await page.getByText('Export all …').waitFor()
    const devTools = await watched.context.newCDPSession(page)
    await devTools.send('Performance.enable')
    const { metrics } = await devTools.send('Performance.getMetrics')
    const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.POSITIVE_INFINITY
    assert.ok(heap < 100 * 1024 * 1024, `the rows are the worker's: ${heap} bytes`)
    await small()
  })

  it('a record of 20 MB: its beginning, then the whole of it', async () => {
    await runStatement(page, `SELECT * FROM \`${large}\``)
    await phase(page, 'complete', 'limited')
    await answers()
    await runStatement(page, `SELECT id, LEN(text) AS characters, _meta.offset FROM \`${large}\``)
    await phase(page, 'complete')
    await page.waitForSelector('.grid-row .cell >> text=20000000')
    await page.locator('.grid-row[data-place="0"] .cell').first().dblclick()
    await page.locator('.record .notice', { hasText: /20,000,0\d\d bytes/ }).waitFor()
    await page.click('.record >> text=Load the whole value')
    await page.locator('.record .notice', { hasText: 'Loading' }).waitFor({ state: 'detached' })
    await page.locator('#record-side', { hasText: 'the end' }).waitFor()
    await answers()
    await page.click('[aria-label="Close the record"]')
    await small()
  })

  it('2,000 columns', async () => {
    await runStatement(page, `SELECT * FROM \`${wide}\``)
    await phase(page, 'complete')
    await page.waitForSelector('.grid-row .cell')
    assert.ok((await page.locator('.grid [role="columnheader"]').count()) < 60, 'only what is seen is drawn')
    await answers()
    await page.focus('.grid')
    await page.keyboard.press('End')
    await page.waitForSelector('.grid [role="columnheader"] >> text=field_1999')
    await page.click('#panel-tab-columns')
    await page.waitForSelector('.summary')
    await answers()
    await page.click('#panel-tab-rows')
    await small()
  })

  it('300,000 records that arrive while it follows: the newest stay, the others are said', async () => {
    await runStatement(page, `SELECT * FROM \`${news}\``)
    await phase(page, 'complete')
    await page.click('.run-bar >> text=Follow')
    await page.waitForSelector('.status-line >> text=Following')
    const written = seedTopics(cluster.kafka.bootstrap, cluster.registry.url, [
      { kind: 'payments', topic: news, count: 300_000, partitions: 3 },
    ])
    await page.waitForSelector('.status-line >> text=/rows are let go/')
    await answers()
    await written
    await page.waitForSelector('.status-line >> text=/300 k records read/')
    await answers()
    await page.click('.run-bar >> text=Cancel')
    await phase(page, 'cancelled')
    await small()
  })

  it('two tabs: each has its own queries, and a logout is that of both', async () => {
    const other = await watched.context.newPage()
    await other.goto(server.url)
    await other.waitForSelector('.explorer [role="option"]')
    await small(other)
    await small()
    await other.click('button[aria-label="Account admin"]')
    await other.click('text=Log out')
    await other.waitForSelector('.login')
    await other.close()
    await runStatement(page, 'SELECT 1 AS a FROM __dual')
    await page.waitForSelector('.login')
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
    await slow.page.waitForSelector('.choices [role="option"]')
    assert.deepEqual(slow.complaints, [])
    await slow.context.close()
  })

  it('a server that ends in the middle, and comes back: what was found stays, and it goes on from there', async () => {
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
    await page.waitForSelector('.login')
    await logIn(page, server.url, 'admin', 'studio-secret')
    await small()
    assert.ok(found !== undefined)
    // The server was away: the browser says so on the console.
    watched.complaints.splice(0)
  })
})
