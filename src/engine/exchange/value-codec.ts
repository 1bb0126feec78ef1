/**
 * Values and rows on their way to another thread. What crosses is copied by structured clone, which keeps plain data
 * and loses the classes of objects: decimals, JSON texts and marked numbers cross as tagged plain objects, and so does
 * what holds one of them. All else passes as it is.
 */
import { unexpected } from '../../lib/assert.ts'
import { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { Value } from '../../types.ts'
import type { Row } from '../operators/operator.ts'
import { asWholeDouble, WholeDouble } from '../program/values/whole-double.ts'

/** A value of a class that structured clone does not know, or a list or structure with such a value in it. */
type Tagged =
  | { readonly kind: 'decimal'; readonly unscaled: bigint; readonly scale: number }
  | { readonly kind: 'json'; readonly text: string }
  | { readonly kind: 'double'; readonly n: number }
  | { readonly kind: 'list'; readonly items: readonly Encoded[] }
  | { readonly kind: 'members'; readonly members: ReadonlyMap<string, Encoded> }

/** A value as plain data. A list or a Map here holds no tagged object. */
export type Encoded =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Encoded[]
  | ReadonlyMap<string, Encoded>
  | Tagged

/** A value as plain data: the value itself where it is plain. Nothing of it is changed. */
export function encodeValue(v: Value): Encoded {
  if (v === null || typeof v !== 'object') return v
  if (v instanceof Decimal) return { kind: 'decimal', unscaled: v.unscaled, scale: v.scale }
  if (v instanceof JsonText) return { kind: 'json', text: v.text }
  if (v instanceof Uint8Array) return encodeBytes(v)
  if (Array.isArray(v)) return encodeList(v)
  if (v instanceof Map) return encodeMembers(v)
  const marked: unknown = v
  return marked instanceof WholeDouble ? { kind: 'double', n: marked.n } : unexpected('a value of an unknown class')
}

/** The clone of a view is a clone of its whole buffer. */
function encodeBytes(v: Uint8Array): Uint8Array {
  return v.byteLength === v.buffer.byteLength ? v : new Uint8Array(v)
}

function encodeList(v: Value[]): Encoded {
  let items: Encoded[] | undefined
  for (let i = 0; i < v.length; i++) {
    const item = v[i]
    if (item === null || typeof item !== 'object') continue
    const encoded = encodeValue(item)
    if (encoded === item) continue
    items ??= [...(v as Encoded[])]
    items[i] = encoded
  }
  return items === undefined ? (v as Encoded[]) : { kind: 'list', items }
}

function encodeMembers(v: Map<string, Value>): Encoded {
  let members: Map<string, Encoded> | undefined
  for (const [name, member] of v) {
    if (member === null || typeof member !== 'object') continue
    const encoded = encodeValue(member)
    if (encoded === member) continue
    members ??= new Map(v as Map<string, Encoded>)
    members.set(name, encoded)
  }
  return members === undefined ? (v as Map<string, Encoded>) : { kind: 'members', members }
}

/** The value behind `encodeValue`; it may share memory with what is given. */
export function decodeValue(e: Encoded): Value {
  if (e === null || typeof e !== 'object') return e
  if (Array.isArray(e) || e instanceof Uint8Array || e instanceof Map) return e as Value
  return decodeTagged(e as Tagged)
}

function decodeTagged(e: Tagged): Value {
  switch (e.kind) {
    case 'decimal':
      return new Decimal(e.unscaled, e.scale)
    case 'json':
      return new JsonText(e.text)
    case 'double':
      return asWholeDouble(e.n)
    case 'list':
      return e.items.map(decodeValue)
    case 'members':
      return new Map([...e.members].map(([name, member]) => [name, decodeValue(member)]))
  }
}

export interface EncodedRows {
  readonly rows: readonly (readonly Encoded[])[]
  /** The columns, by number, in which some row has a value that is to be decoded. */
  readonly columns: readonly number[]
}

/** Rows as plain data. Rows of plain values are not copied. */
export function encodeRows(rows: readonly Row[]): EncodedRows {
  const columns = new Set<number>()
  const encoded = rows.map((row) => encodeRow(row, columns))
  return { rows: encoded, columns: [...columns] }
}

function encodeRow(row: Row, columns: Set<number>): readonly Encoded[] {
  let copy: Encoded[] | undefined
  for (let i = 0; i < row.length; i++) {
    const v = row[i]
    if (v === null || typeof v !== 'object') continue
    const encoded = encodeValue(v)
    if (encoded === v) continue
    copy ??= [...(row as readonly Encoded[])]
    copy[i] = encoded
    columns.add(i)
  }
  return copy ?? (row as readonly Encoded[])
}

/** The rows behind `encodeRows`. What was given belongs to them from here on: its rows become the rows. */
export function decodeRows({ rows, columns }: EncodedRows): Row[] {
  const decoded = rows as unknown as Value[][]
  for (const column of columns)
    for (const row of decoded) {
      const v = row[column]
      if (v !== null && typeof v === 'object') row[column] = decodeValue(v as Encoded)
    }
  return decoded
}
