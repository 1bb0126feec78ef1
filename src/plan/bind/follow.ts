/**
 * Queries that go on with what comes (`SET follow = true`): which can, what is said of those that cannot, and the mark
 * on the scan of those that can. Reads nothing and knows no Kafka.
 *
 * What a following query may be: rows of one topic (filtered, projected, unnested, cut by LIMIT), or groups of them at
 * the top of the statement. Everything that needs the end of its input before it can say anything has no end to wait
 * for.
 */
import type * as ast from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { queriesIn } from './walk.ts'
import { visit } from '../expressions/children.ts'
import { scansOf } from '../inputs.ts'
import type { Aggregate, BoundExpr, Output, Plan, WindowKey } from '../plan.ts'
import { expressionsOf, rewrite, visitPlan } from '../rewrite.ts'

/** What a statement that follows cannot have: what is wrong, and the remedy. */
const REFUSALS = {
  join: ['A query that follows reads one topic; it cannot join.', 'Join in a query without follow.'],
  setOperation: [
    'A query that follows reads one topic; it cannot be a UNION, EXCEPT or INTERSECT, nor read a pattern of topics.',
    'Follow each topic in a query of its own.',
  ],
  subquery: [
    'A query that follows cannot have subqueries: they would be answered once, from what was there at the start.',
    'Run the subquery first, and write its result into the statement.',
  ],
  sort: [
    'A query that follows has no end before which its rows could be sorted.',
    'Leave ORDER BY out, or group by TUMBLE(…) or HOP(…): the rows of windows are sorted as these close.',
  ],
  latest: [
    'A query that follows has no end at which the last record of a key were known.',
    'Leave LATEST(…) out: the newest records come last.',
  ],
  aggregate: [
    'A query that follows cannot read the groups of an inner query: they are never complete.',
    'Group in the outermost query.',
  ],
  once: [
    'A query that follows cannot read a WITH query that is run once.',
    'Write the WITH query without random values, or name it once.',
  ],
} as const satisfies Record<string, readonly [string, string]>

type Refused = keyof typeof REFUSALS

/**
 * Whether the statement has something to follow; one that reads no topic just runs. SqlError with its place in the
 * text: it reads a topic, and cannot follow.
 */
export function canFollow(bound: Output, query: ast.Query): boolean {
  if (!readsTopic(bound)) return false
  const found = problemOf(bound)
  if (found === undefined) return true
  const subquery = found === 'join' || found === 'subquery' ? spanOf('subquery', query) : undefined
  const join = found === 'join' ? spanOf('join', query) : undefined
  const refused = found === 'join' && join === undefined && subquery !== undefined ? 'subquery' : found
  const [message, hint] = REFUSALS[refused]
  const span = refused === 'subquery' ? subquery : refused === 'join' ? join : spanOf(refused, query)
  throw new SqlError('UNSUPPORTED', message, span ?? query.span, hint)
}

/** Rules that make use of an end which a query that follows does not have. */
export const RULES_OF_ENDS: readonly string[] = [
  'count-from-headers',
  'unordered-scan',
  'limit-into-scan',
  'backward-scan',
]

/** The plan, whose scan goes on with what comes; to be optimized without `RULES_OF_ENDS`. */
export function following(plan: Output): Output {
  const top = topAggregate(plan)
  const windows = top === undefined ? undefined : windowKeyOf(top)
  // `rewrite` makes another node of the aggregation before it is looked at: there is only one.
  return rewrite(plan, (node) => {
    if (node.kind === 'aggregate') return { ...node, windows }
    return node.kind === 'scan' ? { ...node, follow: true } : node
  }) as Output
}

/** The aggregation at the top of a statement; undefined where there is none. */
export function topAggregate(plan: Output): Aggregate | undefined {
  let at: Plan = plan.input
  if (at.kind === 'limit') at = at.input
  if (at.kind === 'sort') at = at.input
  if (at.kind === 'filter') at = at.input
  return at.kind === 'aggregate' ? at : undefined
}

function readsTopic(plan: Output): boolean {
  let found = scansOf(plan).length > 0
  eachExpression(plan, (e) => {
    if (e.kind === 'subquery') found ||= readsTopic(e.plan)
  })
  return found
}

function problemOf(plan: Output): Refused | undefined {
  let found: Refused | undefined
  const top = topAggregate(plan)
  const sorted = plan.input.kind === 'limit' ? plan.input.input : plan.input
  visitPlan(plan, (node) => {
    if (node.kind === 'join' || node.kind === 'setOperation' || node.kind === 'latest') found ??= node.kind
    else if (node.kind === 'share' || node.kind === 'kept') found ??= 'join'
    else if (node.kind === 'values') found ??= 'once'
    else if (node.kind === 'aggregate' && node !== top) found ??= 'aggregate'
    else if (node.kind === 'sort' && (node !== sorted || top === undefined || windowKeyOf(top) === undefined))
      found ??= 'sort'
  })
  eachExpression(plan, (e) => {
    if (e.kind === 'subquery') found ??= 'subquery'
  })
  return found
}

/** undefined: the groups are not those of windows of time. */
function windowKeyOf({ keys, input }: Aggregate): WindowKey | undefined {
  for (const [key, e] of keys.entries()) {
    const call = e.kind === 'function' ? e : windowsOf(e, input)
    const size = call?.kind === 'function' && /^(tumble|hop)$/i.test(call.name) ? call.args[1] : undefined
    if (size?.kind === 'constant' && typeof size.value === 'string') return { key, size: size.value }
  }
  return undefined
}

/** The array of windows that a key of HOP is an item of. */
function windowsOf(key: BoundExpr, input: Plan): BoundExpr | undefined {
  let found: BoundExpr | undefined
  if (key.kind !== 'column') return undefined
  visitPlan(input, (node) => {
    if (node.kind === 'unnest' && node.source === key.source) found = node.array
  })
  return found
}

function eachExpression(plan: Plan, look: (e: BoundExpr) => void): void {
  visitPlan(plan, (node) => {
    for (const e of expressionsOf(node)) visit(e, look)
  })
}

// ---------------------------------------------------------------------------------------------- places in the text

/** Where the statement has such a thing; undefined where it comes from a view. */
function spanOf(what: Refused, query: ast.Query): ast.Span | undefined {
  for (const found of constructs(query)) if (found.what === what) return found.span
  return undefined
}

interface Construct {
  readonly what: Refused
  readonly span: ast.Span
}

function* constructs(query: ast.Query): Generator<Construct> {
  for (const { query: inner } of query.with) yield* constructs(inner)
  yield* ofBody(query.body)
  if (query.orderBy.length > 0)
    yield {
      what: 'sort',
      span: { start: query.orderBy[0].span.start, end: query.orderBy[query.orderBy.length - 1].span.end },
    }
  for (const { expr } of query.orderBy) yield* ofExpression(expr)
}

function* ofBody(body: ast.QueryBody): Generator<Construct> {
  if (body.kind === 'query') yield* constructs(body)
  else if (body.kind === 'setOperation') yield { what: 'setOperation', span: body.span }
  else {
    if (body.from !== undefined) yield* ofFrom(body.from)
    const items = body.items.flatMap((item) => (item.kind === 'expr' ? [item.expr] : []))
    for (const e of [...items, body.where, ...body.groupBy, body.having]) if (e !== undefined) yield* ofExpression(e)
    if (body.distinct || body.groupBy.length > 0 || body.having !== undefined)
      yield { what: 'aggregate', span: body.span }
  }
}

function* ofFrom(from: ast.From): Generator<Construct> {
  if (from.kind === 'join') yield { what: 'join', span: from.span }
  else if (from.kind === 'table' && from.latest === true) yield { what: 'latest', span: from.span }
  else if (from.kind === 'lateral') yield* ofFrom(from.input)
  else if (from.kind === 'derived') yield* constructs(from.query)
}

function* ofExpression(e: ast.Expr): Generator<Construct> {
  const [inner] = queriesIn(e)
  if (inner !== undefined) yield { what: 'subquery', span: inner.span }
}
