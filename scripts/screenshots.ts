/**
 * Makes the pictures of the page that README and docs/studio.md show: starts the demo, opens it in a browser, light and
 * dark, and writes docs/images/studio-*.png. `node scripts/screenshots.ts [FOLDER]`; another folder for all widths.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { startChild } from './child.ts'
import { browser as findBrowser, projectFolder } from './provision.ts'

const [given] = process.argv.slice(2)
const folder = given === undefined ? join(projectFolder, 'docs', 'images') : resolve(given)
/** Widths in pixels; the project keeps the one. */
const WIDTHS = given === undefined ? [1280] : [360, 1280, 2560]

const COUNTED = 'SELECT currency, sum(amount) AS total\nFROM cc_payments\nGROUP BY currency'
const NEWEST = 'SELECT *\nFROM orders\nORDER BY _meta.timestamp DESC\nLIMIT 1000'

async function ran(page: Page, sql: string): Promise<void> {
  await page.focus('.cm-content')
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(sql)
  await page.keyboard.press('Control+Enter')
  await page.waitForSelector('.status-line[data-phase="complete"], .status-line[data-phase="limited"]')
  // Nothing that only one who types sees.
  await page.evaluate('document.activeElement.blur()')
  await page.mouse.move(0, 0)
}

/** What is shown, by the name of its picture. */
const SCENES: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  async record(page) {
    await ran(page, NEWEST)
    await page.focus('.grid')
    await page.keyboard.press('Control+Home')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.record .tree')
  },
  async chart(page) {
    await page.keyboard.press('Escape')
    await ran(page, COUNTED)
    await page.click('#panel-tab-chart')
    await page.waitForSelector('.chart-place canvas')
  },
  async topic(page) {
    await page.keyboard.press('Control+k')
    await page.keyboard.type('corrupt_events')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.tab.active >> text=corrupt_events')
    await page.click('[role="tab"]:text-is("Bad records")')
    await page.click('.bad-line:has-text("no magic byte: it starts with 0x7b")')
    await page.waitForSelector('.hex .wrong')
  },
}

async function taken(browser: Browser, link: string): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })
  const page = await context.newPage()
  await page.goto(link)
  await page.waitForSelector('.explorer .topic')
  for (const [name, show] of Object.entries(SCENES)) {
    await page.setViewportSize({ width: 1280, height: 800 })
    await show(page)
    for (const width of WIDTHS)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: width === 360 ? 740 : (width * 5) / 8 })
        await page.emulateMedia({ colorScheme })
        // Two frames, so that a chart has been drawn anew.
        await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')
        const file = join(folder, `studio-${name}-${given === undefined ? '' : `${width}-`}${colorScheme}.png`)
        await page.screenshot({ path: file, animations: 'disabled', caret: 'hide' })
        console.log(file)
      }
    await page.emulateMedia({ colorScheme: 'light' })
  }
}

await mkdir(folder, { recursive: true })
const kept = await mkdtemp(join(tmpdir(), 'sluice-pictures-'))
const logFile = join(kept, 'demo.txt')
const demo = await startChild(process.execPath, ['src/cli/start.ts', 'demo', '--port', '0'], {
  logFile,
  ready: /Ctrl-C ends it/,
  cwd: projectFolder,
})
try {
  const [, link = ''] = /Open +(\S+)/.exec(await readFile(logFile, 'utf8')) ?? []
  const browser = await chromium.launch({ executablePath: await findBrowser(), args: ['--disable-gpu'] })
  try {
    await taken(browser, link)
  } finally {
    await browser.close()
  }
} finally {
  await demo.stop()
  await rm(kept, { recursive: true, force: true })
}
