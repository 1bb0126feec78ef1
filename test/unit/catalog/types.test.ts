/** Types merged over writers, topic patterns, policies: the parts of the catalog that need no cluster. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mergeTypes, sameTypeAt } from '../../../src/formats/merge-types.ts'
import { bestMatch, matchesPattern } from '../../../src/catalog/pattern.ts'
import { restrict, topicPolicy } from '../../../src/catalog/permissions.ts'
import type { Catalog } from '../../../src/plan/catalog.ts'
import {
  BOOLEAN,
  DATE,
  type DataType,
  DOUBLE,
  type Field,
  FLOAT,
  INT,
  JSON_TYPE,
  LONG,
  NULL_TYPE,
  STRING,
  type StructType,
  UUID,
} from '../../../src/types.ts'

const struct = (fields: Record<string, DataType>, name?: string): StructType => ({
  kind: 'struct',
  ...(name === undefined ? {} : { name }),
  fields: Object.entries(fields).map(([n, type]) => ({ name: n, type, nullable: type.kind === 'null' })),
})
const millis: DataType = { kind: 'timestamp', unit: 'millis' }
const micros: DataType = { kind: 'timestamp', unit: 'micros' }
const decimal = (precision: number, scale: number): DataType => ({ kind: 'decimal', precision, scale })

test('scalars: numbers widen, unlike kinds become json', () => {
  const cases: [DataType, DataType, DataType][] = [
    [INT, INT, INT],
    [INT, LONG, LONG],
    [LONG, INT, LONG],
    [INT, FLOAT, DOUBLE],
    [LONG, DOUBLE, DOUBLE],
    [FLOAT, DOUBLE, DOUBLE],
    [FLOAT, FLOAT, FLOAT],
    [STRING, UUID, STRING],
    [STRING, INT, JSON_TYPE],
    [BOOLEAN, INT, JSON_TYPE],
    [JSON_TYPE, INT, JSON_TYPE],
    [NULL_TYPE, INT, INT],
    [INT, NULL_TYPE, INT],
    [millis, micros, micros],
    [micros, millis, micros],
    [millis, { kind: 'timestamp', unit: 'millis', local: true }, JSON_TYPE],
    [millis, LONG, millis],
    [LONG, millis, LONG],
    [INT, DATE, INT],
    [DATE, INT, DATE],
    [INT, millis, JSON_TYPE],
    [millis, INT, millis],
    [LONG, DATE, LONG],
    [FLOAT, DATE, DOUBLE],
    [DOUBLE, millis, DOUBLE],
    [DATE, LONG, JSON_TYPE],
    [millis, DOUBLE, JSON_TYPE],
    [millis, DATE, JSON_TYPE],
    [decimal(10, 2), decimal(8, 4), decimal(12, 4)],
    [decimal(10, 2), decimal(10, 2), decimal(10, 2)],
    [INT, decimal(4, 1), { kind: 'decimal' }],
    [DOUBLE, decimal(4, 1), JSON_TYPE],
    [
      { kind: 'array', element: INT },
      { kind: 'array', element: LONG },
      { kind: 'array', element: LONG },
    ],
    [
      { kind: 'map', value: INT },
      { kind: 'map', value: STRING },
      { kind: 'map', value: JSON_TYPE },
    ],
    [{ kind: 'array', element: INT }, { kind: 'map', value: INT }, JSON_TYPE],
    [struct({ a: INT }), STRING, JSON_TYPE],
  ]
  for (const [a, b, merged] of cases)
    assert.deepEqual(mergeTypes([a, b]), merged, `${JSON.stringify(a)} and ${JSON.stringify(b)}`)
  assert.deepEqual(mergeTypes([]), NULL_TYPE)
})

test('structs: by field name, the newest writer first; what a writer lacks is nullable', () => {
  const newest = struct({ id: LONG, city: struct({ name: STRING, zip: STRING }), email: STRING }, 'Customer')
  const oldest = struct({ id: INT, phone: STRING, city: struct({ name: STRING, lat: DOUBLE }) }, 'OldCustomer')
  const field = (name: string, type: DataType, nullable: boolean): Field => ({ name, type, nullable })
  assert.deepEqual(mergeTypes([newest, oldest]), {
    kind: 'struct',
    name: 'Customer',
    fields: [
      field('id', LONG, false),
      field(
        'city',
        {
          kind: 'struct',
          fields: [field('name', STRING, false), field('zip', STRING, true), field('lat', DOUBLE, true)],
        },
        false,
      ),
      field('email', STRING, true),
      field('phone', STRING, true),
    ],
  })
})

test('a field that is null in one writer is nullable', () => {
  const merged = mergeTypes([struct({ a: INT }), struct({ a: NULL_TYPE })]) as StructType
  assert.deepEqual(merged.fields, [{ name: 'a', type: INT, nullable: true }])
})

test('recursive types merge into a recursive type', () => {
  const list = (value: DataType): StructType => {
    const fields: Field[] = [{ name: 'value', type: value, nullable: false }]
    const node: StructType = { kind: 'struct', name: 'Node', fields }
    fields.push({ name: 'next', type: node, nullable: true })
    return node
  }
  const merged = mergeTypes([list(LONG), list(INT), list(DOUBLE)]) as StructType
  assert.deepEqual(merged.fields[0], { name: 'value', type: DOUBLE, nullable: false })
  const next = merged.fields[1].type as StructType
  assert.deepEqual(next.fields[0], { name: 'value', type: DOUBLE, nullable: false })
  assert.equal((next.fields[1].type as StructType).fields[0].type, DOUBLE)
})

const anyType: fc.Arbitrary<DataType> = fc.letrec<{ type: DataType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<DataType>(
      BOOLEAN,
      INT,
      LONG,
      FLOAT,
      DOUBLE,
      STRING,
      UUID,
      DATE,
      millis,
      micros,
      JSON_TYPE,
      NULL_TYPE,
      decimal(10, 2),
      decimal(5, 5),
    ),
    tie('type').map((element): DataType => ({ kind: 'array', element })),
    tie('type').map((value): DataType => ({ kind: 'map', value })),
    fc
      .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('type'), { noNullPrototype: true })
      .map((fields): DataType => struct(fields)),
  ),
})).type

test('property: merging a type with itself changes nothing, and no field is lost', () => {
  fc.assert(
    fc.property(anyType, (type) => assert.deepEqual(mergeTypes([type, structuredClone(type)]), type)),
    { seed: 11, numRuns: 300 },
  )
  fc.assert(
    fc.property(fc.array(anyType, { minLength: 1, maxLength: 4 }), (types) => {
      const merged = mergeTypes(types)
      if (merged.kind !== 'struct') return
      const names = new Set(types.flatMap((t) => (t.kind === 'struct' ? t.fields.map((f) => f.name) : [])))
      assert.deepEqual(new Set(merged.fields.map((f) => f.name)), names)
      for (const field of merged.fields) {
        const everywhere = types.every((t) => t.kind !== 'struct' || t.fields.some((f) => f.name === field.name))
        if (!everywhere) assert.equal(field.nullable, true)
      }
    }),
    { seed: 12, numRuns: 300 },
  )
})

test('topic patterns', () => {
  const yes: [string, string][] = [
    ['orders', 'orders'],
    ['*', 'anything'],
    ['pay*', 'payments'],
    ['pay*', 'pay'],
    ['*-dlq', 'orders-dlq'],
    ['eu.*.v1', 'eu.orders.v1'],
    ['a*b*c', 'aXbYc'],
    ['a*b*c', 'abbc'],
    ['a.c', 'a.c'],
    ['**', 'x'],
  ]
  const no: [string, string][] = [
    ['orders', 'Orders'],
    ['orders', 'orders2'],
    ['pay*', 'xpay'],
    ['*-dlq', 'orders-dlq2'],
    ['aba*aba', 'aba'],
    ['a*b*c', 'acb'],
    ['a.c', 'abc'],
    ['a+', 'aa'],
    ['', 'x'],
  ]
  for (const [pattern, name] of yes) assert.equal(matchesPattern(pattern, name), true, `${pattern} takes ${name}`)
  for (const [pattern, name] of no)
    assert.equal(matchesPattern(pattern, name), false, `${pattern} does not take ${name}`)
})

test('the name itself wins over patterns, the longer pattern over the shorter', () => {
  const entries = { '*': 1, 'pay*': 2, 'pay*ts': 3, payments: 4, __proto__x: 5 }
  assert.deepEqual(
    ['payments', 'paychecksts', 'payroll', 'orders', 'constructor'].map((n) => bestMatch(entries, n)?.value),
    [4, 3, 2, 1, 1],
  )
  assert.equal(bestMatch({ 'a*': 1 }, 'toString'), undefined)
})

test('policies: deny wins, nothing said is denied', () => {
  const allow = topicPolicy([
    { effect: 'allow', topics: ['pay*', 'public-*'] },
    { effect: 'deny', topics: ['*-secret'] },
    { effect: 'allow', topics: ['payments-secret'] },
  ])
  assert.deepEqual(['payments', 'payments-secret', 'public-x', 'orders', 'public-secret'].map(allow), [
    true,
    false,
    true,
    false,
    false,
  ])
  assert.equal(topicPolicy([])('payments'), false)
})

test('a restricted catalog: what may not be seen does not exist, and is not even asked for', async () => {
  const asked: string[] = []
  const catalog = {
    table: async (name: string) => (asked.push(name), { name, topic: name === 'alias' ? 'hidden' : name }),
    tables: async () => ['alias', 'hidden', 'open'].map((name) => ({ name, type: 'USER', partitions: 1, replicas: 1 })),
    configuration: async (name: string) => (asked.push(name), [{ name: 'retention.ms', value: '1' }]),
  } as unknown as Catalog
  const seen = restrict(catalog, (topic) => topic !== 'hidden')
  assert.equal(await seen.table('hidden'), undefined)
  assert.equal(await seen.table('alias'), undefined)
  assert.equal((await seen.table('open'))?.topic, 'open')
  assert.deepEqual(
    (await seen.tables()).map((t) => t.name),
    ['alias', 'open'],
  )
  assert.deepEqual(await seen.configuration('hidden'), [])
  assert.equal((await seen.configuration('open')).length, 1)
  assert.deepEqual(asked, ['alias', 'open', 'open'])
})

test('versions of a type say the same of a field, or not', () => {
  const of = (type: DataType): DataType => ({
    kind: 'struct',
    fields: [{ name: 'a', type: { kind: 'struct', fields: [{ name: 'b', type, nullable: false }] }, nullable: true }],
  })
  const same = (...types: DataType[]) => sameTypeAt(types.map(of), ['a', 'b'])
  const micros: DataType = { kind: 'timestamp', unit: 'micros' }
  const millis: DataType = { kind: 'timestamp', unit: 'millis' }
  assert.ok(same(millis, millis))
  assert.ok(!same(millis, micros))
  assert.ok(!same(micros, millis))
  assert.ok(same({ kind: 'long' }, { kind: 'int' }))
  assert.ok(!same({ kind: 'int' }, { kind: 'long' }))
  assert.ok(!same({ kind: 'float' }, { kind: 'long' }))
  assert.ok(!same({ kind: 'decimal', precision: 10, scale: 2 }, { kind: 'decimal', precision: 10, scale: 4 }))
  assert.ok(!same({ kind: 'string' }, { kind: 'int' }))
  // One that has no such field says nothing of it.
  assert.ok(sameTypeAt([of(millis), { kind: 'struct', fields: [] }, of(millis)], ['a', 'b']))
})
