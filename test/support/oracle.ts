/**
 * The same query over the same rows, by Sluice in memory and by DuckDB, and whether both gave the same: as multisets,
 * as lists where the order is known, doubles with a relative tolerance of 1e-9, all else exactly. It decides nothing
 * about who is right.
 */
import { DuckDBDateValue, DuckDBDecimalValue, DuckDBInstance, DuckDBTimestampValue } from '@duckdb/node-api'
import type { QueryEnvironment } from '../../src/engine/host.ts'
import { runRequest } from '../../src/engine/request.ts'
import type { Query } from '../../src/sql/ast.ts'
import { printQuery } from '../../src/sql/print.ts'
import { rawMembers } from './exact-json.ts'
import { type MemoryWorld, memoryWorld } from './memory-world.ts'
import { duckQuery } from './oracle-text.ts'
import { columnNames } from './random-queries.ts'
import { duckTable, type RandomTable, topicOf } from './random-tables.ts'

/**
 * A cell: NULL, an exact text (whole numbers and decimals without trailing zeros, texts in quotes, times as
 * milliseconds), or a double.
 */
export type Cell = null | string | number
export type Rows = readonly (readonly Cell[])[]
export type Answer = { readonly rows: Rows } | { readonly error: string } | { readonly cut: true }

export interface Databases {
  readonly tables: readonly RandomTable[]
  /** Three records to a batch. */
  readonly small: MemoryWorld
  /** All records of a partition in one batch. */
  readonly large: MemoryWorld
  duck(query: Query): Promise<Answer>
  close(): void
}

/** Fills the tables into both. */
export async function databases(tables: readonly RandomTable[], instance: DuckDBInstance): Promise<Databases> {
  const connection = await instance.connect()
  for (const table of tables) for (const statement of duckTable(table)) await connection.run(statement)
  const [small, large] = [3, 1000].map((batch) => memoryWorld(tables.map((t) => topicOf(t, batch))))
  return {
    tables,
    small,
    large,
    duck: async (query) => {
      try {
        const read = await connection.runAndReadAll(duckQuery(query))
        return { rows: read.getRows().map((row) => row.map(duckCell)) }
      } catch (e) {
        return { error: e instanceof Error ? e.message : String(e) }
      }
    },
    close: () => {
      small.catalog.close()
      large.catalog.close()
      connection.closeSync()
    },
  }
}

/** One thread, no division by zero but NULL. */
export async function duckInstance(): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', ieee_floating_point_ops: 'false' })
  return instance
}

function duckCell(v: unknown): Cell {
  if (v === null || v === undefined) return null
  if (typeof v === 'number') return v
  if (typeof v === 'bigint' || typeof v === 'boolean') return String(v)
  if (typeof v === 'string') return JSON.stringify(v)
  if (v instanceof DuckDBTimestampValue) return `${v.micros / 1000n}ms`
  if (v instanceof DuckDBDateValue) return `${v.days}d`
  if (v instanceof DuckDBDecimalValue) return digits(String(v))
  throw new Error(`a value of DuckDB that is not compared: ${typeof v}`)
}

/** Without zeros at the end of a fraction, and with no fraction when there is none left. */
function digits(text: string): string {
  const short = text.includes('.') ? text.replace(/\.?0+$/, '') : text
  return short === '-0' ? '0' : short
}

/** What Sluice answers. `more`: of the environment. */
export async function sluice(
  sql: string,
  columns: readonly string[],
  on: MemoryWorld,
  optimize: boolean,
  more: Partial<QueryEnvironment> = {},
): Promise<Answer> {
  const rows: Cell[][] = []
  let error: string | undefined
  let cut = false
  const send = (frame: string): void => {
    const { type, data } = JSON.parse(frame) as { type: string; data: { message?: string } | string }
    if (type === 'RECORD') {
      const members = rawMembers(rawMembers(rawMembers(frame).get('data') ?? '{}').get('value') ?? '{}')
      rows.push(columns.map((c) => ourCell(members.get(c))))
    } else if (type === 'SENTINEL') cut = true
    else if (type !== 'METADATA') error ??= typeof data === 'string' ? data : JSON.stringify(data)
  }
  try {
    await runRequest(
      { sql, live: false },
      { catalog: on.catalog, log: on.log, rulesOff: optimize ? undefined : 'all', ...more },
      { send, drained: () => undefined },
      new AbortController().signal,
    )
  } catch (e) {
    return { error: `FAULT ${e instanceof Error ? (e.stack ?? e.message).slice(0, 600) : String(e)}` }
  }
  return error !== undefined ? { error } : cut ? { cut: true } : { rows }
}

const INSTANT = /^"[+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"$/
const DAY = /^"\d{4}-\d\d-\d\d"$/

/** Numbers stay texts: which of them are doubles is known from the other side. */
function ourCell(raw: string | undefined): Cell {
  if (raw === undefined) return 'absent'
  if (raw === 'null') return null
  if (INSTANT.test(raw)) return `${Date.parse(JSON.parse(raw) as string)}ms`
  if (DAY.test(raw)) return `${Date.parse(JSON.parse(raw) as string) / 86_400_000}d`
  return raw.startsWith('"') ? JSON.stringify(JSON.parse(raw)) : raw
}

// ---------------------------------------------------------------------------------------------- comparing

function sameCell(ours: Cell, theirs: Cell): boolean {
  if (typeof theirs === 'number') {
    const a =
      ours === '"NaN"'
        ? Number.NaN
        : ours === '"Infinity"'
          ? Number.POSITIVE_INFINITY
          : ours === '"-Infinity"'
            ? Number.NEGATIVE_INFINITY
            : Number(ours ?? Number.NaN)
    if (ours === null || (typeof ours === 'string' && ours.startsWith('"') && Number.isFinite(theirs))) return false
    return (
      a === theirs ||
      Math.abs(a - theirs) <= 1e-9 * Math.max(Math.abs(a), Math.abs(theirs)) ||
      (Number.isNaN(a) && Number.isNaN(theirs))
    )
  }
  if (ours === theirs) return true
  return (
    typeof ours === 'string' &&
    typeof theirs === 'string' &&
    /^-?[\d.]+$/.test(ours) &&
    /^-?[\d.]+$/.test(theirs) &&
    digits(ours) === theirs
  )
}

function sameRow(ours: readonly Cell[], theirs: readonly Cell[]): boolean {
  return ours.length === theirs.length && ours.every((cell, i) => sameCell(cell, theirs[i]))
}

/** A text that brings equal rows near each other. */
function place(row: readonly Cell[]): string {
  return JSON.stringify(
    row.map((cell) =>
      cell !== null && /^-?[\d.]+(e[+-]?\d+)?$/.test(String(cell)) ? Number(cell).toPrecision(7) : cell,
    ),
  )
}

/** What is different, in words; undefined when nothing is. */
export function difference(ours: Rows, theirs: Rows, ordered: boolean): string | undefined {
  if (ours.length !== theirs.length) return `${ours.length} rows, not ${theirs.length}`
  if (ordered) {
    const at = ours.findIndex((row, i) => !sameRow(row, theirs[i]))
    return at < 0 ? undefined : `row ${at} is ${JSON.stringify(ours[at])}, not ${JSON.stringify(theirs[at])}`
  }
  const sorted = (rows: Rows): (readonly Cell[])[] =>
    rows
      .map((row) => ({ row, at: place(row) }))
      .sort((x, y) => (x.at < y.at ? -1 : x.at > y.at ? 1 : 0))
      .map((x) => x.row)
  const [a, b] = [sorted(ours), sorted(theirs)]
  if (a.every((row, i) => sameRow(row, b[i]))) return undefined
  return leftOver(a, b)
}

/** The first row that has no equal among the others. */
function leftOver(rows: Rows, others: Rows): string | undefined {
  const left = [...others]
  for (const row of rows) {
    const at = left.findIndex((other) => sameRow(row, other))
    if (at < 0)
      return `${JSON.stringify(row)} is not expected; expected are still ${left
        .slice(0, 3)
        .map((r) => JSON.stringify(r))
        .join(' ')}`
    left.splice(at, 1)
  }
  return undefined
}

function notAmong(ours: Rows, theirs: Rows, skip: number, count = Number.POSITIVE_INFINITY): string | undefined {
  const expected = Math.min(Math.max(theirs.length - skip, 0), count)
  return ours.length === expected ? leftOver(ours, theirs) : `${ours.length} rows, not ${expected}`
}

export interface Verdict {
  readonly kind: 'same' | 'skipped' | 'different'
  readonly why?: string
}

/** Both answers to one query; `ways` are the ways in which Sluice is asked. */
export async function compare(
  query: Query,
  on: Databases,
  ways: readonly { readonly world: 'small' | 'large'; readonly optimize: boolean }[],
): Promise<Verdict> {
  // Of a result without order, LIMIT may leave any rows.
  const limit = query.orderBy.length === 0 ? query.limit : undefined
  const theirs = await on.duck(limit === undefined ? query : { ...query, limit: undefined })
  if (!('rows' in theirs)) return { kind: 'skipped', why: `DuckDB: ${'error' in theirs ? theirs.error : 'cut'}` }
  if (theirs.rows.length > 10_000) return { kind: 'skipped', why: 'more rows than a result has' }
  const sql = printQuery(query)
  const columns = columnNames(query.body).map((c) => c.name)
  for (const { world, optimize } of ways) {
    const ours = await sluice(sql, columns, on[world], optimize)
    if ('cut' in ours) return { kind: 'skipped', why: 'cut' }
    const way = `${world} batches, ${optimize ? 'optimized' : 'as bound'}`
    if ('error' in ours)
      return refused(ours.error)
        ? { kind: 'skipped', why: `Sluice: ${ours.error}` }
        : { kind: 'different', why: `${way}: ${ours.error}` }
    const found =
      limit === undefined
        ? difference(ours.rows, theirs.rows, query.orderBy.length > 0)
        : notAmong(ours.rows, theirs.rows, limit.skip, limit.count)
    if (found !== undefined) return { kind: 'different', why: `${way}: ${found}` }
  }
  return { kind: 'same' }
}

/** Errors that docs/sql.md tells of: where a correlated subquery cannot stand. */
function refused(error: string): boolean {
  return /names of both sides of an outer join/.test(error)
}
