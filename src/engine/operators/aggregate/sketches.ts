/**
 * The approximate aggregates: how many different values (HyperLogLog), and quantiles (t-digest). Both are exact for
 * small groups and hold a bounded number of bytes for large ones. The errors that the documentation promises stand
 * beside the constants here.
 */
import { Decimal } from '../../../lib/decimal.ts'
import type { Value } from '../../../types.ts'
import { canonical } from '../../program/values/canonical.ts'
import type { Accumulator } from './accumulator.ts'
import type { PartialState } from './partial.ts'
import type { MemoryBudget } from '../memory.ts'

/** Registers: 2^12. The standard error is 1.04 / √4096 = 1.6 %. */
const PRECISION = 12
const REGISTERS = 1 << PRECISION
/** Bits of a hash that make the rank: 64 - 12. */
const RANK_BITS = 52
/** Up to this number distinct values are counted exactly. */
const EXACT_VALUES = 1024

interface Distinct {
  /** Hashes, while there are few. */
  few: Map<number, Set<number>> | undefined
  size: number
  registers: Uint8Array<ArrayBuffer> | undefined
}

/** Hashes of groups that are exact, then the registers of the others; an entry is a hash or the registers of a group. */
interface DistinctSketches extends PartialState {
  /** By hash its group. */
  readonly owners: Int32Array<ArrayBuffer>
  /** By hash two numbers: its halves. */
  readonly hashes: Uint32Array<ArrayBuffer>
  readonly large: readonly { readonly group: number; readonly registers: Uint8Array<ArrayBuffer> }[]
}

/**
 * APPROX_COUNT_DISTINCT: HyperLogLog with Ertl's estimator ("New cardinality estimation algorithms for HyperLogLog
 * sketches", 2017).
 */
export class ApproximateDistinct implements Accumulator {
  readonly #groups: Distinct[] = []
  readonly #budget: MemoryBudget
  constructor(budget: MemoryBudget) {
    this.#budget = budget
  }
  grow(groups: number): void {
    while (this.#groups.length < groups) this.#groups.push({ few: new Map(), size: 0, registers: undefined })
  }
  add(g: number, v: Value): void {
    if (v === null) return
    const [high, low] = hash64(canonical(v))
    const group = this.#groups[g]
    if (group.registers !== undefined) note(group.registers, high, low)
    else this.#remember(group, high, low)
  }
  #remember(group: Distinct, high: number, low: number): void {
    const few = group.few as Map<number, Set<number>>
    let lows = few.get(high)
    if (lows === undefined) {
      lows = new Set()
      few.set(high, lows)
    }
    if (lows.has(low)) return
    this.#budget.take(0)
    lows.add(low)
    if (++group.size > EXACT_VALUES) this.#estimated(group, few)
  }
  /** From here on the group is estimated. */
  #estimated(group: Distinct, few: Map<number, Set<number>>): Uint8Array {
    const registers = new Uint8Array(REGISTERS)
    this.#budget.take(registers)
    for (const [h, ls] of few) for (const l of ls) note(registers, h, l)
    for (let i = 0; i < group.size; i++) this.#budget.give(0)
    group.few = undefined
    group.registers = registers
    return registers
  }
  result(g: number): Value {
    const { registers, size } = this.#groups[g]
    return registers === undefined ? size : Math.round(estimate(registers))
  }
  partial(groups: number, transfer: ArrayBuffer[]): DistinctSketches {
    const held = this.#groups.slice(0, groups)
    const large = held.flatMap(({ registers }, group) => (registers === undefined ? [] : [{ group, registers }]))
    const few = held.reduce((n, { registers, size }) => (registers === undefined ? n + size : n), 0)
    const owners = new Int32Array(few)
    const hashes = new Uint32Array(few * 2)
    let n = 0
    for (const [g, group] of held.entries())
      for (const [high, lows] of group.few ?? [])
        for (const low of lows) {
          owners[n] = g
          hashes[n * 2] = high
          hashes[n++ * 2 + 1] = low
        }
    transfer.push(owners.buffer, hashes.buffer, ...large.map(({ registers }) => registers.buffer))
    return { entries: few + large.length, owners, hashes, large }
  }
  merge({ owners, hashes, large }: DistinctSketches, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) {
      if (i >= owners.length) {
        const { group, registers } = large[i - owners.length]
        this.#mergeRegisters(this.#groups[to[group]], registers)
        continue
      }
      const group = this.#groups[to[owners[i]]]
      if (group.registers !== undefined) note(group.registers, hashes[i * 2], hashes[i * 2 + 1])
      else this.#remember(group, hashes[i * 2], hashes[i * 2 + 1])
    }
  }
  #mergeRegisters(group: Distinct, others: Uint8Array): void {
    const registers = group.few === undefined ? group.registers : this.#estimated(group, group.few)
    if (registers !== undefined)
      for (let i = 0; i < REGISTERS; i++) if (others[i] > registers[i]) registers[i] = others[i]
  }
}

/** The register is chosen by the upper bits; it keeps the longest run of leading zeros among the others, plus one. */
function note(registers: Uint8Array, high: number, low: number): void {
  const at = high >>> (32 - PRECISION)
  const rest = (high << PRECISION) >>> 0
  const zeros = rest === 0 ? 32 - PRECISION + Math.clz32(low) : Math.clz32(rest)
  const rank = Math.min(zeros, RANK_BITS) + 1
  if (rank > registers[at]) registers[at] = rank
}

function estimate(registers: Uint8Array): number {
  const counts = new Float64Array(RANK_BITS + 2)
  for (const r of registers) counts[r]++
  let z = REGISTERS * tau(1 - counts[RANK_BITS + 1] / REGISTERS)
  for (let k = RANK_BITS; k >= 1; k--) z = 0.5 * (z + counts[k])
  z += REGISTERS * sigma(counts[0] / REGISTERS)
  return (REGISTERS * REGISTERS) / (2 * Math.LN2 * z)
}

function sigma(start: number): number {
  if (start === 1) return Number.POSITIVE_INFINITY
  let [x, y, z, before] = [start, 1, start, -1]
  while (z !== before) {
    x *= x
    before = z
    z += x * y
    y += y
  }
  return z
}

function tau(start: number): number {
  if (start === 0 || start === 1) return 0
  let [x, y, z, before] = [start, 1, 1 - start, -1]
  while (z !== before) {
    x = Math.sqrt(x)
    before = z
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}

/** 64 bits of a text, as two unsigned halves: MurmurHash3's steps, one character at a time, with two seeds. */
function hash64(text: string): [number, number] {
  let a = 0x2f6b1d3a
  let b = 0x7c15e9d5
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    let k = Math.imul(c, 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    a ^= k
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0
    k = Math.imul(c, 0x239b961b)
    k = Math.imul((k << 16) | (k >>> 16), 0xab0e9789)
    b ^= k
    b = (Math.imul((b << 17) | (b >>> 15), 5) + 0x561ccd1b) | 0
  }
  a = mixed(a ^ text.length)
  b = mixed(b ^ text.length ^ a)
  return [(a + b) >>> 0, b >>> 0]
}

function mixed(h: number): number {
  let x = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

// ---------------------------------------------------------------------------------------------- quantiles

/**
 * More centroids, smaller error: with 200 the rank of the answer is off by less than 1 % in the middle, and far less
 * towards both ends.
 */
const COMPRESSION = 200
/** Values that wait to be merged; a group with no more is exact. */
const WAITING = 1024
/** Not a limit: follows from COMPRESSION; further centroids are merged. */
const MOST_CENTROIDS = 2 * COMPRESSION

interface Digest {
  waiting: number[]
  means: Float64Array<ArrayBuffer>
  weights: Float64Array<ArrayBuffer>
  centroids: number
  total: number
  min: number
  max: number
}

/** Digests that are no longer exact, then the values that wait; an entry is a digest or a value. */
interface Digests extends PartialState {
  readonly large: readonly (Omit<Digest, 'waiting'> & { readonly group: number })[]
  /** By value its group. */
  readonly owners: Int32Array<ArrayBuffer>
  readonly values: Float64Array<ArrayBuffer>
}

/**
 * APPROX_QUANTILE: a merging t-digest (Dunning, Ertl: "Computing extremely accurate quantiles using t-digests", 2019).
 * NaN and what is no number do not count.
 */
export class ApproximateQuantile implements Accumulator {
  readonly #groups: Digest[] = []
  readonly #quantile: number
  readonly #budget: MemoryBudget
  constructor(quantile: number, budget: MemoryBudget) {
    this.#quantile = quantile
    this.#budget = budget
  }
  grow(groups: number): void {
    while (this.#groups.length < groups)
      this.#groups.push({
        waiting: [],
        means: EMPTY,
        weights: EMPTY,
        centroids: 0,
        total: 0,
        min: Number.POSITIVE_INFINITY,
        max: Number.NEGATIVE_INFINITY,
      })
  }
  add(g: number, v: Value): void {
    const x = v instanceof Decimal ? v.toNumber() : typeof v === 'bigint' ? Number(v) : v
    if (typeof x !== 'number' || Number.isNaN(x)) return
    const digest = this.#groups[g]
    if (digest.centroids === 0 && digest.waiting.length < WAITING) this.#budget.take(0)
    digest.waiting.push(x)
    if (digest.waiting.length > WAITING) fold(digest)
  }
  result(g: number): Value {
    const digest = this.#groups[g]
    if (digest.centroids === 0) return interpolated(Float64Array.from(digest.waiting).sort(), this.#quantile)
    if (digest.waiting.length > 0) fold(digest)
    return quantileOf(digest, this.#quantile)
  }
  partial(groups: number, transfer: ArrayBuffer[]): Digests {
    const held = this.#groups.slice(0, groups)
    const large = held.flatMap(({ waiting, ...d }, group) => (d.centroids === 0 ? [] : [{ ...d, group }]))
    const owners = new Int32Array(held.reduce((n, { waiting }) => n + waiting.length, 0))
    const values = new Float64Array(owners.length)
    let n = 0
    for (const [g, { waiting }] of held.entries())
      for (const v of waiting) {
        owners[n] = g
        values[n++] = v
      }
    transfer.push(owners.buffer, values.buffer)
    for (const { means, weights } of large) transfer.push(means.buffer, weights.buffer)
    return { entries: large.length + owners.length, large, owners, values }
  }
  merge({ large, owners, values }: Digests, to: Int32Array, from: number, until: number): void {
    for (let i = from; i < until; i++) {
      if (i < large.length) this.#mergeDigest(this.#groups[to[large[i].group]], large[i])
      else this.add(to[owners[i - large.length]], values[i - large.length])
    }
  }
  /** What waited here or there is counted as if it had been met here. */
  #mergeDigest(digest: Digest, other: Omit<Digest, 'waiting'>): void {
    if (digest.centroids === 0) for (let n = digest.waiting.length; n < WAITING; n++) this.#budget.take(0)
    if (digest.waiting.length > 0) fold(digest)
    foldIn(digest, other)
  }
}

const EMPTY = new Float64Array(0)

/** As PERCENTILE_CONT: between two values in proportion. */
function interpolated(sorted: Float64Array, q: number): number | null {
  if (sorted.length === 0) return null
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  return low + 1 < sorted.length && at > low ? sorted[low] + (sorted[low + 1] - sorted[low]) * (at - low) : sorted[low]
}

/** Folds what waits into the centroids. */
function fold(d: Digest): void {
  const waiting = Float64Array.from(d.waiting).sort()
  const [min, max] = [waiting[0], waiting[waiting.length - 1]]
  d.waiting = []
  foldIn(d, { means: waiting, weights: undefined, centroids: waiting.length, total: waiting.length, min, max })
}

/** Centroids in order; without weights values, each of which weighs 1. */
interface Weighted {
  readonly means: Float64Array
  readonly weights: Float64Array | undefined
  readonly centroids: number
  readonly total: number
  readonly min: number
  readonly max: number
}

/** Folds others into the centroids; how much one may weigh depends on where it stands (scale function k1). */
function foldIn(d: Digest, other: Weighted): void {
  const total = d.total + other.total
  const means = new Float64Array(MOST_CENTROIDS)
  const weights = new Float64Array(MOST_CENTROIDS)
  d.min = Math.min(d.min, other.min)
  d.max = Math.max(d.max, other.max)
  let out = -1
  let before = 0
  let most = 0
  let [i, j] = [0, 0]
  while (i < d.centroids || j < other.centroids) {
    const old = i < d.centroids && (j >= other.centroids || d.means[i] <= other.means[j])
    const mean = old ? d.means[i] : other.means[j]
    const weight = old ? d.weights[i++] : other.weights === undefined ? 1 : other.weights[j]
    if (!old) j++
    if (out >= 0 && (before + weights[out] + weight <= most || out === MOST_CENTROIDS - 1)) {
      weights[out] += weight
      means[out] += ((mean - means[out]) * weight) / weights[out]
    } else {
      if (out >= 0) before += weights[out]
      out++
      means[out] = mean
      weights[out] = weight
      most = total * upperQuantile(before / total)
    }
  }
  d.means = means
  d.weights = weights
  d.centroids = out + 1
  d.total = total
}

/** Where a centroid that begins at `q` must end. */
function upperQuantile(q: number): number {
  const k = (COMPRESSION / (2 * Math.PI)) * Math.asin(2 * q - 1) + 1
  return k >= COMPRESSION / 4 ? 1 : (Math.sin((2 * Math.PI * k) / COMPRESSION) + 1) / 2
}

/** Between the centres of two centroids in proportion; between the ends and the extremes likewise. */
function quantileOf(d: Digest, q: number): number {
  const wanted = q * d.total
  let before = 0
  let place = 0
  let value = d.min
  for (let i = 0; i < d.centroids; i++) {
    const centre = before + d.weights[i] / 2
    if (wanted <= centre) return between(value, d.means[i], centre === place ? 1 : (wanted - place) / (centre - place))
    before += d.weights[i]
    place = centre
    value = d.means[i]
  }
  return between(value, d.max, d.total === place ? 1 : (wanted - place) / (d.total - place))
}

function between(a: number, b: number, share: number): number {
  return a === b ? a : a + (b - a) * Math.min(1, Math.max(0, share))
}
