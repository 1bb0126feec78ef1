/** Calls of aggregates: their arguments are checked, equal calls share a slot, and the call becomes that slot. */
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { printExpr } from '../../../sql/print.ts'
import { DECIMAL, DOUBLE, type DataType, LONG, NULL_TYPE } from '../../../types.ts'
import { isInteger, isNumeric } from '../../expressions/common-type.ts'
import { aType, condition } from './coerce.ts'
import { evaluationKey } from '../../expressions/expr-key.ts'
import type { AggregateName } from '../../operators.ts'
import type { BoundAggregate, BoundExpr } from '../../plan.ts'
import type { BindExpr, ExpressionContext } from './expression-context.ts'

const WITH_LIMIT: ReadonlySet<AggregateName> = new Set([
  'collect',
  'collect_unique',
  'maxk',
  'mink',
  'maxk_unique',
  'mink_unique',
  'topk',
  'bottomk',
])

const TWO_ARGUMENTS: ReadonlySet<AggregateName> = new Set(['collect', 'collect_unique', 'approx_quantile'])

/** Limit `aggregate.max.items` (values): values that one array aggregate holds for a group. Beyond it: an error. */
const MAX_AGGREGATE_ITEMS = 100_000

export function bindAggregate(e: ast.Call, name: AggregateName, c: ExpressionContext, bind: BindExpr): BoundExpr {
  if (c.aggregates === undefined)
    throw new SqlError(
      'GROUPING',
      `${e.name.text} is an aggregate; it cannot stand in ${c.clause}.`,
      e.span,
      c.clause === 'WHERE' ? 'HAVING filters groups.' : undefined,
    )
  const inner: ExpressionContext = {
    scope: c.scope,
    subqueries: c.subqueries,
    windows: c.windows,
    clause: `another aggregate (${e.name.text})`,
  }
  if (e.star && name !== 'count')
    throw new SqlError('ARGUMENTS', `${e.name.text}(*) means nothing; only COUNT takes a star.`, e.span)
  const most = e.star ? 0 : WITH_LIMIT.has(name) || name === 'approx_quantile' ? 2 : 1
  const least = e.star ? 0 : name === 'count' ? 0 : TWO_ARGUMENTS.has(name) ? 2 : 1
  if (e.args.length > most || e.args.length < least) {
    const wanted = `${least === most ? least : `${least} or ${most}`} argument${most === 1 ? '' : 's'}`
    throw new SqlError('ARGUMENTS', `${e.name.text} takes ${wanted}, not ${e.args.length}.`, e.span)
  }
  const arg = e.args.length === 0 ? undefined : bind(e.args[0], inner)
  const quantile = name === 'approx_quantile' ? share(e.args[1], bind(e.args[1], inner), e) : undefined
  const limit = e.args.length > 1 && quantile === undefined ? itemLimit(e.args[1], bind(e.args[1], inner), e) : 1
  const filter = e.filter === undefined ? undefined : condition(bind(e.filter, inner), 'FILTER')
  const text = printExpr(e)
  const bound: BoundAggregate = {
    name,
    arg: arg === undefined ? undefined : aggregateArgument(name, arg, e),
    limit,
    quantile,
    distinct: e.distinct,
    filter,
    type: aggregateType(name, arg),
    text,
  }
  const { list, firstSlot } = c.aggregates
  let at = list.findIndex((a) => sameAggregate(a, bound))
  if (at < 0) at = list.push(bound) - 1
  return { kind: 'slot', index: firstSlot + at, name: text, type: bound.type, span: e.span }
}

/** The q of a quantile. */
function share(e: ast.Expr, q: BoundExpr, call: ast.Call): number {
  if (q.kind !== 'constant' || typeof q.value !== 'number' || !(q.value >= 0 && q.value <= 1))
    throw new SqlError(
      'ARGUMENTS',
      `${call.name.text} takes a number from 0 to 1 as its second argument.`,
      e.span,
      'For the median write 0.5.',
    )
  return q.value
}

function itemLimit(e: ast.Expr, n: BoundExpr, call: ast.Call): number {
  if (n.kind !== 'constant' || typeof n.value !== 'number' || !Number.isInteger(n.value) || n.value < 1)
    throw new SqlError('ARGUMENTS', `${call.name.text} takes a whole number above 0 as its second argument.`, e.span)
  if (n.value > MAX_AGGREGATE_ITEMS)
    throw new SqlError(
      'LIMIT',
      `${call.name.text} holds ${MAX_AGGREGATE_ITEMS.toLocaleString('en')} values a group at most ` +
        '(aggregate.max.items).',
      e.span,
    )
  return n.value
}

function aggregateArgument(name: AggregateName, arg: BoundExpr, e: ast.Call): BoundExpr {
  const t = arg.type
  if (
    (name === 'sum' || name === 'avg' || name === 'approx_quantile') &&
    !isNumeric(t) &&
    t.kind !== 'json' &&
    t.kind !== 'null'
  )
    throw new SqlError('ARGUMENTS', `${e.name.text} takes a number, not ${aType(t)}.`, arg.span, 'CAST it to a number.')
  return arg
}

function aggregateType(name: AggregateName, arg: BoundExpr | undefined): DataType {
  const t = arg?.type ?? NULL_TYPE
  switch (name) {
    case 'count':
    case 'approx_count_distinct':
      return LONG
    case 'approx_quantile':
      return DOUBLE
    case 'sum':
      return isInteger(t) ? LONG : t.kind === 'decimal' ? DECIMAL : t.kind === 'json' || t.kind === 'null' ? t : DOUBLE
    case 'avg':
      return t.kind === 'decimal' ? DECIMAL : DOUBLE
    case 'min':
    case 'max':
    case 'first':
    case 'last':
      return t
    default:
      return { kind: 'array', element: t }
  }
}

function sameAggregate(a: BoundAggregate, b: BoundAggregate): boolean {
  const key = (e: BoundExpr | undefined): string => (e === undefined ? '' : evaluationKey(e))
  return (
    a.name === b.name &&
    a.limit === b.limit &&
    a.quantile === b.quantile &&
    a.distinct === b.distinct &&
    key(a.arg) === key(b.arg) &&
    key(a.filter) === key(b.filter)
  )
}
