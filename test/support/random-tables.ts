/**
 * Random tables: rows of typed columns, as topics (Avro or JSON, over several partitions and batches) and as statements
 * that fill the same table in DuckDB. Doubles are sums of powers of two, so that no order of adding changes a sum. It
 * generates data; queries are made in random-queries.ts.
 */
import { partitionOfKey } from '../../src/lib/murmur2.ts'
import type { ExactJson } from './exact-json.ts'
import type { WorldRecord, WorldTopic } from './memory-world.ts'

/**
 * `small` and `long` are both whole numbers: products of small ones stay within ±2^53, so that they may meet doubles.
 */
export type Ty = 'small' | 'long' | 'double' | 'decimal' | 'string' | 'boolean' | 'timestamp' | 'date'

/** Numbers from a seed: the same on every machine. */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }
  /** 0 ≤ x < 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  /** A whole number, both ends included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }
  chance(p: number): boolean {
    return this.next() < p
  }
  pick<T>(of: readonly T[]): T {
    return of[this.int(0, of.length - 1)]
  }
  shuffled<T>(of: readonly T[]): T[] {
    return of
      .map((value) => ({ value, at: this.next() }))
      .sort((x, y) => x.at - y.at)
      .map((x) => x.value)
  }
}

export interface RandomRow {
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: string | null
  /** A tombstone has no value; all its columns are NULL. */
  readonly dead: boolean
  /**
   * By column; timestamps are milliseconds, dates days, decimals hundredths. A column that is not there is NULL, in
   * JSON absent.
   */
  readonly values: Readonly<Record<string, bigint | number | string | boolean | null>>
}

export interface RandomTable {
  readonly name: string
  readonly format: 'JSON' | 'AVRO'
  readonly partitions: number
  readonly columns: readonly { readonly name: string; readonly type: Ty }[]
  readonly rows: readonly RandomRow[]
}

const START_MS = Date.parse('2024-02-27T00:00:00Z')
export const TEXTS: readonly string[] = [
  '',
  'a',
  'ab',
  'B',
  'b',
  "it's",
  'ü',
  'zz',
  ' a ',
  'a%b',
  'a_b',
  '10',
  '9',
  'Ab\\c',
  '"q"',
  '\u65e5\u672c',
]
export const DOUBLES: readonly number[] = [-1.5, -0.25, 0, 0.5, 1, 2, 2.75, 1024.125, -7]
const LONGS: readonly bigint[] = [
  0n,
  1n,
  -1n,
  7n,
  9007199254740991n,
  9007199254740993n,
  -9007199254740995n,
  4611686018427387905n,
  9223372036854775807n,
  -9223372036854775808n,
]
export const SMALLS: readonly number[] = [-50, -3, -2, -1, 0, 1, 2, 3, 4, 5, 10, 50]

/** Columns of every table; `o.n` is a field inside of a structure, decimals are Avro's only. */
const COLUMNS: RandomTable['columns'] = [
  { name: 'i', type: 'small' },
  { name: 'j', type: 'small' },
  { name: 'l', type: 'long' },
  { name: 'd', type: 'double' },
  { name: 's', type: 'string' },
  { name: 'u', type: 'string' },
  { name: 'b', type: 'boolean' },
  { name: 't', type: 'timestamp' },
  { name: 'w', type: 'date' },
  { name: 'o.n', type: 'small' },
  { name: 'c', type: 'decimal' },
]

/** A time of the data, or near it. */
export function randomMs(random: Random): number {
  return START_MS + random.int(0, 96) * 3_600_000 + (random.chance(0.2) ? random.pick([1, 410, 999]) : 0)
}

export function randomDay(random: Random): number {
  return Math.floor(START_MS / 86_400_000) + random.int(0, 5)
}

function randomValue(type: Ty, random: Random): bigint | number | string | boolean {
  switch (type) {
    case 'small':
      return BigInt(random.chance(0.7) ? random.int(-3, 5) : random.pick(SMALLS))
    case 'long':
      return random.chance(0.4) ? BigInt(random.int(-4, 4)) : random.pick(LONGS)
    case 'double':
      return random.chance(0.7) ? random.pick(DOUBLES) : random.int(-400, 400) / 8
    case 'decimal':
      return BigInt(random.int(-500, 500) * random.pick([1, 25, 50]))
    case 'string':
      return random.pick(TEXTS)
    case 'boolean':
      return random.chance(0.5)
    case 'timestamp':
      return randomMs(random)
    case 'date':
      return randomDay(random)
  }
}

/** A table of 0–`most` rows. */
export function randomTable(name: string, random: Random, most: number): RandomTable {
  const format = random.chance(0.5) ? 'AVRO' : 'JSON'
  const columns = COLUMNS.filter((c) => format === 'AVRO' || c.type !== 'decimal')
  const partitions = random.int(1, 4)
  const count = random.chance(0.06) ? random.int(0, 2) : random.int(Math.ceil(most / 3), most)
  const nulls = random.pick([0, 0.1, 0.4])
  const offsets = Array.from({ length: partitions }, () => 0)
  const rows = Array.from({ length: count }, (): RandomRow => {
    const key = random.chance(0.2) ? null : random.pick(TEXTS)
    // Keys are where producers put them: `_key = 'x'` reads one partition only.
    const partition =
      key === null
        ? random.int(0, random.chance(0.3) ? 0 : partitions - 1)
        : partitionOfKey(Buffer.from(key), partitions)
    const offset = offsets[partition] + (random.chance(0.15) ? random.int(1, 3) : 0)
    offsets[partition] = offset + 1
    const dead = random.chance(0.04)
    const entries = columns.map(
      ({ name: column, type }) => [column, dead || random.chance(nulls) ? null : randomValue(type, random)] as const,
    )
    return { partition, offset, timestampMs: randomMs(random), key, dead, values: Object.fromEntries(entries) }
  })
  return { name, format, partitions, columns, rows }
}

/** The same rows without holes between their offsets, as a producer makes them. */
export function withoutGaps(table: RandomTable): RandomTable {
  const next = Array.from({ length: table.partitions }, () => 0)
  return { ...table, rows: table.rows.map((row) => ({ ...row, offset: next[row.partition]++ })) }
}

// ---------------------------------------------------------------------------------------------- as a topic

const AVRO_TYPES: Readonly<Record<Ty, unknown>> = {
  small: 'int',
  long: 'long',
  double: 'double',
  decimal: { type: 'bytes', logicalType: 'decimal', precision: 18, scale: 2 },
  string: 'string',
  boolean: 'boolean',
  timestamp: { type: 'long', logicalType: 'timestamp-millis' },
  date: { type: 'int', logicalType: 'date' },
}

function schemaOf(table: RandomTable): string {
  const field = (name: string, type: Ty): object => ({ name, type: ['null', AVRO_TYPES[type]] })
  const inner = { type: 'record', name: 'O', fields: [field('n', 'small')] }
  const fields = table.columns.map(({ name, type }) =>
    name === 'o.n' ? { name: 'o', type: ['null', inner] } : field(name, type),
  )
  return JSON.stringify({ type: 'record', name: 'R', fields })
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

export function decimalText(hundredths: bigint): string {
  const digits = (hundredths < 0n ? -hundredths : hundredths).toString().padStart(3, '0')
  return `${hundredths < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`
}

function record(table: RandomTable, row: RandomRow): WorldRecord {
  const out: { [name: string]: ExactJson } = {}
  const absent = row.offset % 2 === 1 && table.format === 'JSON'
  for (const { name, type } of table.columns) {
    const v = row.values[name]
    if (v === null && absent) continue
    out[name === 'o.n' ? 'o' : name] =
      name === 'o.n' ? { n: literal(v, type, table.format) } : literal(v, type, table.format)
  }
  const value = row.dead ? null : { json: out, text: jsonText(out) }
  return {
    partition: row.partition,
    offset: row.offset,
    timestampMs: row.timestampMs,
    key: row.key === null ? null : { json: row.key },
    value,
  }
}

function literal(v: RandomRow['values'][string], type: Ty, format: RandomTable['format']): ExactJson {
  if (v === null) return null
  if (type === 'decimal') return decimalText(v as bigint)
  if (format === 'JSON' && type === 'timestamp') return iso(v as number)
  if (format === 'JSON' && type === 'date') return iso((v as number) * 86_400_000).slice(0, 10)
  if (type === 'small') return Number(v)
  return v
}

/** JSON with all digits of long numbers, and the sign of a zero. */
export function jsonText(v: ExactJson): string {
  if (typeof v === 'bigint') return v.toString()
  if (Object.is(v, -0)) return '-0.0'
  if (Array.isArray(v)) return `[${v.map(jsonText).join(',')}]`
  if (v !== null && typeof v === 'object')
    return `{${Object.entries(v)
      .map(([name, item]) => `${JSON.stringify(name)}:${jsonText(item)}`)
      .join(',')}}`
  return JSON.stringify(v)
}

/** The topic, with so many records to a batch. */
export function topicOf(table: RandomTable, batch: number): WorldTopic {
  const value =
    table.format === 'AVRO' ? ({ name: 'AVRO', schemas: [schemaOf(table)] } as const) : ({ name: 'JSON' } as const)
  return {
    name: table.name,
    partitions: table.partitions,
    value,
    batch,
    records: table.rows.map((row) => record(table, row)),
  }
}

// ---------------------------------------------------------------------------------------------- as a table of DuckDB

export const DUCK_TYPES: Readonly<Record<Ty, string>> = {
  small: 'HUGEINT',
  long: 'HUGEINT',
  double: 'DOUBLE',
  decimal: 'DECIMAL(18,2)',
  string: 'VARCHAR',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  date: 'DATE',
}

export function duckString(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

export function duckTimestamp(ms: number): string {
  return `TIMESTAMP '${iso(ms).slice(0, -1).replace('T', ' ')}'`
}

function duckValue(v: RandomRow['values'][string], type: Ty): string {
  if (v === null) return 'NULL'
  switch (type) {
    case 'decimal':
      return decimalText(v as bigint)
    case 'string':
      return duckString(v as string)
    case 'timestamp':
      return duckTimestamp(v as number)
    case 'date':
      return `DATE '${iso((v as number) * 86_400_000).slice(0, 10)}'`
    case 'double':
      return `CAST(${String(v)} AS DOUBLE)`
    default:
      return String(v)
  }
}

/** Metadata and the key are columns of their own: `m_partition`, `m_offset`, `m_timestamp`, `k`. */
export function duckTable(table: RandomTable): string[] {
  const columns = [
    'm_partition HUGEINT',
    'm_offset HUGEINT',
    'm_timestamp TIMESTAMP',
    'k VARCHAR',
    ...table.columns.map((c) => `"${c.name}" ${DUCK_TYPES[c.type]}`),
  ]
  const rows = table.rows.map((row) => {
    const values = table.columns.map((c) => duckValue(row.values[c.name], c.type))
    return `(${[row.partition, row.offset, duckTimestamp(row.timestampMs), row.key === null ? 'NULL' : duckString(row.key), ...values].join(', ')})`
  })
  const create = `CREATE OR REPLACE TABLE ${table.name} (${columns.join(', ')})`
  return rows.length === 0 ? [create] : [create, `INSERT INTO ${table.name} VALUES ${rows.join(', ')}`]
}
