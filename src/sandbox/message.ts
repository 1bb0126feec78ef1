/**
 * Shapes of Kafka's messages, declared once and both read and written by them: fields that come and go with the
 * version, compact and classic encodings, tagged fields. Only the sandbox (and tests that speak to a broker directly)
 * uses this; the reader has hand-written paths. No request or response is known here. Source: the Kafka protocol guide
 * and KIP-482 (tagged fields).
 */
import { WireError, WireReader, WireWriter } from '../kafka/wire/primitives.ts'

/** A writer that strings record sets into the message without copying them; `pieces` gives everything in order. */
export class MessageWriter extends WireWriter {
  readonly #done: Buffer[] = []
  #doneBytes = 0

  /** Appends buffers that must not change any more. */
  splice(buffers: readonly Buffer[]): void {
    this.#cut()
    for (const buffer of buffers) {
      this.#done.push(buffer)
      this.#doneBytes += buffer.length
    }
  }

  #cut(): void {
    if (this.at === 0) return
    const part = this.finish()
    this.#done.push(part)
    this.#doneBytes += part.length
    this.buffer = Buffer.allocUnsafe(512)
    this.at = 0
  }

  /** All bytes in order; the writer is used up. */
  pieces(): Buffer[] {
    this.#cut()
    return this.#done
  }

  get sizeBytes(): number {
    return this.#doneBytes + this.at
  }
}

/** How one field is read and written. `absent` is its value in versions that lack it. */
export interface Shape<Out, In = Out> {
  read(reader: WireReader, version: number, flexible: boolean): Out
  write(writer: MessageWriter, value: In, version: number, flexible: boolean): void
  readonly absent: Out
  /** Only these versions carry it. */
  readonly since?: number
  readonly until?: number
  /** A tagged field with this number; left out when the value is undefined. */
  readonly tag?: number
}

type AnyShape = Shape<unknown, never>
type Fields = Record<string, AnyShape>

/** What reading a shape gives. */
export type Read<S> = S extends Shape<infer Out, never> ? Out : never
/** What writing a shape takes; fields left out are written as their `absent` value. */
export type Written<S> = S extends {
  write(writer: MessageWriter, value: infer In, version: number, flexible: boolean): void
}
  ? In
  : never

function plain<T>(
  absent: T,
  read: (reader: WireReader) => T,
  write: (writer: MessageWriter, value: T) => void,
): Shape<T> {
  return { absent, read, write }
}

/** Kafka's INT8. */
export const int8 = plain(
  0,
  (r) => r.int8(),
  (w, v) => void w.int8(v),
)
/** Kafka's INT16. */
export const int16 = plain(
  0,
  (r) => r.int16(),
  (w, v) => void w.int16(v),
)
/** Kafka's INT32. */
export const int32 = plain(
  0,
  (r) => r.int32(),
  (w, v) => void w.int32(v),
)
/** Offsets, timestamps and producer ids, as a number. */
export const int64 = plain(
  0,
  (r) => r.long(),
  (w, v) => void w.int64(v),
)
/** Kafka's BOOLEAN: one byte. */
export const bool = plain(
  false,
  (r) => r.boolean(),
  (w, v) => void w.boolean(v),
)

/** All zero: no topic id. */
export const NO_ID = '0'.repeat(32)
/** 16 bytes as 32 hexadecimal digits. */
export const uuid = plain(
  NO_ID,
  (r) => {
    const at = r.take(16)
    return r.buffer.toString('hex', at, at + 16)
  },
  (w, v) => void w.raw(Buffer.from(v, 'hex')),
)

/** A string that may be null; compact in flexible versions, like all below (KIP-482). */
export const nullableString: Shape<string | null> = {
  absent: null,
  read: (r, _version, flexible) => (flexible ? r.compactString() : r.string()),
  write: (w, v, _version, flexible) => void (flexible ? w.compactString(v) : w.string(v)),
}

function required<T>(value: T | null, what: string): T {
  if (value === null) throw new WireError(`${what} must not be null`)
  return value
}

/** A string; null is a WireError. */
export const string: Shape<string> = {
  absent: '',
  read: (r, version, flexible) => required(nullableString.read(r, version, flexible), 'a string'),
  write: nullableString.write,
}

/** Bytes, read as a slice of the request; null is a WireError. */
export const bytes: Shape<Buffer> = {
  absent: Buffer.alloc(0),
  read: (r, _version, flexible) => required(flexible ? r.compactBytes() : r.bytes(), 'a byte field'),
  write: (w, v, _version, flexible) => void (flexible ? w.compactBytes(v) : w.bytes(v)),
}

/** A record set: read as a slice of the request, written as slices of the log (or as one). */
export const records: Shape<Buffer | null, readonly Buffer[] | Buffer | null> = {
  absent: null,
  read: (r, _version, flexible) => (flexible ? r.compactBytes() : r.bytes()),
  write(w, v, _version, flexible) {
    const pieces = v === null ? [] : Buffer.isBuffer(v) ? [v] : v
    const size = v === null ? -1 : pieces.reduce((sum, piece) => sum + piece.length, 0)
    if (flexible) w.uvarint(size + 1)
    else w.int32(size)
    w.splice(pieces)
  },
}

/** An array that may be null. */
export function nullableArray<Out, In>(item: Shape<Out, In>): Shape<Out[] | null, readonly In[] | null> {
  return {
    absent: null,
    read(r, version, flexible) {
      const count = flexible ? r.uvarint() - 1 : r.int32()
      if (count < 0) return null
      if (count > r.remaining) throw new WireError(`an array of ${count} items cannot fit into ${r.remaining} bytes`)
      const items: Out[] = []
      for (let i = 0; i < count; i++) items.push(item.read(r, version, flexible))
      return items
    },
    write(w, v, version, flexible) {
      if (flexible) w.uvarint(v === null ? 0 : v.length + 1)
      else w.int32(v === null ? -1 : v.length)
      if (v !== null) for (const entry of v) item.write(w, entry, version, flexible)
    },
  }
}

/** An array; null is read as an empty one. */
export function array<Out, In>(item: Shape<Out, In>): Shape<Out[], readonly In[]> {
  const inner = nullableArray(item)
  return { absent: [], read: (r, version, flexible) => inner.read(r, version, flexible) ?? [], write: inner.write }
}

/** The field exists from version `since` on. */
export function from<Out, In>(since: number, shape: Shape<Out, In>, absent: Out = shape.absent): Shape<Out, In> {
  return { ...shape, since, absent }
}

/** The field exists up to version `until`. */
export function upTo<Out, In>(until: number, shape: Shape<Out, In>, absent: Out = shape.absent): Shape<Out, In> {
  return { ...shape, until, absent }
}

/** Another value where nothing was said. */
export function orElse<Out, In>(absent: Out, shape: Shape<Out, In>): Shape<Out, In> {
  return { ...shape, absent }
}

/** A tagged field (flexible versions from `since` on). */
export function tagged<Out, In>(
  tag: number,
  since: number,
  shape: Shape<Out, In>,
): Shape<Out | undefined, In | undefined> {
  return {
    tag,
    since,
    absent: undefined,
    read: shape.read,
    write: (w, v, version, flexible) => {
      if (v !== undefined) shape.write(w, v, version, flexible)
    },
  }
}

type StructOut<F extends Fields> = { [K in keyof F]: Read<F[K]> }
type StructIn<F extends Fields> = { readonly [K in keyof F]?: Written<F[K]> }
type Values = Record<string, unknown>

/** A struct in the order of its fields; in flexible versions it ends with its tagged fields. */
export function struct<F extends Fields>(fields: F): Shape<StructOut<F>, StructIn<F>> {
  const all = Object.entries(fields) as unknown as [string, Shape<unknown, unknown>][]
  const inline = all.filter(([, shape]) => shape.tag === undefined)
  const tags = all.filter(([, shape]) => shape.tag !== undefined)
  const carried = (shape: Shape<unknown, unknown>, version: number) =>
    version >= (shape.since ?? 0) && version <= (shape.until ?? Number.POSITIVE_INFINITY)
  return {
    absent: {} as StructOut<F>,
    read(r, version, flexible) {
      const value: Values = {}
      for (const [name, shape] of inline)
        value[name] = carried(shape, version) ? shape.read(r, version, flexible) : shape.absent
      if (flexible) readTags(r, tags, value, version)
      return value as StructOut<F>
    },
    write(w, input, version, flexible) {
      const value = input as Values
      for (const [name, shape] of inline)
        if (carried(shape, version))
          shape.write(w, value[name] === undefined ? shape.absent : value[name], version, flexible)
      if (flexible)
        writeTags(
          w,
          tags.filter(([name, shape]) => carried(shape, version) && value[name] !== undefined),
          value,
          version,
        )
    },
  }
}

function readTags(r: WireReader, tags: [string, Shape<unknown, unknown>][], value: Values, version: number): void {
  for (let n = r.uvarint(); n > 0; n--) {
    const tag = r.uvarint()
    const size = r.uvarint()
    const at = r.take(size)
    const known = tags.find(([, shape]) => shape.tag === tag)
    if (known !== undefined) value[known[0]] = known[1].read(new WireReader(r.buffer, at, at + size), version, true)
  }
}

function writeTags(
  w: MessageWriter,
  present: [string, Shape<unknown, unknown>][],
  value: Values,
  version: number,
): void {
  w.uvarint(present.length)
  for (const [name, shape] of present) {
    const inner = new MessageWriter(64)
    shape.write(inner, value[name], version, true)
    const text = Buffer.concat(inner.pieces())
    w.uvarint(shape.tag ?? 0)
      .uvarint(text.length)
      .raw(text)
  }
}
