import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chartSummary } from '../../../../src/studio/chart/data.ts'
import {
  addTo,
  compareNumbers,
  doubleOf,
  emptySum,
  looksLikeTime,
  sumText,
  timeOf,
} from '../../../../src/studio/chart/numbers.ts'
import { type ChartSpec, fittingChart, ofKind, specOf, specText } from '../../../../src/studio/chart/spec.ts'
import { chartSvg } from '../../../../src/studio/chart/svg.ts'
import { step, ticks, timeStep } from '../../../../src/studio/chart/ticks.ts'
import { columnFacts } from '../../../../src/studio/chart/worker/facts.ts'
import { thinned } from '../../../../src/studio/chart/worker/lines.ts'
import { chartData, MAX_BARS } from '../../../../src/studio/chart/worker/series.ts'
import { Result } from '../../../../src/studio/rows/result.ts'

const CEILING = { rows: 1_000_000, bytes: 1e9 }

/** `values`: the JSON of each row's value. */
function resultOf(values: readonly string[]): Result {
  const result = new Result()
  for (const value of values) assert.ok(result.add(`{"value":${value}}`, CEILING))
  return result
}

/** The chart that fits, and its data. */
async function chartOf(values: readonly string[]) {
  const result = resultOf(values)
  const spec = fittingChart(columnFacts(result))
  assert.ok(spec !== undefined)
  return { spec, result, data: await chartData(result, spec) }
}

const counted = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('sums are exact in every digit; what has an exponent is marked', () => {
  const sum = emptySum()
  for (const text of ['9007199254740993', '0.1', '0.2', '-1']) addTo(sum, text)
  assert.equal(sumText(sum), '9007199254740992.3')
  addTo(sum, '1e3')
  assert.match(sumText(sum), /^≈ /)
  const zero = emptySum()
  for (const text of ['-0.50', '0.5']) addTo(zero, text)
  assert.equal(sumText(zero), '0')
  assert.ok(compareNumbers('9007199254740993', '9007199254740992') > 0 && compareNumbers('-2', '1') < 0)
  assert.deepEqual([doubleOf('1e400'), doubleOf('x'), doubleOf('-1.5e2')], [undefined, undefined, -150])
})

test('times: ISO texts, and numbers whose size tells their unit', () => {
  const ms = Date.UTC(2024, 0, 2, 3, 4, 5)
  const texts = ['2024-01-02T03:04:05Z', '2024-01-02 03:04:05', '2024-01-02T04:04:05+01:00']
  for (const text of [...texts, `${ms / 1000}`, `${ms}`, `${ms}000`, `${ms}000000`])
    assert.equal(timeOf(text), ms, text)
  assert.equal(timeOf('soon'), undefined)
  assert.ok(looksLikeTime('window.start', `${ms}`) && looksLikeTime('createdAt', `${ms}`))
  assert.ok(!looksLikeTime('amount', `${ms}`) && !looksLikeTime('time', '17'))
})

test('the shape chooses: category and number, time and number, one number, a text alone', async () => {
  const { spec: bars } = await chartOf(['{"status":"paid","n":3}', '{"status":"open","n":1}'])
  assert.deepEqual(bars, { kind: 'bars', x: 'status', values: ['n'], aggregation: 'sum' })
  const { spec: line } = await chartOf(['{"n":1,"at":"2024-01-02T03:04:05Z"}', '{"n":2,"at":"2024-01-02T03:05:05Z"}'])
  assert.deepEqual([line.kind, line.x, line.values, line.aggregation], ['line', 'at', ['n'], 'each'])
  const { spec: split } = await chartOf(
    counted(0, 4).map((i) => `{"at":"2024-01-0${1 + (i >> 1)}","kind":"${i % 2 === 0 ? 'a' : 'b'}","n":${i}}`),
  )
  assert.equal(split.split, 'kind')
  const { spec: one } = await chartOf(['{"amount":1.5}', '{"amount":2}'])
  assert.deepEqual([one.kind, one.x], ['histogram', 'amount'])
  const { spec: text } = await chartOf(['{"s":"a"}', '{"s":"b"}'])
  assert.deepEqual([text.kind, text.aggregation], ['bars', 'count'])
  const { spec: named } = await chartOf(['{"code":1,"n":5}', '{"code":2,"n":9}'])
  assert.deepEqual([named.kind, named.x, named.values], ['bars', 'code', ['n']])
  assert.equal(fittingChart(columnFacts(resultOf(['{"list":[1,2]}']))), undefined)
})

test('bars: exact texts, doubles for drawing, absent apart from null', async () => {
  const { data } = await chartOf([
    '{"status":"paid","n":9007199254740993}',
    '{"status":"paid","n":9007199254740993}',
    '{"status":"open","n":1.10}',
    '{"status":null,"n":2}',
    '{"n":3}',
  ])
  assert.deepEqual(data.labels, ['paid', 'open', 'null', '(absent)'])
  assert.deepEqual(data.series[0].texts, ['18014398509481986', '1.10', '2', '3'])
  assert.equal(data.series[0].values[1], 1.1)
  assert.match(chartSummary(data), /Bars of n by status, 4 bars, highest: 18014398509481986 at paid/)
})

test('bars: the largest of many, and the chart says so; minimum, maximum, average, split', async () => {
  const many = await chartOf(counted(0, 200).map((i) => `{"s":"k${i}","n":${i}}`))
  assert.equal(many.data.x.length, MAX_BARS)
  assert.match(many.data.notes.join(), /60 largest of 200/)
  assert.ok(many.data.labels.includes('k199') && !many.data.labels.includes('k0'))
  const result = resultOf(['{"s":"a","k":"x","n":1}', '{"s":"a","k":"y","n":4}', '{"s":"a","k":"x","n":3}'])
  const texts = async (change: Partial<ChartSpec>) => {
    const spec: ChartSpec = { kind: 'bars', x: 's', values: ['n'], aggregation: 'sum', ...change }
    return (await chartData(result, spec)).series.map(({ name, texts: of }) => `${name}=${of.join()}`)
  }
  assert.deepEqual(await texts({}), ['n=8'])
  assert.deepEqual(await texts({ aggregation: 'min' }), ['n=1'])
  assert.deepEqual(await texts({ aggregation: 'max' }), ['n=4'])
  assert.deepEqual(await texts({ aggregation: 'avg', split: 'k' }), ['x=≈ 2', 'y=4'])
  assert.deepEqual(await texts({ aggregation: 'count', values: [] }), ['rows=3'])
})

test('lines: in order of time, one axis for all, gaps where a series has no point', async () => {
  const { data } = await chartOf([
    '{"at":"2024-01-03","kind":"a","n":3}',
    '{"at":"2024-01-01","kind":"a","n":1}',
    '{"at":"2024-01-01","kind":"b","n":10}',
  ])
  assert.deepEqual(data.labels, ['2024-01-01', '2024-01-03'])
  assert.deepEqual(
    data.series.map(({ name, values }) => [name, ...values]),
    [
      ['a', 1, 3],
      ['b', 10, null],
    ],
  )
  const sums = await chartData(resultOf(['{"at":1700000000000,"n":1}', '{"at":1700000000001,"n":2}']), {
    kind: 'line',
    x: 'at',
    values: ['n'],
    aggregation: 'sum',
  })
  assert.ok(sums.isTime && sums.x.length === 2, 'pieces of a millisecond')
  const points = counted(0, 10_000).map((i) => ({ y: i === 5000 ? 1e6 : i % 7 }))
  const kept = thinned(points, 2000)
  assert.ok(kept.length <= 2000 && kept.includes(points[5000]), 'the highest point stays')
})

test('a histogram: ranges of equal width, every number in one', async () => {
  const { data } = await chartOf(counted(0, 1000).map((i) => `{"n":${i}}`))
  assert.equal(data.labels[0], '0 to 50')
  assert.deepEqual([data.x.length, data.series[0].texts[3]], [20, '50'])
  const same = await chartOf(['{"n":2.5}', '{"n":2.5}'])
  assert.deepEqual(same.data.series[0].texts, ['2'])
})

test('the address holds the chart; another kind chooses what fits', () => {
  const spec: ChartSpec = { kind: 'bars', x: 'a&b', values: ['n', 'm'], split: 'k', aggregation: 'max' }
  assert.deepEqual(specOf(specText(spec)), spec)
  assert.equal(specOf('kind=pie&x=a&of=sum'), undefined)
  const columns = columnFacts(resultOf(['{"s":"a","n":1,"m":2}']))
  assert.deepEqual(ofKind({ ...spec, x: 's' }, 'histogram', columns).x, 'n')
  assert.equal(
    ofKind({ kind: 'histogram', x: 'n', values: [], aggregation: 'count' }, 'bars', columns).aggregation,
    'sum',
  )
})

test('steps are round', () => {
  assert.deepEqual([step(0.3), step(7), step(1000), step(0)], [0.5, 10, 1000, 0])
  assert.deepEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10])
  assert.deepEqual([timeStep(40_000), timeStep(3)], [60_000, 5])
})

test('a file of SVG: contents of records are text in it', async () => {
  const markup = '</text><script>1</script>\u0001'
  const { data } = await chartOf([`{"s":${JSON.stringify(markup)},"n":1}`, '{"s":"b","n":-2}'])
  const colours = { ink: 'black', soft: 'gray', line: 'silver', paper: 'white', series: ['blue'] }
  const svg = chartSvg(data, colours)
  assert.ok(!svg.includes('<script') && svg.includes('&#60;script&#62;') && !svg.includes('NaN'))
  const line = await chartOf(['{"at":"2024-01-01","n":5}'])
  assert.ok(!chartSvg(line.data, colours).includes('NaN'))
})

test('values that differ are bars and series of their own, also where their beginnings or their words are alike', async () => {
  const url = `https://shop.example/${'a'.repeat(100)}`
  const rows = [`"${url}/1"`, `"${url}/2"`, `"${url}/1"`, 'null', '"null"', '5', '"5"', '""', '"\\"\\""', '"(absent)"']
  const result = resultOf([...rows.map((x) => `{"x":${x},"n":1}`), '{"n":1}'])
  const bars: ChartSpec = { kind: 'bars', x: 'x', values: ['n'], aggregation: 'sum' }
  const { labels, series } = await chartData(result, bars)
  assert.deepEqual(series[0].texts, ['2', '1', '1', '1', '1', '1', '1', '1', '1', '1'])
  const cut = `"${url.slice(0, 80)}…"`
  const quoted = [cut, `${cut} (2)`, 'null', '"null"', '5', '"5"', '""', '"\\"\\""', '"(absent)"', '(absent)']
  assert.deepEqual(labels, quoted)
  const split = await chartData(result, { ...bars, x: 'n', split: 'x', kind: 'line', aggregation: 'each' })
  assert.equal(split.series.length, 10)
  const counts = await chartData(result, { kind: 'bars', x: 'n', values: [], split: 'x', aggregation: 'count' })
  assert.deepEqual(
    counts.series.map(({ name, texts }) => `${name} ${texts[0]}`),
    quoted.map((name, i) => `${name} ${i === 0 ? 2 : 1}`),
  )
})

test('the ranges of a histogram of close numbers are named by all their digits', async () => {
  const values = counted(0, 20).map((i) => `{"t":${1_700_000_000_000_000 + i}}`)
  const { labels } = await chartData(resultOf(values), { kind: 'histogram', x: 't', values: [], aggregation: 'count' })
  assert.deepEqual([labels.length, labels[0], labels[19]], [20, '1700000000000000', '1700000000000019'])
})

test('numbers of many digits are themselves', async () => {
  const long = `${'1234567890'.repeat(10)}1`
  const data = await chartData(resultOf([`{"x":"a","n":${long}}`]), {
    kind: 'bars',
    x: 'x',
    values: ['n'],
    aggregation: 'sum',
  })
  assert.deepEqual([data.series[0].texts, data.series[0].values], [[long], [Number(long)]])
  const sum = emptySum()
  addTo(sum, `0.${'0'.repeat(1_000_000)}1`)
  assert.match(sumText(sum), /^≈ /)
})
