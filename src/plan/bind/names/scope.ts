/**
 * Names → paths and slots. A scope holds the relations of one FROM; it finds what a dotted name means in them, and says
 * in the user's words when it means nothing.
 */
import { didYouMean } from '../../../lib/suggest.ts'
import type { Name, Span } from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import {
  type DataType,
  JSON_TYPE,
  META_FIELDS,
  oneIsList,
  RECORD_FIELDS,
  STRING,
  type StructType,
  typeName,
} from '../../../types.ts'
import type { Table, TableFacet } from '../../catalog.ts'
import type { BoundExpr } from '../../plan.ts'

export type Relation = TableRelation | RowRelation
/** A topic: names are paths in its records. */
export interface TableRelation {
  readonly kind: 'table'
  readonly source: number
  readonly table: Table
  readonly names: readonly string[]
  /** The last record of each key only: rows are held, and no record passes through as it is. */
  readonly latest?: boolean
}
/** A derived table, a virtual table, an unnested item (`item`: its alias is the column itself): names are columns. */
export interface RowRelation {
  readonly kind: 'rows'
  readonly source: number
  readonly columns: readonly RelationColumn[]
  readonly names: readonly string[]
  readonly item?: boolean
}
/** `open`: a JSON object of unknown shape whose members can be named as if they were columns. */
export interface RelationColumn {
  readonly name: string
  readonly type: DataType
  readonly open?: boolean
  /** A bare star leaves it out. */
  readonly hidden?: boolean
}

const FACETS: Readonly<Record<string, 'key' | 'value' | 'header' | 'meta'>> = {
  _key: 'key',
  _value: 'value',
  _headers: 'header',
  _header: 'header',
  _meta: 'meta',
  _metadata: 'meta',
}
/** Pseudo-columns of the oldest editions, taken where the value has no field of that name. */
const LEGACY: Readonly<Record<string, string>> = {
  _partition: 'partition',
  _offset: 'offset',
  _topic: 'topic',
  _ts: 'timestamp',
}
/** Spellings of metadata fields that documents and clients use beside the one in RECORD frames. */
const META_ALIASES: Readonly<Record<string, string>> = {
  __keysize: '__keysize',
  __valuesize: '__valuesize',
  __valsize: '__valuesize',
  keyschemaid: 'keySchemaId',
  valueschemaid: 'valueSchemaId',
  keysize: '__keysize',
  valuesize: '__valuesize',
}

export function facetOf(name: Name): 'key' | 'value' | 'header' | 'meta' | undefined {
  return Object.hasOwn(FACETS, name.text) ? FACETS[name.text] : undefined
}

export function metaField(name: string): string | undefined {
  if (Object.hasOwn(META_FIELDS, name) || Object.hasOwn(RECORD_FIELDS, name)) return name
  const lower = name.toLowerCase()
  if (Object.hasOwn(META_FIELDS, lower)) return lower
  return META_ALIASES[lower]
}

export class Scope {
  readonly relations: readonly Relation[]
  /** The query around this one. */
  readonly outer: Scope | undefined
  constructor(relations: readonly Relation[], outer?: Scope) {
    this.relations = relations
    this.outer = outer
  }

  /**
   * What `a.b.c` means: a name of this FROM, else one of the query around it. JSON of unknown shape has every name, so
   * there a name of the outer query is written with its table; what CREATE TABLE lists is known.
   */
  resolve(parts: readonly Name[], span: Span): BoundExpr {
    if (this.outer === undefined) return this.#here(parts, span)
    const named =
      parts.length > 1 && !this.#knows(parts[0].text)
        ? this.#around((s) => (s.#knows(parts[0].text) ? s.#here(parts, span) : undefined))
        : undefined
    if (named !== undefined) return named
    const declared =
      this.#isDeclared && !this.#knows(parts[0].text) && !this.has(parts[0].text)
        ? this.#around((s) => (s.has(parts[0].text) ? s.#here(parts, span) : undefined))
        : undefined
    if (declared !== undefined) return declared
    try {
      return this.#here(parts, span)
    } catch (e) {
      if (!(e instanceof SqlError) || e.code !== 'UNKNOWN_COLUMN') throw e
      const found = this.#around((s) => s.#certain(parts, span))
      if (found === undefined) throw e
      return found
    }
  }

  /** The nearest outer meaning. */
  #around(find: (scope: Scope) => BoundExpr | undefined): BoundExpr | undefined {
    for (let at = this.outer; at !== undefined; at = at.outer) {
      const found = find(at)
      if (found !== undefined) return found
    }
    return undefined
  }

  /**
   * Has a source of this FROM, or of a query around it, a field of that name for certain? JSON of unknown shape may
   * have every name.
   */
  knows(name: string): boolean {
    for (let at: Scope | undefined = this; at !== undefined; at = at.outer) if (at.has(name)) return true
    return false
  }

  /** The same of this FROM alone. */
  has(name: string): boolean {
    return this.relations.some((r) => {
      if (r.kind === 'rows')
        return r.item === true
          ? r.names.includes(name)
          : r.columns.some((c) => c.open !== true && c.name.split('.')[0] === name)
      const { type } = r.table.value
      return Object.hasOwn(FACETS, name) || hasField(type, name) || declares(r, name)
    })
  }

  /**
   * Is every source one whose columns are listed, by a schema or by CREATE TABLE? Then a name that none of them lists
   * may be one of a query around it.
   */
  get #isDeclared(): boolean {
    return this.relations.every((r) =>
      r.kind === 'rows'
        ? r.columns.every((c) => c.open !== true)
        : r.table.value.type.kind === 'struct' || r.table.value.declared !== undefined,
    )
  }

  /** Could a source of this FROM have a field of any name? */
  get open(): boolean {
    return this.relations.some((r) =>
      r.kind === 'rows' ? r.columns.some((c) => c.open === true) : r.table.value.type.kind !== 'struct',
    )
  }

  /** Is a source called that? */
  names(name: string): boolean {
    return this.relations.some((r) => r.names.includes(name))
  }

  /** Is the name that of a relation, or of something that a relation has for certain? */
  #knows(name: string): boolean {
    return this.relations.some(
      (r) =>
        r.names.includes(name) ||
        (r.kind === 'rows'
          ? r.columns.some((c) => c.open !== true && c.name.split('.')[0] === name)
          : Object.hasOwn(FACETS, name) || hasField(r.table.value.type, name)),
    )
  }

  #certain(parts: readonly Name[], span: Span): BoundExpr | undefined {
    try {
      const found = this.#here(parts, span)
      return found.type.kind === 'json' && found.kind !== 'column' ? undefined : found
    } catch (e) {
      if (e instanceof SqlError) return undefined
      throw e
    }
  }

  /** With an alias a table's own name means nothing any more; in JSON it would be a field that no record has. */
  #refuseHiddenName(parts: readonly Name[]): void {
    if (parts.length < 2) return
    const [{ text, span }, ...rest] = parts
    const hidden = this.relations.find(
      (r) => r.kind === 'table' && r.table.name === text && r.table.value.type.kind !== 'struct',
    )
    if (hidden !== undefined)
      throw new SqlError(
        'UNKNOWN_COLUMN',
        `The table "${text}" is called "${hidden.names[0]}" in this query.`,
        span,
        `Write ${hidden.names[0]}.${dotted(rest)}.`,
      )
  }

  #here(parts: readonly Name[], span: Span): BoundExpr {
    const item = this.relations.find((r) => r.kind === 'rows' && r.item === true && r.names.includes(parts[0].text))
    if (item !== undefined) return within(item, parts, span)
    const qualified = this.relations.filter((r) => parts.length > 1 && r.names.includes(parts[0].text))
    if (qualified.length > 0) return within(qualified[0], parts.slice(1), span)
    if (this.relations.length === 0)
      throw new SqlError('UNKNOWN_COLUMN', `Unknown column "${dotted(parts)}": there is no FROM.`, span)
    this.#refuseHiddenName(parts)
    if (this.relations.length === 1) return within(this.relations[0], parts, span)
    const hits: BoundExpr[] = []
    const certain: BoundExpr[] = []
    let failure: unknown
    for (const relation of this.relations) {
      try {
        const hit = within(relation, parts, span)
        hits.push(hit)
        // A field that is certainly there wins over one that JSON may have.
        if (hit.type.kind !== 'json' || hit.kind === 'column' || declares(relation, parts[0].text)) certain.push(hit)
      } catch (e) {
        failure = e
      }
    }
    if (hits.length === 1 || certain.length === 1) return certain[0] ?? hits[0]
    if (hits.length === 0) throw failure
    throw new SqlError(
      'AMBIGUOUS_COLUMN',
      `"${dotted(parts)}" is in several sources.`,
      span,
      `Write ${this.relations.map((r) => `${r.names[0]}.${dotted(parts)}`).join(' or ')}.`,
    )
  }
}

export function dotted(parts: readonly Name[]): string {
  return parts.map((p) => p.text).join('.')
}

function within(relation: Relation, parts: readonly Name[], span: Span): BoundExpr {
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
    `Its columns are those that its SELECT list names; "*" over one topic also brings _key, _headers and _meta along. Name it there: SELECT ${dotted(parts)}, ….`,
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

/** The oldest editions were told a topic's formats by conditions; in JSON these would be fields that no record has. */
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
function declares(relation: Relation, name: string): boolean {
  return (
    relation.kind === 'table' &&
    relation.table.value.declared !== undefined &&
    hasField(relation.table.value.declared, name)
  )
}

function hasField(type: DataType, name: string): boolean {
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
        `The format is ${facet.format}: one value without fields, called ${where.startsWith('_key') ? '_key' : '_value'}.`,
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
    // What is no list may be an item: that is seen in the value only.
    if (t.kind === 'json' && !oneIsList(t)) return path(at, t)
  }
  if (typeof at === 'string') {
    if (t.kind === 'map') return path(at, t.value)
    if (t.kind === 'json') return path(at, t)
  }
  return undefined
}
