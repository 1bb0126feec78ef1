/** The aggregates that hold values as they came: the extreme, the first, the last, lists of them. */
import { Decimal } from '../../../lib/decimal.ts'
import type { Value } from '../../../types.ts'
import { decodeValue } from '../../exchange/value-codec.ts'
import { canonical } from '../../program/values/canonical.ts'
import { extremeOrder, totalOrder } from '../../program/values/order.ts'
import { isWholeDouble, plain } from '../../program/values/whole-double.ts'
import type { MemoryBudget } from '../memory.ts'
import { ValuePages } from '../pages.ts'
import type { Accumulator } from './accumulator.ts'
import { type ListsPartial, listsOf, type ValuesPartial, valuesOf } from './partial.ts'

/** Values of one kind of group state, boxed. */
export class Extreme implements Accumulator {
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
    if (best !== null) {
      if (extremeOrder(plain(v), plain(best)) * this.#sign <= 0) return
      this.#budget.give(best)
    }
    this.#budget.take(v)
    this.#values.set(g, v)
  }
  result(g: number): Value {
    return this.#values.get(g)
  }
  partial(groups: number): ValuesPartial {
    return valuesOf(groups, this.#values)
  }
  merge({ values }: ValuesPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) this.add(to[i], decodeValue(values[i] ?? null))
  }
}

/** The value of the first record, NULL included. */
export class First implements Accumulator {
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
  partial(groups: number): ValuesPartial {
    return valuesOf(groups, this.#values)
  }
  merge({ values }: ValuesPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) {
      const v = values[i]
      if (v !== undefined) this.add(to[i], decodeValue(v))
    }
  }
}

export class Last implements Accumulator {
  readonly #values = new ValuePages<Value | undefined>()
  readonly #budget: MemoryBudget
  constructor(budget: MemoryBudget) {
    this.#budget = budget
  }
  grow(groups: number): void {
    while (this.#values.size < groups) this.#values.push(undefined)
  }
  add(g: number, v: Value): void {
    this.#budget.give(this.#values.get(g) ?? null)
    this.#budget.take(v)
    this.#values.set(g, v)
  }
  result(g: number): Value {
    return this.#values.get(g) ?? null
  }
  partial(groups: number): ValuesPartial {
    return valuesOf(groups, this.#values)
  }
  merge({ values }: ValuesPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) {
      const v = values[i]
      if (v !== undefined) this.add(to[i], decodeValue(v))
    }
  }
}

export class Collect implements Accumulator {
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
  partial(groups: number, transfer: ArrayBuffer[]): ListsPartial {
    return listsOf(groups, (g) => this.#lists.get(g), transfer)
  }
  merge({ owners, values }: ListsPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) this.add(to[owners[i]], decodeValue(values[i]))
  }
}

/** The N largest (sign 1) or smallest (sign -1), best first; kept sorted, as N is small. */
export class TopValues implements Accumulator {
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
      if (!(v instanceof Decimal) && !(v instanceof Uint8Array) && !isWholeDouble(v)) return
    }
    const list = this.#lists.get(g)
    const own = plain(v)
    if (list.length === this.#limit && !(extremeOrder(own, plain(list[list.length - 1])) * this.#sign > 0)) return
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (extremeOrder(own, plain(list[middle])) * this.#sign > 0) high = middle
      else low = middle + 1
    }
    if (this.#unique && low > 0 && totalOrder(list[low - 1], own) === 0) return
    if (this.#unique && low < list.length && totalOrder(list[low], own) === 0) {
      // 0 in place of -0, or the other way round.
      list[low] = v
      return
    }
    this.#budget.take(v)
    list.splice(low, 0, v)
    if (list.length > this.#limit) this.#budget.give(list.pop() as Value)
  }
  result(g: number): Value {
    return [...this.#lists.get(g)]
  }
  partial(groups: number, transfer: ArrayBuffer[]): ListsPartial {
    return listsOf(groups, (g) => this.#lists.get(g), transfer)
  }
  merge({ owners, values }: ListsPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) this.add(to[owners[i]], decodeValue(values[i]))
  }
}

/** The N most (sign -1) or least (sign 1) frequent values; among equals the one seen first comes first. */
export class Frequent implements Accumulator {
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
  partial(groups: number, transfer: ArrayBuffer[]): CountsPartial {
    const lists = listsOf(
      groups,
      (g) =>
        this.#groups
          .get(g)
          .values()
          .map((e) => e.value),
      transfer,
    )
    const counts = new Float64Array(lists.entries)
    let i = 0
    for (let g = 0; g < groups; g++) for (const { count } of this.#groups.get(g).values()) counts[i++] = count
    transfer.push(counts.buffer)
    return { ...lists, counts }
  }
  merge({ owners, values, counts }: CountsPartial, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) {
      const group = this.#groups.get(to[owners[i]])
      const value = decodeValue(values[i])
      const key = canonical(value)
      const known = group.get(key)
      if (known !== undefined) known.count += counts[i]
      else {
        this.#budget.take(value)
        group.set(key, { value, count: counts[i] })
      }
    }
  }
}

/** Values of groups, and how many times each came. */
interface CountsPartial extends ListsPartial {
  readonly counts: Float64Array<ArrayBuffer>
}
