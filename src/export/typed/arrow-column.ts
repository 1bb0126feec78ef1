/**
 * Columns of Arrow while their values come: what is needed to make the buffers of a record batch, as the format lays
 * them out. A null has its place in every buffer; of a list only its end.
 */
import {
  Binary,
  Bool,
  type Data,
  type DataType,
  DateDay,
  Decimal,
  Field,
  FixedSizeBinary,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  makeData,
  Map_,
  Struct,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  Utf8,
} from 'apache-arrow'
import { there } from '../../lib/assert.ts'
import type { Value } from '../../types.ts'
import type { FileField, FileType, Scalar, ScalarType } from './file-types.ts'

/** The scalar of a value, null for NULL; throws a SqlError for what the type cannot hold. */
export type ToScalar = (value: Value, type: ScalarType) => Scalar | null

/** One column, or a part of one. */
export interface ArrowColumn {
  readonly field: Field
  /** Takes one value. Throws a SqlError for one that the type cannot hold; `truncate` then forgets its parts. */
  push(value: Value): void
  /** Forgets all values but so many. */
  truncate(length: number): void
  readonly length: number
  /** The values so far as data of a record batch; then there are none. */
  take(): Data
}

/** Types as extensions say them: name and metadata of a field. */
function extension(name: string): Map<string, string> {
  return new Map([
    ['ARROW:extension:name', name],
    ['ARROW:extension:metadata', ''],
  ])
}

/** The column of a field. */
export function arrowColumn({ name, type }: FileField, toScalar: ToScalar): ArrowColumn {
  switch (type.kind) {
    case 'struct':
      return new StructColumn(
        name,
        type.fields.map((field) => arrowColumn(field, toScalar)),
      )
    case 'list':
      return new ListColumn(name, arrowColumn({ name: 'item', type: type.item }, toScalar))
    case 'map':
      return new MapColumn(name, type, toScalar)
    case 'text':
    case 'json':
    case 'bytes':
      return new TextColumn(name, type, toScalar)
    default:
      return new FixedColumn(name, type, toScalar)
  }
}

/** Which values are there, as bits. */
class Validity {
  readonly #present: boolean[] = []
  nulls = 0

  get length(): number {
    return this.#present.length
  }
  push(present: boolean): void {
    this.#present.push(present)
    if (!present) this.nulls++
  }
  truncate(length: number): void {
    while (this.#present.length > length) if (this.#present.pop() === false) this.nulls--
  }
  take(): { length: number; nullCount: number; nullBitmap: Uint8Array | undefined } {
    const { nulls: nullCount, length } = this
    const nullBitmap = nullCount === 0 ? undefined : bits(this.#present)
    this.#present.length = 0
    this.nulls = 0
    return { length, nullCount, nullBitmap }
  }
}

function bits(values: readonly boolean[]): Uint8Array {
  const bytes = new Uint8Array((values.length + 7) >> 3)
  for (let i = 0; i < values.length; i++) if (values[i]) bytes[i >> 3] |= 1 << (i & 7)
  return bytes
}

/** Ends of lists as the format has them: with the beginning of the first. */
function offsets(ends: readonly number[]): Int32Array {
  const all = new Int32Array(ends.length + 1)
  all.set(ends, 1)
  return all
}

// ---------------------------------------------------------------------------------------------- nested

class StructColumn implements ArrowColumn {
  readonly field: Field
  readonly #members: readonly ArrowColumn[]
  readonly #validity = new Validity()

  constructor(name: string, members: readonly ArrowColumn[]) {
    this.#members = members
    this.field = new Field(name, new Struct(members.map(({ field }) => field)), true)
  }
  get length(): number {
    return this.#validity.length
  }
  push(value: Value): void {
    const struct = value as Map<string, Value> | null
    for (const member of this.#members) member.push(struct?.get(member.field.name) ?? null)
    this.#validity.push(struct !== null)
  }
  truncate(length: number): void {
    for (const member of this.#members) member.truncate(length)
    this.#validity.truncate(length)
  }
  take(): Data {
    const children = this.#members.map((member) => member.take())
    return makeData({ type: this.field.type as Struct, ...this.#validity.take(), children })
  }
}

class ListColumn implements ArrowColumn {
  readonly field: Field
  readonly #item: ArrowColumn
  readonly #validity = new Validity()
  readonly #ends: number[] = []

  constructor(name: string, item: ArrowColumn) {
    this.#item = item
    this.field = new Field(name, new List(item.field), true)
  }
  get length(): number {
    return this.#validity.length
  }
  push(value: Value): void {
    if (value !== null) for (const item of value as Value[]) this.#item.push(item)
    this.#ends.push(this.#item.length)
    this.#validity.push(value !== null)
  }
  truncate(length: number): void {
    this.#ends.length = Math.min(this.#ends.length, length)
    this.#item.truncate(this.#ends.at(-1) ?? 0)
    this.#validity.truncate(length)
  }
  take(): Data {
    const valueOffsets = offsets(this.#ends.splice(0))
    return makeData({ type: this.field.type as List, ...this.#validity.take(), valueOffsets, child: this.#item.take() })
  }
}

class MapColumn implements ArrowColumn {
  readonly field: Field
  readonly #key: ArrowColumn
  readonly #value: ArrowColumn
  readonly #entries: Field<Struct>
  readonly #validity = new Validity()
  readonly #ends: number[] = []

  constructor(name: string, type: Extract<FileType, { kind: 'map' }>, toScalar: ToScalar) {
    this.#key = new TextColumn('key', { kind: 'text', of: { kind: 'string' } }, toScalar, false)
    this.#value = arrowColumn({ name: 'value', type: type.value }, toScalar)
    this.#entries = new Field('entries', new Struct([this.#key.field, this.#value.field]), false)
    this.field = new Field(name, new Map_(this.#entries as ConstructorParameters<typeof Map_>[0]), true)
  }
  get length(): number {
    return this.#validity.length
  }
  push(value: Value): void {
    if (value !== null)
      for (const [key, of] of value as Map<string, Value>) {
        this.#key.push(key)
        this.#value.push(of)
      }
    this.#ends.push(this.#key.length)
    this.#validity.push(value !== null)
  }
  truncate(length: number): void {
    this.#ends.length = Math.min(this.#ends.length, length)
    this.#key.truncate(this.#ends.at(-1) ?? 0)
    this.#value.truncate(this.#ends.at(-1) ?? 0)
    this.#validity.truncate(length)
  }
  take(): Data {
    const valueOffsets = offsets(this.#ends.splice(0))
    const length = valueOffsets.at(-1) ?? 0
    const children = [this.#key.take(), this.#value.take()]
    const child = makeData({ type: this.#entries.type, length, nullCount: 0, children })
    return makeData({ type: this.field.type as Map_, ...this.#validity.take(), valueOffsets, child })
  }
}

// ---------------------------------------------------------------------------------------------- scalars

/** Texts and bytes. */
class TextColumn implements ArrowColumn {
  readonly field: Field
  readonly #type: ScalarType
  readonly #toScalar: ToScalar
  readonly #validity = new Validity()
  readonly #pieces: (string | Uint8Array)[] = []

  constructor(name: string, type: ScalarType, toScalar: ToScalar, nullable = true) {
    this.#type = type
    this.#toScalar = toScalar
    const of = type.kind === 'bytes' ? new Binary() : new Utf8()
    this.field = new Field(name, of, nullable, type.kind === 'json' ? extension('arrow.json') : undefined)
  }
  get length(): number {
    return this.#validity.length
  }
  push(value: Value): void {
    const scalar = this.#toScalar(value, this.#type)
    this.#pieces.push(scalar === null ? '' : (scalar as string | Uint8Array))
    this.#validity.push(scalar !== null)
  }
  truncate(length: number): void {
    this.#pieces.length = Math.min(this.#pieces.length, length)
    this.#validity.truncate(length)
  }
  take(): Data {
    const pieces = this.#pieces.splice(0)
    const valueOffsets = new Int32Array(pieces.length + 1)
    let bytes = 0
    for (const [i, piece] of pieces.entries()) {
      bytes += typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length
      valueOffsets[i + 1] = bytes
    }
    const data = Buffer.allocUnsafeSlow(bytes)
    for (const [i, piece] of pieces.entries())
      if (typeof piece === 'string') data.write(piece, valueOffsets[i])
      else data.set(piece, valueOffsets[i])
    return makeData({ type: this.field.type as Utf8, ...this.#validity.take(), valueOffsets, data })
  }
}

/** Values of which all take the same room. */
class FixedColumn implements ArrowColumn {
  readonly field: Field
  readonly #type: ScalarType
  readonly #toScalar: ToScalar
  readonly #validity = new Validity()
  readonly #values: (Scalar | null)[] = []

  constructor(name: string, type: ScalarType, toScalar: ToScalar) {
    this.#type = type
    this.#toScalar = toScalar
    this.field = new Field(name, fixedType(type), true, type.kind === 'uuid' ? extension('arrow.uuid') : undefined)
  }
  get length(): number {
    return this.#validity.length
  }
  push(value: Value): void {
    const scalar = this.#toScalar(value, this.#type)
    this.#values.push(scalar)
    this.#validity.push(scalar !== null)
  }
  truncate(length: number): void {
    this.#values.length = Math.min(this.#values.length, length)
    this.#validity.truncate(length)
  }
  take(): Data {
    const data = fixedBuffer(this.#type, this.#values.splice(0))
    return makeData({ type: this.field.type as Int32, ...this.#validity.take(), data: data as Int32Array })
  }
}

function fixedType(type: ScalarType): DataType {
  switch (type.kind) {
    case 'boolean':
      return new Bool()
    case 'int':
      return new Int32()
    case 'long':
      return new Int64()
    case 'float':
      return new Float32()
    case 'double':
      return new Float64()
    case 'date':
      return new DateDay()
    case 'decimal':
      return new Decimal(type.scale, type.precision, 128)
    case 'time':
      return new TIMES[type.unit]()
    case 'timestamp':
      return new TIMESTAMPS[type.unit](type.utc ? 'UTC' : null)
    default:
      return new FixedSizeBinary(UUID_BYTES)
  }
}

const UUID_BYTES = 16
const TIMES = { millis: TimeMillisecond, micros: TimeMicrosecond, nanos: TimeNanosecond } as const
const TIMESTAMPS = { millis: TimestampMillisecond, micros: TimestampMicrosecond, nanos: TimestampNanosecond } as const
const LOW = 2n ** 64n - 1n

function fixedBuffer(type: ScalarType, values: readonly (Scalar | null)[]): ArrayBufferView {
  switch (type.kind) {
    case 'boolean':
      return bits(values.map((v) => v === true))
    case 'float':
      return Float32Array.from(values, Number)
    case 'double':
      return Float64Array.from(values, Number)
    case 'int':
    case 'date':
      return Int32Array.from(values, Number)
    case 'uuid': {
      const bytes = new Uint8Array(values.length * UUID_BYTES)
      for (const [i, value] of values.entries()) if (value !== null) bytes.set(value as Uint8Array, i * UUID_BYTES)
      return bytes
    }
    case 'decimal': {
      const halves = new BigUint64Array(values.length * 2)
      for (const [i, value] of values.entries()) {
        const unscaled = (value ?? 0n) as bigint
        halves[2 * i] = unscaled & LOW
        halves[2 * i + 1] = BigInt.asUintN(64, unscaled >> 64n)
      }
      return new Uint32Array(halves.buffer)
    }
    case 'time':
      if (type.unit === 'millis') return Int32Array.from(values, Number)
      break
    default:
  }
  return BigInt64Array.from(values, (v) => there((v ?? 0n) as bigint, 'a whole number of 64 bits is a bigint'))
}
