/**
 * The page in a real Chromium, on the demo and on a server with records full of markup: the one-time link, topics, a
 * query with its rows, cancelled, cut off and continued, the palette, Back, the logout. A violation of the page's policy,
 * a message on the console or a request that fails is a failure of the test.
 */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { connect } from '../../src/client/connect.ts'
import { type DemoPage, demoPage, withoutBrowser } from './studio-page.ts'

const MARKUP = '<img src=x onerror="document.title=1"><script>document.title=1</script>'

describe('the page in Chromium', { skip: withoutBrowser }, () => {
  let opened: DemoPage
  let context: BrowserContext
  let page: Page
  let [link, url, token, password] = ['', '', '', '']
  let complaints: string[] = []

  before(async () => {
    opened = await demoPage()
    ;({ context, page, complaints } = opened)
    ;({ link, url, token, password } = opened.demo)
    const { printed } = opened.demo
    assert.ok(printed.trim().split('\n').length <= 12, printed)
  })
  after(() => opened?.close())
  beforeEach(() => void complaints.splice(0))

  /** Types a statement over what stands in the editor, and runs it. */
  async function run(sql: string): Promise<void> {
    await page.click('.cm-content')
    await page.keyboard.press('Control+a')
    await page.keyboard.insertText(sql)
    await page.keyboard.press('Control+Enter')
  }

  const phase = (name: string) => page.waitForSelector(`.status-line[data-phase="${name}"]`)
  const status = () => page.innerText('.status-line')

  it('the one-time link logs in, once, and is gone from the address', async () => {
    await page.goto(link)
    await page.waitForSelector('.explorer [role="option"]')
    assert.doesNotMatch(page.url(), /code/)
    // Names come first, what is known of each behind them.
    await page.waitForSelector('.explorer .format')
    assert.match(await page.innerText('.explorer'), /cc_payments[\s\S]*AVRO[\s\S]*sea_vessel_position_reports/)
    assert.equal(await page.evaluate('document.cookie'), '', 'scripts do not see the session')
    const other = await opened.browser.newContext()
    const again = await other.newPage()
    await again.goto(link)
    await again.waitForSelector('.login')
    assert.match(await again.innerText('.login [role="alert"]'), /This link was used/)
    await other.close()
    assert.deepEqual(complaints, [])
  })

  it('topics: searched, opened for their fields', async () => {
    await page.fill('#topic-search', 'cc_payments')
    await page.click('.explorer .twist')
    await page.waitForSelector('.explorer .field')
    assert.match(await page.innerText('.explorer'), /currency\s+string/)
    await page.click('.explorer .twist')
    await page.fill('#topic-search', '')
    assert.deepEqual(complaints, [])
  })

  it('a query and its rows, exact; the address holds it; Back', async () => {
    await run('SELECT MMSI, Timestamp, location FROM sea_vessel_position_reports WHERE _meta.partition = 1 LIMIT 5000')
    await phase('complete')
    assert.match(await status(), /5,000 rows/)
    assert.match(await page.innerText('.grid'), /1491318121547825131/)
    assert.ok((await page.locator('.grid-row').count()) < 60, 'only what is seen is drawn')
    await page.focus('.grid')
    await page.keyboard.press('Control+End')
    await page.waitForSelector('.grid-row[aria-rowindex="5001"] .cell.text')
    assert.match(decodeURIComponent(page.url()), /LIMIT\+5000/)
    await page.keyboard.press('Alt+n')
    await page.waitForSelector('.tab:nth-child(2)')
    await page.goBack()
    assert.equal(await page.getAttribute('.tab:nth-child(1) [role="tab"]', 'aria-selected'), 'true')
    assert.deepEqual(complaints, [])
  })

  it('an error shows where', async () => {
    await run('SELECT Nope FROM cc_payments')
    await phase('failed')
    assert.match(await page.innerText('.error'), /Unknown column "Nope"/)
    assert.equal(await page.innerText('.sql-wrong'), 'Nope')
    assert.deepEqual(complaints, [])
  })

  it('a cancelled query keeps what was found', async () => {
    await run(
      'SELECT a.id FROM cc_payments AS a CROSS JOIN (SELECT id FROM cc_payments LIMIT 1000) AS b LIMIT 400000000',
    )
    await page.waitForSelector('.grid-row')
    await page.keyboard.press('Control+.')
    await page.waitForSelector('.status-line[data-phase="cancelled"], .status-line[data-phase="limited"]')
    assert.match(await status(), /[\d,]+ rows/)
    assert.deepEqual(complaints, [])
  })

  it('a cut-off query says why, and reads on to exactly all rows', async () => {
    await run(
      "SET max.size = '200k'; SELECT MMSI FROM sea_vessel_position_reports WHERE _meta.offset < 10000 LIMIT 1000000",
    )
    await phase('limited')
    assert.match(await status(), /max\.size/)
    for (let i = 0; i < 100 && (await page.locator('text=Continue from here').count()) > 0; i++) {
      await page.click('text=Continue from here')
      await page.waitForSelector('.status-line[data-phase="complete"], .status-line[data-phase="limited"]')
    }
    await phase('complete')
    assert.match(await status(), /30,000 rows/)
    assert.deepEqual(complaints, [])
  })

  it('markup in a key, a value and a header is text, never HTML', async () => {
    const client = connect({ url, token })
    const made = `CREATE TABLE markup(_key string, text string, \`<b>bold</b>\` string) FORMAT (string, json)`
    for await (const _ of client.query(made).rows()) assert.ok(true)
    const insert = `INSERT INTO markup(_key, text, _headers.h) VALUES ('${MARKUP}', '${MARKUP}', '${MARKUP}')`
    for await (const _ of client.query(insert).rows()) assert.ok(true)
    const said = await fetch(`${url}api/v1/datasets/kafka/markup/description`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ description: MARKUP }),
    })
    assert.ok(said.ok, await said.text())
    await page.keyboard.press('Control+k')
    await page.keyboard.type('again')
    await page.keyboard.press('Enter')
    await page.fill('#topic-search', '<img')
    await page.waitForSelector('.explorer .topic')
    await page.setViewportSize({ width: 2560, height: 1440 })
    await run(`SELECT *, HEADERASSTRING('h') AS h, '${MARKUP}' AS \`<i>x</i>\` FROM markup`)
    await phase('complete')
    // Key, value, header, and the value under a name of markup.
    await page.locator('.cell', { hasText: MARKUP }).nth(3).waitFor()
    await page.setViewportSize({ width: 1280, height: 800 })
    await run(`SELECT \`${MARKUP}\` FROM cc_payments`)
    await phase('failed')
    assert.match(await page.innerText('.error'), /<img src=x/)
    assert.equal(await page.evaluate('document.querySelectorAll("img, b, i, #studio script").length'), 0)
    assert.notEqual(await page.title(), '1')
    assert.deepEqual(complaints, [])
  })

  it('the palette goes to a topic; the keys are shown; Escape closes', async () => {
    await page.keyboard.press('Control+k')
    await page.keyboard.type('vessel')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.tab.active >> text=sea_vessel_position_reports')
    await page.focus('.tab.active [role="tab"]')
    await page.keyboard.press('?')
    await page.waitForSelector('dialog kbd >> text=Ctrl+K')
    await page.keyboard.press('Escape')
    await page.waitForSelector('dialog', { state: 'detached' })
    assert.deepEqual(complaints, [])
  })

  it('360 pixels: the topics are a drawer, nothing stands out at the side', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360)
    await page.click('button[aria-label="Topics"]')
    await page.waitForSelector('.explorer[data-open="true"]')
    await page.click('button[aria-label="Topics"]')
    await page.setViewportSize({ width: 1280, height: 800 })
    assert.deepEqual(complaints, [])
  })

  it('the logout leaves nothing; password and token log in', async () => {
    const cookies = await context.cookies()
    await page.click('button[aria-label="Account admin"]')
    await page.click('text=Log out')
    await page.waitForSelector('.login')
    const session = cookies.find(({ name }) => name === 'session_id')
    const headers = { cookie: `session_id=${session?.value}` }
    assert.equal((await fetch(`${url}api/auth`, { headers })).status, 401, 'the session is ended on the server')
    assert.deepEqual(await page.evaluate('[localStorage.length, sessionStorage.length, location.hash]'), [0, 0, ''])
    assert.doesNotMatch(await page.innerText('body'), /cc_payments/)
    await page.fill('[name="username"]', 'admin')
    await page.fill('[name="password"]', password)
    await page.keyboard.press('Enter')
    await page.waitForSelector('.explorer [role="option"]')
    await page.click('button[aria-label="Account admin"]')
    await page.click('text=Log out')
    await page.click('.login >> text=Token')
    await page.fill('[name="token"]', token)
    await page.keyboard.press('Enter')
    await page.waitForSelector('button[aria-label="Account demo"]')
    const kept = await page.evaluate('JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])')
    assert.ok(!String(kept).includes(token))
    // Before the first login, the browser itself notes the refusal on the console.
    assert.deepEqual(
      complaints.filter((text) => !/401/.test(text)),
      [],
    )
  })
})
