/**
 * The JDBC dialect without a driver: schemas that Avro takes for any type, rows brought in line with them, and the
 * order of frames.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import avro from 'avsc'
import fc from 'fast-check'
import type { FrameSink } from '../../../../src/engine/host.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { end, error, heartbeat, metadata, record } from '../../../../src/protocol/frames.ts'
import { guessType } from '../../../../src/server/jdbc/guess.ts'
import { rewrite } from '../../../../src/server/jdbc/rewrite.ts'
import { GUESS_ROWS, JdbcSink } from '../../../../src/server/jdbc/sink.ts'
import { avroText, shapeOf } from '../../../../src/server/jdbc/shape.ts'
import {
  BOOLEAN,
  BYTES,
  type DataType,
  DOUBLE,
  type Field,
  INT,
  JSON_TYPE,
  LONG,
  STRING,
  type StructType,
} from '../../../../src/types.ts'

const field = (name: string, type: DataType, nullable = true): Field => ({ name, type, nullable })
const struct = (...fields: Field[]): StructType => ({ kind: 'struct', fields })
const schemaOf = (type: DataType) => JSON.parse(avroText(shapeOf(type)))
const row = (value: unknown, type: DataType): unknown => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return JSON.parse(rewrite(text, 0, text.length, shapeOf(type)))
}

test('names become legal Avro names, unique in their record; rows are keyed by them', () => {
  const type = struct(
    field('a b', INT),
    field('a-b', INT),
    field('1st', INT),
    field('', INT),
    field('日', STRING),
    field('ok', INT),
  )
  assert.deepEqual(
    schemaOf(type).fields.map((f: { name: string }) => f.name),
    ['a_b', 'a_b_2', '_1st', '_', '__2', 'ok'],
  )
  assert.deepEqual(row({ 'a b': 1, 'a-b': 2, '1st': 3, '': 4, 日: 'x', ok: 5 }, type), {
    a_b: 1,
    a_b_2: 2,
    _1st: 3,
    _: 4,
    __2: 'x',
    ok: 5,
  })
})

test('scalars are unions with null; structures and arrays are texts of JSON, so that each column holds its own value', () => {
  const inner = struct(field('x', INT), field('at', { kind: 'timestamp', unit: 'micros' }))
  const type = struct(
    field('s', inner),
    field('n', INT),
    field('m', INT, false),
    field('a', { kind: 'array', element: inner }),
    field('r', inner, false),
  )
  assert.deepEqual(
    schemaOf(type).fields.map((f: { type: unknown }) => f.type),
    [['null', 'string'], ['null', 'int'], 'int', ['null', 'string'], 'string'],
  )
  assert.deepEqual(row('{"s":{"x": 1,"at":"2020"},"n":null,"m":3,"a":[{"x":1}, null, []],"r":{}}', type), {
    s: '{"x":1,"at":"2020"}',
    n: null,
    m: 3,
    a: '[{"x":1},null,[]]',
    r: '{}',
  })
  assert.deepEqual(row({ s: null, n: null, a: null }, type), { s: null, n: null, a: null })
  assert.equal(row('null', type), null)
})

test('structures that the SELECT list makes become columns; those of records do not', () => {
  const { sink, frames } = sinkFor('SELECT a.x, a.b.y, a.b.z, c, a.s, `a_x` FROM t')
  const paths = [['a', 'x'], ['a', 'b', 'y'], ['a', 'b', 'z'], ['c'], ['a', 's'], ['a_x']]
  const b = struct(field('y', JSON_TYPE), field('z', INT))
  const a = struct(field('x', LONG), field('b', b, false), field('s', struct(field('q', INT))))
  sink.rows({
    type: struct(field('a', a, false), field('c', struct(field('d', INT))), field('a_x', INT)),
    paths,
    statementIndex: null,
  })
  sink.send(record('{"a":{"x":1,"b":{"y":2.5,"z":3},"s":{"q":1}},"c":{"d":4},"a_x":9}', 0, 'id', null))
  sink.send(record('{"a":{"x":null,"b":{"y":null,"z":null},"s":null},"c":null,"a_x":null}', 0, 'id', null))
  sink.finish()
  const { fields } = JSON.parse(JSON.parse(frames[0]).data.valueSchema)
  assert.deepEqual(
    fields.map((f: { name: string; type: unknown; doc?: string }) => [f.name, f.type, f.doc]),
    [
      ['a_x', ['null', 'long'], 'a.x'],
      ['a_b_y', ['null', 'double'], 'a.b.y'],
      ['a_b_z', ['null', 'int'], 'a.b.z'],
      ['a_s', ['null', 'string'], 'a.s'],
      ['c', ['null', 'string'], undefined],
      ['a_x_2', ['null', 'int'], 'a_x'],
    ],
  )
  assert.deepEqual(
    frames.slice(1).map((f) => JSON.parse(f).data.value),
    [
      { a_x: 1, a_b_y: 2.5, a_b_z: 3, a_s: '{"q":1}', c: '{"d":4}', a_x_2: 9 },
      { a_x: null, a_b_y: null, a_b_z: null, a_s: null, c: null, a_x_2: null },
    ],
  )
})

test('maps, values of unknown shape and empty structures are texts of JSON', () => {
  const type = struct(field('m', { kind: 'map', value: INT }), field('j', JSON_TYPE), field('e', struct()))
  assert.deepEqual(row('{"m": {"a": 1}, "j": [1, {"b":2}], "e": {}}', type), {
    m: '{"a":1}',
    j: '[1,{"b":2}]',
    e: '{}',
  })
  assert.deepEqual(row('{"m":null,"j":"plain","e":null}', type), { m: null, j: 'plain', e: null })
  assert.deepEqual(row('{"j":12}', type), { j: '12' })
})

test('times are milliseconds, decimals keep their digits as texts', () => {
  const type = struct(
    field('d', { kind: 'date' }),
    field('t', { kind: 'timestamp', unit: 'micros' }),
    field('n', { kind: 'timestamp', unit: 'nanos' }),
    field('c', { kind: 'time', unit: 'micros' }),
    field('p', { kind: 'decimal', precision: 30, scale: 2 }),
    field('q', { kind: 'decimal' }),
  )
  const got = rewrite(
    '{"d":19000,"t":-1,"n":1491318144456507320,"c":3600000000,"p":12345678901234567890.10,"q":1.5}',
    0,
    96,
    shapeOf(type),
  )
  assert.equal(got, '{"d":1641600000000,"t":-1,"n":1491318144456,"c":3600000,"p":"12345678901234567890.10","q":"1.5"}')
  assert.equal(schemaOf(type).fields[0].type[1].logicalType, 'timestamp-millis')
  assert.equal(schemaOf(type).fields[4].type[1].precision, 30)
})

test('64-bit integers and repeated names: digits stay, the last one counts', () => {
  const type = struct(field('a b', LONG))
  assert.equal(rewrite('{"a b":1,"a b":9223372036854775807}', 0, 35, shapeOf(type)), '{"a_b":9223372036854775807}')
})

test('columns of JSON rows: whole numbers, fractions, what varies, what is new', () => {
  const type = guessType(['{"a":1,"b":"x","c":{"d":true}}', 'null', '{"a":2.5,"b":{"y":1},"c":{"e":[1,2]},"f":null}'])
  assert.deepEqual(
    (type as StructType).fields.map((f) => [f.name, f.type.kind]),
    [
      ['a', 'double'],
      ['b', 'json'],
      ['c', 'json'],
      ['f', 'null'],
    ],
  )
  assert.equal(guessType(['"x"', '1']).kind, 'json')
  const declared = guessType(['{"z":1,"b":2}'], struct(field('a', STRING), field('b', INT)))
  assert.deepEqual(
    (declared as StructType).fields.map((f) => [f.name, f.type.kind]),
    [
      ['a', 'string'],
      ['b', 'int'],
      ['z', 'long'],
    ],
  )
})

test('JSON nested a hundred thousand deep ends as a text', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ]) {
    const text = `{"x":${open.repeat(100_000)}1${close.repeat(100_000)}}`
    const shape = shapeOf(guessType([text]))
    avro.Type.forSchema(JSON.parse(avroText(shape)))
    assert.ok(rewrite(text, 0, text.length, shape).length > 0)
  }
})

const types = fc.letrec<{ type: DataType; struct: DataType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<DataType>(
      BOOLEAN,
      INT,
      LONG,
      DOUBLE,
      STRING,
      BYTES,
      JSON_TYPE,
      { kind: 'uuid' },
      { kind: 'date' },
      { kind: 'null' },
      { kind: 'decimal' },
    ),
    fc.record({ kind: fc.constant('array' as const), element: tie('type') }),
    fc.record({ kind: fc.constant('map' as const), value: tie('type') }),
    tie('struct'),
  ),
  struct: fc
    .uniqueArray(fc.record({ name: fc.string({ maxLength: 6 }), type: tie('type'), nullable: fc.boolean() }), {
      selector: (f) => f.name,
      maxLength: 6,
    })
    .map((fields): DataType => ({ kind: 'struct', fields })),
}))

test('any type gives a schema that Avro takes, and no union holds an object', () => {
  const check = (schema: unknown): void => {
    if (Array.isArray(schema)) {
      assert.ok(
        !schema.some((branch) => branch?.type === 'record' || branch?.type === 'array' || branch?.type === 'map'),
        JSON.stringify(schema),
      )
      schema.forEach(check)
    } else if (typeof schema === 'object' && schema !== null)
      for (const part of Object.values(schema)) if (typeof part === 'object') check(part)
  }
  fc.assert(
    fc.property(types.struct, (type) => {
      const text = avroText(shapeOf(type))
      avro.Type.forSchema(JSON.parse(text))
      check(JSON.parse(text))
    }),
    { numRuns: 300, seed: 5 },
  )
})

test('any JSON rows: the guessed columns hold every one of them, and each stays JSON', () => {
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 3 })), {
        minLength: 1,
        maxLength: 6,
      }),
      (rows) => {
        const texts = rows.map((r) => JSON.stringify(r))
        const shape = shapeOf(guessType(texts))
        avro.Type.forSchema(JSON.parse(avroText(shape)))
        for (const text of texts) JSON.parse(rewrite(text, 0, text.length, shape))
      },
    ),
    { numRuns: 300, seed: 5 },
  )
})

function sinkFor(sql: string): { sink: JdbcSink; types: () => string[]; frames: string[]; stopped: string[] } {
  const frames: string[] = []
  const stopped: string[] = []
  const out: FrameSink = { send: (frame) => void frames.push(frame), drained: () => undefined }
  const sink = new JdbcSink(out, sql, systemClock, (reason) => void stopped.push(reason))
  return { sink, frames, stopped, types: () => frames.map((f) => JSON.parse(f).type as string) }
}

test('frames: SCHEMA with the first row, nothing that the driver does not know', () => {
  const { sink, types, frames } = sinkFor('SELECT a FROM t')
  sink.rows({ type: struct(field('a', INT)), statementIndex: null })
  sink.send(metadata([], null))
  sink.send(heartbeat())
  assert.deepEqual(types(), [])
  sink.send(record('{"a":1}', 0, 'id', null, '{"k":"\\"value\\":"}', '{"offset":1}'))
  sink.send(record('null', 1, 'id', null))
  sink.finish()
  assert.deepEqual(types(), ['SCHEMA', 'RECORD', 'RECORD'])
  assert.deepEqual(JSON.parse(frames[1]), { type: 'RECORD', data: { value: { a: 1 } } })
  assert.deepEqual(JSON.parse(frames[2]).data, { value: null })
})

test('no rows: a SCHEMA; no result set: nothing before END; an error: alone', () => {
  const empty = sinkFor('SELECT a FROM t')
  empty.sink.rows({ type: struct(field('a', INT)), statementIndex: null })
  empty.sink.finish()
  assert.deepEqual(empty.types(), ['SCHEMA'])
  const none = sinkFor('SET max.size = 1')
  none.sink.finish()
  assert.deepEqual(none.types(), [])
  const failing = sinkFor('SELECT a FROM t')
  failing.sink.rows({ type: struct(field('a', INT)), statementIndex: null })
  failing.sink.send(error('no'))
  failing.sink.send(end())
  failing.sink.finish()
  assert.deepEqual(failing.types(), ['ERROR'])
})

test('of several statements the last with a result is answered', () => {
  const { sink, frames } = sinkFor('SELECT a FROM t; SELECT b FROM t; SET max.size = 1')
  for (const [index, name] of ['a', 'b'].entries()) {
    sink.rows({ type: struct(field(name, INT)), statementIndex: index })
    sink.send(record(`{"${name}":1}`, 0, 'id', index))
  }
  sink.finish()
  assert.equal(frames.length, 2)
  assert.match(frames[1], /"b":1/)
})

test('rows of unknown shape wait until their columns are settled; a later one that does not fit ends the query', () => {
  const { sink, types, frames, stopped } = sinkFor('SELECT * FROM t')
  sink.rows({ type: JSON_TYPE, statementIndex: null })
  for (let i = 0; i < GUESS_ROWS - 1; i++) sink.send(record(`{"a":${i},"o":{"x":1}}`, i, 'id', null))
  assert.deepEqual(types(), [])
  sink.send(record('{"a":1,"late":true}', 0, 'id', null))
  assert.equal(frames.length, GUESS_ROWS + 1)
  sink.send(record('{"a":"text","never":1}', 0, 'id', null))
  assert.deepEqual(JSON.parse(frames.at(-1) ?? '').data.value, { a: 'text' })
  sink.send(record('{"o":5}', 0, 'id', null))
  assert.deepEqual(JSON.parse(frames.at(-1) ?? '').data.value, { o: '5' })
  sink.send(record('"no record"', 0, 'id', null))
  sink.send(record('{"a":5}', 0, 'id', null))
  sink.finish()
  assert.equal(types().at(-1), 'ERROR')
  assert.match(frames.at(-1) ?? '', /first rows were records and this one is none/)
  assert.equal(stopped.length, 1)
})

test('columns of unknown type among others are guessed, too', () => {
  const { sink, frames } = sinkFor('SELECT a, b FROM t')
  sink.rows({ type: struct(field('a', JSON_TYPE), field('b', INT)), statementIndex: null })
  sink.send(record('{"a":5,"b":1}', 0, 'id', null))
  sink.finish()
  const schema = JSON.parse(JSON.parse(frames[0]).data.valueSchema)
  assert.deepEqual(
    schema.fields.map((f: { type: unknown }) => f.type),
    [
      ['null', 'long'],
      ['null', 'int'],
    ],
  )
  assert.equal(frames[1], '{"type":"RECORD","data":{"value":{"a":5,"b":1}}}')
})
