/**
 * A lowered plan as one SELECT of Flink: a SELECT for each operator, one inside of the other, columns named by position.
 * What Flink cannot do exactly is a Refusal.
 */
import { asType, DIFFERENT_PLACES, digitsAmong, meeting, placesFrom } from '../carriers.ts'
import { type Columns, translate, translateAny, translateCondition } from '../expressions/expression.ts'
import { mapChildren } from '../../../plan/expressions/children.ts'
import { there } from '../../../lib/assert.ts'
import type {
  Aggregate,
  BoundExpr,
  Join,
  Kept,
  Latest,
  Plan,
  Scan,
  SetOperation,
  Share,
  Unnest,
} from '../../../plan/plan.ts'
import { INT, JSON_TYPE, LONG, type DataType } from '../../../types.ts'
import { apart, keyOf, type Made, translateAggregate, typeOf } from '../aggregates.ts'
import { hopOf } from '../expressions/windows.ts'
import {
  barrier,
  type FlinkSql,
  list,
  name,
  once,
  ordering,
  plainSql,
  sideOf,
  sql,
  staged,
  standingFor,
} from '../flink-sql.ts'
import { canonicalItem, isDoubleItem, itemsOf } from '../json.ts'
import { marked } from './marks.ts'
import { Refusal } from '../refusal.ts'
import {
  byPosition,
  column,
  conditionsOf,
  filtered,
  type FlinkRows,
  inPlace,
  made,
  madeWithMark,
  madeWithPlaces,
  namesOf,
  numberOf,
  renamed,
  select,
  slotsOf,
  startsOf,
} from './slots.ts'
import { DONE_HERE, firstPartners, limited, sortBelow } from './limited.ts'
import type { FlinkTable } from '../records/tables.ts'
import { guard, isWhole, nullOf, type Term, toText } from '../terms.ts'
import { isUnique, keySlots } from './unique.ts'

/** The table of a scan; each place of a statement has its own. */
export type TableOf = (scan: Scan) => FlinkTable

/** What is known where a part of a plan stands: the tables, and the shares around it by their ids. */
export interface Within {
  readonly tables: TableOf
  readonly shares: ReadonlyMap<number, SharedRows>
  /** The statement divides JSON numbers: those go with their marks. */
  readonly marks: boolean
}

/** Rows of a share, and what stands behind them: the expressions whose values are told apart. */
interface SharedRows {
  readonly input: FlinkRows
  readonly sets: Share['sets']
}

/** The rows of a lowered plan. */
export function translateRows(plan: Plan, within: Within): FlinkRows {
  switch (plan.kind) {
    case 'project':
      return projected(
        plan.columns.map(({ expr }) => expr),
        over(plan.input, within),
        within,
      )
    case 'aggregate':
      return aggregate(plan, within)
    case 'filter': {
      const below = translateRows(plan.input, within)
      const condition = translateCondition(plan.predicate, slotsOf(below))
      return { ...below, sql: filtered(below.sql, condition, namesOf(below.slots)) }
    }
    case 'join':
      return join(plan, within)
    case 'setOperation':
      return setOperation(plan, within)
    case 'share': {
      const shared = { input: translateRows(plan.input, within), sets: plan.sets }
      return translateRows(plan.body, { ...within, shares: new Map(within.shares).set(plan.id, shared) })
    }
    case 'kept':
      return keptRows(plan, within)
    case 'latest':
      return latest(plan, within)
    case 'limit': {
      const sort = sortBelow(plan)
      return limited(plan, plan.each === undefined ? [] : [plan.each], sort, translateRows(sort.input, within))
    }
    case 'sort':
      // Nothing above it sees in which order rows come: what does is not handed over.
      if (plan.input.kind === 'scan') throw new Refusal(DONE_HERE)
      return translateRows(plan.input, within)
    case 'values':
      throw new Refusal('Rows that are no topic are not handed over to Flink.')
    case 'unnest':
      return unnest(plan, within)
    case 'foreign':
    case 'scan':
    case 'output':
      throw new Refusal(`Rows of ${plan.kind} are not handed over to Flink.`)
  }
}

interface Below {
  readonly columns: Columns
  /** What an expression is that goes on as it is, and of which only the way back makes a value. */
  readonly carried: (e: BoundExpr) => Made | undefined
  /** To be called once all columns were asked for. */
  readonly from: () => FlinkSql
}

/** What stands directly above a scan reads its records; its condition is tested first. */
function over(input: Plan, within: Within): Below {
  if (input.kind !== 'scan') return belowOf(translateRows(input, within))
  const table = within.tables(input)
  const columns: Columns = (e) => table.reference(e)
  const condition = input.where === undefined ? undefined : translateCondition(input.where, columns)
  return {
    columns,
    carried: table.whole,
    from: () => {
      const rows = table.rows()
      return condition === undefined ? rows : filtered(rows, condition, table.names())
    },
  }
}

function belowOf(rows: FlinkRows): Below {
  const slots = inPlace(rows.slots)
  return {
    columns: slotsOf(rows),
    carried: (e) => {
      const slot = e.kind === 'slot' ? slots[e.index] : undefined
      return slot?.term === undefined || slot.carrier !== undefined ? slot : undefined
    },
    from: () => rows.sql,
  }
}

function projected(exprs: readonly BoundExpr[], { columns, carried, from }: Below, within: Within): FlinkRows {
  const slots = exprs.map((e) => carried(e) ?? oneColumn(e, columns, within))
  return select(slots, from())
}

function oneColumn(e: BoundExpr, columns: Columns, { marks }: Within): Made {
  const term = e.kind === 'constant' && e.value === null ? nullOf(e.type) : translateAny(e, columns)
  const typed = term.type.kind === 'json' || e.type.kind !== 'json' ? term : asType(term, e.type)
  const value = { ...typed, sql: barrier(typed.sql) }
  if (term.places !== undefined) return madeWithPlaces(value, barrier(term.places()))
  return marks ? madeWithMark(value) : made(value)
}

/**
 * Rows of a share. The number of some values is a text that says them: equal for equal ones, wherever it is made.
 */
function keptRows({ share, set }: Kept, { shares }: Within): FlinkRows {
  const { input, sets } = there(shares.get(share), 'kept rows stand inside of their share')
  const columns = slotsOf(input)
  const valuesOf = (exprs: readonly BoundExpr[]): Term[] => exprs.map((e) => translate(e, columns))
  if (set === undefined)
    return select([...inPlace(input.slots), ...sets.map((each) => made(numberOf(valuesOf(each))))], input.sql)
  const values = valuesOf(sets[set])
  const rows = select([made(numberOf(values)), ...values.map(made)], input.sql)
  return { ...rows, sql: sql`SELECT DISTINCT ${namesOf(rows.slots)} FROM (${rows.sql})`, slots: inPlace(rows.slots) }
}

/** A row for each item of a list of JSON, or for each window of HOP. */
function unnest(plan: Unnest, within: Within): FlinkRows {
  const { array } = plan
  if (array.kind !== 'function' || array.fn.name !== 'hop') return items(plan, within)
  const left = translateRows(plan.input, within)
  const [a, w] = [name('a'), name('w')]
  const { size, slide, at, last, most, millis } = hopOf(array, translate(array.args[0], slotsOf(left, a)))
  const start = sql`(${last} - ${w}.k * ${slide})`
  const steps = list(
    Array.from({ length: most }, (_, k) => sql`(CAST(${k} AS BIGINT))`),
    ', ',
  )
  // A row without a moment is in no window, which is one of NULL.
  const where = sql`${ordering(sql`${start} + ${size}`, '>', at)} OR (${at} IS NULL AND ${w}.k = 0)`
  const count = made({ sql: barrier(start), type: LONG })
  const slots = [...renamed(left.slots, a), count]
  const rows = staged(left.sql, [at, last], 'a', namesOf(left.slots))
  const counted = plainSql(
    sql`SELECT ${byPosition(slots)} FROM (${rows}) AS ${a} CROSS JOIN (VALUES ${steps}) AS ${w}(k) WHERE ${where}`,
  )
  const begins = column(startsOf(slots)[left.slots.length])
  const item = made({ sql: barrier(millis(begins)), type: { kind: 'timestamp', unit: 'millis' } })
  return select([...inPlace(left.slots), item], counted)
}

function items({ array, input }: Unnest, within: Within): FlinkRows {
  const left = translateRows(input, within)
  const of = translate(array, slotsOf(left))
  if (of.type.kind !== 'json') throw new Refusal('LATERAL of anything but JSON is not handed over to Flink.')
  const [a, t, x] = [name('a'), name('t'), name('x')]
  const list = once(itemsOf(of.sql))
  const columns = namesOf(left.slots)
  const from = sql`(${staged(left.sql, [list], 'a', columns)}) AS ${a} CROSS JOIN UNNEST(${a}.${list}) AS ${t}(${x})`
  const exploded = plainSql(sql`SELECT ${columns}, ${x} FROM ${from}`)
  const item = { sql: barrier(canonicalItem(x)), type: JSON_TYPE, mark: () => isDoubleItem(x) }
  return select([...inPlace(left.slots), within.marks ? madeWithMark(item) : made(item)], exploded)
}

/** The last record of each key of a partition, unless it is a tombstone: over records, whose offsets say which it is. */
function latest(plan: Latest, within: Within): FlinkRows {
  const { input } = plan
  if (input.kind !== 'project' || input.input.kind !== 'scan')
    throw new Refusal('LATEST of rows that are no records is not handed over to Flink.')
  const { columns, carried, from } = over(input.input, within)
  const slots = input.columns.map(({ expr }) => carried(expr) ?? oneColumn(expr, columns, within))
  const offset = columns({ ...OFFSET, source: input.input.source })
  const rows = select([...slots, made(offset)], from())
  const of = slotsOf(rows)
  const [key, partition, alive] = [plan.key, plan.partition, plan.alive].map((e) => translate(e, of))
  const last = column(startsOf(rows.slots)[slots.length])
  const place = sql`ROW_NUMBER() OVER (PARTITION BY ${partition.sql}, ${apart(keyOf(key)).sql} ORDER BY ${last} DESC)`
  const kept = namesOf(slots)
  const ranked = sql`SELECT ${kept}, (${alive.sql}) AS alive, ${place} AS place FROM (${staged(rows.sql, [place, alive.sql], 'q', sql`${kept}, ${key.sql}`)}) WHERE ${key.sql} IS NOT NULL`
  return { sql: plainSql(sql`SELECT ${kept} FROM (${ranked}) WHERE place = 1 AND alive`), slots: inPlace(slots) }
}

const OFFSET = { kind: 'path', path: { facet: 'meta', steps: ['offset'] }, type: LONG } as const

function aggregate(plan: Aggregate, within: Within): FlinkRows {
  if (plan.windows !== undefined) throw new Refusal('Windows of a query that follows stay here.')
  const { columns, from } = over(plan.input, within)
  const keys = plan.keys.map((key) => keyOf(translateAny(key, columns)))
  // One key alone is sorted by its bits.
  const by = keys.map((key) => (keys.length > 1 ? apart(key) : key).sql)
  const shown = keys.map((key, i) => (by[i] === key.sql ? key : { ...key, sql: sql`CAST(${by[i]} AS ${typeOf(key)})` }))
  const aggregates = plan.aggregates.map((a) => translateAggregate(a, columns, within.marks, by))
  return select([...shown.map((key) => groupKey(key, within)), ...aggregates], from(), by)
}

function groupKey(key: Term, { marks }: Within): Made {
  if (key.places === undefined) return marks ? keyWithMark(key) : made(key)
  const places = once(key.places())
  const several = guard('a group has decimals of different places', sql`CAST(MAX(${places}) AS STRING)`, sql`INT`)
  return madeWithPlaces(key, sql`CASE WHEN MIN(${places}) <> MAX(${places}) THEN ${several} ELSE MAX(${places}) END`)
}

/** The key of a group with its mark; a group of whole numbers and of doubles ends the job. */
function keyWithMark(key: Term): Made {
  if (key.mark === undefined) return made(key)
  const mark = once(sql`CASE WHEN ${key.mark()} THEN 1 ELSE 0 END`)
  const both = guard('a group has whole numbers and doubles', sql`CAST(MAX(${mark}) AS STRING)`, sql`BOOLEAN`)
  const one = sql`CASE WHEN MIN(${mark}) <> MAX(${mark}) THEN ${both} ELSE MAX(${mark}) = 1 END`
  return madeWithMark({ ...key, mark: () => one })
}

function join(plan: Join, within: Within): FlinkRows {
  if (plan.type === 'mark') return marked(plan, translateRows(plan.left, within), translateRows(plan.right, within))
  if (plan.first === true) return withFirst(plan, within)
  const isCounted = plan.type === 'single' && !isUnique(plan.right, new Set(keySlots(plan, 'right')))
  if (isCounted && (plan.keys.length === 0 || plan.residual !== undefined))
    throw new Refusal('A subquery that may give several rows for one is not handed over to Flink.', plan.span)
  const [left, partners] = [translateRows(plan.left, within), translateRows(plan.right, within)]
  const right = isCounted ? counted(partners, plan) : partners
  try {
    return pairs({ ...plan, type: plan.type }, left, right, isCounted ? [oneOnly(plan, left)] : [])
  } catch (cause) {
    if (!(cause instanceof Refusal) || plan.type !== 'inner' || plan.residual === undefined) throw cause
    // What needs both sides at once is computed over their pairs.
    const all = pairs({ ...plan, type: plan.type, residual: undefined }, left, right, [])
    const condition = translateCondition(plan.residual, slotsOf(all))
    return { sql: filtered(all.sql, condition, namesOf(all.slots)), slots: inPlace(all.slots) }
  }
}

/** The right side is columns of sorted rows: of these each key keeps the first, and the columns are made of that. */
function withFirst(plan: Join, within: Within): FlinkRows {
  const { right } = plan
  const sort = right.kind === 'project' ? right.input : right
  if (sort.kind !== 'sort' || plan.residual !== undefined || sort.input.kind === 'scan')
    throw new Refusal('A join with the first partner is not handed over to Flink.', plan.span, 'Write an ORDER BY.')
  const sorted = translateRows(sort.input, within)
  const columns = right.kind === 'project' ? right.columns.map(({ expr }) => expr) : undefined
  const below = (e: BoundExpr): BoundExpr => (e.kind === 'slot' && columns ? columns[e.index] : mapChildren(e, below))
  const first = firstPartners(plan, sort, sorted, below)
  const partners = columns === undefined ? first : projected(columns, belowOf(first), within)
  return pairs({ ...plan, type: 'single' }, translateRows(plan.left, within), partners, [])
}

/**
 * Always true, which the planner does not know. Where nothing but TRUE is between two sides, also because each condition is
 * tested below the join, it counts on each side first (`AggregateJoinTranspose`), and a side without rows and without a
 * key of the group becomes one row.
 */
const EACH_WITH_EACH = sql`IF(RAND_INTEGER(1) = 0, TRUE, ${firstOf('a')} = ${firstOf('b')})`

/** Something of a side that the planner takes for no constant. */
function firstOf(side: 'a' | 'b'): FlinkSql {
  return once(sql`(${name(side)}.${column(0)} IS NULL)`)
}

function pairs(plan: PlainJoin, left: FlinkRows, right: FlinkRows, further: readonly FlinkSql[]): FlinkRows {
  const [a, b] = [name('a'), name('b')]
  const keyless = plan.keys.length === 0 ? [EACH_WITH_EACH] : []
  const on = list([...keyless, ...conditionsOf(plan, left, right), ...further], ' AND ')
  const needs = (alias: 'a' | 'b') => sideOf(on, alias)
  const slots = [...renamed(left.slots, a), ...renamed(right.slots, b)]
  const columns = byPosition(slots)
  // Those that are counted have their number.
  const partners = further.length === 0 ? namesOf(right.slots) : sql`${namesOf(right.slots)}, ${name('n')}`
  const [x, y] = [
    staged(left.sql, [needs('a')], 'a', namesOf(left.slots)),
    staged(right.sql, [needs('b')], 'b', partners),
  ]
  const sides = joined(plan, sql`(${x}) AS ${a}`, sql`(${y}) AS ${b}`)
  return { sql: plainSql(sql`SELECT ${columns} FROM ${sides} ON ${on}`), slots }
}

/**
 * Where each side is one row (a group without a key), Flink holds the left one and forgets it where the right one is no
 * partner (`BatchPhysicalSingleRowJoinRule`, `NestedLoopJoinCodeGenerator`): it has to be the other side.
 */
function joined({ type, left, right }: PlainJoin, a: FlinkSql, b: FlinkSql): FlinkSql {
  const isOne = (side: Plan): boolean => isUnique(side, new Set())
  return JOINS[type] === JOINS.left && isOne(left) && isOne(right)
    ? sql`${b} RIGHT JOIN ${a}`
    : sql`${a} ${JOINS[type]} JOIN ${b}`
}

type PlainJoin = Join & { readonly type: keyof typeof JOINS }

/** Rows with the number of those that have the same keys as further column `n`. */
function counted(rows: FlinkRows, { keys }: Join): FlinkRows {
  const of = slotsOf(rows)
  const by = list(
    keys.map(({ right }) => apart(keyOf(translate(right, of))).sql),
    ', ',
  )
  const n = sql`COUNT(*) OVER (PARTITION BY ${by}) AS n`
  return {
    ...rows,
    sql: plainSql(sql`SELECT ${namesOf(rows.slots)}, ${n} FROM (${staged(rows.sql, [by], 'q', namesOf(rows.slots))})`),
  }
}

/** A second partner ends the job: tested with the row that has found it, as what nobody asks for may have several. */
function oneOnly({ keys }: Join, left: FlinkRows): FlinkSql {
  const said = toText(translate(keys[0].left, slotsOf(left, name('a'))))
  return sql`CASE WHEN ${ordering(sql`${name('b')}.n`, '>', sql`1`)} THEN ${guard('a subquery gives more than one row', said, sql`BOOLEAN`)} ELSE TRUE END`
}

const LEFT = sql`LEFT`
const JOINS = {
  inner: sql`INNER`,
  left: LEFT,
  right: sql`RIGHT`,
  full: sql`FULL`,
  single: LEFT,
}

function setOperation(plan: SetOperation, within: Within): FlinkRows {
  const sides = plan.sides.map((side) => translateRows(side, within))
  const sizes = sides[0].slots.map((_, i) =>
    sides.map(({ slots }) => ({ type: slots[i].type, digits: slots[i].term?.digits })),
  )
  const types = sizes.map((of, i) => common(of, sides[0].slots[i].type))
  // Whole JSON values that only go through stay the texts that they are.
  const isBag = plan.op === 'union' && plan.all
  const isCarried = types.map((_, i) => isBag && sides.every(({ slots }) => slots[i].carrier !== undefined))
  const brought = sides.map((side) => {
    const slot = slotsOf(side)
    const own = inPlace(side.slots)
    const slots = types.map((type, index) => {
      if (isCarried[index]) return own[index]
      const term = slot({ kind: 'slot', index, name: '', type })
      if (placesFrom([term], type, ([places]) => places) !== undefined) throw new Refusal(DIFFERENT_PLACES)
      if (isBag) return made(asType(term, type))
      const key = keyOf(asType(term, type))
      return made(types.length > 1 ? apart(key) : key)
    })
    return select(slots, side.sql)
  })
  const columns = types.length === 0 ? [column(0)] : types.map((_, i) => column(i))
  const rows = brought.map((each) => each.sql)
  return backFromTexts(
    {
      sql: plan.op === 'union' ? united(rows, columns, plan.all) : found(plan, rows, columns),
      slots: brought[0].slots.map((slot, i) => ({
        ...slot,
        ...sized(slot, sizes[i]),
        columns: [heaviest(brought, i)],
      })),
    },
    types,
  )
}

/** Rows in which doubles are texts (`apart`), with doubles again. */
function backFromTexts(rows: FlinkRows, types: readonly DataType[]): FlinkRows {
  const isText = types.map(({ kind }, i) => rows.slots[i].type.kind !== kind)
  if (!isText.includes(true)) return rows
  const back = (type: DataType, i: number) =>
    made({ type, sql: sql`CAST(${column(i)} AS ${typeOf({ type, sql: column(i) })})` })
  return select(
    inPlace(rows.slots).map((slot, i) => (isText[i] ? back(types[i], i) : slot)),
    rows.sql,
  )
}

/** A whole number of a set has as many digits as that of the side with the most. */
function sized({ term }: Made, of: readonly Pick<Term, 'type' | 'digits'>[]): Pick<Made, 'term'> {
  return term === undefined ? {} : { term: { ...term, digits: digitsAmong(of, term.type) } }
}

/** A column of a set: it weighs as much as that of the heaviest side. */
function heaviest(sides: readonly FlinkRows[], i: number): FlinkSql {
  const columns = sides.map(({ slots }) => slots[i].columns[0])
  return standingFor(
    column(i),
    columns.reduce((most, each) => (each.weight > most.weight ? each : most)),
  )
}

function united(sides: readonly FlinkSql[], columns: readonly FlinkSql[], all: boolean): FlinkSql {
  const together = list(
    sides.map((side) => sql`(${side})`),
    ' UNION ALL ',
  )
  return plainSql(sql`SELECT ${all ? sql`` : sql`DISTINCT `}${list(columns, ', ')} FROM (${together})`)
}

/**
 * EXCEPT and INTERSECT: all rows together, each with its side; of those that are alike, which sides there are says it.
 * Flink's own joins for them lose rows where a side has one row at most, and below a DISTINCT. With ALL, rows of a side
 * that are alike are numbered, and so no two are.
 */
function found({ op, all }: SetOperation, sides: readonly FlinkSql[], columns: readonly FlinkSql[]): FlinkSql {
  if (all && sides.length > 2) throw new Refusal('EXCEPT ALL and INTERSECT ALL of more than two are not handed over.')
  const named = list(columns, ', ')
  const alike = all ? sql`${named}, place` : named
  const tagged = sides.map(
    (side, i) => sql`SELECT ${alike}, ${i} AS side FROM (${all ? numbered(side, columns) : side})`,
  )
  const last = BigInt(sides.length)
  const wanted = op === 'except' ? sql`MAX(side) = 0` : sql`COUNT(DISTINCT side) = ${last}`
  return plainSql(sql`SELECT ${named} FROM (${list(tagged, ' UNION ALL ')}) GROUP BY ${alike} HAVING ${wanted}`)
}

/** Rows with a number among those that are alike. */
function numbered(rows: FlinkSql, columns: readonly FlinkSql[]): FlinkSql {
  const named = list(columns, ', ')
  // Any order will do, but a constant is none for Flink.
  const rolled = sql`SELECT ${named}, RAND_INTEGER(1) AS dice FROM (${rows})`
  return sql`SELECT ${named}, ROW_NUMBER() OVER (PARTITION BY ${named} ORDER BY dice) AS place FROM (${rolled})`
}

/** The type in which the sides of a set operation meet, which the binder has brought together already. */
function common(of: readonly Pick<Term, 'type' | 'digits'>[], first: DataType): DataType {
  const sized = of.filter(({ type }) => type.kind !== 'null')
  const known = sized.map(({ type }) => type)
  if (known.length === 0) return first
  if (known.every((type) => isWhole(type))) return known.find((type) => type.kind !== 'int') ?? INT
  if (known.some(({ kind }) => kind === 'json')) return known.find(({ kind }) => kind === 'json') ?? LONG
  return meeting(sized, known.find(({ kind }) => kind === 'decimal') ?? known[0])
}
