/**
 * ORDER BY: the same rows in whatever order the records lie, for values at the edges (mixed kinds of JSON, arrays and
 * objects, NaN, infinities, −0.0, 2⁵³ ± 1, nulls, absent fields). And the order behind it: total, and equal exactly
 * where GROUP BY sees one value.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import { canonical } from '../../src/engine/program/values/canonical.ts'
import { LARGE } from '../../src/engine/program/values/json-parts.ts'
import { totalOrder } from '../../src/engine/program/values/order.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import type { Value } from '../../src/types.ts'
import { parseExact } from '../support/exact-json.ts'
import { memoryWorld, type WorldTopic } from '../support/memory-world.ts'

const RUNS = { numRuns: 150, seed: 20_261_128 }

// ---------------------------------------------------------------------------------------------- the order of values

const wholes = fc.constantFrom(0, -0, 1, 2, 9007199254740991, 9007199254740992, 1e17, 1e21, -1e21, 1e23, -1e23, 1e300)
const number = fc.oneof(
  wholes,
  fc.constantFrom(0.1, 0.5, 1e-6, 1e-7, -1.25e-7, 5e-324, 1.5, Number.NaN, Infinity, -Infinity),
  fc.constantFrom(
    9007199254740993n,
    -9007199254740993n,
    10n ** 17n,
    10n ** 21n,
    10n ** 23n,
    BigInt(1e23),
    BigInt(1e300),
  ),
  fc
    .constantFrom(
      '0',
      '0.10',
      '1.0',
      '9007199254740993',
      '9007199254740992.5',
      '1e21',
      '1e23',
      '1e-6',
      '1e-7',
      '-1.25e-7',
    )
    .map((text) => Decimal.parse(text) as Decimal),
)
const scalar: fc.Arbitrary<Value> = fc.oneof(
  { weight: 4, arbitrary: number },
  fc.constantFrom('', 'a', 'B', 'ü', '1', '\ud800'),
  fc.boolean(),
  fc.constantFrom(new Uint8Array(), Uint8Array.of(1), Uint8Array.of(1, 2)),
)
const JSON_SCALARS = [
  '0',
  '-0',
  '1',
  '1.0',
  '1e0',
  '2',
  '0.1',
  '1e-7',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '9007199254740993.0',
  '1e17',
  '1e300',
  String(BigInt(1e300)),
  '1000000000000000000000',
  '-1',
]
const JSON_WORDS = ['"a"', '"B"', '"1"', '""', '"\\u00fc"', 'true', 'false', 'null']
/** The text of a JSON value. */
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    { weight: 4, arbitrary: fc.constantFrom(...JSON_SCALARS, ...JSON_WORDS) },
    { weight: 2, arbitrary: fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`) },
    {
      weight: 2,
      arbitrary: fc
        .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'ab', 'é'), tie('json')), {
          maxLength: 3,
          selector: ([name]) => name,
        })
        .map((members) => `{${members.map(([name, value]) => `"${name}" : ${value}`).join(',')}}`),
    },
  ),
}))
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    { weight: 4, arbitrary: scalar },
    { weight: 2, arbitrary: json.filter((text) => /^[[{]/.test(text)).map((text) => new JsonText(text)) },
    { weight: 1, arbitrary: fc.array(fc.oneof(tie('value'), fc.constant(null)), { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc
        .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'ab'), fc.oneof(tie('value'), fc.constant(null))), {
          maxLength: 3,
          selector: ([name]) => name,
        })
        .map((members) => new Map(members)),
    },
  ),
}))

test('the order of values is total, and equal is what GROUP BY takes for one', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 3, maxLength: 6 }), (values) => {
      for (const a of values) {
        assert.equal(totalOrder(a, a), 0)
        for (const b of values) {
          const ab = Math.sign(totalOrder(a, b))
          assert.equal(ab, -Math.sign(totalOrder(b, a)) + 0, 'turned round')
          assert.equal(ab === 0, canonical(a) === canonical(b), `${canonical(a)} and ${canonical(b)}`)
          for (const c of values)
            if (ab <= 0 && totalOrder(b, c) <= 0) assert.ok(totalOrder(a, c) <= 0, [a, b, c].map(canonical).join(' ≤ '))
        }
      }
    }),
    { ...RUNS, numRuns: 2000 },
  )
})

test('white space changes nothing, however much of it there is', () => {
  // As many characters as what is looked through once only.
  const wide = (text: string): JsonText =>
    new JsonText(text.replace(/"[^"]*"|[[\]{}:,]/g, (token) => `${token}${' '.repeat(LARGE)}`))
  const container = json.filter((text) => /^[[{]/.test(text))
  fc.assert(
    fc.property(fc.array(container, { minLength: 2, maxLength: 5 }), (texts) => {
      const values = texts.map((text) => [new JsonText(text), wide(text)] as const)
      for (const [a, wideA] of values) {
        assert.equal(canonical(wideA), canonical(a))
        for (const [b, wideB] of values)
          for (const [x, y] of [
            [wideA, wideB],
            [wideA, b],
            [a, wideB],
          ])
            assert.equal(Math.sign(totalOrder(x, y)), Math.sign(totalOrder(a, b)), `${a} and ${b}`)
      }
    }),
    RUNS,
  )
})

test('the text that stands for a value is not much longer than its JSON', () => {
  for (const item of ['1', '1e20', '1e300', '-1e300', '5e-324', '1.5e-300', '""', '"\\u00fc"', '{}', '[]', '[[1]]']) {
    const text = `[${Array.from({ length: 1000 }, () => item).join(',')}]`
    const times = canonical(new JsonText(text)).length / text.length
    assert.ok(times < 6, `${item}: ${times} times`)
  }
})

test('arrays go item by item, objects member by member', () => {
  const ascending = [
    '[]',
    '[1]',
    '[1.0,0]',
    '[1,null]',
    '[2]',
    '[9]',
    '[10]',
    '["9"]',
    '[[]]',
    '[{}]',
    '[null]',
    '{}',
    '{"a":1}',
    '{"b":0,"a":1}',
    '{"a":2}',
    '{"b":0}',
  ]
  const values = ascending.map((text) => new JsonText(text))
  for (const [i, a] of values.entries())
    for (const [k, b] of values.entries()) assert.equal(Math.sign(totalOrder(a, b)), Math.sign(i - k), `${a} and ${b}`)
  assert.equal(totalOrder([1, 'x'], new JsonText('[1.0, "x"]')), 0)
  assert.equal(
    totalOrder(
      new Map<string, Value>([
        ['b', 1],
        ['a', null],
      ]),
      new JsonText('{"a":null,"b":1}'),
    ),
    0,
  )
})

// ---------------------------------------------------------------------------------------------- statements

async function numbersOf(topic: WorldTopic, sql: string): Promise<number[]> {
  const world = memoryWorld([topic])
  const rows: number[] = []
  const sink = {
    send: (frame: string) => {
      const { type, data } = JSON.parse(frame) as { type: string; data: { value: { n: number } } }
      assert.ok(type !== 'ERROR' && type !== 'BADRECORD', frame)
      if (type === 'RECORD') rows.push(data.value.n)
    },
    drained: () => undefined,
  }
  await runRequest({ sql, live: false }, { catalog: world.catalog, log: world.log }, sink, new AbortController().signal)
  world.catalog.close()
  return rows
}

/** Objects as texts, dealt to partitions. */
function topicOf(
  objects: readonly { readonly partition: number; readonly text: string }[],
  schema: string | undefined,
): WorldTopic {
  const records = objects.map(({ partition, text }, i) => ({
    partition,
    timestampMs: 1_700_000_000_000 + i,
    key: null,
    value: schema === undefined ? Buffer.from(text) : { json: parseExact(text) },
  }))
  return {
    name: 't',
    partitions: 3,
    batch: 4,
    value: schema === undefined ? { name: 'JSON' } : { name: 'AVRO', schemas: [schema] },
    records,
  }
}

/** The same objects twice, in other orders and other partitions. */
function dealtTwice(members: fc.Arbitrary<string>) {
  return fc.array(members, { minLength: 1, maxLength: 14 }).chain((rows) => {
    const objects = rows.map((row, n) => `{"n":${n}${row}}`)
    const dealt = fc
      .shuffledSubarray(objects, { minLength: objects.length })
      .chain((texts) =>
        fc
          .array(fc.nat(2), { minLength: texts.length, maxLength: texts.length })
          .map((places) => texts.map((text, i) => ({ text, partition: places[i] }))),
      )
    return fc.tuple(dealt, dealt)
  })
}

const direction = fc.constantFrom('', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST')
/** `n` is another one in each record and decides last, so that there is one right order. */
const ending = fc
  .tuple(fc.constantFrom(', n', ', n DESC'), fc.constantFrom('', ' LIMIT 3', ' LIMIT 3 OFFSET 2', ' LIMIT 100'))
  .map(([last, limit]) => last + limit)

test('ORDER BY of JSON does not depend on where the records lie', async () => {
  const member = (name: string) =>
    fc.option(json, { nil: undefined }).map((text) => (text === undefined ? '' : `,"${name}":${text}`))
  const rows = fc.tuple(member('v'), member('w')).map(([v, w]) => v + w)
  const by = fc.constantFrom('v', 'w', 'v.a', 'v[0]', 'v + 1', "COALESCE(v, 'none')")
  await fc.assert(
    fc.asyncProperty(
      dealtTwice(rows),
      by,
      direction,
      by,
      direction,
      ending,
      async ([one, other], first, up, second, down, end) => {
        const sql = `SELECT n FROM t ORDER BY ${first}${up}, ${second}${down}${end}`
        assert.deepEqual(
          await numbersOf(topicOf(other, undefined), sql),
          await numbersOf(topicOf(one, undefined), sql),
          sql,
        )
      },
    ),
    RUNS,
  )
})

test('ORDER BY of numbers with a schema does not depend on where the records lie', async () => {
  const nullable = (type: unknown): unknown => ['null', type]
  const fields = [
    { name: 'n', type: 'long' },
    { name: 'd', type: nullable('double') },
    { name: 'f', type: nullable('float') },
    { name: 'l', type: nullable('long') },
    { name: 'ds', type: nullable({ type: 'array', items: 'double' }) },
  ]
  const schema = JSON.stringify({ type: 'record', name: 'R', fields })
  const doubles = [
    'null',
    '"NaN"',
    '"Infinity"',
    '"-Infinity"',
    '-0.0',
    '0.0',
    '0.5',
    '9007199254740992.0',
    '1e17',
    '-1.5',
  ]
  const items = doubles.filter((text) => text !== 'null')
  const rows = fc
    .record({
      d: fc.constantFrom(...doubles),
      f: fc.constantFrom('null', '"NaN"', '"Infinity"', '-0.0', '0.0', '0.5', '-2.25'),
      l: fc.constantFrom(
        'null',
        '0',
        '9007199254740991',
        '9007199254740992',
        '9007199254740993',
        '-9007199254740993',
        '9223372036854775807',
      ),
      ds: fc.option(fc.array(fc.constantFrom(...items), { maxLength: 3 }), { nil: undefined }),
    })
    .map(({ d, f, l, ds }) => `,"d":${d},"f":${f},"l":${l},"ds":${ds === undefined ? 'null' : `[${ds.join(',')}]`}`)
  const by = fc.constantFrom(
    'd',
    'f',
    'l',
    'ds',
    'd + f',
    'l - 1',
    '-d',
    'CASE WHEN n % 2 = 0 THEN d ELSE l END',
    '_meta.partition * 0',
  )
  await fc.assert(
    fc.asyncProperty(
      dealtTwice(rows),
      by,
      direction,
      by,
      direction,
      ending,
      async ([one, other], first, up, second, down, end) => {
        const sql = `SELECT n FROM t ORDER BY ${first}${up}, ${second}${down}${end}`
        assert.deepEqual(await numbersOf(topicOf(other, schema), sql), await numbersOf(topicOf(one, schema), sql), sql)
      },
    ),
    RUNS,
  )
})
