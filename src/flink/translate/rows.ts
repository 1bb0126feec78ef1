/**
 * A lowered plan as one SELECT of Flink: a SELECT for each operator, one inside of the other, columns named by position.
 * What Flink cannot do exactly is a Refusal.
 */
import { asType } from './carriers.ts'
import { type Columns, compared, translate } from './expression.ts'
import type { Aggregate, BoundExpr, Join, Plan, Scan, SetOperation } from '../../plan/plan.ts'
import { BOOLEAN, INT, JSON_TYPE, LONG, type DataType } from '../../types.ts'
import { keyOf, type Made, translateAggregate } from './aggregates.ts'
import { barrier, type FlinkSql, list, name, plainSql, sideOf, sql, staged } from './flink-sql.ts'
import { Refusal } from './refusal.ts'
import type { FlinkTable } from './tables.ts'
import { isWhole, nullOf, readCarrier, type Term } from './terms.ts'

/** Rows of a part of a plan: a SELECT whose columns are `c0`, `c1`, …, and what each slot of a row is made of. */
export interface FlinkRows {
  readonly sql: FlinkSql
  readonly slots: readonly Made[]
}

/** The table of a scan; each place of a statement has its own. */
export type TableOf = (scan: Scan) => FlinkTable

/** The rows of a lowered plan. */
export function translateRows(plan: Plan, tables: TableOf): FlinkRows {
  switch (plan.kind) {
    case 'project':
      return project(
        plan.columns.map(({ expr }) => expr),
        plan.input,
        tables,
      )
    case 'aggregate':
      return aggregate(plan, tables)
    case 'filter': {
      const below = translateRows(plan.input, tables)
      const condition = translate(plan.predicate, slotsOf(below))
      return { ...below, sql: filtered(below.sql, condition.sql, namesOf(below.slots)) }
    }
    case 'join':
      return join(plan, tables)
    case 'setOperation':
      return setOperation(plan, tables)
    case 'limit':
    case 'sort':
      throw new Refusal('ORDER BY and LIMIT are done here.')
    case 'values':
      throw new Refusal('Rows that are no topic are not handed over to Flink.')
    case 'unnest':
      throw new Refusal('LATERAL is not handed over to Flink: its lists of JSON lose the types of their items.')
    case 'latest':
      throw new Refusal('The last record of each key (LATEST) is not handed over to Flink.')
    case 'share':
    case 'kept':
      throw new Refusal('A correlated subquery that no equation ties is not handed over to Flink.')
    case 'foreign':
    case 'scan':
    case 'output':
      throw new Refusal(`Rows of ${plan.kind} are not handed over to Flink.`)
  }
}

function column(i: number): FlinkSql {
  return name(`c${i}`)
}

/** A slot of rows that are below an operator. `prefix`: the alias of the rows, of a join. */
function slotsOf({ slots }: FlinkRows, prefix?: FlinkSql, from = 0): Columns {
  const starts = startsOf(slots)
  return (e) => {
    if (e.kind !== 'slot') throw new Refusal(`A ${e.kind} stands above rows.`)
    const slot = slots[e.index - from]
    if (slot.term === undefined) throw new Refusal('The value is put together here, behind Flink.', e.span)
    const named = column(starts[e.index - from])
    return { ...slot.term, sql: prefix === undefined ? named : sql`${prefix}.${named}` }
  }
}

/** The rows for which a condition is true, with their own columns only. */
export function filtered(rows: FlinkSql, condition: FlinkSql, columns: FlinkSql): FlinkSql {
  return plainSql(sql`SELECT ${columns} FROM (${staged(rows, [condition])}) WHERE ${condition}`)
}

/** The columns of rows by their names. */
function namesOf(slots: readonly Made[]): FlinkSql {
  const width = slots.reduce((n, { columns }) => n + columns.length, 0)
  return list(
    Array.from({ length: Math.max(1, width) }, (_, i) => column(i)),
    ', ',
  )
}

/** Number of the first column of each slot. */
function startsOf(slots: readonly Made[]): number[] {
  const starts: number[] = []
  let next = 0
  for (const { columns } of slots) {
    starts.push(next)
    next += columns.length
  }
  return starts
}

/** A value in one column. */
export function made(term: Term): Made {
  const { type } = term
  return {
    type,
    columns: [term.sql],
    term: { type, digits: term.digits },
    read: ([said]) => (said === null ? null : readCarrier(said, type)),
  }
}

/** The columns of slots, named by position; one at least. */
function byPosition(slots: readonly Made[]): FlinkSql {
  const columns = slots.flatMap((slot) => slot.columns).map((each, i) => sql`${each} AS ${column(i)}`)
  return columns.length === 0 ? sql`1 AS ${column(0)}` : list(columns, ', ')
}

/** Rows made of other rows. `grouped`: what they are grouped by. */
function select(slots: readonly Made[], from: FlinkSql, grouped: readonly FlinkSql[] = []): FlinkRows {
  const columns = byPosition(slots)
  const behind = grouped.length === 0 ? sql`` : sql` GROUP BY ${list(grouped, ', ')}`
  return {
    sql: plainSql(sql`SELECT ${columns} FROM (${staged(from, [columns, behind])})${behind}`),
    slots,
  }
}

/** What stands directly above a scan reads its records; its condition is tested first. */
function over(input: Plan, tables: TableOf): { columns: Columns; from: () => FlinkSql } {
  if (input.kind !== 'scan') {
    const below = translateRows(input, tables)
    return { columns: slotsOf(below), from: () => below.sql }
  }
  const table = tables(input)
  const columns: Columns = (e) => table.reference(e)
  const condition = input.where === undefined ? undefined : translate(input.where, columns)
  return {
    columns,
    from: () => {
      const rows = table.rows()
      return condition === undefined ? rows : filtered(rows, condition.sql, table.names())
    },
  }
}

function project(exprs: readonly BoundExpr[], input: Plan, tables: TableOf): FlinkRows {
  const { columns, from } = over(input, tables)
  const slots = exprs.map((e) => {
    const term = e.kind === 'constant' && e.value === null ? nullOf(e.type) : translate(e, columns)
    const typed = term.type.kind === 'json' || e.type.kind !== 'json' ? term : asType(term, e.type)
    return made({ ...typed, sql: barrier(typed.sql) })
  })
  return select(slots, from())
}

function aggregate(plan: Aggregate, tables: TableOf): FlinkRows {
  if (plan.windows !== undefined) throw new Refusal('Windows of a query that follows stay here.')
  const { columns, from } = over(plan.input, tables)
  const keys = plan.keys.map((key) => keyOf(translate(key, columns)))
  const aggregates = plan.aggregates.map((a) => translateAggregate(a, columns))
  return select(
    [...keys.map(made), ...aggregates],
    from(),
    keys.map((key) => key.sql),
  )
}

function join(plan: Join, tables: TableOf): FlinkRows {
  if (plan.type === 'mark') return marked(plan, tables)
  if (plan.first === true) throw new Refusal('A join with the first partner is not handed over to Flink.')
  const [left, right] = [translateRows(plan.left, tables), translateRows(plan.right, tables)]
  const [a, b] = [name('a'), name('b')]
  const width = left.slots.length
  const [ofLeft, ofRight] = [slotsOf(left, a), slotsOf(right, b)]
  const conditions = plan.keys.map((key) => {
    const [x, y] = [translate(key.left, ofLeft), translate(key.right, ofRight)]
    // What each side needs for itself is computed below the join.
    return compared('=', key.by, x, y, { left: key.left, right: key.right })
  })
  if (plan.residual !== undefined) {
    const both: Columns = (e) => (e.kind === 'slot' && e.index >= width ? slotsOf(right, b, width)(e) : ofLeft(e))
    conditions.push(translate(plan.residual, both).sql)
  }
  const on = conditions.length === 0 ? sql`TRUE` : list(conditions, ' AND ')
  const needs = (alias: 'a' | 'b') => sideOf(on, alias)
  const type = JOINS[plan.type]
  const slots = [...renamed(left.slots, a), ...renamed(right.slots, b)]
  const columns = byPosition(slots)
  const partners = plan.type === 'single' ? alone(right, plan) : right.sql
  const [x, y] = [staged(left.sql, [needs('a')], 'a'), staged(partners, [needs('b')], 'b')]
  return {
    sql: plainSql(sql`SELECT ${columns} FROM (${x}) AS ${a} ${type} JOIN (${y}) AS ${b} ON ${on}`),
    slots,
  }
}

const JOINS = {
  inner: sql`INNER`,
  left: sql`LEFT`,
  right: sql`RIGHT`,
  full: sql`FULL`,
  single: sql`LEFT`,
}

/** The right side of a join in which a second partner is an error: it has one row for each key by what it is made of. */
function alone(right: FlinkRows, plan: Join): FlinkSql {
  let below = plan.right
  let slots = plan.keys.map(({ right: key }) => (key.kind === 'slot' ? key.index : -1))
  while (below.kind === 'project' || below.kind === 'filter') {
    if (below.kind === 'project') {
      const { columns } = below
      slots = slots.map((i) => {
        const e = columns[i]?.expr
        return e?.kind === 'slot' ? e.index : -1
      })
    }
    below = below.input
  }
  const isUnique =
    below.kind === 'aggregate' &&
    below.keys.every((_, i) => slots.includes(i)) &&
    (below.keys.length > 0 || slots.length === 0)
  if (!isUnique)
    throw new Refusal('A subquery that may give several rows for one is not handed over to Flink.', plan.span)
  return right.sql
}

/** Each left row, with whether it has a partner. */
function marked(plan: Join, tables: TableOf): FlinkRows {
  if (plan.mark?.value !== undefined && plan.residual === undefined && plan.keys.length === 0)
    return member(plan, plan.mark.value, tables)
  if (plan.mark?.value !== undefined || plan.residual !== undefined)
    throw new Refusal('IN with a subquery that may have NULLs is not handed over to Flink.', plan.span, 'Write EXISTS.')
  const [left, right] = [translateRows(plan.left, tables), translateRows(plan.right, tables)]
  const [a, b] = [name('a'), name('b')]
  const [ofLeft, ofRight] = [slotsOf(left, a), slotsOf(right)]
  const keys = plan.keys.map((key) => {
    const [x, y] = [translate(key.left, ofLeft), translate(key.right, ofRight)]
    return alike(x, y, plan)
  })
  const named = keys.map(([, y], i) => sql`${y.sql} AS ${name(`k${i}`)}`)
  const groups = list(
    keys.map((_, i) => name(`k${i}`)),
    ', ',
  )
  const members = keys.length === 0 ? sql`1 AS k0` : list(named, ', ')
  const inner = sql`SELECT ${members} FROM (${staged(right.sql, [members])})`
  const distinct = plainSql(
    keys.length === 0
      ? sql`SELECT TRUE AS m FROM (${inner}) LIMIT 1`
      : sql`SELECT ${groups}, TRUE AS m FROM (${inner}) GROUP BY ${groups}`,
  )
  const on = list(
    keys.map(([x], i) => sql`${x.sql} = ${b}.${name(`k${i}`)}`),
    ' AND ',
  )
  const slots = [...renamed(left.slots, a), made({ sql: sql`(${b}.m IS NOT NULL)`, type: BOOLEAN })]
  return {
    sql: plainSql(
      sql`SELECT ${byPosition(slots)} FROM (${staged(left.sql, [on], 'a')}) AS ${a} LEFT JOIN (${distinct}) AS ${b} ON ${keys.length === 0 ? sql`TRUE` : on}`,
    ),
    slots,
  }
}

/** SQL's IN over the rows of a subquery that depends on nothing: NULL where neither side says yes or no. */
function member(plan: Join, { left: what, right: which }: MarkValue, tables: TableOf): FlinkRows {
  const [left, right] = [translateRows(plan.left, tables), translateRows(plan.right, tables)]
  const [a, b, c] = [name('a'), name('b'), name('c')]
  const [x, y] = [translate(what, slotsOf(left, a)), translate(which, slotsOf(right))]
  const [mine, theirs] = alike(x, y, plan).map((term) => term.sql)
  const from = sql`FROM (${staged(right.sql, [theirs])})`
  const values = plainSql(sql`SELECT ${theirs} AS v, TRUE AS m ${from} GROUP BY ${theirs}`)
  const counts = plainSql(sql`SELECT COUNT(*) AS n, COUNT(${theirs}) AS nn ${from}`)
  const unknown = sql`${mine} IS NULL OR ${c}.nn < ${c}.n`
  const mark = sql`CASE WHEN ${c}.n = 0 THEN FALSE WHEN ${b}.m THEN TRUE WHEN ${unknown} THEN CAST(NULL AS BOOLEAN) ELSE FALSE END`
  const slots = [...renamed(left.slots, a), made({ sql: mark, type: BOOLEAN })]
  const tested = staged(left.sql, [mine], 'a')
  return {
    sql: plainSql(
      sql`SELECT ${byPosition(slots)} FROM (${tested}) AS ${a} CROSS JOIN (${counts}) AS ${c} LEFT JOIN (${values}) AS ${b} ON ${mine} = ${b}.v`,
    ),
    slots,
  }
}

type MarkValue = NonNullable<NonNullable<Join['mark']>['value']>

/** Two values as keys that are equal where the values are. */
function alike(x: Term, y: Term, { span }: Join): [Term, Term] {
  if (x.type.kind === 'json' || y.type.kind === 'json')
    return [keyOf(asType(x, JSON_TYPE)), keyOf(asType(y, JSON_TYPE))]
  if (x.type.kind !== y.type.kind && !(isWhole(x.type) && isWhole(y.type)))
    throw new Refusal('IN and EXISTS over values of unlike types are not handed over to Flink.', span)
  return [keyOf(x), keyOf(y)]
}

/** Slots as they are called by rows around. */
function renamed(slots: readonly Made[], prefix: FlinkSql): Made[] {
  const starts = startsOf(slots)
  return slots.map((slot, i) => ({
    ...slot,
    columns: slot.columns.map((_, at) => sql`${prefix}.${column(starts[i] + at)}`),
  }))
}

function setOperation(plan: SetOperation, tables: TableOf): FlinkRows {
  const sides = plan.sides.map((side) => translateRows(side, tables))
  const types = sides[0].slots.map(({ type }, i) =>
    common(
      sides.map(({ slots }) => slots[i].type),
      type,
    ),
  )
  const brought = sides.map((side) => {
    const slot = slotsOf(side)
    const slots = types.map((type, index) => {
      const term = slot({ kind: 'slot', index, name: '', type })
      return made(plan.op === 'union' && plan.all ? asType(term, type) : keyOf(asType(term, type)))
    })
    return select(slots, side.sql)
  })
  const all = plan.all ? sql` ALL ` : sql` `
  const op = { union: sql` UNION`, except: sql` EXCEPT`, intersect: sql` INTERSECT` }[plan.op]
  const [first, ...rest] = brought.map((each) => sql`(${each.sql})`)
  const together = rest.reduce((sum, each) => sql`${sum}${op}${all}${each}`, first)
  const columns = types.length === 0 ? [column(0)] : types.map((_, i) => column(i))
  return {
    sql: plainSql(sql`SELECT ${list(columns, ', ')} FROM (${together})`),
    slots: brought[0].slots.map((slot, i) => ({ ...slot, columns: [column(i)] })),
  }
}

/** The type in which the sides of a set operation meet, which the binder has brought together already. */
function common(types: readonly DataType[], first: DataType): DataType {
  const known = types.filter(({ kind }) => kind !== 'null')
  if (known.length === 0) return first
  if (known.every((type) => isWhole(type))) return known.find((type) => type.kind !== 'int') ?? INT
  if (known.some(({ kind }) => kind === 'json')) return known.find(({ kind }) => kind === 'json') ?? LONG
  return known[0]
}
