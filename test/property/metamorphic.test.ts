/**
 * What must not change an answer: the order of terms and of select items, the sides of a join, how records are dealt to
 * partitions, whether they are Avro or JSON, whether a condition stands in WHERE or in a CASE. Random statements over
 * values at the edges (NaN, infinities, −0.0, 2⁵³ ± 1, units of time, nulls, absent fields). Every frame on the way is
 * JSON.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import { type ExactJson, parseExact, valueEnd } from '../support/exact-json.ts'
import { memoryWorld, type WorldRecord } from '../support/memory-world.ts'

const SEED = 20_261_128
const RUNS = 120

// ---------------------------------------------------------------------------------------------- data

const nullable = (type: unknown) => ['null', type]
const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'R',
  fields: [
    { name: 'n', type: 'long' },
    { name: 'l', type: nullable('long') },
    { name: 'd', type: nullable('double') },
    { name: 't', type: nullable({ type: 'long', logicalType: 'timestamp-millis' }) },
    { name: 'u', type: nullable({ type: 'long', logicalType: 'timestamp-micros' }) },
    { name: 's', type: nullable('string') },
    {
      name: 'r',
      type: nullable({
        type: 'record',
        name: 'Inner',
        fields: [
          { name: 'x', type: nullable('long') },
          { name: 's', type: nullable('string') },
        ],
      }),
    },
    { name: 'xs', type: nullable({ type: 'array', items: 'long' }) },
  ],
})
const START_MS = Date.parse('2020-01-01T00:00:00Z')
const LONGS = [
  null,
  '-3',
  '0',
  '1',
  '2',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '100000000000000000',
]
const DOUBLES = [null, '"NaN"', '"Infinity"', '"-Infinity"', '-0.0', '0.0', '0.5', '1.0', '9007199254740992.0', '1e17']
const MILLIS = [null, -1, 0, 1, 1500].map((ms) => (ms === null ? null : String(START_MS + ms)))
const TEXTS = [null, '""', '"a"', '"ab"', '"ü"', '"2020"']
const INNER = [null, '{"x":null,"s":"a"}', '{"x":1,"s":null}', '{"x":9007199254740993,"s":"b"}']
const ARRAYS = [null, '[]', '[1]', '[1,2]', '[9007199254740993]']

interface Values {
  readonly partition: number
  readonly members: Readonly<Record<string, string | null>>
}

const pick = (values: readonly (string | null)[]) => fc.constantFrom(...values)
const DATA: readonly Values[] = fc
  .sample(
    fc.record({
      partition: fc.integer({ min: 0, max: 2 }),
      l: pick(LONGS),
      d: pick(DOUBLES),
      t: pick(MILLIS),
      u: pick(MILLIS.map((ms) => (ms === null ? null : `${ms}000`))),
      s: pick(TEXTS),
      r: pick(INNER),
      xs: pick(ARRAYS),
    }),
    { seed: SEED, numRuns: 48 },
  )
  .map(({ partition, ...members }, n) => ({ partition, members: { n: String(n), ...members } }))

const objectText = (members: readonly (readonly [string, string | null])[]): string =>
  `{${members.map(([name, text]) => `"${name}":${text ?? 'null'}`).join(',')}}`
/** As Avro has them: every field is there. */
const whole = ({ members }: Values): string => objectText(Object.entries(members))
/** JSON has no NaN and no infinities: NULL stands for them. */
const finite = (values: Values): Values => ({
  ...values,
  members: { ...values.members, d: values.members.d?.startsWith('"') === true ? null : values.members.d },
})
/** Some NULLs are fields that are not there. */
const sparse = ({ members }: Values): string =>
  objectText(
    Object.entries(members).filter(
      ([name, text], i) => text !== null || (i + name.length + Number(members.n)) % 2 === 0,
    ),
  )

const records = (rows: readonly Values[], text: (row: Values) => string, partitions: number): WorldRecord[] =>
  rows.map((row, i) => ({
    partition: row.partition % partitions,
    timestampMs: START_MS + i,
    key: { json: `k${i % 5}` },
    value: { json: parseExact(text(row)), text: text(row) },
  }))
const avro = { name: 'AVRO', schemas: [SCHEMA] } as const
const world = memoryWorld([
  { name: 'av', partitions: 3, value: avro, records: records(DATA, whole, 3), batch: 4 },
  { name: 'one', value: avro, records: records(DATA, whole, 1), batch: 7 },
  { name: 'av_finite', partitions: 3, value: avro, records: records(DATA.map(finite), whole, 3), batch: 4 },
  { name: 'js_finite', partitions: 3, records: records(DATA.map(finite), whole, 3), batch: 4 },
  { name: 'js', partitions: 3, records: records(DATA.map(finite), sparse, 3), batch: 4 },
])
after(() => world.catalog.close())

// ---------------------------------------------------------------------------------------------- asking

function valueText(frame: string): string {
  const at = frame.indexOf('"value":') + '"value":'.length
  return frame.slice(at, valueEnd(frame, at))
}

/**
 * The texts of the values of all rows, in the order they came; every frame must be JSON. An error that a user would see
 * fails the test.
 */
async function rows(sql: string, optimize = true): Promise<string[]> {
  const found: string[] = []
  const send = (frame: string): void => {
    const { type } = JSON.parse(frame) as { type: string }
    if (type === 'ERROR' || type === 'BADRECORD') assert.fail(`${sql}\n${frame}`)
    if (type === 'RECORD') found.push(valueText(frame))
  }
  const { catalog, log } = world
  await runRequest(
    { sql, live: false },
    { catalog, log, rulesOff: optimize ? undefined : 'all' },
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  return found
}

const set = async (sql: string, optimize = true): Promise<string[]> => (await rows(sql, optimize)).sort()
/** One column of each row as text, keyed by the row's number. */
async function columns(items: readonly Item[], topic: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const { name } of items) found.set(name, [])
  const list = items.map(({ sql, name }) => `${sql} AS ${name}`).join(', ')
  for (const text of await rows(`SELECT ${list} FROM ${topic} ORDER BY n`)) {
    const row = parseExact(text) as Record<string, ExactJson>
    for (const { name } of items)
      found
        .get(name)
        ?.push(String(JSON.stringify(row[name] ?? null, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v))))
  }
  return found
}

// ---------------------------------------------------------------------------------------------- statements

interface Item {
  readonly sql: string
  readonly name: string
}

const LEAVES = [
  ...['l', 'd', 't', 'u', 's', 'r', 'r.x', 'xs'].flatMap((f) => [
    `\`EXISTS\`(${f})`,
    `${f} IS NULL`,
    `${f} IS NOT NULL`,
  ]),
  ...[
    'l > 1',
    'l = 9007199254740993',
    'l <> 9007199254740992',
    'l BETWEEN 0 AND 2',
    'l IN (1, 9007199254740993)',
    'l NOT IN (0, 100000000000000000)',
  ],
  ...['d > 0.5', 'd = 0.0', 'd <= 1.0', 'd <> 0.5', 'l = d', 'l < d', 'd IN (0.5, 9007199254740992.0)'],
  ...["s = 'a'", "s LIKE 'a%'", "s > '2'", "UPPER(s) = 'AB'", 'LENGTH(s) > 0', "r.s = 'a'", 'r.x = 1', 'r.x > 1'],
  ...['SIZEOF(xs) > 0', 'xs[0] = 1', 'IN_ARRAY(1, xs)'],
]
const TIMES = [
  "t > '2020-01-01'",
  "u >= '2020-01-01T00:00:00.001Z'",
  'YEAR(t) = 2020',
  'YEAR(u) = 2019',
  't = u',
  't < u',
  't <> u',
  'u IN (t)',
  'COALESCE(u, t) = t',
]
const ITEMS = [
  'l',
  'd',
  's',
  'r',
  'xs',
  'r.x',
  'l + 1',
  'd * 2',
  'CONCAT(s, s)',
  '`EXISTS`(r)',
  '`EXISTS`(s)',
  'SIZEOF(xs)',
  'COALESCE(l, 0)',
  'l IS NULL',
  'xs[0]',
  'l = d',
]
const TIME_ITEMS = [
  't',
  'u',
  'YEAR(t)',
  '`EXISTS`(t)',
  '`EXISTS`(u)',
  'COALESCE(u, t)',
  'GREATEST(t, u)',
  'LEAST(u, t)',
]

const term = (leaves: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...leaves) },
    { weight: 1, arbitrary: fc.constantFrom(...leaves).map((leaf) => `NOT (${leaf})`) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom(...leaves), fc.constantFrom(...leaves)).map(([x, y]) => `(${x} OR ${y})`),
    },
  )
const shuffled = <T>(from: fc.Arbitrary<T>): fc.Arbitrary<{ given: T[]; turned: T[] }> =>
  fc
    .uniqueArray(from, { minLength: 2, maxLength: 4 })
    .chain((given) =>
      fc
        .shuffledSubarray(given, { minLength: given.length, maxLength: given.length })
        .map((turned) => ({ given, turned })),
    )
const typed = [...LEAVES, ...TIMES]
const options = (n: number) => ({ seed: SEED + n, numRuns: RUNS })
const topics = fc.constantFrom('av', 'js')
const leavesOf = (topic: string): readonly string[] => (topic === 'av' ? typed : LEAVES)

// ---------------------------------------------------------------------------------------------- properties

test('the order of the terms of AND and OR changes nothing', async () => {
  const cases = topics.chain((topic) =>
    fc.tuple(fc.constant(topic), shuffled(term(leavesOf(topic))), fc.constantFrom(' AND ', ' OR ')),
  )
  await fc.assert(
    fc.asyncProperty(cases, async ([topic, { given, turned }, op]) => {
      const ask = (terms: string[], optimize = true) => set(`SELECT n FROM ${topic} WHERE ${terms.join(op)}`, optimize)
      const first = await ask(given)
      assert.deepEqual(await ask(turned), first, `${topic}: ${given.join(op)}`)
      assert.deepEqual(await ask(turned, false), first, `${topic}, as bound: ${turned.join(op)}`)
    }),
    options(1),
  )
})

test('the order of select items changes no value, and what WHERE asks neither', async () => {
  const item = (list: readonly string[]) => fc.constantFrom(...list.map((sql, i) => ({ sql, name: `c${i}` })))
  const cases = topics.chain((topic) =>
    fc.tuple(fc.constant(topic), shuffled(item(topic === 'av' ? [...ITEMS, ...TIME_ITEMS] : ITEMS))),
  )
  await fc.assert(
    fc.asyncProperty(cases, async ([topic, { given, turned }]) => {
      const first = await columns(given, topic)
      const second = await columns(turned, topic)
      for (const { name, sql } of given)
        assert.deepEqual(
          second.get(name),
          first.get(name),
          `${topic}: ${sql} among ${given.map((i) => i.sql).join(', ')}`,
        )
    }),
    options(2),
  )
})

test('a condition, its negation and its being NULL divide the rows', async () => {
  const cases = topics.chain((topic) => fc.tuple(fc.constant(topic), term(leavesOf(topic))))
  await fc.assert(
    fc.asyncProperty(cases, async ([topic, condition]) => {
      const parts = await Promise.all(
        [condition, `NOT (${condition})`, `(${condition}) IS NULL`].map((where) =>
          set(`SELECT n FROM ${topic} WHERE ${where}`),
        ),
      )
      assert.deepEqual(parts.flat().sort(), await set(`SELECT n FROM ${topic}`), `${topic}: ${condition}`)
    }),
    options(3),
  )
})

test('WHERE keeps as many rows as a CASE counts', async () => {
  const cases = topics.chain((topic) => fc.tuple(fc.constant(topic), term(leavesOf(topic)), fc.boolean()))
  await fc.assert(
    fc.asyncProperty(cases, async ([topic, condition, optimize]) => {
      const where = await rows(`SELECT count(*) AS c FROM ${topic} WHERE ${condition}`, optimize)
      assert.deepEqual(
        await rows(`SELECT SUM(CASE WHEN ${condition} THEN 1 ELSE 0 END) AS c FROM ${topic}`, optimize),
        where,
        `${topic}: ${condition}`,
      )
    }),
    options(4),
  )
})

test('JSON answers as Avro does where the data are the same', async () => {
  await fc.assert(
    fc.asyncProperty(term(LEAVES), async (condition) => {
      assert.deepEqual(
        await set(`SELECT n FROM js_finite WHERE ${condition}`),
        await set(`SELECT n FROM av_finite WHERE ${condition}`),
        condition,
      )
    }),
    options(5),
  )
})

test('one partition answers as many do', async () => {
  const measure = fc.constantFrom(
    'count(*)',
    'count(l)',
    'sum(l)',
    'min(l)',
    'max(l)',
    'min(d)',
    'max(d)',
    'min(u)',
    'max(t)',
    'count(DISTINCT d)',
    'count(DISTINCT l)',
  )
  const group = fc.constantFrom('s', 'l', 'd', 't', 'COALESCE(u, t)', 'r.x', 'YEAR(t)')
  await fc.assert(
    fc.asyncProperty(measure, group, fc.option(term(typed)), async (what, by, condition) => {
      const sql = (topic: string) =>
        `SELECT ${by} AS g, ${what} AS m FROM ${topic}${condition === null ? '' : ` WHERE ${condition}`} GROUP BY ${by}`
      assert.deepEqual(await set(sql('av')), await set(sql('one')), sql('av'))
    }),
    options(6),
  )
})

test('the sides of a join may change places', async () => {
  const key = fc.constantFrom('l', 'd', 's', 't', 'u')
  const other: Readonly<Record<string, readonly string[]>> = {
    l: ['l', 'd'],
    d: ['d', 'l'],
    s: ['s'],
    t: ['t', 'u'],
    u: ['u', 't'],
  }
  const cases = key.chain((left) => fc.tuple(fc.constant(left), fc.constantFrom(...other[left])))
  await fc.assert(
    fc.asyncProperty(cases, async ([left, right]) => {
      const ask = (from: string) => set(`SELECT a.n AS x, b.n AS y FROM ${from} ON a.${left} = b.${right} LIMIT 5000`)
      const first = await ask('av AS a JOIN one AS b')
      assert.deepEqual(await ask('one AS b JOIN av AS a'), first, `${left} = ${right}`)
      assert.deepEqual(
        await set(`SELECT a.n AS x, b.n AS y FROM av AS a CROSS JOIN one AS b WHERE a.${left} = b.${right} LIMIT 5000`),
        first,
        `${left} = ${right} in WHERE`,
      )
    }),
    { seed: SEED + 7, numRuns: 20 },
  )
})

test('IN is = with OR, BETWEEN two comparisons', async () => {
  const operand = fc.constantFrom('l', 'd', 'r.x', 'xs[0]')
  const constant = fc.constantFrom(
    '0',
    '1',
    '0.5',
    '9007199254740992',
    '9007199254740993',
    '9007199254740992.0',
    '1e17',
    '100000000000000000',
    'NULL',
  )
  await fc.assert(
    fc.asyncProperty(
      topics,
      operand,
      fc.array(constant, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      async (topic, x, list, negated) => {
        const not = negated ? 'NOT ' : ''
        const ask = (where: string) => set(`SELECT n FROM ${topic} WHERE ${where}`)
        const equals = `${not}(${list.map((c) => `${x} = ${c}`).join(' OR ')})`
        assert.deepEqual(await ask(`${x} ${not}IN (${list.join(', ')})`), await ask(equals), `${topic}: ${equals}`)
        const [low, high] = [list[0], list.at(-1) ?? '0']
        const within = `${not}(${x} >= ${low} AND ${x} <= ${high})`
        assert.deepEqual(await ask(`${x} ${not}BETWEEN ${low} AND ${high}`), await ask(within), `${topic}: ${within}`)
      },
    ),
    options(8),
  )
})

test('rows are in the order of the volatile values that they show', async () => {
  for (const sql of [
    'SELECT RANDINT() AS r FROM av ORDER BY r',
    'SELECT r FROM (SELECT RANDINT() AS r FROM av) x ORDER BY r',
    'SELECT RANDINT() % 10 AS r, count(*) AS n FROM av GROUP BY r ORDER BY r',
    'SELECT n, RANDINT() AS r FROM js ORDER BY 2 LIMIT 40',
    'SELECT *, RANDINT() AS r FROM av ORDER BY r LIMIT 30',
  ])
    for (const optimize of [true, false]) {
      const values = (await rows(sql, optimize)).map((text) => (JSON.parse(text) as { r: number }).r)
      assert.ok(values.length > 2, sql)
      assert.deepEqual(
        values,
        values.toSorted((a, b) => a - b),
        sql,
      )
    }
})
