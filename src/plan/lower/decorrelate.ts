/**
 * Subqueries that use names of the enclosing query become joins: EXISTS and IN a mark join (every row once, with
 * true, false or NULL beside it), an aggregate without GROUP BY a left join with its groups, any other scalar one a
 * join that allows one partner. Where equality in the WHERE of the subquery ties the two, and for EXISTS, IN and plain
 * values any other condition there, outer rows flow through that join. Any other subquery is answered for each of the
 * different values that the outer rows have for the names it uses (`rows-for-each`), and these rows are kept meanwhile.
 * Nothing is read here.
 */
import { SqlError } from '../../sql/error.ts'
import { sourcesWithin } from './correlation.ts'
import { exprKey } from '../expressions/expr-key.ts'
import { sourcesOf } from './lower.ts'
import type { BoundExpr, Join, Kept, Output, Plan, Subquery } from '../plan.ts'
import { inputs } from '../inputs.ts'
import { children, mapChildren, visit } from '../expressions/children.ts'
import { mapExpressions, visitExpressions } from '../rewrite.ts'
import { numberOf, rowsForEach } from './rows-for-each.ts'
import { bodyOf, isTied } from './subquery-body.ts'
import { type SourceNumbers, type Joined, joinWith, marked } from './subquery-joins.ts'

/** The plan without correlated subqueries. Throws a SqlError (UNSUPPORTED) for one that cannot become a join. */
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

  /** The ON of an outer join: a subquery that refers to one side is answered there, before the rows meet. */
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
    visitExpressions(node, (e) =>
      visit(e, (x) => {
        if (x.kind === 'subquery') sourcesOfAll(x.plan, into)
      }),
    )
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
    for (const child of children(e)) walk(child)
    if (e.kind === 'subquery' && e.outer.length > 0) found.set(subqueryKey(e), e)
  }
  for (const node of nodes) visitExpressions(node, walk)
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

function shared(base: Plan, subqueries: readonly Subquery[], work: SourceNumbers): Sharing | undefined {
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

function withRowsForEach(left: Plan, s: Subquery, sharing: Sharing, work: SourceNumbers): Joined {
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
