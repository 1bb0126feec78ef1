import assert from 'node:assert/strict'
import { test } from 'node:test'
import { avroDecoder } from '../../src/formats/avro/decoder.ts'
import { parseAvroSchema } from '../../src/formats/avro/schema.ts'
import { avroType } from '../../src/formats/avro/types.ts'
import { mergeTypes } from '../../src/formats/merge-types.ts'
import type { DataType, Value } from '../../src/types.ts'
import { reader } from './driver.ts'

function fieldType(type: DataType, name: string): DataType {
  const field = type.kind === 'struct' ? type.fields.find((one) => one.name === name) : undefined
  assert.ok(field !== undefined, name)
  return field.type
}

test('a union of thousands of types is read', () => {
  const symbolsOf = (i: number): string[] => ['a', `b${i}`]
  const d = avroDecoder(
    JSON.stringify(Array.from({ length: 3000 }, (_, i) => ({ type: 'enum', name: `E${i}`, symbols: symbolsOf(i) }))),
    'avro 1',
  )
  const read = reader(d, [{ path: [], parts: ['value', 'text'], type: d.type }])
  assert.deepEqual(read(Buffer.from('ee2e02', 'hex')), [{ value: 'b2999', text: '"b2999"' }])
  assert.deepEqual(read(Buffer.from('0002', 'hex')), [{ value: 'b0', text: '"b0"' }])
  assert.equal(read(Buffer.from('f02e02', 'hex')), 'bad')
  assert.equal(read(Buffer.from('0102', 'hex')), 'bad')
})

test('unions that hold each other meet in as many sets as are remembered, and are json beyond', () => {
  // Which of the last records may have been Q1: a set for each answer.
  const levels = 11
  let schema: object = { type: 'record', name: `Q${levels}`, fields: [{ name: 'x', type: 'int' }] }
  for (let i = levels - 1; i >= 0; i--) {
    const a = i === 0 ? ['null', 'Q0', schema] : ['null', schema]
    const b = i === 0 ? ['null', 'Q0'] : ['null', `Q${i + 1}`]
    schema = {
      type: 'record',
      name: `Q${i}`,
      fields: [
        { name: 'a', type: a },
        { name: 'b', type: b },
        { name: `x${i}`, type: 'int' },
      ],
    }
  }
  const d = avroDecoder(JSON.stringify(schema), 'avro 1')
  const structs = new Set<DataType>()
  let texts = 0
  for (
    const found = [d.type, mergeTypes([d.type, avroType(parseAvroSchema(JSON.stringify(schema)))])];
    found.length > 0;
  ) {
    const type = found.pop() as DataType
    if (type.kind === 'json') texts++
    if (type.kind !== 'struct' || structs.has(type)) continue
    structs.add(type)
    found.push(...type.fields.map((field) => field.type))
  }
  assert.ok(structs.size > 1000 && structs.size < 3000 && texts > 0, `${structs.size} structs, ${texts} texts`)
  const read = reader(d, [{ path: ['a'], parts: ['value'], type: fieldType(d.type, 'a') }])
  const none = new Map<string, Value>([
    ['a', null],
    ['b', null],
    ['x0', 1],
    ['x1', null],
  ])
  assert.deepEqual(read(Buffer.from('02000002000000', 'hex')), [{ value: none }])
})
