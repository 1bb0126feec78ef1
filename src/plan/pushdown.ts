/**
 * Which offsets of a partition can a condition be true for? Pure interval arithmetic over `_meta.offset`,
 * `_meta.partition`, `_meta.timestamp` and LAST_OFFSET(). A condition that refers to anything else is taken as possibly
 * true everywhere, so the ranges are never too small; `isExact` tells when they are exactly right.
 */
import { INVERSE, MIRRORED } from './expressions/compare-op.ts'
import type { Value } from '../types.ts'
import type { BoundExpr, Compare, InList } from './plan.ts'
import type { CompareOp } from './operators.ts'

/** Offsets [start, end). */
export interface Interval {
  readonly start: number
  readonly end: number
}

/**
 * The offsets within `bounds` of partition `partition` for which `expr` may be true: disjoint, ascending. `last`: what
 * LAST_OFFSET() is there.
 */
export function offsetIntervals(
  expr: BoundExpr | undefined,
  partition: number,
  bounds: Interval,
  last = bounds.end - 1,
): Interval[] {
  const whole = bounds.end > bounds.start ? [bounds] : []
  return expr === undefined ? whole : intersect(whole, intervals(expr, { partition, last }, false))
}

interface Known {
  readonly partition: number
  readonly last: number
}
const EVERYTHING: readonly Interval[] = [{ start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }]

function intervals(e: BoundExpr, known: Known, negated: boolean): readonly Interval[] {
  switch (e.kind) {
    case 'constant':
      return e.value === null || (e.value === true) === negated ? [] : EVERYTHING
    case 'not':
      return intervals(e.operand, known, !negated)
    case 'and':
    case 'or': {
      const all = (e.kind === 'and') !== negated
      const parts = e.operands.map((o) => intervals(o, known, negated))
      return all ? parts.reduce(intersect) : capped(merged(parts.flat()))
    }
    case 'compare':
      return compareIntervals(e, known, negated)
    case 'in':
      return inIntervals(e, known, negated !== e.negated)
    default:
      return EVERYTHING
  }
}

function compareIntervals(e: Compare, known: Known, negated: boolean): readonly Interval[] {
  const op = negated ? INVERSE[e.op] : e.op
  const left = number(e.left, known)
  const right = number(e.right, known)
  if (left !== undefined && right !== undefined) return holds(op, left, right) ? EVERYTHING : []
  if (isMeta(e.left, 'offset') && right !== undefined) return offsetsWhere(op, right)
  if (isMeta(e.right, 'offset') && left !== undefined) return offsetsWhere(MIRRORED[op], left)
  return EVERYTHING
}

function inIntervals(e: InList, known: Known, negated: boolean): readonly Interval[] {
  const items = e.items.map((i) => number(i, known))
  if (items.some((i) => i === undefined)) return EVERYTHING
  const operand = number(e.operand, known)
  if (operand !== undefined) return items.includes(operand) !== negated ? EVERYTHING : []
  if (!isMeta(e.operand, 'offset')) return EVERYTHING
  if (negated)
    return items.length > MAX_INTERVALS
      ? EVERYTHING
      : items.map((i) => offsetsWhere('!=', i as number)).reduce(intersect, EVERYTHING)
  return capped(merged(items.flatMap((i) => offsetsWhere('=', i as number))))
}

/**
 * Not a limit: conditions that may mean more intervals are checked record by record over fewer and wider ones: each
 * interval is a fetch of its own.
 */
export const MAX_INTERVALS = 64

/** At most MAX_INTERVALS that cover all of them: those nearest to each other become one. */
function capped(all: readonly Interval[]): readonly Interval[] {
  if (all.length <= MAX_INTERVALS) return all
  const gaps = all
    .slice(1)
    .map((next, i) => next.start - all[i].end)
    .sort((a, b) => b - a)
  const wide = gaps[MAX_INTERVALS - 1]
  const out = [all[0]]
  for (const next of all.slice(1)) {
    const last = out[out.length - 1]
    if (next.start - last.end > wide) out.push(next)
    else out[out.length - 1] = { start: last.start, end: next.end }
  }
  return out
}

/** How many intervals a condition may mean. */
function intervalCount(e: BoundExpr): number {
  if (e.kind === 'and' || e.kind === 'or') return e.operands.reduce((n, o) => n + intervalCount(o), 0)
  if (e.kind === 'not') return intervalCount(e.operand)
  return e.kind === 'in' ? e.items.length : 1
}

function holds(op: CompareOp, a: number, b: number): boolean {
  switch (op) {
    case '=':
      return a === b
    case '!=':
      return a !== b
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
  }
}

function offsetsWhere(op: CompareOp, x: number): readonly Interval[] {
  const low = Number.NEGATIVE_INFINITY
  const high = Number.POSITIVE_INFINITY
  switch (op) {
    case '=':
      return Number.isInteger(x) ? [{ start: x, end: x + 1 }] : []
    case '!=':
      return Number.isInteger(x)
        ? [
            { start: low, end: x },
            { start: x + 1, end: high },
          ]
        : EVERYTHING
    case '<':
      return [{ start: low, end: Math.ceil(x) }]
    case '<=':
      return [{ start: low, end: Math.floor(x) + 1 }]
    case '>':
      return [{ start: Math.floor(x) + 1, end: high }]
    case '>=':
      return [{ start: Math.ceil(x), end: high }]
  }
}

function isMeta(e: BoundExpr, field: string): boolean {
  return e.kind === 'path' && e.path.facet === 'meta' && e.path.steps[0] === field
}

/** A number or bigint as a double; undefined for any other value. */
function constantNumber(value: Value): number | undefined {
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'number' ? value : undefined
}

/** The number that an expression has for every record of the partition, if it has one. */
function number(e: BoundExpr, known: Known): number | undefined {
  switch (e.kind) {
    case 'constant':
      return constantNumber(e.value)
    case 'lastOffset':
      return Number.isFinite(known.last) ? known.last : undefined
    case 'path':
      return isMeta(e, 'partition') ? known.partition : undefined
    case 'negate': {
      const x = number(e.operand, known)
      return x === undefined ? undefined : -x
    }
    case 'arithmetic': {
      const a = number(e.left, known)
      const b = number(e.right, known)
      if (a === undefined || b === undefined || e.by !== 'integer') return undefined
      const result = e.op === '+' ? a + b : e.op === '-' ? a - b : e.op === '*' ? a * b : undefined
      return result !== undefined && Number.isSafeInteger(result) ? result : undefined
    }
    default:
      return undefined
  }
}

/**
 * True when the ranges derived from the condition are exactly the records for which it is true: nothing of it needs to
 * be checked again.
 */
export function isExact(e: BoundExpr): boolean {
  return intervalCount(e) <= MAX_INTERVALS && speaksOfPositions(e)
}

function speaksOfPositions(e: BoundExpr): boolean {
  switch (e.kind) {
    case 'constant':
      return true
    case 'not':
      return speaksOfPositions(e.operand)
    case 'and':
    case 'or':
      return e.operands.every(speaksOfPositions)
    case 'compare':
      return (
        isPosition(e.left) &&
        isPosition(e.right) &&
        !(isMeta(e.left, 'offset') && isMeta(e.right, 'offset')) &&
        (isSide(e.left) || isSide(e.right))
      )
    case 'in':
      return isPosition(e.operand) && e.items.every((i) => isPosition(i) && !isMeta(i, 'offset'))
    default:
      return false
  }
}

/** The side of a comparison that is a number in every partition; the other may then be the offset itself. */
function isSide(e: BoundExpr): boolean {
  return !isMeta(e, 'offset') && isPosition(e)
}

function isPosition(e: BoundExpr): boolean {
  return isMeta(e, 'offset') || reach(e) !== undefined
}

/** Not a limit: the largest number of a partition in Kafka. */
const MOST_PARTITION = 2 ** 31 - 1
/** Not a limit: no log ends behind an offset that a number can count. */
const MOST_OFFSET = 2 ** 52

/**
 * Between which numbers an expression lies whatever the partition and its end are; undefined where `number` may give
 * none, because the result may be no safe integer.
 */
function reach(e: BoundExpr): Interval | undefined {
  const within = (...ends: number[]): Interval | undefined =>
    ends.every(Number.isSafeInteger) ? { start: Math.min(...ends), end: Math.max(...ends) } : undefined
  switch (e.kind) {
    case 'constant': {
      const x = constantNumber(e.value)
      return x === undefined || Number.isNaN(x) ? undefined : { start: x, end: x }
    }
    case 'lastOffset':
      return { start: -1, end: MOST_OFFSET }
    case 'path':
      return isMeta(e, 'partition') ? { start: 0, end: MOST_PARTITION } : undefined
    case 'negate': {
      const x = reach(e.operand)
      return x === undefined ? undefined : { start: -x.end, end: -x.start }
    }
    case 'arithmetic': {
      const a = reach(e.left)
      const b = reach(e.right)
      if (a === undefined || b === undefined || e.by !== 'integer') return undefined
      if (e.op === '+') return within(a.start + b.start, a.end + b.end)
      if (e.op === '-') return within(a.start - b.end, a.end - b.start)
      return e.op === '*' ? within(a.start * b.start, a.start * b.end, a.end * b.start, a.end * b.end) : undefined
    }
    default:
      return undefined
  }
}

/** Does the condition say anything about position or time? */
export function mentionsPosition(e: BoundExpr): boolean {
  switch (e.kind) {
    case 'path':
      return e.path.facet === 'meta' && ['offset', 'partition', 'timestamp'].includes(String(e.path.steps[0]))
    case 'lastOffset':
      return true
    case 'not':
      return mentionsPosition(e.operand)
    case 'and':
    case 'or':
      return e.operands.some(mentionsPosition)
    case 'compare':
      return mentionsPosition(e.left) || mentionsPosition(e.right)
    case 'in':
      return mentionsPosition(e.operand)
    default:
      return false
  }
}

/** Bounds on `_meta.timestamp` (epoch ms, both inclusive) outside of which the condition cannot be true. */
export function timestampBounds(e: BoundExpr, negated = false): { min: number; max: number } {
  const none = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY }
  switch (e.kind) {
    case 'not':
      return timestampBounds(e.operand, !negated)
    case 'and':
    case 'or': {
      const all = (e.kind === 'and') !== negated
      const sides = e.operands.map((o) => timestampBounds(o, negated))
      return {
        min: all ? Math.max(...sides.map((s) => s.min)) : Math.min(...sides.map((s) => s.min)),
        max: all ? Math.min(...sides.map((s) => s.max)) : Math.max(...sides.map((s) => s.max)),
      }
    }
    case 'compare': {
      const flip = isMeta(e.right, 'timestamp')
      const value = flip ? e.left : e.right
      if (!(flip || isMeta(e.left, 'timestamp')) || value.kind !== 'constant') return none
      const x = constantNumber(value.value)
      if (x === undefined) return none
      const plain = negated ? INVERSE[e.op] : e.op
      const op = flip ? MIRRORED[plain] : plain
      if (op === '=') return { min: x, max: x }
      // A fraction of a millisecond lies between two times.
      if (op === '>' || op === '>=') return { min: op === '>' ? Math.floor(x) + 1 : Math.ceil(x), max: none.max }
      if (op === '<' || op === '<=') return { min: none.min, max: op === '<' ? Math.ceil(x) - 1 : Math.floor(x) }
      return none
    }
    default:
      return none
  }
}

export function intersect(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const out: Interval[] = []
  for (const x of a) {
    for (const y of b) {
      const start = Math.max(x.start, y.start)
      const end = Math.min(x.end, y.end)
      if (start < end) out.push({ start, end })
    }
  }
  return out.sort((x, y) => x.start - y.start)
}

function merged(all: readonly Interval[]): Interval[] {
  const out: Interval[] = []
  for (const next of all.toSorted((x, y) => x.start - y.start)) {
    const last = out[out.length - 1]
    if (last !== undefined && next.start <= last.end)
      out[out.length - 1] = { start: last.start, end: Math.max(last.end, next.end) }
    else if (next.start < next.end) out.push(next)
  }
  return out
}
