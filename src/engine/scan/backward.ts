/**
 * Newest first: which offsets to read next when only the last rows of each partition are wanted, and what has been
 * found so far. Windows grow backwards from the end of each partition until it has given enough rows. It plans and
 * counts; `scan-run` does the reading.
 */
import type { OffsetRange } from '../../kafka/log.ts'
import { nothingHeld, type Operator, type Row } from '../operators/operator.ts'
import type { ScanSource } from './scan-context.ts'

/** Offsets of the first window where a filter may let few records through. */
const FIRST_FILTERED = 256
/** By which factor each window is larger than the one before it. */
const GROWTH = 4

interface Partition {
  readonly partition: number
  /** What is left to read, ascending. */
  readonly left: OffsetRange[]
  window: number
  rows: number
}

/** The windows of one scan. */
export class Windows {
  readonly #partitions: readonly Partition[]
  readonly #byNumber: ReadonlyMap<number, Partition>
  readonly #wanted: number

  /** `ranges` ascending within a partition; `wanted` rows are enough of each. */
  constructor(ranges: readonly OffsetRange[], wanted: number, filtered: boolean) {
    const of = new Map<number, OffsetRange[]>()
    for (const r of ranges) {
      const before = of.get(r.partition)
      if (before === undefined) of.set(r.partition, [r])
      else before.push(r)
    }
    const window = Math.max(wanted, filtered ? FIRST_FILTERED : 1)
    this.#partitions = [...of].map(([partition, left]) => ({ partition, left, window, rows: 0 }))
    this.#byNumber = new Map(this.#partitions.map((p) => [p.partition, p]))
    this.#wanted = wanted
  }

  /** The windows of the next round, of all partitions that lack rows; empty when none does. */
  next(): OffsetRange[] {
    return this.#partitions.flatMap((p) => {
      if (p.rows >= this.#wanted) return []
      const window = takeBack(p.left, p.window)
      p.window *= GROWTH
      return window
    })
  }

  /** Adds the number of rows that a batch of the partition gave. */
  accepted(partition: number, rows: number): void {
    const found = this.#byNumber.get(partition)
    if (found !== undefined) found.rows += rows
  }

  /** What no window has covered. */
  unread(): OffsetRange[] {
    return this.#partitions.flatMap((p) => p.left)
  }
}

/**
 * The parts of `unread` whose records may be from `start` of their partition on; `starts` in the order of `partitions`,
 * undefined where there is no such record.
 */
export function startingAt(
  unread: readonly OffsetRange[],
  partitions: readonly number[],
  starts: readonly (number | undefined)[],
): OffsetRange[] {
  const startOf = new Map(partitions.map((partition, i) => [partition, starts[i]]))
  return unread
    .map((r) => ({ ...r, start: Math.max(r.start, startOf.get(r.partition) ?? Number.POSITIVE_INFINITY) }))
    .filter((r) => r.start < r.end)
}

/** Takes the last `count` offsets off the ranges. */
function takeBack(ranges: OffsetRange[], count: number): OffsetRange[] {
  const taken: OffsetRange[] = []
  let missing = count
  while (missing > 0) {
    const last = ranges.pop()
    if (last === undefined) break
    const start = Math.max(last.start, last.end - missing)
    taken.unshift({ ...last, start })
    if (start > last.start) ranges.push({ ...last, end: start })
    missing -= last.end - start
  }
  return taken
}

/** Counts the rows on their way to the sort, and notes their times where these decide. */
export class RowCounter implements Operator {
  readonly #next: Operator
  readonly #timeSlot: number
  readonly #wanted: number
  /** The newest times, and up to as many more that are older. */
  #times: number[] = []
  #notes: boolean
  #rows = 0

  /** `wanted`: how many rows are; `timeSlot`: where a row has its timestamp; -1: it is not asked for. */
  constructor(next: Operator, wanted: number, timeSlot: number) {
    this.#next = next
    this.#wanted = wanted
    this.#timeSlot = timeSlot
    this.#notes = timeSlot >= 0
  }
  push(row: Row): void {
    this.#rows++
    if (this.#notes) {
      this.#times.push(Number(row[this.#timeSlot]))
      if (this.#times.length >= 2 * this.#wanted + FIRST_FILTERED) this.#times = this.#newest()
    }
    this.#next.push(row)
  }
  finish = nothingHeld
  get done(): boolean {
    return this.#next.done
  }
  get full(): boolean {
    return this.#next.full
  }

  /** Times that it holds: twice as many as are wanted, and FIRST_FILTERED more, at the most. */
  get noted(): number {
    return this.#times.length
  }

  /** Rows since the last call. */
  take(): number {
    const rows = this.#rows
    this.#rows = 0
    return rows
  }

  /** The time of the last row that is wanted so far; undefined while there are fewer. No further times are noted. */
  lastTime(): number | undefined {
    const newest = this.#newest()
    this.#notes = false
    this.#times = []
    return newest.length < this.#wanted ? undefined : newest[0]
  }

  /** Ascending, as many as are wanted. */
  #newest(): number[] {
    return [...Float64Array.from(this.#times).sort().slice(-this.#wanted)]
  }
}

/** Of a scan that reads newest first: counts what goes on to the sort. undefined for any other scan. */
export function rowCounter({ scan, sink }: ScanSource): RowCounter | undefined {
  if (scan.backward === undefined || sink.kind !== 'rows') return undefined
  // The timestamp is one of the sort's own keys.
  const at = sink.columns.findIndex(
    (c) => c.kind === 'path' && c.path.facet === 'meta' && c.path.steps[0] === 'timestamp',
  )
  return new RowCounter(
    sink.next,
    scan.backward.rows,
    scan.backward.by === 'offset' ? -1 : at + (sink.body === undefined ? 0 : 1),
  )
}
