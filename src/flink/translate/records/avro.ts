/**
 * Fields of Avro values, which Flink's own format decodes: with a reader schema that has the wanted fields as the newest
 * schema says them, defaults and symbols included, and columns of the same types. Whatever that format reads in
 * another way (fixed bytes that are no decimal, unions of several types, lists and maps) is refused.
 */
import {
  type AvroField,
  type AvroNode,
  type EnumNode,
  parseAvroReferences,
  parseAvroSchema,
  type RecordNode,
} from '../../../formats/avro/schema.ts'
import { sameTypeAt } from '../../../formats/merge-types.ts'
import { stringifyJson } from '../../../lib/text/lossless-json.ts'
import type { TableFacet } from '../../../plan/catalog.ts'
import type { PathRef } from '../../../plan/plan.ts'
import { type DataType, STRING } from '../../../types.ts'
import { type FlinkSql, list, name, ordering, sql, text } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { carrierOf, decimalOf, decoded, guard, MOST_DIGITS } from '../terms.ts'

const ODD = 'Lists, maps, fixed bytes and unions of Avro are not handed over to Flink.'
const RENAMED = 'Fields of Avro that had another name are not handed over to Flink.'
const OTHERWISE =
  'Fields of Avro that have another type in an older version of the schema are not handed over to Flink.'
const OLD =
  'Fields of Avro that the newest schema does not have are handed over to Flink as plain texts, numbers and booleans only.'

/** What a statement wants of the records of an Avro topic. */
export class AvroReader {
  readonly #table: TableFacet
  readonly #root: RecordNode
  /** Records by their names → the wanted fields. A record has the same ones wherever it stands. */
  readonly #wanted = new Map<string, Map<string, AvroField>>()

  constructor(table: TableFacet) {
    if (table.framing !== 'confluent')
      throw new Refusal('Avro without the ids of a schema registry is not handed over to Flink.')
    if (table.writer === undefined || table.asNewest === undefined)
      throw new Refusal('The newest schema of an Avro topic is not known.')
    const { text, references } = table.writer
    const { node } = parseAvroSchema(text, parseAvroReferences(references))
    if (node.kind !== 'record') throw new Refusal('Avro values that are no records are not handed over to Flink.')
    this.#table = table
    this.#root = node
  }

  /** A field of the value: the column or a part of it, as it is carried. Throws a Refusal. */
  field(e: PathRef): { taken: FlinkSql; type: DataType; isField: true; ofNewest: boolean } {
    const { steps } = e.path
    if (steps.length === 0)
      throw new Refusal('A whole Avro value is not handed over to Flink: name the fields.', e.span)
    let node: AvroNode = this.#root
    let type: DataType = this.#table.type
    const wanted: (readonly [RecordNode, AvroField])[] = []
    if (!sameTypeAt(this.#table.versions ?? [], steps)) throw new Refusal(OTHERWISE, e.span)
    for (const step of steps) {
      const record = withoutNull(node)
      const known = type.kind === 'struct' ? type.fields.find((one) => one.name === step) : undefined
      if (record?.kind !== 'record' || typeof step !== 'string' || known === undefined) throw new Refusal(ODD, e.span)
      type = known.type
      const field = record.fields.find((one) => one.name === step) ?? dropped(step, type, e)
      // Avro's own library takes aliases of fields only where the records have one name, and says nothing else.
      if (field.aliases !== undefined) throw new Refusal(RENAMED, e.span)
      wanted.push([record, field])
      node = field.node
    }
    const leaf = withoutNull(node)
    if (leaf === undefined || leaf.kind === 'record' || columnOf(leaf) === undefined) throw new Refusal(ODD, e.span)
    for (const [record, field] of wanted) this.#want(record, field)
    const path = list(
      steps.map((step) => name(String(step))),
      '.',
    )
    const ofNewest = wanted.some(([, field]) => isOfNewest(field))
    if (leaf.kind === 'enum') return { taken: path, type: STRING, isField: true, ofNewest }
    if (type.kind === 'decimal') return { taken: withinDigits(path, type), type, isField: true, ofNewest }
    if (type.kind === 'string') return { taken: decoded(path), type, isField: true, ofNewest }
    const isWide = type.kind === 'int' || type.kind === 'date' || (type.kind === 'time' && type.unit === 'millis')
    const isLong = isWide || type.kind === 'long' || type.kind === 'timestamp'
    const taken = isLong ? sql`CAST(${path} AS BIGINT)` : type.kind === 'float' ? sql`CAST(${path} AS DOUBLE)` : path
    return { taken, type, isField: true, ofNewest }
  }

  #want(record: RecordNode, field: AvroField): void {
    const own = this.#wanted.get(record.name) ?? new Map<string, AvroField>()
    this.#wanted.set(record.name, own.set(field.name, field))
  }

  /** The columns of the table. */
  columns(): readonly FlinkSql[] {
    return this.#columnsOf(this.#root, [])
  }

  /** The reader schema, as JSON. */
  schema(): string {
    const written = this.#schemaOf(this.#root, new Set())
    return stringifyJson(written)
  }

  #fieldsOf(record: RecordNode): readonly AvroField[] {
    return [...(this.#wanted.get(record.name)?.values() ?? [])]
  }

  #columnsOf(record: RecordNode, around: readonly string[]): FlinkSql[] {
    if (around.includes(record.name)) throw new Refusal('Avro records within themselves are not handed over to Flink.')
    return this.#fieldsOf(record).map((field) => {
      const node = withoutNull(field.node)
      const type =
        node?.kind === 'record'
          ? sql`ROW<${list(this.#columnsOf(node, [...around, record.name]), ', ')}>`
          : node && columnOf(node)
      if (type === undefined) throw new Refusal(ODD)
      return sql`${name(field.name)} ${type}`
    })
  }

  /** `defined`: types that have been written already, which are named from then on. */
  #schemaOf(record: RecordNode, defined: Set<string>): unknown {
    if (defined.has(record.name)) return record.name
    defined.add(record.name)
    const fields = this.#fieldsOf(record).map((field) => {
      const node = withoutNull(field.node)
      const type = node?.kind === 'record' ? this.#schemaOf(node, defined) : node && typeOf(node, defined)
      const fallback = this.#pruned(field.fallback?.json ?? null, node)
      return {
        name: field.name,
        // A default is one of the first branch.
        type: fallback === null ? ['null', type] : [type, 'null'],
        default: fallback,
      }
    })
    return { type: 'record', name: record.name, ...aliasesOf(record), fields }
  }

  /** A default without the fields that nobody wants. */
  #pruned(json: unknown, node: AvroNode | undefined): unknown {
    if (node?.kind !== 'record' || typeof json !== 'object' || json === null) return json
    const given = json as Readonly<Record<string, unknown>>
    const own = this.#fieldsOf(node).filter((field) => Object.hasOwn(given, field.name))
    // In a union such a value is one of the first branch, which is null where the field has no default of its own.
    if (own.some((field) => (given[field.name] === null) !== ((field.fallback?.json ?? null) === null)))
      throw new Refusal(
        'A default of Avro with values for fields without one of their own is not handed over to Flink.',
      )
    return Object.fromEntries(
      own.map((field) => [field.name, this.#pruned(given[field.name], withoutNull(field.node))]),
    )
  }
}

/** What it is may be said by the newest schema, and not by the record: a default, or the symbol for unknown ones. */
function isOfNewest({ fallback, node }: AvroField): boolean {
  const one = withoutNull(node)
  return (fallback?.json ?? null) !== null || (one?.kind === 'enum' && one.fallback !== undefined)
}

/** A field that only older schemas have. */
function dropped(step: string, type: DataType, e: PathRef): AvroField {
  const kinds = ['boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'] as const
  const kind = kinds.find((one) => one === type.kind)
  if (kind === undefined) throw new Refusal(OLD, e.span)
  return { name: step, node: { kind } }
}

/** The one type of a union with null, or the type itself. */
function withoutNull(node: AvroNode): AvroNode | undefined {
  if (node.kind !== 'union') return node
  const others = node.branches.filter(({ kind }) => kind !== 'null')
  return others.length === 1 ? others[0] : undefined
}

/** A decimal with more digits than its schema allows is NULL in Flink, where its column has no room: it ends the job. */
function withinDigits(value: FlinkSql, type: DataType): FlinkSql {
  const { precision, scale } = decimalOf(type)
  const carrier = carrierOf(type)
  const odd = guard('a decimal with more digits than its schema says', sql`CAST(${value} AS STRING)`, carrier)
  const most = sql`CAST(${text(`1${'0'.repeat(precision - scale)}`)} AS DECIMAL(38, 0))`
  const isWithin = precision - scale >= MOST_DIGITS ? sql`TRUE` : ordering(sql`ABS(${value})`, '<', most)
  return sql`CASE WHEN ${value} IS NULL THEN CAST(NULL AS ${carrier}) WHEN ${isWithin} THEN CAST(${value} AS ${carrier}) ELSE ${odd} END`
}

/** The type of a column of Flink. Moments are the numbers that they are. */
function columnOf(node: AvroNode): FlinkSql | undefined {
  switch (node.kind) {
    case 'boolean':
      return sql`BOOLEAN`
    case 'int':
      return sql`INT`
    case 'long':
      return sql`BIGINT`
    case 'float':
      return sql`FLOAT`
    case 'double':
      return sql`DOUBLE`
    case 'string':
    case 'enum':
      return sql`STRING`
    case 'bytes':
    case 'fixed': {
      const decimal = node.logical?.kind === 'decimal' ? node.logical : undefined
      if (decimal === undefined) return node.kind === 'bytes' ? sql`BYTES` : undefined
      const { scale } = decimalOf(decimal)
      return sql`DECIMAL(${digitsOf(node, decimal)}, ${scale})`
    }
    default:
      return undefined
  }
}

/**
 * How many digits Flink is told that a decimal has: as many as there can be, as it makes NULL of what has more. Of fixed
 * bytes Avro takes no more than fit into them whatever they are.
 */
function digitsOf(node: AvroNode, decimal: DataType): number {
  const room = node.kind === 'fixed' ? Math.floor((8 * node.size - 1) * Math.log10(2)) : MOST_DIGITS
  return Math.max(decimalOf(decimal).precision, Math.min(MOST_DIGITS, room))
}

/** The same in the reader schema. */
function typeOf(node: AvroNode, defined: Set<string>): unknown {
  const decimal =
    (node.kind === 'bytes' || node.kind === 'fixed') && node.logical?.kind === 'decimal' ? node.logical : undefined
  const logical =
    decimal === undefined ? {} : { logicalType: 'decimal', precision: digitsOf(node, decimal), scale: decimal.scale }
  if (node.kind !== 'enum' && node.kind !== 'fixed')
    return decimal === undefined ? node.kind : { type: node.kind, ...logical }
  if (defined.has(node.name)) return node.name
  defined.add(node.name)
  if (node.kind === 'fixed') return { type: 'fixed', name: node.name, size: node.size, ...logical }
  const fallback = node.fallback === undefined ? {} : { default: node.fallback }
  return { type: 'enum', name: node.name, ...aliasesOf(node), symbols: node.symbols, ...fallback }
}

function aliasesOf({ aliases }: RecordNode | EnumNode): { aliases?: readonly string[] } {
  return aliases === undefined ? {} : { aliases }
}
