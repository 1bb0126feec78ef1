/**
 * Ten tasks on the page, end to end, by mouse and by keyboard alone, against a server on the real Kafka with more than a
 * million records. What is on the console or fails is a failure of the task.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { Admin, Producer, stringSerializers } from '@platformatic/kafka'
import type { Browser, Page } from 'playwright-core'
import { seedTopics } from '../../bench/seed.ts'
import { eventually } from '../support/eventually.ts'
import { type SluiceProcess, startSluice } from '../support/sluice-process.ts'
import { topicName } from './cluster.ts'
import { cluster } from './served.ts'
import { type Hand, keyboard, mouse } from './studio-hands.ts'
import { launchBrowser, logIn, phase, type Watched, watchedPage, withoutBrowser } from './studio-page.ts'

const PAYMENTS = 1_000_000
const ORDERS = 20_000
const STATES = ['paid', 'open', 'sent', 'late'] as const

const payments = topicName('payments')
const orders = topicName('orders')

async function writeOrders(bootstrap: string): Promise<void> {
  const producer = new Producer({
    clientId: 'orders',
    bootstrapBrokers: [bootstrap],
    serializers: stringSerializers,
    autocreateTopics: true,
  })
  for (let from = 0; from < ORDERS; from += 2000)
    await producer.send({
      messages: Array.from({ length: 2000 }, (_, i) => ({
        topic: orders,
        key: `o${from + i}`,
        value: JSON.stringify({
          id: from + i,
          customer: `c${(from + i) % 50}`,
          status: STATES[(from + i) % 7 === 0 ? 1 : (from + i) % 4],
          amount: ((from + i) % 997) + 0.5,
        }),
      })),
    })
  await producer.send({ messages: [{ topic: orders, key: 'broken', value: '{"id": 1, "customer": ' }] })
  await producer.close()
}

/** A topic of three partitions, and what writes payments into it. */
async function producerOf(topic: string) {
  const client = { clientId: 'payments', bootstrapBrokers: [cluster.kafka.bootstrap] }
  const admin = new Admin(client)
  await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 })
  await admin.close()
  const producer = new Producer({ ...client, serializers: stringSerializers })
  const send = async (from: number, to: number): Promise<void> => {
    const messages = Array.from({ length: to - from }, (_, i) => ({
      topic,
      key: `p${from + i}`,
      value: JSON.stringify({ id: from + i, amount: 1.5 }),
    }))
    await producer.send({ messages })
  }
  return { send, close: () => producer.close() }
}

describe('ten tasks on a real Kafka', { skip: cluster.skip !== false ? cluster.skip : withoutBrowser }, () => {
  let server: SluiceProcess
  let browser: Browser
  let watched: Watched
  let page: Page
  let folder = ''
  let duck: DuckDBConnection
  let hands: Readonly<Record<'mouse' | 'keyboard', Hand>>

  before(async () => {
    const { bootstrap } = cluster.kafka
    await Promise.all([
      seedTopics(bootstrap, cluster.registry.url, [
        { kind: 'payments', topic: payments, count: PAYMENTS, partitions: 3 },
      ]),
      writeOrders(bootstrap),
    ])
    folder = await mkdtemp(join(tmpdir(), 'sluice-tasks-'))
    duck = await (await DuckDBInstance.create()).connect()
    const { url } = cluster.registry
    const own = ['--environment', 'demo', '--user', 'admin:studio-secret', '--log-level', 'info']
    server = await startSluice(['--brokers', bootstrap, '--registry', url, ...own])
    browser = await launchBrowser()
    watched = await watchedPage(browser)
    page = watched.page
    hands = { mouse: mouse(page), keyboard: keyboard(page) }
    await logIn(page, server.url, 'admin', 'studio-secret')
    watched.complaints.splice(0)
  })
  after(async () => {
    await browser?.close()
    await server?.close()
    duck?.closeSync()
    await rm(folder, { recursive: true, force: true })
  })
  afterEach(() => assert.deepEqual(watched.complaints.splice(0), []))

  const status = () => page.innerText('.status-line')
  const text = (selector: string) => page.locator(selector).first().innerText()

  /** The task, once with each hand, each in a tab of its own. */
  function task(title: string, does: (hand: Hand) => Promise<void>): void {
    for (const name of ['mouse', 'keyboard'] as const)
      it(`${title}, by ${name}`, async () => {
        // The list of completions is left first, then the editor, which takes plain keys for itself.
        for (let i = 0; i < 2; i++) await page.keyboard.press('Escape')
        await page.evaluate('document.activeElement.blur()')
        await page.keyboard.press('Alt+n')
        await page.waitForSelector('.cm-placeholder')
        await does(hands[name]).catch((error: Error) => {
          // The page says only that it cannot talk to the server: what lies behind it is on the console, or there.
          throw new Error(`${error.message}\nOn the console: ${watched.complaints.splice(0).join('\n')}\n${newest()}`)
        })
      })
  }

  const newest = () => `The server: … ${server.output().slice(-3000)}`

  task('find an order by its key', async (hand) => {
    await hand.run(`SELECT * FROM \`${orders}\` WHERE _key = 'o4711'`)
    await phase(page, 'complete')
    assert.match(await status(), /\b1 row\b/)
    await page.waitForSelector('.grid-row .cell >> text=4711')
  })

  task('count by status, and chart it', async (hand) => {
    await hand.run(`SELECT status, count(*) AS n FROM \`${orders}\` GROUP BY status ORDER BY n DESC`)
    await phase(page, 'complete')
    await hand.choose('#panel-tab-chart')
    await page.waitForSelector('.chart-place canvas')
    assert.match((await page.getAttribute('.chart-place', 'aria-label')) ?? '', /Bars of n by status, 4 bars/)
    await hand.choose('.chart-table summary')
    await page.waitForSelector('.chart-table td')
    const counts = await page.locator('.chart-table td').allInnerTexts()
    assert.equal(
      counts.map(Number).reduce((a, b) => a + b),
      ORDERS,
    )
    const download = page.waitForEvent('download')
    await hand.choose('text=Download SVG')
    assert.equal((await download).suggestedFilename(), 'chart.svg')
  })

  task('the newest 100 of a customer', async (hand) => {
    await hand.run(`SELECT * FROM \`${orders}\` WHERE customer = 'c7' ORDER BY _meta.offset DESC LIMIT 100`)
    await phase(page, 'complete')
    assert.match(await status(), /100 rows/)
    await page.waitForSelector('.grid-row .cell >> text=19957')
  })

  task('why a record is bad', async (hand) => {
    await hand.run(`SELECT _error, _raw, _meta.offset FROM \`${orders}\` WHERE _bad`)
    await phase(page, 'complete')
    assert.match(await status(), /\b1 row\b/)
    await page.waitForSelector('.grid-row .cell.text')
    assert.match(await text('.grid'), /JSON/)
  })

  task('resume a query that was cut off', async (hand) => {
    await hand.run(`SET max.size = '2m'; SELECT id FROM \`${payments}\` WHERE _meta.offset < 10000 LIMIT 1000000`)
    await phase(page, 'limited')
    assert.match(await status(), /max\.size/)
    let times = 0
    for (; times < 20 && (await page.locator('text=Continue from here').count()) > 0; times++) {
      await hand.choose('text=Continue from here')
      await phase(page, 'complete', 'limited')
    }
    assert.ok(times > 1)
    assert.match(await status(), /30,000 rows/)
  })

  task('follow new payments', async (hand) => {
    const topic = topicName('new-payments')
    const producer = await producerOf(topic)
    try {
      await hand.write('.cm-content', `SELECT * FROM \`${topic}\``)
      await hand.choose('.run-bar >> text=Follow')
      await page.waitForSelector('.status-line >> text=Following')
      await producer.send(0, 100)
      await page.waitForSelector('.status-line >> text=100 rows')
      await page.waitForSelector('.grid-row .cell')
      await hand.choose('.run-bar >> text=Pause')
      await producer.send(100, 300)
      await page.waitForSelector('.status-line >> text=200 rows wait')
      await hand.choose('.run-bar >> text=Resume')
      await page.waitForSelector('.status-line >> text=300 rows')
      await eventually('the newest stands first', async () => /300/.test(await text('.grid-row .row-number')))
      await hand.choose('.run-bar >> text=Cancel')
      await phase(page, 'cancelled')
    } finally {
      await producer.close()
    }
  })

  task('save a query with a parameter, and open its link elsewhere', async (hand) => {
    await hand.write('.cm-content', `SELECT id FROM \`${orders}\` WHERE customer = :customer LIMIT 5`)
    await hand.write('input[aria-label="Value of customer"]', 'c9')
    await hand.choose('.run-bar >> text=Run')
    await phase(page, 'complete')
    assert.match(await status(), /\b5 rows/)
    await hand.choose('.run-bar >> text=Saved')
    await hand.write('input[aria-label="Name of the query"]', `orders of one ${hand.name}`)
    await hand.choose('.save-form button[type="submit"]')
    await page.waitForSelector('dialog >> text=Saved “orders of one')
    await page.keyboard.press('Escape')
    await page.waitForSelector('dialog', { state: 'detached' })
    const other = await watchedPage(browser)
    await logIn(other.page, page.url(), 'admin', 'studio-secret')
    await other.page.waitForSelector('input[aria-label="Value of customer"]')
    assert.equal(await other.page.inputValue('input[aria-label="Value of customer"]'), 'c9')
    await other.page.click('.run-bar >> text=Run')
    await phase(other.page, 'complete')
    assert.match(await other.page.innerText('.status-line'), /\b5 rows/)
    await other.context.close()
  })

  task('compare two records', async (hand) => {
    await hand.run(`SELECT * FROM \`${orders}\` WHERE customer = 'c3' LIMIT 20`)
    await phase(page, 'complete')
    await hand.open(0)
    await hand.choose('.record >> text=Compare with')
    await page.keyboard.press('Escape')
    await page.waitForSelector('.record', { state: 'detached' })
    await hand.open(1)
    await hand.choose('#side-differences')
    await page.waitForSelector('.differences tr.changed')
  })

  task('export to Parquet, and read it back', async (hand) => {
    await hand.run(`SELECT CAST(id AS string) AS id, CAST(merchantId AS long) AS merchant FROM \`${payments}\``)
    await phase(page, 'complete', 'limited')
    await hand.choose('.run-bar >> text=Export')
    await hand.choose('dialog input[value="parquet"]')
    const download = page.waitForEvent('download')
    await hand.choose('dialog button[type="submit"]')
    const file = join(folder, `${hand.name}.parquet`)
    await (await download).saveAs(file).catch(async (error: Error) => {
      await page.waitForSelector('.export-strip li:not([data-phase="running"])')
      assert.fail(`${error.message}: ${await text('.export-strip')}`)
    })
    await page.waitForSelector('.export-strip li[data-phase="complete"]')
    assert.match(await text('.export-strip'), /1,000,000 rows/)
    const read = await duck.runAndReadAll(
      `SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids, typeof(any_value(merchant)) AS type FROM '${file}'`,
    )
    assert.deepEqual(read.getRowObjects(), [{ n: PAYMENTS, ids: PAYMENTS, type: 'BIGINT' }])
    await hand.choose('.export-strip button[aria-label^="Put away"]')
  })

  task('kill a query that runs away', async (hand) => {
    const pairs = `\`${payments}\` AS a CROSS JOIN (SELECT id FROM \`${orders}\` LIMIT 10000) AS b`
    await hand.run(`SELECT count(*) FROM ${pairs} WHERE a.merchantId + b.id < 0`)
    await phase(page, 'running')
    await hand.choose('button[aria-label="running 1"]')
    await hand.choose('[role="menuitem"] >> text=Cancel')
    await phase(page, 'cancelled')
  })
})
