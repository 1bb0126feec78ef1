/**
 * One SELECT over a bound FROM: stars laid out, aggregates separated, output columns named, DISTINCT, ORDER BY. It asks
 * nothing of the catalog and binds no query inside a query.
 */
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { META_FIELDS, RECORD_FIELDS, STRING, TIMESTAMP } from '../../../types.ts'
import { aggregateName } from '../expressions/aggregates.ts'
import { type AggregateSink, bindExpr, type ExpressionContext } from '../expressions/bind-expression.ts'
import { hopCalls, hopWindows } from '../expressions/bind-windows.ts'
import { condition } from '../expressions/coerce.ts'
import { ExprNumbers, exprKey } from '../../expressions/expr-key.ts'
import type { BoundExpr, Output, OutputColumn, OutputFact, OutputShape, Plan } from '../../plan.ts'
import { mapChildren } from '../../expressions/children.ts'
import { checkReadable, dotted } from '../names/resolve.ts'
import { facetOf } from '../names/facets.ts'
import type { Relation, RowRelation, TableRelation } from '../names/relation.ts'
import { Scope } from '../names/scope.ts'
import { aliasesBefore, groupsByAlias, refuseAlias } from './select-aliases.ts'
import { keeping } from '../expressions/truth.ts'
import { parts } from '../expressions/walk.ts'

export type Subqueries = ExpressionContext['subqueries']
export const NO_SUBQUERIES: Subqueries = new Map()

type SortKeys = Extract<Plan, { kind: 'sort' }>['by']

/** A query's result and how it is ordered; both speak of what `output.input` reads. */
export interface Bound {
  readonly output: Output
  readonly orders: SortKeys
}

export interface BoundRelation {
  readonly plan: Plan
  readonly relation: RowRelation
}

/** Output columns of any shape: a whole record becomes the columns of its value. */
export function outputColumns(shape: OutputShape): readonly OutputColumn[] {
  if (shape.kind === 'columns') return shape.columns
  return shape.kind === 'record' ? layOut(shape.value, '_value', undefined) : [{ path: ['value'], expr: shape.value }]
}

function columnOf(relation: RowRelation, index: number): BoundExpr {
  const c = relation.columns[index]
  return { kind: 'column', source: relation.source, index, name: c.name, type: c.type }
}

/** A relation as the result, with ORDER BY over its columns. */
export function orderedRows(
  of: BoundRelation,
  orderBy: readonly ast.OrderItem[],
  subqueries: Subqueries,
  outer?: Scope,
): Bound {
  const { relation, plan } = of
  const columns: OutputColumn[] = relation.columns.map((c, i) => ({
    path: c.name.split('.'),
    expr: columnOf(relation, i),
    spread: c.open,
  }))
  const output: Output = { kind: 'output', input: plan, metadata: false, shape: { kind: 'columns', columns } }
  const context: ExpressionContext = { scope: new Scope([relation], outer), clause: 'ORDER BY', subqueries }
  return { output, orders: bindOrders(orderBy, columns, (e) => bindExpr(e, context)) }
}

/**
 * ORDER BY items: the number of an output column, the name of one, or an expression. NULLs come last going up and first
 * going down unless said otherwise.
 */
function bindOrders(
  items: readonly ast.OrderItem[],
  columns: readonly OutputColumn[],
  bind: (e: ast.Expr) => BoundExpr,
): SortKeys {
  return items.map((item) => {
    const nullsFirst = item.nulls === undefined ? item.descending : item.nulls === 'first'
    return { expr: orderExpr(item.expr, columns, bind), descending: item.descending, nullsFirst }
  })
}

function orderExpr(e: ast.Expr, columns: readonly OutputColumn[], bind: (e: ast.Expr) => BoundExpr): BoundExpr {
  if (e.kind === 'number' && /^\d+$/.test(e.text)) {
    const column = columns[Number(e.text) - 1]
    if (column === undefined || column.spread === true)
      throw new SqlError(
        'UNKNOWN_COLUMN',
        `ORDER BY ${e.text} names no column of the SELECT list.`,
        e.span,
        `It has ${columns.length}.`,
      )
    return column.expr
  }
  const named =
    e.kind === 'column' ? columns.find((c) => c.spread !== true && c.path.join('.') === dotted(e.parts)) : undefined
  return named?.expr ?? bind(e)
}

/** `input`: the rows of FROM; `scope`: the names in it. */
export function bindSelect(
  select: ast.Select,
  input: Plan,
  scope: Scope,
  orderBy: readonly ast.OrderItem[],
  subqueries: Subqueries,
  newSource: () => number,
): Bound {
  let plan = input
  if (select.where !== undefined) {
    const aliases = aliasesBefore(select, scope)
    const refuse = aliases.size === 0 ? undefined : (e: ast.ColumnRef): void => refuseAlias(e, aliases, hasAggregate)
    const predicate = keeping(
      condition(bindExpr(select.where, { scope, clause: 'WHERE', subqueries, refuse }), 'WHERE'),
    )
    plan = { kind: 'filter', input: plan, predicate }
  }
  const grouped =
    select.groupBy.length > 0 ||
    select.having !== undefined ||
    usesAggregates(select) ||
    orderBy.some((o) => hasAggregate(o.expr))
  const bound = grouped
    ? bindGrouped(select, withHops(select, scope, plan, orderBy, subqueries, newSource), orderBy, subqueries)
    : bindPlain(select, scope, plan, orderBy, subqueries)
  return select.distinct ? distinct(bound, select) : bound
}

/** Expressions by their place. */
function numbered(exprs: readonly BoundExpr[]): ExprNumbers {
  const numbers = new ExprNumbers()
  for (const [i, expr] of exprs.entries()) numbers.add(expr, i)
  return numbers
}

/** DISTINCT is a GROUP BY of all output columns. */
function distinct(bound: Bound, select: ast.Select): Bound {
  const columns = outputColumns(bound.output.shape)
  const keys = columns.map((c) => c.expr)
  const slots = numbered(keys)
  const slot = (e: BoundExpr, index: number): BoundExpr => ({
    kind: 'slot',
    index,
    name: columns[index].path.join('.'),
    type: e.type,
  })
  const orders = bound.orders.map((o) => {
    const at = slots.of(o.expr)
    if (at === undefined)
      throw new SqlError(
        'GROUPING',
        'With DISTINCT, ORDER BY can name output columns only.',
        o.expr.span ?? select.span,
      )
    return { ...o, expr: slot(o.expr, at) }
  })
  const input: Plan = { kind: 'aggregate', input: bound.output.input, keys, aggregates: [] }
  return {
    output: {
      kind: 'output',
      input,
      metadata: false,
      shape: { kind: 'columns', columns: columns.map((c, i) => ({ ...c, expr: slot(c.expr, i) })) },
    },
    orders,
  }
}

// ---------------------------------------------------------------------------------------------- SELECT without
// aggregates

function bindPlain(
  select: ast.Select,
  scope: Scope,
  input: Plan,
  orderBy: readonly ast.OrderItem[],
  subqueries: Subqueries,
): Bound {
  const record = recordOf(scope)
  const scan = scope.relations.length === 1 ? record : undefined
  const context: ExpressionContext = { scope, clause: 'SELECT', subqueries }
  const orders = (columns: readonly OutputColumn[]): SortKeys =>
    decided(
      bindOrders(orderBy, columns, (e) => bindExpr(e, { ...context, clause: 'ORDER BY' })),
      select.distinct ? undefined : scan,
    )
  const only = select.items.length === 1 ? select.items[0] : undefined
  const frame = {
    kind: 'output',
    input,
    metadata: record !== undefined,
    facts: record && facts(record),
    beside: besideOf(select, scope, record),
  } as const
  if (scan !== undefined && only?.kind === 'star' && isBareStar(only, scan))
    return {
      output: { ...frame, shape: { kind: 'record', key: root(scan, 'key'), value: root(scan, 'value') } },
      orders: orders([]),
    }
  const columns: OutputColumn[] = []
  select.items.forEach((item, i) => {
    if (item.kind === 'star') columns.push(...starColumns(item, scope))
    else columns.push({ path: outputPath(item, i), expr: bindExpr(item.expr, context) })
  })
  const star = record !== undefined && select.items.some((i) => i.kind === 'star' && isBareStar(i, record))
  return {
    output: { ...frame, shape: columnsShape(columns, star ? root(record, 'key') : undefined) },
    orders: orders(columns),
  }
}

/** The topic whose records the rows are, each one record: alone in FROM, or with items of its arrays. */
function recordOf({ relations: [first, ...rest] }: Scope): TableRelation | undefined {
  return first?.kind === 'table' && rest.every((r) => r.kind === 'rows' && r.item === true) ? first : undefined
}

function facts(record: TableRelation): OutputFact[] {
  return metaColumns(record).map(({ path: [name], expr }) => ({ name, expr }))
}

/**
 * With a bare star: the key, the headers and the metadata of the record, unless a column has such a name. Of a query in
 * FROM what its star left out goes on.
 */
function besideOf(select: ast.Select, scope: Scope, record: TableRelation | undefined): OutputColumn[] | undefined {
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

function named(name: ast.Name, relation: Relation): boolean {
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

/**
 * Newest first over one topic leaves no ties open: among equal times the later offset comes first, among equal offsets
 * the lower partition.
 */
function decided(orders: SortKeys, scan: TableRelation | undefined): SortKeys {
  const first = orders[0]?.expr
  if (scan === undefined || first?.kind !== 'path' || first.path.facet !== 'meta' || !orders[0].descending)
    return orders
  if (first.path.steps[0] !== 'offset' && first.path.steps[0] !== 'timestamp') return orders
  const missing = (['offset', 'partition'] as const).filter(
    (field) =>
      !orders.some((o) => o.expr.kind === 'path' && o.expr.path.facet === 'meta' && o.expr.path.steps[0] === field),
  )
  return [
    ...orders,
    ...missing.map((field) => ({
      expr: {
        kind: 'path',
        source: scan.source,
        path: { facet: 'meta', steps: [field] },
        type: META_FIELDS[field],
      } as const,
      descending: field === 'offset',
      nullsFirst: false,
    })),
  ]
}

function columnsShape(columns: readonly OutputColumn[], key?: BoundExpr): OutputShape {
  return { kind: 'columns', columns: uniqueNames(columns), key }
}

function root(scan: TableRelation, facet: 'key' | 'value'): BoundExpr {
  checkReadable(scan.table[facet], undefined)
  return { kind: 'path', source: scan.source, path: { facet, steps: [] }, type: scan.table[facet].type }
}

type StarItem = Extract<ast.SelectItem, { kind: 'star' }>

function isBareStar(item: StarItem, scan: TableRelation): boolean {
  return item.path.length === 0 || (item.path.length === 1 && named(item.path[0], scan))
}

function starColumns(item: StarItem, scope: Scope): OutputColumn[] {
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

// ---------------------------------------------------------------------------------------------- names of output
// columns

function outputPath(item: Extract<ast.SelectItem, { kind: 'expr' }>, index: number): string[] {
  return item.alias !== undefined ? item.alias.map((n) => n.text) : [defaultName(item.expr) ?? `_c${index}`]
}

/** A path gives its last segment, a call its function's name as typed; anything else has no name of its own. */
function defaultName(e: ast.Expr): string | undefined {
  switch (e.kind) {
    case 'column':
      return e.parts[e.parts.length - 1].text
    case 'member':
      return e.name.text
    case 'index':
      return defaultName(e.base)
    case 'call':
      return e.name.text
    case 'moment':
      return e.word
    case 'cast':
      return defaultName(e.operand) ?? 'CAST'
    default:
      return undefined
  }
}

/**
 * A name that is there already gets `_1`, `_2`, …; a single value and a structure of one name do not go together,
 * either.
 */
function uniqueNames(columns: readonly OutputColumn[]): OutputColumn[] {
  const values = new Set<string>()
  const structures = new Set<string>()
  /** Where to look on for each name: many columns of one name must not go through all numbers each. */
  const next = new Map<string, number>()
  return columns.map((c) => {
    const path: string[] = []
    for (const [i, step] of c.path.entries()) {
      const last = i === c.path.length - 1
      const taken = (name: string): boolean => {
        const key = [...path, name].join('\u0000')
        return values.has(key) || (last && structures.has(key))
      }
      let free = step
      if (taken(free)) {
        const wanted = [...path, step].join('\u0000')
        let n = next.get(wanted) ?? 1
        for (free = `${step}_${n}`; taken(free); free = `${step}_${n}`) n++
        next.set(wanted, n)
      }
      path.push(free)
      if (c.spread === true) continue
      if (last) values.add(path.join('\u0000'))
      else structures.add(path.join('\u0000'))
    }
    return path.every((step, i) => step === c.path[i]) ? c : { ...c, path }
  })
}

// ---------------------------------------------------------------------------------------------- SELECT with aggregates

function usesAggregates(select: ast.Select): boolean {
  return select.items.some((i) => i.kind === 'expr' && hasAggregate(i.expr))
}

/** Without recursion: chains may be long. */
function hasAggregate(e: ast.Expr): boolean {
  const todo: ast.Expr[] = [e]
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (at.kind === 'call' && aggregateName(at.name.text, at.star ? 0 : at.args.length) !== undefined) return true
    todo.push(...parts(at))
  }
  return false
}

/** What is grouped: the rows, the names in them, and the windows of HOP. */
interface Groupable {
  readonly input: Plan
  readonly scope: Scope
  readonly windows: ReadonlyMap<string, BoundExpr>
  /** The sources of the rows. */
  readonly own: ReadonlySet<number>
}

/** HOP puts a record into several groups: its windows are unnested below the aggregation. */
function withHops(
  select: ast.Select,
  scope: Scope,
  input: Plan,
  orderBy: readonly ast.OrderItem[],
  subqueries: Subqueries,
  newSource: () => number,
): Groupable {
  const items = select.items.map((i) => (i.kind === 'expr' ? i.expr : undefined))
  const windows = new Map<string, BoundExpr>()
  const own = new Set(scope.relations.map((r) => r.source))
  let plan = input
  for (const e of hopCalls([...items, ...select.groupBy, select.having, ...orderBy.map((o) => o.expr)])) {
    const array = hopWindows(e, bindExpr(e.args[0], { scope, clause: 'GROUP BY', subqueries }))
    const key = exprKey(array)
    if (windows.has(key)) continue
    if (windows.size > 0)
      throw new SqlError(
        'UNSUPPORTED',
        'A query has windows of one HOP only.',
        e.span,
        'Group by one, and join the results.',
      )
    const source = newSource()
    own.add(source)
    windows.set(key, { kind: 'column', source, index: 0, name: e.name.text, type: TIMESTAMP })
    plan = { kind: 'unnest', input: plan, source, array, name: 'window' }
  }
  return { input: plan, scope, windows, own }
}

function bindGrouped(
  select: ast.Select,
  of: Groupable,
  orderBy: readonly ast.OrderItem[],
  subqueries: Subqueries,
): Bound {
  const { input, scope, windows, own } = of
  const taken = new Map<string, 'column' | 'alias'>()
  const keys = select.groupBy.map((e) => bindKey(e, select, { scope, clause: 'GROUP BY', subqueries, windows }, taken))
  const sink: AggregateSink = { list: [], firstSlot: keys.length }
  const context: ExpressionContext = { scope, aggregates: sink, clause: 'SELECT', subqueries, windows }
  const keySlots = numbered(keys)
  const overGroups = (e: BoundExpr): BoundExpr => onGroups(e, { keys, slots: keySlots, own, taken })
  const columns: OutputColumn[] = select.items.map((item, i) => {
    if (item.kind === 'star')
      throw new SqlError(
        'GROUPING',
        '"*" cannot be mixed with aggregates or GROUP BY.',
        item.span,
        'Name the grouped columns.',
      )
    return { path: outputPath(item, i), expr: overGroups(bindExpr(item.expr, context)) }
  })
  const outputs = (name: string): BoundExpr | undefined =>
    columns.find((c) => c.path.length === 1 && c.path[0] === name)?.expr
  // In HAVING a column that is there for certain wins, as in GROUP BY.
  const inHaving = (name: string): BoundExpr | undefined => {
    const output = outputs(name)
    if (output === undefined || (!scope.has(name) && taken.get(name) !== 'column')) return output
    if (!isItself(select, name)) taken.set(name, 'column')
    return undefined
  }
  const having =
    select.having === undefined
      ? undefined
      : overGroups(
          keeping(condition(bindExpr(select.having, { ...context, clause: 'HAVING', outputs: inHaving }), 'HAVING')),
        )
  const orders = bindOrders(orderBy, columns, (e) =>
    overGroups(bindExpr(e, { ...context, clause: 'ORDER BY', outputs })),
  )
  const words = [...taken].map(
    ([name, what]) => `${name}: the ${what === 'column' ? 'column, not the alias' : 'alias, not a field'} of that name`,
  )
  let plan: Plan = { kind: 'aggregate', input, keys, aggregates: sink.list, ...(words.length > 0 && { taken: words }) }
  if (having !== undefined) plan = { kind: 'filter', input: plan, predicate: having }
  return { output: { kind: 'output', input: plan, metadata: false, shape: columnsShape(columns) }, orders }
}

/**
 * A key is an expression, the number of an output column, or the alias of one where no source has a column of that name
 * for certain.
 */
function bindKey(
  e: ast.Expr,
  select: ast.Select,
  context: ExpressionContext,
  taken: Map<string, 'column' | 'alias'>,
): BoundExpr {
  if (e.kind === 'number' && /^\d+$/.test(e.text)) {
    const item = select.items[Number(e.text) - 1]
    if (item === undefined || item.kind !== 'expr')
      throw new SqlError(
        'GROUPING',
        `GROUP BY ${e.text} names no column of the SELECT list.`,
        e.span,
        `It has ${select.items.length}.`,
      )
    return bindExpr(item.expr, context)
  }
  if (e.kind === 'column' && e.parts.length === 1) {
    const item = select.items.find(
      (i) => i.kind === 'expr' && i.alias?.length === 1 && i.alias[0].text === e.parts[0].text,
    )
    if (item?.kind === 'expr' && !hasAggregate(item.expr)) {
      const { text } = e.parts[0]
      const column = context.scope.has(text)
      const alias = !column && groupsByAlias(item, select, context.scope, hasAggregate)
      if ((column || context.scope.open) && !isItself(select, text)) taken.set(text, alias ? 'alias' : 'column')
      if (alias) return bindExpr(item.expr, context)
    }
  }
  return bindExpr(e, context)
}

/** `SELECT x AS x`: the alias and the field are the same. */
function isItself(select: ast.Select, name: string): boolean {
  const item = select.items.find((i) => i.kind === 'expr' && i.alias?.length === 1 && i.alias[0].text === name)
  return item?.kind !== 'expr' || (item.expr.kind === 'column' && dotted(item.expr.parts) === name)
}

interface Groups {
  readonly keys: readonly BoundExpr[]
  readonly slots: ExprNumbers
  readonly own: ReadonlySet<number>
  /** Names that are columns and aliases. */
  readonly taken: ReadonlyMap<string, 'column' | 'alias'>
}

/**
 * Rewrites an expression over records to one over group rows: keys and aggregates become slots, anything else of the
 * record is an error.
 */
function onGroups(expr: BoundExpr, groups: Groups): BoundExpr {
  const { keys, slots, own } = groups
  const slot = slots.of(expr)
  if (slot !== undefined)
    return { kind: 'slot', index: slot, name: `key ${slot}`, type: keys[slot].type, span: expr.span }
  if (expr.kind === 'slot') return expr
  // A name of the query around is the same for every record; whether it may stand here is seen where the two are
  // joined.
  if ('source' in expr && !own.has(expr.source)) return expr
  if (
    expr.kind === 'path' ||
    expr.kind === 'column' ||
    expr.kind === 'presence' ||
    expr.kind === 'header' ||
    expr.kind === 'lastOffset'
  ) {
    const name =
      expr.kind === 'column'
        ? expr.name
        : expr.kind === 'path'
          ? [...(expr.path.facet === 'value' ? [] : [`_${expr.path.facet}`]), ...expr.path.steps].join('.')
          : expr.kind
    throw new SqlError(
      'GROUPING',
      `"${name || '_value'}" is neither grouped nor inside an aggregate.`,
      expr.span,
      hidden(name, groups.taken) ?? `Add it to GROUP BY, or take FIRST(${name || '_value'}).`,
    )
  }
  return mapChildren(expr, (child) => onGroups(child, groups))
}

/** The hint where a column was taken and the alias may have been meant. */
function hidden(name: string, taken: ReadonlyMap<string, 'column' | 'alias'>): string | undefined {
  const first = name.split('.')[0]
  if (taken.get(first) !== 'column') return undefined
  return `"${first}" is the column of that name here, not the alias. For the alias write its expression, in GROUP BY also its number.`
}
