/**
 * SELECT → plan: tables are looked up, names resolved, aggregates separated, stars laid out, output columns named. The only step that asks the catalog (await ①).
 * It does not optimize and does not read a record.
 */
import { didYouMean } from '../lib/suggest.ts'
import type * as ast from '../sql/ast.ts'
import { SqlError } from '../sql/error.ts'
import { BOOLEAN, INT, META_FIELDS } from '../types.ts'
import { aggregateName } from './aggregates.ts'
import { type AggregateSink, bindExpr, type ExpressionContext, exprKey } from './bind-expression.ts'
import type { Catalog } from './catalog.ts'
import { condition } from './coerce.ts'
import { type BoundExpr, mapChildren, type Output, type OutputColumn, type OutputShape, type Plan, visit } from './plan.ts'
import { checkReadable, dotted, facetOf, type Relation, type RowRelation, Scope, type TableRelation } from './scope.ts'
import { virtualTable } from './virtual-tables.ts'

/** Rows returned when the statement names no LIMIT (dialect reference, section 1.6). */
export const DEFAULT_LIMIT = 10_000

export interface BindContext {
  readonly catalog: Catalog
  /** Rows when there is no LIMIT. */
  readonly defaultLimit: number
}

export async function bindQuery(query: ast.Query, context: BindContext): Promise<Output> {
  if (query.with.length > 0) throw new SqlError('UNSUPPORTED', 'WITH is not offered yet.', query.with[0].name.span, 'Write the query in place.')
  if (query.orderBy.length > 0) throw new SqlError('UNSUPPORTED', 'ORDER BY is not offered yet.', query.orderBy[0].span)
  if (query.body.kind === 'query') return bindQuery({ ...query.body, limit: query.limit ?? query.body.limit }, context)
  if (query.body.kind === 'setOperation') throw new SqlError('UNSUPPORTED', `${query.body.op.toUpperCase()} is not offered yet.`, query.body.span, 'Send one query for each side.')
  const output = await bindSelect(query.body, context)
  const limit = query.limit
  const count = limit?.count ?? (limit === undefined ? context.defaultLimit : Number.MAX_SAFE_INTEGER)
  return { ...output, input: { kind: 'limit', input: output.input, skip: limit?.skip ?? 0, count, implied: limit === undefined } }
}

interface BoundFrom {
  readonly plan: Plan
  readonly relations: readonly Relation[]
}

async function bindSelect(select: ast.Select, context: BindContext): Promise<Output> {
  if (select.distinct) throw new SqlError('UNSUPPORTED', 'SELECT DISTINCT is not offered yet.', select.span, 'GROUP BY the same columns gives the distinct rows.')
  const from = await bindFrom(select.from, context, select.span)
  const scope = new Scope(from.relations)
  let plan = from.plan
  if (select.where !== undefined) {
    const predicate = condition(bindExpr(select.where, { scope, clause: 'WHERE' }), 'WHERE')
    plan = { kind: 'filter', input: plan, predicate }
  }
  const grouped = select.groupBy.length > 0 || select.having !== undefined || usesAggregates(select)
  return grouped ? bindGrouped(select, scope, plan) : bindPlain(select, scope, plan)
}

// ---------------------------------------------------------------------------------------------- FROM

async function bindFrom(from: ast.From | undefined, context: BindContext, span: ast.Span): Promise<BoundFrom> {
  if (from === undefined) return { plan: { kind: 'values', title: '__dual', rows: [[1]], types: [INT] }, relations: [] }
  if (from.kind === 'table') return bindTable(from, context)
  const what = from.kind === 'join' ? 'JOIN' : from.kind === 'lateral' ? 'LATERAL' : 'A query in FROM'
  throw new SqlError('UNSUPPORTED', `${what} is not offered yet.`, from.span ?? span)
}

async function bindTable(from: ast.TableRef, context: BindContext): Promise<BoundFrom> {
  const name = from.name.text
  const names = from.alias === undefined ? [name] : [from.alias.text]
  const virtual = await virtualTable(name, context.catalog)
  if (virtual !== undefined) {
    const relation: RowRelation = { kind: 'rows', columns: virtual.columns, firstSlot: 0, names }
    return { plan: { kind: 'values', title: name, rows: virtual.rows, types: virtual.columns.map((c) => c.type) }, relations: [relation] }
  }
  const table = await context.catalog.table(name)
  if (table === undefined) throw await unknownTable(from.name, context.catalog)
  const relation: TableRelation = { kind: 'table', source: 0, table, names }
  return { plan: { kind: 'scan', source: 0, table }, relations: [relation] }
}

export async function unknownTable(name: ast.Name, catalog: Catalog): Promise<SqlError> {
  const known = (await catalog.tables()).map((t) => t.name)
  const hint = didYouMean(name.text, known) ?? (known.length === 0 ? 'There are no tables that this account may see.' : 'SHOW TABLES lists the tables.')
  return new SqlError('UNKNOWN_TABLE', `Unknown table "${name.text}".`, name.span, hint)
}

// ---------------------------------------------------------------------------------------------- SELECT without aggregates

function bindPlain(select: ast.Select, scope: Scope, input: Plan): Output {
  const scan = scope.relations.length === 1 && scope.relations[0].kind === 'table' ? scope.relations[0] : undefined
  const metadata = scan !== undefined
  const only = select.items.length === 1 ? select.items[0] : undefined
  if (scan !== undefined && only?.kind === 'star' && isBareStar(only, scan)) return { kind: 'output', input, metadata, shape: { kind: 'record', key: root(scan, 'key'), value: root(scan, 'value') } }
  const columns: OutputColumn[] = []
  const context: ExpressionContext = { scope, clause: 'SELECT' }
  select.items.forEach((item, i) => {
    if (item.kind === 'star') columns.push(...starColumns(item, scope))
    else columns.push({ path: outputPath(item, i), expr: bindExpr(item.expr, context) })
  })
  const star = scan !== undefined && select.items.some((i) => i.kind === 'star' && isBareStar(i, scan))
  return { kind: 'output', input, metadata, shape: columnsShape(columns, star && scan !== undefined ? root(scan, 'key') : undefined) }
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
    if (facet === 'header') throw new SqlError('UNSUPPORTED', 'Headers have no fixed set of names.', item.span, 'Name them: _headers.traceId; HEADERKEYS() lists the names of a record.')
  }
  return layOut(scope.resolve(item.path, item.span), dotted(item.path), item.span)
}

function relationColumns(relation: Relation): OutputColumn[] {
  if (relation.kind === 'rows') return relation.columns.map((c, i) => ({ path: [c.name], expr: { kind: 'slot', index: relation.firstSlot + i, name: c.name, type: c.type } }))
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
  if (span !== undefined && name !== '_value' && name !== '_key') throw new SqlError('TYPE', `"${name}" has no fields to lay out.`, span, `Write ${name} without ".*".`)
  return [{ path: [name], expr }]
}

// ---------------------------------------------------------------------------------------------- names of output columns

function outputPath(item: Extract<ast.SelectItem, { kind: 'expr' }>, index: number): string[] {
  return item.alias !== undefined ? item.alias.map((n) => n.text) : [defaultName(item.expr) ?? `_c${index}`]
}

/** A path gives its last segment, a call its function's name as typed; anything else has no name of its own. */
function defaultName(e: ast.Expr): string | undefined {
  switch (e.kind) {
    case 'column': return e.parts[e.parts.length - 1].text
    case 'member': return e.name.text
    case 'index': return defaultName(e.base)
    case 'call': return e.name.text
    case 'cast': return defaultName(e.operand) ?? 'CAST'
    default: return undefined
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

function hasAggregate(e: ast.Expr): boolean {
  if (e.kind === 'call') {
    if (aggregateName(e.name.text, e.star ? 0 : e.args.length) !== undefined) return true
    return e.args.some(hasAggregate)
  }
  return parts(e).some(hasAggregate)
}

function parts(e: ast.Expr): readonly ast.Expr[] {
  switch (e.kind) {
    case 'array': return e.items
    case 'struct': return e.fields.map((f) => f.value)
    case 'index': return [e.base, e.index]
    case 'member': return [e.base]
    case 'unary': case 'cast': case 'isNull': return [e.operand]
    case 'binary': return [e.left, e.right]
    case 'between': return [e.operand, e.low, e.high]
    case 'in': return [e.operand, ...(e.items ?? [])]
    case 'like': return [e.operand, e.pattern]
    case 'case': return [...(e.operand === undefined ? [] : [e.operand]), ...e.whens.flatMap((w) => [w.when, w.then]), ...(e.otherwise === undefined ? [] : [e.otherwise])]
    default: return []
  }
}

function bindGrouped(select: ast.Select, scope: Scope, input: Plan): Output {
  const keys = select.groupBy.map((e) => bindKey(e, select, scope))
  const sink: AggregateSink = { list: [], firstSlot: keys.length }
  const context: ExpressionContext = { scope, aggregates: sink, clause: 'SELECT' }
  const keySlots = new Map(keys.map((k, i) => [exprKey(k), i]))
  const overGroups = (e: BoundExpr): BoundExpr => onGroups(e, keys, keySlots)
  const columns: OutputColumn[] = select.items.map((item, i) => {
    if (item.kind === 'star') throw new SqlError('GROUPING', '"*" cannot be mixed with aggregates or GROUP BY.', item.span, 'Name the grouped columns.')
    return { path: outputPath(item, i), expr: overGroups(bindExpr(item.expr, context)) }
  })
  const outputs = (name: string): BoundExpr | undefined => columns.find((c) => c.path.length === 1 && c.path[0] === name)?.expr
  const having = select.having === undefined ? undefined : overGroups(condition(bindExpr(select.having, { ...context, clause: 'HAVING', outputs }), 'HAVING'))
  let plan: Plan = { kind: 'aggregate', input, keys, aggregates: sink.list }
  if (having !== undefined) plan = { kind: 'filter', input: plan, predicate: having }
  return { kind: 'output', input: plan, metadata: false, shape: columnsShape(columns) }
}

/** A key is an expression, the number of an output column, or the alias of one where no field has that name for certain. */
function bindKey(e: ast.Expr, select: ast.Select, scope: Scope): BoundExpr {
  const context: ExpressionContext = { scope, clause: 'GROUP BY' }
  if (e.kind === 'number' && /^\d+$/.test(e.text)) {
    const item = select.items[Number(e.text) - 1]
    if (item === undefined || item.kind !== 'expr') throw new SqlError('GROUPING', `GROUP BY ${e.text} names no column of the SELECT list.`, e.span, `It has ${select.items.length}.`)
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
  if (expr.kind === 'path' || expr.kind === 'presence' || expr.kind === 'header' || expr.kind === 'lastOffset') {
    const name = expr.kind === 'path' ? [...(expr.path.facet === 'value' ? [] : [`_${expr.path.facet}`]), ...expr.path.steps].join('.') : expr.kind
    throw new SqlError('GROUPING', `"${name || '_value'}" is neither grouped nor inside an aggregate.`, expr.span, `Add it to GROUP BY, or take FIRST(${name || '_value'}).`)
  }
  return mapChildren(expr, (child) => onGroups(child, keys, slots))
}

/** Every scan of a plan. */
export function scansOf(plan: Plan): Extract<Plan, { kind: 'scan' }>[] {
  if (plan.kind === 'scan') return [plan]
  return 'input' in plan ? scansOf(plan.input) : []
}

/** Does an expression look at the record at all? */
export function readsRecord(expr: BoundExpr): boolean {
  let reads = false
  visit(expr, (e) => {
    if (e.kind === 'path' || e.kind === 'presence' || e.kind === 'header' || e.kind === 'lastOffset') reads = true
  })
  return reads
}

export const TRUE: BoundExpr = { kind: 'constant', value: true, type: BOOLEAN }
