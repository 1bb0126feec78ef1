/** Parquet and Arrow read back by others' readers: every type and value, nested and absent, also through the server. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { RecordBatchReader, tableFromIPC } from 'apache-arrow'
import type { ResultColumn, RunSummary } from '../../../src/engine/host.ts'
import type { ExportFormat } from '../../../src/export/options.ts'
import type { ExportOutcome } from '../../../src/export/outcome.ts'
import { exportSink } from '../../../src/export/sink.ts'
import { DEFAULT_RENDER } from '../../../src/formats/text/render.ts'
import { Decimal } from '../../../src/lib/decimal.ts'
import { JsonText } from '../../../src/lib/json-text.ts'
import { SqlError } from '../../../src/sql/error.ts'
import type { DataType, Value } from '../../../src/types.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-export-'))
after(() => rmSync(folder, { recursive: true }))

const END: RunSummary = {
  id: 'x',
  outcome: 'end',
  results: 0,
  recordsScanned: 0,
  bytesRead: 0,
  badRecords: 0,
  durationMs: 0,
}

/** A file of columns by name, and of rows. */
async function fileOf(
  format: ExportFormat,
  columns: Readonly<Record<string, DataType>>,
  rows: Iterable<readonly Value[]>,
  summary = END,
): Promise<{ bytes: Buffer; outcome: ExportOutcome | undefined }> {
  const chunks: Buffer[] = []
  const sink = await exportSink(
    { format, formulas: 'keep', nullText: '', outcome: 'incomplete' },
    { chunk: () => Buffer.alloc(128 * 1024), pass: (bytes) => void chunks.push(bytes), drained: () => undefined },
  )
  sink.begin(
    Object.entries(columns).map(([name, type]): ResultColumn => ({ path: name.split('.'), type, spread: false })),
    DEFAULT_RENDER,
  )
  for (const row of rows) sink.row(row)
  const outcome = sink.finish(summary)
  return { bytes: Buffer.concat(chunks), outcome }
}

async function duck(sql: string): Promise<Record<string, unknown>[]> {
  const connection = await (await DuckDBInstance.create()).connect()
  const reader = await connection.runAndReadAll(sql)
  return reader.getRowObjectsJson() as Record<string, unknown>[]
}

let files = 0
async function parquet(
  columns: Readonly<Record<string, DataType>>,
  rows: Iterable<readonly Value[]>,
  what = '*',
): Promise<{ rows: Record<string, unknown>[]; types: Record<string, unknown> }> {
  const path = join(folder, `${files++}.parquet`)
  writeFileSync(path, (await fileOf('parquet', columns, rows)).bytes)
  const described = await duck(`DESCRIBE SELECT * FROM '${path}'`)
  return {
    rows: await duck(`SELECT ${what} FROM '${path}'`),
    types: Object.fromEntries(described.map((d) => [String(d['column_name']), d['column_type']])),
  }
}

const NESTED: DataType = {
  kind: 'struct',
  fields: [
    { name: 'list', type: { kind: 'array', element: { kind: 'long' } }, nullable: true },
    { name: 'toString', type: { kind: 'map', value: { kind: 'double' } }, nullable: true },
    { name: 'constructor', type: { kind: 'string' }, nullable: true },
  ],
}
const COLUMNS: Readonly<Record<string, DataType>> = {
  b: { kind: 'boolean' },
  i: { kind: 'int' },
  l: { kind: 'long' },
  f: { kind: 'float' },
  d: { kind: 'double' },
  s: { kind: 'string' },
  y: { kind: 'bytes' },
  u: { kind: 'uuid' },
  dec4: { kind: 'decimal', precision: 4, scale: 2 },
  dec18: { kind: 'decimal', precision: 18, scale: 3 },
  dec38: { kind: 'decimal', precision: 38, scale: 10 },
  decx: { kind: 'decimal' },
  da: { kind: 'date' },
  tm: { kind: 'time', unit: 'millis' },
  tu: { kind: 'time', unit: 'micros' },
  tsm: { kind: 'timestamp', unit: 'millis' },
  tsu: { kind: 'timestamp', unit: 'micros' },
  tsn: { kind: 'timestamp', unit: 'nanos' },
  tsl: { kind: 'timestamp', unit: 'micros', local: true },
  j: { kind: 'json' },
  a: { kind: 'array', element: { kind: 'array', element: { kind: 'string' } } },
  as: { kind: 'array', element: NESTED },
  m: { kind: 'map', value: { kind: 'array', element: { kind: 'int' } } },
  n: NESTED,
  'made.x': { kind: 'int' },
  'made.y': { kind: 'string' },
}
const struct = (list: Value, map: Value, text: Value): Value =>
  new Map([
    ['list', list],
    ['toString', map],
    ['constructor', text],
  ])
const FULL: Value[] = [
  true,
  -2147483648,
  9223372036854775807n,
  1.5,
  0.1 + 0.2,
  'Grüße, 世界 🎉 "quoted"\n',
  Uint8Array.of(0, 255, 10),
  '123E4567-e89b-12d3-a456-426614174000',
  new Decimal(-9999n, 2),
  new Decimal(123456789012345678n, 3),
  new Decimal(-12345678901234567890123456789012345678n, 10),
  new Decimal(10n ** 50n + 1n, 40),
  -1,
  86_399_999,
  86_399_999_999,
  -1,
  -62135596800000000n,
  1700000000123456789n,
  1700000000123456,
  new JsonText('{"a":12345678901234567890.50}'),
  [['x', null], [], null],
  [struct([1, null, -9007199254740993n], new Map([['k', 1.5]]), 't'), null, struct(null, null, null)],
  new Map<string, Value>([
    ['one', [1, null]],
    ['', null],
    ['three', []],
  ]),
  struct([], new Map(), ''),
  7,
  'made',
]
const NULLS: Value[] = FULL.map(() => null)
const MIXED: Value[] = FULL.map((v, i) => (i % 2 === 0 ? v : null))
/** As the values look in JSON. */
const READ = {
  b: true,
  i: -2147483648,
  l: '9223372036854775807',
  f: 1.5,
  d: 0.30000000000000004,
  s: 'Grüße, 世界 🎉 "quoted"\n',
  u: '123e4567-e89b-12d3-a456-426614174000',
  dec4: '-99.99',
  dec18: '123456789012345.678',
  dec38: '-1234567890123456789012345678.9012345678',
  decx: '10000000000.0000000000000000000000000000000000000001',
  da: '1969-12-31',
  tm: '23:59:59.999',
  tu: '23:59:59.999999',
  tsm: '1969-12-31 23:59:59.999+00',
  tsu: '0001-01-01 00:00:00+00',
  tsl: '2023-11-14 22:13:20.123456',
  j: '{"a":12345678901234567890.50}',
  a: [['x', null], [], null],
  as: [
    { list: ['1', null, '-9007199254740993'], toString: [{ key: 'k', value: 1.5 }], constructor: 't' },
    null,
    { list: null, toString: null, constructor: null },
  ],
  m: [
    { key: 'one', value: [1, null] },
    { key: '', value: null },
    { key: 'three', value: [] },
  ],
  n: { list: [], toString: [], constructor: '' },
  made: { x: 7, y: 'made' },
}

const TYPES = {
  b: 'BOOLEAN',
  i: 'INTEGER',
  l: 'BIGINT',
  f: 'FLOAT',
  d: 'DOUBLE',
  s: 'VARCHAR',
  y: 'BLOB',
  u: 'UUID',
  dec4: 'DECIMAL(4,2)',
  dec18: 'DECIMAL(18,3)',
  dec38: 'DECIMAL(38,10)',
  decx: 'VARCHAR',
  da: 'DATE',
  tm: 'TIME',
  tu: 'TIME',
  tsm: 'TIMESTAMP WITH TIME ZONE',
  tsu: 'TIMESTAMP WITH TIME ZONE',
  tsn: 'TIMESTAMP WITH TIME ZONE',
  tsl: 'TIMESTAMP',
  j: 'JSON',
  a: 'VARCHAR[][]',
  as: 'STRUCT(list BIGINT[], toString MAP(VARCHAR, DOUBLE), constructor VARCHAR)[]',
  m: 'MAP(VARCHAR, INTEGER[])',
  n: 'STRUCT(list BIGINT[], toString MAP(VARCHAR, DOUBLE), constructor VARCHAR)',
  made: 'STRUCT(x INTEGER, y VARCHAR)',
}
const ARROW_TYPES = {
  a: 'List<List<Utf8>>',
  as: 'List<Struct<{list:List<Int64>, toString:Map<{key:Utf8, value:Float64}>, constructor:Utf8}>>',
  b: 'Bool',
  d: 'Float64',
  da: 'Date32<DAY>',
  dec18: 'Decimal[18e+3]',
  dec38: 'Decimal[38e+10]',
  dec4: 'Decimal[4e+2]',
  decx: 'Utf8',
  f: 'Float32',
  i: 'Int32',
  j: 'Utf8',
  l: 'Int64',
  m: 'Map<{key:Utf8, value:List<Int32>}>',
  made: 'Struct<{x:Int32, y:Utf8}>',
  n: 'Struct<{list:List<Int64>, toString:Map<{key:Utf8, value:Float64}>, constructor:Utf8}>',
  s: 'Utf8',
  tm: 'Time32<MILLISECOND>',
  tsl: 'Timestamp<MICROSECOND>',
  tsm: 'Timestamp<MILLISECOND, UTC>',
  tsn: 'Timestamp<NANOSECOND, UTC>',
  tsu: 'Timestamp<MICROSECOND, UTC>',
  tu: 'Time64<MICROSECOND>',
  u: 'FixedSizeBinary[16]',
  y: 'Binary',
}

test('Parquet: every type is read back by DuckDB as the type that says the same, every value as it was', async () => {
  const { rows, types } = await parquet(COLUMNS, [FULL, NULLS, MIXED, FULL])
  assert.deepEqual(types, TYPES)
  assert.equal(rows.length, 4)
  for (const [name, value] of Object.entries(READ)) assert.deepEqual(rows[0][name], value, name)
  assert.deepEqual(rows[0]['y'], '\\x00\\xFF\\x0A')
  assert.deepEqual(rows[0]['tsn'], '2023-11-14 22:13:20.123456+00')
  assert.deepEqual(rows[3], rows[0])
  assert.deepEqual(Object.keys(rows[0]), [...Object.keys(COLUMNS).slice(0, -2), 'made'])
  const { made, ...others } = rows[1]
  assert.deepEqual(new Set(Object.values(others)), new Set([null]))
  assert.deepEqual(made, { x: null, y: null })
  for (const [i, name] of Object.keys(COLUMNS).slice(0, -2).entries())
    assert.deepEqual(rows[2][name], i % 2 === 0 ? rows[0][name] : null, name)
})

test('Parquet: what became of the export stands in the footer; a file without rows has its columns', async () => {
  for (const [summary, expected] of [
    [END, { outcome: 'complete', rows: 0 }],
    [{ ...END, outcome: 'error', error: 'Ünfit "x"', badRecords: 2 }, undefined],
  ] as const) {
    const { bytes, outcome } = await fileOf('parquet', COLUMNS, [], summary)
    assert.deepEqual(outcome, expected)
    if (outcome === undefined) continue
    const path = join(folder, `${files++}.parquet`)
    writeFileSync(path, bytes)
    const [said] = await duck(`SELECT decode(value) AS said FROM parquet_kv_metadata('${path}')`)
    assert.deepEqual(JSON.parse(String(said['said'])), outcome)
    assert.deepEqual(await duck(`SELECT * FROM '${path}'`), [])
    assert.equal((await duck(`DESCRIBE SELECT * FROM '${path}'`)).length, Object.keys(READ).length + 2)
  }
})

test('values that a type cannot hold are errors that name the column, and leave the file whole', async () => {
  const cases: readonly (readonly [DataType, Value, RegExp])[] = [
    [{ kind: 'long' }, 9223372036854775808n, /"c" is not a whole number of 64 bits with a sign: 9223372036854775808/],
    [{ kind: 'uuid' }, 'no-uuid', /"c" is not a uuid/],
    [{ kind: 'decimal', precision: 4, scale: 2 }, new Decimal(12345n, 3), /"c" is not a decimal\(4,2\)/],
    [{ kind: 'int' }, 2147483648, /32 bits/],
  ]
  for (const format of ['parquet', 'arrow'] as const)
    for (const [type, value, said] of cases) {
      const rows = function* (): Generator<Value[]> {
        yield ['first', null]
        yield ['second', value]
      }
      await assert.rejects(
        fileOf(format, { a: { kind: 'string' }, c: type }, rows()),
        (e) => e instanceof SqlError && e.code === 'VALUE' && said.test(e.message) && /CAST\(c AS/.test(e.hint ?? ''),
      )
    }
})

test('Arrow: every type and value, and what became of the export in the last batch', async () => {
  const { bytes } = await fileOf('arrow', COLUMNS, [FULL, NULLS, MIXED, FULL])
  const table = tableFromIPC(bytes)
  assert.deepEqual(Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)])), ARROW_TYPES)
  assert.equal(table.numRows, 4)
  const first = table.get(0)
  assert.equal(first?.['l'], 9223372036854775807n)
  assert.equal(first?.['s'], FULL[5])
  assert.deepEqual(JSON.parse(JSON.stringify(first?.['a'])), [['x', null], [], null])
  assert.deepEqual(
    table.schema.fields.map(({ name }) => table.get(1)?.[name]).filter((v) => v !== null).length,
    1,
    'all but the structure that the SELECT list makes',
  )
  const last = [...RecordBatchReader.from(bytes)].at(-1)
  assert.equal(last?.numRows, 0)
  assert.equal(last?.metadata.get('sluice.outcome'), '{"outcome":"complete","rows":4}')
  assert.equal(tableFromIPC((await fileOf('arrow', COLUMNS, [])).bytes).numRows, 0)
})

test('hostile names, equal names after joining, and nesting beyond the limit', async () => {
  const names = ['a"b', "x'; DROP", '', ' ', 'line\nbreak', 'a,b', 'ünï', '=1+1', 'A', 'a']
  const columns = Object.fromEntries(names.map((name) => [name.replaceAll('.', '_'), { kind: 'int' } as DataType]))
  const { rows } = await parquet(columns, [names.map((_, i) => i)])
  assert.deepEqual(
    Object.values(rows[0]),
    names.map((_, i) => i),
  )
  assert.equal(
    tableFromIPC((await fileOf('arrow', columns, [names.map((_, i) => i)])).bytes).schema.fields[4].name,
    'line\nbreak',
  )
  let deep: DataType = { kind: 'long' }
  let value: Value = 1
  for (let i = 0; i < 100; i++) {
    deep = { kind: 'array', element: deep }
    value = [value]
  }
  const path = join(folder, 'deep.parquet')
  writeFileSync(path, (await fileOf('parquet', { deep }, [[value], [null]])).bytes)
  const [described] = await duck(`DESCRIBE SELECT * FROM '${path}'`)
  assert.equal(described['column_type'], `JSON${'[]'.repeat(32)}`)
  const wide: DataType = {
    kind: 'struct',
    fields: Array.from({ length: 30_000 }, (_, i) => ({ name: `f${i}`, type: { kind: 'int' }, nullable: true })),
  }
  await assert.rejects(fileOf('arrow', { wide }, []), /export\.fields/)
})

test('row groups and batches are written as they fill up; large values make one each', async () => {
  const text = 'x'.repeat(16 * 1024 * 1024)
  const { rows } = await parquet(
    { n: { kind: 'int' }, text: { kind: 'string' } },
    [
      [1, text],
      [2, text],
      [3, null],
    ],
    'n, length(text) AS l',
  )
  assert.deepEqual(rows, [
    { n: 1, l: String(text.length) },
    { n: 2, l: String(text.length) },
    { n: 3, l: null },
  ])
  const many = function* (): Generator<Value[]> {
    for (let n = 0; n < 250_000; n++) yield [n, n % 3 === 0 ? null : `t${n}`]
  }
  const summed = await parquet(
    { n: { kind: 'long' }, t: { kind: 'string' } },
    many(),
    'count(*) AS c, sum(n) AS s, count(DISTINCT t) AS d',
  )
  assert.deepEqual(summed.rows, [{ c: '250000', s: '31249875000', d: '166666' }])
  const table = tableFromIPC((await fileOf('arrow', { n: { kind: 'long' }, t: { kind: 'string' } }, many())).bytes)
  assert.equal(table.numRows, 250_000)
  assert.ok(table.batches.length > 2)
  assert.equal(table.get(249_998)?.['t'], 't249998')
})
