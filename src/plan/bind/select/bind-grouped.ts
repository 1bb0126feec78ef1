/** SELECT with aggregates: keys, aggregates, and what is computed over the rows of groups. */
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { TIMESTAMP } from '../../../types.ts'
import { aggregateName } from '../expressions/aggregates.ts'
import type { AggregateSink, ExpressionContext } from '../expressions/expression-context.ts'
import { bindExpr } from '../expressions/bind-expression.ts'
import { hopCalls, hopWindows } from '../expressions/bind-windows.ts'
import { condition } from '../expressions/coerce.ts'
import { ExprNumbers, exprKey } from '../../expressions/expr-key.ts'
import type { BoundExpr, OutputColumn, Plan } from '../../plan.ts'
import { mapChildren } from '../../expressions/children.ts'
import { dotted } from '../names/resolve.ts'
import type { Scope } from '../names/scope.ts'
import { groupsByAlias } from './select-aliases.ts'
import { asFilter } from '../expressions/truth.ts'
import { parts } from '../walk.ts'
import type { Bound, Subqueries } from './bound-query.ts'
import { columnsShape, outputPath } from './column-names.ts'
import { bindOrders } from './order-by.ts'

/** Expressions by their place. */
export function numbered(exprs: readonly BoundExpr[]): ExprNumbers {
  const numbers = new ExprNumbers()
  for (const [i, expr] of exprs.entries()) numbers.add(expr, i)
  return numbers
}

export function usesAggregates(select: ast.Select): boolean {
  return select.items.some((i) => i.kind === 'expr' && hasAggregate(i.expr))
}

/** Without recursion: chains may be long. */
export function hasAggregate(e: ast.Expr): boolean {
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
export function withHops(
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

export function bindGrouped(
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
          asFilter(condition(bindExpr(select.having, { ...context, clause: 'HAVING', outputs: inHaving }), 'HAVING')),
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
  // A name of the enclosing query is the same for every record; whether it may stand here is seen where the two are
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
  return (
    `"${first}" is the column of that name here, not the alias. For the alias write its expression, in GROUP BY ` +
    'also its number.'
  )
}
