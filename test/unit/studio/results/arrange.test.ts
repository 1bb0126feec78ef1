import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { arrange, placesOf, rowAt } from '../../../../src/studio/rows/arrange.ts'
import { copied } from '../../../../src/studio/rows/copy.ts'
import { type Filter, filterOf, filterText, passes } from '../../../../src/studio/rows/filters.ts'
import { find } from '../../../../src/studio/rows/find.ts'
import { Result } from '../../../../src/studio/rows/result.ts'
import { MAX_DISTINCT, summaries } from '../../../../src/studio/rows/summary.ts'
import { compareNumbers } from '../../../../src/studio/rows/values.ts'

const CEILING = { rows: 1_000_000, bytes: 1 << 28 }

/** Rows by their values as JSON. */
function resultOf(...values: string[]): Result {
  return filled(values)
}

function filled(values: readonly string[]): Result {
  const result = new Result()
  for (const value of values) result.add(`{"value":${value}`, CEILING)
  return result
}

/** The values of the column `a` in the order of the arrangement. */
function shown(result: Result): (string | undefined)[] {
  return Array.from(
    { length: placesOf(result, true) },
    (_, place) => result.cells(rowAt(result, place, true), [0])[0]?.text,
  )
}

const filter = (typed: string): Filter => filterOf('a', typed) as Filter

test('numbers compare by their digits, not by doubles', () => {
  const big = fc.tuple(fc.bigInt(), fc.bigInt())
  const sign = (n: number): number => Math.sign(n)
  fc.assert(fc.property(big, ([a, b]) => sign(compareNumbers(String(a), String(b))) === (a < b ? -1 : a > b ? 1 : 0)))
  assert.equal(sign(compareNumbers('0.10000000000000000000001', '0.1')), 1)
  assert.equal(sign(compareNumbers('9007199254740993.5', '9007199254740993.25')), 1)
  assert.equal(compareNumbers('1.50', '1.5'), 0)
  assert.equal(sign(compareNumbers('1e400', '2')), 1)
})

test('sorting: exact, equals keep their order, null and absent last either way', async () => {
  const result = resultOf(
    '{"a":9007199254740993,"n":0}',
    '{"n":1}',
    '{"a":null}',
    '{"a":9007199254740992}',
    '{"a":-1.5}',
    '{"a":9007199254740993,"n":5}',
  )
  await arrange(result, { sorts: [{ path: 'a', descending: false }], filters: [] })
  assert.deepEqual(shown(result), [
    '-1.5',
    '9007199254740992',
    '9007199254740993',
    '9007199254740993',
    'null',
    undefined,
  ])
  await arrange(result, { sorts: [{ path: 'a', descending: true }], filters: [] })
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((place) => rowAt(result, place, true)),
    [0, 5, 3, 4, 2, 1],
  )
})

test('sorting by two columns is that of the language', async () => {
  const row = fc.record({ a: fc.integer({ min: 0, max: 3 }), b: fc.string({ maxLength: 2 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
      const result = resultOf(...rows.map((r) => JSON.stringify(r)))
      const sorts = [
        { path: 'a', descending: true },
        { path: 'b', descending: false },
      ]
      await arrange(result, { sorts, filters: [] })
      const expected = rows
        .map((_, i) => i)
        .sort((x, y) => rows[y].a - rows[x].a || (rows[x].b < rows[y].b ? -1 : rows[x].b > rows[y].b ? 1 : x - y))
      assert.deepEqual(
        rows.map((_, place) => rowAt(result, place, true)),
        expected,
      )
    }),
  )
})

test('filters: as typed, exact, and rows that come later are looked at alone', async () => {
  const result = resultOf('{"a":"Ümit"}', '{"a":""}', '{"a":null}', '{"b":1}', '{"a":9007199254740993}')
  const passing = async (typed: string): Promise<(string | undefined)[]> => {
    await arrange(result, { sorts: [], filters: [filter(typed)] })
    return shown(result)
  }
  assert.deepEqual(await passing('ümit'), ['Ümit'])
  assert.deepEqual(await passing('""'), [''])
  assert.deepEqual(await passing('null'), ['null'])
  assert.deepEqual(await passing('absent'), [undefined])
  assert.deepEqual(await passing('not null'), ['Ümit', '', '9007199254740993'])
  assert.deepEqual(await passing('>9007199254740992'), ['Ümit', '9007199254740993'])
  assert.deepEqual(await passing('=9007199254740992'), [])
  assert.deepEqual(await passing('9007'), ['9007199254740993'])
  result.add('{"value":{"a":90071}', CEILING)
  assert.deepEqual(await arrange(result, { sorts: [], filters: [filter('9007')] }), { rows: 2, of: 6 })
  assert.equal(filterOf('a', '  '), undefined)
  for (const typed of ['=5', '!=x', '>=1', 'null', 'absent', 'text', 'not null', '=""'])
    assert.deepEqual(filterOf('a', filterText(filter(typed))), filter(typed))
  assert.equal(passes({ path: 'a', test: '=', text: '5', kind: 'text' }, { kind: 'number', text: '5' }), false)
})

test('another arrangement that is asked for ends the one before', async () => {
  const result = resultOf(...Array.from({ length: 20_000 }, (_, i) => `{"a":${i}}`))
  const first = arrange(result, { sorts: [{ path: 'a', descending: true }], filters: [] })
  const second = arrange(result, { sorts: [], filters: [filter('>19990')] })
  assert.deepEqual(await second, { rows: 9, of: 20_000 })
  await first
  assert.equal(placesOf(result, true), 9)
})

test('finds the next cell, around the end, forwards and backwards', async () => {
  const result = resultOf('{"a":"x1","b":"y"}', '{"a":"y","b":"X2"}', '{"a":"q\\"x","b":"y"}')
  const from = (row: number, column: number, backwards = false) =>
    find(result, { text: 'x', columns: [0, 1], from: { row, column }, backwards, arranged: false })
  assert.deepEqual(await from(0, 0), { row: 1, column: 1 })
  assert.deepEqual(await from(1, 1), { row: 2, column: 0 })
  assert.deepEqual(await from(2, 0), { row: 0, column: 0 })
  assert.deepEqual(await from(0, 0, true), { row: 2, column: 0 })
  const quoted = { text: '"x', columns: [0], from: { row: 0, column: 0 }, backwards: false, arranged: false }
  assert.deepEqual(await find(result, quoted), { row: 2, column: 0 })
  assert.equal(await find(result, { ...quoted, text: 'nowhere' }), undefined)
})

test('copies: TSV that spreadsheets read, JSON and SQL with every digit', async () => {
  const result = resultOf('{"a":9007199254740993,"t":"tab\\tx"}', '{"a":1.50,"t":"it\'s"}', '{"t":null}')
  const copy = async (format: 'tsv' | 'json' | 'sql', columns: number[], to = 3) =>
    (await copied(result, { from: 0, to, columns, format, arranged: false })).text
  assert.equal(await copy('tsv', [0, 1]), 'a\tt\n9007199254740993\t"tab\tx"\n1.50\tit\'s\n\tnull')
  assert.equal(
    await copy('json', [0, 1]),
    '[\n{"a": 9007199254740993, "t": "tab\\tx"},\n{"a": 1.50, "t": "it\'s"},\n{"t": null}\n]',
  )
  assert.equal(await copy('sql', [0], 2), 'a IN (9007199254740993, 1.50)')
  assert.equal(await copy('sql', [0, 1], 1), "a = 9007199254740993 AND t = 'tab\\tx'")
  assert.equal(await copy('sql', [0]), '(a = 9007199254740993) OR (a = 1.50) OR (a IS NULL)')
  const odd = resultOf('{"a.b":1,"select":{"c d":"x"}}')
  assert.equal(
    (await copied(odd, { from: 0, to: 1, columns: [0, 1], format: 'sql', arranged: false })).text,
    "`a.b` = 1 AND `select`.`c d` = 'x'",
  )
})

test('columns: shares, range, histogram, frequent values', async () => {
  const rows = Array.from({ length: 1000 }, (_, i) =>
    i % 10 === 0 ? '{"a":null}' : i % 10 === 1 ? '{}' : `{"a":${i},"t":"v${i % 3}"}`,
  )
  const result = resultOf(...rows)
  const paths = result.columns.list.map(({ path }) => path).filter((path) => path !== '_value')
  const [a, t] = await summaries(result, { paths, arranged: false, most: 1_000_000 })
  assert.deepEqual([a.count, a.nulls, a.absent, a.distinct, a.approximate], [800, 100, 100, 800, false])
  assert.deepEqual([a.least?.text, a.greatest?.text], ['2', '999'])
  assert.equal(
    a.bars.reduce((sum, { count }) => sum + count, 0),
    800,
  )
  assert.deepEqual([t.distinct, t.bars.length, t.top.length], [3, 0, 3])
  assert.equal(
    t.top.reduce((sum, { count }) => sum + count, 0),
    800,
  )
})

test('beyond 100,000 different values their number is an estimate, a few per cent off', async () => {
  const count = 150_000
  const result = filled(Array.from({ length: count }, (_, i) => `{"a":${i}}`))
  const [a] = await summaries(result, { paths: ['a'], arranged: false, most: count })
  assert.ok(a.approximate && a.distinct >= MAX_DISTINCT)
  assert.ok(Math.abs(a.distinct - count) / count < 0.08, `${a.distinct}`)
})

test('a live row that grows takes its own place, or another one; memory does not grow with its changes', () => {
  const result = new Result({ keepsIds: true })
  for (let i = 0; i < 10_000; i++) {
    result.add(`{"value":{"n":${i}}`, CEILING, 'a')
    result.add(`{"value":{"n":${'9'.repeat(i % 300 === 299 ? 200 : 1)}}`, CEILING, 'b')
  }
  assert.deepEqual([result.rows, result.replaced], [2, 19_998])
  assert.ok(result.bytes < 5000, `${result.bytes}`)
  assert.equal(result.text(0), '{"value":{"n":9999}')
})

test('the bars of close numbers have edges that can be told apart, and the last one ends at the greatest', async () => {
  const edges = async (values: readonly (number | string)[]) => {
    const result = filled(values.map((value) => `{"a":${value}}`))
    const [{ bars }] = await summaries(result, { paths: ['a'], arranged: false, most: values.length })
    return [bars[0].from, ...bars.map(({ to }) => to)]
  }
  const close = await edges(Array.from({ length: 100 }, (_, i) => 1_700_000_000_000 + i))
  assert.equal(new Set(close).size, 25)
  assert.deepEqual([close[0], close[24]], ['1700000000000', '1700000000099'])
  assert.equal(new Set(await edges([1, 1.000000001])).size, 25)
  assert.deepEqual((await edges([0, 24])).slice(0, 3), ['0', '1', '2'])
})

test('conditions on numbers that JSON writes as texts', async () => {
  const result = filled(['{"a":"NaN"}', '{"a":"-Infinity"}', '{"a":1.5}', '{"a":"text"}'])
  const condition = async (row: number) =>
    (await copied(result, { from: row, to: row + 1, columns: [0], format: 'sql', arranged: false })).text
  assert.equal(await condition(0), "CAST(a AS string) = 'NaN'")
  assert.equal(await condition(1), "CAST(a AS string) = '-Infinity'")
  assert.deepEqual([await condition(2), await condition(3)], ['a = 1.5', "a = 'text'"])
})
