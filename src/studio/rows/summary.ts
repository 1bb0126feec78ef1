/**
 * What the values of a column look like: how many are there, null and absent, how many different ones, the least and the
 * greatest, a small histogram, the most frequent ones. One column at a time, in slices, exact up to a limit.
 */
import { columnsAt, placesOf, rowAt } from './arrange.ts'
import type { Cell, Result } from './result.ts'
import { inSlices } from './slices.ts'
import { compareTexts, edgeTexts, isThere } from './values.ts'

/** A value with how often it is there. */
export interface Counted {
  readonly cell: Cell
  readonly count: number
}

/** A bar of a histogram: values from `from` on, up to the next bar. */
export interface Bar {
  readonly from: string
  readonly to: string
  readonly count: number
}

export interface Summary {
  readonly path: string
  /** Rows that were looked at. */
  readonly rows: number
  readonly count: number
  readonly nulls: number
  readonly absent: number
  readonly distinct: number
  /** Whether `distinct` is an estimate. */
  readonly approximate: boolean
  readonly least: Cell | undefined
  readonly greatest: Cell | undefined
  readonly top: readonly Counted[]
  /** Of numbers and times; empty for other values. */
  readonly bars: readonly Bar[]
}

/** Limit `studio.distinct` (values): different values of a column that are counted exactly. Beyond it: an estimate. */
export const MAX_DISTINCT = 100_000
const TOP = 10
const BARS = 24
/** Values are told apart by so many characters. */
const COMPARED = 1000

/** Columns by path; of the first `most` rows that are to be seen. */
export interface SummaryInput {
  readonly paths: readonly string[]
  readonly arranged: boolean
  readonly most: number
}

/** All of the columns in one pass over the rows. */
export async function summaries(result: Result, { paths, arranged, most }: SummaryInput): Promise<readonly Summary[]> {
  const columns = columnsAt(result, paths)
  const rows = Math.min(most, placesOf(result, arranged))
  const tallies = paths.map(() => new Tally())
  await inSlices(0, rows, (place) => {
    const row = rowAt(result, place, arranged)
    if (row < 0 || row >= result.rows) return
    const cells = result.cells(row, columns, COMPARED)
    for (let i = 0; i < cells.length; i++) tallies[i].add(cells[i])
  })
  return tallies.map((tally, i) => tally.summary(paths[i], rows))
}

class Tally {
  #count = 0
  #nulls = 0
  #absent = 0
  #least: Cell | undefined
  #greatest: Cell | undefined
  readonly #counts = new Map<string, { cell: Cell; count: number }>()
  readonly #estimate = new DistinctEstimate()
  #beyond = false
  #numbers: number[] = []
  #isOfNumbers = true
  #isOfTimes = true

  add(cell: Cell | undefined): void {
    if (cell === undefined) this.#absent++
    else if (!isThere(cell)) this.#nulls++
    else {
      this.#count++
      if (this.#least === undefined || orderOf(cell, this.#least) < 0) this.#least = cell
      if (this.#greatest === undefined || orderOf(cell, this.#greatest) > 0) this.#greatest = cell
      this.#tally(cell)
      this.#number(cell)
    }
  }

  #tally(cell: Cell): void {
    const key = `${cell.kind}:${cell.text}`
    this.#estimate.add(key)
    const known = this.#counts.get(key)
    if (known !== undefined) known.count++
    else if (this.#counts.size < MAX_DISTINCT) this.#counts.set(key, { cell, count: 1 })
    else this.#beyond = true
  }

  #number({ kind, text }: Cell): void {
    if (!this.#isOfNumbers && !this.#isOfTimes) return
    if (kind !== 'number') this.#isOfNumbers = false
    if (kind !== 'text' || !isTime(text)) this.#isOfTimes = false
    if (this.#isOfNumbers || this.#isOfTimes) this.#numbers.push(kind === 'number' ? Number(text) : Date.parse(text))
    else this.#numbers = []
  }

  summary(path: string, rows: number): Summary {
    const top = [...this.#counts.values()].sort((a, b) => b.count - a.count).slice(0, TOP)
    return {
      path,
      rows,
      count: this.#count,
      nulls: this.#nulls,
      absent: this.#absent,
      distinct: this.#beyond ? Math.max(MAX_DISTINCT, this.#estimate.value()) : this.#counts.size,
      approximate: this.#beyond,
      least: this.#least,
      greatest: this.#greatest,
      top: top.map(({ cell, count }) => ({ cell, count })),
      bars: barsOf(this.#numbers, this.#isOfTimes && !this.#isOfNumbers),
    }
  }
}

const KINDS: readonly Cell['kind'][] = ['number', 'boolean', 'text', 'json', 'null']

function orderOf(a: Cell, b: Cell): number {
  return a.kind === b.kind ? compareTexts(a.kind, a.text, b.text) : KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind)
}

/** `2024-03-01` or `2024-03-01T12:00:00.000Z`, as the server writes dates and times. */
export function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z)?$/.test(text)
}

/** Bars of one width between the least and the greatest. Of drawing only: a double is enough. */
function barsOf(values: readonly number[], areTimes: boolean): readonly Bar[] {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) {
    if (value < least) least = value
    if (value > greatest) greatest = value
  }
  const width = (greatest - least) / BARS
  if (!Number.isFinite(width) || width <= 0) return []
  const counts = new Array<number>(BARS).fill(0)
  for (const value of values) counts[Math.min(BARS - 1, Math.floor((value - least) / width))]++
  const numbers = Array.from({ length: BARS + 1 }, (_, i) => (i === BARS ? greatest : least + i * width))
  const edges = areTimes ? numbers.map((value) => new Date(Math.round(value)).toISOString()) : edgeTexts(numbers, 6)
  return counts.map((count, i) => ({ from: edges[i], to: edges[i + 1], count }))
}

/** HyperLogLog with 4,096 registers: about 1.6 % off. */
class DistinctEstimate {
  readonly #registers = new Uint8Array(4096)

  add(text: string): void {
    const hash = hashOf(text)
    const register = hash & 4095
    const zeros = Math.clz32((hash >>> 12) << 12) + 1
    if (zeros > this.#registers[register]) this.#registers[register] = Math.min(zeros, 21)
  }

  value(): number {
    let sum = 0
    for (const register of this.#registers) sum += 2 ** -register
    return Math.round(((0.7213 / (1 + 1.079 / 4096)) * (4096 * 4096)) / sum)
  }
}

/** FNV-1a with the finish of murmur: bits are spread evenly. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
