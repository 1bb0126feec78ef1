/**
 * The columns of rows whose shape is known per record only (JSON without a declared shape): taken from the first rows
 * of the result. Numbers that are whole everywhere are longs, other numbers doubles; a field that is now a text, now an
 * object is a text.
 */
import { forEachMember } from '../../lib/json-read.ts'
import { skipSpace } from '../../lib/text/json-walk.ts'
import type { LaidOut } from './shape.ts'
import {
  type DataType,
  DOUBLE,
  type Field,
  JSON_TYPE,
  LONG,
  NULL_TYPE,
  STRING,
  BOOLEAN,
  type StructType,
} from '../../types.ts'

/**
 * Limit `jdbc.max.columns` (columns): fields of one structure that become columns of a JDBC result. Beyond it: further
 * fields are left out.
 */
export const MAX_COLUMNS = 2000

/**
 * The type that holds all of these JSON texts. `declared`: columns that are there whatever the rows hold, first and in
 * that order. `structures`: those whose members are columns.
 */
export function guessType(rows: readonly string[], declared?: StructType, structures: LaidOut = new Map()): DataType {
  let type: DataType | undefined
  for (const row of rows) {
    const next = typeOf(row, skipSpace(row, 0), structures)
    if (next.kind !== 'null') type = type === undefined ? next : merge(type, next)
  }
  if (declared === undefined) return type ?? { kind: 'struct', fields: [] }
  if (type !== undefined && type.kind !== 'struct') return JSON_TYPE
  const names = new Set(declared.fields.map((f) => f.name))
  return {
    ...declared,
    fields: [
      ...declared.fields.map((f) => ({ ...f, nullable: true })),
      ...(type?.fields ?? []).filter((f) => !names.has(f.name)),
    ],
  }
}

/**
 * Whether the columns, or the type of one, are known per record only. What lies inside a column is text in any case.
 */
export function isOpen(type: DataType, structures: LaidOut): boolean {
  if (type.kind !== 'struct') return type.kind === 'json'
  return type.fields.some((f) => {
    const inner = structures.get(f.name)
    return inner === undefined ? f.type.kind === 'json' : isOpen(f.type, inner)
  })
}

/** The type with its open columns taken from the guess; where that has none they stay open. */
export function refine(type: DataType, guess: DataType | undefined, structures: LaidOut): DataType {
  if (type.kind === 'json') return guess ?? type
  if (type.kind !== 'struct') return type
  const of = (name: string) => (guess?.kind === 'struct' ? guess.fields.find((f) => f.name === name)?.type : undefined)
  const refined = (f: Field): DataType => {
    const inner = structures.get(f.name)
    if (inner !== undefined) return refine(f.type, of(f.name), inner)
    return f.type.kind === 'json' ? (of(f.name) ?? f.type) : f.type
  }
  return { ...type, fields: type.fields.map((f) => ({ ...f, type: refined(f) })) }
}

/**
 * The type of a row or of a structure that is laid out (`structures`: those in it), or of a column: structures and
 * arrays in columns are of the type json.
 */
function typeOf(text: string, at: number, structures: LaidOut | undefined): DataType {
  switch (text[at]) {
    case '{':
      return structures === undefined ? JSON_TYPE : structAt(text, at, structures)
    case '[':
      return JSON_TYPE
    case '"':
      return STRING
    case 't':
    case 'f':
      return BOOLEAN
    case 'n':
      return NULL_TYPE
    default:
      return /^-?\d+(?![\d.eE])/.test(text.slice(at, at + 40)) ? LONG : DOUBLE
  }
}

function structAt(text: string, at: number, structures: LaidOut): StructType {
  const fields = new Map<string, Field>()
  forEachMember(text, at, (key, from) => {
    const name = JSON.parse(key ?? '""') as string
    if (fields.size < MAX_COLUMNS || fields.has(name))
      fields.set(name, { name, type: typeOf(text, from, structures.get(name)), nullable: true })
  })
  return { kind: 'struct', fields: [...fields.values()] }
}

function merge(a: DataType, b: DataType): DataType {
  if (a.kind === 'null') return b
  if (b.kind === 'null') return a
  if (a.kind === 'struct' && b.kind === 'struct') return mergeStructs(a, b)
  if (a.kind === b.kind) return a
  const numbers = (a.kind === 'long' || a.kind === 'double') && (b.kind === 'long' || b.kind === 'double')
  return numbers ? DOUBLE : JSON_TYPE
}

function mergeStructs(a: StructType, b: StructType): StructType {
  const fields = new Map(a.fields.map((f) => [f.name, f]))
  for (const field of b.fields) {
    const known = fields.get(field.name)
    if (known === undefined && fields.size >= MAX_COLUMNS) continue
    fields.set(field.name, known === undefined ? field : { ...known, type: merge(known.type, field.type) })
  }
  return { kind: 'struct', fields: [...fields.values()] }
}
