/** The two ways in which somebody works with the page: by mouse, and by keyboard alone. A task is written once. */
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'

/** What a person does. Selectors name one visible element. */
export interface Hand {
  readonly name: string
  /** Activates a button, a tab, an option, a row. */
  choose(selector: string): Promise<void>
  /** Writes into a field over what stands there. */
  write(selector: string, text: string): Promise<void>
  /** Opens the record of a row of the grid, counted from 0. */
  open(row: number): Promise<void>
  /** Writes a statement into the editor, and runs it. */
  run(sql: string): Promise<void>
}

/** By mouse; only what has to be written is typed. */
export function mouse(page: Page): Hand {
  return {
    name: 'by mouse',
    choose: (selector) => page.click(selector),
    async write(selector, text) {
      await page.click(selector)
      await page.keyboard.press('Control+a')
      await page.keyboard.insertText(text)
    },
    open: (row) => page.locator(`.grid-row[data-place="${row}"] .cell`).first().dblclick(),
    async run(sql) {
      await page.click('.cm-content', { position: { x: 5, y: 8 } })
      await page.keyboard.press('Control+a')
      await page.keyboard.insertText(sql)
      await page.click('.run-bar >> text=Run')
    },
  }
}

/** Presses of Tab after which an element that was not reached counts as out of reach. */
const MOST_TABS = 150

/** By keyboard alone: Tab to what is wanted, arrows within what takes them. */
export function keyboard(page: Page): Hand {
  const isAt = (selector: string) =>
    page
      .locator(selector)
      .first()
      .evaluate((one) => one === document.activeElement)

  /** Arrows within lists of tabs, menus and grids, whose parts are no stops of Tab. */
  async function reach(selector: string): Promise<void> {
    const wanted = page.locator(selector).first()
    await wanted.waitFor()
    const role = await wanted.getAttribute('role')
    const isRoving = role === 'tab' || role === 'menuitem' || role === 'radio'
    if (role === 'menuitem') {
      for (let i = 0; i < 40 && !(await isAt(selector)); i++) await page.keyboard.press('ArrowDown')
      return
    }
    for (let i = 0; i < MOST_TABS; i++) {
      if (await isAt(selector)) return
      const isBeside =
        isRoving &&
        (await wanted.evaluate((one) => {
          const group = one.closest('[role="tablist"], [role="radiogroup"]')
          return group?.contains(document.activeElement) === true
        }))
      if (isBeside) {
        await page.keyboard.press('ArrowRight')
        // The focus follows in the next frame; until then one more arrow would go too far.
        await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
      } else {
        // The editor takes Tab for itself until Escape leaves it.
        if ((await page.evaluate(`document.activeElement.closest('.cm-editor') !== null`)) === true)
          await page.keyboard.press('Escape')
        await page.keyboard.press('Tab')
      }
    }
    assert.fail(`${selector} is not reached by Tab`)
  }
  return {
    name: 'by keyboard',
    async choose(selector) {
      const wanted = page.locator(selector).first()
      await wanted.waitFor()
      if ((await wanted.getAttribute('type')) !== 'radio') {
        await reach(selector)
        return await page.keyboard.press('Enter')
      }
      // Of a group of radio buttons, Tab stops at the one that is chosen.
      await reach(`input[type="radio"][name="${await wanted.getAttribute('name')}"]:checked`)
      for (let i = 0; i < 40 && !(await isAt(selector)); i++) await page.keyboard.press('ArrowDown')
    },
    async write(selector, text) {
      await reach(selector)
      await page.keyboard.press('Control+a')
      await page.keyboard.insertText(text)
    },
    async open(row) {
      await reach('.grid')
      await page.keyboard.press('Control+Home')
      for (let i = 0; i < row; i++) await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
    },
    async run(sql) {
      await reach('.cm-content')
      await page.keyboard.press('Control+a')
      await page.keyboard.insertText(sql)
      await page.keyboard.press('Control+Enter')
    },
  }
}
