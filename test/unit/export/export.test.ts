/** Exports over HTTP on worker threads: text formats, how they end, and who may ask. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually } from '../../support/eventually.ts'
import { exported, open, PATH, read, startWorld, type World } from './server.ts'

const BIG_ROWS = 2000
let world: World
before(async () => {
  world = await startWorld({ 'server.workers': 2 })
  world.append(
    'orders',
    ['{"id":1,"name":"a,\\"b\\"","n":9007199254740993}', '{"id":2,"name":"","deep":{"x":[1,2.50]}}'],
    ['k1', 'k2'],
  )
  world.append('open-empty', ['{"id":1}'])
  for (let i = 0; i < BIG_ROWS; i += 50)
    world.append(
      'big',
      Array.from({ length: 50 }, (_, n) => JSON.stringify({ n: i + n, text: 'x'.repeat(16_000) })),
    )
})
after(() => world.close())

const ask = (sql: string, format: string, more: object = {}) => exported(world.server, { sql, format, ...more })

test('NDJSON holds every row with every digit, and the trailer says that it is complete', async () => {
  const { status, headers, text, outcome } = await ask('SELECT * FROM orders', 'ndjson')
  assert.equal(status, 200)
  assert.equal(headers['content-type'], 'application/x-ndjson')
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(
    text,
    '{"_key":"k1","id":1,"name":"a,\\"b\\"","n":9007199254740993}\n{"_key":"k2","id":2,"name":"","deep":{"x":[1,2.50]}}\n',
  )
  assert.deepEqual(outcome, { outcome: 'complete', rows: 2 })
})

test('JSON is one array, also without rows', async () => {
  const some = await ask('SELECT id AS a.x, name AS a.y FROM orders', 'json')
  assert.deepEqual(JSON.parse(some.text), [{ a: { x: 1, y: 'a,"b"' } }, { a: { x: 2, y: '' } }])
  const none = await ask('SELECT id FROM orders WHERE id = 3', 'json')
  assert.deepEqual([none.text, none.outcome], ['[]\n', { outcome: 'complete', rows: 0 }])
})

test('CSV has a header line, CRLF, quotes where they are needed, and tells NULL from the empty text', async () => {
  const { text } = await ask('SELECT id, name, deep.x AS x, CAST(NULL AS string) AS nothing FROM orders', 'csv')
  assert.equal(text, 'id,name,x,nothing\r\n1,"a,""b""",,\r\n2,"","[1,2.50]",\r\n')
  const named = await ask("SELECT '\\\\N' AS a, CAST(NULL AS string) AS b", 'csv', { null: '\\N' })
  assert.match(named.text, /,\\N\r\n$/)
})

test('CSV: formulas are kept or escaped, numbers never are', async () => {
  const sql = "SELECT '=1+1' AS a, '@x' AS `+b`, -1 AS c, '-1' AS d"
  assert.equal((await ask(sql, 'csv')).text, 'a,+b,c,d\r\n=1+1,@x,-1,-1\r\n')
  assert.equal((await ask(sql, 'csv', { formulas: 'escape' })).text, "a,'+b,c,d\r\n'=1+1,'@x,-1,'-1\r\n")
})

test('what is wrong before the first byte is an ordinary error with the place in the text', async () => {
  const { status, text, outcome } = await ask('SELECT nme, id\nFROM __dual', 'csv')
  assert.deepEqual([status, outcome], [400, undefined])
  const { error } = JSON.parse(text) as { error: string }
  assert.match(error, /nme/)
  assert.match(error, /1 \| SELECT nme, id\n {2}\| {8}\^\^\^/)
  for (const [body, said] of [
    [{ sql: 'SELECT 1', format: 'xls' }, /"format" must be one of csv/],
    [{ format: 'csv' }, /"sql" must be/],
    [{ sql: 'SELECT 1', format: 'csv', null: 'a,b' }, /"null" must be/],
    [{ sql: 'SELECT 1; SELECT 2', format: 'csv' }, /one result/],
    [{ sql: 'SET max.size = "1m"', format: 'csv' }, /no result/],
    [{ sql: 'DROP TABLE orders', format: 'csv' }, /statements that read/],
    [{ sql: 'SELECT CAST(name AS int) AS n FROM orders', format: 'ndjson' }, /./],
  ] as const) {
    const refused = await exported(world.server, body)
    assert.equal(refused.status, 400, JSON.stringify(body))
    assert.match((JSON.parse(refused.text) as { error: string }).error, said)
  }
})

test('a limit in the middle: the file is whole up to there, and trailer and last line say how to read on', async () => {
  const { text, outcome } = await ask("SET max.size = '1m'; SELECT n FROM big", 'ndjson')
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(outcome?.['outcome'], 'limit')
  const stop = (outcome?.['stops'] as { limit: string; source: string; resume: string }[] | undefined)?.[0]
  assert.ok(stop !== undefined)
  assert.deepEqual([stop.limit, stop.source], ['max.size', 'big'])
  assert.deepEqual(lines.at(-1), { $sluice: outcome })
  const rest = await ask(`SET max.size = '1g'; SELECT n FROM big WHERE ${stop.resume}`, 'csv')
  const all = [...lines.slice(0, -1).map(({ n }) => n), ...rest.text.trimEnd().split('\r\n').slice(1).map(Number)]
  assert.deepEqual(
    all,
    Array.from({ length: BIG_ROWS }, (_, n) => n),
  )
  const silent = await ask("SET max.size = '1m'; SELECT n FROM big", 'json', { outcome: 'never' })
  assert.ok((JSON.parse(silent.text) as object[]).every((row) => 'n' in row))
})

test('an error in the middle: the file is whole up to there, and says so', async () => {
  const { status, text, outcome } = await ask(
    "SELECT text, CAST(CASE WHEN n < 1500 THEN '1' ELSE 'no' END AS int) AS q FROM big",
    'ndjson',
  )
  const lines = text.trimEnd().split('\n')
  assert.deepEqual([status, outcome?.['outcome'], outcome?.['rows']], [200, 'error', 1500])
  assert.deepEqual(JSON.parse(lines.at(-1) ?? ''), { $sluice: outcome })
  assert.match(String(outcome?.['error']), /no/)
})

test('a reader that stops holds the scan; KILL QUERY ends the export with a whole file', async () => {
  const response = await open(world.server, { sql: 'SELECT * FROM big', format: 'ndjson' })
  const running = async () => (await ask('SHOW QUERIES', 'ndjson')).text.split('\n').find((l) => l.includes('FROM big'))
  await eventually('it is listed', async () => (await running()) !== undefined)
  const { id } = JSON.parse((await running()) ?? '{}') as { id: string }
  // What it has scanned while nobody reads stays far below the whole: 32 MB.
  assert.equal(world.server.workers?.occupation.threads.flat().length, 1)
  const killed = await fetch(`${world.server.url}/api/v1/sql/execution/${id}`, {
    method: 'DELETE',
    headers: { authorization: `Bearer token-of-anna-0123456789` },
  })
  assert.equal(killed.status, 204)
  const { text, outcome } = await read(response)
  const lines = text.trimEnd().split('\n')
  assert.equal(outcome?.['outcome'], 'error')
  assert.match(String(outcome?.['error']), /anna/)
  assert.ok(Number(outcome?.['rows']) < BIG_ROWS / 2, `${outcome?.['rows']} rows were read for nobody`)
  assert.equal(lines.length, Number(outcome?.['rows']) + 1)
})

test('a client that goes ends its export', async () => {
  const response = await open(world.server, { sql: 'SELECT * FROM big', format: 'csv' })
  assert.equal(world.server.workers?.occupation.threads.flat().length, 1)
  response.destroy()
  await eventually('nothing runs', () => world.server.workers?.occupation.threads.flat().length === 0)
  await eventually('it is logged', () => world.logged.some((line) => line.includes('"cancelled"')))
})

test('environments behind the proxy paths, and who may not', async () => {
  const body = { sql: 'SELECT 1 AS one', format: 'csv' }
  const at = (path: string, token?: string) =>
    exported(world.server, body, { path, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  for (const path of [`/api/v1/environments/demo/proxy${PATH}`, `/environment/demo/proxy${PATH}`])
    assert.equal((await at(path)).text, 'one\r\n1\r\n')
  const ben = 'token-of-ben-0123456789'
  assert.equal((await at(`/api/v1/environments/other/proxy${PATH}`, ben)).status, 403)
  assert.equal((await at(`/api/v1/environments/none/proxy${PATH}`)).status, 404)
  assert.equal((await at(`/api/v1/environments/demo%2F..%2Fother/proxy${PATH}`, ben)).status, 404)
  assert.equal((await at(PATH, 'no-such-token')).status, 401)
  const hidden = await exported(
    world.server,
    { sql: 'SELECT * FROM orders', format: 'csv' },
    { headers: { authorization: `Bearer ${ben}` } },
  )
  assert.equal(hidden.status, 400)
  assert.match(hidden.text, /orders/)
})

test('the name of a file cannot become a header, a path or anything but a name', async () => {
  const name = async (wanted: string) =>
    (await ask('SELECT 1 AS one', 'csv', { name: wanted })).headers['content-disposition']
  assert.equal(await name('orders 2'), `attachment; filename="orders 2.csv"; filename*=UTF-8''orders%202.csv`)
  assert.equal(
    await name('../../etc/x"\r\nSet-Cookie: a=b'),
    `attachment; filename="_.._etc_x___Set-Cookie_ a=b.csv"; filename*=UTF-8''_.._etc_x___Set-Cookie_%20a%3Db.csv`,
  )
  assert.equal(
    await name('Grüße\ud800'),
    `attachment; filename="Gr__e_.csv"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%EF%BF%BD.csv`,
  )
  assert.equal((await ask('SELECT 1', 'csv', { name: 'x'.repeat(201) })).status, 400)
})

test('it counts among the queries of its account', async () => {
  const small = await startWorld({ 'server.workers': 1, 'max.concurrent.queries.per.user': 1 })
  try {
    for (let i = 0; i < 1000; i += 50)
      small.append(
        'big',
        Array.from({ length: 50 }, (_, n) => JSON.stringify({ n: i + n, text: 'x'.repeat(16_000) })),
      )
    const first = await open(small.server, { sql: 'SELECT * FROM big', format: 'csv' })
    const second = await exported(small.server, { sql: 'SELECT 1 AS one', format: 'csv' })
    assert.equal(second.status, 429)
    assert.match(second.text, /max\.concurrent\.queries\.per\.user is 1/)
    assert.deepEqual((await read(first)).outcome, { outcome: 'complete', rows: 1000 })
    assert.equal((await exported(small.server, { sql: 'SELECT 1 AS one', format: 'csv' })).status, 200)
  } finally {
    await small.close()
  }
})

test('a reader that takes nothing for too long loses its export; a thread that ends before the first byte is an error', async () => {
  const worker = new URL('../../support/obedient-worker.ts', import.meta.url)
  const small = await startWorld({ 'server.workers': 1, 'server.stalled.send.timeout': 1000 }, worker)
  try {
    for (let i = 0; i < BIG_ROWS; i += 50)
      small.append(
        'big',
        Array.from({ length: 50 }, (_, n) => JSON.stringify({ n: i + n, text: 'x'.repeat(16_000) })),
      )
    const response = await open(small.server, { sql: 'SELECT * FROM big', format: 'ndjson' })
    await eventually('it was ended', () => small.logged.some((line) => line.includes('server.stalled.send.timeout')))
    await assert.rejects(read(response), /aborted/)
    const thrown = await exported(small.server, { sql: 'SELECT 1 AS one /* THROW */', format: 'parquet' })
    assert.equal(thrown.status, 503)
    assert.match(thrown.text, /Ask again/)
    assert.equal((await exported(small.server, { sql: 'SELECT 1 AS one', format: 'csv' })).text, 'one\r\n1\r\n')
  } finally {
    await small.close()
  }
})
