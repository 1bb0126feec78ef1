/**
 * Rows of an INSERT → records: which column goes where (key, value, headers, a field inside of them), and the bytes by the formats of the table.
 * It sends nothing.
 */
import { avroEncoder } from '../../formats/avro/encoder.ts'
import { parseAvroReferences } from '../../formats/avro/schema.ts'
import { EncodeError, type FacetEncoder } from '../../formats/encoder.ts'
import { type FormatName, mixedParts, windowedParts } from '../../formats/format.ts'
import { jsonEncoder } from '../../formats/json/encoder.ts'
import { primitiveEncoder } from '../../formats/primitive/encoder.ts'
import { windowedEncoder } from '../../formats/windowed/encoder.ts'
import { plainText } from '../../functions/support/value-text.ts'
import { partitionOfKey } from '../../lib/murmur2.ts'
import { didYouMean } from '../../lib/suggest.ts'
import type { RecordToProduce } from '../../plan/administration.ts'
import type { Table, TableFacet } from '../../plan/catalog.ts'
import { leaves } from '../../plan/bind/virtual-tables.ts'
import type { Name, Span } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { type DataType, JSON_TYPE, type StructType, type Value } from '../../types.ts'
import { assign, AssignError } from './assign.ts'

/** One value of a row with its type; `text` is a number as it was typed. */
export interface Cell {
  readonly value: Value
  readonly type: DataType
  readonly text?: string
}

/** Where a column goes: `path` inside the facet, empty for the whole of it; of a header the path is its name. */
export interface Target {
  readonly facet: 'key' | 'value' | 'header'
  readonly path: readonly string[]
  /** As the user wrote it. */
  readonly title: string
  readonly span?: Span
}

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
    if (cells.length !== this.#targets.length) throw new Error(`${cells.length} values for ${this.#targets.length} targets`)
    const headers = this.#targets.flatMap((t, i) => (t.facet === 'header' ? [{ key: t.path[0], value: headerBytes(cells[i]) }] : []))
    const key = this.#key.bytes(cells)
    // Kafka would refuse the whole batch.
    if (key === null && this.#table.compacted) throw new SqlError('VALUE', `${this.#table.name} is compacted: every record needs a key.`)
    const value = this.#value.bytes(cells)
    headers.push(...(key === null ? [] : this.#key.headers), ...(value === null ? [] : this.#value.headers))
    const partition = key === null ? undefined : this.#windowPartition(key)
    return { key, value, ...(headers.length === 0 ? {} : { headers }), ...(partition === undefined ? {} : { partition }) }
  }

  /** Kafka Streams puts all windows of a key into one partition: by the hash of the key without its window. */
  #windowPartition(key: Uint8Array): number | undefined {
    const { key: facet, partitions } = this.#table
    const windowed = windowedParts(facet.format)
    if (windowed === undefined) return undefined
    return partitions[partitionOfKey(key.subarray(0, key.length - (windowed.kind === 'TW' ? 8 : 16)), partitions.length)]
  }

  get table(): Table {
    return this.#table
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
    if (facet.framing === 'own' && facet.writer?.mark !== undefined) ({ prefix: this.#prefix, headers: this.headers } = facet.writer.mark)
    if (this.#columns.length > 1) {
      const whole = this.#columns.find((c) => c.target.path.length === 0)
      if (whole !== undefined) throw new SqlError('TYPE', `"${whole.target.title}" is the whole ${side}, and other columns are parts of it.`, whole.target.span)
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
    const inside = error.path.map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`)).join('')
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
        ? { value: assign(cell.value, cell.type, { kind: 'decimal' }, [], cell.text), type: { kind: 'decimal' } as DataType }
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
    throw new SqlError('UNSUPPORTED', `The ${side}s of ${table.name} are of several formats (${facet.format}); INSERT does not choose one of them.`)
  if (facet.framing === 'own')
    throw new SqlError('UNSUPPORTED', `The ${side}s of ${table.name} are ${facet.format} with ${facet.detail}, which INSERT does not write.`)
  throw new SqlError('UNSUPPORTED', `The ${side}s of ${table.name} are ${facet.format}, which INSERT does not write.`)
}

/** By format and schema; undefined for a format that is not written, or whose schema is not known. */
function plainEncoder(facet: TableFacet, format: FormatName): FacetEncoder | undefined {
  const plain = primitiveEncoder(format)
  if (plain !== undefined) return plain
  const own = facet.encoder ?? facet.writer?.encoder
  if (own !== undefined) return own
  if (format === 'JSON') return jsonEncoder(facet.declared ?? JSON_TYPE)
  return format === 'AVRO' && facet.writer !== undefined ? avroEncoder(facet.writer.text, parseAvroReferences(facet.writer.references)) : undefined
}

// ---------------------------------------------------------------------------------------------- targets

/** The target that a name in the column list means. */
export function targetOf(path: readonly Name[], table: Table): Target {
  const title = path.map((n) => n.text).join('.')
  const span: Span = { start: path[0].span.start, end: path[path.length - 1].span.end }
  const rest = path.slice(1).map((n) => n.text)
  switch (path[0].text) {
    case '_key':
      return checked({ facet: 'key', path: rest, title, span }, table)
    case '_value':
      return checked({ facet: 'value', path: rest, title, span }, table)
    case '_headers':
    case '_header':
      if (rest.length === 0) throw new SqlError('UNKNOWN_COLUMN', 'A header needs a name.', span, 'Write _headers.name.')
      return { facet: 'header', path: [rest.join('.')], title, span }
    case '_meta':
    case '_metadata':
      throw new SqlError('UNKNOWN_COLUMN', 'Metadata is given by Kafka; it cannot be inserted.', span)
    default:
      return checked({ facet: 'value', path: wholeValue(path, table) ? [] : [path[0].text, ...rest], title, span }, table)
  }
}

/** A single value is also called `value`, as in CREATE TABLE. */
function wholeValue(path: readonly Name[], table: Table): boolean {
  return path.length === 1 && path[0].text === 'value' && isSingle(table.value)
}

function isSingle(facet: TableFacet): boolean {
  const { kind } = columnsType(facet)
  return kind !== 'struct' && kind !== 'json' && kind !== 'map'
}

/** What may be named inside the facet. */
function columnsType(facet: TableFacet): DataType {
  return facet.declared ?? facet.type
}

function checked(target: Target, table: Table): Target {
  let type = columnsType(table[target.facet === 'key' ? 'key' : 'value'])
  target.path.forEach((step, i) => {
    if (type.kind === 'json') return
    if (type.kind === 'map') {
      type = type.value
      return
    }
    const field = type.kind === 'struct' ? type.fields.find((f) => f.name === step) : undefined
    if (field === undefined) throw unknownTarget(target, i, type, table)
    type = field.type
  })
  return target
}

function unknownTarget(target: Target, at: number, type: DataType, table: Table): SqlError {
  const prefix = target.facet === 'key' ? '_key.' : ''
  if (type.kind !== 'struct') {
    const whole = target.facet === 'key' ? '_key' : '_value'
    const where = at === 0 ? `The ${target.facet} of ${table.name} is a single value` : `"${prefix}${target.path.slice(0, at).join('.')}" is a single value`
    return new SqlError('UNKNOWN_COLUMN', `${where}; it has no "${target.path[at]}".`, target.span, at === 0 ? `Write ${whole}.` : undefined)
  }
  const names = leaves(type).map(([path]) => `${prefix}${[...target.path.slice(0, at), path].join('.')}`)
  const hint = didYouMean(`${prefix}${target.path.join('.')}`, names) ?? `DESCRIBE TABLE ${table.name} lists the columns.`
  return new SqlError('UNKNOWN_COLUMN', `Unknown column "${target.title}" in ${table.name}.`, target.span, hint)
}

/** The columns of a table in order, the key's first: what an INSERT without a column list means. */
export function tableTargets(table: Table): { readonly key: readonly Target[]; readonly value: readonly Target[] } {
  const of = (facet: 'key' | 'value'): Target[] => {
    const type = columnsType(table[facet])
    if (type.kind === 'struct') return leaves(type).map(([path]) => ({ facet, path: pathOf(type, path), title: facet === 'key' ? `_key.${path}` : path }))
    return [{ facet, path: [], title: `_${facet}` }]
  }
  return { key: of('key'), value: of('value') }
}

/** A dotted path as steps: names of fields may hold dots themselves. */
function pathOf(type: StructType, dotted: string): string[] {
  for (const field of type.fields) {
    if (field.name === dotted) return [field.name]
    if (field.type.kind === 'struct' && dotted.startsWith(`${field.name}.`)) return [field.name, ...pathOf(field.type, dotted.slice(field.name.length + 1))]
  }
  return [dotted]
}
