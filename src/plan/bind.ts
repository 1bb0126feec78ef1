/**
 * SELECT → plan: tables are looked up, names resolved, aggregates separated, stars laid out, output columns named. The only step that asks the catalog (await ①).
 * It does not optimize and does not read a record.
 */
import { didYouMean } from '../lib/suggest.ts'
import type * as ast from '../sql/ast.ts'
import { SqlError } from '../sql/error.ts'
import { BOOLEAN, INT, JSON_TYPE, META_FIELDS } from '../types.ts'
import { aggregateName } from './aggregates.ts'
import { type AggregateSink, bindExpr, type ExpressionContext, exprKey } from './bind-expression.ts'
import type { Catalog } from './catalog.ts'
import { aType, condition, convert, unify } from './coerce.ts'
import { conjuncts } from './conjuncts.ts'
import { sourcesOf } from './lower.ts'
import { type BoundExpr, mapChildren, type Output, type OutputColumn, type OutputShape, type Plan, visit } from './plan.ts'
import { checkReadable, dotted, facetOf, type Relation, type RowRelation, Scope, type TableRelation } from './scope.ts'
import { virtualTable } from './virtual-tables.ts'
import { parts, queriesIn } from './walk.ts'

/** Rows returned when the statement names no LIMIT (dialect reference, section 1.6). */
export const DEFAULT_LIMIT = 10_000

export interface BindContext {
  readonly catalog: Catalog
  /** Rows when there is no LIMIT. */
  readonly defaultLimit: number
}

/** What is passed along while one statement is bound. */
class Binder {
  readonly catalog: Catalog
  readonly #defaultLimit: number
  #sources = 0
  #depth = 0

  constructor(context: BindContext) {
    this.catalog = context.catalog
    this.#defaultLimit = context.defaultLimit
  }

  newSource(): number {
    return this.#sources++
  }

  /** The whole statement: rows are capped where no LIMIT was written. */
  async statement(query: ast.Query, ctes: Ctes): Promise<Output> {
    const output = await this.query(query, ctes)
    if (query.limit?.count !== undefined || (output.input.kind === 'limit' && output.input.count !== Number.MAX_SAFE_INTEGER)) return output
    const skip = output.input.kind === 'limit' ? output.input.skip : 0
    return {
      ...output,
      input: { kind: 'limit', input: output.input.kind === 'limit' ? output.input.input : output.input, skip, count: this.#defaultLimit, implied: true },
    }
  }

  async query(query: ast.Query, outer: Ctes): Promise<Output> {
    if (++this.#depth > MAX_QUERY_DEPTH)
      throw new SqlError(
        'LIMIT',
        `Queries are nested more than ${MAX_QUERY_DEPTH} deep (sql.max.query.depth).`,
        query.span,
        'A view that selects from itself would do that.',
      )
    const ctes = new Map(outer)
    for (const { name, query: body } of query.with) {
      const seen = new Map(ctes)
      ctes.set(name.text, { query: body, ctes: seen })
    }
    const { output, orders } = await this.#body(query.body, ctes, query.orderBy)
    this.#depth--
    let input = output.input
    if (orders.length > 0) input = { kind: 'sort', input, by: orders }
    if (query.limit !== undefined) input = { kind: 'limit', input, skip: query.limit.skip, count: query.limit.count ?? Number.MAX_SAFE_INTEGER, implied: false }
    return { ...output, input }
  }

  async #body(body: ast.QueryBody, ctes: Ctes, orderBy: readonly ast.OrderItem[]): Promise<Bound> {
    if (body.kind === 'select') return bindSelect(body, this, ctes, orderBy)
    if (body.kind === 'query') {
      const output = await this.query(body, ctes)
      if (orderBy.length === 0) return { output, orders: [] }
      return orderedRows(
        await this.relation(output),
        orderBy,
        await this.subqueries(
          orderBy.map((o) => o.expr),
          ctes,
        ),
      )
    }
    return orderedRows(
      await this.#setOperation(body, ctes),
      orderBy,
      await this.subqueries(
        orderBy.map((o) => o.expr),
        ctes,
      ),
    )
  }

  async #setOperation(body: ast.SetOperation, ctes: Ctes): Promise<BoundRelation> {
    const left = await this.relation((await this.#body(body.left, ctes, [])).output)
    const right = await this.relation((await this.#body(body.right, ctes, [])).output)
    const [a, b] = [left.relation.columns, right.relation.columns]
    if (a.length !== b.length)
      throw new SqlError(
        'TYPE',
        `The two sides of ${body.op.toUpperCase()} have ${a.length} and ${b.length} columns.`,
        body.span,
        'They have to have the same number.',
      )
    const types = a.map((c, i) => unify([c.type, b[i].type]))
    const side = (of: BoundRelation): Plan => ({
      kind: 'project',
      input: of.plan,
      columns: of.relation.columns.map((c, i) => ({
        name: a[i].name,
        expr: convert({ kind: 'column', source: of.relation.source, index: i, name: c.name, type: c.type }, types[i]),
      })),
    })
    const plan: Plan = { kind: 'setOperation', op: body.op, all: body.all, left: side(left), right: side(right) }
    const columns = a.map((c, i) => ({ ...c, type: types[i] }))
    const source = this.newSource()
    const relation: RowRelation = { kind: 'rows', source, columns, names: [] }
    return {
      plan: {
        kind: 'project',
        source,
        input: plan,
        columns: columns.map((c, index) => ({ name: c.name, expr: { kind: 'slot', index, name: c.name, type: c.type } })),
      },
      relation,
    }
  }

  /** A query's result as a relation: its output columns become columns. */
  async relation(output: Output, names: readonly string[] = []): Promise<BoundRelation> {
    const source = this.newSource()
    const columns = outputColumns(output.shape)
    const relation: RowRelation = { kind: 'rows', source, names, columns: columns.map((c) => ({ name: c.path.join('.'), type: c.expr.type, open: c.spread })) }
    const project = (input: Plan): Plan => ({ kind: 'project', source, input, columns: columns.map((c) => ({ name: c.path.join('.'), expr: c.expr })) })
    // LIMIT and ORDER BY of the inner query work on what it reads, the projection comes after them.
    return { plan: project(output.input), relation }
  }

  /** Binds the queries inside expressions. They see the WITH names, and nothing of the query around them. */
  async subqueries(exprs: readonly (ast.Expr | undefined)[], ctes: Ctes): Promise<Subqueries> {
    const bound = new Map<ast.Query, Output>()
    for (const query of exprs.flatMap((e) => (e === undefined ? [] : queriesIn(e)))) {
      bound.set(query, orderedRows(await this.relation(await this.query(query, ctes)), [], NO_SUBQUERIES).output)
    }
    return bound
  }

  // ------------------------------------------------------------------------------------------ FROM

  async from(from: ast.From | undefined, ctes: Ctes): Promise<BoundFrom> {
    if (from === undefined) return { plan: { kind: 'values', source: this.newSource(), title: '__dual', rows: [[1]], types: [INT] }, relations: [] }
    switch (from.kind) {
      case 'table':
        return this.#table(from, ctes)
      case 'derived': {
        const { plan, relation } = await this.relation(await this.query(from.query, ctes), from.alias === undefined ? [] : [from.alias.text])
        return { plan, relations: [relation] }
      }
      case 'join':
        return bindJoin(from, this, ctes)
      case 'lateral':
        return this.#lateral(from, ctes)
    }
  }

  async #table(from: ast.TableRef, ctes: Ctes): Promise<BoundFrom> {
    const name = from.name.text
    const names = from.alias === undefined ? [name] : [from.alias.text]
    const cte = ctes.get(name)
    if (cte !== undefined) {
      const { plan, relation } = await this.relation(await this.query(cte.query, cte.ctes), names)
      return { plan, relations: [relation] }
    }
    const virtual = await virtualTable(name, this.catalog)
    if (virtual !== undefined) {
      const source = this.newSource()
      const relation: RowRelation = { kind: 'rows', source, columns: virtual.columns, names }
      return { plan: { kind: 'values', source, title: name, rows: virtual.rows, types: virtual.columns.map((c) => c.type) }, relations: [relation] }
    }
    const table = await this.catalog.table(name)
    if (table === undefined) throw await unknownTable(from.name, this.catalog)
    const source = this.newSource()
    return { plan: { kind: 'scan', source, table }, relations: [{ kind: 'table', source, table, names }] }
  }

  async #lateral(from: ast.Lateral, ctes: Ctes): Promise<BoundFrom> {
    const input = await this.from(from.input, ctes)
    const array = bindExpr(from.array, { scope: new Scope(input.relations), clause: 'LATERAL', subqueries: NO_SUBQUERIES })
    const t = array.type
    if (t.kind !== 'array' && t.kind !== 'json' && t.kind !== 'null')
      throw new SqlError('TYPE', `LATERAL takes an array, and this is ${aType(t)}.`, from.array.span)
    const source = this.newSource()
    const relation: RowRelation = {
      kind: 'rows',
      source,
      columns: [{ name: from.alias.text, type: t.kind === 'array' ? t.element : JSON_TYPE }],
      names: [from.alias.text],
      item: true,
    }
    return { plan: { kind: 'unnest', input: input.plan, source, array, name: from.alias.text }, relations: [...input.relations, relation] }
  }
}

export async function bindQuery(query: ast.Query, context: BindContext): Promise<Output> {
  return new Binder(context).statement(query, new Map())
}

/** Queries inside queries, views in views. */
const MAX_QUERY_DEPTH = 64

/** WITH names in sight: the query and what it sees itself. */
type Ctes = ReadonlyMap<string, { readonly query: ast.Query; readonly ctes: Ctes }>

type Subqueries = ExpressionContext['subqueries']
const NO_SUBQUERIES: Subqueries = new Map()

type SortKeys = Extract<Plan, { kind: 'sort' }>['by']

interface Bound {
  readonly output: Output
  readonly orders: SortKeys
}

interface BoundRelation {
  readonly plan: Plan
  readonly relation: RowRelation
}

interface BoundFrom {
  readonly plan: Plan
  readonly relations: readonly Relation[]
}

/** Output columns of any shape: a whole record becomes the columns of its value. */
function outputColumns(shape: OutputShape): readonly OutputColumn[] {
  if (shape.kind === 'columns') return shape.columns
  return shape.kind === 'record' ? layOut(shape.value, '_value', undefined) : [{ path: ['value'], expr: shape.value }]
}

function columnOf(relation: RowRelation, index: number): BoundExpr {
  const c = relation.columns[index]
  return { kind: 'column', source: relation.source, index, name: c.name, type: c.type }
}

/** A relation as the result, with ORDER BY over its columns. */
function orderedRows(of: BoundRelation, orderBy: readonly ast.OrderItem[], subqueries: Subqueries): Bound {
  const { relation, plan } = of
  const columns: OutputColumn[] = relation.columns.map((c, i) => ({ path: c.name.split('.'), expr: columnOf(relation, i), spread: c.open }))
  const output: Output = { kind: 'output', input: plan, metadata: false, shape: { kind: 'columns', columns } }
  const context: ExpressionContext = { scope: new Scope([relation]), clause: 'ORDER BY', subqueries }
  return { output, orders: bindOrders(orderBy, columns, (e) => bindExpr(e, context)) }
}

/** ORDER BY items: the number of an output column, the name of one, or an expression. NULLs come last going up and first going down unless said otherwise. */
function bindOrders(items: readonly ast.OrderItem[], columns: readonly OutputColumn[], bind: (e: ast.Expr) => BoundExpr): SortKeys {
  return items.map((item) => {
    const nullsFirst = item.nulls === undefined ? item.descending : item.nulls === 'first'
    return { expr: orderExpr(item.expr, columns, bind), descending: item.descending, nullsFirst }
  })
}

function orderExpr(e: ast.Expr, columns: readonly OutputColumn[], bind: (e: ast.Expr) => BoundExpr): BoundExpr {
  if (e.kind === 'number' && /^\d+$/.test(e.text)) {
    const column = columns[Number(e.text) - 1]
    if (column === undefined || column.spread === true)
      throw new SqlError('UNKNOWN_COLUMN', `ORDER BY ${e.text} names no column of the SELECT list.`, e.span, `It has ${columns.length}.`)
    return column.expr
  }
  const named = e.kind === 'column' ? columns.find((c) => c.spread !== true && c.path.join('.') === dotted(e.parts)) : undefined
  return named?.expr ?? bind(e)
}

async function bindSelect(select: ast.Select, binder: Binder, ctes: Ctes, orderBy: readonly ast.OrderItem[]): Promise<Bound> {
  const from = await binder.from(select.from, ctes)
  const scope = new Scope(from.relations)
  const subqueries = await binder.subqueries(
    [...select.items.map((i) => (i.kind === 'expr' ? i.expr : undefined)), select.where, ...select.groupBy, select.having, ...orderBy.map((o) => o.expr)],
    ctes,
  )
  let plan = from.plan
  if (select.where !== undefined) {
    const predicate = condition(bindExpr(select.where, { scope, clause: 'WHERE', subqueries }), 'WHERE')
    plan = { kind: 'filter', input: plan, predicate }
  }
  const grouped = select.groupBy.length > 0 || select.having !== undefined || usesAggregates(select) || orderBy.some((o) => hasAggregate(o.expr))
  const bound = grouped ? bindGrouped(select, scope, plan, orderBy, subqueries) : bindPlain(select, scope, plan, orderBy, subqueries)
  return select.distinct ? distinct(bound, select) : bound
}

/** DISTINCT is a GROUP BY of all output columns. */
function distinct(bound: Bound, select: ast.Select): Bound {
  const columns = outputColumns(bound.output.shape)
  const keys = columns.map((c) => c.expr)
  const slots = new Map(keys.map((k, i) => [exprKey(k), i]))
  const slot = (e: BoundExpr, index: number): BoundExpr => ({ kind: 'slot', index, name: columns[index].path.join('.'), type: e.type })
  const orders = bound.orders.map((o) => {
    const at = slots.get(exprKey(o.expr))
    if (at === undefined) throw new SqlError('GROUPING', 'With DISTINCT, ORDER BY can name output columns only.', o.expr.span ?? select.span)
    return { ...o, expr: slot(o.expr, at) }
  })
  const input: Plan = { kind: 'aggregate', input: bound.output.input, keys, aggregates: [] }
  return {
    output: { kind: 'output', input, metadata: false, shape: { kind: 'columns', columns: columns.map((c, i) => ({ ...c, expr: slot(c.expr, i) })) } },
    orders,
  }
}

async function bindJoin(from: ast.Join, binder: Binder, ctes: Ctes): Promise<BoundFrom> {
  const left = await binder.from(from.left, ctes)
  const right = await binder.from(from.right, ctes)
  const relations = [...left.relations, ...right.relations]
  checkNames(relations, from)
  const scope = new Scope(relations)
  const subqueries = await binder.subqueries([from.on], ctes)
  const terms = from.on === undefined ? [] : conjuncts(condition(bindExpr(from.on, { scope, clause: 'ON', subqueries }), 'ON'))
  const [leftSources, rightSources] = [new Set(sourcesOf(left.plan)), new Set(sourcesOf(right.plan))]
  const keys: JoinKey[] = []
  const rest: BoundExpr[] = []
  for (const term of terms) {
    const key = joinKey(term, leftSources, rightSources)
    if (key === undefined) rest.push(term)
    else keys.push(key)
  }
  const residual: BoundExpr | undefined = rest.length === 0 ? undefined : rest.length === 1 ? rest[0] : { kind: 'and', operands: rest, type: BOOLEAN }
  const type = from.type === 'cross' ? 'inner' : from.type
  return { plan: { kind: 'join', type, left: left.plan, right: right.plan, keys, residual }, relations }
}

type JoinKey = Extract<Plan, { kind: 'join' }>['keys'][number]

/** `a.x = b.y` with one side from each input. */
function joinKey(term: BoundExpr, left: ReadonlySet<number>, right: ReadonlySet<number>): JoinKey | undefined {
  if (term.kind !== 'compare' || term.op !== '=') return undefined
  const side = (e: BoundExpr): 'left' | 'right' | undefined => {
    const used = new Set<number>()
    visit(e, (x) => 'source' in x && used.add(x.source))
    if (used.size === 0) return undefined
    if ([...used].every((s) => left.has(s))) return 'left'
    return [...used].every((s) => right.has(s)) ? 'right' : undefined
  }
  const [a, b] = [side(term.left), side(term.right)]
  if (a === 'left' && b === 'right') return { left: term.left, right: term.right, by: term.by }
  return a === 'right' && b === 'left' ? { left: term.right, right: term.left, by: term.by } : undefined
}

function checkNames(relations: readonly Relation[], from: ast.Join): void {
  const seen = new Set<string>()
  for (const name of relations.flatMap((r) => r.names)) {
    if (seen.has(name)) throw new SqlError('AMBIGUOUS_COLUMN', `Two sources are called "${name}".`, from.right.span, 'Give one of them an alias.')
    seen.add(name)
  }
}

export async function unknownTable(name: ast.Name, catalog: Catalog): Promise<SqlError> {
  const known = (await catalog.tables()).map((t) => t.name)
  const hint = didYouMean(name.text, known) ?? (known.length === 0 ? 'There are no tables that this account may see.' : 'SHOW TABLES lists the tables.')
  return new SqlError('UNKNOWN_TABLE', `Unknown table "${name.text}".`, name.span, hint)
}

// ---------------------------------------------------------------------------------------------- SELECT without aggregates

function bindPlain(select: ast.Select, scope: Scope, input: Plan, orderBy: readonly ast.OrderItem[], subqueries: Subqueries): Bound {
  const scan = scope.relations.length === 1 && scope.relations[0].kind === 'table' ? scope.relations[0] : undefined
  const metadata = scan !== undefined
  const context: ExpressionContext = { scope, clause: 'SELECT', subqueries }
  const orders = (columns: readonly OutputColumn[]): SortKeys => bindOrders(orderBy, columns, (e) => bindExpr(e, { ...context, clause: 'ORDER BY' }))
  const only = select.items.length === 1 ? select.items[0] : undefined
  if (scan !== undefined && only?.kind === 'star' && isBareStar(only, scan))
    return { output: { kind: 'output', input, metadata, shape: { kind: 'record', key: root(scan, 'key'), value: root(scan, 'value') } }, orders: orders([]) }
  const columns: OutputColumn[] = []
  select.items.forEach((item, i) => {
    if (item.kind === 'star') columns.push(...starColumns(item, scope))
    else columns.push({ path: outputPath(item, i), expr: bindExpr(item.expr, context) })
  })
  const star = scan !== undefined && select.items.some((i) => i.kind === 'star' && isBareStar(i, scan))
  return {
    output: { kind: 'output', input, metadata, shape: columnsShape(columns, star && scan !== undefined ? root(scan, 'key') : undefined) },
    orders: orders(columns),
  }
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
  return item.path.length === 0 || (item.path.length === 1 && scan.names.includes(item.path[0].text))
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
    if (facet === 'header')
      throw new SqlError(
        'UNSUPPORTED',
        'Headers have no fixed set of names.',
        item.span,
        'Name them: _headers.traceId; HEADERKEYS() lists the names of a record.',
      )
  }
  return layOut(scope.resolve(item.path, item.span), dotted(item.path), item.span)
}

function relationColumns(relation: Relation): OutputColumn[] {
  if (relation.kind === 'rows') return relation.columns.map((c, i) => ({ path: c.name.split('.'), expr: columnOf(relation, i), spread: c.open }))
  return layOut(root(relation, 'value'), '_value', undefined)
}

function metaColumns(relation: TableRelation): OutputColumn[] {
  const names = metadataFields(relation.table).filter((n) => n !== 'topic')
  return names.map((n) => ({ path: [n], expr: { kind: 'path', source: relation.source, path: { facet: 'meta', steps: [n] }, type: META_FIELDS[n] } }))
}

/** The names of a record's metadata, as METADATA announces them. */
export function metadataFields(table: { readonly key: { readonly framing: string }; readonly value: { readonly framing: string } }): string[] {
  const fields = ['offset', 'partition', 'timestamp', '__keysize', '__valuesize']
  if (table.key.framing === 'confluent') fields.push('keySchemaId')
  if (table.value.framing === 'confluent') fields.push('valueSchemaId')
  return fields
}

/** The fields of a structure as columns; JSON of unknown shape is spread per record; a single value keeps its name. */
function layOut(expr: BoundExpr, name: string, span: ast.Span | undefined): OutputColumn[] {
  const t = expr.type
  if (t.kind === 'struct' && expr.kind === 'path') {
    return t.fields.map((f) => ({ path: [f.name], expr: { ...expr, path: { ...expr.path, steps: [...expr.path.steps, f.name] }, type: f.type } }))
  }
  if (t.kind === 'struct') return t.fields.map((f) => ({ path: [f.name], expr: { kind: 'member', operand: expr, name: f.name, type: f.type } }))
  if (t.kind === 'json' || t.kind === 'map') return [{ path: [name.split('.').at(-1) ?? name], expr, spread: true }]
  if (span !== undefined && name !== '_value' && name !== '_key')
    throw new SqlError('TYPE', `"${name}" has no fields to lay out.`, span, `Write ${name} without ".*".`)
  return [{ path: [name], expr }]
}

// ---------------------------------------------------------------------------------------------- names of output columns

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
    case 'cast':
      return defaultName(e.operand) ?? 'CAST'
    default:
      return undefined
  }
}

/** A name that is there already gets `_1`, `_2`, … */
function uniqueNames(columns: readonly OutputColumn[]): OutputColumn[] {
  const taken = new Set<string>()
  return columns.map((c) => {
    let path = c.path
    for (let n = 1; taken.has(path.join('\u0000')); n++) path = [...c.path.slice(0, -1), `${c.path[c.path.length - 1]}_${n}`]
    if (c.spread !== true) taken.add(path.join('\u0000'))
    return path === c.path ? c : { ...c, path }
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

function bindGrouped(select: ast.Select, scope: Scope, input: Plan, orderBy: readonly ast.OrderItem[], subqueries: Subqueries): Bound {
  const keys = select.groupBy.map((e) => bindKey(e, select, scope, subqueries))
  const sink: AggregateSink = { list: [], firstSlot: keys.length }
  const context: ExpressionContext = { scope, aggregates: sink, clause: 'SELECT', subqueries }
  const keySlots = new Map(keys.map((k, i) => [exprKey(k), i]))
  const overGroups = (e: BoundExpr): BoundExpr => onGroups(e, keys, keySlots)
  const columns: OutputColumn[] = select.items.map((item, i) => {
    if (item.kind === 'star') throw new SqlError('GROUPING', '"*" cannot be mixed with aggregates or GROUP BY.', item.span, 'Name the grouped columns.')
    return { path: outputPath(item, i), expr: overGroups(bindExpr(item.expr, context)) }
  })
  const outputs = (name: string): BoundExpr | undefined => columns.find((c) => c.path.length === 1 && c.path[0] === name)?.expr
  const having = select.having === undefined ? undefined : overGroups(condition(bindExpr(select.having, { ...context, clause: 'HAVING', outputs }), 'HAVING'))
  const orders = bindOrders(orderBy, columns, (e) => overGroups(bindExpr(e, { ...context, clause: 'ORDER BY', outputs })))
  let plan: Plan = { kind: 'aggregate', input, keys, aggregates: sink.list }
  if (having !== undefined) plan = { kind: 'filter', input: plan, predicate: having }
  return { output: { kind: 'output', input: plan, metadata: false, shape: columnsShape(columns) }, orders }
}

/** A key is an expression, the number of an output column, or the alias of one where no field has that name for certain. */
function bindKey(e: ast.Expr, select: ast.Select, scope: Scope, subqueries: Subqueries): BoundExpr {
  const context: ExpressionContext = { scope, clause: 'GROUP BY', subqueries }
  if (e.kind === 'number' && /^\d+$/.test(e.text)) {
    const item = select.items[Number(e.text) - 1]
    if (item === undefined || item.kind !== 'expr')
      throw new SqlError('GROUPING', `GROUP BY ${e.text} names no column of the SELECT list.`, e.span, `It has ${select.items.length}.`)
    return bindExpr(item.expr, context)
  }
  if (e.kind === 'column' && e.parts.length === 1) {
    const item = select.items.find((i) => i.kind === 'expr' && i.alias?.length === 1 && i.alias[0].text === e.parts[0].text)
    if (item?.kind === 'expr' && !hasAggregate(item.expr)) return bindExpr(item.expr, context)
  }
  return bindExpr(e, context)
}

/** Rewrites an expression over records to one over group rows: keys and aggregates become slots, anything else of the record is an error. */
function onGroups(expr: BoundExpr, keys: readonly BoundExpr[], slots: ReadonlyMap<string, number>): BoundExpr {
  const slot = slots.get(exprKey(expr))
  if (slot !== undefined) return { kind: 'slot', index: slot, name: `key ${slot}`, type: keys[slot].type, span: expr.span }
  if (expr.kind === 'slot') return expr
  if (expr.kind === 'path' || expr.kind === 'column' || expr.kind === 'presence' || expr.kind === 'header' || expr.kind === 'lastOffset') {
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
      `Add it to GROUP BY, or take FIRST(${name || '_value'}).`,
    )
  }
  return mapChildren(expr, (child) => onGroups(child, keys, slots))
}
