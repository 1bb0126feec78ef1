/**
 * For arguments of every static type that a function accepts: what comes back is a run-time value of the type that
 * `returns` promised, or a ValueError.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { SCALAR_FUNCTIONS } from '../../../src/functions/all-functions.ts'
import { castType, castValue, TYPE_NAMES } from '../../../src/functions/support/cast.ts'
import { parameterAt } from '../../../src/functions/define.ts'
import { accepts } from './accepts.ts'
import { ValueError } from '../../../src/functions/function.ts'
import { jsonText } from '../../../src/functions/support/value-text.ts'
import { checkJson } from '../../../src/lib/json-read.ts'
import { Decimal } from '../../../src/lib/decimal.ts'
import { JsonText } from '../../../src/lib/json-text.ts'
import type { DataType, Value } from '../../../src/types.ts'
import {
  BOOLEAN,
  BYTES,
  DATE,
  DECIMAL,
  DOUBLE,
  FLOAT,
  INT,
  JSON_TYPE,
  LONG,
  STRING,
  TIMESTAMP,
  typeName,
  UUID,
} from '../../../src/types.ts'
import { CONTEXT } from './evaluate.ts'

const MICROS: DataType = { kind: 'timestamp', unit: 'micros' }
const TIME: DataType = { kind: 'time', unit: 'millis' }
const NUMBERS: DataType = { kind: 'array', element: LONG }
const TEXTS: DataType = { kind: 'array', element: STRING }
const NESTED: DataType = { kind: 'array', element: NUMBERS }
const STRUCT: DataType = {
  kind: 'struct',
  fields: [
    { name: 'a', type: INT, nullable: false },
    { name: 'b', type: STRING, nullable: true },
  ],
}

const TYPES: readonly DataType[] = [
  BOOLEAN,
  INT,
  LONG,
  FLOAT,
  DOUBLE,
  DECIMAL,
  STRING,
  UUID,
  BYTES,
  DATE,
  TIME,
  TIMESTAMP,
  MICROS,
  NUMBERS,
  TEXTS,
  NESTED,
  STRUCT,
  JSON_TYPE,
]

const int = fc.oneof(fc.integer({ min: -5, max: 20 }), fc.integer())
const long = fc.oneof(
  int,
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n)),
)
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '',
    '7',
    '2024-02-29',
    '2024-02-29 07:05:05',
    'yyyy-MM-dd',
    '07:05',
    'UTC',
    '{"a":[1,2]}',
    '$.a[*]',
    '(\\d+)',
    'a@b.c',
    'cXVheQ==',
  ),
)
const uuid = fc.uuid()

/** Values of a type, NULLs aside. */
function valuesOf(type: DataType): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'boolean':
      return fc.boolean()
    case 'int':
      return int
    case 'long':
    case 'timestamp':
      return long
    case 'float':
      return fc.float()
    case 'double':
      return fc.double()
    case 'decimal':
      return fc
        .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: 0, max: 10 }))
        .map(([n, scale]) => new Decimal(n, scale))
    case 'string':
      return text
    case 'uuid':
      return uuid
    case 'bytes':
      return fc.uint8Array({ maxLength: 9 })
    case 'date':
      return fc.integer({ min: -1_000_000, max: 5_000_000 })
    case 'time':
      return fc.integer({ min: 0, max: 86_399_999 })
    case 'array':
      return fc.array(
        fc.oneof({ weight: 5, arbitrary: valuesOf(type.element) }, { weight: 1, arbitrary: fc.constant<Value>(null) }),
        { maxLength: 4 },
      )
    case 'struct':
      return fc.tuple(int, text).map(
        ([a, b]) =>
          new Map<string, Value>([
            ['a', a],
            ['b', b],
          ]),
      )
    default:
      return fc.oneof(
        long,
        text,
        fc.boolean(),
        fc.constantFrom(new JsonText('{"a":[1,{"b":null}]}'), new JsonText('[1,"x",[2]]')),
      )
  }
}

/** Is it a run-time value of the type (src/types.ts)? */
function conforms(value: Value, type: DataType): boolean {
  if (value === null) return true
  switch (type.kind) {
    case 'null':
      return false
    case 'boolean':
      return typeof value === 'boolean'
    case 'int':
      return Number.isInteger(value) && (value as number) >= -(2 ** 31) && (value as number) < 2 ** 31
    case 'date':
      return Number.isSafeInteger(value)
    case 'long':
    case 'time':
    case 'timestamp':
      return typeof value === 'bigint'
        ? value >= -(2n ** 63n) && value < 2n ** 63n && !Number.isSafeInteger(Number(value))
        : Number.isSafeInteger(value)
    case 'float':
    case 'double':
      return typeof value === 'number'
    case 'decimal':
      return value instanceof Decimal
    case 'string':
    case 'uuid':
      return typeof value === 'string'
    case 'bytes':
      return value instanceof Uint8Array
    case 'array':
      return Array.isArray(value) && value.every((item) => conforms(item, type.element))
    case 'map':
    case 'struct':
      return value instanceof Map
    case 'json':
      return ['boolean', 'number', 'bigint', 'string'].includes(typeof value)
        ? !(typeof value === 'number' && !Number.isFinite(value))
        : value instanceof JsonText && checkJson(value.text) === undefined
  }
}

describe('results have the promised type', () => {
  for (const fn of SCALAR_FUNCTIONS.filter((f) => f.special !== true)) {
    test(fn.name, () => {
      const least = fn.parameters.filter((p) => p.optional !== true).length
      const most = fn.parameters.length + (fn.parameters.at(-1)?.variadic === true ? 1 : 0)
      const argument = (i: number): fc.Arbitrary<{ type: DataType; value: Value }> => {
        const accept = parameterAt(fn.parameters, i)?.accept ?? 'any'
        return fc
          .constantFrom(...TYPES.filter((t) => accepts(accept, t)))
          .chain((type) => valuesOf(type).map((value) => ({ type, value })))
      }
      const call = fc
        .integer({ min: least, max: most })
        .chain((count) => fc.tuple(...Array.from({ length: count }, (_, i) => argument(i))))
      fc.assert(
        fc.property(call, (args) => {
          const types = args.map((a) => a.type)
          let type: DataType
          try {
            type = fn.returns(types)
          } catch (error) {
            assert.ok(error instanceof Error && error.constructor === Error && error.message.length > 10, String(error))
            return
          }
          let value: Value
          try {
            value = fn.make(types, CONTEXT)(...args.map((a) => a.value))
          } catch (error) {
            assert.ok(error instanceof ValueError, `${String(error)} ${(error as Error).stack}`)
            assert.match(error.message, /[.!?]$/)
            return
          }
          assert.ok(
            conforms(value, type),
            `${fn.name}(${types.map(typeName).join(', ')}) gave ${String(value)} for ${typeName(type)}`,
          )
        }),
        { seed: 20240229, numRuns: 150 },
      )
    })
  }
})

describe('casts give values of the wanted type', () => {
  for (const name of TYPE_NAMES) {
    test(name, () => {
      const to = castType(name) as DataType
      const from = fc.constantFrom(...TYPES).chain((type) => valuesOf(type).map((value) => ({ type, value })))
      fc.assert(
        fc.property(from, ({ type, value }) => {
          let result: Value
          try {
            result = castValue(value, type, to)
          } catch (error) {
            assert.ok(error instanceof ValueError, String(error))
            return
          }
          assert.ok(conforms(result, to), `${typeName(type)} ${String(value)} → ${typeName(to)} gave ${String(result)}`)
        }),
        { seed: 20240229, numRuns: 600 },
      )
    })
  }
  test('to a dynamic value and to text, from everything', () => {
    const from = fc.constantFrom(...TYPES).chain((type) => valuesOf(type).map((value) => ({ type, value })))
    fc.assert(
      fc.property(from, ({ type, value }) => {
        assert.ok(conforms(castValue(value, type, JSON_TYPE), JSON_TYPE))
        assert.equal(checkJson(jsonText(value, type)), undefined)
        assert.equal(typeof castValue(value, type, STRING), 'string')
      }),
      { seed: 20240229, numRuns: 1500 },
    )
  })
  test('through text and back', () => {
    for (const type of [INT, LONG, FLOAT, DOUBLE, DECIMAL, BOOLEAN, DATE, TIME, TIMESTAMP, MICROS, UUID]) {
      const sane =
        type.kind === 'timestamp' ? fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }) : valuesOf(type)
      fc.assert(
        fc.property(
          sane.filter((v) => typeof v !== 'number' || Number.isFinite(v)),
          (value) => {
            const back = castValue(castValue(value, type, STRING), STRING, type)
            assert.equal(jsonText(back, type), jsonText(value, type))
          },
        ),
        { seed: 20240229, numRuns: 150 },
      )
    }
  })
})
