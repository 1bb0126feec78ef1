/**
 * The page in a real Chromium, for tests of its parts: the demo (a server on the embedded broker), a browser, and a page
 * that is logged in. What appears on the console, fails on the page or violates its policy is kept as a complaint.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { startChild } from '../../scripts/child.ts'
import { browser as findBrowser, projectFolder } from '../../scripts/provision.ts'

const program = await findBrowser().catch((error: Error) => error)

/** False, or why tests with a browser are skipped. */
export const withoutBrowser: string | false = program instanceof Error ? program.message : false

/** The background of a browser would look for hosts that no test machine reaches. */
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: program as string, args: FLAGS })
}

/** A running demo. `link` logs in once; `url` ends with a slash. */
export interface Demo {
  readonly url: string
  readonly link: string
  readonly password: string
  readonly token: string
  /** What it printed. */
  readonly printed: string
  stop(): Promise<void>
}

export async function startDemo(): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-studio-'))
  const logFile = join(folder, 'demo.txt')
  const child = await startChild(process.execPath, ['src/cli/start.ts', 'demo', '--port', '0'], {
    logFile,
    ready: /Ctrl-C ends it/,
    cwd: projectFolder,
  })
  const printed = await readFile(logFile, 'utf8')
  const [, link = ''] = /Open +(\S+)/.exec(printed) ?? []
  const [, password = ''] = /password (\S+)/.exec(printed) ?? []
  const [, token = ''] = /--token (\S+)/.exec(printed) ?? []
  const stop = async (): Promise<void> => {
    await child.stop()
    await rm(folder, { recursive: true, force: true })
  }
  return { url: link.replace(/#.*/, ''), link, password, token, printed, stop }
}

/** A page with its complaints. */
export interface Watched {
  readonly context: BrowserContext
  readonly page: Page
  /** Emptied by who has looked. */
  readonly complaints: string[]
}

export async function watchedPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('requestfailed', (request) => {
    // A download leaves the page, and so does a reload what is under way: the browser calls both aborted.
    if (request.url().endsWith('/sql/presentation') && request.failure()?.errorText === 'net::ERR_ABORTED') return
    if (!/\/exports\/[\w-]+\/file$/.test(request.url())) complaints.push(request.url())
  })
  return { context, page, complaints }
}

/** A demo and a page of a browser that shows nothing yet. */
export interface DemoPage extends Watched {
  readonly demo: Demo
  readonly browser: Browser
  close(): Promise<void>
}

export async function demoPage(options?: BrowserContextOptions): Promise<DemoPage> {
  const demo = await startDemo()
  const browser = await launchBrowser()
  const close = async (): Promise<void> => {
    await browser.close()
    await demo.stop()
  }
  return { ...(await watchedPage(browser, options)), demo, browser, close }
}

/** The same, logged in by the demo's own link. */
export async function openedDemo(options?: BrowserContextOptions): Promise<DemoPage> {
  const opened = await demoPage(options)
  await opened.page.goto(opened.demo.link)
  await opened.page.waitForSelector('.explorer [role="option"]')
  opened.complaints.splice(0)
  return opened
}

/** Logs in by name and password. */
export async function logIn(page: Page, url: string, username: string, password: string): Promise<void> {
  await page.goto(url)
  await page.fill('[name="username"]', username)
  await page.fill('[name="password"]', password)
  await page.keyboard.press('Enter')
  await page.waitForSelector('.explorer [role="option"]')
}

/** Types a statement over what stands in the editor, and runs it; by keyboard once the editor has the focus. */
export async function runStatement(page: Page, sql: string): Promise<void> {
  await page.focus('.cm-content')
  await page.keyboard.press('Control+a')
  await page.keyboard.insertText(sql)
  await page.keyboard.press('Control+Enter')
}

/** Waits until the run of the shown tab has come to that. */
export function phase(page: Page, ...names: readonly string[]): Promise<void> {
  return see(page, names.map((name) => `.status-line[data-phase="${name}"]`).join(', '))
}

/** Waits for what is to be seen; a failure says how the page stands. */
export async function see(page: Page, selector: string): Promise<void> {
  await page.waitForSelector(selector).catch(async (error: Error) => {
    const stands = await page.evaluate(`JSON.stringify({
      status: document.querySelector('.status-line')?.innerText,
      editor: document.querySelector('.cm-content')?.innerText,
      question: document.querySelector('.question')?.innerText,
      dialog: document.querySelector('dialog')?.innerText,
      error: document.querySelector('[role="alert"]')?.innerText,
      grid: document.querySelector('.grid')?.innerText.slice(0, 300),
      focus: document.activeElement?.outerHTML.slice(0, 200),
      address: location.hash,
    })`)
    throw new Error(`${error.message}\nThe page: ${String(stands)}`)
  })
}
