/**
 * More of a real page in a real Chromium, beside `page.test.ts`: pages that leave, stand still or have enough; cookies;
 * environments by name; the client library of this project as a module; and the server's own page, in two widths and
 * two colour schemes. The page (browser/clients.js) knows `WebSocket` and `fetch` and nothing else; the server reads a
 * real Kafka.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import ts from 'typescript'
import { browser as findBrowser, projectFolder } from '../../scripts/provision.ts'
import type { RunningServer } from '../../src/server/start.ts'
import { topicName } from './cluster.ts'
import { kafkaHand } from './kafka-hand.ts'
import { ALL, cluster, ROBOT_KEY, serve } from './served.ts'

const program = await findBrowser().catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : program instanceof Error ? program.message : false

/** The background of a browser would look for hosts that no test machine reaches. */
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const AGENT = '/api/ws/v2/sql/execute'
const PROXIED = `/api/v1/environments/demo/proxy${AGENT}`
const RAW_KEY = 'raw-only-key-0123456789'
const TRIPS = 20_000

interface Asked {
  readonly texts: readonly string[]
  readonly code: number
  readonly wasClean: boolean
  readonly opened: boolean
  readonly failed: boolean
}

/** `failed`: what `fetch` throws when the page may not see the answer. */
interface Called {
  readonly status?: number
  readonly text?: string
  readonly failed?: string
}

const typeOf = (text: string): string => /^\{"type":"(\w+)"/.exec(text)?.[1] ?? text
/** Types in order, runs of the same one once. */
const order = (texts: readonly string[]): string[] => texts.map(typeOf).filter((type, i, all) => type !== all[i - 1])
const errorOf = (texts: readonly string[]): string =>
  JSON.parse(texts.find((text) => typeOf(text) === 'ERROR') ?? '{"data":""}').data

/** The page's own server: an empty page, its scripts, and `src/client` with what it imports, without types. */
async function servePage(): Promise<Server> {
  const html =
    '<!doctype html><meta charset="utf-8"><title>page</title><script src="/clients.js"></script><script type="module" src="/library.js"></script>'
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? '/', 'http://page').pathname
    if (path === '/') return response.setHeader('content-type', 'text/html').end(html)
    if (/^\/(clients|library)\.js$/.test(path)) {
      return response
        .setHeader('content-type', 'text/javascript')
        .end(await readFile(join(import.meta.dirname, 'browser', path)))
    }
    if (/^\/src\/[\w/-]+\.ts$/.test(path)) {
      const compilerOptions = {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        verbatimModuleSyntax: true,
      }
      const { outputText } = ts.transpileModule(await readFile(join(projectFolder, path), 'utf8'), { compilerOptions })
      return response.setHeader('content-type', 'text/javascript').end(outputText)
    }
    return response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function fill(topic: string): Promise<void> {
  const hand = await kafkaHand(cluster.kafka.bootstrap)
  const trip = (n: number) =>
    `{"trip":${n},"passenger_count":${n % 8},"VendorID":${1 + (n % 2)},"total_amount":${(n % 100) / 4}}`
  try {
    await hand.create(topic)
    await hand.produce(
      topic,
      Array.from({ length: TRIPS }, (_, n) => ({ key: String(n), value: trip(n) })),
      { codec: 'gzip' },
    )
  } finally {
    await hand.close()
  }
}

describe('a page in Chromium that leaves, stands still, has cookies', { skip }, () => {
  const [trips, cards] = ['nyc_yellow_taxi_trip_data', 'credit-card-transactions'].map((name) => topicName(name))
  const closing: (() => unknown)[] = []
  let origin = ''
  let server: RunningServer
  let chromiumBrowser: Browser
  let context: BrowserContext
  let page: Page
  let socket = ''
  let token = ''

  before(async () => {
    const pages = await servePage()
    closing.push(
      () => pages.closeAllConnections(),
      () => pages.close(),
    )
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`
    const kafka = { kafka: { brokers: [cluster.kafka.bootstrap] }, registry: cluster.registry.url }
    server = await serve({
      server: { port: 0, corsOrigins: [origin] },
      environments: [
        { name: 'demo', ...kafka },
        { name: 'raw', ...kafka, formats: { 'nyc_yellow*': { value: 'STRING' } } },
      ],
      serviceAccounts: [
        { name: 'robot', token: ROBOT_KEY, permissions: ALL },
        { name: 'raw-only', token: RAW_KEY, permissions: [{ environments: ['raw'], topics: ['*'] }] },
      ],
    })
    closing.push(() => server.close(0))
    chromiumBrowser = await chromium.launch({ executablePath: program as string, args: FLAGS })
    closing.push(() => chromiumBrowser.close())
    await fill(trips)
    socket = `${server.url.replace('http', 'ws')}${AGENT}`
    context = await chromiumBrowser.newContext({ bypassCSP: true })
    page = await context.newPage()
    await page.goto(origin)
    await page.waitForFunction('globalThis.library !== undefined')
    token = (await call<Called>('login', server.url, 'admin', 'admin')).text ?? ''
    const made = await ask(
      `CREATE TABLE \`${cards}\`(_key string, card long, amount decimal(18, 2), note string) FORMAT (string, avro);
       INSERT INTO \`${cards}\`(_key, card, amount, note) VALUES ('a', 9223372036854775807, 12.50, 'ünï 🚢'), ('b', -9223372036854775808, 0.10, ''), ('c', 9007199254740993, -1.00, '"quoted"')`,
    )
    assert.equal(errorOf(made.texts), '')
  })
  after(async () => {
    for (const close of closing.reverse()) await close()
  })

  /** Calls a function of the page. */
  function call<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    return page.evaluate(`clients.${name}(...${JSON.stringify(args)})`) as Promise<T>
  }

  function ask(sql: string, more: object = {}): Promise<Asked> {
    return call<Asked>('ask', socket, { token, sql, ...more })
  }

  /** Asked from outside the page, which may be busy. */
  async function runningSql(): Promise<string[]> {
    const answer = await fetch(`${server.url}/api/v1/sql/queries`, { headers: { authorization: `Bearer ${token}` } })
    return ((await answer.json()) as { status: string; sql: string }[])
      .filter((q) => q.status === 'Running')
      .map((q) => q.sql)
  }

  /** Waits until such a query runs, or does no longer. */
  async function until(runs: boolean, sql: string): Promise<void> {
    const deadline = performance.now() + 90_000
    while ((await runningSql()).includes(sql) !== runs)
      assert.ok(performance.now() < deadline, `${runs ? 'it never ran' : 'it still runs'}: ${sql}`)
  }

  const endless = (column: string) =>
    `SELECT a.trip FROM (SELECT trip FROM ${trips} LIMIT 20000) AS a CROSS JOIN (SELECT trip AS ${column} FROM ${trips} LIMIT 20000) AS b LIMIT 400000000`

  it('a page under another name of the same machine sees nothing of REST', async () => {
    const other = await context.newPage()
    await other.goto(origin.replace('127.0.0.1', 'localhost'))
    const seen = (await other.evaluate(`clients.login(${JSON.stringify(server.url)}, 'admin', 'admin')`)) as Called
    await other.close()
    assert.match(seen.failed ?? '', /^TypeError/)
  })

  it('whole numbers of 64 bits and decimals stand in the text digit by digit', async () => {
    const { texts } = await ask(`SELECT card, amount, note FROM \`${cards}\``)
    assert.deepEqual(
      texts.filter((text) => typeOf(text) === 'RECORD').map((text) => /"value":(\{.*?\}),"metadata"/.exec(text)?.[1]),
      [
        '{"card":9223372036854775807,"amount":12.50,"note":"ünï 🚢"}',
        '{"card":-9223372036854775808,"amount":0.10,"note":""}',
        '{"card":9007199254740993,"amount":-1.00,"note":"\\"quoted\\""}',
      ],
    )
  })

  it('?environment= asks another environment than the default one', async () => {
    const value = async (url: string, key: string) => {
      const { texts } = await call<Asked>('ask', url, { token: key, sql: `SELECT * FROM ${trips} LIMIT 1` })
      return errorOf(texts) || JSON.parse(texts[1]).data.value
    }
    assert.equal((await value(socket, token)).trip, 0)
    assert.match(await value(`${socket}?environment=raw`, token), /^\{"trip":0/)
    assert.match(await value(socket, RAW_KEY), /may not use the default environment/)
    assert.match(await value(`${socket}?environment=raw`, RAW_KEY), /^\{"trip":0/)
  })

  it('a page that logs in and plots: numbers by name, complete at END, the server closes', async () => {
    const sql = `SELECT count(*), passenger_count, VendorID, sum(total_amount) FROM ${trips} WHERE passenger_count != 0 AND passenger_count <= 6 GROUP BY passenger_count, VendorID`
    const seen = await call<{ plotted: { label: number; count: number; sum: number; height: number }[]; code: number }>(
      'plot',
      server.url,
      socket,
      sql,
      'passenger_count',
    )
    assert.equal(seen.code, 1000)
    assert.deepEqual(seen.plotted.map(({ label }) => label).sort(), [1, 2, 3, 4, 5, 6])
    for (const { count, sum, height } of seen.plotted) {
      assert.ok(count === TRIPS / 8 && sum > 0)
      assert.equal(height, count + sum, 'added, not put behind each other')
    }
  })

  it('partial aggregates while the query runs: a row replaces the one with its rowId', async () => {
    const { texts } = await ask(`SELECT VendorID, count(*) FROM ${trips} GROUP BY VendorID`, { live: true })
    const last = new Map(
      texts
        .filter((text) => typeOf(text) === 'RECORD')
        .map((text) => [JSON.parse(text).rowId, JSON.parse(text).data.value.count]),
    )
    assert.deepEqual([...last.values()], [TRIPS / 2, TRIPS / 2])
  })

  it('a page that has enough after eleven frames closes, and the query stops', async () => {
    const sql = endless('second')
    const { seen, wasClean } = await call<{ seen: string[]; wasClean: boolean }>(
      'ticker',
      socket,
      { token, sql, stats: 2 },
      11,
    )
    assert.deepEqual([seen.length, seen[0], wasClean], [11, 'METADATA', true])
    await until(false, sql)
  })

  it('a page that is left in the middle of a silent query stops it', async () => {
    const sql = `SELECT count(*) FROM (SELECT trip FROM ${trips} LIMIT 20000) AS a INNER JOIN (SELECT trip FROM ${trips} LIMIT 20000) AS b ON a.trip > b.trip + 100000`
    const leaving = await context.newPage()
    await leaving.goto(origin)
    await leaving.evaluate(`void clients.ask(${JSON.stringify(socket)}, ${JSON.stringify({ token, sql })})`)
    await until(true, sql)
    await leaving.goto('about:blank')
    await until(false, sql)
    await leaving.close()
  })

  it('a page that stands still holds the query back, and then gets all of it', async () => {
    const sql = `SELECT trip, RPAD('x', 4000, 'x') AS text FROM ${trips} LIMIT ${TRIPS}`
    const slow = await context.newPage()
    await slow.goto(origin)
    const begun = performance.now()
    const reading = slow.evaluate(
      `clients.sluggish(${JSON.stringify(socket)}, ${JSON.stringify({ token, sql })}, 3000)`,
    )
    await until(true, sql)
    await new Promise((resolve) => setTimeout(resolve, 2300 - (performance.now() - begun)))
    assert.ok((await runningSql()).includes(sql), 'it waits for its reader')
    const { records, characters, inOrder, others, code } = (await reading) as {
      records: number
      characters: number
      inOrder: boolean
      others: string[]
      code: number
    }
    await slow.close()
    assert.deepEqual([records, inOrder, others, code], [TRIPS, true, ['METADATA', 'END'], 1000])
    assert.ok(characters > TRIPS * 4000)
  })

  it('a first message that is none, and statements that are none, are errors in words', async () => {
    for (const [message, text] of [
      ['hello', /JSON/],
      ['[]', /object/],
      ['{"token":"x"}', /sql/],
      ['{"sql":1}', /sql/],
      [JSON.stringify({ token, sql: 'SELEC 1' }), /SELEC/],
      [JSON.stringify({ token, sql: '' }), /empty/i],
      [JSON.stringify({ token, sql: 'SELECT * FROM nothing_there' }), /nothing_there/],
    ] as const) {
      const { texts, code, wasClean } = await call<Asked>('ask', socket, message)
      assert.deepEqual([order(texts), code, wasClean], [['ERROR', 'END'], 1000, true], message)
      assert.match(errorOf(texts), text)
    }
  })

  it('a token that was logged out', async () => {
    const gone = (await call<Called>('login', server.url, 'admin', 'admin')).text
    const question = { token: gone, sql: 'SHOW TABLE TYPES' }
    assert.deepEqual(order((await call<Asked>('ask', socket, question)).texts), ['METADATA', 'RECORD', 'END'])
    assert.equal((await call<Called>('rest', `${server.url}/api/logout`, { token: gone })).status, 204)
    assert.match(errorOf((await call<Asked>('ask', socket, question)).texts), /^Not authenticated/)
  })

  it('the cookie of a login counts for pages of the server itself, and for no others', async () => {
    const own = await context.newPage()
    // A document of the server; its policy, which lets nothing connect, is set aside.
    await own.goto(`${server.url}/health`)
    await own.evaluate(await readFile(join(import.meta.dirname, 'browser', 'clients.js'), 'utf8'))
    const run = <T>(text: string) => own.evaluate(text) as Promise<T>
    const body = JSON.stringify({
      method: 'POST',
      body: { username: 'admin', password: 'admin' },
      credentials: 'include',
    })
    assert.equal((await run<Called>(`clients.rest('/api/v1/login', ${body})`)).status, 204)
    assert.equal(await own.evaluate('document.cookie'), '', 'scripts do not see it')
    const url = `${server.url.replace('http', 'ws')}${PROXIED}`
    const { texts, code } = await run<Asked>(
      `clients.ask(${JSON.stringify(url)}, {sql: 'SELECT trip FROM ${trips} LIMIT 1'})`,
    )
    assert.deepEqual([order(texts), code], [['METADATA', 'RECORD', 'END'], 1000])
    await own.close()
    // The other page is on the same site, so the browser does send the cookie along.
    assert.equal((await call<Asked>('ask', url, { sql: 'SHOW TABLES' })).opened, false)
    assert.match(errorOf((await call<Asked>('ask', socket, { sql: 'SHOW TABLES' })).texts), /^Not authenticated/)
    assert.match(
      (await call<Called>('rest', `${server.url}/api/auth`, { credentials: 'include' })).failed ?? '',
      /^TypeError/,
    )
    await context.clearCookies()
  })

  describe('the client library as a module', () => {
    const run = <T>(name: string, ...args: readonly unknown[]) =>
      page.evaluate(`library.${name}(...${JSON.stringify(args)})`) as Promise<T>

    it('rows, exact to the last digit', async () => {
      assert.deepEqual(
        await run(
          'rows',
          { url: server.url, environment: 'demo', token },
          `SELECT card, note FROM \`${cards}\` LIMIT 2`,
        ),
        {
          rows: [
            { card: '9223372036854775807n', note: 'ünï 🚢' },
            { card: '-9223372036854775808n', note: '' },
          ],
        },
      )
    })

    it('throws what the server says; an environment that is named is the one that is asked', async () => {
      const thrown = async (options: object, sql: string) =>
        (await run<{ thrown: string }>('rows', options, sql)).thrown
      assert.match(
        await thrown({ url: server.url, token }, 'SELECT * FROM nothing_there'),
        /^QueryError: .*nothing_there/,
      )
      assert.match(await thrown({ url: server.url, token: 'nobody' }, 'SHOW TABLES'), /^QueryError: Not authenticated/)
      assert.match(await thrown({ url: 'http://127.0.0.1:9', token }, 'SHOW TABLES'), /^ConnectionError/)
      const raw = await run<{ rows: unknown[] }>(
        'rows',
        { url: server.url, environment: 'raw', token },
        `SELECT * FROM ${trips} LIMIT 1`,
      )
      assert.equal(typeof raw.rows[0], 'string')
    })

    it('leaving the loop ends the query', async () => {
      const sql = endless('third')
      assert.deepEqual(await run('leave', { url: server.url, token }, sql, 3), ['METADATA', 'RECORD', 'RECORD'])
      await until(false, sql)
    })
  })

  describe('the page of the server', () => {
    for (const width of [1200, 320]) {
      for (const colorScheme of ['light', 'dark'] as const) {
        it(`fits ${width} pixels and can be read, ${colorScheme}`, async () => {
          const own = await chromiumBrowser.newContext({ viewport: { width, height: 800 }, colorScheme })
          const shown = await own.newPage()
          const complaints: string[] = []
          shown.on('console', (message) => complaints.push(message.text()))
          shown.on('requestfailed', (request) => complaints.push(request.url()))
          await shown.goto(server.url)
          await shown.waitForSelector('form input')
          assert.equal(await shown.evaluate(WIDTH), width, 'nothing stands out at the side')
          for (const selector of ['h1', 'label', 'form button', 'input']) {
            const ratio = (await shown.evaluate(contrast(selector))) as number
            assert.ok(ratio >= 4.5, `${selector}: ${ratio}`)
          }
          // One who has not logged in asks who he is, and is told that nobody knows him.
          assert.deepEqual(
            complaints.filter((text) => !/status of 401/.test(text)),
            [],
          )
          await own.close()
        })
      }
    }

    it('says without scripts how programs ask', async () => {
      const own = await chromiumBrowser.newContext({ viewport: { width: 320, height: 800 }, javaScriptEnabled: false })
      const shown = await own.newPage()
      await shown.goto(server.url)
      const text = await shown.innerText('body')
      assert.ok(text.includes(server.url), text)
      assert.match(text, /demo\s+raw/)
      assert.equal(await shown.evaluate(WIDTH), 320, 'nothing stands out at the side')
      await own.close()
    })
  })
})

const WIDTH = 'document.documentElement.scrollWidth'

/** An expression: the contrast of the first such element's text with what is behind it, as WCAG 2 counts it. */
function contrast(selector: string): string {
  return `(() => {
    const light = (color) => {
      const [r, g, b] = color.match(/[\\d.]+/g).map(Number).slice(0, 3).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
      return 0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    const element = document.querySelector(${JSON.stringify(selector)})
    let behind = element
    while (/, 0\\)$|transparent/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement
    const [a, b] = [light(getComputedStyle(element).color), light(getComputedStyle(behind).backgroundColor)].sort((x, y) => y - x)
    return (a + 0.05) / (b + 0.05)
  })()`
}
