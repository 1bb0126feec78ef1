/**
 * Bound expressions as Flink SQL. Each kind has one row here, an exact translation or a refusal; functions have theirs
 * in `functions.ts`. Three-valued logic is the same on both sides.
 */
import type { BoundExpr, Compare, ElementOf, InList, Logic, MemberOf, SlotRef } from '../../../plan/plan.ts'
import { BOOLEAN } from '../../../types.ts'
import { computed, DIFFERENT_PLACES, oneOf } from '../carriers.ts'
import { arithmetic, negated } from './arithmetic.ts'
import { compared } from './comparison.ts'
import { like } from './like.ts'
import { castTo } from './casts.ts'
import { barrier, double, type FlinkSql, list, once, sql } from '../flink-sql.ts'
import { translateCall } from './functions.ts'
import { canonicalJson, isDoubleWrapped, wrappedAt } from '../json.ts'
import { headerWithin } from '../records/headers.ts'
import { Refusal } from '../refusal.ts'
import { constant, isFloating, type Term } from '../terms.ts'

/** What references of an expression stand for: columns of the rows below. */
export type Columns = (reference: Exclude<Reference, never>) => Term
/** The leaves that a row below has to answer. */
export type Reference = SlotRef | Extract<BoundExpr, { kind: 'path' | 'presence' | 'header' | 'lastOffset' | 'column' }>

/** The expression over those columns. Throws a Refusal. */
export function translate(e: BoundExpr, columns: Columns): Term {
  const term = translateAny(e, columns)
  if (term.places !== undefined) throw new Refusal(DIFFERENT_PLACES, e.span)
  return term
}

/** The same for who knows of decimals with places of their own (`Term.places`). */
export function translateAny(e: BoundExpr, columns: Columns): Term {
  try {
    const mayHavePlaces = KNOWS_PLACES.has(e.kind === 'function' ? e.fn.name : e.kind) || isCastToNumber(e)
    const inner = mayHavePlaces ? translateAny : translate
    return translated(e, (of) => inner(of, columns), columns)
  } catch (cause) {
    // The innermost place that is known is the one to show.
    if (cause instanceof Refusal && cause.span === undefined && e.span !== undefined)
      throw new Refusal(cause.message, e.span, cause.remedy)
    throw cause
  }
}

/** Expressions and functions that take decimals with places of their own. */
const KNOWS_PLACES: ReadonlySet<string> = new Set([
  ...['case', 'compare', 'in', 'isNull', 'arithmetic', 'negate'],
  ...['coalesce', 'nullif', 'isnull', 'isnotnull', 'as_nullable', 'as_non_nullable', 'abs'],
])

/** A number of another type has no places. */
function isCastToNumber(e: BoundExpr): boolean {
  return e.kind === 'cast' && (isFloating(e.type) || e.type.kind === 'int' || e.type.kind === 'long')
}

/**
 * A condition over those columns. What no row says the planner does not see: it would take whole parts of a statement for
 * empty, and fail over what is left. Throws a Refusal.
 */
export function translateCondition(e: BoundExpr, columns: Columns): FlinkSql {
  const condition = asCondition(translate(e, columns))
  return condition.text.includes('`') ? condition : sql`(RAND_INTEGER(1) = CASE WHEN ${condition} THEN 0 ELSE 1 END)`
}

/** A JSON value that is neither true nor false is as unknown as NULL. */
function asCondition(term: Term): FlinkSql {
  if (term.type.kind === 'boolean') return term.sql
  if (term.type.kind !== 'json') return sql`CAST(NULL AS BOOLEAN)`
  const value = once(term.sql)
  return sql`CASE WHEN ${value} = 'true' THEN TRUE WHEN ${value} = 'false' THEN FALSE ELSE CAST(NULL AS BOOLEAN) END`
}

type Inner = (of: BoundExpr) => Term

function translated(e: BoundExpr, inner: Inner, columns: Columns): Term {
  switch (e.kind) {
    case 'constant':
      return e.type.kind === 'json' && typeof e.value === 'number' && !Number.isInteger(e.value)
        ? computed(double(e.value), { type: e.type, mark: () => sql`TRUE` })
        : constant(e.value, e.type)
    case 'path':
    case 'slot':
    case 'column':
    case 'presence':
    case 'header':
    case 'lastOffset':
      return columns(e)
    case 'not':
      return { sql: sql`(NOT ${asCondition(inner(e.operand))})`, type: BOOLEAN }
    case 'and':
    case 'or':
      return logic(e, inner)
    case 'compare':
      return compare(e, inner)
    case 'isNull': {
      const { sql: operand } = inner(e.operand)
      return { sql: e.negated ? sql`(${operand} IS NOT NULL)` : sql`(${operand} IS NULL)`, type: BOOLEAN }
    }
    case 'in':
      return inList(e, inner)
    case 'like':
      return like(e, inner(e.operand), e.pattern.kind === 'constant' ? undefined : inner(e.pattern))
    case 'case': {
      const thens = e.whens.map(({ then }) => inner(then))
      const otherwise = inner(e.otherwise)
      const conditions = e.whens.map(({ when }) => asCondition(inner(when)))
      const chosen = (of: readonly FlinkSql[]): FlinkSql => {
        const whens = conditions.map((condition, i) => sql`WHEN ${condition} THEN ${of[i]}`)
        return sql`CASE ${list(whens, ' ')} ELSE ${of[whens.length]} END`
      }
      return oneOf([...thens, otherwise], e.type, chosen, chosen)
    }
    case 'arithmetic':
      return arithmetic(e, inner(e.left), inner(e.right))
    case 'negate': {
      return negated(e.by, inner(e.operand))
    }
    case 'cast':
      return castTo(inner(e.operand), e.type, e.implicit)
    case 'function': {
      const header = headerWithin(e)
      return header === undefined ? translateCall(e, e.args.map(inner)) : columns(header)
    }
    case 'subquery':
      throw new Refusal('A subquery is not handed over to Flink.')
    case 'element':
    case 'member': {
      const header = headerWithin(e)
      return header === undefined ? part(e, inner) : columns(header)
    }
    case 'array':
    case 'struct':
      throw new Refusal(TAKEN_APART, e.span, 'Name the field by its path.')
  }
}

function logic(e: Logic, inner: Inner): Term {
  if (e.together === true) throw new Refusal('A condition on a value that differs at each evaluation stays here.')
  const operands = e.operands.map((o) => asCondition(inner(o)))
  return { sql: sql`(${list(operands, e.kind === 'and' ? ' AND ' : ' OR ')})`, type: BOOLEAN }
}

function compare(e: Compare, inner: Inner): Term {
  const [a, b] = [inner(e.left), inner(e.right)]
  return { sql: compared(e.op, e.by, a, b, { left: e.left, right: e.right }), type: BOOLEAN }
}

function inList(e: InList, inner: Inner): Term {
  const given = inner(e.operand)
  const operand = { ...given, sql: once(given.sql) }
  const equals = e.items.map((item) => compared('=', e.by, operand, inner(item), { left: e.operand, right: item }))
  const any = sql`(${list(equals, ' OR ')})`
  return { sql: e.negated ? sql`(NOT ${any})` : any, type: BOOLEAN }
}

/** What is at a name or a constant place of a JSON value. */
function part(e: ElementOf | MemberOf, inner: Inner): Term {
  const of = inner(e.operand)
  const step = e.kind === 'member' ? e.name : e.index.kind === 'constant' ? e.index.value : undefined
  const isPlace = typeof step === 'number' && Number.isInteger(step) && step >= 0
  if (of.type.kind !== 'json' || e.type.kind !== 'json' || (typeof step !== 'string' && !isPlace))
    throw new Refusal(TAKEN_APART, e.span, 'Name the field by its path.')
  const wrapped = once(wrappedAt(of.sql, [step]))
  return { sql: barrier(canonicalJson(wrapped)), type: e.type, mark: () => isDoubleWrapped(wrapped) }
}

const TAKEN_APART = 'Lists and structures are not made or taken apart in Flink.'
