/**
 * The pages of topics, writing, and running queries in a real Chromium, on the demo: newest records at once, search
 * without SQL, schema, partitions, configuration, groups, bad records with their bytes; the dry run and what it writes;
 * a query that is killed. Markup wherever a topic can hold it stays text. Anything on the console is a failure.
 */
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { connect } from '../../src/client/connect.ts'
import { type DemoPage, openedDemo, withoutBrowser } from './studio-page.ts'

const MARKUP = '<img src=x onerror="document.title=1"><script>document.title=1</script>'

describe('topics in Chromium', { skip: withoutBrowser }, () => {
  let opened: DemoPage
  let page: Page
  let [url, token] = ['', '']
  let complaints: string[] = []

  before(async () => {
    opened = await openedDemo()
    ;({ page, complaints } = opened)
    ;({ url, token } = opened.demo)
  })
  after(() => opened?.close())
  beforeEach(() => void complaints.splice(0))

  const complete = () => page.waitForSelector('.status-line[data-phase="complete"]')
  const part = (name: string) => page.click(`[role="tab"]:text-is("${name}")`)
  async function goTo(topic: string): Promise<void> {
    await page.keyboard.press('Control+k')
    await page.keyboard.type(topic)
    await page.keyboard.press('Enter')
    await page.waitForSelector(`.topic-page h1:text-is("${topic}")`)
  }
  async function sql(text: string): Promise<unknown[]> {
    const rows: unknown[] = []
    for await (const row of connect({ url, token }).query(text).rows()) rows.push(row)
    return rows
  }

  it('a topic: formats and why, sizes, and its newest records at once', async () => {
    await goTo('orders')
    await complete()
    const facts = await page.innerText('.facts')
    assert.match(facts, /AVRO\s+registry subject orders-value, version 1/)
    assert.match(facts, /Records\s+20,\d{3}/)
    assert.match(facts, /Size\s+[\d.]+ MB/)
    assert.match(facts, /Kept\s+7 days/)
    assert.match(await page.innerText('.search-sql'), /SELECT \* FROM orders ORDER BY _meta\.timestamp DESC LIMIT 100/)
    assert.match(await page.innerText('.status-line'), /100 rows/)
    assert.deepEqual(complaints, [])
  })

  it('search by keyboard alone shows its SQL, stands in the address, and opens in the editor', async () => {
    await page.selectOption('[aria-label="Condition 1: where"]', 'field')
    await page.focus('[aria-label="Condition 1: field"]')
    await page.keyboard.type('number')
    await page.selectOption('[aria-label="Condition 1: comparison"]', 'is')
    await page.focus('[aria-label="Condition 1: value"]')
    await page.keyboard.type('12a')
    await page.waitForSelector('.search-sql .failure')
    await page.keyboard.press('Control+a')
    await page.keyboard.type('9007199255019999')
    await page.waitForSelector('.search-sql code:has-text("WHERE number = 9007199255019999")')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.status-line:has-text("1 row")')
    assert.match(await page.innerText('.grid'), /9007199255019999/)
    assert.match(decodeURIComponent(page.url()), /topic\/orders\?p\.c0=\["number","is","9007199255019999"\]/)
    await page.click('text=Open in editor')
    await page.waitForSelector('.cm-content:has-text("WHERE number = 9007199255019999")')
    assert.deepEqual(complaints, [])
  })

  it('schema, partitions, configuration, groups', async () => {
    await goTo('orders')
    await part('Schema')
    await page.waitForSelector('.topic-schema .line:has-text("NEW | PAID | PACKED")')
    await page.fill('[aria-label="Search the schema"]', 'zip')
    await page.waitForSelector('.topic-schema [aria-setsize="2"]')
    await part('Partitions')
    await page.waitForSelector('[role="table"][aria-rowcount="4"]')
    assert.match(await page.innerText('.virtual-table'), /\d,\d{3}\s+\d,\d{3}\s+\d+ kB\s+1\s+1/)
    await part('Configuration')
    await page.waitForSelector('.virtual-table:has-text("retention.ms")')
    await part('Consumer groups')
    await page.waitForSelector('text=No consumer group reads this topic')
    assert.deepEqual(complaints, [])
  })

  it('bad records: why, and the first wrong byte', async () => {
    await goTo('corrupt_events')
    await part('Bad records')
    await page.waitForSelector('.bad-line')
    await page.click('.bad-line:has-text("no magic byte: it starts with 0x7b")')
    await page.waitForSelector('.hex .wrong:text-is("›7b")')
    assert.match(await page.innerText('.bytes'), /the first wrong one is byte 0/)
    assert.deepEqual(complaints, [])
  })

  it('a record is checked, then written; replayed; its key gets a tombstone', async () => {
    await sql(`CREATE TABLE desk(_key string, n int, note string NULL) FORMAT (string, avro)`)
    await page.keyboard.press('Control+k')
    await page.keyboard.type('again')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.explorer .topic:has-text("desk")')
    await goTo('desk')
    await part('Write')
    await page.click('[aria-label="Set _key"]')
    await page.locator('.form-line', { hasText: '_key' }).locator('input[type="text"]').fill("k'1")
    const n = page.locator('.form-line', { hasText: 'int' }).locator('input[type="text"]')
    await n.fill('99999999999')
    await page.click('text=Dry run')
    await page.waitForSelector('.write-statement .error')
    assert.ok(await page.isDisabled('.write-statement .primary'), 'what fails its dry run is not written')
    await n.fill('7')
    await page.click('text=Dry run')
    await page.waitForSelector('.write-report:has-text("Would write 1 record")')
    assert.deepEqual(await sql('SELECT count(*) AS n FROM desk'), [{ n: 0 }])
    await page.click('.write-statement .primary')
    await page.waitForSelector('.write-report:has-text("1 records inserted")')
    await page.click('text=Replay a record')
    await page.fill('.write-place input', 'desk/0/0')
    await page.click('text=Dry run')
    await page.waitForSelector('.write-report:has-text("Would write 1 record")')
    await page.click('.write-statement .primary')
    await page.waitForSelector('.write-report:has-text("1 records inserted")')
    await page.click('text=Tombstone a key')
    await page.click('text=Dry run')
    await page.waitForSelector('.write-report:has-text("Tombstones: 1")')
    await page.click('.write-statement .primary')
    await page.waitForSelector('.write-report:has-text("1 records inserted")')
    assert.deepEqual(await sql('SELECT _key, n, _value IS NULL AS gone FROM desk'), [
      { _key: "k'1", n: 7, gone: false },
      { _key: "k'1", n: 7, gone: false },
      { _key: "k'1", n: null, gone: true },
    ])
    assert.deepEqual(complaints, [])
  })

  it('a runaway query of somebody else is killed with one key, said twice', async () => {
    const endless = connect({ url, token }).query(
      'SELECT count(*) FROM cc_payments AS a JOIN cc_payments AS b ON a.currency != b.currency',
    )
    const ended = (async () => {
      for await (const _ of endless.rows()) assert.ok(true)
    })().then(
      () => '',
      (cause: Error) => cause.message,
    )
    await page.keyboard.press('Control+k')
    await page.keyboard.type('running queries')
    await page.keyboard.press('Enter')
    const row = page.locator('tr[data-status="Running"]', { hasText: 'JOIN cc_payments' })
    await row.waitFor()
    await row.focus()
    await page.keyboard.press('k')
    await row.locator('button:has-text("query?")').waitFor()
    await page.keyboard.press('k')
    assert.match(await ended, /killed by "?admin/)
    await row.waitFor({ state: 'detached' })
    assert.deepEqual(complaints, [])
  })

  it('markup in a record, a description, the doc of a schema and a header is text, never HTML', async () => {
    const doc = JSON.stringify(MARKUP)
    const schema = `{"type":"record","name":"M","doc":${doc},"fields":[{"name":"text","type":"string","doc":${doc}}]}`
    const put = (path: string, method: string, body: unknown) =>
      fetch(url + path, { method, headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(body) })
    await sql(`CREATE TABLE marked(_key string, text string) FORMAT (string, avro)`)
    const registered = await put('api/proxy-sr/subjects/marked-value/versions', 'POST', { schema })
    assert.ok(registered.ok, await registered.text())
    const described = await put('api/v1/datasets/kafka/marked/description', 'PUT', { description: MARKUP })
    assert.ok(described.ok, await described.text())
    await sql(`INSERT INTO marked(_key, text, _headers.h) VALUES ('${MARKUP}', '${MARKUP}', '${MARKUP}')`)
    await page.keyboard.press('Control+k')
    await page.keyboard.type('again')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.explorer .topic:has-text("marked")')
    await goTo('marked')
    await page.waitForSelector('.topic-head .soft:has-text("<img src=x")')
    await page.locator('.cell', { hasText: MARKUP }).nth(1).waitFor()
    await page.fill('[aria-label="Condition 1: value"]', MARKUP)
    await page.waitForSelector('.search-sql code:has-text("<script>")')
    await part('Schema')
    await page.waitForSelector('.topic-schema .doc:has-text("<img src=x")')
    await part('Write')
    await page.waitForSelector('.form-line .doc:has-text("<img src=x")')
    await page.click('text=Replay a record')
    await page.fill('.write-place input', 'marked/0/0')
    await page.waitForSelector('.write-form .soft:has-text("With its headers: h")')
    assert.equal(await page.evaluate('document.querySelectorAll("img, b, i, #studio script").length'), 0)
    assert.notEqual(await page.title(), '1')
    assert.deepEqual(complaints, [])
  })

  it('360 pixels: nothing stands out at the side', async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    for (const name of ['Records', 'Schema', 'Partitions', 'Write']) {
      await part(name)
      await page.waitForSelector(`#topic-part[aria-labelledby] > *`)
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 360, name)
    }
    assert.deepEqual(complaints, [])
  })
})
