/** Counts, sums and averages, and the choice of the class for each aggregate of a plan. */
import { integer } from '../../../lib/whole-number.ts'
import { Decimal } from '../../../lib/decimal.ts'
import type { BoundAggregate } from '../../../plan/plan.ts'
import type { Value } from '../../../types.ts'
import { asWholeDouble, plain, WholeDouble } from '../../program/values/whole-double.ts'
import type { Accumulator } from './accumulator.ts'
import { doublePages, type NumberPages, PAGE_BITS, PAGE_MASK, ValuePages } from '../pages.ts'
import type { MemoryBudget } from '../memory.ts'
import { Collect, Extreme, First, Frequent, Last, TopValues } from './held-values.ts'
import { type CarriedPartial, type NumbersPartial, numbersOf, type PartialState } from './partial.ts'
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
  partial(groups: number, transfer: ArrayBuffer[]): NumbersPartial {
    return numbersOf(groups, this.state, transfer)
  }
  merge({ pages }: NumbersPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) this.addMany(to[i], pages[i >>> PAGE_BITS][i & PAGE_MASK])
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
  partial(groups: number, transfer: ArrayBuffer[]): NumbersPartial {
    return this.#counts.partial(groups, transfer)
  }
  merge(partial: NumbersPartial, to: Int32Array, from: number, until: number): void {
    this.#counts.merge(partial, to, from, until)
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
  partial(groups: number, transfer: ArrayBuffer[]): CarriedPartial {
    return { ...numbersOf(groups, this.#state, transfer), carried: this.#high }
  }
  merge({ pages, carried }: CarriedPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) {
      const others = pages[i >>> PAGE_BITS]
      const other = (i & PAGE_MASK) * 2
      const g = to[i]
      const data = this.#state.page(g)
      const at = this.#state.at(g)
      const s = data[at] + others[other]
      if (s <= 9007199254740991 && s >= -9007199254740991) data[at] = s
      else this.#carry(g, BigInt(others[other]))
      data[at + 1] += others[other + 1]
      const high = carried.get(i)
      if (high !== undefined) this.#carry(g, high)
    }
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
  partial(groups: number, transfer: ArrayBuffer[]): NumbersPartial {
    return numbersOf(groups, this.state, transfer)
  }
  merge({ pages }: NumbersPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++)
      addSum(this.state.page(to[i]), this.state.at(to[i]), pages[i >>> PAGE_BITS], (i & PAGE_MASK) * 3)
  }
}

/** Adds a sum to another one: sum and compensation by Neumaier, and the count. */
function addSum(data: Float64Array, at: number, others: Float64Array, other: number): void {
  const s = data[at]
  const v = others[other]
  const t = s + v
  data[at + 1] += (Math.abs(s) >= Math.abs(v) ? s - t + v : v - t + s) + others[other + 1]
  data[at] = t
  data[at + 2] += others[other + 2]
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
  partial(groups: number, transfer: ArrayBuffer[]): DecimalsPartial {
    const scales = new Float64Array(groups)
    const unscaled: bigint[] = []
    for (let g = 0; g < groups; g++) {
      const s = this.#sums.get(g)
      unscaled.push(s === null ? 0n : s.unscaled)
      scales[g] = s === null ? 0 : s.scale
    }
    transfer.push(scales.buffer)
    return { ...this.#seen.partial(groups, transfer), unscaled, scales }
  }
  merge({ pages, unscaled, scales }: DecimalsPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) {
      const n = pages[i >>> PAGE_BITS][i & PAGE_MASK]
      if (n === 0) continue
      const other = new Decimal(unscaled[i], scales[i])
      const s = this.#sums.get(to[i])
      this.#sums.set(to[i], s === null ? other : s.add(other))
      this.#seen.addMany(to[i], n)
    }
  }
}

/** By group the number of values, and their sum. */
interface DecimalsPartial extends NumbersPartial {
  readonly unscaled: readonly bigint[]
  readonly scales: Float64Array<ArrayBuffer>
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
      if (data[at + 2] < FRACTIONS && Number.isSafeInteger(v) && !(t <= 9007199254740991 && t >= -9007199254740991))
        this.#carry(g, BigInt(v))
      else this.#number(g, v, !Number.isSafeInteger(v))
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
    const total = totalOf(data[at], data[at + 1], carried)
    return this.#doubles && data[at + 2] >= FRACTIONS && Number.isInteger(total) ? asWholeDouble(total) : total
  }
  partial(groups: number, transfer: ArrayBuffer[]): CarriedPartial {
    return { ...numbersOf(groups, this.state, transfer), carried: this.#carried }
  }
  merge({ pages, carried }: CarriedPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) {
      this.#mergeSum(to[i], pages[i >>> PAGE_BITS], (i & PAGE_MASK) * 3)
      const c = carried.get(i)
      if (c !== undefined) this.#carried.set(to[i], (this.#carried.get(to[i]) ?? 0n) + c)
    }
  }
  #mergeSum(g: number, others: Float64Array, other: number): void {
    const data = this.state.page(g)
    const at = this.state.at(g)
    const v = others[other]
    const whole = data[at + 2] < FRACTIONS && others[other + 2] < FRACTIONS
    const fractions = data[at + 2] >= FRACTIONS && others[other + 2] >= FRACTIONS
    if (whole && Number.isInteger(v) && !Number.isSafeInteger(data[at] + v)) {
      this.#carried.set(g, (this.#carried.get(g) ?? 0n) + BigInt(v))
      data[at + 2] += others[other + 2]
    } else addSum(data, at, others, other)
    // Both have it: once is enough.
    if (fractions) data[at + 2] -= FRACTIONS
  }
}

/** Of a sum, its compensation, and what was carried: the rounding of the last one counts, too. */
function totalOf(sum: number, compensation: number, carried = 0n): number {
  const v = Number(carried)
  const t = sum + v
  if (!Number.isFinite(t)) return t
  const rounding = Math.abs(sum) >= Math.abs(v) ? sum - t + v : v - t + sum
  return t + (compensation + rounding + Number(carried - BigInt(v)))
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
  partial(groups: number, transfer: ArrayBuffer[]): PartialState {
    return this.sum.partial(groups, transfer)
  }
  merge(partial: PartialState, to: Int32Array, from: number, until: number): void {
    const sum: Accumulator = this.sum
    sum.merge(partial, to, from, until)
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
  partial(groups: number, transfer: ArrayBuffer[]): DecimalsPartial {
    return this.#sum.partial(groups, transfer)
  }
  merge(partial: DecimalsPartial, to: Int32Array, from: number, until: number): void {
    this.#sum.merge(partial, to, from, until)
  }
}
