/** The exact aggregates, and the choice of the class for each aggregate of a plan. */
import { integer } from '../../../lib/whole-number.ts'
import { Decimal } from '../../../lib/decimal.ts'
import type { BoundAggregate } from '../../../plan/plan.ts'
import type { Value } from '../../../types.ts'
import { canonical } from '../../program/values/canonical.ts'
import { extremeOrder, totalOrder } from '../../program/values/order.ts'
import { asWholeDouble, plain, WholeDouble } from '../../program/values/whole-double.ts'
import type { Accumulator } from './accumulator.ts'
import { doublePages, type NumberPages, ValuePages } from '../pages.ts'
import { KeyColumn, operatorLimits, PairIndex } from '../keys/group-index.ts'
import type { MemoryBudget } from '../memory.ts'
import { ApproximateDistinct, ApproximateQuantile } from './sketches.ts'

/** `doubles`: values have marks (`WholeDouble`), and so have results. */
export function accumulator(a: BoundAggregate, budget: MemoryBudget, doubles = false): Accumulator {
  switch (a.name) {
    case 'count':
      return a.arg === undefined ? new Count() : new CountValues()
    case 'sum':
      return sum(a, doubles)
    case 'avg':
      return a.arg?.type.kind === 'decimal' ? new DecimalAverage() : new Average(sum(a))
    case 'min':
      return new Extreme(-1, budget)
    case 'max':
      return new Extreme(1, budget)
    case 'first':
      return new First(budget)
    case 'last':
      return new Last(budget)
    case 'collect':
      return new Collect(a.limit, false, budget)
    case 'collect_unique':
      return new Collect(a.limit, true, budget)
    case 'maxk':
      return new TopValues(a.limit, 1, false, budget)
    case 'mink':
      return new TopValues(a.limit, -1, false, budget)
    case 'maxk_unique':
      return new TopValues(a.limit, 1, true, budget)
    case 'mink_unique':
      return new TopValues(a.limit, -1, true, budget)
    case 'topk':
      return new Frequent(a.limit, -1, budget)
    case 'bottomk':
      return new Frequent(a.limit, 1, budget)
    case 'approx_count_distinct':
      return new ApproximateDistinct(budget)
    case 'approx_quantile':
      return new ApproximateQuantile(a.quantile ?? 0.5, budget)
  }
}

function sum(a: BoundAggregate, doubles = false): IntegerSum | DoubleSum | DecimalSum | DynamicSum {
  switch (a.arg?.type.kind) {
    case 'int':
    case 'long':
      return new IntegerSum()
    case 'float':
    case 'double':
      return new DoubleSum()
    case 'decimal':
      return new DecimalSum()
    default:
      return new DynamicSum(doubles)
  }
}

/** Numbers that generated code reads and writes in place. */
export interface NumberState {
  readonly state: NumberPages<Float64Array<ArrayBuffer>>
}

/** COUNT: of rows, or of values that are not NULL. */
export class Count implements Accumulator, NumberState {
  readonly state = doublePages(1)
  grow(groups: number): void {
    this.state.grow(groups)
  }
  add(g: number): void {
    this.addMany(g, 1)
  }
  /** Many at once: counts from batch headers. */
  addMany(g: number, n: number): void {
    this.state.page(g)[this.state.at(g)] += n
  }
  result(g: number): Value {
    return this.state.page(g)[this.state.at(g)]
  }
}

class CountValues implements Accumulator {
  readonly #counts = new Count()
  grow(groups: number): void {
    this.#counts.grow(groups)
  }
  add(g: number, v: Value): void {
    if (v !== null) this.#counts.addMany(g, 1)
  }
  result(g: number): Value {
    return this.#counts.result(g)
  }
}

/** Exact: a double while it is exact, carried over into a bigint before it would not be. */
class IntegerSum implements Accumulator {
  /** Two numbers a group: sum, count. */
  readonly #state = doublePages(2)
  readonly #high = new Map<number, bigint>()
  grow(groups: number): void {
    this.#state.grow(groups)
  }
  add(g: number, v: Value): void {
    if (v === null) return
    const data = this.#state.page(g)
    const at = this.#state.at(g)
    if (typeof v === 'number') {
      const s = data[at] + v
      if (s <= 9007199254740991 && s >= -9007199254740991) data[at] = s
      else this.#carry(g, BigInt(v))
      data[at + 1]++
    } else if (typeof v === 'bigint') {
      this.#carry(g, v)
      data[at + 1]++
    }
  }
  #carry(g: number, v: bigint): void {
    const data = this.#state.page(g)
    const at = this.#state.at(g)
    this.#high.set(g, (this.#high.get(g) ?? 0n) + BigInt(data[at]) + v)
    data[at] = 0
  }
  count(g: number): number {
    return this.#state.page(g)[this.#state.at(g) + 1]
  }
  result(g: number): Value {
    if (this.count(g) === 0) return null
    const low = this.#state.page(g)[this.#state.at(g)]
    const high = this.#high.get(g)
    return high === undefined ? low : integer(high + BigInt(low))
  }
}

/** Neumaier's compensated sum: the error does not grow with the number of values. */
class DoubleSum implements Accumulator, NumberState {
  /** Three numbers a group: sum, compensation, count. Read and written by generated code. */
  readonly state = doublePages(3)
  grow(groups: number): void {
    this.state.grow(groups)
  }
  add(g: number, v: Value): void {
    if (typeof v !== 'number') return
    const data = this.state.page(g)
    const at = this.state.at(g)
    const s = data[at]
    const t = s + v
    data[at + 1] += Math.abs(s) >= Math.abs(v) ? s - t + v : v - t + s
    data[at] = t
    data[at + 2]++
  }
  count(g: number): number {
    return this.state.page(g)[this.state.at(g) + 2]
  }
  result(g: number): Value {
    if (this.count(g) === 0) return null
    const data = this.state.page(g)
    const at = this.state.at(g)
    // Infinity minus itself in the compensation would make NaN of an infinite sum.
    return Number.isFinite(data[at]) ? data[at] + data[at + 1] : data[at]
  }
}

/** The sum of doubles inside a SUM or AVG, which generated code feeds in line; undefined for others. */
export function doubleSumOf(a: Accumulator): DoubleSum | undefined {
  if (a instanceof DoubleSum) return a
  return a instanceof Average && a.sum instanceof DoubleSum ? a.sum : undefined
}

class DecimalSum implements Accumulator {
  readonly #sums = new ValuePages<Decimal | null>()
  readonly #seen = new Count()
  grow(groups: number): void {
    this.#seen.grow(groups)
    while (this.#sums.size < groups) this.#sums.push(null)
  }
  add(g: number, v: Value): void {
    if (!(v instanceof Decimal)) return
    const s = this.#sums.get(g)
    this.#sums.set(g, s === null ? v : s.add(v))
    this.#seen.addMany(g, 1)
  }
  count(g: number): number {
    return Number(this.#seen.result(g))
  }
  result(g: number): Value {
    return this.#sums.get(g)
  }
}

/** Above every count of values. */
export const FRACTIONS = 2 ** 44

/**
 * JSON numbers: an exact integer as long as all are whole, a double (Neumaier's sum, too) once one is not. What is not
 * a number does not count. While all are whole and the sum stays within ±2^53, the plain double sum is exact; beyond,
 * it is carried into a bigint.
 */
class DynamicSum implements Accumulator, NumberState {
  /**
   * Three numbers a group: sum, compensation, count; FRACTIONS more in the count when one was not whole. Read and
   * written by generated code, which leaves what does not fit to `add`.
   */
  readonly state = doublePages(3)
  readonly #carried = new Map<number, bigint>()
  readonly #doubles: boolean
  constructor(doubles: boolean) {
    this.#doubles = doubles
  }
  grow(groups: number): void {
    this.state.grow(groups)
  }
  add(g: number, v: Value): void {
    if (v instanceof Decimal) this.#number(g, v.toNumber())
    else if ((v as unknown) instanceof WholeDouble) this.#number(g, plain(v) as number, true)
    else if (typeof v === 'bigint') this.#carry(g, v)
    else if (typeof v === 'number') {
      const data = this.state.page(g)
      const at = this.state.at(g)
      const t = data[at] + v
      if (data[at + 2] < FRACTIONS && Number.isInteger(v) && !(t <= 9007199254740991 && t >= -9007199254740991))
        this.#carry(g, BigInt(v))
      else this.#number(g, v)
    }
  }
  #number(g: number, v: number, double = v !== Math.floor(v)): void {
    const data = this.state.page(g)
    const at = this.state.at(g)
    const s = data[at]
    const t = s + v
    data[at + 1] += Math.abs(s) >= Math.abs(v) ? s - t + v : v - t + s
    data[at] = t
    data[at + 2]++
    if (double && data[at + 2] < FRACTIONS) data[at + 2] += FRACTIONS
  }
  #carry(g: number, v: bigint): void {
    this.#carried.set(g, (this.#carried.get(g) ?? 0n) + v)
    this.state.page(g)[this.state.at(g) + 2]++
  }
  count(g: number): number {
    return this.state.page(g)[this.state.at(g) + 2] % FRACTIONS
  }
  result(g: number): Value {
    if (this.count(g) === 0) return null
    const data = this.state.page(g)
    const at = this.state.at(g)
    const carried = this.#carried.get(g)
    if (data[at + 2] < FRACTIONS && Number.isSafeInteger(data[at])) return integer((carried ?? 0n) + BigInt(data[at]))
    const s = data[at] + Number(carried ?? 0n)
    const total = Number.isFinite(s) ? s + data[at + 1] : s
    return this.#doubles && data[at + 2] >= FRACTIONS && Number.isInteger(total) ? asWholeDouble(total) : total
  }
}

/** The sum of JSON numbers inside a SUM or AVG, which generated code feeds in line; undefined for others. */
export function dynamicSumOf(a: Accumulator): DynamicSum | undefined {
  if (a instanceof DynamicSum) return a
  return a instanceof Average && a.sum instanceof DynamicSum ? a.sum : undefined
}

class Average implements Accumulator {
  readonly sum: IntegerSum | DoubleSum | DecimalSum | DynamicSum
  constructor(of: IntegerSum | DoubleSum | DecimalSum | DynamicSum) {
    this.sum = of
  }
  grow(groups: number): void {
    this.sum.grow(groups)
  }
  add(g: number, v: Value): void {
    this.sum.add(g, v)
  }
  result(g: number): Value {
    const s = this.sum.result(g)
    if (s === null) return null
    // A bigint sum is divided exactly first: converting it would lose digits that the quotient still has.
    if (typeof s === 'bigint')
      return Decimal.fromInteger(s)
        .divide(Decimal.fromInteger(this.sum.count(g)))
        .toNumber()
    return Number(s) / this.sum.count(g)
  }
}

class DecimalAverage implements Accumulator {
  readonly #sum = new DecimalSum()
  grow(groups: number): void {
    this.#sum.grow(groups)
  }
  add(g: number, v: Value): void {
    this.#sum.add(g, v)
  }
  result(g: number): Value {
    const s = this.#sum.result(g)
    return s instanceof Decimal ? s.divide(Decimal.fromInteger(this.#sum.count(g))).normalize() : null
  }
}

/** Values of one kind of group state, boxed. */
class Extreme implements Accumulator {
  readonly #values = new ValuePages<Value>()
  readonly #sign: number
  readonly #budget: MemoryBudget
  constructor(sign: 1 | -1, budget: MemoryBudget) {
    this.#sign = sign
    this.#budget = budget
  }
  grow(groups: number): void {
    while (this.#values.size < groups) this.#values.push(null)
  }
  add(g: number, v: Value): void {
    if (v === null) return
    const best = this.#values.get(g)
    if (best === null) {
      this.#budget.take(v)
      this.#values.set(g, v)
    } else if (extremeOrder(plain(v), plain(best)) * this.#sign > 0) this.#values.set(g, v)
  }
  result(g: number): Value {
    return this.#values.get(g)
  }
}

/** The value of the first record, NULL included. */
class First implements Accumulator {
  readonly #values = new ValuePages<Value | undefined>()
  readonly #budget: MemoryBudget
  constructor(budget: MemoryBudget) {
    this.#budget = budget
  }
  grow(groups: number): void {
    while (this.#values.size < groups) this.#values.push(undefined)
  }
  add(g: number, v: Value): void {
    if (this.#values.get(g) === undefined) {
      this.#budget.take(v)
      this.#values.set(g, v)
    }
  }
  result(g: number): Value {
    return this.#values.get(g) ?? null
  }
}

class Last implements Accumulator {
  readonly #values = new ValuePages<Value>()
  readonly #budget: MemoryBudget
  constructor(budget: MemoryBudget) {
    this.#budget = budget
  }
  grow(groups: number): void {
    while (this.#values.size < groups) this.#values.push(null)
  }
  add(g: number, v: Value): void {
    this.#budget.give(this.#values.get(g))
    this.#budget.take(v)
    this.#values.set(g, v)
  }
  result(g: number): Value {
    return this.#values.get(g)
  }
}

class Collect implements Accumulator {
  readonly #lists = new ValuePages<Value[]>()
  readonly #seen = new ValuePages<Set<string>>()
  readonly #limit: number
  readonly #unique: boolean
  readonly #budget: MemoryBudget
  constructor(limit: number, unique: boolean, budget: MemoryBudget) {
    this.#limit = limit
    this.#unique = unique
    this.#budget = budget
  }
  grow(groups: number): void {
    while (this.#lists.size < groups) {
      this.#lists.push([])
      if (this.#unique) this.#seen.push(new Set())
    }
  }
  add(g: number, v: Value): void {
    const list = this.#lists.get(g)
    if (v === null || list.length >= this.#limit) return
    if (this.#unique) {
      const key = canonical(v)
      if (this.#seen.get(g).has(key)) return
      this.#seen.get(g).add(key)
    }
    this.#budget.take(v)
    list.push(v)
  }
  result(g: number): Value {
    return [...this.#lists.get(g)]
  }
}

/** The N largest (sign 1) or smallest (sign -1), best first; kept sorted, as N is small. */
class TopValues implements Accumulator {
  readonly #lists = new ValuePages<Value[]>()
  readonly #limit: number
  readonly #sign: number
  readonly #unique: boolean
  readonly #budget: MemoryBudget
  constructor(limit: number, sign: 1 | -1, unique: boolean, budget: MemoryBudget) {
    this.#limit = limit
    this.#sign = sign
    this.#unique = unique
    this.#budget = budget
  }
  grow(groups: number): void {
    while (this.#lists.size < groups) this.#lists.push([])
  }
  add(g: number, v: Value): void {
    if (v === null || typeof v === 'object') {
      if (!(v instanceof Decimal) && !(v instanceof Uint8Array)) return
    }
    const list = this.#lists.get(g)
    if (list.length === this.#limit && !(extremeOrder(v, list[list.length - 1]) * this.#sign > 0)) return
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (extremeOrder(v, list[middle]) * this.#sign > 0) high = middle
      else low = middle + 1
    }
    if (this.#unique && low > 0 && totalOrder(list[low - 1], v) === 0) return
    this.#budget.take(v)
    list.splice(low, 0, v)
    if (list.length > this.#limit) this.#budget.give(list.pop() as Value)
  }
  result(g: number): Value {
    return [...this.#lists.get(g)]
  }
}

/** The N most (sign -1) or least (sign 1) frequent values; among equals the one seen first comes first. */
class Frequent implements Accumulator {
  readonly #groups = new ValuePages<Map<string, { value: Value; count: number }>>()
  readonly #limit: number
  readonly #sign: number
  readonly #budget: MemoryBudget
  constructor(limit: number, sign: 1 | -1, budget: MemoryBudget) {
    this.#limit = limit
    this.#sign = sign
    this.#budget = budget
  }
  grow(groups: number): void {
    while (this.#groups.size < groups) this.#groups.push(new Map())
  }
  add(g: number, v: Value): void {
    if (v === null) return
    const key = canonical(v)
    const known = this.#groups.get(g).get(key)
    if (known !== undefined) {
      known.count++
      return
    }
    this.#budget.take(v)
    this.#groups.get(g).set(key, { value: v, count: 1 })
  }
  result(g: number): Value {
    const sorted = [...this.#groups.get(g).values()].sort((a, b) => (a.count - b.count) * this.#sign)
    return sorted.slice(0, this.#limit).map((e) => e.value)
  }
}

/** DISTINCT inside an aggregate: lets each value of a group through once. */
export class DistinctFilter {
  readonly #values = new KeyColumn(operatorLimits('DISTINCT inside an aggregate'))
  readonly #pairs = new PairIndex(operatorLimits('DISTINCT inside an aggregate'))
  readonly #budget: MemoryBudget
  constructor(budget: MemoryBudget) {
    this.#budget = budget
  }
  first(g: number, v: Value): boolean {
    if (v === null) return false
    const known = this.#pairs.size
    if (this.#pairs.find(g, this.#values.findEqual(v)) !== known) return false
    this.#budget.takeRow([v])
    return true
  }
}
