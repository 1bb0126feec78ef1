/**
 * Columns that are indexed by a dense number (a group, a row) and grow without being copied: pages of a fixed number of
 * entries. Only the first page starts small and doubles, as most columns stay small. No single step is long, and old
 * and new are never held at once.
 */

/** Entries of a page: 2^13. */
export const PAGE_BITS = 13
/** The number of entries of a page. */
export const PAGE_ENTRIES = 1 << PAGE_BITS
/** Of an index the place in its page. */
export const PAGE_MASK = PAGE_ENTRIES - 1
const FIRST_ENTRIES = 16

type Numbers = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>

/** Some numbers for each entry, 0 at first. Generated code reads and writes `first` and `pages` in place. */
export class NumberPages<A extends Numbers> {
  /** How many numbers an entry has. They stand side by side. */
  readonly width: number
  /** Page 0; another array after it grew. */
  first: A
  readonly pages: A[]
  readonly #make: (length: number) => A
  #entries = FIRST_ENTRIES

  constructor(width: number, make: (length: number) => A) {
    this.width = width
    this.#make = make
    this.first = make(FIRST_ENTRIES * width)
    this.pages = [this.first]
  }

  /** Makes room for the entries below `entries`. */
  grow(entries: number): void {
    while (entries > this.#entries) {
      if (this.#entries < PAGE_ENTRIES) {
        this.#entries *= 2
        const next = this.#make(this.#entries * this.width)
        next.set(this.first)
        this.first = next
        this.pages[0] = next
      } else {
        this.pages.push(this.#make(PAGE_ENTRIES * this.width))
        this.#entries += PAGE_ENTRIES
      }
    }
  }

  /** The page of an entry; its numbers start at `at(entry)`. */
  page(entry: number): A {
    return entry < PAGE_ENTRIES ? this.first : this.pages[entry >>> PAGE_BITS]
  }
  at(entry: number): number {
    return (entry & PAGE_MASK) * this.width
  }
}

/** Doubles, `width` for each entry. */
export function doublePages(width: number): NumberPages<Float64Array<ArrayBuffer>> {
  return new NumberPages(width, (length) => new Float64Array(length))
}

/** Whole numbers of 32 bits, `width` for each entry. */
export function integerPages(width: number): NumberPages<Int32Array<ArrayBuffer>> {
  return new NumberPages(width, (length) => new Int32Array(length))
}

/** Numbers from 0 to 255, `width` for each entry. */
export function bytePages(width: number): NumberPages<Uint8Array<ArrayBuffer>> {
  return new NumberPages(width, (length) => new Uint8Array(length))
}

/** Values of any kind, appended one by one. */
export class ValuePages<T> {
  readonly #pages: T[][] = [[]]
  #size = 0

  get size(): number {
    return this.#size
  }
  push(value: T): void {
    const page = this.#size >>> PAGE_BITS
    if (page === this.#pages.length) this.#pages.push([])
    this.#pages[page].push(value)
    this.#size++
  }
  get(i: number): T {
    return this.#pages[i >>> PAGE_BITS][i & PAGE_MASK]
  }
  set(i: number, value: T): void {
    this.#pages[i >>> PAGE_BITS][i & PAGE_MASK] = value
  }
}

/** A whole number of 32 bits for each entry, 0 where none was set; pages come with the first number in them. */
export class SparseIntegers {
  readonly #pages: (Int32Array | undefined)[] = []

  get(i: number): number {
    const page = this.#pages[i >>> PAGE_BITS]
    return page === undefined ? 0 : page[i & PAGE_MASK]
  }
  set(i: number, value: number): void {
    const at = i >>> PAGE_BITS
    while (this.#pages.length <= at) this.#pages.push(undefined)
    let page = this.#pages[at]
    if (page === undefined) {
      page = new Int32Array(PAGE_ENTRIES)
      this.#pages[at] = page
    }
    page[i & PAGE_MASK] = value
  }
}
