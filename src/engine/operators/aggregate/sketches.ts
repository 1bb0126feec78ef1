/**
 * The approximate aggregates: how many different values (HyperLogLog), and quantiles (t-digest). Both are exact for
 * small groups and hold a bounded number of bytes for large ones. The errors that the documentation promises stand
 * beside the constants here.
 */
import { Decimal } from '../../../lib/decimal.ts'
import type { Value } from '../../../types.ts'
import { canonical } from '../../program/values/canonical.ts'
import type { Accumulator } from './accumulator.ts'
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
  registers: Uint8Array | undefined
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
    if (++group.size <= EXACT_VALUES) return
    const registers = new Uint8Array(REGISTERS)
    this.#budget.take(registers)
    for (const [h, ls] of few) for (const l of ls) note(registers, h, l)
    for (let i = 0; i < group.size; i++) this.#budget.give(0)
    group.few = undefined
    group.registers = registers
  }
  result(g: number): Value {
    const { registers, size } = this.#groups[g]
    return registers === undefined ? size : Math.round(estimate(registers))
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
  means: Float64Array
  weights: Float64Array
  centroids: number
  total: number
  min: number
  max: number
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
    if (digest.waiting.length > WAITING) merge(digest)
  }
  result(g: number): Value {
    const digest = this.#groups[g]
    if (digest.centroids === 0) return interpolated(Float64Array.from(digest.waiting).sort(), this.#quantile)
    if (digest.waiting.length > 0) merge(digest)
    return quantileOf(digest, this.#quantile)
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

/** Folds what waits into the centroids; how much one may weigh depends on where it stands (scale function k1). */
function merge(d: Digest): void {
  const waiting = Float64Array.from(d.waiting).sort()
  const total = d.total + waiting.length
  const means = new Float64Array(MOST_CENTROIDS)
  const weights = new Float64Array(MOST_CENTROIDS)
  d.min = Math.min(d.min, waiting[0])
  d.max = Math.max(d.max, waiting[waiting.length - 1])
  let out = -1
  let before = 0
  let most = 0
  let [i, j] = [0, 0]
  while (i < d.centroids || j < waiting.length) {
    const old = i < d.centroids && (j >= waiting.length || d.means[i] <= waiting[j])
    const mean = old ? d.means[i] : waiting[j]
    const weight = old ? d.weights[i++] : 1
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
  d.waiting = []
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
