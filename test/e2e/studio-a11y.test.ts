/**
 * The page for those who do not see it well or use no mouse: axe-core finds nothing on any view, in both themes; at
 * 200 % and at 320 pixels nothing is cut off; motion stops where it is asked to; focus is seen and goes everywhere.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, describe, it } from 'node:test'
import { type DemoPage, demoPage, phase, runStatement, withoutBrowser } from './studio-page.ts'

interface Finding {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[]
}

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

describe('the page without a mouse, and for screen readers', { skip: withoutBrowser }, () => {
  let watched: DemoPage
  let axe = ''

  before(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
    watched = await demoPage()
  })
  after(() => watched?.close())

  /** What axe finds now, in both themes. */
  async function found(): Promise<readonly string[]> {
    const { page } = watched
    const lines: string[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      // The tool comes in through the debugger, past the page's own policy, which stays as it is.
      await page.evaluate(axe)
      const result = (await page.evaluate(
        `axe.run(document, { runOnly: { type: 'tag', values: ${JSON.stringify(TAGS)} }, resultTypes: ['violations'] })`,
      )) as { violations: readonly Finding[] }
      for (const { id, impact, nodes } of result.violations)
        for (const { target, failureSummary } of nodes.slice(0, 3))
          lines.push(`${colorScheme} ${impact} ${id} ${target.join(' ')}: ${failureSummary.replaceAll('\n', ' ')}`)
    }
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
    return lines
  }

  it('the login', async () => {
    const { page } = watched
    await page.goto(watched.demo.url)
    await page.waitForSelector('.login')
    assert.deepEqual(await found(), [])
  })

  it('an empty query, with its examples', async () => {
    const { page } = watched
    await page.goto('about:blank')
    await page.goto(watched.demo.link)
    await page.waitForSelector('.examples button')
    assert.deepEqual(await found(), [])
  })

  it('the topics with their fields', async () => {
    const { page } = watched
    await page.click('.explorer .twist')
    await page.waitForSelector('.explorer .field')
    assert.deepEqual(await found(), [])
  })

  it('rows', async () => {
    const { page } = watched
    await runStatement(page, 'SELECT * FROM cc_payments LIMIT 1000')
    await phase(page, 'complete')
    await page.waitForSelector('.grid-row .cell.text')
    assert.deepEqual(await found(), [])
  })

  it('every panel of a result', async () => {
    const { page } = watched
    await runStatement(page, 'SELECT currency, count(*) AS n FROM cc_payments GROUP BY currency')
    await phase(page, 'complete')
    const panels = await page.locator('.panel-tabs [role="tab"]').evaluateAll((tabs) => tabs.map(({ id }) => id))
    assert.ok(panels.length > 1)
    for (const id of panels) {
      await page.click(`#${id}`)
      await page.waitForSelector('#panel [aria-busy="true"]', { state: 'detached' })
      if (id === 'panel-tab-chart') {
        await page.waitForSelector('.chart-place canvas')
        await page.click('.chart-table summary')
        await page.waitForSelector('.chart-table td')
      }
      assert.deepEqual(await found(), [], id)
    }
    await page.click(`#${panels[0]}`)
  })

  it('an error, and an empty result', async () => {
    const { page } = watched
    await runStatement(page, 'SELECT nothing FROM cc_payments')
    await phase(page, 'failed')
    assert.deepEqual(await found(), [])
    await runStatement(page, 'SELECT * FROM empty_topic')
    await phase(page, 'complete')
    assert.deepEqual(await found(), [])
  })

  it('every dialog', async () => {
    const { page } = watched
    for (const keys of ['Control+k', '?', 'Control+s', 'Alt+h', 'Control+Shift+e']) {
      await page.focus('.tab.active [role="tab"]')
      await page.keyboard.press(keys)
      await page.waitForSelector('dialog[open]')
      await page.waitForSelector('dialog [aria-busy="true"]', { state: 'detached' })
      assert.deepEqual(await found(), [], keys)
      await page.keyboard.press('Escape')
      await page.waitForSelector('dialog', { state: 'detached' })
    }
    await page.click('text=Connect')
    await page.waitForSelector('dialog[open] pre')
    assert.deepEqual(await found(), [])
    await page.keyboard.press('Escape')
    await page.click('button[aria-label="Account admin"]')
    await page.waitForSelector('[role="menu"]')
    assert.deepEqual(await found(), [])
    await page.keyboard.press('Escape')
  })

  it('every side of a record, and two that are compared', async () => {
    const { page } = watched
    await runStatement(page, 'SELECT * FROM orders LIMIT 20')
    await phase(page, 'complete')
    const open = (row: number) => page.locator(`.grid-row[data-place="${row}"] .cell`).first().dblclick()
    await open(0)
    await page.click('.record >> text=Compare with')
    await page.keyboard.press('Escape')
    await page.waitForSelector('.record', { state: 'detached' })
    await open(1)
    for (const side of ['value', 'json', 'key', 'headers', 'metadata', 'hex', 'differences']) {
      await page.click(`#side-${side}`)
      await page.waitForSelector(`#side-${side}[aria-selected="true"]`)
      await page.locator('.record .notice', { hasText: 'Loading' }).waitFor({ state: 'detached' })
      assert.deepEqual(await found(), [], side)
    }
    await page.click('[aria-label="Close the record"]')
  })

  it('the page of a topic, in all of its parts', async () => {
    const { page } = watched
    await page.keyboard.press('Control+k')
    await page.keyboard.type('corrupt_events')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.topic-page h1:text-is("corrupt_events")')
    await phase(page, 'complete')
    const parts = await page.locator('.topic-page [role="tab"]').allInnerTexts()
    assert.ok(parts.length > 5, parts.join())
    for (const part of parts) {
      await page.click(`.topic-page [role="tab"]:text-is("${part}")`)
      await page.waitForSelector('.topic-page [aria-busy="true"]', { state: 'detached' })
      if (part === 'Bad records') await page.click('.bad-line >> nth=0')
      assert.deepEqual(await found(), [], part)
    }
  })

  it('the running queries, parameters, an export that runs, and what follows', async () => {
    const { page } = watched
    await page.keyboard.press('Control+k')
    await page.keyboard.type('running queries')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.queries')
    assert.deepEqual(await found(), [])
    await page.keyboard.press('Alt+n')
    await page.waitForSelector('.cm-placeholder')
    await runStatement(page, 'SELECT * FROM cc_payments WHERE currency = :currency')
    await page.waitForSelector('[aria-label="Value of currency"]:focus')
    await page.keyboard.type('EUR')
    await page.focus('.cm-content')
    await page.keyboard.press('Alt+f')
    await page.waitForSelector('.status-line >> text=Following')
    await page.keyboard.press('Control+Shift+e')
    const download = page.waitForEvent('download')
    await page.click('dialog button[type="submit"]')
    await (await download).cancel()
    await page.waitForSelector('.export-strip li')
    assert.deepEqual(await found(), [])
    await page.keyboard.press('Control+.')
    await phase(page, 'cancelled')
  })

  it('at 200 %, and at 320 pixels, nothing is cut off at the side', async () => {
    const { page } = watched
    // What a test before has exported lies over the page until it is put away.
    for (const button of await page.locator('button[aria-label^="Put away"]').all()) await button.click()
    for (const width of [640, 320]) {
      await page.setViewportSize({ width, height: 400 })
      const outside = await page.evaluate(
        `[...document.querySelectorAll('body *:not(.tab-list *)')].filter((one) => one.getBoundingClientRect().right > ${width} + 1).map((one) => one.tagName + '.' + one.className).slice(0, 5).join(' ')`,
      )
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, String(outside))
      assert.deepEqual(await found(), [], `${width}`)
    }
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  it('nothing moves where less motion is asked for', async () => {
    const { page } = watched
    await page.emulateMedia({ reducedMotion: 'reduce' })
    const moving = await page.evaluate(
      `[...document.querySelectorAll('*')].filter((one) => {
        const { transitionDuration, animationName } = getComputedStyle(one)
        return animationName !== 'none' || transitionDuration.split(', ').some((time) => parseFloat(time) > 0)
      }).map((one) => one.className)`,
    )
    assert.deepEqual(moving, [])
  })

  it('Tab reaches everything that can be clicked, focus is seen on each, and none holds it', async () => {
    const { page } = watched
    await page.setViewportSize({ width: 1280, height: 800 })
    await runStatement(page, 'SELECT currency, count(*) AS n FROM cc_payments GROUP BY currency')
    await phase(page, 'complete')
    await page.click('#panel-tab-chart')
    await page.waitForSelector('.chart-place canvas')
    await page.evaluate('document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex")')
    const seen: string[] = []
    let outline = 0
    for (let i = 0; i < 120; i++) {
      await page.keyboard.press('Tab')
      const [name, shown] = (await page.evaluate(
        `(() => { const one = document.activeElement; const style = getComputedStyle(one)
          const name = one === document.body ? '' : one.tagName + ' ' + (one.getAttribute('aria-label') || one.id || one.textContent.slice(0, 40))
          return [name, style.outlineStyle !== 'none' || one.closest('.cm-editor, .cm-focused, .grid') !== null] })()`,
      )) as [string, boolean]
      if (name === '' || (i > 3 && name === seen[0])) break
      // The text of the editor takes Tab for itself; Escape, then Tab, leaves it.
      if (name === seen.at(-1)) await page.keyboard.press('Escape')
      seen.push(name)
      if (shown) outline++
      else assert.fail(`no focus to be seen on ${name}`)
    }
    assert.ok(outline > 12, seen.join('\n'))
    for (const wanted of [
      /Topic or command/,
      /Search topics|topic-search/,
      /Run/,
      /panel-tab-chart|Chart/,
      /Arrow keys/,
      /Download PNG/,
    ])
      assert.ok(
        seen.some((name) => wanted.test(name)),
        `${wanted} among\n${seen.join('\n')}`,
      )
  })

  it('the chart by keyboard: arrows say each value, exactly', async () => {
    const { page } = watched
    await page.focus('.chart-place')
    await page.keyboard.press('Home')
    const said = page.locator('[role="status"]').first()
    const first = await said.innerText()
    await page.keyboard.press('ArrowRight')
    const second = await said.innerText()
    assert.match(second, /^[A-Z]{3}: n \d+$/)
    assert.notEqual(first, second)
  })

  it('nothing was complained about', () => {
    // Before the login, the browser itself notes the refusal on the console.
    assert.deepEqual(
      watched.complaints.filter((text) => !/401/.test(text)),
      [],
    )
  })
})
