/**
 * `sluice query`: runs statements on a server and prints their rows; everything that is not a row goes to standard
 * error.
 */
import { ConnectionError, connect, type QueryEvent } from '../client/connect.ts'
import { memberText } from '../lib/text/lossless-json.ts'
import { oneLine } from '../lib/text/json-walk.ts'
import { incompleteText } from '../client/incomplete.ts'
import type { Stats } from '../protocol/frames.ts'
import { exportFile } from './export.ts'
import { Table } from './table.ts'
import { harmless, Output, readStandardInput, secretText } from './terminal.ts'

interface QueryOptions {
  readonly url: string
  readonly token?: string
  readonly user?: string
  readonly environment?: string
  readonly format?: string
  readonly export?: string
  readonly full?: boolean
  readonly live?: boolean
  readonly follow?: boolean
  readonly stats?: boolean
  readonly statsInterval?: number
}

const STATS_MS = 1000
/** How long a query that was interrupted has to print what it has. */
const LAST_WORDS_MS = 2000

export async function query(words: readonly string[], given: Record<string, unknown>): Promise<void> {
  const options = given as unknown as QueryOptions
  const sql = words.length > 0 ? words.join(' ') : await statementFromInput()
  const token = await credentials(options)
  if (options.export !== undefined) {
    const { url, environment, format, export: file } = options
    return await exportFile({ url: serverUrl(url), token, environment, sql, file, format })
  }
  if (options.format !== undefined && !['json', 'table'].includes(options.format))
    throw new Error(`--format ${options.format} writes a file: say which with --export FILE.`)
  const withStats = options.stats === true || options.statsInterval !== undefined
  const running = connect({ url: serverUrl(options.url), environment: options.environment, token }).query(sql, {
    live: options.live,
    follow: options.follow,
    stats: withStats ? (options.statsInterval ?? STATS_MS) : undefined,
  })
  const report = new Report(withStats, options.follow === true)
  process.on('SIGINT', () => {
    running.cancel()
    // Not waiting for anybody: the closing of the connection tells the server. A query that follows is ended in no
    // other way: what it has found is printed first.
    if (options.follow !== true || process.exitCode === 130) setTimeout(() => process.exit(130), 50)
    else setTimeout(() => process.exit(130), LAST_WORDS_MS).unref()
    process.exitCode = 130
  })
  const output = new Output(() => running.cancel())
  const table =
    options.full !== true && (options.format ?? (process.stdout.isTTY ? 'table' : 'json')) === 'table'
      ? new Table((line) => output.line(line), options.follow === true ? 1 : undefined)
      : undefined
  let statement: number | null = null
  try {
    for await (const event of running) {
      if (event.type === 'RECORD') {
        report.rows++
        if (event.statementIndex !== statement) await table?.end()
        statement = event.statementIndex
        await printRow(event.text, table, output, options.full === true)
      } else report.event(event)
    }
  } catch (cause) {
    if (!(cause instanceof ConnectionError)) throw cause
    report.failed(cause.message)
  }
  await table?.flush()
  await output.flush()
  report.end()
  if (report.errors > 0) process.exitCode = 1
}

async function printRow(message: string, table: Table | undefined, output: Output, full: boolean): Promise<void> {
  const value = full ? message : memberText(memberText(message, 'data') ?? '{}', 'value')
  const waiting = table === undefined ? output.line(jsonLine(value ?? 'null')) : table.row(value ?? 'null')
  if (waiting !== undefined) await waiting
}

/** JSON may hold these as they are, inside of strings; on a terminal they could command it. */
function jsonLine(json: string): string {
  const line = oneLine(json)
  if (!process.stdout.isTTY) return line
  return line.replace(/[\u007f-\u009f]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)
}

async function statementFromInput(): Promise<string> {
  if (process.stdin.isTTY) throw new Error('No statement given. Example: sluice query "SHOW TABLES"')
  const sql = await readStandardInput()
  if (sql.trim() === '') throw new Error('No statement given, and standard input is empty.')
  return sql
}

/** `host:9991` is an address too. */
function serverUrl(url: string): string {
  const full = /^[a-z]+:\/\//i.test(url) ? url : `http://${url}`
  if (!URL.canParse(full) || !/^(?:https?|wss?):$/.test(new URL(full).protocol))
    throw new Error(`--url ${JSON.stringify(url)} is not an address such as http://127.0.0.1:9991.`)
  return full
}

async function credentials(options: QueryOptions): Promise<string> {
  if (options.user !== undefined) return logIn(serverUrl(options.url), options.user)
  if (options.token !== undefined) return secretText(options.token)
  throw new Error('Who is asking? Give --token (or SLUICE_TOKEN), or --user name:password.')
}

async function logIn(url: string, account: string): Promise<string> {
  const at = account.indexOf(':')
  if (at < 1) throw new Error('--user: expected name:password; the password may be @file.')
  const body = JSON.stringify({ user: account.slice(0, at), password: secretText(account.slice(at + 1)) })
  const target = `${url.replace(/^ws/i, 'http').replace(/\/+$/, '')}/api/login`
  const response = await fetch(target, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(
    () => {
      throw new Error(`Cannot reach ${target}.`)
    },
  )
  const text = await response.text()
  if (response.status === 401) throw new Error('Wrong user or password.')
  if (!response.ok) throw new Error(`The login failed (HTTP ${response.status}).`)
  return text
}

/** What is said besides the rows. */
class Report {
  errors = 0
  rows = 0
  readonly #stats: boolean
  /** Of a query that follows: how much there was, and for how long. */
  readonly #counts: boolean
  readonly #sinceMs = performance.now()
  #bad = 0
  #firstBad = ''
  #lastStats: Stats | undefined
  #lineOpen = false

  constructor(stats: boolean, counts: boolean) {
    this.#stats = stats
    this.#counts = counts
  }

  event(event: QueryEvent): void {
    if (event.type === 'ERROR') this.failed(event.data)
    else if (event.type === 'SENTINEL') this.#say(incompleteText(event.data.reason))
    else if (event.type === 'STATS') this.#progress(event.data)
    else if (event.type === 'BADRECORD') {
      const { table, partition, offset } = event.data.metadata
      if (this.#bad++ === 0) this.#firstBad = `${table}, partition ${partition}, offset ${offset}`
    }
  }

  failed(text: string): void {
    this.errors++
    this.#say(text)
  }

  end(): void {
    if (this.#bad > 0)
      this.#say(`${this.#bad} record${this.#bad === 1 ? '' : 's'} could not be read; the first one: ${this.#firstBad}`)
    if (this.#counts) {
      const seconds = (performance.now() - this.#sinceMs) / 1000
      this.#say(`${this.rows.toLocaleString('en-US')} row${this.rows === 1 ? '' : 's'} in ${seconds.toFixed(1)} s`)
    }
    if (this.#stats && this.#lastStats !== undefined && !process.stderr.isTTY) this.#say(progressText(this.#lastStats))
    if (this.#lineOpen) process.stderr.write('\n')
  }

  #progress(stats: Stats): void {
    this.#lastStats = stats
    if (!this.#stats || !process.stderr.isTTY) return
    process.stderr.write(`\r\u001b[K${progressText(stats)}`)
    this.#lineOpen = true
  }

  #say(text: string): void {
    process.stderr.write(`${this.#lineOpen ? '\n' : ''}${harmless(text)}\n`)
    this.#lineOpen = false
  }
}

function progressText(stats: Stats): string {
  const bad = stats.badRecordsTotal > 0 ? `, ${stats.badRecordsTotal} unreadable` : ''
  const size =
    stats.bytesRead >= 1e6 ? `${(stats.bytesRead / 1e6).toFixed(1)} MB` : `${(stats.bytesRead / 1e3).toFixed(1)} kB`
  return `${stats.recordsScanned.toLocaleString('en-US')} records, ${size}, ${stats.results.toLocaleString('en-US')} rows${bad}, ${(stats.duration / 1000).toFixed(1)} s`
}
