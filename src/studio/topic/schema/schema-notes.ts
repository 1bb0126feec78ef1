/**
 * What the text of a schema says beside names and types: descriptions, and the values of enums, by the path of the field.
 * Avro and JSON Schema are read; of others, and of what cannot be read, nothing is known.
 */

/** `doc`: the description; `symbols`: the values of an enum; `fallback`: the default, as JSON. */
export interface FieldNote {
  readonly doc?: string
  readonly symbols?: readonly string[]
  readonly fallback?: string
}
export type SchemaNotes = ReadonlyMap<string, FieldNote>

/** Not a limit: deeper fields have no notes. */
const MAX_DEPTH = 32
/** Not a limit: further fields have no notes. */
const MAX_NOTES = 10_000

/** Notes by path; that of the schema itself stands under ''. */
export function schemaNotes(text: string | null): SchemaNotes {
  const notes = new Map<string, FieldNote>()
  let schema: unknown
  try {
    schema = JSON.parse(text ?? 'null')
  } catch {
    return notes
  }
  if (isObject(schema) && (schema['properties'] !== undefined || schema['$schema'] !== undefined))
    jsonSchema(schema, [], notes)
  else avro(schema, [], new Map(), notes)
  return notes
}

type Json = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function note(notes: Map<string, FieldNote>, path: readonly string[], found: FieldNote): void {
  const key = path.join('.')
  if (notes.size >= MAX_NOTES) return
  const all = { ...notes.get(key), ...found }
  if (Object.keys(all).length > 0) notes.set(key, all)
}

/** `named`: types that were defined before, which later ones name. */
function avro(schema: unknown, path: readonly string[], named: Map<string, Json>, notes: Map<string, FieldNote>): void {
  if (path.length > MAX_DEPTH || notes.size >= MAX_NOTES) return
  if (Array.isArray(schema)) {
    for (const branch of schema as unknown[]) avro(branch, path, named, notes)
    return
  }
  if (typeof schema === 'string') {
    const known = named.get(schema)
    if (known !== undefined && known['type'] === 'enum') avro(known, path, named, notes)
    return
  }
  if (!isObject(schema)) return
  const { type, name, namespace, doc, symbols, fields } = schema
  if (typeof name === 'string' && typeof type === 'string') {
    named.set(name, schema)
    if (typeof namespace === 'string') named.set(`${namespace}.${name}`, schema)
  }
  if (typeof doc === 'string' && notes.get(path.join('.'))?.doc === undefined) note(notes, path, { doc })
  if (type === 'enum' && isTexts(symbols)) note(notes, path, { symbols })
  if (type === 'record' && Array.isArray(fields)) {
    for (const field of fields as unknown[]) {
      if (!isObject(field) || typeof field['name'] !== 'string') continue
      const at = [...path, field['name']]
      if (typeof field['doc'] === 'string') note(notes, at, { doc: field['doc'] })
      if (field['default'] !== undefined) note(notes, at, { fallback: JSON.stringify(field['default']) })
      avro(field['type'], at, named, notes)
    }
  } else if (typeof type !== 'string') avro(type, path, named, notes)
}

function jsonSchema(schema: Json, path: readonly string[], notes: Map<string, FieldNote>): void {
  if (path.length > MAX_DEPTH || notes.size >= MAX_NOTES) return
  const { description, enum: values, default: fallback, properties } = schema
  if (typeof description === 'string') note(notes, path, { doc: description })
  if (isTexts(values)) note(notes, path, { symbols: values })
  if (fallback !== undefined) note(notes, path, { fallback: JSON.stringify(fallback) })
  if (!isObject(properties)) return
  for (const [name, property] of Object.entries(properties))
    if (isObject(property)) jsonSchema(property, [...path, name], notes)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
