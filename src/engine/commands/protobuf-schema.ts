/**
 * The Protobuf schema that CREATE TABLE makes of its columns: one message, fields numbered in order, `optional` where
 * NULL was declared.
 */
import { SqlError } from '../../sql/error.ts'
import { type DataType, type StructType, typeName } from '../../types.ts'

const FIELD_NAME = /^[A-Za-z][A-Za-z0-9_]*$/
const TIMESTAMP_FILE = 'google/protobuf/timestamp.proto'

const SCALARS: { readonly [K in DataType['kind']]?: string } = {
  boolean: 'bool',
  int: 'int32',
  long: 'int64',
  float: 'float',
  double: 'double',
  string: 'string',
  uuid: 'string',
  bytes: 'bytes',
  timestamp: 'google.protobuf.Timestamp',
}

/** The text of a proto3 file. `name`: of the message, made into a legal one. */
export function protobufSchema(type: DataType, name: string): string {
  if (type.kind !== 'struct')
    throw new SqlError(
      'TYPE',
      'A PROTOBUF record is a message, not a single value.',
      undefined,
      'Declare its fields as columns.',
    )
  const body = message(type, legal(name), '')
  return `syntax = "proto3";\n${body.includes(SCALARS.timestamp ?? '') ? `import "${TIMESTAMP_FILE}";\n` : ''}\n${body}\n`
}

function legal(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_]/g, '_')
  return /^[A-Za-z]/.test(plain) ? plain : `T${plain}`
}

function message(type: StructType, name: string, indent: string): string {
  const inner = `${indent}  `
  const nested: string[] = []
  const fields = type.fields.map((field, i) => {
    if (!FIELD_NAME.test(field.name))
      throw new SqlError(
        'VALUE',
        `"${field.name}" cannot be the name of a PROTOBUF field.`,
        undefined,
        'Letters, digits and underscores, beginning with a letter.',
      )
    const repeated = field.type.kind === 'array'
    const item = field.type.kind === 'array' ? field.type.element : field.type
    const label = repeated ? 'repeated ' : field.nullable && item.kind !== 'struct' ? 'optional ' : ''
    return `${inner}${label}${fieldType(item, field.name, nested, inner)} ${field.name} = ${i + 1};`
  })
  return [`${indent}message ${name} {`, ...nested, ...fields, `${indent}}`].join('\n')
}

function fieldType(type: DataType, field: string, nested: string[], indent: string): string {
  if (type.kind === 'struct') {
    const name = `${field[0].toUpperCase()}${field.slice(1)}Message`
    nested.push(message(type, name, indent))
    return name
  }
  const scalar = SCALARS[type.kind]
  if (scalar === undefined)
    throw new SqlError(
      'TYPE',
      `PROTOBUF has no ${typeName(type)} (column "${field}").`,
      undefined,
      'Take string, or another format.',
    )
  return scalar
}
