/**
 * Group keys → dense group numbers (0, 1, 2, …) in order of first appearance. One `KeyColumn` per GROUP BY expression numbers the distinct values of that column; for several
 * columns `PairIndex` numbers the combinations. Values are kept once. Nothing here knows aggregates.
 *
 * The hash tables are cut into segments that grow one at a time: no single record has to wait until millions of entries have moved.
 */
import { SqlError } from '../../sql/error.ts'
import type { Value } from '../../types.ts'
import { canonical } from '../runtime.ts'

/** Whole numbers below this are looked up in an array. */
const DIRECT = 4096
/** Texts of at most so many bytes are kept as two integers. */
const SHORT = 8
/** Segments of a table, chosen by the top bits of the hash. */
const SEGMENTS = 256
const SEGMENT_SHIFT = 24
const FIRST_SLOTS = 16
/** Texts are kept in pieces of memory of this size. */
const CHUNK_BYTES = 1 << 18

type Ints = Int32Array<ArrayBuffer>

/** Open addressing in segments; entries are group numbers, -1 is a free slot. */
class Segments {
  /** Generated and hot code reads these in place. */
  readonly tables: Ints[] = Array.from({ length: SEGMENTS }, () => new Int32Array(FIRST_SLOTS).fill(-1))
  readonly #counts = new Int32Array(SEGMENTS)
  readonly #hashOf: (id: number) => number

  /** `hashOf`: the hash of an entry, asked for when its segment grows. */
  constructor(hashOf: (id: number) => number) {
    this.#hashOf = hashOf
  }

  /** Puts a new entry into the free slot that the search for it ended at. */
  insert(hash: number, slot: number, id: number): void {
    const s = hash >>> SEGMENT_SHIFT
    const table = this.tables[s]
    table[slot] = id
    if (++this.#counts[s] * 2 > table.length) this.tables[s] = this.#grown(table)
  }

  #grown(old: Ints): Ints {
    const table = new Int32Array(old.length * 4).fill(-1)
    const mask = table.length - 1
    for (const id of old) {
      if (id < 0) continue
      let slot = this.#hashOf(id) & mask
      while (table[slot] >= 0) slot = (slot + 1) & mask
      table[slot] = id
    }
    return table
  }
}

/** Spreads the bits of a hash over all of its 32: the segment comes from the top, the slot from the bottom. */
function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d)
  return h ^ (h >>> 15)
}

function doubled(old: Ints, wanted: number): Ints {
  const next = new Int32Array(Math.max(old.length * 2, wanted + 1)).fill(-1)
  next.set(old)
  return next
}

/** Bits of a double. */
const DOUBLE = new Float64Array(1)
const BITS = new Int32Array(DOUBLE.buffer)

function hashNumber(v: number): number {
  if ((v | 0) === v) return mixed(v | 0)
  DOUBLE[0] = v
  return mixed(Math.imul(BITS[0], 0x9e3779b1) ^ BITS[1])
}

/** Numbers the distinct values of one column. Texts met as bytes are hashed as bytes; no string is made before a group is new. */
export class KeyColumn {
  /** By group number; null stands where the value is a text. */
  readonly #values: Value[] = []
  readonly #limit: number
  readonly #direct = new Int32Array(DIRECT).fill(-1)
  readonly #others = new Map<string, number>()
  readonly #numbers = new Segments((id) => hashNumber(this.#values[id] as number))
  readonly #texts = new Segments((id) => this.#hashes[id])
  /** The bytes of the texts, one after the other, in chunks; a text never crosses into the next chunk. */
  readonly #chunks: Buffer[] = []
  #used = CHUNK_BYTES
  /** Chunk and place of each text. */
  #chunkOf: Ints = new Int32Array(64)
  #starts: Ints = new Int32Array(64)
  #hashes: Ints = new Int32Array(64)
  #lows: Ints = new Int32Array(64)
  #highs: Ints = new Int32Array(64)
  /** Lengths of texts in bytes; -1 for what is no text. */
  #lengths: Ints = new Int32Array(64).fill(-1)
  #null = -1

  /** `limit`: `max.group.records`. */
  constructor(limit: number) {
    this.#limit = limit
  }

  #add(value: Value): number {
    if (this.#values.length >= this.#limit) throw tooMany(this.#limit)
    return this.#values.push(value) - 1
  }

  /** Number of groups. */
  get size(): number {
    return this.#values.length
  }

  value(id: number): Value {
    const length = id < this.#lengths.length ? this.#lengths[id] : -1
    if (length < 0) return this.#values[id]
    const start = this.#starts[id]
    return this.#chunks[this.#chunkOf[id]].toString('utf8', start, start + length)
  }

  findNull(): number {
    if (this.#null < 0) this.#null = this.#add(null)
    return this.#null
  }

  /** A number or bigint (int, long, double, date, timestamp, …) or null. -0 is 0. */
  findNumber(v: number | bigint | null): number {
    if (typeof v === 'number') {
      if (v >= 0 && v < DIRECT) {
        const known = this.#direct[v]
        if (known >= 0) return known
      }
      return this.#numberSlow(v)
    }
    return v === null ? this.findNull() : this.findValue(v)
  }

  #numberSlow(v: number): number {
    const key = v === 0 ? 0 : v
    const h = hashNumber(key)
    const table = this.#numbers.tables[h >>> SEGMENT_SHIFT]
    const mask = table.length - 1
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const id = table[slot]
      // NaN is one group: Object.is, for -0 has been made 0.
      if (id >= 0) {
        if (Object.is(this.#values[id], key)) return id
        continue
      }
      const added = this.#add(key)
      this.#numbers.insert(h, slot, added)
      if (Number.isInteger(key) && key >= 0 && key < DIRECT) this.#direct[key] = added
      return added
    }
  }

  /** Any value. Numbers and texts meet those found by the other methods. */
  findValue(v: Value): number {
    if (v === null) return this.findNull()
    if (typeof v === 'string') return this.findText(v)
    if (typeof v === 'number') return this.#numberSlow(v)
    const key = canonical(v)
    let id = this.#others.get(key)
    if (id === undefined) {
      id = this.#add(v)
      this.#others.set(key, id)
    }
    return id
  }

  findText(v: string): number {
    const bytes = Buffer.from(v)
    return this.findBytes(bytes, 0, bytes.length)
  }

  /** The text of a slice as the formats give it: bytes when `from >= 0`, else the ready value (a text with escapes, something else, or null). */
  findSlice(b: Uint8Array, from: number, to: number, value: Value): number {
    return from >= 0 ? this.findBytes(b, from, to) : this.findValue(value)
  }

  findBytes(b: Uint8Array, from: number, to: number): number {
    const length = to - from
    return length <= SHORT ? this.#findShort(b, from, length) : this.#findLong(b, from, to)
  }

  #findShort(b: Uint8Array, from: number, length: number): number {
    let low = 0
    let high = 0
    let i = 0
    for (; i < length && i < 4; i++) low |= b[from + i] << (i << 3)
    for (; i < length; i++) high |= b[from + i] << ((i - 4) << 3)
    const h = mixed(Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b) ^ length)
    const table = this.#texts.tables[h >>> SEGMENT_SHIFT]
    const mask = table.length - 1
    const lows = this.#lows
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const id = table[slot]
      if (id < 0) return this.#addBytes(b, from, from + length, slot, h, low, high)
      if (lows[id] === low && this.#highs[id] === high && this.#lengths[id] === length) return id
    }
  }

  #findLong(b: Uint8Array, from: number, to: number): number {
    const length = to - from
    let h = length
    for (let i = from; i < to; i++) h = Math.imul(h ^ b[i], 16777619)
    h = mixed(h)
    const table = this.#texts.tables[h >>> SEGMENT_SHIFT]
    const mask = table.length - 1
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const id = table[slot]
      if (id < 0) return this.#addBytes(b, from, to, slot, h, 0, 0)
      if (this.#hashes[id] !== h || this.#lengths[id] !== length) continue
      const chunk = this.#chunks[this.#chunkOf[id]]
      const start = this.#starts[id]
      let i = 0
      while (i < length && chunk[start + i] === b[from + i]) i++
      if (i === length) return id
    }
  }

  #addBytes(b: Uint8Array, from: number, to: number, slot: number, hash: number, low: number, high: number): number {
    const id = this.#add(null)
    if (id >= this.#hashes.length) this.#growTexts(id)
    const length = to - from
    if (this.#chunks.length === 0 || this.#used + length > CHUNK_BYTES) {
      this.#chunks.push(Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, length)))
      this.#used = 0
    }
    this.#chunks[this.#chunks.length - 1].set(b.subarray(from, to), this.#used)
    this.#chunkOf[id] = this.#chunks.length - 1
    this.#starts[id] = this.#used
    this.#used += length
    this.#hashes[id] = hash
    this.#lows[id] = low
    this.#highs[id] = high
    this.#lengths[id] = length
    this.#texts.insert(hash, slot, id)
    return id
  }

  #growTexts(id: number): void {
    this.#hashes = doubled(this.#hashes, id)
    this.#lows = doubled(this.#lows, id)
    this.#highs = doubled(this.#highs, id)
    this.#lengths = doubled(this.#lengths, id)
    this.#chunkOf = doubled(this.#chunkOf, id)
    this.#starts = doubled(this.#starts, id)
  }
}

/** Numbers pairs of dense numbers. */
export class PairIndex {
  firsts: Ints = new Int32Array(64)
  seconds: Ints = new Int32Array(64)
  readonly #limit: number
  readonly #pairs = new Segments((id) => hashPair(this.firsts[id], this.seconds[id]))
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  find(a: number, b: number): number {
    const h = hashPair(a, b)
    const table = this.#pairs.tables[h >>> SEGMENT_SHIFT]
    const mask = table.length - 1
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const id = table[slot]
      if (id < 0) return this.#add(a, b, h, slot)
      if (this.firsts[id] === a && this.seconds[id] === b) return id
    }
  }

  #add(a: number, b: number, hash: number, slot: number): number {
    const id = this.#size++
    if (id >= this.#limit) throw tooMany(this.#limit)
    if (id >= this.firsts.length) {
      this.firsts = doubled(this.firsts, id)
      this.seconds = doubled(this.seconds, id)
    }
    this.firsts[id] = a
    this.seconds[id] = b
    this.#pairs.insert(hash, slot, id)
    return id
  }
}

function hashPair(a: number, b: number): number {
  return mixed(Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b))
}

function tooMany(limit: number): SqlError {
  return new SqlError(
    'MEMORY_LIMIT',
    `The query has more than ${limit.toLocaleString('en')} groups (max.group.records).`,
    undefined,
    'Filter more with WHERE, group by less, or SET max.group.records.',
  )
}
