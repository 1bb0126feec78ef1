/**
 * The columns of rows whose shape is known per record only (JSON without a declared shape): taken from the first rows of the result. Numbers that are whole everywhere are
 * longs, other numbers doubles; a field that is now a text, now an object is a text.
 */
import { forEachMember, skipSpace } from '../../lib/json-read.ts'
import { type DataType, DOUBLE, type Field, JSON_TYPE, LONG, NULL_TYPE, STRING, BOOLEAN, type StructType } from '../../types.ts'

/** Structures inside one another that are looked into. */
const MAX_DEPTH = 16
/** `jdbc.max.columns`: fields of one structure that become columns. */
export const MAX_COLUMNS = 2000

/** The type that holds all of these JSON texts. `declared`: columns that are there whatever the rows hold, first and in that order. */
export function guessType(rows: readonly string[], declared?: StructType): DataType {
  let type: DataType | undefined
  for (const row of rows) {
    const next = typeOf(row, skipSpace(row, 0), 0)
    if (next.kind !== 'null') type = type === undefined ? next : merge(type, next)
  }
  if (declared === undefined) return type ?? { kind: 'struct', fields: [] }
  if (type !== undefined && type.kind !== 'struct') return JSON_TYPE
  const names = new Set(declared.fields.map((f) => f.name))
  return { ...declared, fields: [...declared.fields.map((f) => ({ ...f, nullable: true })), ...(type?.fields ?? []).filter((f) => !names.has(f.name))] }
}

/** Whether some part of the type is known per record only. */
export function isOpen(type: DataType): boolean {
  if (type.kind === 'struct') return type.fields.some((f) => isOpen(f.type))
  return type.kind === 'json' || (type.kind === 'array' && isOpen(type.element))
}

/** The type with its open parts taken from the guess; where that has none they stay open. */
export function refine(type: DataType, guess: DataType | undefined): DataType {
  if (type.kind === 'json') return guess ?? type
  if (type.kind === 'array') return { kind: 'array', element: refine(type.element, guess?.kind === 'array' ? guess.element : undefined) }
  if (type.kind !== 'struct') return type
  const of = (name: string) => (guess?.kind === 'struct' ? guess.fields.find((f) => f.name === name)?.type : undefined)
  return { ...type, fields: type.fields.map((f) => ({ ...f, type: refine(f.type, of(f.name)) })) }
}

function typeOf(text: string, at: number, depth: number): DataType {
  switch (text[at]) {
    case '{':
      return depth >= MAX_DEPTH ? JSON_TYPE : structAt(text, at, depth)
    case '[': {
      if (depth >= MAX_DEPTH) return JSON_TYPE
      let element: DataType = NULL_TYPE
      forEachMember(text, at, (_key, from) => {
        element = merge(element, typeOf(text, from, depth + 1))
      })
      return { kind: 'array', element }
    }
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

function structAt(text: string, at: number, depth: number): StructType {
  const fields = new Map<string, Field>()
  forEachMember(text, at, (key, from) => {
    const name = JSON.parse(key ?? '""') as string
    if (fields.size < MAX_COLUMNS || fields.has(name)) fields.set(name, { name, type: typeOf(text, from, depth + 1), nullable: true })
  })
  return { kind: 'struct', fields: [...fields.values()] }
}

function merge(a: DataType, b: DataType): DataType {
  if (a.kind === 'null') return b
  if (b.kind === 'null') return a
  if (a.kind === 'struct' && b.kind === 'struct') return mergeStructs(a, b)
  if (a.kind === 'array' && b.kind === 'array') return { kind: 'array', element: merge(a.element, b.element) }
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
