/**
 * The type of a result as Avro, within what the JDBC driver can take: one record of columns, each a scalar or its union
 * with null, under legal and different names. Structures, arrays, maps and values of unknown shape are texts of JSON
 * (the driver flattens the values of a structure but not its columns, so that every later column would show another
 * one's value), times are milliseconds. A shape also says how the JSON of each row is brought in line with that schema
 * (`rewrite.ts`).
 */
import type { DataType, StructType } from '../../types.ts'

/** How one value, or the whole row, goes to the driver. */
export type Shape = ColumnShape | RecordShape
/** The shape of one column. */
export type ColumnShape = ScalarShape | TextShape | DecimalShape | TimeShape
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
/** The shape of a row, or of a structure whose members become columns. */
export interface RecordShape extends Typed, Members {
  readonly kind: 'record'
  /** Rows can be sent as they are: no name and no value of them changes. */
  readonly verbatim: boolean
}

/** By the name in the row: columns, and structures whose members are columns. */
export interface Members {
  readonly fields: ReadonlyMap<string, { readonly name: string; readonly shape: ColumnShape } | Members>
}

/**
 * The structures that a SELECT list makes (`SELECT x AS a.x, y AS a.y`): their members become columns of their own,
 * `a_x` and `a_y`.
 */
export interface LaidOut extends ReadonlyMap<string, LaidOut> {}

/** `paths`: those of the columns. */
export function laidOut(paths: readonly (readonly string[])[]): LaidOut {
  const root = new Map<string, Map<string, LaidOut>>()
  for (const path of paths) {
    let at: Map<string, LaidOut> = root
    for (const step of path.slice(0, -1)) {
      const below = (at.get(step) as Map<string, LaidOut> | undefined) ?? new Map<string, LaidOut>()
      at.set(step, below)
      at = below
    }
  }
  return root
}

const NOTHING_LAID_OUT: LaidOut = new Map()

const TEXT: ColumnShape = { kind: 'text', avro: 'string' }
/** Of an unknown precision. */
const PRECISION = 38
const SCALE = 18

/** The shape of a whole result. A value of unknown shape is a text; `guess.ts` may know better. */
export function shapeOf(type: DataType, structures: LaidOut = NOTHING_LAID_OUT): Shape {
  return type.kind === 'struct' ? recordOf(type, structures) : columnOf(type)
}

/** JSON text of the Avro schema. */
export function avroText(shape: Shape): string {
  return JSON.stringify(shape.avro)
}

function columnOf(type: DataType): ColumnShape {
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
    default:
      return TEXT
  }
}

function recordOf(type: StructType, structures: LaidOut): RecordShape {
  const taken = new Set<string>()
  const avro: object[] = []
  let verbatim = true
  const membersOf = (struct: StructType, below: LaidOut, path: readonly string[]): Members => {
    const fields = new Map<string, { name: string; shape: ColumnShape } | Members>()
    for (const field of struct.fields) {
      const steps = [...path, field.name]
      const inner = below.get(field.name)
      if (inner !== undefined && field.type.kind === 'struct') {
        fields.set(field.name, membersOf(field.type, inner, steps))
        verbatim = false
        continue
      }
      const name = unique(legalName(steps.join('_')), taken)
      const shape = columnOf(field.type)
      fields.set(field.name, { name, shape })
      avro.push({
        name,
        type: field.nullable ? ['null', shape.avro] : shape.avro,
        ...(name === field.name ? {} : { doc: steps.join('.') }),
      })
      verbatim &&= name === field.name && shape.kind === 'scalar'
    }
    return { fields }
  }
  const { fields } = membersOf(type, structures, [])
  return { kind: 'record', fields, verbatim, avro: { type: 'record', name: 'record', fields: avro } }
}

function unique(name: string, taken: Set<string>): string {
  let free = name
  for (let i = 2; taken.has(free); i++) free = `${name}_${i}`
  taken.add(free)
  return free
}

const PER_UNIT = {
  millis: { times: 1n, per: 1n },
  micros: { times: 1n, per: 1000n },
  nanos: { times: 1n, per: 1_000_000n },
} as const

function decimal(precision: number | undefined, scale: number | undefined): object {
  const [p, s] = precision === undefined || precision < 1 ? [PRECISION, SCALE] : [precision, scale ?? 0]
  return { type: 'bytes', logicalType: 'decimal', precision: Math.max(p, s), scale: s }
}

/** Avro: a letter or `_`, then letters, digits and `_`, all ASCII. */
function legalName(name: string): string {
  const legal = name.replaceAll(/[^A-Za-z0-9_]/g, '_')
  return legal === '' || /^\d/.test(legal) ? `_${legal}` : legal
}
