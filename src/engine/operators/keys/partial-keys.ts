/**
 * The keys of a `KeyColumn` and the pairs of a `PairIndex` as plain data that crosses a thread, and how they are read
 * there. Columns of numbers and the bytes of texts: no string is made on the way. Hashes stay behind, as every thread
 * has a seed of its own.
 */
import type { Value } from '../../../types.ts'
import { decodeValue, type Encoded } from '../../exchange/value-codec.ts'
import { asWholeDouble } from '../../program/values/whole-double.ts'
import { PAGE_BITS, PAGE_MASK } from '../pages.ts'
import { TEXT_HEAD } from './text-index.ts'

/** What a key is: one of these, or SHORT_TEXT + n for a text of n bytes, of which eight are the most. */
export const NULL = 0
export const INTEGER = 1
export const DOUBLES = 2
export const BOXED = 3
export const LONG_TEXT = 4
export const SHORT_TEXT = 5
/** More, of a number: it comes back with its mark. */
export const MARKED = 64

/**
 * By key, in order of first appearance: what it is, and its two halves as in `KeyColumn`. `lows` and `kinds` are pages
 * of PAGE_ENTRIES, the last one with room to spare.
 */
export interface PartialKeys {
  readonly size: number
  readonly kinds: readonly Uint8Array<ArrayBuffer>[]
  readonly lows: readonly Int32Array<ArrayBuffer>[]
  /** Empty when all are 0. */
  readonly highs: Int32Array<ArrayBuffer>
  /** Pieces of the arena that the places of long texts are in. */
  readonly texts: readonly Uint8Array<ArrayBuffer>[]
  readonly boxes: readonly Encoded[]
}

/** Two numbers for each pair, in pages of PAGE_ENTRIES. */
export interface PartialPairs {
  readonly size: number
  readonly pages: readonly Int32Array<ArrayBuffer>[]
}

/** What numbers keys: a `KeyColumn`. */
interface KeyFinder {
  findValue(v: Value): number
  findShort(low: number, high: number, length: number): number
  findSlice(b: Uint8Array, view: DataView, from: number, to: number, value: Value): number
}

/** Bits of a double, and bytes of a short text. */
const DOUBLE = new Float64Array(1)
const BITS = new Int32Array(DOUBLE.buffer)
const BYTES = Buffer.from(DOUBLE.buffer)

export class KeyReader {
  readonly #keys: PartialKeys
  readonly #texts: readonly Buffer[]
  readonly #views: readonly DataView[]

  constructor(keys: PartialKeys) {
    this.#keys = keys
    this.#texts = keys.texts.map((t) => Buffer.from(t.buffer, t.byteOffset, t.length))
    this.#views = this.#texts.map((t) => new DataView(t.buffer, t.byteOffset, t.length))
  }

  #high(id: number): number {
    const { highs } = this.#keys
    return highs.length === 0 ? 0 : highs[id]
  }

  /** The double whose halves stand at the key. */
  #double(id: number, low: number): number {
    BITS[0] = low
    BITS[1] = this.#high(id)
    return DOUBLE[0]
  }

  isText(id: number): boolean {
    const kind = this.#keys.kinds[id >>> PAGE_BITS][id & PAGE_MASK]
    return kind >= LONG_TEXT && kind < MARKED
  }

  value(id: number): Value {
    const keys = this.#keys
    const kind = keys.kinds[id >>> PAGE_BITS][id & PAGE_MASK]
    const low = keys.lows[id >>> PAGE_BITS][id & PAGE_MASK]
    switch (kind) {
      case NULL:
        return null
      case INTEGER:
        return low
      case INTEGER + MARKED:
        return asWholeDouble(low)
      case DOUBLES:
        return this.#double(id, low)
      case DOUBLES + MARKED:
        return asWholeDouble(this.#double(id, low))
      case BOXED:
        return decodeValue(keys.boxes[low])
      case LONG_TEXT: {
        const [from, to] = this.#place(low)
        return this.#texts[low >>> 16].toString('utf8', from, to)
      }
      default:
        BITS[0] = low
        BITS[1] = this.#high(id)
        return BYTES.toString('utf8', 0, kind - SHORT_TEXT)
    }
  }

  /** Where a long text begins and ends in its piece of the arena. */
  #place(low: number): [number, number] {
    const start = ((low & 0xffff) << 2) + TEXT_HEAD
    return [start, start + this.#views[low >>> 16].getInt32(start - 4, true)]
  }

  /** The number that the key has, or gets, in a column. */
  findIn(column: KeyFinder, id: number): number {
    const kind = this.#keys.kinds[id >>> PAGE_BITS][id & PAGE_MASK]
    if (kind >= SHORT_TEXT && kind < MARKED)
      return column.findShort(this.#keys.lows[id >>> PAGE_BITS][id & PAGE_MASK], this.#high(id), kind - SHORT_TEXT)
    if (kind !== LONG_TEXT) return column.findValue(this.value(id))
    const low = this.#keys.lows[id >>> PAGE_BITS][id & PAGE_MASK]
    const [from, to] = this.#place(low)
    return column.findSlice(this.#texts[low >>> 16], this.#views[low >>> 16], from, to, null)
  }
}
