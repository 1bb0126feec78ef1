/**
 * Exports of every shape of result that SQL makes, in every format; typed files that end in the middle; and inputs that
 * are made to harm.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { RecordBatchReader, tableFromIPC } from 'apache-arrow'
import { eventually } from '../../support/eventually.ts'
import { exported, open, read, startWorld, type World } from './server.ts'

const LAYOUTS = 20_000
const folder = mkdtempSync(join(tmpdir(), 'sluice-results-'))
let world: World
before(async () => {
  world = await startWorld({ 'server.workers': 2 })
  world.append('left', ['{"id":1,"a":"x"}', '{"id":2,"a":null}'], ['k1', 'k2'])
  world.append('right', ['{"id":1,"b":[1,2]}', '{"id":3,"b":{}}'], ['k3', 'k4'])
  for (let i = 0; i < LAYOUTS; i += 1000)
    world.append(
      'layouts',
      Array.from({ length: 1000 }, (_, n) => `{"c${i + n}":${i + n}}`),
    )
  for (let i = 0; i < 2000; i += 50)
    world.append(
      'big',
      Array.from({ length: 50 }, (_, n) => JSON.stringify({ n: i + n, text: 'x'.repeat(16_000) })),
    )
  await world.appendAvro(
    'people',
    {
      type: 'record',
      name: 'Person',
      fields: [
        { name: 'name', type: 'string' },
        { name: 'boss', type: ['null', 'Person'], default: null },
      ],
    },
    [{ name: 'a', boss: { name: 'b', boss: { name: 'c', boss: null } } }],
  )
})
after(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

let files = 0
async function duck(bytes: Buffer, sql: string): Promise<Record<string, unknown>[]> {
  const path = join(folder, `${files++}.parquet`)
  writeFileSync(path, bytes)
  const connection = await (await DuckDBInstance.create()).connect()
  const reader = await connection.runAndReadAll(sql.replaceAll('FILE', `'${path}'`))
  return reader.getRowObjectsJson() as Record<string, unknown>[]
}
const ask = (sql: string, format: string) => exported(world.server, { sql, format })

test('every shape of result is a file in every format, with the same rows', async () => {
  const statements = [
    'SELECT * FROM left',
    'SELECT l.*, r.* FROM left l JOIN right r ON l.id = r.id',
    'SELECT * FROM left l LEFT JOIN right r ON l.id = r.id',
    'SELECT a, count(*) AS c, max(id) AS m FROM left GROUP BY a',
    'SELECT id FROM left UNION ALL SELECT id FROM right',
    'SELECT id, id, id AS `x"y`, a AS `a.b`, a AS a.b FROM left ORDER BY id DESC',
    'SELECT * FROM people',
    'SELECT name, boss.boss.name AS top FROM people',
    'SELECT _meta.offset, _meta.timestamp, _headers, * FROM left',
    'SELECT id FROM left WHERE id > 5',
    'WITH w AS (SELECT id FROM left) SELECT sum(id) / 2 AS half FROM w',
    'SELECT NULL AS nothing, 1.5 AS d, true AS t, CURRENT_TIMESTAMP AS now',
    'SHOW TABLES',
    'DESCRIBE TABLE people',
    'EXPLAIN SELECT * FROM left',
  ]
  for (const sql of statements) {
    const lines = await ask(sql, 'ndjson')
    assert.equal(lines.status, 200, `${sql}: ${lines.text}`)
    const rows = lines.text.split('\n').length - 1
    for (const line of lines.text.trim().split('\n').filter(Boolean)) JSON.parse(line)
    for (const format of ['csv', 'json', 'parquet', 'arrow']) {
      const { status, body, text, outcome } = await ask(sql, format)
      assert.equal(status, 200, `${format} ${sql}: ${status === 200 ? '' : text}`)
      assert.deepEqual(outcome, { outcome: 'complete', rows }, `${format} ${sql}`)
      if (format === 'json') assert.equal((JSON.parse(text) as object[]).length, rows)
      if (format === 'arrow') assert.equal(tableFromIPC(body).numRows, rows)
      if (format === 'parquet')
        assert.deepEqual(await duck(body, 'SELECT count(*) AS c FROM FILE'), [{ c: String(rows) }])
    }
  }
})

test('decimals with different places have a type that holds them all', async () => {
  const two = "CAST('1.25' AS decimal(5, 2))"
  const four = "CAST('-70000.2345' AS decimal(9, 4))"
  const sql = `SELECT ${two} AS d, [${two}, ${four}] AS l, {${two} AS x} AS s FROM __dual
    UNION ALL SELECT CASE WHEN 1 = 2 THEN ${two} ELSE ${four} END, [${four}], {${four} AS x} FROM __dual`
  const file = (await ask(sql, 'parquet')).body
  assert.deepEqual(await duck(file, 'SELECT * FROM FILE'), [
    { d: '1.2500', l: ['1.2500', '-70000.2345'], s: { x: '1.2500' } },
    { d: '-70000.2345', l: ['-70000.2345'], s: { x: '-70000.2345' } },
  ])
  const arrow = tableFromIPC((await ask(sql, 'arrow')).body)
  assert.match(String(arrow.schema), /d: Decimal\[9e\+4\]/)
  assert.equal(arrow.numRows, 2)
})

test('a recursive schema: what is below is JSON', async () => {
  const [row] = await duck((await ask('SELECT * FROM people', 'parquet')).body, 'SELECT * FROM FILE')
  assert.equal(row['name'], 'a')
  assert.match(JSON.stringify(row['boss']), /c/)
})

test('a limit in the middle of a typed file: it is whole up to there, and says so', async () => {
  const sql = "SET max.size = '1m'; SELECT n, text FROM big"
  const { body, outcome } = await ask(sql, 'parquet')
  assert.equal(outcome?.['outcome'], 'limit')
  const [{ said }] = await duck(body, 'SELECT decode(value) AS said FROM parquet_kv_metadata(FILE)')
  assert.deepEqual(JSON.parse(String(said)), outcome)
  const [counted] = await duck(body, 'SELECT count(*) AS c, max(CAST(CAST(n AS varchar) AS int)) AS m FROM FILE')
  assert.deepEqual(counted, { c: String(outcome['rows']), m: Number(outcome['rows']) - 1 })
  const stream = await ask(sql, 'arrow')
  const last = [...RecordBatchReader.from(stream.body)].at(-1)
  assert.deepEqual(JSON.parse(last?.metadata.get('sluice.outcome') ?? ''), stream.outcome)
  assert.equal(tableFromIPC(stream.body).numRows, stream.outcome?.['rows'])
})

test('an error, or KILL, in the middle of a typed file: likewise', async () => {
  const sql = "SELECT text, CAST(CASE WHEN n < 1500 THEN '1' ELSE 'no' END AS int) AS q FROM big"
  const { body, outcome } = await ask(sql, 'parquet')
  assert.deepEqual([outcome?.['outcome'], outcome?.['rows']], ['error', 1500])
  assert.deepEqual(await duck(body, 'SELECT count(*) AS c, sum(q) AS s FROM FILE'), [{ c: '1500', s: '1500' }])
  const response = await open(world.server, { sql: 'SELECT * FROM big', format: 'arrow' })
  const ids = async () =>
    (await ask('SHOW QUERIES', 'ndjson')).text
      .split('\n')
      .filter((line) => line.includes('FROM big'))
      .map((line) => (JSON.parse(line) as { id: string }).id)
  await eventually('it runs', async () => (await ids()).length === 1)
  const kill = { sql: `KILL QUERY '${(await ids())[0]}'`, format: 'csv' }
  assert.equal((await exported(world.server, kill)).status, 400, 'KILL is no result to export')
  await fetch(`${world.server.url}/api/v1/sql/execution/${(await ids())[0]}`, {
    method: 'DELETE',
    headers: { authorization: 'Bearer token-of-anna-0123456789' },
  })
  const killed = await read(response)
  assert.equal(killed.outcome?.['outcome'], 'error')
  assert.equal(tableFromIPC(killed.body).numRows, killed.outcome['rows'])
})

test('records of very many layouts take one column of text, or their own members', async () => {
  const { body } = await ask('SELECT * FROM layouts', 'parquet')
  const [row] = await duck(body, 'SELECT count(*) AS c, count(DISTINCT _value) AS d FROM FILE')
  assert.deepEqual(row, { c: String(LAYOUTS), d: String(LAYOUTS) })
  const lines = (await ask('SELECT * FROM layouts', 'ndjson')).text.trimEnd().split('\n')
  assert.equal(lines[1234], '{"_key":null,"c1234":1234}')
})

test('a line of NDJSON is a row, whatever white space its producer wrote', async () => {
  const values = [
    '{"a": 1, "b": {"c": "x  y"}}',
    '{\r\n  "a" : 2 ,\r\n\t"b" : {\n "c": "\\n {" }\r\n}',
    '\n{"a":3,\n"b":[ ],"b_":\r1.50}\n',
  ]
  world.append('wide', values, ['"k"', '{\n "id": 1 }', '7'])
  const { text } = await ask('SELECT * FROM wide', 'ndjson')
  assert.deepEqual(
    text
      .trimEnd()
      .split(/[\r\n]/)
      .map((line) => (JSON.parse(line) as { a: number }).a),
    [1, 2, 3],
  )
  assert.match(text, /"b_":1.50\}/)
  const inner = (await ask('SELECT b, _key FROM wide WHERE a = 2', 'ndjson')).text
  assert.equal(inner, '{"b":{"c":"\\n {"},"_key":{"id":1}}\n')
  const [row] = JSON.parse((await ask('SELECT b FROM wide WHERE a = 2', 'json')).text) as object[]
  assert.deepEqual(row, { b: { c: '\n {' } })
})

test('a page of another origin cannot export with the cookie of somebody', async () => {
  const body = { sql: 'SELECT 1 AS one', format: 'csv' }
  const headers = { authorization: '', cookie: 'session_id=abc', origin: 'https://elsewhere.example' }
  assert.equal((await exported(world.server, body, { headers })).status, 401)
})

test('a body that is no object, or holds something else, is refused and runs nothing', async () => {
  for (const body of ['[]', '"x"', '{"sql":1,"format":"csv"}', '{"sql":"SELECT 1","format":"__proto__"}', '{'])
    assert.equal((await exported(world.server, body)).status, 400, body)
  assert.equal(world.server.workers?.occupation.threads.flat().length, 0)
})
