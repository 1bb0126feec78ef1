/**
 * Group keys → dense group numbers (0, 1, 2, …) in order of first appearance. One `KeyColumn` per GROUP BY expression numbers the distinct values of that column; for several
 * columns `PairIndex` numbers the combinations. Values are kept once. Nothing here knows aggregates.
 */
import { SqlError } from '../../sql/error.ts'
import type { Value } from '../../types.ts'
import { canonical } from '../runtime.ts'

/** Small whole numbers are looked up in an array. */
const DIRECT = 4096

/** Texts of at most so many bytes are kept as integers. */
const SHORT = 8

function doubled(old: Int32Array<ArrayBuffer>, wanted: number): Int32Array<ArrayBuffer> {
  const next = new Int32Array(Math.max(old.length * 2, wanted + 1)).fill(-1)
  next.set(old)
  return next
}

/** Numbers the distinct values of one column. Texts met as bytes are hashed as bytes; no string is made before a group is new. */
export class KeyColumn {
  readonly values: Value[] = []
  readonly #limit: number
  readonly #direct = new Int32Array(DIRECT).fill(-1)
  readonly #numbers = new Map<number, number>()
  readonly #others = new Map<string, number>()
  readonly #bytes: (Uint8Array | undefined)[] = []
  #hashes = new Int32Array(64)
  #lows = new Int32Array(64)
  #highs = new Int32Array(64)
  /** Lengths of texts in bytes; -1 where a number stands for something else than a text. */
  #lengths = new Int32Array(64).fill(-1)
  #table = new Int32Array(1024).fill(-1)
  #mask = 1023
  #texts = 0
  #null = -1

  /** `limit`: `max.group.records`. */
  constructor(limit: number) {
    this.#limit = limit
  }

  #add(value: Value): number {
    if (this.values.length >= this.#limit) throw tooMany(this.#limit)
    return this.values.push(value) - 1
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
    let id = this.#numbers.get(key)
    if (id === undefined) {
      id = this.#add(key)
      this.#numbers.set(key, id)
      if (Number.isInteger(key) && key >= 0 && key < DIRECT) this.#direct[key] = id
    }
    return id
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

  /** Texts of up to eight bytes are compared as two integers. */
  #findShort(b: Uint8Array, from: number, length: number): number {
    let low = 0
    let high = 0
    let i = 0
    for (; i < length && i < 4; i++) low |= b[from + i] << (i << 3)
    for (; i < length; i++) high |= b[from + i] << ((i - 4) << 3)
    let h = Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b) ^ length
    h ^= h >>> 15
    const lows = this.#lows
    for (let slot = h & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const id = this.#table[slot]
      if (id < 0) return this.#addBytes(b, from, from + length, slot, h, low, high)
      if (lows[id] === low && this.#highs[id] === high && this.#lengths[id] === length) return id
    }
  }

  #findLong(b: Uint8Array, from: number, to: number): number {
    const length = to - from
    let h = length
    for (let i = from; i < to; i++) h = Math.imul(h ^ b[i], 16777619)
    h ^= h >>> 15
    for (let slot = h & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const id = this.#table[slot]
      if (id < 0) return this.#addBytes(b, from, to, slot, h, 0, 0)
      if (this.#hashes[id] !== h || this.#lengths[id] !== length) continue
      const key = this.#bytes[id] as Uint8Array
      let i = 0
      while (i < length && key[i] === b[from + i]) i++
      if (i === length) return id
    }
  }

  #addBytes(b: Uint8Array, from: number, to: number, slot: number, hash: number, low: number, high: number): number {
    const key = Uint8Array.prototype.slice.call(b, from, to)
    const id = this.#add(Buffer.from(key.buffer, 0, key.length).toString())
    if (id >= this.#hashes.length) {
      this.#hashes = doubled(this.#hashes, id)
      this.#lows = doubled(this.#lows, id)
      this.#highs = doubled(this.#highs, id)
      this.#lengths = doubled(this.#lengths, id)
    }
    if (key.length > SHORT) this.#bytes[id] = key
    this.#hashes[id] = hash
    this.#lows[id] = low
    this.#highs[id] = high
    this.#lengths[id] = key.length
    this.#table[slot] = id
    if (++this.#texts * 2 > this.#table.length) this.#rehash()
    return id
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 4).fill(-1)
    const mask = table.length - 1
    for (const id of this.#table) {
      if (id < 0) continue
      let slot = this.#hashes[id] & mask
      while (table[slot] >= 0) slot = (slot + 1) & mask
      table[slot] = id
    }
    this.#table = table
    this.#mask = mask
  }
}

/** Numbers pairs of dense numbers. */
export class PairIndex {
  readonly firsts: number[] = []
  readonly seconds: number[] = []
  readonly #limit: number
  #table = new Int32Array(1024).fill(-1)
  #mask = 1023

  constructor(limit: number) {
    this.#limit = limit
  }

  find(a: number, b: number): number {
    for (let slot = hashPair(a, b) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const id = this.#table[slot]
      if (id < 0) return this.#add(a, b, slot)
      if (this.firsts[id] === a && this.seconds[id] === b) return id
    }
  }

  #add(a: number, b: number, slot: number): number {
    const id = this.firsts.length
    if (id >= this.#limit) throw tooMany(this.#limit)
    this.firsts.push(a)
    this.seconds.push(b)
    this.#table[slot] = id
    if ((id + 1) * 2 > this.#table.length) this.#rehash()
    return id
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 4).fill(-1)
    const mask = table.length - 1
    for (let id = 0; id < this.firsts.length; id++) {
      let slot = hashPair(this.firsts[id], this.seconds[id]) & mask
      while (table[slot] >= 0) slot = (slot + 1) & mask
      table[slot] = id
    }
    this.#table = table
    this.#mask = mask
  }
}

function hashPair(a: number, b: number): number {
  const h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b)
  return h ^ (h >>> 15)
}

function tooMany(limit: number): SqlError {
  return new SqlError(
    'MEMORY_LIMIT',
    `The query has more than ${limit.toLocaleString('en')} groups (max.group.records).`,
    undefined,
    'Filter more with WHERE, group by less, or SET max.group.records.',
  )
}
