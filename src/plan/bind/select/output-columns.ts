/** The columns of a result: stars expanded, the metadata of a record beside them. */
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { META_FIELDS, RECORD_FIELDS, STRING } from '../../../types.ts'
import type { BoundExpr, OutputColumn, OutputFact, OutputShape } from '../../plan.ts'
import { checkReadable, dotted } from '../names/resolve.ts'
import { facetOf } from '../names/facets.ts'
import type { Relation, RowRelation, TableRelation } from '../names/relation.ts'
import type { Scope } from '../names/scope.ts'
import { outputPath } from './column-names.ts'

/** Output columns of any shape: a whole record becomes the columns of its value. */
export function outputColumns(shape: OutputShape): readonly OutputColumn[] {
  if (shape.kind === 'columns') return shape.columns
  return shape.kind === 'record' ? layOut(shape.value, '_value', undefined) : [{ path: ['value'], expr: shape.value }]
}

export function columnOf(relation: RowRelation, index: number): BoundExpr {
  const c = relation.columns[index]
  return { kind: 'column', source: relation.source, index, name: c.name, type: c.type }
}

export function facts(record: TableRelation): OutputFact[] {
  return metaColumns(record).map(({ path: [name], expr }) => ({ name, expr }))
}

/**
 * With a bare star: the key, the headers and the metadata of the record, unless a column has such a name. Of a query in
 * FROM what its star left out goes on.
 */
export function besideOf(
  select: ast.Select,
  scope: Scope,
  record: TableRelation | undefined,
): OutputColumn[] | undefined {
  const relation = record ?? (scope.relations.length === 1 ? scope.relations[0] : undefined)
  if (
    relation === undefined ||
    !select.items.some(
      (i) => i.kind === 'star' && (i.path.length === 0 || (i.path.length === 1 && named(i.path[0], relation))),
    )
  )
    return undefined
  const own = new Set(select.items.map((item, i) => (item.kind === 'expr' ? outputPath(item, i).join('.') : undefined)))
  return hiddenColumns(relation).filter((c) => !own.has(c.path.join('.')))
}

export function named(name: ast.Name, relation: Relation): boolean {
  return relation.names.includes(name.text)
}

function hiddenColumns(relation: Relation): OutputColumn[] {
  if (relation.kind === 'rows')
    return relation.columns.flatMap((c, i) =>
      c.hidden === true ? [{ path: c.name.split('.'), expr: columnOf(relation, i) }] : [],
    )
  const { source, table } = relation
  const key: OutputColumn[] =
    table.key.unreadable === undefined ? [{ path: ['_key'], expr: root(relation, 'key') }] : []
  const headers: BoundExpr = {
    kind: 'header',
    source,
    name: undefined,
    as: 'map',
    type: { kind: 'map', value: STRING },
  }
  const topic: BoundExpr = { kind: 'path', source, path: { facet: 'meta', steps: ['topic'] }, type: META_FIELDS.topic }
  const meta = [{ name: 'topic', expr: topic }, ...facts(relation)].map(({ name, expr }) => ({
    path: ['_meta', name],
    expr,
  }))
  const whole = Object.entries(RECORD_FIELDS).map(([name, type]): OutputColumn => {
    return { path: [name], expr: { kind: 'path', source, path: { facet: 'meta', steps: [name] }, type } }
  })
  return [...key, ...meta, { path: ['_headers'], expr: headers }, ...whole]
}

export function root(scan: TableRelation, facet: 'key' | 'value'): BoundExpr {
  checkReadable(scan.table[facet], undefined)
  return { kind: 'path', source: scan.source, path: { facet, steps: [] }, type: scan.table[facet].type }
}

type StarItem = Extract<ast.SelectItem, { kind: 'star' }>

export function isBareStar(item: StarItem, scan: TableRelation): boolean {
  return item.path.length === 0 || (item.path.length === 1 && named(item.path[0], scan))
}

export function starColumns(item: StarItem, scope: Scope): OutputColumn[] {
  if (scope.relations.length === 0) throw new SqlError('UNKNOWN_COLUMN', '"*" needs a FROM.', item.span)
  if (item.path.length === 0) return scope.relations.flatMap((r) => relationColumns(r))
  const [first, ...rest] = item.path
  const named = scope.relations.find((r) => r.names.includes(first.text))
  if (named !== undefined && rest.length === 0) return relationColumns(named)
  const relation = named ?? scope.relations[0]
  const path = named === undefined ? item.path : rest
  if (relation.kind === 'table' && path.length === 1) {
    const facet = facetOf(path[0])
    if (facet === 'meta') return metaColumns(relation)
  }
  if (relation.kind === 'rows') {
    const prefix = `${dotted(path)}.`
    const below = relation.columns.flatMap((c, i) =>
      c.name.startsWith(prefix) ? [{ path: c.name.slice(prefix.length).split('.'), expr: columnOf(relation, i) }] : [],
    )
    if (below.length > 0) return below
  }
  return layOut(scope.resolve(item.path, item.span), dotted(item.path), item.span)
}

function relationColumns(relation: Relation): OutputColumn[] {
  if (relation.kind === 'rows')
    return relation.columns.flatMap((c, i) =>
      c.hidden === true ? [] : [{ path: c.name.split('.'), expr: columnOf(relation, i), spread: c.open }],
    )
  return layOut(root(relation, 'value'), '_value', undefined)
}

function metaColumns(relation: TableRelation): OutputColumn[] {
  const names = metadataFields(relation.table).filter((n) => n !== 'topic')
  return names.map((n) => ({
    path: [n],
    expr: { kind: 'path', source: relation.source, path: { facet: 'meta', steps: [n] }, type: META_FIELDS[n] },
  }))
}

/** The names of a record's metadata, as METADATA announces them. */
export function metadataFields(table: {
  readonly key: { readonly framing: string }
  readonly value: { readonly framing: string }
}): string[] {
  const fields = ['offset', 'partition', 'timestamp', '__keysize', '__valuesize']
  if (table.key.framing === 'confluent') fields.push('keySchemaId')
  if (table.value.framing === 'confluent') fields.push('valueSchemaId')
  return fields
}

/** The fields of a structure as columns; JSON of unknown shape is spread per record; a single value keeps its name. */
function layOut(expr: BoundExpr, name: string, span: ast.Span | undefined): OutputColumn[] {
  const t = expr.type
  if (t.kind === 'struct' && expr.kind === 'path') {
    return t.fields.map((f) => ({
      path: [f.name],
      expr: { ...expr, path: { ...expr.path, steps: [...expr.path.steps, f.name] }, type: f.type },
    }))
  }
  if (t.kind === 'struct')
    return t.fields.map((f) => ({
      path: [f.name],
      expr: { kind: 'member', operand: expr, name: f.name, type: f.type },
    }))
  if (t.kind === 'json' || t.kind === 'map') return [{ path: [name.split('.').at(-1) ?? name], expr, spread: true }]
  if (span !== undefined && name !== '_value' && name !== '_key')
    throw new SqlError('TYPE', `"${name}" has no fields to lay out.`, span, `Write ${name} without ".*".`)
  return [{ path: [name], expr }]
}
