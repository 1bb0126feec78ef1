/**
 * Fields of Avro values, which Flink's own format decodes: each as the type that its schema says. Whatever that format
 * reads in another way (enums, fixed bytes, unions of several types) is refused.
 */
import type { TableFacet } from '../../../plan/catalog.ts'
import type { PathRef } from '../../../plan/plan.ts'
import type { DataType } from '../../../types.ts'
import { type FlinkSql, list, name, sql } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { decimalOf } from '../terms.ts'

/** The field of the value that a path begins with, and what the path is below it. */
export function avroField(
  table: TableFacet,
  e: PathRef,
): { name: string; type: DataType; leaf: { taken: FlinkSql; type: DataType; isField: true } } {
  const { steps } = e.path
  const refuse = (why: string) => new Refusal(why, e.span)
  if (table.framing !== 'confluent')
    throw refuse('Avro without the ids of a schema registry is not handed over to Flink.')
  if (steps.length === 0) throw refuse('A whole Avro value is not handed over to Flink: name the fields.')
  let type: DataType = table.type
  let schema: unknown = table.writer === undefined ? undefined : (JSON.parse(table.writer.text) as unknown)
  let top: DataType | undefined
  for (const step of steps) {
    const field = type.kind === 'struct' ? type.fields.find(({ name: named }) => named === step) : undefined
    schema = fieldOf(schema, step)
    if (field === undefined || schema === undefined)
      throw refuse(
        'Fields of Avro with a default or another name, or that only some versions of a schema have, are not handed over to Flink.',
      )
    type = field.type
    top ??= type
  }
  if (!isPlain(schema)) throw refuse('Enums, fixed bytes and unions of Avro are not handed over to Flink.')
  const [first, ...rest] = steps.map((step) => name(String(step)))
  const path = rest.reduce((sum, step) => sql`${sum}.${step}`, first)
  const isWide = type.kind === 'int' || type.kind === 'date' || (type.kind === 'time' && type.unit === 'millis')
  const taken = isWide ? sql`CAST(${path} AS BIGINT)` : type.kind === 'float' ? sql`CAST(${path} AS DOUBLE)` : path
  return { name: String(steps[0]), type: top ?? type, leaf: { taken, type, isField: true } }
}

/** The schema of a field of a record, which may be one of a union with null. */
function fieldOf(schema: unknown, step: string | number): unknown {
  const record = withoutNull(schema)
  const { type, fields } = (typeof record === 'object' && record !== null ? record : {}) as Record<string, unknown>
  if (type !== 'record' || !Array.isArray(fields)) return undefined
  const field = (fields as { name: unknown; type: unknown; default?: unknown; aliases?: unknown }[]).find(
    ({ name: named }) => named === step,
  )
  // What older records do not have is the default here, and NULL by the reader schema that Flink makes.
  return field?.aliases !== undefined || (field?.default ?? null) !== null ? undefined : field?.type
}

function withoutNull(schema: unknown): unknown {
  if (!Array.isArray(schema)) return schema
  const others = schema.filter((branch) => branch !== 'null')
  return others.length === 1 ? others[0] : undefined
}

const PRIMITIVES: ReadonlySet<unknown> = new Set(['boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'])

/** A primitive type, with or without a logical one. */
function isPlain(schema: unknown): boolean {
  const one = withoutNull(schema)
  if (PRIMITIVES.has(one)) return true
  return typeof one === 'object' && one !== null && 'type' in one && PRIMITIVES.has(one.type)
}

/** The type of a column of Flink from which its reader schema is made. Moments are the numbers that they are. */
export function declared(type: DataType): FlinkSql {
  switch (type.kind) {
    case 'boolean':
      return sql`BOOLEAN`
    case 'int':
    case 'date':
      return sql`INT`
    case 'time':
      return type.unit === 'millis' ? sql`INT` : sql`BIGINT`
    case 'long':
    case 'timestamp':
      return sql`BIGINT`
    case 'float':
      return sql`FLOAT`
    case 'double':
      return sql`DOUBLE`
    case 'string':
    case 'uuid':
      return sql`STRING`
    case 'bytes':
      return sql`BYTES`
    case 'decimal': {
      const { precision, scale } = decimalOf(type)
      return sql`DECIMAL(${precision}, ${scale})`
    }
    case 'struct': {
      const fields = type.fields.flatMap(({ name: field, type: of }) => {
        try {
          return [sql`${name(field)} ${declared(of)}`]
        } catch (cause) {
          // A field that nobody asks for.
          if (cause instanceof Refusal) return []
          throw cause
        }
      })
      return sql`ROW<${list(fields, ', ')}>`
    }
    default:
      throw new Refusal(`Fields of the type ${type.kind} are not handed over to Flink.`)
  }
}
