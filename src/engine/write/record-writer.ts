/**
 * Third step of an INSERT: rows → records, in bytes by the formats of the table. Where each cell of a row goes is said
 * by the targets. It sends nothing.
 */
import { unexpected } from '../../lib/assert.ts'
import { avroEncoder } from '../../formats/avro/writing/encoder.ts'
import { parseAvroReferences } from '../../formats/avro/schema.ts'
import { EncodeError, type FacetEncoder } from '../../formats/encoder.ts'
import { type FormatName, mixedParts, windowedParts } from '../../formats/format.ts'
import { jsonEncoder } from '../../formats/json/encoder.ts'
import { primitiveEncoder } from '../../formats/primitive/encoder.ts'
import { windowedEncoder } from '../../formats/windowed/encoder.ts'
import { plainText } from '../../functions/support/value-text.ts'
import { partitionOfKey } from '../../lib/murmur2.ts'
import type { RecordToProduce } from '../../plan/administration.ts'
import type { Table, TableFacet } from '../../plan/catalog.ts'
import { SqlError } from '../../sql/error.ts'
import { type DataType, JSON_TYPE, type StructType, type Value } from '../../types.ts'
import { assign, AssignError } from './assign.ts'
import type { Cell } from './rows.ts'
import type { Target } from './targets.ts'

/** Writes rows of one INSERT. */
export class RecordWriter {
  readonly #table: Table
  readonly #targets: readonly Target[]
  readonly #key: FacetWriter
  readonly #value: FacetWriter

  constructor(table: Table, targets: readonly Target[]) {
    this.#table = table
    this.#targets = targets
    this.#key = new FacetWriter(table, 'key', targets)
    this.#value = new FacetWriter(table, 'value', targets)
  }

  /** `cells` in the order of the targets. Throws a SqlError that names column and reason. */
  record(cells: readonly Cell[]): RecordToProduce {
    if (cells.length !== this.#targets.length) unexpected(`${cells.length} values for ${this.#targets.length} targets`)
    const headers = this.#targets.flatMap((t, i) =>
      t.facet === 'header' ? [{ key: t.path[0], value: headerBytes(cells[i]) }] : [],
    )
    const key = this.#key.bytes(cells)
    // Kafka would refuse the whole batch.
    if (key === null && this.#table.compacted)
      throw new SqlError('VALUE', `${this.#table.name} is compacted: every record needs a key.`)
    const value = this.#value.bytes(cells)
    headers.push(...(key === null ? [] : this.#key.headers), ...(value === null ? [] : this.#value.headers))
    const partition = key === null ? undefined : this.#windowPartition(key)
    return {
      key,
      value,
      ...(headers.length === 0 ? {} : { headers }),
      ...(partition === undefined ? {} : { partition }),
    }
  }

  /** Kafka Streams puts all windows of a key into one partition: by the hash of the key without its window. */
  #windowPartition(key: Uint8Array): number | undefined {
    const { key: facet, partitions } = this.#table
    const windowed = windowedParts(facet.format)
    if (windowed === undefined) return undefined
    return partitions[
      partitionOfKey(key.subarray(0, key.length - (windowed.kind === 'TW' ? 8 : 16)), partitions.length)
    ]
  }
}

/** Text as UTF-8, bytes as they are, anything else as its text. */
function headerBytes(cell: Cell): Uint8Array | null {
  if (cell.value === null) return null
  return cell.value instanceof Uint8Array ? cell.value : Buffer.from(plainText(cell.value, cell.type))
}

// ---------------------------------------------------------------------------------------------- one facet

class FacetWriter {
  readonly #table: Table
  readonly #side: 'key' | 'value'
  readonly #encoder: FacetEncoder | undefined
  readonly #schemaId: number | undefined
  /** What stands in front of every payload, where it is not Confluent's frame. */
  readonly #prefix: Uint8Array = new Uint8Array(0)
  /** Headers that say how a record was written. */
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[] = []
  /** Index in the row and path in the facet. */
  readonly #columns: readonly { readonly index: number; readonly target: Target }[]

  constructor(table: Table, side: 'key' | 'value', targets: readonly Target[]) {
    this.#table = table
    this.#side = side
    this.#columns = targets.flatMap((target, index) => (target.facet === side ? [{ index, target }] : []))
    const facet = table[side]
    if (this.#columns.length === 0) return
    this.#encoder = encoderOf(table, side)
    this.#schemaId = facet.framing === 'confluent' ? facet.writer?.id : undefined
    if (facet.framing === 'own' && facet.writer?.mark !== undefined)
      ({ prefix: this.#prefix, headers: this.headers } = facet.writer.mark)
    if (this.#columns.length > 1) {
      const whole = this.#columns.find((c) => c.target.path.length === 0)
      if (whole !== undefined)
        throw new SqlError(
          'TYPE',
          `"${whole.target.title}" is the whole ${side}, and other columns are parts of it.`,
          whole.target.span,
        )
    }
  }

  bytes(cells: readonly Cell[]): Uint8Array | null {
    const encoder = this.#encoder
    if (encoder === undefined) return null
    try {
      const { value, type } = this.#build(cells)
      if (value === null) return null
      const column = this.#columns.length === 1 ? this.#columns[0] : undefined
      const text = column?.target.path.length === 0 ? cells[column.index].text : undefined
      const assigned = assign(value, type, encoder.type, [], text)
      const payload = encoder.encode(assigned)
      if (this.#prefix.length > 0) return Buffer.concat([this.#prefix, payload])
      return this.#schemaId === undefined ? payload : framed(this.#schemaId, payload)
    } catch (error) {
      if (error instanceof AssignError || error instanceof EncodeError) throw this.#complaint(error)
      throw error
    }
  }

  #build(cells: readonly Cell[]): { value: Value; type: DataType } {
    const [first] = this.#columns
    if (first.target.path.length === 0) return cells[first.index]
    const root = new Branch()
    for (const { index, target } of this.#columns) root.put(target, cells[index], this.#leafType(target.path))
    return root.value()
  }

  /** For decimals: a number that was typed is taken digit by digit. */
  #leafType(path: readonly string[]): DataType | undefined {
    let type: DataType | undefined = this.#encoder?.type
    for (const step of path) type = type?.kind === 'struct' ? type.fields.find((f) => f.name === step)?.type : undefined
    return type
  }

  #complaint(error: AssignError | EncodeError): SqlError {
    const inside = error.path
      .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`))
      .join('')
    const name = this.#side === 'key' ? (inside === '' ? '_key' : `_key.${inside}`) : inside === '' ? '_value' : inside
    const column = this.#columns.find((c) => c.target.path.join('.') === inside)
    const end = /[.?!]$/.test(error.message) ? '' : '.'
    return new SqlError('VALUE', `"${name}" of ${this.#table.name} ${error.message}${end}`, column?.target.span)
  }
}

/** A structure in the making. */
class Branch {
  readonly #members = new Map<string, Branch | Cell>()

  put(target: Target, cell: Cell, to: DataType | undefined): void {
    let at: Branch = this
    for (const step of target.path.slice(0, -1)) {
      const known = at.#members.get(step)
      if (known !== undefined && !(known instanceof Branch))
        throw new SqlError('TYPE', `"${target.title}" is inside of a column that is given itself.`, target.span)
      const next: Branch = known ?? new Branch()
      at.#members.set(step, next)
      at = next
    }
    const name = target.path[target.path.length - 1]
    if (at.#members.has(name)) throw new SqlError('TYPE', `"${target.title}" is given twice.`, target.span)
    const exact =
      to?.kind === 'decimal' && cell.text !== undefined
        ? {
            value: assign(cell.value, cell.type, { kind: 'decimal' }, [], cell.text),
            type: { kind: 'decimal' } as DataType,
          }
        : cell
    at.#members.set(name, exact)
  }

  value(): { value: Map<string, Value>; type: StructType } {
    const value = new Map<string, Value>()
    const fields: StructType['fields'][number][] = []
    for (const [name, member] of this.#members) {
      const made = member instanceof Branch ? member.value() : member
      value.set(name, made.value)
      fields.push({ name, type: made.type, nullable: true })
    }
    return { value, type: { kind: 'struct', fields } }
  }
}

function framed(id: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + payload.length)
  bytes.writeInt32BE(id, 1)
  bytes.set(payload, 5)
  return bytes
}

function encoderOf(table: Table, side: 'key' | 'value'): FacetEncoder {
  const facet = table[side]
  if (facet.unreadable !== undefined) throw new SqlError('UNSUPPORTED', facet.unreadable)
  const windowed = windowedParts(facet.format)
  const encoder = windowed === undefined ? plainEncoder(facet, facet.format) : plainEncoder(facet, windowed.inner)
  if (encoder !== undefined) return windowed === undefined ? encoder : windowedEncoder(windowed.kind, encoder)
  if (facet.framing === 'confluent') {
    const hint = `Register one as subject ${table.topic}-${side}, or CREATE TABLE with columns of the ${side}.`
    throw new SqlError('UNSUPPORTED', `No schema is known for the ${side}s of ${table.name}.`, undefined, hint)
  }
  if (mixedParts(facet.format) !== undefined)
    throw new SqlError(
      'UNSUPPORTED',
      `The ${side}s of ${table.name} are of several formats (${facet.format}); INSERT does not choose one of them.`,
    )
  if (facet.framing === 'own')
    throw new SqlError(
      'UNSUPPORTED',
      `The ${side}s of ${table.name} are ${facet.format} with ${facet.detail}, which INSERT does not write.`,
    )
  throw new SqlError('UNSUPPORTED', `The ${side}s of ${table.name} are ${facet.format}, which INSERT does not write.`)
}

/** By format and schema; undefined for a format that is not written, or whose schema is not known. */
function plainEncoder(facet: TableFacet, format: FormatName): FacetEncoder | undefined {
  const plain = primitiveEncoder(format)
  if (plain !== undefined) return plain
  const own = facet.encoder ?? facet.writer?.encoder
  if (own !== undefined) return own
  if (format === 'JSON') return jsonEncoder(facet.declared ?? JSON_TYPE)
  return format === 'AVRO' && facet.writer !== undefined
    ? avroEncoder(facet.writer.text, parseAvroReferences(facet.writer.references))
    : undefined
}
