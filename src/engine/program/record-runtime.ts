/** Small readers that generated record programs call. */
import type { RenderOptions } from '../../formats/format.ts'

/** A zigzag varlong (the timestamp delta of a record) as a number: exact inside ±2^53. */
export function readVarlong(b: Uint8Array, at: number): number {
  let p = at
  let c = b[p++]
  let low = c & 127
  let shift = 7
  while (c > 127 && shift < 28) {
    c = b[p++]
    low |= (c & 127) << shift
    shift += 7
  }
  if (c <= 127) return (low >>> 1) ^ -(low & 1)
  let n = BigInt(low)
  for (let s = 28n; c > 127 && s < 70n; s += 7n) {
    c = b[p++] ?? 0
    n |= BigInt(c & 127) << s
  }
  return Number(BigInt.asIntN(64, (n >> 1n) ^ -(n & 1n)))
}

/** Offset delta of the record that starts at `at`. */
export function offsetDelta(b: Uint8Array, at: number): number {
  let p = at
  while (b[p++] > 127);
  p++
  while (b[p++] > 127);
  return readVarlong(b, p)
}

/** How many of the `count` records in [from, to) lie wholly within the first `bytes` of them. */
export function recordsWithin(b: Uint8Array, from: number, to: number, count: number, bytes: number): number {
  const last = Math.min(to, from + bytes)
  let p = from
  for (let n = 0; n < count; n++) {
    const next = recordEnd(b, p, to)
    if (next > last || next <= p) return n
    p = next
  }
  return count
}

/** Where the record that starts at `at` ends, by the length it says; of a damaged one anything. */
export function recordEnd(b: Uint8Array, at: number, to: number): number {
  let p = at
  while (p < to && b[p++] > 127);
  return p + readVarlong(b, at)
}

/**
 * Epoch milliseconds → `2023-03-13T11:42:24.267Z`. Records come in order of time, mostly: all but the milliseconds is
 * kept from call to call.
 */
class TimestampText {
  #second = Number.NaN
  #head = ''
  /** Quoted JSON, or `null` for a record without a timestamp (-1). */
  json(ms: number): string {
    if (ms === -1) return 'null'
    const second = Math.floor(ms / 1000)
    if (second !== this.#second) {
      if (!(Math.abs(ms) <= 8.64e15)) return String(ms)
      this.#second = second
      this.#head = `"${new Date(second * 1000).toISOString().slice(0, -4)}`
    }
    const rest = ms - second * 1000
    return `${this.#head}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z"`
  }
}

/** The same as a number. */
class TimestampNumber {
  json(ms: number): string {
    return ms === -1 ? 'null' : String(ms)
  }
}

/** What writes `metadata.timestamp`. */
export function metadataTimes(render: RenderOptions): { json(ms: number): string } {
  return render.metadataMillis === true ? new TimestampNumber() : new TimestampText()
}

/**
 * Row ids: UUIDs of one query that differ in their last 12 digits. A fixed random part and a counter are unique enough
 * and cost nothing.
 */
export class RowIds {
  readonly #prefix: string
  #next = 0
  /** `seed`: a random UUID. */
  constructor(seed: string) {
    this.#prefix = seed.slice(0, 24)
  }
  next(): string {
    return this.#prefix + (this.#next++).toString(16).padStart(12, '0')
  }
}
