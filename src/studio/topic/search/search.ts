/**
 * Finding records without writing SQL: conditions as plain data, and the statement that is made of them. Every value is
 * a literal of the type of its field, with exactly the digits that were typed.
 */
import type { Expr } from '../../../sql/ast.ts'
import { printStatement } from '../../../sql/print.ts'
import type { FacetDetails, TypeTree } from '../details.ts'
import { spellings } from './spellings.ts'
import { all, any, binary, call, cast, column, isIn, isNull, number, select, statement, text, truth } from './tree.ts'

/** What a condition says of its place. */
export type Operator = 'is' | 'is not' | 'contains' | 'less' | 'at least' | 'is null' | 'is there'
export const OPERATORS: readonly { readonly id: Operator; readonly title: string; readonly takesValue: boolean }[] = [
  { id: 'is', title: 'is', takesValue: true },
  { id: 'is not', title: 'is not', takesValue: true },
  { id: 'contains', title: 'contains', takesValue: true },
  { id: 'at least', title: '≥', takesValue: true },
  { id: 'less', title: '<', takesValue: true },
  { id: 'is null', title: 'is null', takesValue: false },
  { id: 'is there', title: 'is not null', takesValue: false },
]

/** `on`: `_key`, `_key.id`, `customer.id`, `_headers.trace`, or `ANYWHERE`. */
export interface Condition {
  readonly on: string
  readonly operator: Operator
  readonly value: string
}
/** The key and the value as a whole, as text. */
export const ANYWHERE = '*'

/** What is looked for. `partition` and `offsets` are what was typed; `range` is `''`, `15m`, or `from..to` in epoch ms. */
export interface Search {
  readonly conditions: readonly Condition[]
  readonly range: string
  readonly partition: string
  readonly offsets: string
  readonly limit: number
}

export const NO_SEARCH: Search = { conditions: [], range: '', partition: '', offsets: '', limit: 100 }

/** Time ranges to choose from, by what stands in the address. */
export const RANGES: readonly { readonly id: string; readonly title: string }[] = [
  { id: '', title: 'any time' },
  { id: '15m', title: 'last 15 minutes' },
  { id: '1h', title: 'last hour' },
  { id: '24h', title: 'last 24 hours' },
  { id: '7d', title: 'last 7 days' },
]

/** A field that can be asked for. */
export interface Place {
  /** As it is shown and chosen. */
  readonly path: string
  readonly steps: readonly string[]
  readonly type: TypeTree
}

const JSON_TREE: TypeTree = { kind: 'json', text: 'json' }

/** Places of a topic: the key with its fields, then the fields of the value. */
export function placesOf({ key, value }: { readonly key: FacetDetails; readonly value: FacetDetails }): Place[] {
  const places: Place[] = [{ path: '_key', steps: ['_key'], type: key.type }]
  const walk = (type: TypeTree, steps: readonly string[]): void => {
    for (const field of type.fields ?? []) {
      const at = [...steps, field.name]
      if (field.type.kind === 'struct') walk(field.type, at)
      else places.push({ path: at.join('.'), steps: at, type: field.type })
    }
  }
  walk(key.type, ['_key'])
  if (value.type.kind === 'struct') walk(value.type, [])
  else if (value.type.kind !== 'json') places.push({ path: '_value', steps: ['_value'], type: value.type })
  return places
}

/** The statement, or what is wrong with a condition. `at`: which condition, absent for the rest of the search. */
export type Made = { readonly sql: string } | { readonly wrong: string; readonly at?: number }

/** A value that cannot be written as a literal of its place. */
class Unfit extends Error {}

/** The statement of a search in a topic; newest records first. */
export function searchSql(topic: string, search: Search, places: readonly Place[]): Made {
  const conditions: Expr[] = []
  try {
    conditions.push(...positions(search))
  } catch (cause) {
    if (cause instanceof Unfit) return { wrong: cause.message }
    throw cause
  }
  for (const [at, condition] of search.conditions.entries()) {
    try {
      // A line that is not filled in yet says nothing.
      if (isFilled(condition)) conditions.push(conditionExpr(condition, places))
    } catch (cause) {
      if (cause instanceof Unfit) return { wrong: cause.message, at }
      throw cause
    }
  }
  const query = select({ from: topic, where: all(conditions), newestFirst: true, limit: search.limit })
  return { sql: printStatement(statement(query)) }
}

function isFilled({ on, operator, value }: Condition): boolean {
  return on !== '' && (value !== '' || OPERATORS.some(({ id, takesValue }) => id === operator && !takesValue))
}

function positions({ range, partition, offsets }: Search): Expr[] {
  const meta = (field: string): Expr => column(['_meta', field])
  const found: Expr[] = []
  if (partition.trim() !== '') found.push(binary(meta('partition'), '=', whole(partition, 'partition')))
  if (offsets.trim() !== '') {
    const [, from, dots, to] = /^\s*(\d*)\s*(\.\.)?\s*(\d*)\s*$/.exec(offsets) ?? []
    if (from === undefined || (from === '' && to === ''))
      throw new Unfit(`“${offsets}” is no offset: write 4711, 4711.. or 4711..4800.`)
    if (dots === undefined) found.push(binary(meta('offset'), '=', whole(from, 'offset')))
    else {
      if (from !== '') found.push(binary(meta('offset'), '>=', whole(from, 'offset')))
      if (to !== '') found.push(binary(meta('offset'), '<=', whole(to, 'offset')))
    }
  }
  const [, from, to] = /^(\d*)\.\.(\d*)$/.exec(range) ?? []
  if (/^\d+[mhd]$/.test(range)) found.push(binary(meta('timestamp'), '>=', binary(call('NOW', []), '-', text(range))))
  else {
    if (from !== undefined && from !== '') found.push(binary(meta('timestamp'), '>=', moment(from)))
    if (to !== undefined && to !== '') found.push(binary(meta('timestamp'), '<', moment(to)))
  }
  return found
}

function moment(epochMs: string): Expr {
  const date = new Date(Number(epochMs))
  if (Number.isNaN(date.getTime())) throw new Unfit(`“${epochMs}” is no time.`)
  return text(date.toISOString())
}

function whole(typed: string, what: string): Expr {
  const literal = /^\s*\d{1,19}\s*$/.test(typed) ? number(typed) : undefined
  if (literal === undefined) throw new Unfit(`“${typed}” is no ${what}: it is a whole number from 0 on.`)
  return literal
}

function conditionExpr({ on, operator, value }: Condition, places: readonly Place[]): Expr {
  if (on === ANYWHERE) return anywhere(operator, value)
  const place = places.find(({ path }) => path === on) ?? unknownPlace(on)
  const at = column(place.steps)
  switch (operator) {
    case 'is null':
      return isNull(at, false)
    case 'is there':
      return isNull(at, true)
    case 'contains':
      return place.type.kind === 'string' ? contains(at, unquoted(value)) : containsIn(at, value)
    case 'is':
    case 'is not':
      return equal(at, place, value, operator === 'is not')
    case 'less':
      return binary(at, '<', compared(place, value))
    case 'at least':
      return binary(at, '>=', compared(place, value))
  }
}

/** A field that no schema lists: of JSON, or a header. */
function unknownPlace(on: string): Place {
  const steps = on.split('.').filter((step) => step !== '')
  if (steps[0] === '_headers' && steps.length > 1)
    return { path: on, steps: ['_headers', on.slice('_headers.'.length)], type: { kind: 'string', text: 'string' } }
  return { path: on, steps, type: JSON_TREE }
}

function anywhere(operator: Operator, value: string): Expr {
  if (operator !== 'contains') throw new Unfit('“anywhere” takes “contains” only. Choose a field for anything else.')
  return any([containsIn(column(['_key']), value), containsIn(column(['_value']), value)])
}

/** Of what may be JSON: its text is looked through as it came, so that escapes count. */
function containsIn(at: Expr, value: string): Expr {
  return any(spellings(unquoted(value)).map((spelling) => contains(cast(at, 'string'), spelling)))
}

function contains(haystack: Expr, needle: string): Expr {
  return call('CONTAINS', [haystack, text(needle)])
}

/** Of JSON, where the type is known per record only, a number is also looked for as a text. */
function equal(at: Expr, place: Place, value: string, negated: boolean): Expr {
  const literals = literalsOf(place, value)
  return literals.length === 1 ? binary(at, negated ? '!=' : '=', literals[0]) : isIn(at, literals, negated)
}

function compared(place: Place, value: string): Expr {
  return literalsOf(place, value)[0]
}

const NUMBERS: ReadonlySet<string> = new Set(['int', 'long', 'float', 'double', 'decimal'])
const TEXTS: ReadonlySet<string> = new Set(['string', 'uuid', 'date', 'time', 'timestamp'])

/** What was typed as a literal of the type; two of them where it may be a number or a text. */
function literalsOf({ path, type }: Place, value: string): readonly Expr[] {
  if (TEXTS.has(type.kind)) return [text(unquoted(value))]
  if (NUMBERS.has(type.kind)) {
    const literal = number(value)
    if (literal === undefined) throw new Unfit(`${path} is ${anA(type.text)}; “${value}” is no number.`)
    return [literal]
  }
  const isTruth = /^\s*(true|false)\s*$/i.exec(value)?.[1].toLowerCase()
  if (type.kind === 'boolean') {
    if (isTruth === undefined) throw new Unfit(`${path} is a boolean: true or false, not “${value}”.`)
    return [truth(isTruth === 'true')]
  }
  if (type.kind !== 'json')
    throw new Unfit(`${path} is ${anA(type.text)}: choose “contains”, “is null”, or one of its fields.`)
  if (unquoted(value) !== value) return [text(unquoted(value))]
  const literal = number(value)
  if (literal !== undefined) return [literal, text(value)]
  return isTruth === undefined ? [text(value)] : [truth(isTruth === 'true'), text(value)]
}

function anA(name: string): string {
  return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`
}

/** `"4711"` is the text 4711. */
function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

// ---------------------------------------------------------------------------------------------- in the address

/** What of a search stands among the parameters of a tab; the range has a place of its own there. */
export function searchParameters({ conditions, partition, offsets, limit }: Search): Record<string, string> {
  return {
    ...Object.fromEntries(conditions.map((c, i) => [`c${i}`, JSON.stringify([c.on, c.operator, c.value])])),
    ...(partition === '' ? {} : { partition }),
    ...(offsets === '' ? {} : { offsets }),
    ...(limit === NO_SEARCH.limit ? {} : { limit: String(limit) }),
  }
}

/** The search of a tab; what cannot be read is left out. */
export function searchOf(parameters: Readonly<Record<string, string>>, range: string | undefined): Search {
  const conditions: Condition[] = []
  for (let i = 0; parameters[`c${i}`] !== undefined; i++) {
    const condition = conditionOf(parameters[`c${i}`])
    if (condition !== undefined) conditions.push(condition)
  }
  const limit = Number(parameters['limit'] ?? '')
  return {
    conditions,
    range: range ?? '',
    partition: parameters['partition'] ?? '',
    offsets: parameters['offsets'] ?? '',
    limit: Number.isSafeInteger(limit) && limit > 0 ? limit : NO_SEARCH.limit,
  }
}

function conditionOf(written: string): Condition | undefined {
  try {
    const [on, operator, value] = JSON.parse(written) as unknown[]
    const known = OPERATORS.find(({ id }) => id === operator)
    if (typeof on !== 'string' || typeof value !== 'string' || known === undefined) return undefined
    return { on, operator: known.id, value }
  } catch {
    return undefined
  }
}
