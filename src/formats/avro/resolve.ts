/**
 * What an older writer's records look like to readers of the newest schema (Avro specification, "Schema Resolution"):
 * fields under the names that the newest schema gives them by aliases, fields that it added with their defaults,
 * symbols of enums that it has dropped as the enum's default. The result is a writer's schema again, for the same
 * bytes.
 *
 * Where the specification has an error (a field without a default, a symbol that is unknown, other types), the writer's
 * own form stays: nothing that can be read is lost. Fields that the newest schema does not have any more stay, too;
 * promotions of numbers are the business of `merge-types.ts`.
 */
import { ByteWriter } from './writing/byte-writer.ts'
import { EncodeError } from '../encoder.ts'
import { writeDefault } from './writing/encoder.ts'
import type { AvroField, AvroNode, DefaultNode, EnumNode, NamedNode, RecordNode } from './schema.ts'

/** Bytes behind the last default, so that reading ahead stays in the buffer. */
const MARGIN = 64
/** Pairs of records of both schemas, beyond twice those of the writer: recursive types can be matched in many ways. */
const MORE_PAIRS = 100

/**
 * Limit `avro.resolution.steps` (steps): fields, branches and aliases that are compared for one pair of schemas: each
 * may meet each. Beyond it: records are read by the writer's schema alone.
 */
const MAX_LOOKS = 1_000_000

/** The schemas are left as they are. */
class TooMuch extends Error {}

/** The writer's schema as the reader sees it; the same node where there is no difference. */
export function resolveAvro(writer: AvroNode, reader: AvroNode): AvroNode {
  const resolver = new Resolver()
  try {
    const resolved = resolver.all(writer, reader)
    return resolver.changed ? resolved : writer
  } catch (cause) {
    if (cause instanceof TooMuch) return writer
    throw cause
  }
}

class Resolver {
  changed = false
  readonly #made = new Map<RecordNode, Map<RecordNode, RecordNode>>()
  readonly #waiting: (() => void)[] = []
  readonly #defaults = new Map<AvroField, DefaultNode | undefined>()
  readonly #out = new ByteWriter()
  readonly #store: DefaultNode['store'] = { bytes: Buffer.alloc(0), view: new DataView(new ArrayBuffer(0)) }
  #pairs = 0
  #looks = 0

  all(writer: AvroNode, reader: AvroNode): AvroNode {
    const resolved = this.#node(writer, reader)
    // One after the other and not one in the other: recursion through types may be long.
    for (let fill = this.#waiting.pop(); fill !== undefined; fill = this.#waiting.pop()) fill()
    const bytes = Buffer.concat([this.#out.bytes(), Buffer.alloc(MARGIN)])
    this.#store.bytes = bytes
    this.#store.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return resolved
  }

  #node(writer: AvroNode, reader: AvroNode): AvroNode {
    if (writer.kind === 'union')
      return { ...writer, branches: writer.branches.map((branch) => this.#node(branch, reader)) }
    if (reader.kind === 'union') {
      const branch = this.#branch(writer, reader.branches)
      return branch === undefined ? writer : this.#node(writer, branch)
    }
    if (writer.kind === 'array' && reader.kind === 'array')
      return { ...writer, items: this.#node(writer.items, reader.items) }
    if (writer.kind === 'map' && reader.kind === 'map')
      return { ...writer, values: this.#node(writer.values, reader.values) }
    if (writer.kind === 'enum' && reader.kind === 'enum') return this.#enum(writer, reader)
    return writer.kind === 'record' && reader.kind === 'record' ? this.#record(writer, reader) : writer
  }

  #enum(writer: EnumNode, reader: EnumNode): EnumNode {
    const { fallback } = reader
    const known = new Set(reader.symbols)
    if (
      fallback === undefined ||
      this.#nearness(writer, reader) === 0 ||
      writer.symbols.every((symbol) => known.has(symbol))
    )
      return writer
    this.changed = true
    return { ...writer, symbols: writer.symbols.map((symbol) => (known.has(symbol) ? symbol : fallback)) }
  }

  #record(writer: RecordNode, reader: RecordNode): RecordNode {
    if (this.#nearness(writer, reader) === 0) return writer
    let partners = this.#made.get(writer)
    if (partners === undefined) this.#made.set(writer, (partners = new Map()))
    const known = partners.get(reader)
    if (known !== undefined) return known
    if (++this.#pairs > 2 * this.#made.size + MORE_PAIRS) throw new TooMuch()
    const made: RecordNode = { kind: 'record', name: reader.name, fields: [] }
    partners.set(reader, made)
    this.#waiting.push(() => made.fields.push(...this.#fields(writer, reader)))
    return made
  }

  /**
   * The writer's fields in their order, as they lie in the bytes; what was added stands behind the field that is in
   * front of it in the reader's schema.
   */
  #fields(writer: RecordNode, reader: RecordNode): AvroField[] {
    this.#look(writer.fields.length + reader.fields.length)
    const written = new Map(writer.fields.map((field) => [field.name, field]))
    const names = new Set(reader.fields.map((field) => field.name))
    const sources = new Map<AvroField, AvroField>()
    const added = new Map<AvroField | undefined, AvroField[]>()
    let before: AvroField | undefined
    for (const field of reader.fields) {
      // A name that both have is that field; an old name counts only where the reader has no field of that name.
      this.#look(field.aliases?.length ?? 0)
      const alias = field.aliases?.find(
        (name) => !names.has(name) && written.has(name) && !sources.has(written.get(name) as AvroField),
      )
      const source = written.get(field.name) ?? (alias === undefined ? undefined : written.get(alias))
      if (source !== undefined) {
        sources.set(source, field)
        before = source
        continue
      }
      const node = this.#default(field)
      if (node === undefined) continue
      this.changed = true
      const group = added.get(before)
      const virtual = { name: field.name, node, ...(field.doc === undefined ? {} : { doc: field.doc }) }
      if (group === undefined) added.set(before, [virtual])
      else group.push(virtual)
    }
    const own = (field: AvroField): AvroField => {
      const target = sources.get(field)
      if (target === undefined) return field
      if (target.name !== field.name) this.changed = true
      return { ...field, name: target.name, node: this.#node(field.node, target.node) }
    }
    return [
      ...(added.get(undefined) ?? []),
      ...writer.fields.flatMap((field) => [own(field), ...(added.get(field) ?? [])]),
    ]
  }

  /** undefined when the field has no default, or one that is none. */
  #default(field: AvroField): DefaultNode | undefined {
    if (field.fallback === undefined) return undefined
    if (this.#defaults.has(field)) return this.#defaults.get(field)
    const from = this.#out.size
    let node: DefaultNode | undefined
    try {
      writeDefault(this.#out, field.node, field.fallback.json, [field.name])
      node = { kind: 'default', node: field.node, from, to: this.#out.size, store: this.#store }
    } catch (cause) {
      if (!(cause instanceof EncodeError)) throw cause
    }
    this.#defaults.set(field, node)
    return node
  }

  /** How well the name of a writer's type fits a reader's: 0 is not at all. */
  #nearness(writer: NamedNode, reader: RecordNode | EnumNode): number {
    if (writer.name === reader.name) return 3
    this.#look(1 + (reader.aliases?.length ?? 0))
    if (reader.aliases?.includes(writer.name) === true) return 2
    return lastPart(writer.name) === lastPart(reader.name) ? 1 : 0
  }

  /** The branch of the reader's union that the writer's type is read as, where that can make a difference. */
  #branch(writer: AvroNode, branches: readonly AvroNode[]): AvroNode | undefined {
    this.#look(branches.length)
    if (writer.kind !== 'record' && writer.kind !== 'enum')
      return branches.find((branch) => branch.kind === writer.kind)
    let best: AvroNode | undefined
    let most = 0
    for (const branch of branches) {
      const near = branch.kind === writer.kind ? this.#nearness(writer, branch as RecordNode | EnumNode) : 0
      if (near > most) [best, most] = [branch, near]
    }
    return best
  }

  #look(times: number): void {
    this.#looks += times
    if (this.#looks > MAX_LOOKS) throw new TooMuch()
  }
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
