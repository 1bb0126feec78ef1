/**
 * The editor of the page in a real Chromium, on the demo, by keyboard: errors with the change that mends them,
 * completion, layout, price and plan, parameters and their link in a fresh browser, saved queries, history, and how long
 * a key takes in a long script with many topics. What the page says on the console is a failure.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { systemClock } from '../../src/lib/clock.ts'
import { eventually } from '../support/eventually.ts'
import { type DemoPage, logIn, openedDemo, watchedPage, withoutBrowser } from './studio-page.ts'

describe('the editor in Chromium', { skip: withoutBrowser }, () => {
  let opened: DemoPage
  let page: Page

  before(async () => {
    opened = await openedDemo()
    page = opened.page
  })
  after(() => opened?.close())
  afterEach(() => assert.deepEqual(opened.complaints.splice(0), []))

  /** Writes a text over what stands there. */
  async function write(sql: string): Promise<void> {
    await page.click('.cm-content')
    await page.keyboard.press('Control+a')
    await page.keyboard.insertText(sql)
    await page.keyboard.press('Escape')
    await page.focus('.cm-content')
  }

  const LINES = "[...document.querySelectorAll('.cm-line')].map((l) => l.textContent).join('\\n')"
  /** Looks at each frame until it is so. The policy of the page refuses what `waitForFunction` does with a text. */
  async function wait(expression: string, on = page): Promise<void> {
    const deadline = systemClock.monotonic() + 90_000
    const look = `new Promise((resolve) => requestAnimationFrame(resolve)).then(() => Boolean(${expression}))`
    while (!(await on.evaluate(look)))
      if (systemClock.monotonic() > deadline) assert.fail(`${expression}: ${await on.evaluate(LINES)}`)
  }
  const until = (expected: string) => wait(`${LINES} === ${JSON.stringify(expected)}`)
  /** The editor takes no key for a list that has only just opened, or is made anew. */
  async function accept(expected: string): Promise<void> {
    const isThere = `${LINES} === ${JSON.stringify(expected)}`
    await eventually('the proposal is taken', async () => {
      if (await page.evaluate(isThere)) return true
      if (await page.isVisible('.cm-tooltip-autocomplete li')) await page.keyboard.press('Tab')
      return Boolean(await page.evaluate(isThere))
    })
  }
  const phase = (name: string) => page.waitForSelector(`.status-line[data-phase="${name}"]`)

  it('an error as one types, in the server’s words, mended with one key', async () => {
    await write('SELECT curency FROM cc_payments')
    await page.waitForSelector('.cm-lintRange-error')
    await page.hover('.cm-lintRange-error')
    await page.waitForSelector('.cm-diagnostic')
    const said = await page.innerText('.cm-diagnostic')
    assert.match(said, /Unknown column "curency" in cc_payments\. Did you mean "currency"\?/)
    await page.focus('.cm-content')
    await page.keyboard.press('Alt+Enter')
    await until('SELECT currency FROM cc_payments')
    await page.waitForSelector('.cm-lintRange-error', { state: 'detached' })
  })

  it('completion by keyboard: a topic, its fields, a keyword that fits', async () => {
    await write('')
    await page.keyboard.type('SELECT * FROM cc_paym')
    await page.waitForSelector('.cm-tooltip-autocomplete li')
    await accept('SELECT * FROM cc_payments')
    await page.keyboard.type(' WHERE curr')
    await page.waitForSelector('.cm-tooltip-autocomplete >> text=currency')
    await accept('SELECT * FROM cc_payments WHERE currency')
    await page.keyboard.type(" = 'EUR' OR")
    const words = page.locator('.cm-tooltip-autocomplete')
    await words.getByText('ORDER BY').waitFor()
    assert.doesNotMatch(await words.innerText(), /FROM/)
    await page.keyboard.press('Escape')
  })

  it('formats, and keeps the comment; the controls edit the text', async () => {
    await write('select id, currency -- what\nfrom cc_payments limit 5')
    await page.keyboard.press('Control+Shift+F')
    await until('SELECT id, currency -- what\nFROM cc_payments\nLIMIT 5')
    await page.selectOption('[aria-label="Time range"]', '15m')
    await page.click('text=newest first')
    await page.selectOption('[aria-label="LIMIT"]', '100')
    await until(
      'SELECT id, currency -- what\nFROM cc_payments\nWHERE _meta.timestamp >= NOW() - "15m"\nORDER BY _meta.timestamp DESC\nLIMIT 100',
    )
  })

  it('the price before the run, and the plan by arrows', async () => {
    await write('SELECT * FROM sea_vessel_position_reports WHERE _meta.partition = 1 AND Speed > 10 LIMIT 50')
    await page.getByText(/will read 1 of 3 partitions, at most [\d,]+ records, about/).waitFor()
    assert.match((await page.textContent('.price ul')) ?? '', /Speed > 10 \(Kafka has no index on the value\)/)
    await page.keyboard.press('Alt+e')
    await page.waitForSelector('.plan-tree')
    await page.focus('.plan-tree [data-path="0"]')
    await page.keyboard.press('End')
    await wait(
      "document.activeElement.matches('.plan-tree li') && document.activeElement.textContent.startsWith('Scan')",
    )
    await page.keyboard.press('Escape')
  })

  it('keys with Alt, from within the editor: a new tab, follow, pause, and the tab away', async () => {
    await page.focus('.cm-content')
    await page.keyboard.press('Alt+n')
    await page.waitForSelector('.cm-placeholder')
    await write('SELECT * FROM cc_payments')
    await page.keyboard.press('Alt+f')
    await page.waitForSelector('.status-line >> text=Following')
    await page.keyboard.press('Alt+p')
    await page.waitForSelector('.run-bar >> text=Resume')
    await page.keyboard.press('Alt+p')
    await page.waitForSelector('.run-bar >> text=Pause')
    await page.keyboard.press('Control+.')
    await phase('cancelled')
    await page.focus('.cm-content')
    await page.keyboard.press('Alt+w')
    await wait(`${LINES}.includes('sea_vessel')`)
  })

  it('the statement under the caret, or all of them', async () => {
    await write('SELECT 1 AS a FROM __dual; SELECT 2 AS b FROM __dual')
    await page.keyboard.press('Home')
    await page.keyboard.press('Control+Enter')
    await phase('complete')
    await page.waitForSelector('.grid >> text=a')
    assert.doesNotMatch(await page.innerText('.grid'), /\bb\b/)
    await page.focus('.cm-content')
    await page.keyboard.press('Control+Shift+Enter')
    await page.waitForSelector('.status-line >> text=2 rows')
  })

  it('parameters, saved, and their link in a fresh browser', async () => {
    const sql = "SELECT id, currency FROM cc_payments WHERE currency = :c AND ':c' = ':c' LIMIT :n"
    await write(sql)
    await page.waitForSelector('[aria-label="Value of n"]')
    await page.focus('.cm-content')
    await page.keyboard.press('Control+Enter')
    await wait("document.activeElement.getAttribute('aria-label') === 'Value of c'")
    await page.keyboard.type('EUR')
    await page.selectOption('[aria-label="Type of n"]', 'number')
    await page.fill('[aria-label="Value of n"]', '7')
    await page.click('.run-bar .primary')
    await page.waitForSelector('.status-line >> text=7 rows')
    assert.match(page.url(), /p\.c=%27EUR%27&p\.n=7/)
    await page.focus('.cm-content')
    await page.keyboard.press('Control+s')
    await page.waitForSelector('[aria-label="Name of the query"]:focus')
    await page.keyboard.type('by currency')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.statements >> text=Saved “by currency”.')
    await page.keyboard.press('Escape')

    const { context, page: other } = await watchedPage(opened.browser)
    await logIn(other, page.url(), 'admin', opened.demo.password)
    await wait("document.querySelector('[aria-label=\"Value of c\"]')?.value === 'EUR'", other)
    await other.focus('.cm-content')
    await other.keyboard.press('Control+Enter')
    await other.waitForSelector('.status-line >> text=7 rows')
    await other.keyboard.press('Escape')
    await other.keyboard.press('Alt+n')
    await other.click('text=Saved')
    await other.waitForSelector('.choices [role="option"] >> text=by currency')
    await other.keyboard.press('Enter')
    await wait("document.querySelector('[aria-label=\"Value of n\"]')?.value === '7'", other)
    await context.close()
  })

  it('a result without rows says what was read, and what to change', async () => {
    await write("SELECT * FROM customers WHERE _meta.partition = 0 AND name = 'nobody';\nSELECT 2 AS `second`")
    await page.keyboard.press('Control+Home')
    await page.keyboard.press('Control+Enter')
    await page.waitForSelector('.no-rows')
    assert.match(await page.innerText('.no-rows'), /No rows: [\d,]+ records of 1 partition .* were read/)
    await page.click("text=Without name = 'nobody'")
    await page.waitForSelector('.no-rows', { state: 'detached' })
    await phase('complete')
    assert.match(await page.innerText('.grid'), /name/)
    assert.doesNotMatch(await page.innerText('.grid'), /second/, 'the statement at the caret alone')
  })

  it('what can be undone is there again when one comes back to the tab', async () => {
    await page.keyboard.press('Alt+n')
    await wait(`!${LINES}.includes('customers')`)
    await page.keyboard.press('Alt+PageUp')
    await wait(`${LINES}.includes('customers')`)
    await page.focus('.cm-content')
    await page.keyboard.press('Control+z')
    await wait(`${LINES}.includes("AND name = 'nobody'")`)
  })

  it('no link is copied of a statement that finds no room in one', async () => {
    await page.keyboard.press('Alt+n')
    await write(`SELECT 1 AS a -- ${'x'.repeat(32_000)}`)
    await page.keyboard.press('Control+k')
    await page.keyboard.type('copy a link')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.not-copied >> text=the statement is too long for a link')
    await page.click('[aria-label="Close the message"]')
    await page.focus('.cm-content')
    await page.keyboard.press('Alt+w')
    await page.waitForSelector('.cm-placeholder')
  })

  it('the history outlives a reload, is searched, and goes with the logout', async () => {
    await page.reload()
    await page.waitForSelector('.explorer [role="option"]')
    await page.click('text=History')
    await page.waitForSelector('[aria-label="Search History"]:focus')
    await page.keyboard.type('by nothing of that')
    await page.waitForSelector('.choices .none')
    await page.keyboard.press('Control+a')
    await page.keyboard.type('__dual complete')
    await page.waitForSelector('.choices [role="option"] >> text=SELECT 1 AS a')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.dialog', { state: 'detached' })
    await wait(`${LINES}.includes('__dual')`)
    await page.click('button[aria-label="Account admin"]')
    await page.click('text=Log out')
    await page.waitForSelector('.login')
    assert.equal(await page.evaluate("Object.keys(localStorage).filter((k) => k.startsWith('sluice.')).length"), 0)
  })

  it('a key in a script of 500 lines with 5,000 topics', async (t) => {
    const { context, page: many } = await watchedPage(opened.browser)
    await many.route('**/api/v1/kafka/topic-names?*', async (route) => {
      const topics = Array.from({ length: 5000 }, (_, i) => ({
        name: `topic_${String(i).padStart(4, '0')}`,
        partitions: 3,
      }))
      await route.fulfill({ json: { total: topics.length, topics } })
    })
    await many.route('**/api/v1/datasets?*', async (route) => {
      const at = Number(/page=(\d+)/.exec(route.request().url())?.[1])
      const fields = { key: [], value: [{ name: 'id', type: 'string' }] }
      const values = Array.from({ length: 100 }, (_, i) => ({
        name: `topic_${String((at - 1) * 100 + i).padStart(4, '0')}`,
        keyType: 'STRING',
        valueType: 'JSON',
        partitions: 3,
        records: 1,
        isCompacted: false,
        description: null,
        fields,
      }))
      await route.fulfill({ json: { datasets: { values, pagesAmount: 50, totalCount: 5000 } } })
    })
    await logIn(many, opened.demo.url, 'admin', opened.demo.password)
    await many.waitForSelector('text=5,000 topics')
    const line = "SELECT a, b, count(*) AS n FROM topic_0042 WHERE a = 'x' AND b > 3 GROUP BY a, b; -- and so on\n"
    await many.click('.cm-content')
    await many.keyboard.insertText(line.repeat(500))
    await many.keyboard.type('\nSELECT id FROM top')
    // What the page works for a key (script, style, layout), as the browser counts it: other programs do not count.
    const devTools = await context.newCDPSession(many)
    await devTools.send('Performance.enable')
    const worked = async (): Promise<number> => {
      const { metrics } = await devTools.send('Performance.getMetrics')
      const parts = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration']
      return metrics.reduce((sum, { name, value }) => (parts.includes(name) ? sum + value * 1000 : sum), 0)
    }
    const took: number[] = []
    let before = await worked()
    for (const c of 'ic_0042 WHERE id = 1 AND topic LIKE x AND value > 17 ORDER BY id LIMIT 100'.repeat(2)) {
      await many.keyboard.type(c)
      const now = await worked()
      took.push(now - before)
      before = now
    }
    took.sort((a, b) => a - b)
    const at = (share: number) => took[Math.floor(share * (took.length - 1))]
    t.diagnostic(`${took.length} keys: median ${at(0.5).toFixed(1)} ms, 95th percentile ${at(0.95).toFixed(1)} ms`)
    assert.ok(took.length > 100, `${took.length}`)
    await context.close()
  })
})
