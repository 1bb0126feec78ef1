/**
 * The type of a result as Avro, within what the JDBC driver can take: a structure is a plain record (a union that holds an object makes the driver fail), only scalars become
 * unions with null, names are legal Avro names and unique, maps and values of unknown shape are texts of JSON, times are milliseconds. A shape also says how the JSON of
 * each row is brought in line with that schema (`rewrite.ts`).
 */
import type { DataType, Field, StructType } from '../../types.ts'

export type Shape = ScalarShape | TextShape | DecimalShape | TimeShape | ArrayShape | RecordShape
interface Typed {
  /** Avro, without the union with null. */
  readonly avro: unknown
}
/** Passed on as it is. */
export interface ScalarShape extends Typed {
  readonly kind: 'scalar'
}
/** A text of JSON, where the value is no text already. */
export interface TextShape extends Typed {
  readonly kind: 'text'
}
/** The digits as a text, so that none is lost in a double. */
export interface DecimalShape extends Typed {
  readonly kind: 'decimal'
}
/** A count of units, made milliseconds: multiplied by `times`, divided by `per`. */
export interface TimeShape extends Typed {
  readonly kind: 'time'
  readonly times: bigint
  readonly per: bigint
}
export interface ArrayShape extends Typed {
  readonly kind: 'array'
  readonly element: Shape
}
export interface RecordShape extends Typed {
  readonly kind: 'record'
  /** By the name in the row. */
  readonly fields: ReadonlyMap<string, { readonly name: string; readonly shape: Shape }>
  /** Rows can be sent as they are: no name and no value of them changes. */
  readonly verbatim: boolean
}

const TEXT: Shape = { kind: 'text', avro: 'string' }
/** Structures inside one another; deeper ones are texts. Avro and the driver recurse. */
const MAX_DEPTH = 24
/** Of an unknown precision. */
const PRECISION = 38
const SCALE = 18

/** The shape of a whole result. A value of unknown shape is a text; whoever knows better guesses first. */
export function shapeOf(type: DataType): Shape {
  return new Shapes().shape(type, 'record', 0)
}

/** JSON text of the Avro schema. */
export function avroText(shape: Shape): string {
  return JSON.stringify(shape.avro)
}

class Shapes {
  /** Names of records given so far; Avro wants them to be different. */
  readonly #records = new Set<string>()

  shape(type: DataType, name: string, depth: number): Shape {
    switch (type.kind) {
      case 'boolean':
      case 'int':
      case 'long':
      case 'float':
      case 'double':
        return { kind: 'scalar', avro: type.kind }
      case 'string':
      case 'uuid':
      case 'bytes':
        return { kind: 'scalar', avro: 'string' }
      case 'decimal':
        return { kind: 'decimal', avro: decimal(type.precision, type.scale) }
      case 'date':
        return { kind: 'time', avro: { type: 'long', logicalType: 'timestamp-millis' }, times: 86_400_000n, per: 1n }
      case 'timestamp':
        return { kind: 'time', avro: { type: 'long', logicalType: 'timestamp-millis' }, ...PER_UNIT[type.unit] }
      case 'time':
        return { kind: 'time', avro: { type: 'int', logicalType: 'time-millis' }, ...PER_UNIT[type.unit] }
      case 'array': {
        const element = this.shape(type.element, name, depth + 1)
        return { kind: 'array', element, avro: { type: 'array', items: nullable(element) } }
      }
      case 'struct':
        return depth >= MAX_DEPTH || (depth > 0 && type.fields.length === 0) ? TEXT : this.#record(type, name, depth)
      default:
        return TEXT
    }
  }

  #record(type: StructType, name: string, depth: number): RecordShape {
    const own = this.#unique(legalName(name), this.#records)
    const taken = new Set<string>()
    const fields = new Map<string, { name: string; shape: Shape }>()
    const avro: object[] = []
    let verbatim = true
    for (const field of type.fields) {
      const mapped = this.#unique(legalName(field.name), taken)
      const shape = this.shape(field.type, `${own}_${mapped}`, depth + 1)
      fields.set(field.name, { name: mapped, shape })
      avro.push({ name: mapped, type: fieldType(field, shape), ...(mapped === field.name ? {} : { doc: field.name }) })
      verbatim &&= mapped === field.name && shape.kind === 'scalar'
    }
    return { kind: 'record', fields, verbatim, avro: { type: 'record', name: own, fields: avro } }
  }

  #unique(name: string, taken: Set<string>): string {
    let free = name
    for (let i = 2; taken.has(free); i++) free = `${name}_${i}`
    taken.add(free)
    return free
  }
}

const PER_UNIT = { millis: { times: 1n, per: 1n }, micros: { times: 1n, per: 1000n }, nanos: { times: 1n, per: 1_000_000n } } as const

function decimal(precision: number | undefined, scale: number | undefined): object {
  const [p, s] = precision === undefined || precision < 1 ? [PRECISION, SCALE] : [precision, scale ?? 0]
  return { type: 'bytes', logicalType: 'decimal', precision: Math.max(p, s), scale: s }
}

function fieldType(field: Field, shape: Shape): unknown {
  return field.nullable ? nullable(shape) : shape.avro
}

/** With null where the driver can take it: it fails on an object or an array whose schema is a union. */
function nullable(shape: Shape): unknown {
  return shape.kind === 'record' || shape.kind === 'array' ? shape.avro : ['null', shape.avro]
}

/** Avro: a letter or `_`, then letters, digits and `_`, all ASCII. */
function legalName(name: string): string {
  const legal = name.replaceAll(/[^A-Za-z0-9_]/g, '_')
  return legal === '' || /^\d/.test(legal) ? `_${legal}` : legal
}
