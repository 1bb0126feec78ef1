/**
 * Numbers texts that are met as bytes. Texts of at most eight bytes stand in the cells of a hash table themselves; of
 * longer ones a cell has the hash and the place in an arena where the number, the length and the bytes are. No string
 * is made, but of bytes that are no UTF-8: these are the text that is read from them, with U+FFFD. What the numbers
 * mean, and which come next, is the owner's.
 */
import { isUtf8 } from 'node:buffer'
import { HashCells, hashPair, mixed, SEED } from './hash-cells.ts'

/** The longest text, in bytes, that is stored in a cell itself. */
export const SHORT = 8
/** Texts up to this length, in bytes, are also found in a small cache of recent ones, which has 2^(32 - 24) places. */
const TINY = 4
const RECENT_SHIFT = 24
/** The four top bits of a reference hold the length of a short text. */
const LENGTH_SHIFT = 28
const NUMBER_MASK = (1 << LENGTH_SHIFT) - 1
/** Numbers end before this. Not a limit: what 28 bits count; `operator.max.keys` is below it. */
export const MAX_TEXTS = NUMBER_MASK - 1
/**
 * Pieces of the arena. A place in it is 16 bits for the piece and 16 for the word of four bytes in it; the owner keeps
 * its size below MAX_ARENA_BYTES.
 */
const CHUNK_BYTES = 1 << 18
/**
 * Limit `operator.max.key.bytes` (bytes): texts of the keys that one hash table of an operator holds, unless
 * `max.group.bytes` is lower. Beyond it: an error that names the operator.
 */
export const MAX_ARENA_BYTES = 0xfff0 * CHUNK_BYTES
/** Bytes in front of a text in the arena: its number, its length. */
export const TEXT_HEAD = 8

/** Bits of the first and of the second four bytes that belong to a text of 0–8 bytes. */
const LOW_BITS = Int32Array.of(0, 0xff, 0xffff, 0xffffff, -1, -1, -1, -1, -1)
const HIGH_BITS = Int32Array.of(0, 0, 0, 0, 0, 0xff, 0xffff, 0xffffff, -1)
/** The bit that no byte of ASCII has, of four bytes. */
const NOT_ASCII = 0x80808080

/** Eight bytes: for short texts at the end of a buffer, and for those that become strings. */
const SHORT_BYTES = Buffer.alloc(SHORT)
const SHORT_VIEW = new DataView(SHORT_BYTES.buffer, SHORT_BYTES.byteOffset, SHORT)

/**
 * Numbers a new text, below MAX_TEXTS; it may throw. A text of at most eight bytes is given as two numbers (the first
 * byte lowest, 0 behind the end), a longer one as its place and 0.
 */
export type NumberOf = (low: number, high: number, length: number) => number

/** A call of `isUtf8` for each new text would cost more than the rest of adding it. */
function isAscii(view: DataView, from: number, length: number): boolean {
  const words = from + (length & ~3)
  let bits = 0
  for (let i = from; i < words; i += 4) bits |= view.getInt32(i, true)
  for (let i = words; i < from + length; i++) bits |= view.getUint8(i)
  return (bits & NOT_ASCII) === 0
}

export class TextIndex {
  readonly #short = new HashCells(3, (t, at) => hashPair(t[at] ^ (t[at + 2] >>> LENGTH_SHIFT) ^ SEED, t[at + 1]))
  readonly #long = new HashCells(2, (t, at) => t[at])
  readonly #next: NumberOf
  readonly #chunks: Buffer<ArrayBuffer>[] = []
  readonly #views: DataView[] = []
  #used = CHUNK_BYTES
  readonly #recent = new Int32Array(2 << (32 - RECENT_SHIFT))
  /** Bytes of the arena. */
  size = 0
  /** No text is added any more: one that is missing has the number -1. */
  frozen = false

  constructor(next: NumberOf) {
    this.#next = next
  }

  /** The number of the text at `from` of the bytes, which `view` is on, too. */
  find(b: Uint8Array, view: DataView, from: number, to: number): number {
    const length = to - from
    if (length <= TINY && length > 0) return this.#findTiny(b, from, length)
    if (length > SHORT) return this.#findLong(view, from, length)
    if (from + SHORT <= b.length)
      return this.findShort(
        view.getInt32(from, true) & LOW_BITS[length],
        view.getInt32(from + 4, true) & HIGH_BITS[length],
        length,
      )
    for (let i = 0; i < length; i++) SHORT_VIEW.setUint8(i, view.getUint8(from + i))
    return this.findShort(
      SHORT_VIEW.getInt32(0, true) & LOW_BITS[length],
      SHORT_VIEW.getInt32(4, true) & HIGH_BITS[length],
      length,
    )
  }

  /**
   * Texts of one to four bytes are met over and over (kinds, codes, countries): a small table of those found lately is
   * looked at first.
   */
  #findTiny(b: Uint8Array, from: number, length: number): number {
    let low = b[from]
    if (length > 1) low |= b[from + 1] << 8
    if (length > 2) low |= b[from + 2] << 16
    if (length > 3) low |= b[from + 3] << 24
    const recent = this.#recent
    const at = (Math.imul(low, 0x9e3779b1) >>> RECENT_SHIFT) << 1
    const found = recent[at + 1]
    if (recent[at] === low && found >>> LENGTH_SHIFT === length) return (found & NUMBER_MASK) - 1
    const id = this.findShort(low, 0, length)
    if (id >= 0) {
      recent[at] = low
      recent[at + 1] = (id + 1) | (length << LENGTH_SHIFT)
    }
    return id
  }

  /** Of a text of at most eight bytes, as two numbers (the first byte lowest, 0 behind the end). */
  findShort(low: number, high: number, length: number): number {
    const cells = this.#short
    const h = hashPair(low ^ length ^ SEED, high)
    const s = (h >>> 24) & cells.spread
    const table = cells.tables[s]
    const mask = cells.masks[s]
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 3
      const found = table[at + 2]
      if (table[at] === low && table[at + 1] === high && found >>> LENGTH_SHIFT === length && found !== 0)
        return (found & NUMBER_MASK) - 1
      if (found !== 0) continue
      if (((low | high) & NOT_ASCII) !== 0) {
        const other = this.#ofOther(this.#shortBytes(low, high, length))
        if (other !== undefined) return other
      }
      if (this.frozen) return -1
      const id = this.#next(low, high, length)
      table[at] = low
      table[at + 1] = high
      table[at + 2] = (id + 1) | (length << LENGTH_SHIFT)
      cells.added(h)
      return id
    }
  }

  #findLong(view: DataView, from: number, length: number): number {
    const words = from + (length & ~3)
    let h = length ^ SEED
    let i = from
    for (; i < words; i += 4) {
      h = Math.imul(h ^ view.getInt32(i, true), 0x9e3779b1)
      h ^= h >>> 15
    }
    let rest = 0
    for (let shift = 0; i < from + length; i++, shift += 8) rest |= view.getUint8(i) << shift
    h = mixed(h ^ rest)
    const cells = this.#long
    const s = (h >>> 24) & cells.spread
    const table = cells.tables[s]
    const mask = cells.masks[s]
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const found = table[slot * 2 + 1]
      if (found === 0) return this.#add(view, from, length, h, slot * 2, table)
      if (table[slot * 2] === h && this.#same(found - 1, view, from, words, rest, length))
        return this.#views[(found - 1) >>> 16].getInt32(((found - 1) & 0xffff) << 2, true)
    }
  }

  #same(place: number, view: DataView, from: number, words: number, rest: number, length: number): boolean {
    const chunk = this.#views[place >>> 16]
    let at = ((place & 0xffff) << 2) + TEXT_HEAD
    if (chunk.getInt32(at - 4, true) !== length) return false
    for (let i = from; i < words; i += 4, at += 4) if (chunk.getInt32(at, true) !== view.getInt32(i, true)) return false
    return (length & 3) === 0 || chunk.getInt32(at, true) === rest
  }

  #add(view: DataView, from: number, length: number, hash: number, at: number, table: Int32Array): number {
    const text = new Uint8Array(view.buffer, view.byteOffset + from, length)
    const other = isAscii(view, from, length) ? undefined : this.#ofOther(text)
    if (other !== undefined) return other
    if (this.frozen) return -1
    const bytes = TEXT_HEAD + ((length + 3) & ~3)
    if (this.#used + bytes > CHUNK_BYTES) this.#addChunk(Math.max(CHUNK_BYTES, bytes))
    const last = this.#chunks.length - 1
    const place = (last << 16) | (this.#used >>> 2)
    const id = this.#next(place, 0, length)
    const chunk = this.#views[last]
    chunk.setInt32(this.#used, id, true)
    chunk.setInt32(this.#used + 4, length, true)
    this.#chunks[last].set(text, this.#used + TEXT_HEAD)
    this.#used += bytes
    table[at] = hash
    table[at + 1] = place + 1
    this.#long.added(hash)
    return id
  }

  /**
   * Of bytes that are no UTF-8 the number of the text that they are read as, as every other way of looking at them
   * does. They have no cell of their own.
   */
  #ofOther(bytes: Uint8Array): number | undefined {
    if (isUtf8(bytes)) return undefined
    const read = Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
    return this.find(read, new DataView(read.buffer, read.byteOffset, read.length), 0, read.length)
  }

  #addChunk(bytes: number): void {
    const chunk = Buffer.alloc(bytes)
    this.#chunks.push(chunk)
    this.#views.push(new DataView(chunk.buffer, chunk.byteOffset, chunk.length))
    this.#used = 0
    this.size += bytes
  }

  /** The pieces of the arena that places are in. */
  get arena(): readonly Buffer<ArrayBuffer>[] {
    return this.#chunks
  }

  /** A text of at most eight bytes back, from what its number was asked for with. */
  shortText(low: number, high: number, length: number): string {
    return this.#shortBytes(low, high, length).toString('utf8')
  }

  #shortBytes(low: number, high: number, length: number): Buffer {
    SHORT_VIEW.setInt32(0, low, true)
    SHORT_VIEW.setInt32(4, high, true)
    return SHORT_BYTES.subarray(0, length)
  }

  /** A longer text back, from its place. */
  longText(place: number): string {
    const start = ((place & 0xffff) << 2) + TEXT_HEAD
    const chunk = place >>> 16
    return this.#chunks[chunk].toString('utf8', start, start + this.#views[chunk].getInt32(start - 4, true))
  }
}
