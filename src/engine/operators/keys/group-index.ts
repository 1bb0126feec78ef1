/**
 * Group keys → dense group numbers (0, 1, 2, …) in order of first appearance. One `KeyColumn` per GROUP BY expression
 * numbers the distinct values of that column; for several columns `PairIndex` numbers the combinations. Values are kept
 * once. Joins number their keys in the same way. Nothing here knows aggregates.
 */
import { Decimal } from '../../../lib/decimal.ts'
import { SqlError } from '../../../sql/error.ts'
import type { Value } from '../../../types.ts'
import { canonical } from '../../program/values/canonical.ts'
import { encodeValue } from '../../exchange/value-codec.ts'
import { asWholeDouble, plain, WholeDouble } from '../../program/values/whole-double.ts'
import { HashCells, hashPair, mixed, SEED } from './hash-cells.ts'
import { MAX_KEYS, tooManyKeys } from '../memory.ts'
import { bytePages, integerPages, SparseIntegers, ValuePages } from '../pages.ts'
import {
  BOXED,
  DOUBLES,
  INTEGER,
  LONG_TEXT,
  MARKED,
  NULL,
  type PartialKeys,
  type PartialPairs,
  SHORT_TEXT,
} from './partial-keys.ts'
import { MAX_ARENA_BYTES, MAX_TEXTS, SHORT, TextIndex } from './text-index.ts'

/** Whole numbers below this are looked up in an array. */
const DIRECT = 4096

/** Bits of a double. */
const DOUBLE = new Float64Array(1)
const BITS = new Int32Array(DOUBLE.buffer)

const NAN_BITS = [0, 0x7ff80000] as const

function hashDouble(v: number): number {
  DOUBLE[0] = v
  // NaN is one key, whatever its bits.
  if (Number.isNaN(v)) [BITS[0], BITS[1]] = NAN_BITS
  return mixed(Math.imul(BITS[0], 0x9e3779b1) ^ BITS[1] ^ SEED)
}

/** Of the canonical text of a number. */
function numberOf(text: string): number {
  return Number(text.slice(1))
}

/** Texts become bytes here; longer ones get memory of their own. */
const SCRATCH = Buffer.alloc(4096)
const SCRATCH_VIEW = new DataView(SCRATCH.buffer, SCRATCH.byteOffset, SCRATCH.length)

/** How much a `KeyColumn` takes, and the error beyond it. */
export interface KeyLimits {
  readonly keys: number
  readonly textBytes: number
  readonly tooMany: (limit: number) => SqlError
  readonly tooLong: (limit: number) => SqlError
}

/**
 * Numbers the distinct values of one column. Texts met as bytes are hashed as bytes; no string is made before a value
 * is asked for.
 */
export class KeyColumn {
  readonly #limits: KeyLimits
  readonly #limit: number
  readonly #textBytes: number
  readonly #direct = new Int32Array(DIRECT).fill(-1)
  /** Of whole numbers of 32 bits: the hash, which no two of them share, and the number of the key. */
  readonly #integers = new HashCells(2, (t, at) => t[at])
  /** Of other numbers: the hash. */
  readonly #doubles = new HashCells(2, (t, at) => t[at])
  readonly #texts = new TextIndex((low, high, length) => this.#addText(low, high, length))
  /** The canonical texts of everything else. */
  readonly #others = new TextIndex(() => this.#addBoxed())
  /** Texts with half of a surrogate pair, which no bytes tell apart. */
  readonly #broken = new Map<string, number>()
  #boxed: Value = null
  readonly #boxes = new ValuePages<Value>()
  /**
   * By key: what it is; a whole number, the number of a box, the place of a long text, or the first half of a short
   * text or of a double; the second half of these.
   */
  readonly #kinds = bytePages(1)
  readonly #lows = integerPages(1)
  readonly #highs = new SparseIntegers()
  #size = 0
  #null = -1
  #exactNumbers = false
  #frozen = false

  constructor(limits: KeyLimits) {
    this.#limits = limits
    this.#limit = Math.min(limits.keys, MAX_TEXTS)
    this.#textBytes = Math.min(limits.textBytes, MAX_ARENA_BYTES)
  }

  /** Number of keys. */
  get size(): number {
    return this.#size
  }

  /** Whether some keys are decimals or longs of 64 bits that are equal to doubles, or numbers with a mark. */
  get hasExactNumbers(): boolean {
    return this.#exactNumbers
  }

  /** Bytes of the texts of its keys. */
  get textBytes(): number {
    return this.#texts.size + this.#others.size
  }

  /** From here on a missing key gets -1 instead of a new number. */
  freeze(): void {
    this.#frozen = true
    this.#texts.frozen = true
    this.#others.frozen = true
  }

  value(id: number): Value {
    const kind = this.#kinds.page(id)[this.#kinds.at(id)]
    const low = this.#lows.page(id)[this.#lows.at(id)]
    switch (kind) {
      case NULL:
        return null
      case INTEGER:
        return low
      case INTEGER + MARKED:
        return asWholeDouble(low)
      case DOUBLES:
      case DOUBLES + MARKED:
        BITS[0] = low
        BITS[1] = this.#highs.get(id)
        return kind === DOUBLES ? DOUBLE[0] : asWholeDouble(DOUBLE[0])
      case BOXED:
        return this.#boxes.get(low)
      case LONG_TEXT:
        return this.#texts.longText(low)
      default:
        return this.#texts.shortText(low, this.#highs.get(id), kind - SHORT_TEXT)
    }
  }

  #add(low: number, high: number, kind: number): number {
    const id = this.#size
    if (id >= this.#limit) throw this.#limits.tooMany(this.#limit)
    this.#kinds.grow(id + 1)
    this.#lows.grow(id + 1)
    this.#size = id + 1
    this.#kinds.page(id)[this.#kinds.at(id)] = kind
    this.#lows.page(id)[this.#lows.at(id)] = low
    if (high !== 0) this.#highs.set(id, high)
    return id
  }

  #addText(low: number, high: number, length: number): number {
    if (this.#texts.size > this.#textBytes) throw this.#limits.tooLong(this.#textBytes)
    return this.#add(low, high, length > SHORT ? LONG_TEXT : SHORT_TEXT + length)
  }

  #addBoxed(): number {
    if (this.#others.size > this.#textBytes) throw this.#limits.tooLong(this.#textBytes)
    const id = this.#add(this.#boxes.size, 0, BOXED)
    this.#boxes.push(this.#boxed)
    return id
  }

  findNull(): number {
    if (this.#null < 0 && !this.#frozen) this.#null = this.#add(0, 0, NULL)
    return this.#null
  }

  /** A number or bigint (int, long, double, date, timestamp, …) or null. -0 is 0. */
  findNumber(v: number | bigint | null): number {
    if (typeof v === 'number') {
      if (v >= 0 && v < DIRECT) {
        const known = this.#direct[v]
        if (known >= 0) return known
      }
      return (v | 0) === v ? this.#findInteger(v | 0) : this.#findDouble(v)
    }
    return v === null ? this.findNull() : this.findValue(v)
  }

  #findInteger(v: number): number {
    const h = mixed(v ^ SEED)
    const cells = this.#integers
    const s = (h >>> 24) & cells.spread
    const table = cells.tables[s]
    const mask = cells.masks[s]
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const found = table[slot * 2 + 1]
      if (found !== 0) {
        if (table[slot * 2] === h) return found - 1
        continue
      }
      if (this.#frozen) return -1
      const id = this.#add(v, 0, INTEGER)
      table[slot * 2] = h
      table[slot * 2 + 1] = id + 1
      cells.added(h)
      if (v >= 0 && v < DIRECT) this.#direct[v] = id
      return id
    }
  }

  #findDouble(v: number): number {
    const h = hashDouble(v)
    const [low, high] = [BITS[0], BITS[1]]
    const cells = this.#doubles
    const s = (h >>> 24) & cells.spread
    const table = cells.tables[s]
    const mask = cells.masks[s]
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const found = table[slot * 2 + 1]
      if (found !== 0) {
        if (table[slot * 2] === h && this.#isDouble(found - 1, low, high)) return found - 1
        continue
      }
      if (this.#frozen) return -1
      const id = this.#add(low, high, DOUBLES)
      table[slot * 2] = h
      table[slot * 2 + 1] = id + 1
      cells.added(h)
      return id
    }
  }

  /** Whether a key of `#doubles` has these two halves. */
  #isDouble(id: number, low: number, high: number): boolean {
    const own = this.#lows.page(id)[this.#lows.at(id)]
    if (this.#kinds.page(id)[this.#kinds.at(id)] !== BOXED) return own === low && this.#highs.get(id) === high
    DOUBLE[0] = numberOf(canonical(this.#boxes.get(own)))
    return BITS[0] === low && BITS[1] === high
  }

  /**
   * Any value. Numbers and texts meet those found by the other methods; equal is what `canonical` makes equal, so that
   * a long of 64 bits or a decimal may meet a double.
   */
  findValue(v: Value): number {
    if (v === null) return this.findNull()
    if (typeof v === 'string') return this.findText(v)
    if (typeof v === 'number') return this.findNumber(v)
    if ((v as unknown) instanceof WholeDouble) return this.#findMarked(plain(v) as number)
    const text = canonical(v)
    if (typeof v === 'bigint' || v instanceof Decimal) {
      const n = numberOf(text)
      // A double keeps fifteen digits, whichever they are.
      if (text.length <= 16 || canonical(n) === text) return this.#findExact(v, n)
    }
    this.#boxed = v
    return this.#findString(this.#others, text)
  }

  /** A value that a double has, too; it comes back as it was met first. */
  #findExact(v: bigint | Decimal, n: number): number {
    const known = this.#size
    const id = this.findNumber(n)
    if (id !== known) return id
    this.#exactNumbers = true
    this.#kinds.page(id)[this.#kinds.at(id)] = BOXED
    this.#lows.page(id)[this.#lows.at(id)] = this.#boxes.size
    this.#boxes.push(v)
    return id
  }

  /** A number is the same key with its mark and without; it comes back as it was met first. */
  #findMarked(n: number): number {
    const known = this.#size
    const id = this.findNumber(n)
    if (id !== known) return id
    this.#exactNumbers = true
    this.#kinds.page(id)[this.#kinds.at(id)] += MARKED
    return id
  }

  findText(v: string): number {
    this.#boxed = v
    return this.#findString(this.#texts, v)
  }

  #findString(index: TextIndex, v: string): number {
    const { length } = v
    if (length > SCRATCH.length) return this.#findEncoded(index, v)
    for (let i = 0; i < length; i++) {
      const c = v.charCodeAt(i)
      if (c > 127) return this.#findEncoded(index, v)
      SCRATCH[i] = c
    }
    return index.find(SCRATCH, SCRATCH_VIEW, 0, length)
  }

  #findEncoded(index: TextIndex, v: string): number {
    if (!v.isWellFormed()) return this.#findBroken(index === this.#texts ? `s${v}` : v)
    const bytes = Buffer.from(v)
    return index.find(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length)
  }

  #findBroken(v: string): number {
    let id = this.#broken.get(v)
    if (id === undefined) {
      if (this.#frozen) return -1
      id = this.#addBoxed()
      this.#broken.set(v, id)
    }
    return id
  }

  /**
   * The text of a slice as the formats give it: bytes, which `view` is on, too, when `from >= 0`, else the ready value
   * (a text with escapes, something else, or null).
   */
  findSlice(b: Uint8Array, view: DataView, from: number, to: number, value: Value): number {
    return from >= 0 ? this.#texts.find(b, view, from, to) : this.findValue(value)
  }

  /** A text of at most eight bytes, as two numbers (the first byte lowest, 0 behind the end). */
  findShort(low: number, high: number, length: number): number {
    return this.#texts.findShort(low, high, length)
  }

  /**
   * The keys as plain data. It shares its memory with this column: what is added later may show in it. The buffers that
   * may be transferred, which ends this column, are put into `transfer`.
   */
  partial(transfer: ArrayBuffer[]): PartialKeys {
    const texts = this.#texts.arena.map((t) => new Uint8Array(t.buffer, t.byteOffset, t.length))
    const highs = this.#halves()
    for (const part of [...this.#kinds.pages, ...this.#lows.pages, ...texts, highs]) transfer.push(part.buffer)
    const boxes = Array.from({ length: this.#boxes.size }, (_, i) => encodeValue(this.#boxes.get(i)))
    return { size: this.#size, kinds: [...this.#kinds.pages], lows: [...this.#lows.pages], highs, texts, boxes }
  }

  /** The second halves of all keys; none when all are 0. */
  #halves(): Int32Array<ArrayBuffer> {
    const halves = new Int32Array(this.#size)
    let all = 0
    for (let id = 0; id < halves.length; id++) {
      halves[id] = this.#highs.get(id)
      all |= halves[id]
    }
    return all === 0 ? new Int32Array(0) : halves
  }
}

/** Numbers pairs of dense numbers. */
export class PairIndex {
  readonly #limits: KeyLimits
  readonly #limit: number
  readonly #cells = new HashCells(3, (t, at) => hashPair(t[at], t[at + 1]))
  readonly #pairs = integerPages(2)
  /** Number of pairs. */
  size = 0
  /** No pair is added any more: one that is missing has the number -1. */
  frozen = false

  constructor(limits: KeyLimits) {
    this.#limits = limits
    this.#limit = limits.keys
  }

  first(id: number): number {
    return this.#pairs.page(id)[this.#pairs.at(id)]
  }
  second(id: number): number {
    return this.#pairs.page(id)[this.#pairs.at(id) + 1]
  }

  find(a: number, b: number): number {
    const h = hashPair(a, b)
    const cells = this.#cells
    const s = (h >>> 24) & cells.spread
    const table = cells.tables[s]
    const mask = cells.masks[s]
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const at = slot * 3
      const found = table[at + 2]
      if (found === 0) return this.#add(a, b, h, at, table)
      if (table[at] === a && table[at + 1] === b) return found - 1
    }
  }

  #add(a: number, b: number, hash: number, at: number, table: Int32Array): number {
    if (this.frozen) return -1
    const id = this.size
    if (id >= this.#limit) throw this.#limits.tooMany(this.#limit)
    this.#pairs.grow(id + 1)
    this.size = id + 1
    const page = this.#pairs.page(id)
    page[this.#pairs.at(id)] = a
    page[this.#pairs.at(id) + 1] = b
    table[at] = a
    table[at + 1] = b
    table[at + 2] = id + 1
    this.#cells.added(hash)
    return id
  }

  /** The pairs as plain data, on the terms of `KeyColumn.partial`. */
  partial(transfer: ArrayBuffer[]): PartialPairs {
    for (const page of this.#pairs.pages) transfer.push(page.buffer)
    return { size: this.size, pages: [...this.#pairs.pages] }
  }
}

/** The limits of GROUP BY. */
export function groupLimits(keys: number, textBytes: number): KeyLimits {
  return {
    keys,
    textBytes,
    tooMany: (limit) =>
      new SqlError(
        'MEMORY_LIMIT',
        `The query has more than ${limit.toLocaleString('en')} groups (max.group.records).`,
        undefined,
        'Filter more with WHERE, group by less, or SET max.group.records.',
      ),
    tooLong: (limit) =>
      new SqlError(
        'MEMORY_LIMIT',
        `The keys of its groups take more than ${limit.toLocaleString('en')} bytes (max.group.bytes).`,
        undefined,
        'Filter more with WHERE, group by shorter values, or SET max.group.bytes.',
      ),
  }
}

/** The limits of the other operators. `who`: as in "A join". Their bytes are counted by the row. */
export function operatorLimits(who: string): KeyLimits {
  return {
    keys: MAX_KEYS,
    textBytes: Number.MAX_SAFE_INTEGER,
    tooMany: () => tooManyKeys(who),
    tooLong: (limit) =>
      new SqlError(
        'LIMIT',
        `${who} would hold keys of more than ${limit.toLocaleString('en')} bytes (operator.max.key.bytes).`,
      ),
  }
}
