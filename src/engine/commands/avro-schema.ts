/**
 * The Avro schema that CREATE TABLE makes of its columns. A column is a plain type; one declared NULL is a union with
 * null whose default is null.
 */
import { SqlError } from '../../sql/error.ts'
import { type DataType, typeName } from '../../types.ts'

const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** Schema text. `name`: of the record, made into a legal one. */
export function avroSchema(type: DataType, name: string): string {
  return JSON.stringify(schemaOf(type, legal(name)))
}

function legal(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, '_')
  return /^[0-9]/.test(plain) ? `_${plain}` : plain
}

function schemaOf(type: DataType, name: string): unknown {
  switch (type.kind) {
    case 'boolean':
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'string':
    case 'bytes':
      return type.kind
    case 'uuid':
      return { type: 'string', logicalType: 'uuid' }
    case 'date':
      return { type: 'int', logicalType: 'date' }
    case 'time':
      return { type: 'int', logicalType: 'time-millis' }
    case 'timestamp':
      return { type: 'long', logicalType: 'timestamp-millis' }
    case 'decimal':
      if (type.precision === undefined)
        throw new SqlError(
          'TYPE',
          'AVRO stores decimals with a fixed number of digits.',
          undefined,
          'Write decimal(precision, scale), such as decimal(18, 2).',
        )
      return { type: 'bytes', logicalType: 'decimal', precision: type.precision, scale: type.scale ?? 0 }
    case 'array':
      return { type: 'array', items: schemaOf(type.element, name) }
    case 'struct':
      return { type: 'record', name, fields: type.fields.map((f) => fieldOf(f.name, f.type, f.nullable, name)) }
    default:
      throw new SqlError('TYPE', `AVRO has no ${typeName(type)}.`)
  }
}

function fieldOf(field: string, type: DataType, nullable: boolean, record: string): unknown {
  if (!FIELD_NAME.test(field))
    throw new SqlError(
      'VALUE',
      `"${field}" cannot be the name of an AVRO field.`,
      undefined,
      'Letters, digits and underscores, not beginning with a digit.',
    )
  const schema = schemaOf(type, `${record}_${field}`)
  return nullable ? { name: field, type: ['null', schema], default: null } : { name: field, type: schema }
}
