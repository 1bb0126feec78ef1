/** What was run, across days, as plain data: bounded, searchable, read from and written as text. Pure. */
import type { Phase } from '../run/run-state.ts'

/** A run that has ended. `atMs`: when it began, epoch milliseconds. */
export interface Entry {
  readonly sql: string
  readonly environment: string
  readonly atMs: number
  readonly seconds: number
  readonly outcome: Outcome
  readonly rows: number
}
export type Outcome = Extract<Phase, 'complete' | 'limited' | 'cancelled' | 'failed' | 'lost'>

/** Limit `studio.history.entries` (runs): kept in the browser for an account. Beyond it: the oldest goes. */
export const MAX_ENTRIES = 500
/** Limit `studio.history.characters` (characters): of all statements that are kept. Beyond it: the oldest go. */
export const MAX_CHARACTERS = 1_000_000
/** Limit `studio.history.statement` (characters): one statement. Beyond it: it is not kept. */
export const MAX_STATEMENT = 50_000

const OUTCOMES: ReadonlySet<string> = new Set<Outcome>(['complete', 'limited', 'cancelled', 'failed', 'lost'])

/** Newest first. The same statement run again in a row is one entry. */
export function added(entries: readonly Entry[], entry: Entry): readonly Entry[] {
  if (entry.sql.length > MAX_STATEMENT || entry.sql.trim() === '') return entries
  const [last] = entries
  const before = last?.sql === entry.sql && last.environment === entry.environment ? entries.slice(1) : entries
  let characters = 0
  return [entry, ...before].slice(0, MAX_ENTRIES).filter(({ sql }) => {
    characters += sql.length
    return characters <= MAX_CHARACTERS
  })
}

/** Entries that hold every word of the search, in the statement, the outcome or the environment. */
export function searched(entries: readonly Entry[], search: string): readonly Entry[] {
  const words = search.toLowerCase().split(/\s+/)
  return entries.filter(({ sql, outcome, environment }) => {
    const text = `${sql} ${outcome} ${environment}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

/** What was kept; what is not of this shape is dropped. */
export function readEntries(text: string | null): readonly Entry[] {
  try {
    const found: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(found) ? found.filter(isEntry).slice(0, MAX_ENTRIES) : []
  } catch {
    return []
  }
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false
  const { sql, environment, atMs, seconds, outcome, rows } = value as Record<string, unknown>
  return (
    typeof sql === 'string' &&
    typeof environment === 'string' &&
    typeof atMs === 'number' &&
    typeof seconds === 'number' &&
    typeof rows === 'number' &&
    OUTCOMES.has(String(outcome))
  )
}

/** `✓ 1,204 rows · 0.8 s`: a sign and a word for each outcome. */
export function outcomeText({ outcome, rows, seconds }: Entry): string {
  const words: Readonly<Record<Outcome, string>> = {
    complete: '✓ complete',
    limited: '⚠ incomplete',
    cancelled: '■ cancelled',
    failed: '✕ error',
    lost: '⚠ connection lost',
  }
  const time = seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`
  return [words[outcome], ...(outcome === 'failed' ? [] : [`${rows.toLocaleString('en')} rows`]), time].join(' · ')
}

/** `today`, `yesterday`, or the date, in local time. */
export function dayOf(atMs: number, nowMs: number): string {
  const day = (ms: number): string => new Date(ms).toDateString()
  if (day(atMs) === day(nowMs)) return 'Today'
  if (day(atMs) === day(nowMs - 86_400_000)) return 'Yesterday'
  const date = new Date(atMs)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
