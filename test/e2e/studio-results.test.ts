/**
 * Results on the page, in a real Chromium on the demo: rows sorted, filtered, searched, selected and copied without a
 * digit lost, by mouse and by keys; the record with its sides, its place in the address, another one compared with it;
 * columns, messages, live results, the ceiling.
 */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { BrowserContext, Page } from 'playwright-core'
import { type DemoPage, openedDemo, withoutBrowser } from './studio-page.ts'

describe('results in Chromium', { skip: withoutBrowser }, () => {
  let opened: DemoPage
  let context: BrowserContext
  let page: Page
  let complaints: string[] = []

  before(async () => {
    opened = await openedDemo({
      viewport: { width: 1280, height: 900 },
      permissions: ['clipboard-read', 'clipboard-write'],
      timezoneId: 'Asia/Kolkata',
    })
    ;({ context, page, complaints } = opened)
  })
  after(() => opened?.close())
  beforeEach(() => void complaints.splice(0))

  const phase = (name: string) => page.waitForSelector(`.status-line[data-phase="${name}"]`)

  /** Runs a statement, and waits until that very run has ended; the one before may have ended in the same way. */
  async function run(sql: string, ends = 'complete'): Promise<void> {
    await page.evaluate(`(() => {
      let begun = false
      delete document.documentElement.dataset.ended
      const observer = new MutationObserver(() => {
        const phase = document.querySelector('.status-line')?.dataset.phase
        if (phase === 'connecting' || phase === 'running') begun = true
        else if (begun && phase === '${ends}') {
          observer.disconnect()
          document.documentElement.dataset.ended = 'true'
        }
      })
      observer.observe(document.body, { subtree: true, childList: true, attributeFilter: ['data-phase'] })
    })()`)
    await page.click('.cm-content')
    await page.keyboard.press('Control+a')
    await page.keyboard.insertText(sql)
    await page.keyboard.press('Control+Enter')
    await page.waitForSelector('html[data-ended]')
  }

  const clipboard = () => page.evaluate('navigator.clipboard.readText()') as Promise<string>
  /** Texts of the first row's cells, when a cell with this text is there. */
  async function firstRow(with_: string | RegExp): Promise<string> {
    const row = page.locator('.grid-row[data-place="0"]', { hasText: with_ })
    await row.waitFor()
    return row.innerText()
  }
  const announced = (text: RegExp) => page.locator('[role="status"]', { hasText: text }).first().waitFor()

  it('absent, null, empty text and 0 look different; numbers keep their digits', async () => {
    await run(`SELECT number, '' AS empty, 0 AS zero, billTo, deliveryDate FROM orders LIMIT 500`)
    assert.match(await firstRow('9007199255000001'), /""/)
    assert.match(await firstRow('9007199255000001'), /·/)
    const kinds = await page.evaluate(
      `['blank', 'number', 'null', 'absent'].map((kind) => document.querySelectorAll('.grid .cell.' + kind).length > 0)`,
    )
    assert.deepEqual(kinds, [true, true, true, true])
    assert.equal(await page.getAttribute('.cell.absent', 'aria-label'), 'absent')
    assert.deepEqual(complaints, [])
  })

  it('sorts and filters what was received, by mouse and by keys, and says so', async () => {
    await run('SELECT number, status, total, createdAt FROM orders WHERE _meta.partition = 0 LIMIT 2000')
    await page.click('.head >> text=number')
    await page.click('.head >> text=number')
    await page.waitForSelector('[role="columnheader"][aria-sort="descending"]')
    await announced(/2,000 of the 2,000 rows received/)
    await firstRow(/90071992550(0[5-9]|[1-9])/)
    await page.focus('.grid')
    await page.keyboard.press('Control+Home')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press(' ')
    await page.waitForSelector('.column-menu')
    await page.keyboard.type('=PACKED')
    await page.keyboard.press('Enter')
    await page.locator('.chip', { hasText: 'status =PACKED' }).waitFor()
    await firstRow('PACKED')
    assert.equal(await page.locator('.cell', { hasText: 'SHIPPED' }).count(), 0)
    await page.click('.chip >> text=status')
    await page.click('.chip >> text=sorted by')
    await firstRow('9007199255000001')
    assert.deepEqual(complaints, [])
  })

  it('finds a text, selects and copies: cell, TSV, JSON, SQL', async () => {
    await page.focus('.grid')
    await page.keyboard.press('Control+f')
    await page.keyboard.type('delivered')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.cell.current >> text=DELIVERED')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+c')
    await announced(/^1 row copied as text$/)
    assert.equal(await clipboard(), 'DELIVERED')
    await page.keyboard.press('Control+Home')
    await page.keyboard.press('Shift+ArrowDown')
    await page.keyboard.press('Shift+ArrowRight')
    const copy = async (what: string, format: string): Promise<string> => {
      await page.click('button[aria-label="Copy"]')
      await page.click(`[role="menuitem"] >> text=${what}`)
      await announced(new RegExp(`^2 rows copied as ${format}$`))
      return clipboard()
    }
    assert.match(
      await copy('cells as TSV', 'tsv'),
      /^number\tstatus\n9007199255000001\tCANCELLED\n9007199255000004\tPACKED$/,
    )
    assert.match(await copy('cells as JSON', 'json'), /\{"number": 9007199255000001, "status": "CANCELLED"\}/)
    assert.equal(
      await copy('as SQL condition', 'sql'),
      "(number = 9007199255000001 AND status = 'CANCELLED') OR (number = 9007199255000004 AND status = 'PACKED')",
    )
    assert.deepEqual(complaints, [])
  })

  it('times in UTC, in the local zone and raw, for the whole page', async () => {
    const times = page.locator('select[aria-label="Times are shown in"]')
    assert.match(await firstRow('9007199255000001'), /2023-03-01 00:00:45 Z/)
    await times.selectOption('local')
    assert.match(await firstRow('9007199255000001'), /2023-03-01 05:30:45 \+05:30/)
    await times.selectOption('raw')
    assert.match(await firstRow('9007199255000001'), /2023-03-01T00:00:45Z/)
    await times.selectOption('utc')
    assert.deepEqual(complaints, [])
  })

  it('columns are pinned, hidden, moved and shown again', async () => {
    await page.click('button[aria-label="Column createdAt"]')
    await page.click('.column-menu >> text=Pin to the left')
    await page.waitForSelector('.grid-row .fixed .cell')
    await page.click('button[aria-label="Column total"]')
    await page.click('.column-menu >> text=Hide')
    await page.waitForSelector('.head[title="total"]', { state: 'detached' })
    await page.click('button[aria-label="Columns of the grid"]')
    await page.click('[role="menuitem"] >> text=Show all')
    await page.waitForSelector('.head[title="total"]')
    assert.deepEqual(complaints, [])
  })

  it('the record: its sides, its place in the address, around it, compared with another', async () => {
    await run('SELECT * FROM orders WHERE _meta.partition = 1 LIMIT 100')
    await page.focus('.grid')
    await page.keyboard.press('Control+Home')
    await page.keyboard.press('Enter')
    await page.locator('.record h3', { hasText: 'orders/1/0' }).waitFor()
    await page.waitForSelector('.record .tree')
    assert.match(decodeURIComponent(page.url()), /record=orders\/1\/0/)
    for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight')
    await page.locator('.hex h4', { hasText: /value, \d+ bytes/ }).waitFor()
    await page.click('text=Compare with')
    await page.keyboard.press('Escape')
    await page.waitForSelector('.record', { state: 'detached' })
    await page.focus('.grid')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.click('#side-differences')
    await page.waitForSelector('.differences tr.changed')
    await page.goBack()
    await page.waitForSelector('.record', { state: 'detached' })
    await page.goBack()
    await page.locator('.record h3', { hasText: 'orders/1/0' }).waitFor()
    await page.click('.record >> text=Around it')
    await page.waitForSelector('.tab:nth-child(2).active')
    await phase('complete')
    await page.click('.tab:nth-child(1) [role="tab"]')
    await page.click('.record >> text=Same key over time')
    await page.waitForSelector('.tab:nth-child(3).active')
    await phase('complete')
    assert.match(await page.innerText('.cm-content'), /ORDER BY _meta.timestamp/)
    assert.deepEqual(complaints, [])
  })

  it('the link of a record shows it without its rows; a bad one shows its bytes and why', async () => {
    const other = await context.newPage()
    await other.goto(
      `${page.url().replace(/#.*/, '')}#/demo/query?panel=rows&record=corrupt_events%2F0%2F7&sql=SELECT+1`,
    )
    await other.waitForSelector('.cm-content')
    await other.click('.cm-content')
    await other.keyboard.press('Control+Enter')
    await other.locator('.record .failure', { hasText: 'cannot be read' }).waitFor()
    assert.match(await other.innerText('#record-side'), /Its value cannot be read, for the reason above/)
    await other.click('#side-hex')
    await other.waitForSelector('.hex-line')
    await other.close()
    assert.deepEqual(complaints, [])
  })

  it('columns: full or not, range, shape, frequent values; a value filters rows or goes into WHERE', async () => {
    await run('SELECT number, status, total FROM orders WHERE _meta.partition = 0 LIMIT 2000')
    await phase('complete')
    await page.click('#panel-tab-columns')
    const status = page.locator('.summary', { hasText: 'status' })
    await status.locator('.top-values').waitFor()
    await status.getByText('2,000 (100 %)').waitFor()
    assert.match(await status.innerText(), /values\s+2,000 \(100 %\)[\s\S]*distinct\s+6/)
    await status.locator('button[aria-label="Put status = SHIPPED into WHERE"]').click()
    await page.locator('.cm-content', { hasText: "WHERE (_meta.partition = 0) AND status = 'SHIPPED'" }).waitFor()
    await status.locator('button[aria-label="Filter the rows by status = NEW"]').click()
    await page.locator('.chip', { hasText: 'status =NEW' }).waitFor()
    await firstRow('NEW')
    assert.deepEqual(complaints, [])
  })

  it('messages: bad records with place and reason, partitions, the ceiling that one sets', async () => {
    await run('SELECT * FROM corrupt_events LIMIT 100000')
    await page.click('#panel-tab-messages')
    await page.waitForSelector('section[aria-label="Bad records"] tbody tr')
    assert.match(await page.innerText('section[aria-label="Statistics"]'), /corrupt_events[\s\S]*100 %/)
    const rows = page.locator('.ceiling input').first()
    await rows.fill('1500')
    await rows.press('Enter')
    await run('SELECT id FROM cc_payments LIMIT 5000', 'limited')
    assert.match(await page.innerText('.status-line'), /The first 1,500 rows are kept \(studio\.result\.rows\)/)
    await page.click('section[aria-label="Outcome"] >> text=Continue from here')
    assert.deepEqual(complaints, [])
    await rows.fill('500000')
    await rows.press('Enter')
  })

  it('live aggregates change in place', async () => {
    await run('SELECT currency, count(*) AS n FROM cc_payments GROUP BY currency')
    await page.click('#panel-tab-rows')
    await page.waitForSelector('.grid-row .cell.number')
    assert.equal(await page.getAttribute('.grid', 'aria-rowcount'), '28')
    assert.deepEqual(complaints, [])
  })
})
