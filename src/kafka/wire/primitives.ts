/**
 * Kafka's wire primitives: a writer and a reader for big-endian integers, varints, (compact) strings, bytes, arrays and
 * tagged fields. Used by the client side (`connection`, `fetch`, …) and by the embedded broker. Source: the Kafka
 * protocol guide, "Protocol Primitive Types".
 */

import { clientError } from '../errors.ts'

/** Not a limit: bytes of a text, whose length has 16 bits. */
const MOST_TEXT = 32_767

/** Keys of Kafka's requests. */
export const API = {
  produce: 0,
  fetch: 1,
  listOffsets: 2,
  metadata: 3,
  offsetCommit: 8,
  offsetFetch: 9,
  findCoordinator: 10,
  describeGroups: 15,
  listGroups: 16,
  saslHandshake: 17,
  apiVersions: 18,
  createTopics: 19,
  deleteTopics: 20,
  deleteRecords: 21,
  initProducerId: 22,
  offsetForLeaderEpoch: 23,
  describeConfigs: 32,
  describeLogDirs: 35,
  saslAuthenticate: 36,
  createPartitions: 37,
  deleteGroups: 42,
  incrementalAlterConfigs: 44,
  offsetDelete: 47,
} as const

/** Grows by doubling; `finish` gives the bytes written. */
export class WireWriter {
  buffer: Buffer
  at: number
  constructor(size = 1024) {
    this.buffer = Buffer.allocUnsafe(size)
    this.at = 0
  }
  #room(n: number): number {
    const at = this.at
    if (at + n > this.buffer.length) {
      const bigger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, at + n))
      this.buffer.copy(bigger, 0, 0, at)
      this.buffer = bigger
    }
    this.at = at + n
    return at
  }
  int8(v: number): this {
    const at = this.#room(1)
    this.buffer.writeInt8(v, at)
    return this
  }
  int16(v: number): this {
    const at = this.#room(2)
    this.buffer.writeInt16BE(v, at)
    return this
  }
  int32(v: number): this {
    const at = this.#room(4)
    this.buffer.writeInt32BE(v, at)
    return this
  }
  uint32(v: number): this {
    const at = this.#room(4)
    this.buffer.writeUInt32BE(v, at)
    return this
  }
  int64(v: number | bigint): this {
    const at = this.#room(8)
    this.buffer.writeBigInt64BE(BigInt(v), at)
    return this
  }
  float64(v: number): this {
    const at = this.#room(8)
    this.buffer.writeDoubleBE(v, at)
    return this
  }
  boolean(v: boolean): this {
    return this.int8(v ? 1 : 0)
  }
  raw(bytes: Uint8Array): this {
    const at = this.#room(bytes.length)
    this.buffer.set(bytes, at)
    return this
  }
  /** Room first, then the buffer: making room may replace it. */
  #byte(v: number): void {
    const at = this.#room(1)
    this.buffer[at] = v
  }
  /** Unsigned LEB128, as in compact lengths and tag counts. */
  uvarint(v: number): this {
    let n = v >>> 0
    while (n > 127) {
      this.#byte((n & 127) | 128)
      n >>>= 7
    }
    this.#byte(n)
    return this
  }
  /** Zigzag varint of a 32-bit integer, as in records. */
  varint(v: number): this {
    return this.uvarint((v << 1) ^ (v >> 31))
  }
  /** Zigzag varlong, as in records' timestamp deltas. */
  varlong(v: number | bigint): this {
    let n = BigInt.asUintN(64, (BigInt(v) << 1n) ^ (BigInt(v) >> 63n))
    while (n > 127n) {
      this.#byte(Number(n & 127n) | 128)
      n >>= 7n
    }
    this.#byte(Number(n))
    return this
  }
  /** INT16 length and UTF-8; null is -1. */
  string(v: string | null): this {
    if (v === null) return this.int16(-1)
    const bytes = Buffer.from(v)
    if (bytes.length > MOST_TEXT)
      throw clientError(
        'INVALID_REQUEST',
        `A text of ${bytes.length} bytes is more than Kafka takes (${MOST_TEXT})`,
        false,
      )
    return this.int16(bytes.length).raw(bytes)
  }
  compactString(v: string | null): this {
    if (v === null) return this.uvarint(0)
    const bytes = Buffer.from(v)
    return this.uvarint(bytes.length + 1).raw(bytes)
  }
  /** INT32 length; null is -1. */
  bytes(v: Uint8Array | null): this {
    if (v === null) return this.int32(-1)
    return this.int32(v.length).raw(v)
  }
  compactBytes(v: Uint8Array | null): this {
    if (v === null) return this.uvarint(0)
    return this.uvarint(v.length + 1).raw(v)
  }
  array<T>(items: readonly T[] | null, each: (item: T) => void): this {
    this.int32(items === null ? -1 : items.length)
    items?.forEach(each)
    return this
  }
  compactArray<T>(items: readonly T[] | null, each: (item: T) => void): this {
    this.uvarint(items === null ? 0 : items.length + 1)
    items?.forEach(each)
    return this
  }
  /** 16 bytes: as Kafka writes ids of topics in texts, or zeros for none. */
  uuid(v: string | undefined): this {
    return this.raw(v === undefined ? NO_UUID : Buffer.from(v, 'base64url'))
  }
  /** An empty tagged-field section. */
  tags(): this {
    return this.uvarint(0)
  }
  finish(): Buffer {
    return this.buffer.subarray(0, this.at)
  }
}

const NO_UUID = Buffer.alloc(16)

/** The bytes are not what the protocol says: too short, or a value that cannot be. */
export class WireError extends Error {}

/** Reads in place. Every read is checked against the end; running out is a WireError, never garbage. */
export class WireReader {
  readonly buffer: Buffer
  at: number
  readonly end: number
  constructor(buffer: Buffer, at = 0, end = buffer.length) {
    this.buffer = buffer
    this.at = at
    this.end = end
  }
  get remaining(): number {
    return this.end - this.at
  }
  take(n: number): number {
    const at = this.at
    if (n < 0 || at + n > this.end)
      throw new WireError(`a field of ${n} bytes at ${at} runs past the end at ${this.end}`)
    this.at = at + n
    return at
  }
  int8(): number {
    return this.buffer.readInt8(this.take(1))
  }
  int16(): number {
    return this.buffer.readInt16BE(this.take(2))
  }
  int32(): number {
    return this.buffer.readInt32BE(this.take(4))
  }
  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4))
  }
  /** As a bigint. */
  int64(): bigint {
    return this.buffer.readBigInt64BE(this.take(8))
  }
  /** As a number: offsets, sizes and epoch milliseconds stay far below 2^53. */
  long(): number {
    const at = this.take(8)
    return this.buffer.readInt32BE(at) * 4294967296 + this.buffer.readUInt32BE(at + 4)
  }
  boolean(): boolean {
    return this.int8() !== 0
  }
  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.take(1)]
      value |= (byte & 127) << shift
      if (byte < 128) return value >>> 0
    }
    throw new WireError(`a varint at ${this.at} is longer than 5 bytes`)
  }
  varint(): number {
    const n = this.uvarint()
    return (n >>> 1) ^ -(n & 1)
  }
  string(): string | null {
    const n = this.int16()
    if (n < 0) return null
    const at = this.take(n)
    return this.buffer.toString('utf8', at, at + n)
  }
  compactString(): string | null {
    const n = this.uvarint()
    if (n === 0) return null
    const at = this.take(n - 1)
    return this.buffer.toString('utf8', at, at + n - 1)
  }
  bytes(): Buffer | null {
    const n = this.int32()
    if (n < 0) return null
    const at = this.take(n)
    return this.buffer.subarray(at, at + n)
  }
  compactBytes(): Buffer | null {
    const n = this.uvarint()
    if (n === 0) return null
    const at = this.take(n - 1)
    return this.buffer.subarray(at, at + n - 1)
  }
  /** `check` gets the number of items before they are read, and may throw. */
  array<T>(each: () => T, check?: (n: number) => void): T[] {
    return this.#many(this.int32(), each, check)
  }
  compactArray<T>(each: () => T, check?: (n: number) => void): T[] {
    return this.#many(this.uvarint() - 1, each, check)
  }
  #many<T>(n: number, each: () => T, check?: (n: number) => void): T[] {
    check?.(n)
    if (n > this.remaining) throw new WireError(`an array of ${n} items cannot fit into ${this.remaining} bytes`)
    const items: T[] = []
    for (let i = 0; i < n; i++) items.push(each())
    return items
  }
  /** 16 bytes as Kafka writes ids of topics in texts (base64 for addresses); undefined for zeros. */
  uuid(): string | undefined {
    const at = this.take(16)
    const bytes = this.buffer.subarray(at, at + 16)
    return bytes.equals(NO_UUID) ? undefined : bytes.toString('base64url')
  }
  /** Steps over a tagged-field section. */
  tags(): void {
    const n = this.uvarint()
    for (let i = 0; i < n; i++) {
      this.uvarint()
      this.take(this.uvarint())
    }
  }
}
