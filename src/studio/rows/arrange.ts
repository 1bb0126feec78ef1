/**
 * Sorting and filtering of the rows that were received. The arrangement is kept beside the result: which rows, in which
 * order. It is made in slices, without losing digits, and the rows themselves stay where they are.
 */
import { type Filter, passes } from './filters.ts'
import type { Cell, Result } from './result.ts'
import { inSlices } from './slices.ts'
import { compareTexts, isThere, rankOf } from './values.ts'

export interface Sort {
  readonly path: string
  readonly descending: boolean
}

/** What is to be seen of a result. */
export interface Arrangement {
  readonly sorts: readonly Sort[]
  readonly filters: readonly Filter[]
}

/** `rows` of the first `of` rows that were received pass. */
export interface Arranged {
  readonly rows: number
  readonly of: number
}

interface Kept extends Arranged {
  readonly key: string
  readonly order: Int32Array
  readonly isSorted: boolean
  readonly replaced: number
  readonly dropped: number
}

const kept = new WeakMap<Result, Kept>()
const wanted = new WeakMap<Result, object>()

/** The last arrangement, without the rows that went since. */
function lastOf(result: Result): Kept | undefined {
  const before = kept.get(result)
  if (before === undefined || before.dropped === result.dropped) return before
  const gone = result.dropped - before.dropped
  const order = before.order
    .subarray(0, before.rows)
    .map((row) => row - gone)
    .filter((row) => row >= 0)
  const of = Math.max(0, before.of - gone)
  const now = { ...before, order, rows: order.length, of, dropped: result.dropped }
  kept.set(result, now)
  return now
}

/** Not a limit: characters of a value that count for its place in the order. */
const SORTED_CHARACTERS = 1000

/** The row of the result that stands at a place; the arrangement is the last one that was asked for. */
export function rowAt(result: Result, place: number, arranged: boolean): number {
  if (!arranged) return result.newestFirst ? result.rows - 1 - place : place
  const last = lastOf(result)
  if (last === undefined || place < 0 || place >= last.rows) return -1
  // Rows that are filtered only stand as they do without a filter.
  return last.order[result.newestFirst && !last.isSorted ? last.rows - 1 - place : place]
}

/** How many rows there are to be seen. */
export function placesOf(result: Result, arranged: boolean): number {
  return arranged ? (lastOf(result)?.rows ?? 0) : result.rows
}

/** Arranges what is there. undefined when another arrangement was asked for meanwhile. */
export async function arrange(result: Result, { sorts, filters }: Arrangement): Promise<Arranged | undefined> {
  const own = {}
  wanted.set(result, own)
  const isWanted = (): boolean => wanted.get(result) === own
  const key = JSON.stringify({ sorts, filters })
  const before = lastOf(result)
  const { rows: of, replaced, dropped } = result
  // Rows that came since are looked at alone, where the order of arrival counts.
  const goesOn = sorts.length === 0 && before?.key === key && before.replaced === replaced && before.of <= of
  const first = goesOn ? before.of : 0
  let order = new Int32Array(Math.max(1024, of))
  let count = 0
  if (goesOn) {
    order.set(before.order.subarray(0, before.rows))
    count = before.rows
  }
  const columns = columnsAt(result, [...filters.map(({ path }) => path), ...sorts.map(({ path }) => path)])
  const keys = sorts.map(() => new SortKeys(of))
  const done = await inSlices(
    first,
    of,
    (row) => {
      const cells = result.cells(row, columns, filters.length === 0 ? SORTED_CHARACTERS : Number.MAX_SAFE_INTEGER)
      if (!filters.every((filter, i) => passes(filter, cells[i]))) return
      keys.forEach((column, i) => column.set(row, cells[filters.length + i]))
      order[count++] = row
    },
    isWanted,
  )
  if (!done) return undefined
  if (sorts.length > 0) {
    const sorted = await mergeSorted(order.subarray(0, count), comparing(sorts, keys), isWanted)
    if (sorted === undefined) return undefined
    order = sorted
  }
  // A short one needs no turn, in which it would have seen that another was asked for.
  if (!isWanted()) return undefined
  // Rows went meanwhile, and those that are left moved up.
  if (result.dropped !== dropped) return await arrange(result, { sorts, filters })
  kept.set(result, { key, order, isSorted: sorts.length > 0, rows: count, of, replaced, dropped })
  return { rows: count, of }
}

/** Positions of columns by path; -1 for one that is not there. */
export function columnsAt(result: Result, paths: readonly string[]): readonly number[] {
  return paths.map((path) => result.columns.list.findIndex((column) => column.path === path))
}

/** What a row is sorted by, without the row: its kind and its text. */
class SortKeys {
  readonly #ranks: Uint8Array
  readonly #numbers: Float64Array
  readonly #texts: string[] = []

  constructor(rows: number) {
    this.#ranks = new Uint8Array(rows)
    this.#numbers = new Float64Array(rows)
  }

  set(row: number, cell: Cell | undefined): void {
    this.#ranks[row] = rankOf(cell)
    if (cell?.kind === 'number') {
      const value = Number(cell.text)
      this.#numbers[row] = value
      // The text is needed where a double says less than the digits.
      if (cell.text.length > 15) this.#texts[row] = cell.text
    } else if (isThere(cell)) this.#texts[row] = cell.text.slice(0, SORTED_CHARACTERS)
  }

  compare(a: number, b: number, descending: boolean): number {
    const [p, q] = [this.#ranks[a], this.#ranks[b]]
    // Where there is no value, rows are last either way.
    if (p !== q) return p > 3 || q > 3 ? p - q : descending ? q - p : p - q
    if (p > 3) return 0
    const [x, y] = [this.#numbers[a], this.#numbers[b]]
    const order =
      p !== 0
        ? compareTexts('text', this.#texts[a], this.#texts[b])
        : x < y
          ? -1
          : x > y
            ? 1
            : compareTexts('number', this.#texts[a] ?? String(x), this.#texts[b] ?? String(y))
    return descending ? -order : order
  }
}

function comparing(sorts: readonly Sort[], keys: readonly SortKeys[]): (a: number, b: number) => number {
  return (a, b) => {
    for (let i = 0; i < sorts.length; i++) {
      const order = keys[i].compare(a, b, sorts[i].descending)
      if (order !== 0) return order
    }
    return 0
  }
}

/** Keeps the order of equals. A sort of the language would hold the worker for seconds. */
async function mergeSorted(
  from: Int32Array,
  compare: (a: number, b: number) => number,
  isWanted: () => boolean,
): Promise<Int32Array<ArrayBuffer> | undefined> {
  const count = from.length
  let [source, target] = [new Int32Array(from), new Int32Array(count)]
  for (let width = 1; width < count; width *= 2) {
    let [left, right, at] = [0, 0, 0]
    let [leftEnd, rightEnd] = [0, 0]
    const done = await inSlices(
      0,
      count,
      () => {
        if (at === rightEnd) {
          left = at
          leftEnd = right = Math.min(at + width, count)
          rightEnd = Math.min(at + 2 * width, count)
        }
        const isLeft = left < leftEnd && (right >= rightEnd || compare(source[left], source[right]) <= 0)
        target[at++] = isLeft ? source[left++] : source[right++]
      },
      isWanted,
    )
    if (!done) return undefined
    ;[source, target] = [target, source]
  }
  return source
}
