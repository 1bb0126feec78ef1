/**
 * The exports of this page: what was asked for, how far they are, what became of them. Plain data and pure transitions;
 * the browser fetches the files by itself, so that none is held here.
 */
import { substituted } from '../../sql/edit/parameters.ts'
import { statementSpans } from '../editor/statement.ts'
import { shortBytes } from '../explorer/topics.ts'
import { createStore, type Store } from '../observable.ts'

/** What a user chooses from; Excel's is CSV whose texts no spreadsheet takes for a formula. */
export const FORMATS = [
  { id: 'csv', title: 'CSV', about: 'RFC 4180, UTF-8; nested values as JSON', ending: 'csv' },
  { id: 'excel', title: 'CSV for Excel', about: 'the same; texts that look like formulas are escaped', ending: 'csv' },
  { id: 'ndjson', title: 'NDJSON', about: 'one JSON value a line', ending: 'ndjson' },
  { id: 'json', title: 'JSON', about: 'one array', ending: 'json' },
  { id: 'parquet', title: 'Parquet', about: 'typed columns, for DuckDB, Spark, pandas', ending: 'parquet' },
  { id: 'arrow', title: 'Arrow', about: 'typed columns, an IPC stream', ending: 'arrows' },
] as const

/** One of `FORMATS`. */
export type FormatId = (typeof FORMATS)[number]['id']

/** What became of a file, as the server says it. */
export interface Outcome {
  readonly outcome: 'complete' | 'limit' | 'error'
  readonly rows: number
  readonly badRecords?: number
  readonly error?: string
  readonly stops?: readonly { readonly limit: string; readonly source: string; readonly resume?: string }[]
}

/** How a download stands, as the server says it. */
export interface DownloadState {
  readonly id: string
  readonly state: 'waiting' | 'running' | 'ended'
  readonly bytes: number
  readonly outcome?: Outcome
  readonly error?: string
}

export interface Export {
  /** Of this page. */
  readonly id: number
  /** The name of the file. */
  readonly file: string
  readonly phase: 'running' | 'complete' | 'incomplete' | 'failed'
  readonly bytes: number
  readonly rows?: number
  /** Why it is not complete. */
  readonly why?: string
}

/** Limit `studio.exports` (exports): shown on the page. Beyond it: the oldest one that has ended is no longer shown. */
export const MAX_EXPORTS = 5

/** Those that run, and those that ended and were not put away. */
export const exportsStore: Store<readonly Export[]> = createStore<readonly Export[]>([])

/** With one more at the end. */
export function withExport(all: readonly Export[], id: number, file: string): readonly Export[] {
  const oldest = all.length < MAX_EXPORTS ? undefined : all.find(({ phase }) => phase !== 'running')
  return [...all.filter((one) => one !== oldest), { id, file, phase: 'running', bytes: 0 }]
}

/** After what the server says. */
export function heard(all: readonly Export[], id: number, state: DownloadState): readonly Export[] {
  return all.map((one) => (one.id === id ? after(one, state) : one))
}

function after(one: Export, { state, bytes, outcome, error }: DownloadState): Export {
  if (state !== 'ended') return { ...one, bytes }
  if (error !== undefined) return { ...one, bytes, phase: 'failed', why: error }
  if (outcome === undefined)
    return { ...one, bytes, phase: 'failed', why: 'It broke off: the file is not whole. Export again.' }
  const { rows, badRecords = 0 } = outcome
  const bad = badRecords === 0 ? '' : `${badRecords.toLocaleString('en')} bad records are left out.`
  if (outcome.outcome === 'complete')
    return { ...one, bytes, rows, phase: 'complete', ...(bad === '' ? {} : { why: bad }) }
  const why = outcome.outcome === 'error' ? (outcome.error ?? 'It ended by an error.') : stopText(outcome.stops ?? [])
  return { ...one, bytes, rows, phase: 'incomplete', why: bad === '' ? why : `${why} ${bad}` }
}

function stopText(stops: NonNullable<Outcome['stops']>): string {
  const texts = stops.map(({ limit, source }) => `${limit} ended the reading of ${source}.`)
  const limits = stops.map(({ limit }) => limit).filter((limit) => limit.startsWith('max.'))
  const remedy = limits.length === 0 ? '' : ` Raise it: SET ${limits[0]} = …; before the statement.`
  return texts.join(' ') + remedy
}

/** An export that could not be asked for, or whose server is away. */
export function failed(all: readonly Export[], id: number, why: string): readonly Export[] {
  return all.map((one) => (one.id === id && one.phase === 'running' ? { ...one, phase: 'failed', why } : one))
}

/** Put away. */
export function without(all: readonly Export[], id: number): readonly Export[] {
  return all.filter((one) => one.id !== id)
}

const WORDS = {
  running: '',
  complete: '✓ Complete',
  incomplete: '⚠ Incomplete',
  failed: '✕ Failed',
}

/** An export in words. */
export function exportText({ file, phase, bytes, rows, why }: Export): string {
  const parts = [WORDS[phase], file, shortBytes(bytes)]
  if (rows !== undefined) parts.push(`${rows.toLocaleString('en')} rows`)
  if (why !== undefined) parts.push(why)
  return parts.filter((part) => part !== '').join(' · ')
}

/** The body of the call. */
export function exportBody(sql: string, format: FormatId, name: string): Readonly<Record<string, string>> {
  return format === 'excel' ? { sql, name, format: 'csv', formulas: 'escape' } : { sql, name, format }
}

/** A statement with its values in place, or why there is none yet. */
export type ToExport = { readonly sql: string } | { readonly wrong: string }

/** What stands in an editor and was not run: one statement, as it would be run. */
export function notRun(text: string, values: Readonly<Record<string, string>>): ToExport {
  const { sql, missing } = substituted(text, values)
  if (missing.length > 0)
    return { wrong: `The parameter ${missing[0]} needs a value. Give it one below the editor first.` }
  const own = statementSpans(text).filter(({ from, to }) => !/^(set|use)\b/i.test(text.slice(from, to)))
  if (own.length > 1)
    return {
      wrong: 'Several statements stand in the editor, and none was run. Run the one that is to be exported first.',
    }
  return { sql }
}

/** A name for a file: the topic, as far as the statement says one. */
export function fileName(sql: string): string {
  return /\b(?:from|describe|into)\s+`?([\w.-]+)/i.exec(sql)?.[1] ?? 'result'
}
