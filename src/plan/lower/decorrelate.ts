/**
 * Subqueries that use names of the query around them become joins: EXISTS and IN a mark join (every row once, with
 * true, false or NULL beside it), an aggregate without GROUP BY a left join with its groups, any other scalar one a
 * join that allows one partner. Where equality in the WHERE of the subquery ties the two, and for EXISTS, IN and plain
 * values any other condition there, outer rows flow through that join. Any other subquery is answered for each of the
 * different values that the outer rows have for the names it uses (`rows-for-each`), and these rows are kept meanwhile.
 * Nothing is read here.
 */
import { unexpected } from '../../lib/assert.ts'
import { SqlError } from '../../sql/error.ts'
import { BOOLEAN, type DataType } from '../../types.ts'
import { comparable, compare } from '../bind/expressions/coerce.ts'
import { allOf, conjuncts } from '../expressions/conjuncts.ts'
import { freeReferences, sourcesWithin } from './correlation.ts'
import { exprKey } from '../expressions/expr-key.ts'
import { flattened } from './flatten-subqueries.ts'
import { sourcesOf } from './lower.ts'
import {
  type Aggregate,
  type BoundExpr,
  type CompareBy,
  type Join,
  type Kept,
  type Output,
  type Plan,
  type Sort,
  type Subquery,
  inputs,
} from '../plan.ts'
import { children, mapChildren, visit } from '../expressions/children.ts'
import { printBound } from '../explain/print-bound.ts'
import { mapExpressions } from '../rewrite.ts'
import { ifNull, numberOf, orEmpty, rowsForEach } from './rows-for-each.ts'

export function decorrelate(output: Output): Output {
  return new Decorrelation(output).plan(output) as Output
}

class Decorrelation {
  #next: number
  constructor(output: Output) {
    this.#next = [...sourcesOfAll(output)].reduce((largest, source) => Math.max(largest, source), 0) + 1
  }

  source(): number {
    return this.#next++
  }

  plan(plan: Plan): Plan {
    if (plan.kind === 'output' || plan.kind === 'project') return this.#above(plan)
    if (plan.kind === 'join' && plan.type === 'inner' && plan.residual !== undefined && correlated([plan]).length > 0)
      return this.plan({ kind: 'filter', input: { ...plan, residual: undefined }, predicate: plan.residual })
    if (plan.kind === 'join') {
      const { left, right, ...joined } = this.#ofOneSide(plan)
      return { ...joined, left: this.plan(left), right: this.plan(right) }
    }
    if (plan.kind === 'share') return { ...plan, input: this.plan(plan.input), body: this.plan(plan.body) }
    if (plan.kind === 'setOperation') return { ...plan, sides: plan.sides.map((s) => this.plan(s)) }
    if (!('input' in plan)) return plan
    const found = correlated([plan])
    if (found.length === 0) return { ...plan, input: this.plan(plan.input) }
    const { input, answers } = this.#attach(plan.input, found)
    const changed = mapExpressions(plan, (e) => substitute(e, answers)) as typeof plan
    // What stands in place of a subquery may hold one that it held itself.
    return correlated([changed]).length > 0 ? this.plan({ ...changed, input }) : { ...changed, input: this.plan(input) }
  }

  /** A projection, with the ORDER BY and LIMIT below it: the joins go under these. */
  #above(plan: Extract<Plan, { kind: 'output' | 'project' }>): Plan {
    const between: Plan[] = []
    let base = plan.input
    while (base.kind === 'limit' || base.kind === 'sort') {
      between.push(base)
      base = base.input
    }
    const found = correlated([plan, ...between])
    if (found.length === 0) return { ...plan, input: rebuilt(between, this.plan(base)) }
    const { input, answers } = this.#attach(base, found)
    const changed = between.map((b) => mapExpressions(b, (e) => substitute(e, answers)))
    const top = mapExpressions(plan, (e) => substitute(e, answers)) as typeof plan
    return correlated([top, ...changed]).length > 0
      ? this.#above({ ...top, input: rebuilt(changed, input) })
      : { ...top, input: rebuilt(changed, this.plan(input)) }
  }

  /** The ON of an outer join: a subquery that speaks of one side is answered there, before the rows meet. */
  #ofOneSide(plan: Join): Join {
    for (const side of ['left', 'right'] as const) {
      const sources = sourcesWithin(plan[side])
      const found = correlated([plan]).filter((s) => children(s).every((e) => speaksOf(e, sources)))
      if (found.length === 0) continue
      const { input, answers } = this.#attach(plan[side], found)
      // What stands in place of a subquery may hold one that it held itself.
      return this.#ofOneSide(mapExpressions({ ...plan, [side]: input }, (e) => substitute(e, answers)) as Join)
    }
    const [further] = correlated([plan])
    if (further === undefined) return plan
    throw new SqlError(
      'UNSUPPORTED',
      'A subquery that uses names of both sides of an outer join cannot stand in its ON.',
      further.span,
      'Put it into WHERE.',
    )
  }

  #attach(base: Plan, found: readonly Subquery[]): { input: Plan; answers: Map<string, BoundExpr> } {
    const answers = new Map<string, BoundExpr>()
    const parts = found.map((s) => ({ s, body: bodyOf(s) }))
    const sharing = shared(
      base,
      parts.flatMap(({ s, body }) => (isTied(s, body) ? [] : [s])),
      this,
    )
    let input: Plan = sharing?.rows ?? base
    for (const { s, body } of parts) {
      const asked = { ...s, operand: s.operand && substitute(s.operand, answers) }
      const joined =
        sharing === undefined || isTied(s, body)
          ? joinWith(input, asked, body, this)
          : withRowsForEach(input, asked, sharing, this)
      input = joined.plan
      answers.set(subqueryKey(s), joined.answer)
    }
    return {
      input:
        sharing === undefined ? input : { kind: 'share', id: sharing.id, input: base, sets: sharing.sets, body: input },
      answers,
    }
  }
}

function rebuilt(between: readonly Plan[], base: Plan): Plan {
  return between.reduceRight((input, node) => ({ ...node, input }) as Plan, base)
}

/** Every relation of a plan and of the subqueries in it. */
function sourcesOfAll(plan: Plan, into: Set<number> = new Set()): Set<number> {
  sourcesWithin(plan, into)
  const look = (node: Plan): void => {
    mapExpressions(node, (e) => {
      visit(e, (x) => {
        if (x.kind === 'subquery') sourcesOfAll(x.plan, into)
      })
      return e
    })
    for (const input of inputs(node)) look(input)
  }
  look(plan)
  return into
}

/**
 * The correlated subqueries in expressions of these nodes, each once; one inside the operand of another comes first.
 */
function correlated(nodes: readonly Plan[]): Subquery[] {
  const found = new Map<string, Subquery>()
  const walk = (e: BoundExpr): void => {
    mapChildren(e, (c) => (walk(c), c))
    if (e.kind === 'subquery' && e.outer.length > 0) found.set(subqueryKey(e), e)
  }
  for (const node of nodes) mapExpressions(node, (e) => (walk(e), e))
  return [...found.values()]
}

function substitute(e: BoundExpr, answers: ReadonlyMap<string, BoundExpr>): BoundExpr {
  const answer = e.kind === 'subquery' && e.outer.length > 0 ? answers.get(subqueryKey(e)) : undefined
  return answer ?? mapChildren(e, (c) => substitute(c, answers))
}

const plans = new WeakMap<Output, number>()
let numbered = 0

/** Equal for two mentions of one subquery (an alias in ORDER BY) that ask for the same. */
function subqueryKey(s: Subquery): string {
  let plan = plans.get(s.plan)
  if (plan === undefined) plans.set(s.plan, (plan = numbered++))
  const values = s.outer.map((o) => exprKey(o.value)).join(' ')
  return `${plan} ${s.mode} ${s.negated} ${s.operand === undefined ? '' : exprKey(s.operand)} ${values}`
}

function speaksOf(e: BoundExpr, sources: ReadonlySet<number>): boolean {
  let only = true
  visit(e, (x) => {
    if ('source' in x && !sources.has(x.source)) only = false
  })
  return only
}

// ---------------------------------------------------------------------------------------------- one subquery

/** A subquery's plan in its parts, from the top down. */
interface Body {
  readonly columns: readonly { readonly name: string; readonly expr: BoundExpr }[]
  readonly limit: Extract<Plan, { kind: 'limit' }> | undefined
  readonly sort: Sort | undefined
  readonly having: BoundExpr | undefined
  readonly aggregate: Aggregate | undefined
  /** FROM with the terms of WHERE that speak of the subquery alone. */
  readonly from: Plan
  readonly keys: readonly { readonly inner: BoundExpr; readonly outer: BoundExpr; readonly by: CompareBy }[]
  /** Terms that look at a row of both. */
  readonly residual: readonly BoundExpr[]
  /** Terms that speak of the outer row alone: where they are not true, the subquery has no rows. Placed. */
  readonly gate: readonly BoundExpr[]
  /** An expression with what it uses of the outer query as the place where the subquery stands names it. */
  readonly place: (e: BoundExpr) => BoundExpr
}

interface Joined {
  readonly plan: Plan
  /** What stands in place of the subquery, over the joined rows. */
  readonly answer: BoundExpr
}

function joinWith(left: Plan, s: Subquery, body: Body, work: Decorrelation): Joined {
  if (body.aggregate !== undefined && body.aggregate.keys.length === 0)
    return withTotals(left, s, body, body.aggregate, work)
  return s.mode === 'scalar' ? withSingle(left, s, body, work) : withMark(left, s, body, work)
}

/** `then` where the outer row lets the subquery have rows at all. */
function gated(gate: readonly BoundExpr[], then: BoundExpr, otherwise: BoundExpr): BoundExpr {
  return gate.length === 0
    ? then
    : { kind: 'case', whens: [{ when: allOf(gate), then }], otherwise, type: then.type, span: then.span }
}

function truth(value: boolean | null, type: DataType = BOOLEAN): BoundExpr {
  return { kind: 'constant', value, type }
}

function bodyOf(s: Subquery): Body {
  const project = s.plan.input
  if (project.kind !== 'project') unexpected('a subquery that is no relation')
  let at = project.input
  const limit = at.kind === 'limit' ? at : undefined
  if (limit !== undefined) at = limit.input
  const sort = at.kind === 'sort' ? at : undefined
  if (sort !== undefined) at = sort.input
  const having = at.kind === 'filter' && at.input.kind === 'aggregate' ? at.predicate : undefined
  if (having !== undefined && at.kind === 'filter') at = at.input
  const aggregate = at.kind === 'aggregate' ? at : undefined
  if (aggregate !== undefined) at = aggregate.input
  const own = at.kind === 'filter' ? { from: at.input, where: conjuncts(at.predicate) } : { from: at, where: [] }
  const outer = new Map(s.outer.map((o) => [exprKey(o.ref), o.value]))
  // Of an aggregate, and of a value, each row counts: there a row that meets two others must not become two.
  const flat = s.mode === 'scalar' || aggregate !== undefined ? own : flattened(own)
  const place = (e: BoundExpr): BoundExpr =>
    ('source' in e ? outer.get(exprKey(e)) : undefined) ?? mapChildren(e, place)
  const { keys, residual, gate, rest } = ties(flat.where, outer, place)
  const from = rest.length === 0 ? flat.from : filter(flat.from, rest)
  return { columns: project.columns, limit, sort, having, aggregate, from, keys, residual, gate, place }
}

/**
 * Can the outer rows be joined with the subquery as they flow by? Else the subquery has to be answered for each of
 * their values.
 */
function isTied(s: Subquery, body: Body): boolean {
  const { aggregate, limit, residual, sort } = body
  if (residual.some(correlatedIn) || body.keys.some((k) => correlatedIn(k.outer)) || usesOuterElsewhere(body, s))
    return false
  if (aggregate !== undefined && residual.length > 0) return false
  if (limit !== undefined && (s.mode === 'in' || limit.skip > 0 || limit.count === 0)) return false
  return s.mode !== 'scalar' || aggregate === undefined || aggregate.keys.length === 0 || sort === undefined
}

function correlatedIn(term: BoundExpr): boolean {
  let found = false
  visit(term, (e) => {
    if (e.kind === 'subquery' && e.outer.length > 0) found = true
  })
  return found
}

function filter(input: Plan, terms: readonly BoundExpr[]): Plan {
  return { kind: 'filter', input, predicate: allOf(terms) }
}

/**
 * Sorts the terms of WHERE: equality between inside and outside, other terms that look at both, those of the outside
 * alone, and the rest.
 */
function ties(
  where: readonly BoundExpr[],
  outer: ReadonlyMap<string, BoundExpr>,
  placed: (e: BoundExpr) => BoundExpr,
): Pick<Body, 'keys' | 'residual' | 'gate'> & { readonly rest: readonly BoundExpr[] } {
  const reach = (e: BoundExpr): { in: boolean; out: boolean } => {
    const r = { in: false, out: false }
    visit(e, (x) => {
      if ('source' in x) r[outer.has(exprKey(x)) ? 'out' : 'in'] = true
    })
    return r
  }
  const keys: { inner: BoundExpr; outer: BoundExpr; by: CompareBy }[] = []
  const residual: BoundExpr[] = []
  const gate: BoundExpr[] = []
  const rest: BoundExpr[] = []
  for (const term of where) {
    const r = reach(term)
    if (!r.out) rest.push(term)
    else if (!r.in) gate.push(placed(term))
    else if (term.kind === 'compare' && term.op === '=') {
      const [a, b] = [reach(term.left), reach(term.right)]
      if (a.in && !a.out && b.out && !b.in) keys.push({ inner: term.left, outer: placed(term.right), by: term.by })
      else if (b.in && !b.out && a.out && !a.in) keys.push({ inner: term.right, outer: placed(term.left), by: term.by })
      else residual.push(placed(term))
    } else residual.push(placed(term))
  }
  return { keys, residual, gate, rest }
}

/** Does it use outer names anywhere but in WHERE, or where the value is computed above the join? */
function usesOuterElsewhere(body: Body, s: Subquery): boolean {
  const outer = new Set(s.outer.map((o) => exprKey(o.ref)))
  const within: BoundExpr[] = []
  const total = body.aggregate !== undefined && body.aggregate.keys.length === 0
  if ((s.mode === 'in' || (s.mode === 'scalar' && body.aggregate !== undefined)) && !total)
    within.push(...body.columns.map((c) => c.expr))
  if (s.mode === 'scalar' && body.sort !== undefined) within.push(...body.sort.by.map((b) => b.expr))
  if (body.having !== undefined && !total) within.push(body.having)
  if (body.aggregate !== undefined) mapExpressions(body.aggregate, (e) => (within.push(e), e))
  return within.some((e) => uses(e, outer)) || freeReferences(body.from).some((e) => outer.has(exprKey(e)))
}

/**
 * The subquery's rows as a relation of its own: its value first, then what ties it, then what the residual terms look
 * at.
 */
interface Right {
  readonly plan: Plan
  readonly value: BoundExpr
  readonly keys: Join['keys']
  readonly residual: BoundExpr | undefined
}

/** `wanted`: whether the subquery's value is looked at, and in which order its rows come. */
function rightSide(
  body: Body,
  wanted: {
    readonly value: boolean
    readonly ordered: boolean
    readonly above?: (inner: (e: BoundExpr) => BoundExpr, value: BoundExpr) => BoundExpr
  },
  work: Decorrelation,
): Right {
  const source = work.source()
  const { input, columns, keys } = grouped(body)
  const inner = new Map<string, BoundExpr>()
  const own = sourcesWithin(body.from)
  // A value that uses the outer query is computed above the join, where a mark says whether there is a row.
  const reaches = wanted.value && wanted.above !== undefined
  for (const term of reaches ? [...body.residual, columns[0].expr] : body.residual)
    visit(term, (e) => {
      if ('source' in e && own.has(e.source)) inner.set(exprKey(e), e)
    })
  const wants = wanted.value ? [reaches ? TRUE : columns[0].expr] : []
  const firstKey = wants.length
  const exprs = [...wants, ...keys, ...inner.values()]
  // Nothing to look at: that there is a row is enough.
  if (exprs.length === 0) exprs.push(TRUE)
  const column = (index: number): BoundExpr => ({
    kind: 'column',
    source,
    index,
    name: nameOf(exprs[index], index),
    type: exprs[index].type,
  })
  const places = new Map([...inner.keys()].map((key, i) => [key, column(firstKey + keys.length + i)]))
  const place = (e: BoundExpr): BoundExpr => places.get(exprKey(e)) ?? mapChildren(e, place)
  const sorted: Plan = wanted.ordered && body.sort !== undefined ? { ...body.sort, input } : input
  return {
    plan: {
      kind: 'project',
      source,
      input: sorted,
      columns: exprs.map((expr, i) => ({ name: nameOf(expr, i), expr })),
    },
    value: wanted.above === undefined ? column(0) : ifThere(column(0), wanted.above(place, columns[0].expr)),
    keys: body.keys.map((k, i) => ({ left: k.outer, right: column(firstKey + i), by: k.by })),
    residual: body.residual.length === 0 ? undefined : allOf(body.residual.map(place)),
  }
}

const TRUE: BoundExpr = { kind: 'constant', value: true, type: BOOLEAN }

function ifThere(mark: BoundExpr, then: BoundExpr): BoundExpr {
  return ifNull(mark, { kind: 'constant', value: null, type: then.type }, then)
}

function nameOf(e: BoundExpr, index: number): string {
  return e.kind === 'path' || e.kind === 'column' || e.kind === 'slot' ? printBound(e) : `_c${index}`
}

/** With GROUP BY the ties become further keys of the groups: the slots of the aggregates move behind them. */
function grouped(body: Body): { input: Plan; columns: Body['columns']; keys: readonly BoundExpr[] } {
  const { aggregate, columns } = body
  if (aggregate === undefined) return { input: body.from, columns, keys: body.keys.map((k) => k.inner) }
  const first = aggregate.keys.length
  const moved = (e: BoundExpr): BoundExpr =>
    e.kind === 'slot' ? { ...e, index: e.index < first ? e.index : e.index + body.keys.length } : mapChildren(e, moved)
  const input: Plan = { ...aggregate, input: body.from, keys: [...aggregate.keys, ...body.keys.map((k) => k.inner)] }
  return {
    input: body.having === undefined ? input : filter(input, [moved(body.having)]),
    columns: columns.map((c) => ({ ...c, expr: moved(c.expr) })),
    keys: body.keys.map((k, i) => ({ kind: 'slot', index: first + i, name: nameOf(k.inner, i), type: k.inner.type })),
  }
}

// ---------------------------------------------------------------------------------------------- EXISTS and IN

function withMark(left: Plan, s: Subquery, body: Body, work: Decorrelation): Joined {
  const right = rightSide(body, { value: s.mode === 'in', ordered: false }, work)
  const { plan, answer } = marked(left, s, right, work)
  return { plan, answer: gated(body.gate, answer, truth(s.negated)) }
}

/** EXISTS and IN over the rows of the subquery. */
function marked(left: Plan, s: Subquery, right: Right, work: Decorrelation): Joined {
  const source = work.source()
  const operand = s.operand
  let value: NonNullable<Join['mark']>['value']
  if (operand !== undefined) {
    const { by, sides } = comparable([operand, right.value], s.span)
    value = { left: sides[0], right: sides[1], by }
  }
  const plan: Join = {
    kind: 'join',
    type: 'mark',
    left,
    right: right.plan,
    keys: right.keys,
    residual: right.residual,
    mark: { source, value },
  }
  const mark: BoundExpr = {
    kind: 'column',
    source,
    index: 0,
    name: s.mode === 'in' ? 'is in' : 'exists',
    type: BOOLEAN,
    span: s.span,
  }
  return { plan, answer: s.negated ? { kind: 'not', operand: mark, type: BOOLEAN, span: s.span } : mark }
}

// ---------------------------------------------------------------------------------------------- values

function uses(e: BoundExpr, outer: ReadonlySet<string>): boolean {
  let found = false
  visit(e, (x) => {
    if ('source' in x && outer.has(exprKey(x))) found = true
  })
  return found
}

/** One row at most for each outer row; a second is an error, or passed over with LIMIT 1. */
function withSingle(left: Plan, s: Subquery, body: Body, work: Decorrelation): Joined {
  const first = body.limit?.count === 1
  const outer = new Set(s.outer.map((o) => exprKey(o.ref)))
  const above =
    body.aggregate === undefined && uses(body.columns[0].expr, outer)
      ? (inner: (e: BoundExpr) => BoundExpr, e: BoundExpr) => body.place(inner(e))
      : undefined
  const right = rightSide(body, { value: true, ordered: first, above }, work)
  const plan: Join = {
    kind: 'join',
    type: 'single',
    left,
    right: right.plan,
    keys: right.keys,
    residual: right.residual,
    first,
    span: s.span,
  }
  return { plan, answer: gated(body.gate, { ...right.value, span: s.span }, truth(null, right.value.type)) }
}

/**
 * An aggregate without GROUP BY has one row also where nothing matches: its groups are joined, and a missing one has
 * the values of an empty group.
 */
function withTotals(left: Plan, s: Subquery, body: Body, aggregate: Aggregate, work: Decorrelation): Joined {
  const source = work.source()
  const n = body.keys.length
  const keys = body.keys.map((k) => k.inner)
  const slots = [
    ...aggregate.aggregates.map((a, i) => slot(n + i, a.text, a.type)),
    ...keys.map((k, i) => slot(i, nameOf(k, i), k.type)),
  ]
  const column = (index: number): BoundExpr => ({
    kind: 'column',
    source,
    index,
    name: slots[index].name,
    type: slots[index].type,
  })
  const right: Plan = {
    kind: 'project',
    source,
    input: { ...aggregate, input: body.from, keys },
    columns: slots.map((expr) => ({ name: expr.name, expr })),
  }
  const plan: Join = {
    kind: 'join',
    type: 'left',
    left,
    right,
    keys: body.keys.map((k, i) => ({ left: k.outer, right: column(aggregate.aggregates.length + i), by: k.by })),
  }
  const found = (e: BoundExpr): BoundExpr =>
    e.kind === 'slot' ? orEmpty(column(e.index), aggregate.aggregates[e.index]) : mapChildren(e, found)
  const empty = (e: BoundExpr): BoundExpr =>
    e.kind === 'slot'
      ? orEmpty(truth(null, aggregate.aggregates[e.index].type), aggregate.aggregates[e.index])
      : mapChildren(e, empty)
  // Outer names first: what they stand for may be slots of the outer query's own groups.
  const answer = (over: (e: BoundExpr) => BoundExpr): BoundExpr => {
    const above = (e: BoundExpr): BoundExpr => placedOver(e, s, over)
    return totalAnswer(s, above(body.columns[0].expr), body.having === undefined ? undefined : above(body.having))
  }
  return { plan, answer: body.gate.length === 0 ? answer(found) : gated(body.gate, answer(found), answer(empty)) }
}

/** Outer names become what they stand for, slots of the subquery what `over` makes of them. */
function placedOver(e: BoundExpr, s: Subquery, over: (e: BoundExpr) => BoundExpr): BoundExpr {
  const outer = 'source' in e ? s.outer.find((o) => exprKey(o.ref) === exprKey(e)) : undefined
  if (outer !== undefined) return outer.value
  return e.kind === 'slot' ? over(e) : mapChildren(e, (c) => placedOver(c, s, over))
}

function slot(index: number, name: string, type: DataType): Extract<BoundExpr, { kind: 'slot' }> {
  return { kind: 'slot', index, name, type }
}

/** HAVING decides whether the one row is there. */
function totalAnswer(s: Subquery, value: BoundExpr, having: BoundExpr | undefined): BoundExpr {
  const chosen = (then: BoundExpr, otherwise: BoundExpr): BoundExpr =>
    having === undefined
      ? then
      : { kind: 'case', whens: [{ when: having, then }], otherwise, type: then.type, span: s.span }
  if (s.mode === 'exists') return chosen(truth(!s.negated), truth(s.negated))
  if (s.operand === undefined)
    return chosen({ ...value, span: s.span }, { kind: 'constant', value: null, type: value.type })
  return chosen(compare(s.negated ? '!=' : '=', s.operand, value, s.span), truth(s.negated))
}

// ---------------------------------------------------------------------------------------------- what no condition in
// WHERE ties

/** The outer rows, kept for those subqueries that are answered for each of their values. */
interface Sharing {
  readonly id: number
  /** The rows, with the numbers of their values. */
  readonly rows: Kept
  readonly sets: readonly (readonly BoundExpr[])[]
  readonly setOf: ReadonlyMap<Subquery['plan'], number>
}

function shared(base: Plan, subqueries: readonly Subquery[], work: Decorrelation): Sharing | undefined {
  if (subqueries.length === 0) return undefined
  const id = work.source()
  const places = new Map<string, number>()
  const sets: BoundExpr[][] = []
  const setOf = new Map<Subquery['plan'], number>()
  for (const { plan, outer } of subqueries) {
    const values = outer.map((o) => o.value)
    const key = values.map(exprKey).join(' ')
    const place = places.get(key) ?? sets.push(values) - 1
    places.set(key, place)
    setOf.set(plan, place)
  }
  return {
    id,
    rows: {
      kind: 'kept',
      share: id,
      set: undefined,
      source: work.source(),
      sources: sourcesOf(base),
      columns: sets.length,
    },
    sets,
    setOf,
  }
}

function withRowsForEach(left: Plan, s: Subquery, sharing: Sharing, work: Decorrelation): Joined {
  const set = sharing.setOf.get(s.plan) as number
  const values = (): Kept => ({
    kind: 'kept',
    share: sharing.id,
    set,
    source: work.source(),
    sources: [],
    columns: sharing.sets[set].length + 1,
  })
  const right = rowsForEach(s, s.mode !== 'exists', { newSource: () => work.source(), values })
  const keys: Join['keys'] = [{ left: numberOf(sharing.rows.source, set), right: right.number, by: 'number' }]
  if (s.mode === 'scalar')
    return { plan: { kind: 'join', type: 'single', left, right: right.plan, keys, span: s.span }, answer: right.value }
  return marked(left, s, { plan: right.plan, value: right.value, keys, residual: undefined }, work)
}
