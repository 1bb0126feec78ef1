/**
 * The SQL type of a schema's values.
 *
 * A union of records is one struct with the fields of all of them, each NULL where the branch of a record has none: so a
 * time in one of them is a time. Fields of one name in several records are put together in the same way, unions and
 * records below them included. What is put together is a set of record nodes, and each set becomes one struct: a
 * recursive schema gives a cyclic graph, and none of its structs is looked into before its fields are known.
 */
import { type DataType, type Field, JSON_TYPE, NULL_TYPE } from '../../types.ts'
import { mergeTypes } from '../merge-types.ts'
import { type AvroNode, type AvroSchema, isNullable, type Logical, type RecordNode, soleBranch } from './schema.ts'

/**
 * Limit `avro.union.records` (records): records of one union that are read as one struct. Beyond it: the union is json.
 */
export const AVRO_UNION_RECORDS = 64
/**
 * Limit `avro.union.sets` (sets): different sets of records that the unions of one schema put together. Beyond it:
 * further unions are json. Records that hold unions of each other can meet in as many sets as there are subsets.
 */
export const AVRO_UNION_SETS = 1000
/**
 * Limit `avro.union.fields` (fields): fields of the records that the unions of one schema put together, those of each
 * set of records counted once. Beyond it: further unions are json.
 */
export const AVRO_UNION_FIELDS = 50_000

/** The type of a schema's values. A recursive schema gives a cyclic graph: a walk needs a guard. */
export function avroType(schema: AvroSchema | AvroNode): DataType {
  return new Types().all('node' in schema ? schema.node : schema)
}

class Types {
  readonly #records = new Map<RecordNode, { readonly type: DataType; readonly number: number }>()
  /** By the numbers of their records. */
  readonly #sets = new Map<string, DataType>()
  readonly #waiting: (() => void)[] = []
  #unionFields = 0

  all(node: AvroNode): DataType {
    const type = this.#of(node)
    // One after the other and not one in the other: recursion through types may be long.
    for (let fill = this.#waiting.pop(); fill !== undefined; fill = this.#waiting.pop()) fill()
    return type
  }

  #of(node: AvroNode): DataType {
    switch (node.kind) {
      case 'record':
        return this.#record(node).type
      case 'array':
        return { kind: 'array', element: this.#of(node.items) }
      case 'map':
        return { kind: 'map', value: this.#of(node.values) }
      case 'union': {
        const sole = soleBranch(node)
        if (sole !== undefined) return this.#of(sole)
        const records = recordsOf(node.branches)
        return records === undefined ? JSON_TYPE : this.#set(records)
      }
      case 'enum':
        return { kind: 'string' }
      case 'default':
        return this.#of(node.node)
      case 'fixed':
        return node.logical === undefined ? { kind: 'bytes' } : logicalType(node.logical)
      default:
        return node.logical === undefined ? { kind: node.kind } : logicalType(node.logical)
    }
  }

  #record(node: RecordNode): { readonly type: DataType; readonly number: number } {
    const known = this.#records.get(node)
    if (known !== undefined) return known
    const fields: Field[] = []
    const made = { type: { kind: 'struct', name: node.name, fields }, number: this.#records.size } as const
    this.#records.set(node, made)
    this.#waiting.push(() => {
      for (const field of node.fields)
        fields.push({ ...shapeOf(field), type: this.#of(field.node), nullable: isNullable(field.node) })
    })
    return made
  }

  /** The struct of several records: one for each set of them, in whatever order they come. */
  #set(records: readonly RecordNode[]): DataType {
    const own = [...new Set(records)]
    if (own.length === 1) return this.#of(own[0])
    const key = own
      .map((record) => this.#record(record).number)
      .sort((a, b) => a - b)
      .join()
    const known = this.#sets.get(key)
    if (known !== undefined) return known
    this.#unionFields += own.reduce((sum, { fields }) => sum + fields.length, 0)
    const fields: Field[] = []
    const isTooMuch = this.#sets.size >= AVRO_UNION_SETS || this.#unionFields > AVRO_UNION_FIELDS
    // What is too much is not remembered: there may be very many such sets.
    if (isTooMuch) return JSON_TYPE
    const type: DataType = { kind: 'struct', fields }
    this.#sets.set(key, type)
    this.#waiting.push(() => this.#fill(fields, own))
    return type
  }

  #fill(fields: Field[], records: readonly RecordNode[]): void {
    const same = new Map<string, { first: Pick<Field, 'name' | 'doc'>; nodes: AvroNode[] }>()
    for (const record of records)
      for (const field of record.fields) {
        const known = same.get(field.name)
        if (known === undefined) same.set(field.name, { first: shapeOf(field), nodes: [field.node] })
        else known.nodes.push(field.node)
      }
    for (const { first, nodes } of same.values())
      fields.push({
        ...first,
        type: this.#together(nodes),
        nullable: nodes.length < records.length || nodes.some(isNullable),
      })
  }

  /** One type for values of any of the nodes. */
  #together(nodes: readonly AvroNode[]): DataType {
    const parts = nodes.flatMap((node) => this.#parts(node)).filter((node) => node.kind !== 'null')
    if (parts.length === 0) return NULL_TYPE
    if (parts.every((part) => part.kind === 'record')) return this.#set(parts)
    if (parts.every((part) => part.kind === 'array'))
      return { kind: 'array', element: this.#together(parts.map((part) => part.items)) }
    if (parts.every((part) => part.kind === 'map'))
      return { kind: 'map', value: this.#together(parts.map((part) => part.values)) }
    // Structs are not looked into here: beside anything else they are json.
    if (parts.some(isComposite)) return JSON_TYPE
    const types = parts.map((part) => this.#of(part))
    // Of two versions a number and a moment are one field; of two records of a union each is what it is.
    const isOne = !types.some(isMoment) || types.every(isMoment)
    return isOne ? mergeTypes(types) : JSON_TYPE
  }

  /** The records of a union of records, the type in a union with null; else the node itself. */
  #parts(node: AvroNode): readonly AvroNode[] {
    if (node.kind === 'default') return this.#parts(node.node)
    if (node.kind !== 'union') return [node]
    const sole = soleBranch(node)
    return sole === undefined ? (recordsOf(node.branches) ?? [node]) : this.#parts(sole)
  }
}

/** The branches of a union that are not null, when they are records and not too many. */
function recordsOf(branches: readonly AvroNode[]): RecordNode[] | undefined {
  const others = branches.filter((branch) => branch.kind !== 'null')
  return others.length <= AVRO_UNION_RECORDS && others.every((branch) => branch.kind === 'record') ? others : undefined
}

function isMoment({ kind }: DataType): boolean {
  return kind === 'date' || kind === 'time' || kind === 'timestamp'
}

function isComposite(node: AvroNode): boolean {
  return node.kind === 'record' || node.kind === 'array' || node.kind === 'map'
}

function shapeOf({ name, doc }: { readonly name: string; readonly doc?: string }): Pick<Field, 'name' | 'doc'> {
  return doc === undefined ? { name } : { name, doc }
}

function logicalType(logical: Logical): DataType {
  switch (logical.kind) {
    case 'timestamp':
      return logical.local ? logical : { kind: 'timestamp', unit: logical.unit }
    case 'duration':
      return { kind: 'string' }
    default:
      return logical
  }
}
