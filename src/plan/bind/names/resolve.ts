/**
 * What a dotted name means in one relation: a path in the records of a topic, a column or a member of it in rows. What
 * it does not mean is said with the nearest name.
 */
import { didYouMean } from '../../../lib/suggest.ts'
import type { Name, Span } from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import {
  type DataType,
  JSON_TYPE,
  META_FIELDS,
  RECORD_FIELDS,
  STRING,
  type StructType,
  oneIsList,
  typeName,
} from '../../../types.ts'
import type { TableFacet } from '../../catalog.ts'
import type { BoundExpr } from '../../plan.ts'
import type { Relation, RowRelation, TableRelation } from './relation.ts'
import { FACETS, facetOf, metaField } from './facets.ts'

/** Pseudo-columns of the oldest editions, taken where the value has no field of that name. */
const LEGACY: Readonly<Record<string, string>> = {
  _partition: 'partition',
  _offset: 'offset',
  _topic: 'topic',
  _ts: 'timestamp',
}

/** A dotted name as text. */
export function dotted(parts: readonly Name[]): string {
  return parts.map((p) => p.text).join('.')
}

export function within(relation: Relation, parts: readonly Name[], span: Span): BoundExpr {
  return relation.kind === 'table' ? inTable(relation, parts, span) : inRows(relation, parts, span)
}

function inRows(relation: RowRelation, written: readonly Name[], span: Span): BoundExpr {
  const { columns } = relation
  const parts = canonicalFacet(written)
  const column = (index: number): BoundExpr => ({
    kind: 'column',
    source: relation.source,
    index,
    name: columns[index].name,
    type: columns[index].type,
    span,
  })
  // `AS item.code` makes a column of that dotted name.
  for (let n = parts.length; n > 0; n--) {
    const at = columns.findIndex((c) => c.open !== true && c.name === dotted(parts.slice(0, n)))
    if (at >= 0) return parts.slice(n).reduce((expr, part) => memberOf(expr, part, span), column(at))
  }
  const open = columns.findIndex((c) => c.open === true)
  const shown = columns.filter((c) => c.hidden !== true)
  const item = shown.length === 1 && columns[0].type.kind === 'struct' ? 0 : open
  const facet = facetOf(parts[0])
  if (facet === 'value' && parts.length > 1) return inRows(relation, parts.slice(1), span)
  if (facet === 'value' && open >= 0) return column(open)
  if (facet !== undefined) throw noFacet(relation, parts, span)
  if (item >= 0) return parts.reduce((expr, part) => memberOf(expr, part, span), column(item))
  throw unknownColumn(
    dotted(parts),
    relation.names[0] ?? 'the query',
    shown.map((c) => c.name),
    span,
  )
}

/** `_metadata.Offset` as `_meta.offset`, `_header.x` as `_headers.x`: as columns of a relation are called. */
function canonicalFacet(parts: readonly Name[]): readonly Name[] {
  const facet = facetOf(parts[0])
  if (facet !== 'meta' && facet !== 'header') return parts
  const [first, second, ...rest] = parts
  const head = { ...first, text: facet === 'meta' ? '_meta' : '_headers' }
  if (second === undefined) return [head]
  return [head, facet === 'meta' ? { ...second, text: metaField(second.text) ?? second.text } : second, ...rest]
}

/** The key or the metadata of rows that are no records, or whose query left it out. */
function noFacet(relation: RowRelation, parts: readonly Name[], span: Span): SqlError {
  const what = relation.names[0] === undefined ? 'This query in FROM' : `"${relation.names[0]}"`
  return new SqlError(
    'UNKNOWN_COLUMN',
    `${what} has no column "${dotted(parts)}".`,
    span,
    'Its columns are those that its SELECT list names; "*" over one topic also brings _key, _headers and _meta ' +
      `along. Name it there: SELECT ${dotted(parts)}, ….`,
  )
}

/** `.name` of a value that is not a path. */
export function memberOf(base: BoundExpr, name: Name, span: Span): BoundExpr {
  const t = base.type
  if (t.kind === 'json' || t.kind === 'null')
    return { kind: 'member', operand: base, name: name.text, type: t.kind === 'json' ? t : JSON_TYPE, span }
  if (t.kind === 'map') return { kind: 'member', operand: base, name: name.text, type: t.value, span }
  if (t.kind === 'struct') {
    const field = t.fields.find((f) => f.name === name.text)
    if (field === undefined)
      throw unknownColumn(
        name.text,
        'the structure',
        t.fields.map((f) => f.name),
        name.span,
      )
    return { kind: 'member', operand: base, name: name.text, type: field.type, span }
  }
  throw new SqlError('UNKNOWN_COLUMN', `This is ${typeName(t)}; it has no field "${name.text}".`, name.span)
}

function inTable(relation: TableRelation, parts: readonly Name[], span: Span): BoundExpr {
  const facet = facetOf(parts[0])
  const { table, source } = relation
  if (facet === 'meta') return metadata(relation, parts, span)
  if (facet === 'header') return header(relation, parts, span)
  if (facet === 'key') return fieldOf(source, 'key', table.key, parts.slice(1), `_key of ${table.name}`, span)
  if (facet === 'value') return fieldOf(source, 'value', table.value, parts.slice(1), `_value of ${table.name}`, span)
  const pseudo =
    parts.length === 1 && !hasField(table.value.type, parts[0].text) ? pseudoColumn(parts[0].text) : undefined
  if (pseudo !== undefined)
    return {
      kind: 'path',
      source,
      path: { facet: 'meta', steps: [pseudo] },
      type: META_FIELDS[pseudo] ?? RECORD_FIELDS[pseudo],
      span,
    }
  if (table.value.type.kind !== 'struct') refuseFormatColumn(parts, span)
  return fieldOf(source, 'value', table.value, parts, table.name, span)
}

/** In the oldest editions conditions set a topic's formats; in JSON these would be fields that no record has. */
function refuseFormatColumn(parts: readonly Name[], span: Span): void {
  if (parts.length === 1 && (parts[0].text === '_ktype' || parts[0].text === '_vtype'))
    throw new SqlError(
      'UNSUPPORTED',
      `"${parts[0].text}" is not offered: formats belong to the topic, and are found out by themselves.`,
      span,
      `DESCRIBE TABLE shows them. A field of that name is _value.${parts[0].text}.`,
    )
}

function pseudoColumn(name: string): string | undefined {
  if (Object.hasOwn(RECORD_FIELDS, name)) return name
  return Object.hasOwn(LEGACY, name) ? LEGACY[name] : undefined
}

/** Did CREATE TABLE name such a column of JSON records? */
export function declares(relation: Relation, name: string): boolean {
  return (
    relation.kind === 'table' &&
    relation.table.value.declared !== undefined &&
    hasField(relation.table.value.declared, name)
  )
}

/**
 * Does the topic have something of that name for certain: a facet, a field of its value, a pseudo-column? What CREATE
 * TABLE names in JSON is asked of `declares`.
 */
export function tableHas({ table }: TableRelation, name: string): boolean {
  return Object.hasOwn(FACETS, name) || hasField(table.value.type, name) || pseudoColumn(name) !== undefined
}

export function hasField(type: DataType, name: string): boolean {
  return type.kind === 'struct' && type.fields.some((f) => f.name === name)
}

function metadata(relation: TableRelation, parts: readonly Name[], span: Span): BoundExpr {
  if (parts.length === 1)
    throw new SqlError(
      'UNKNOWN_COLUMN',
      `"${parts[0].text}" is a group of fields.`,
      span,
      `Write ${parts[0].text}.* for all of them, or one: ${Object.keys(META_FIELDS).join(', ')}.`,
    )
  const field = parts.length === 2 ? metaField(parts[1].text) : undefined
  if (field === undefined)
    throw unknownColumn(
      dotted(parts),
      'the metadata',
      Object.keys(META_FIELDS).map((f) => `${parts[0].text}.${f}`),
      parts[1].span,
    )
  return {
    kind: 'path',
    source: relation.source,
    path: { facet: 'meta', steps: [field] },
    type: META_FIELDS[field] ?? RECORD_FIELDS[field],
    span,
  }
}

function header(relation: TableRelation, parts: readonly Name[], span: Span): BoundExpr {
  if (parts.length === 1)
    return {
      kind: 'header',
      source: relation.source,
      name: undefined,
      as: 'map',
      type: { kind: 'map', value: STRING },
      span,
    }
  const name: BoundExpr = { kind: 'constant', value: dotted(parts.slice(1)), type: STRING }
  return { kind: 'header', source: relation.source, name, as: 'string', type: STRING, span }
}

/** A facet that cannot be read at all says why, before anything is read. */
export function checkReadable(facet: TableFacet, span: Span | undefined): void {
  if (facet.unreadable !== undefined) throw new SqlError('UNSUPPORTED', facet.unreadable, span)
}

function fieldOf(
  source: number,
  facet: 'key' | 'value',
  of: TableFacet,
  parts: readonly Name[],
  where: string,
  span: Span,
): BoundExpr {
  checkReadable(of, span)
  let type = of.type
  const steps: string[] = []
  for (const part of parts) {
    type = step(type, part, steps.length === 0 ? where : `"${steps.join('.')}"`, of)
    steps.push(part.text)
  }
  return { kind: 'path', source, path: { facet, steps }, type, span }
}

function step(type: DataType, part: Name, where: string, facet: TableFacet): DataType {
  switch (type.kind) {
    case 'struct': {
      const field = type.fields.find((f) => f.name === part.text)
      if (field === undefined) throw unknownColumn(part.text, where, fieldNames(type), part.span)
      return field.type
    }
    case 'map':
      return type.value
    case 'json':
      return type
    case 'null':
      return JSON_TYPE
    case 'array':
      throw new SqlError(
        'UNKNOWN_COLUMN',
        `${where} is an array; it has no field "${part.text}".`,
        part.span,
        'Take an element first: items[0].name.',
      )
    default:
      if (where.startsWith('"'))
        throw new SqlError(
          'UNKNOWN_COLUMN',
          `${where} is ${typeName(type)}; it has no field "${part.text}".`,
          part.span,
        )
      throw new SqlError(
        'UNKNOWN_COLUMN',
        `Unknown column "${part.text}" in ${where}.`,
        part.span,
        `The format is ${facet.format}: one value without fields, called ` +
          `${where.startsWith('_key') ? '_key' : '_value'}.`,
      )
  }
}

/** Field names for suggestions, with the paths of nested ones (two levels are enough for a hint). */
function fieldNames(type: StructType): string[] {
  return type.fields.flatMap((f) =>
    f.type.kind === 'struct' ? [f.name, ...f.type.fields.slice(0, 100).map((g) => `${f.name}.${g.name}`)] : [f.name],
  )
}

export function unknownColumn(name: string, where: string, known: readonly string[], span: Span): SqlError {
  const nested = known.find((k) => k.endsWith(`.${name}`))
  const first = known.filter((k) => !k.includes('.'))
  const hint =
    nested !== undefined
      ? `Did you mean "${nested}"?`
      : (didYouMean(name, known) ??
        (known.length > 0 && known.length <= 12
          ? `It has ${(first.length > 0 ? first : known).join(', ')}.`
          : undefined))
  return new SqlError('UNKNOWN_COLUMN', `Unknown column "${name}" in ${where}.`, span, hint)
}

/**
 * Goes one constant step (`[0]`, `['k']`) further along a path; undefined where it is not a path or the step is not
 * constant.
 */
export function extendPath(base: BoundExpr, index: BoundExpr, span: Span): BoundExpr | undefined {
  if (base.kind !== 'path' || (base.path.facet !== 'key' && base.path.facet !== 'value') || index.kind !== 'constant')
    return undefined
  const at = index.value
  const t = base.type
  const path = (step: string | number, type: DataType): BoundExpr => ({
    ...base,
    path: { ...base.path, steps: [...base.path.steps, step] },
    type,
    span,
  })
  if (typeof at === 'number' && Number.isInteger(at) && at >= 0) {
    if (t.kind === 'array') return path(at, t.element)
    // What is not a list may be an item: that is seen in the value only.
    if (t.kind === 'json' && !oneIsList(t)) return path(at, t)
  }
  if (typeof at === 'string') {
    if (t.kind === 'map') return path(at, t.value)
    if (t.kind === 'json') return path(at, t)
  }
  return undefined
}
