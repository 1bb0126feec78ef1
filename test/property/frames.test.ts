/**
 * Whatever is asked and whatever lies in the topics, each frame is one JSON text of a known type: sound statements,
 * sound ones with a few wrong words, calls of all functions with unlikely arguments, statements of every form of the
 * dialect, and noise; over records at the edges of every format, damaged ones included. And none of it is a fault of
 * the server's own.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import { AGGREGATE_DOCS, SCALAR_FUNCTIONS } from '../../src/functions/all-functions.ts'
import type { Accept } from '../../src/functions/function.ts'
import { printQuery } from '../../src/sql/print.ts'
import {
  memoryWorld,
  type MemoryWorld,
  type WorldFormat,
  type WorldTopic,
  type WorldValue,
} from '../support/memory-world.ts'
import { randomQuery } from '../support/random-queries.ts'
import { Random, randomTable, topicOf } from '../support/random-tables.ts'
import { CORPUS } from '../unit/sql/corpus.ts'

const SEED = 20_261_128

// ---------------------------------------------------------------------------------------------- records

const NULLABLE = (type: unknown): unknown => ['null', type]
const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Edge',
  fields: [
    { name: 's', type: NULLABLE('string') },
    { name: 'd', type: NULLABLE('double') },
    { name: 'f', type: NULLABLE('float') },
    { name: 'l', type: NULLABLE('long') },
    { name: 'ts', type: NULLABLE({ type: 'long', logicalType: 'timestamp-millis' }) },
    { name: 'us', type: NULLABLE({ type: 'long', logicalType: 'timestamp-micros' }) },
    { name: 'day', type: NULLABLE({ type: 'int', logicalType: 'date' }) },
    { name: 'x', type: NULLABLE({ type: 'bytes', logicalType: 'decimal', precision: 30, scale: 6 }) },
    { name: 'b', type: NULLABLE('bytes') },
    { name: 'a', type: NULLABLE({ type: 'array', items: NULLABLE('double') }) },
    { name: 'm', type: NULLABLE({ type: 'map', values: NULLABLE('string') }) },
  ],
})
const text = (s: string): WorldValue => Buffer.from(s)
const bytes = (hex: string): WorldValue => Buffer.from(hex, 'hex')
const eight = (hex: string): WorldValue => bytes(hex.padStart(16, '0'))
const edge = (members: Readonly<Record<string, unknown>>): WorldValue => {
  const nothing = {
    s: null,
    d: null,
    f: null,
    l: null,
    ts: null,
    us: null,
    day: null,
    x: null,
    b: null,
    a: null,
    m: null,
  }
  return { json: { ...nothing, ...members } as never }
}

const TOPICS: readonly {
  readonly name: string
  readonly value: WorldFormat
  readonly values: readonly WorldValue[]
}[] = [
  {
    name: 'avro',
    value: { name: 'AVRO', schemas: [SCHEMA] },
    values: [
      edge({
        s: 'a"\\\u0000\u2028\u{1f6a2}',
        d: 'NaN',
        f: 'Infinity',
        l: 2n ** 63n - 1n,
        ts: 2n ** 62n,
        us: -(2n ** 62n),
        day: 2147483647,
        x: '-0.000001',
        b: '\u00ff\u0000',
      }),
      edge({
        s: '',
        d: '-Infinity',
        f: 1.401298464324817e-45,
        l: -(2n ** 63n),
        ts: -62135596800001,
        day: -2147483648,
        a: ['NaN', null, -0.0],
        m: { '"': '\n', k: null },
      }),
      edge({
        d: 5e-324,
        l: 9007199254740993n,
        ts: 253402300800000,
        x: '999999999999999999999999.999999',
        a: [],
        m: {},
      }),
      bytes('000000000102ff'),
      bytes('00000f4240'),
      null,
    ],
  },
  {
    name: 'json',
    value: { name: 'JSON' },
    values: [
      text('{"s":"\\ud800","d":1e400,"l":12345678901234567890123,"a":[1,[2,{"k":null}],"x"],"q\\"uote":1,"\u2028":2}'),
      text('{"s":"\u0001","l":true,"s":2}'),
      text('{"s":"a\tb"'),
      text('{"a":{"b":{"c":"\\u0000\\"\\\\"}},"d":-0.0,"ts":"2024-02-30T00:00:00Z"}'),
      bytes('7b2273223a22ff227d'),
      text('"bare"'),
      text('[1e999,{"a":1}]'),
      text('  null '),
      text(''),
      null,
    ],
  },
  {
    name: 'xml',
    value: { name: 'XML' },
    values: [text('<o a="&quot;"><s>&#1;</s><s>é</s></o>'), text('<s>"\\</s>'), text('<o>')],
  },
  {
    name: 'packs',
    value: { name: 'MSGPACK' },
    values: [
      bytes('82a173a3ff00fea164cb7ff8000000000000'),
      bytes('81c0c0'),
      bytes('cb7ff0000000000000'),
      bytes('81a2'),
    ],
  },
  {
    name: 'texts',
    value: { name: 'STRING' },
    values: [text('a"b\\\n\u0007'), bytes('ff00fe'), text(''), text('\u{10ffff}'), null],
  },
  { name: 'raw', value: { name: 'BYTES' }, values: [bytes(''), bytes('00ff'), null] },
  {
    name: 'doubles',
    value: { name: 'DOUBLE' },
    values: [eight('7ff8000000000000'), eight('fff0000000000000'), eight('8000000000000000'), eight('1'), bytes('01')],
  },
  {
    name: 'longs',
    value: { name: 'LONG' },
    values: [eight('7fffffffffffffff'), eight('8000000000000000'), bytes('0102')],
  },
  { name: 'uuids', value: { name: 'UUID' }, values: [bytes('000102030405060708090a0b0c0d0e0f'), text('no uuid')] },
  {
    name: 'rows',
    value: { name: 'CSV', header: ['s', 'd'] },
    values: [text('"a ""b""\n",2'), text('1,2,3'), text('"')],
  },
]
const TIMES = [-1, 0, 1_709_190_309_000, 8_640_000_000_000_001, Number.MAX_SAFE_INTEGER, 253_402_300_800_000]
const KEYS: readonly WorldValue[] = [null, text('k'), text('"\\\u0000'), bytes('ff'), text('')]

function edges(): WorldTopic[] {
  return TOPICS.map(({ name, value, values }) => ({
    name,
    value,
    partitions: 2,
    records: values.map((v, i) => ({
      partition: i % 2,
      timestampMs: TIMES[i % TIMES.length],
      key: KEYS[i % KEYS.length],
      value: v,
      headers:
        i % 2 === 0
          ? []
          : [
              { key: 'h"\u2028', value: Uint8Array.of(255, 0) },
              { key: 'n', value: null },
              { key: 'trace', value: Buffer.from('t\n') },
            ],
    })),
  }))
}

// ---------------------------------------------------------------------------------------------- statements

const names = TOPICS.map((topic) => topic.name)
const FIELDS =
  's d f l ts us day x b a m a[0] a[1].k m.k _key _value _meta.timestamp _meta.offset _headers _headers.trace _error _raw _bad _raw_key `q"uote` nope'.split(
    ' ',
  )
const LITERALS = [
  ...[
    '0',
    '-1',
    '2147483648',
    '9223372036854775808',
    '1e308',
    '0.1',
    '1e-320',
    "''",
    "'a'",
    "'\"'",
    "'\\\\'",
    "'\u0000'",
    "'\ud800'",
    "'é\u2028'",
    "'2024-02-29'",
    "'1d'",
    "'(('",
  ],
  ...["'$.a'", "'yyyy'", "'%'", "'[1]'", '[1, 2]', "['a']", '{1 AS a}', 'NULL', 'true', "'9'", '3'],
]
const OPERATORS = [
  '+',
  '-',
  '*',
  '/',
  '%',
  '=',
  '<>',
  '<',
  '>=',
  '||',
  'AND',
  'OR',
  'LIKE',
  'IN',
  'IS NULL',
  'BETWEEN 0 AND',
]
const WORDS = [
  ...'SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT JOIN ON LEFT LATERAL AS DISTINCT UNION ALL EXISTS NOT CASE WHEN END CAST SET EXPLAIN'.split(
    ' ',
  ),
  ...['(', ')', ',', ';', '.', '*', '[', ']', '{', '}', "'", '"', '`', '--', '/*', '\\', '\u0000', '\ud800', '🛳', '\n'],
]
/** What a function's argument may be, by what it accepts: fields of a schema, and literals. */
const ARGUMENTS: Readonly<Record<Accept, readonly string[]>> = {
  any: [],
  string: [
    's',
    'm.k',
    '_headers.trace',
    '_error',
    "''",
    "'a'",
    "'\"\\\\'",
    "'\u0000'",
    "'\ud800'",
    "'é\u2028'",
    "'yyyy-MM-dd'",
    "'(('",
    "'1d'",
  ],
  'constant-string': ["'$.a'", "'[1]'", "'%'", "'yyyy'", "'1d'", "'Europe/Oslo'", "'a'"],
  number: ['d', 'f', 'l', 'x', '0', '-1', '2.5', '1e308', '9223372036854775808', 'CAST(l AS double)'],
  integer: ['l', '_meta.offset', '0', '1', '-1', '3', '2147483648', '9223372036854775807'],
  boolean: ['_bad', 'true', 's IS NULL', 'd > 0'],
  array: ['a', '[1, 2]', "['a', '\"']", '[d, f]'],
  datetime: ['ts', 'us', 'day', '_meta.timestamp', "'2024-02-29'", '1709190309000', "'0001-01-01'"],
  bytes: ['b', '_raw', '_raw_key', "CAST('\u0000' AS bytes)"],
  json: ['a', 'm', '_value', '\'{"a":[1]}\'', "'{'"],
}
const anything = fc.constantFrom(...LITERALS, ...FIELDS.filter((field) => field !== 'nope'))

/** Calls with arguments that fit by their type, mostly. */
const { expression } = fc.letrec<{ expression: string }>((tie) => {
  const argument = (accept: Accept): fc.Arbitrary<string> =>
    accept === 'any'
      ? fc.oneof({ weight: 3, arbitrary: anything }, { weight: 1, arbitrary: tie('expression') })
      : fc.oneof(
          { weight: 12, arbitrary: fc.constantFrom(...ARGUMENTS[accept]) },
          { weight: 1, arbitrary: anything },
          { weight: 1, arbitrary: tie('expression') },
        )
  const scalar = fc.constantFrom(...SCALAR_FUNCTIONS).chain(({ name, parameters }) => {
    const needed = parameters.filter((parameter) => parameter.optional !== true)
    const given = (count: number): fc.Arbitrary<string[]> =>
      fc.tuple(
        ...Array.from({ length: count }, (_, i) => argument((parameters[i] ?? parameters.at(-1))?.accept ?? 'any')),
      )
    return fc
      .integer({ min: needed.length, max: Math.min(parameters.length, needed.length + 2) })
      .chain((count) => given(count).map((args) => `${name}(${args.join(', ')})`))
  })
  const aggregate = fc
    .tuple(fc.constantFrom(...AGGREGATE_DOCS.map((doc) => doc.name)), anything)
    .map(([name, arg]) => `${name}(${arg})`)
  const operation = fc
    .tuple(tie('expression'), fc.constantFrom(...OPERATORS), tie('expression'))
    .map(([a, op, b]) => (op === 'IS NULL' ? `(${a} IS NULL)` : `(${a} ${op} ${b})`))
  const cast = fc
    .tuple(anything, fc.constantFrom('int', 'string', 'double', 'decimal(9, 2)', 'timestamp', 'bytes', 'date'))
    .map(([a, type]) => `CAST(${a} AS ${type})`)
  return {
    expression: fc.oneof(
      { maxDepth: 3 },
      { weight: 3, arbitrary: anything },
      { weight: 8, arbitrary: scalar },
      { weight: 1, arbitrary: aggregate },
      { weight: 2, arbitrary: operation },
      { weight: 1, arbitrary: cast },
    ),
  }
})
const table = fc.constantFrom(...names)
const called = fc
  .tuple(
    expression,
    fc.constantFrom('avro', 'json', 'avro', 'json', 'xml', 'packs', 'texts'),
    fc.constantFrom('', '', '', ' WHERE ', ' GROUP BY ', ' ORDER BY ', ' LATERAL a AS item WHERE '),
    expression,
  )
  .map(([what, from, clause, more]) => `SELECT ${what} AS c FROM ${from}${clause}${clause === '' ? '' : more}`)
const plain = fc
  .tuple(
    fc.constantFrom(...FIELDS, '*', '_value.*', '_meta.*', 'count(*)', '_key, *'),
    table,
    fc.constantFrom('', ' WHERE _bad', ' LIMIT 2', ' ORDER BY _meta.timestamp DESC LIMIT 3'),
  )
  .map(([what, from, more]) => `SELECT ${what} FROM ${from}${more}`)
const corpus = fc
  .tuple(fc.constantFrom(...CORPUS), table)
  .map(([sql, name]) => (/^\s*(select|explain|with)/i.test(sql) ? sql.replace(/(?<=\bFROM )[\w.-]+/gi, name) : sql))
const made = fc.nat(99_999).map((seed) => printQuery(randomQuery(RANDOM_TABLES, new Random(seed)).query))
const sound = fc.oneof(called, called, called, plain, corpus, made)
/** With some words left out, doubled, moved or put in. */
const mangled = fc
  .tuple(
    sound,
    fc.array(fc.tuple(fc.nat(200), fc.nat(3), fc.constantFrom(...WORDS, ...FIELDS, ...LITERALS)), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([sql, changes]) => {
    const tokens = sql.match(/\w+|\s+|./gsu) ?? []
    for (const [at, how, word] of changes) {
      const i = at % Math.max(tokens.length, 1)
      if (how === 0) tokens.splice(i, 1)
      else if (how === 1) tokens.splice(i, 1, ` ${word} `)
      else if (how === 2) tokens.splice(i, 0, ` ${word} `)
      else tokens.splice(i, 0, ...tokens.splice((i + at) % tokens.length, 2))
    }
    return tokens.join('')
  })
const noise = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.constantFrom(...WORDS, ...FIELDS, ...LITERALS), { maxLength: 12 }).map((words) => words.join(' ')),
)
const SETS = [
  '',
  '',
  '',
  'SET format.timestamp = false; ',
  'SET max.size = "30"; ',
  'SET skip.bad.records = false; ',
  'SET validate.records = true; ',
  'SET format.decimal = 2; ',
]
const statement = fc
  .tuple(fc.constantFrom(...SETS), fc.oneof(sound, sound, mangled, noise))
  .map(([set, sql]) => set + sql)

// ---------------------------------------------------------------------------------------------- asking

const TYPES = new Set(['METADATA', 'RECORD', 'BADRECORD', 'STATS', 'SENTINEL', 'ERROR'])

/** Checks every frame; the types in the order in which they came. */
async function ask(
  world: MemoryWorld,
  sql: string,
  more: { readonly live?: boolean; readonly optimize?: boolean; readonly writes?: boolean },
): Promise<string[]> {
  const seen: string[] = []
  const send = (frame: string): void => {
    let parsed: {
      readonly type: string
      readonly data: unknown
      readonly rowId: unknown
      readonly statementIndex: unknown
    }
    try {
      parsed = JSON.parse(frame) as typeof parsed
    } catch (e) {
      assert.fail(`${String(e)}\n${sql}\n${frame}`)
    }
    assert.ok(TYPES.has(parsed.type), frame)
    if (parsed.type === 'ERROR') assert.ok(typeof parsed.data === 'string' && parsed.data !== '', frame)
    else assert.ok(typeof parsed.data === 'object' && parsed.data !== null, frame)
    assert.ok('rowId' in parsed && 'statementIndex' in parsed, frame)
    assert.ok(!/[\n\r]/.test(frame), 'one line')
    seen.push(parsed.type)
  }
  const { catalog, log, administration } = world
  const environment = {
    catalog,
    log,
    rulesOff: more.optimize === false ? ('all' as const) : undefined,
    ...(more.writes === true && { administration }),
  }
  const defaults = { 'max.query.time': 5_000 }
  await runRequest(
    { sql, live: more.live ?? false, statsMs: 250 },
    { ...environment, defaults },
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  const error = seen.indexOf('ERROR')
  assert.ok(error < 0 || error === seen.length - 1, 'an ERROR is the last')
  return seen
}

const RANDOM_TABLES = ['alpha', 'beta'].map((name, i) => randomTable(name, new Random(SEED + i), 12))

test('every frame of any statement is JSON', async () => {
  const world = memoryWorld([...edges(), ...RANDOM_TABLES.map((t) => topicOf(t, 4))])
  const tally = { rows: 0, bad: 0, errors: 0 }
  await fc.assert(
    fc.asyncProperty(statement, fc.boolean(), fc.boolean(), async (sql, live, optimize) => {
      const seen = await ask(world, sql, { live, optimize })
      if (seen.includes('RECORD')) tally.rows++
      if (seen.includes('BADRECORD')) tally.bad++
      if (seen.includes('ERROR')) tally.errors++
    }),
    { numRuns: 4000, seed: SEED },
  )
  world.catalog.close()
  for (const [what, times] of Object.entries(tally)) assert.ok(times > 100, `${what}: ${times}`)
})

test('every frame of statements that write is JSON', async () => {
  const target = fc.constantFrom('json', 'texts', 'avro', 'raw', 'xml', 'nope', 'made')
  const cells = fc.array(expression, { minLength: 1, maxLength: 3 }).map((list) => list.join(', '))
  const writing = fc.oneof(
    fc.tuple(target, cells).map(([name, list]) => `INSERT INTO ${name} VALUES (${list})`),
    fc
      .tuple(target, fc.constantFrom('_value', 's', 's, d', '_key, s', '_headers.h, s'), cells)
      .map(([name, columns, list]) => `INSERT INTO ${name} (${columns}) VALUES (${list})`),
    fc.tuple(target, sound).map(([name, sql]) => `INSERT INTO ${name} ${sql}`),
    fc
      .tuple(target, fc.constantFrom('string, json', 'string, avro', 'int, string', 'bytes, xml'))
      .map(([name, formats]) => `CREATE TABLE ${name} (s string, d double NULL) FORMAT (${formats})`),
    fc.tuple(target, expression).map(([name, condition]) => `DELETE FROM ${name} WHERE ${condition}`),
    fc
      .tuple(target, sound)
      .map(([name, sql]) => `CREATE VIEW v_${name} AS ${sql}; SELECT * FROM v_${name}; DROP VIEW v_${name}`),
    target.map((name) => `DROP TABLE ${name}`),
  )
  const tally = { errors: 0, rows: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(writing, { minLength: 1, maxLength: 4 }), async (statements) => {
      const world = memoryWorld(edges())
      for (const sql of [...statements, 'SELECT * FROM json', 'SELECT * FROM texts', 'SHOW TABLES']) {
        const seen = await ask(world, sql, { writes: true })
        if (seen.includes('RECORD')) tally.rows++
        if (seen.includes('ERROR')) tally.errors++
      }
      world.catalog.close()
    }),
    { numRuns: 150, seed: SEED },
  )
  for (const [what, times] of Object.entries(tally)) assert.ok(times > 50, `${what}: ${times}`)
})
