/**
 * The general way to answer a correlated subquery: its plan becomes one that gives its rows for each of the different
 * values which the outer rows have for the names that it uses, with the number of these values in a column. The values
 * come in at the bottom, as one more relation that FROM is joined with; from there up every operator works for each
 * number apart: groups have it as a further key, LIMIT counts by it, set operations compare it too. Nothing is read
 * twice for it: the outer rows are kept (`share`).
 */
import { unexpected } from '../../lib/assert.ts'
import { BOOLEAN, type DataType, INT } from '../../types.ts'
import { allOf, conjuncts } from '../expressions/conjuncts.ts'
import { exprKey } from '../expressions/expr-key.ts'
import type {
  Aggregate,
  BoundAggregate,
  BoundExpr,
  Join,
  Kept,
  Plan,
  Project,
  SetOperation,
  Sort,
  Subquery,
} from '../plan.ts'
import { inputs } from '../inputs.ts'
import { mapChildren, visit } from '../expressions/children.ts'
import { expressionsOf, mapExpressions } from '../rewrite.ts'

/** What the statement's other parts are asked for. */
export interface Surroundings {
  newSource(): number
  /** The different values of the outer names, in the order of `outer`, again as a relation of its own. */
  values(): Kept
}

/**
 * A relation whose columns are the subquery's value (if it is looked at) and, last, the number of the outer values that
 * a row belongs to.
 */
export function rowsForEach(
  s: Subquery,
  wantsValue: boolean,
  around: Surroundings,
): { readonly plan: Project; readonly value: BoundExpr; readonly number: BoundExpr } {
  const project = s.plan.input
  if (project.kind !== 'project') unexpected('a subquery that is no relation')
  const spreading = new Spreading(s, around)
  const value = wantsValue ? [project.columns[0].expr] : []
  // The plan above reads all rows: without LIMIT their order does not matter.
  const rows = project.input.kind === 'sort' ? project.input.input : project.input
  const below = spreading.each(rows, spreading.outerIn(value))
  const source = around.newSource()
  const exprs = [...value.map(below.place), below.number]
  return {
    plan: {
      kind: 'project',
      source,
      input: below.plan,
      columns: exprs.map((expr, i) => ({ name: i < value.length ? project.columns[0].name : NUMBER, expr })),
    },
    value: { kind: 'column', source, index: 0, name: project.columns[0].name, type: exprs[0].type, span: s.span },
    number: numberOf(source, value.length),
  }
}

const NUMBER = 'number'

/** As EXPLAIN shows it. */
export function numberOf(source: number, index: number): BoundExpr {
  return { kind: 'column', source, index, name: NUMBER, type: INT }
}

/** A plan that gives its rows for each of the outer values. */
interface Each {
  readonly plan: Plan
  readonly number: BoundExpr
  /** What was an expression over the rows of the plan as it stood in the subquery, as one over these rows. */
  readonly place: (e: BoundExpr) => BoundExpr
}

/** Outer names, by their places among the values. */
type Wanted = ReadonlySet<number>

class Spreading {
  readonly #around: Surroundings
  readonly #outer: ReadonlyMap<string, number>
  readonly #types: readonly DataType[]

  constructor(s: Subquery, around: Surroundings) {
    this.#around = around
    this.#outer = new Map(s.outer.map((o, i) => [exprKey(o.ref), i]))
    this.#types = s.outer.map((o) => o.value.type)
  }

  /** Where an outer name stands among the values; of any other expression nothing. */
  #placeOf(e: BoundExpr): number | undefined {
    return 'source' in e ? this.#outer.get(exprKey(e)) : undefined
  }

  outerIn(exprs: readonly BoundExpr[]): Wanted {
    const found = new Set<number>()
    for (const e of exprs)
      visit(e, (x) => {
        const at = this.#placeOf(x)
        if (at !== undefined) found.add(at)
      })
    return found
  }

  #depends(plan: Plan): boolean {
    return this.outerIn(expressionsOf(plan)).size > 0 || inputs(plan).some((input) => this.#depends(input))
  }

  /** `wanted`: the outer names that expressions above the plan use. */
  each(plan: Plan, wanted: Wanted): Each {
    if (!this.#depends(plan)) return this.#beside(plan)
    const used = this.outerIn(expressionsOf(plan))
    const both = new Set([...wanted, ...used])
    switch (plan.kind) {
      case 'filter': {
        const input = this.each(plan.input, both)
        return { ...input, plan: filtered(input.plan, conjuncts(plan.predicate).map(input.place)) }
      }
      // Of a query in FROM: some aggregates depend on the order of rows.
      case 'sort': {
        const input = this.each(plan.input, both)
        return { ...input, plan: { ...(mapExpressions(plan, input.place) as Sort), input: input.plan } }
      }
      case 'limit': {
        const input = this.each(plan.input, wanted)
        return { ...input, plan: { ...plan, input: input.plan, each: input.number } }
      }
      case 'unnest': {
        const input = this.each(plan.input, both)
        return { ...input, plan: { ...plan, input: input.plan, array: input.place(plan.array) } }
      }
      case 'project':
        return this.#project(plan, wanted)
      case 'aggregate':
        return this.#aggregate(plan, wanted)
      case 'setOperation':
        return this.#sets(plan, wanted)
      case 'join':
        return this.#join(plan, wanted)
      default:
        unexpected(`${plan.kind} with outer names`)
    }
  }

  /** The outer values as a relation, and an outer name as its column. */
  #values(): { readonly plan: Kept; readonly number: BoundExpr; readonly column: ColumnOf } {
    const plan = this.#around.values()
    const { source } = plan
    return {
      plan,
      number: numberOf(source, 0),
      column: (at, e) => ({
        kind: 'column',
        source,
        index: at + 1,
        name: labelOf(e),
        type: this.#types[at],
        span: e.span,
      }),
    }
  }

  /** Outer names first: a slot is one of the subquery's own groups. */
  #placing(column: ColumnOf, slotAs: SlotAs): Each['place'] {
    const place = (e: BoundExpr): BoundExpr => {
      const at = this.#placeOf(e)
      if (at !== undefined) return column(at, e)
      return e.kind === 'slot' ? slotAs(e) : mapChildren(e, place)
    }
    return place
  }

  /**
   * Rows that do not depend on the outer values are the same for all of them. They stay on the left: their slots do not
   * move, and they flow while the values are held.
   */
  #beside(plan: Plan): Each {
    const values = this.#values()
    return {
      plan: { kind: 'join', type: 'inner', left: plan, right: values.plan, keys: [] },
      number: values.number,
      place: this.#placing(values.column, same),
    }
  }

  #project(plan: Project, wanted: Wanted): Each {
    const { source } = plan
    const input = this.each(plan.input, this.outerIn(expressionsOf(plan)))
    const own = plan.columns.map((c) => ({ ...c, expr: input.place(c.expr) }))
    const relation: Project = { ...plan, input: input.plan, columns: [...own, { name: NUMBER, expr: input.number }] }
    // The side of a set operation: its slots are looked at, and no name.
    if (source === undefined) return { plan: relation, number: slot(own.length, NUMBER, INT), place: same }
    return this.#withValues(relation, wanted, numberOf(source, own.length), same)
  }

  /** A relation that has the number; where outer names are wanted above, their values are put beside it. */
  #withValues(relation: Plan, wanted: Wanted, number: BoundExpr, slotAs: SlotAs): Each {
    const values = wanted.size === 0 ? undefined : this.#values()
    if (values === undefined) return { plan: relation, number, place: this.#placing((_, e) => e, slotAs) }
    const keys: Join['keys'] = [{ left: number, right: values.number, by: 'number' }]
    return {
      plan: { kind: 'join', type: 'inner', left: relation, right: values.plan, keys },
      number,
      place: this.#placing(values.column, slotAs),
    }
  }

  /**
   * Groups as a relation. Without GROUP BY there is a group also where there are no rows: its values are those of an
   * empty one.
   */
  #aggregate(plan: Aggregate, wanted: Wanted): Each {
    const input = this.each(plan.input, this.outerIn(expressionsOf(plan)))
    const placed = mapExpressions(plan, input.place) as Aggregate
    const first = plan.keys.length
    const source = this.#around.newSource()
    const names = [...plan.keys.map(labelOf), NUMBER, ...plan.aggregates.map((a) => a.text)]
    const types = [...plan.keys.map((k) => k.type), INT, ...plan.aggregates.map((a) => a.type)]
    const relation: Project = {
      kind: 'project',
      source,
      input: { ...placed, input: input.plan, keys: [...placed.keys, input.number] },
      columns: names.map((name, i) => ({ name, expr: slot(i, name, types[i]) })),
    }
    const number = numberOf(source, first)
    // Behind the keys stands the number.
    const column: SlotAs = (e) => ({ ...e, kind: 'column', source, index: e.index < first ? e.index : e.index + 1 })
    if (first > 0) return this.#withValues(relation, wanted, number, column)
    const values = this.#values()
    const all: Join = {
      kind: 'join',
      type: 'left',
      left: values.plan,
      right: relation,
      keys: [{ left: values.number, right: number, by: 'number' }],
    }
    return {
      plan: all,
      number: values.number,
      place: this.#placing(values.column, (e) => orEmpty(column(e), plan.aggregates[e.index])),
    }
  }

  #sets(plan: SetOperation, wanted: Wanted): Each {
    const sides = plan.sides.map((side) => this.#side(side))
    const first = plan.sides[0]
    const columns = first.kind === 'project' ? first.columns : []
    const source = this.#around.newSource()
    const exprs = [
      ...columns.map((c, i) => ({ name: c.name, expr: slot(i, c.name, c.expr.type) })),
      { name: NUMBER, expr: slot(columns.length, NUMBER, INT) },
    ]
    const relation: Project = { kind: 'project', source, input: { ...plan, sides }, columns: exprs }
    return this.#withValues(relation, wanted, numberOf(source, columns.length), (e) => ({
      ...e,
      kind: 'column',
      source,
    }))
  }

  /** All sides need the number, also one that is the same for all outer values. */
  #side(side: Plan): Plan {
    if (side.kind !== 'project') unexpected('a side of a set operation that is no projection')
    return this.#project(side, new Set()).plan
  }

  /**
   * The outer values come in on each side whose rows are all kept: a row that meets nothing belongs to some of them,
   * too.
   */
  #join(plan: Join, wanted: Wanted): Each {
    const { type } = plan
    const all = new Set([...wanted, ...this.outerIn(expressionsOf(plan))])
    const [inLeft, inRight] = [this.#depends(plan.left), this.#depends(plan.right)]
    const left =
      inLeft || type === 'left' || type === 'full' || (type === 'inner' && !inRight)
        ? this.each(plan.left, all)
        : undefined
    const right = inRight || type === 'right' || type === 'full' ? this.each(plan.right, all) : undefined
    const side = type === 'right' ? right : (left ?? right)
    if (side === undefined) unexpected('a join without outer values')
    const numbers: Join['keys'] =
      left === undefined || right === undefined ? [] : [{ left: left.number, right: right.number, by: 'number' }]
    const joined: Join = {
      ...plan,
      left: left?.plan ?? plan.left,
      right: right?.plan ?? plan.right,
      keys: [...plan.keys, ...numbers],
      residual: undefined,
    }
    const terms = plan.residual === undefined ? [] : conjuncts(plan.residual).map(side.place)
    if (type === 'inner') return { ...side, plan: filtered(joined, terms) }
    const whole = terms.length === 0 ? joined : { ...joined, residual: allOf(terms) }
    return type === 'full' && left !== undefined && right !== undefined
      ? this.#eitherSide(whole, left, right)
      : { ...side, plan: whole }
  }

  /** A row of a FULL JOIN has its outer values on the one side or on the other. */
  #eitherSide(plan: Plan, left: Each, right: Each): Each {
    const here = (e: BoundExpr): BoundExpr => ifNull(left.number, right.place(e), left.place(e))
    return {
      plan,
      number: ifNull(left.number, right.number, left.number),
      place: this.#placing((_, e) => here(e), same),
    }
  }
}

type ColumnOf = (at: number, e: BoundExpr) => BoundExpr
type SlotAs = (e: Extract<BoundExpr, { kind: 'slot' }>) => BoundExpr

function same(e: BoundExpr): BoundExpr {
  return e
}

/**
 * Terms that hold further subqueries stand above the others: those tie the rows to the outer values, and of what is
 * left fewer rows go on.
 */
function filtered(input: Plan, terms: readonly BoundExpr[]): Plan {
  const [plain, further] = [terms.filter((t) => !holdsQuery(t)), terms.filter(holdsQuery)]
  return [plain, further].reduce(
    (plan, some): Plan => (some.length === 0 ? plan : { kind: 'filter', input: plan, predicate: allOf(some) }),
    input,
  )
}

function holdsQuery(e: BoundExpr): boolean {
  let found = false
  visit(e, (x) => {
    if (x.kind === 'subquery' && x.outer.length > 0) found = true
  })
  return found
}

function slot(index: number, name: string, type: DataType): BoundExpr {
  return { kind: 'slot', index, name, type }
}

function labelOf(e: BoundExpr): string {
  if (e.kind === 'path') return e.path.steps.join('.') || '_value'
  return e.kind === 'column' || e.kind === 'slot' ? e.name : e.kind
}

export function ifNull(of: BoundExpr, then: BoundExpr, otherwise: BoundExpr): BoundExpr {
  const when: BoundExpr = { kind: 'isNull', operand: of, negated: false, type: BOOLEAN }
  return { kind: 'case', whens: [{ when, then }], otherwise, type: otherwise.type }
}

/** A count of nothing is 0, a collection of nothing is empty, any other aggregate of nothing is NULL. */
export function orEmpty(column: BoundExpr, aggregate: BoundAggregate): BoundExpr {
  const empty =
    aggregate.type.kind === 'array'
      ? []
      : aggregate.name === 'count' || aggregate.name === 'approx_count_distinct'
        ? 0
        : null
  return empty === null ? column : ifNull(column, { kind: 'constant', value: empty, type: column.type }, column)
}
