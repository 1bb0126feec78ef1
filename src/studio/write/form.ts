/**
 * Writing a record as plain data: the fields of the form, made from the types of key and value, and the INSERT that is
 * made of what was typed. Literals have the type of their field and every digit that was typed.
 */
import type { Expr } from '../../sql/ast.ts'
import { printName, printStatement } from '../../sql/print.ts'
import type { RecordPlace } from '../route.ts'
import { schemaNotes } from '../topic/schema/schema-notes.ts'
import type { FacetDetails, TopicDetails, TypeTree } from '../topic/details.ts'
import { all, binary, call, column, insert, NULL, number, select, text, truth, whole } from '../topic/search/tree.ts'
import { jsonExpr, JsonFault } from './json-expr.ts'

/** How a field is filled in. */
export type Control = 'text' | 'number' | 'boolean' | 'choice' | 'json'

/** A field of the form. `path` is what SQL calls it. */
export interface FormField {
  readonly path: string
  readonly steps: readonly string[]
  readonly control: Control
  readonly type: string
  /** Without it, the record cannot be written: neither null nor a default takes its place. */
  readonly required: boolean
  readonly symbols: readonly string[]
  readonly doc: string
}

/** What was typed. A field that is absent is left out of the statement. */
export interface Draft {
  readonly values: ReadonlyMap<string, string>
  readonly headers: readonly { readonly name: string; readonly value: string }[]
}

export const NO_DRAFT: Draft = { values: new Map(), headers: [] }

const NUMBERS: ReadonlySet<string> = new Set(['int', 'long', 'float', 'double', 'decimal'])
const TEXTS: ReadonlySet<string> = new Set(['string', 'uuid', 'date', 'time', 'timestamp', 'bytes'])

/** The fields of a topic: those of the key, then those of the value. */
export function formFields({ key, value, isCompacted }: TopicDetails): readonly FormField[] {
  return [...facetFields('_key', key, isCompacted), ...facetFields('_value', value, true)]
}

function facetFields(facet: '_key' | '_value', of: FacetDetails, required: boolean): FormField[] {
  const notes = schemaNotes(of.schema)
  const isStruct = of.type.kind === 'struct' && (of.type.fields ?? []).length > 0
  if (!isStruct) {
    const { doc = '', symbols = [] } = notes.get('') ?? {}
    return [field([facet], of.type, { required, doc, symbols })]
  }
  const found: FormField[] = []
  const walk = (type: TypeTree, steps: readonly string[], isNeeded: boolean): void => {
    for (const { name, nullable, type: inner, doc: said = '' } of type.fields ?? []) {
      const at = [...steps, name]
      const { doc = said, symbols = [], fallback } = notes.get(at.join('.')) ?? {}
      const needed = isNeeded && !nullable && fallback === undefined
      if (inner.kind === 'struct' && (inner.fields ?? []).length > 0) walk(inner, at, needed)
      else found.push(field(facet === '_key' ? ['_key', ...at] : at, inner, { required: needed, doc, symbols }))
    }
  }
  walk(of.type, [], required)
  return found
}

function field(
  steps: readonly string[],
  type: TypeTree,
  about: Pick<FormField, 'required' | 'doc' | 'symbols'>,
): FormField {
  const control: Control =
    about.symbols.length > 0
      ? 'choice'
      : NUMBERS.has(type.kind)
        ? 'number'
        : TEXTS.has(type.kind)
          ? 'text'
          : type.kind === 'boolean'
            ? 'boolean'
            : 'json'
  return { path: steps.join('.'), steps, control, type: type.text, ...about }
}

/** What a draft begins with: required fields are there, empty. */
export function emptyDraft(fields: readonly FormField[]): Draft {
  const first = ({ control, symbols }: FormField): string =>
    control === 'boolean' ? 'false' : control === 'choice' ? symbols[0] : ''
  return { ...NO_DRAFT, values: new Map(fields.filter((f) => f.required).map((f) => [f.path, first(f)])) }
}

/** With a value, or without one where it is undefined. */
export function typed(draft: Draft, path: string, value: string | undefined): Draft {
  const values = new Map(draft.values)
  if (value === undefined) values.delete(path)
  else values.set(path, value)
  return { ...draft, values }
}

/** The statement, or what is wrong and with which field. */
export type MadeInsert = { readonly sql: string } | { readonly wrong: string; readonly path?: string }

/** INSERT … VALUES of a draft. */
export function draftSql(topic: string, fields: readonly FormField[], draft: Draft): MadeInsert {
  const targets: (readonly string[])[] = []
  const row: Expr[] = []
  for (const each of fields) {
    const value = draft.values.get(each.path)
    if (value === undefined) continue
    const made = literal(each, value)
    if ('wrong' in made) return { ...made, path: each.path }
    targets.push(each.steps)
    row.push(made.expr)
  }
  for (const { name, value } of draft.headers) {
    if (name === '' && value === '') continue
    if (name === '') return { wrong: `A header has the value “${value}” and no name. Name it, or remove it.` }
    targets.push(['_headers', name])
    row.push(text(value))
  }
  if (targets.length === 0) return { wrong: 'Nothing is filled in.' }
  return { sql: printStatement(insert(topic, targets, { row })) }
}

function literal(
  { path, control, type }: FormField,
  value: string,
): { readonly expr: Expr } | { readonly wrong: string } {
  switch (control) {
    case 'text':
    case 'choice':
      return { expr: text(value) }
    case 'boolean':
      return { expr: truth(value === 'true') }
    case 'number': {
      if (value.trim() === '') return { wrong: `${path} is missing; it is a number (${type}).` }
      const expr = number(value)
      return expr === undefined ? { wrong: `${path} is a number (${type}), not “${value}”.` } : { expr }
    }
    case 'json':
      if (value.trim() === '') return { wrong: `${path} is missing; it is JSON (${type}).` }
      try {
        return { expr: jsonExpr(value) }
      } catch (cause) {
        if (cause instanceof JsonFault) return { wrong: `${path}: ${cause.message}` }
        throw cause
      }
  }
}

function at({ partition, offset }: RecordPlace): Expr | undefined {
  return all([
    binary(column(['_meta', 'partition']), '=', whole(partition)),
    binary(column(['_meta', 'offset']), '=', whole(BigInt(offset))),
  ])
}

/** The names of a record's headers. */
export function headersSql(place: RecordPlace): string {
  const query = select({ items: [call('HEADERKEYS', [])], from: place.topic, where: at(place), limit: 1 })
  return printStatement({ kind: 'selectStatement', query, span: query.span })
}

/** What has come in lately, the newest first: whether a record is there of which nobody knows. */
export function latestSql(topic: string): string {
  return `SELECT * FROM ${printName(topic)} WHERE _meta.timestamp >= NOW() - "1h" ORDER BY _meta.timestamp DESC LIMIT 100`
}

/** What is known of a record that is to be written again. */
export type HeaderNames = { readonly names: readonly string[] } | { readonly wrong: string }

/** The names in an answer to `headersSql`; `incomplete`: why rows are missing. */
export function headerNames(
  rows: readonly Readonly<Record<string, readonly string[] | null>>[],
  incomplete: string | undefined,
  place: RecordPlace,
): HeaderNames {
  const at = `${place.topic}/${place.partition}/${place.offset}`
  if (incomplete !== undefined) return { wrong: `The headers of ${at} are not known: ${incomplete}` }
  if (rows.length === 0)
    return { wrong: `There is no record at ${at}: it was deleted or compacted away, or it cannot be read.` }
  const names = Object.values(rows[0])[0] ?? []
  if (!names.includes('')) return { names }
  const remedy = 'Copy it with a client of Kafka, or write it as a new record without that header.'
  return { wrong: `A header of ${at} has an empty name, which SQL cannot write: it would be lost. ${remedy}` }
}

/** Writes a record again: key, value, and the last header of each name, byte by byte. */
export function replaySql(topic: string, place: RecordPlace, headers: readonly string[]): string {
  const names = [...new Set(headers)]
  const items = [column(['_key']), column(['_value']), ...names.map((name) => call('HEADERASBYTES', [text(name)]))]
  const targets = [['_key'], ['_value'], ...names.map((name) => ['_headers', name])]
  return printStatement(insert(topic, targets, { query: select({ items, from: place.topic, where: at(place) }) }))
}

/** A tombstone for the key of a record. */
export function tombstoneSql(topic: string, place: RecordPlace): string {
  const query = select({ items: [column(['_key']), NULL], from: place.topic, where: at(place) })
  return printStatement(insert(topic, [['_key'], ['_value']], { query }))
}

/** A tombstone for a key that was typed. */
export function keyTombstoneSql(topic: string, fields: readonly FormField[], draft: Draft): MadeInsert {
  const keys = fields.filter(({ steps }) => steps[0] === '_key')
  const made = draftSql(topic, keys, { ...draft, headers: [] })
  if ('wrong' in made) return made.wrong === 'Nothing is filled in.' ? { wrong: 'A tombstone needs a key.' } : made
  const row: Expr[] = []
  const targets: (readonly string[])[] = []
  for (const key of keys) {
    const value = draft.values.get(key.path)
    const of = value === undefined ? undefined : literal(key, value)
    if (of === undefined || 'wrong' in of) continue
    targets.push(key.steps)
    row.push(of.expr)
  }
  return { sql: printStatement(insert(topic, [...targets, ['_value']], { row: [...row, NULL] })) }
}
