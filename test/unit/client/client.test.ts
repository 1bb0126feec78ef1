import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { ConnectionError, connect, QueryError, IncompleteError, type QueryEvent } from '../../../src/client/connect.ts'
import { memberText, parseJson, stringifyJson } from '../../../src/lib/text/lossless-json.ts'
import type { Line } from '../../../src/client/line.ts'
import { openLine } from '../../../src/client/line-browser.ts'
import { error, record, sentinel } from '../../../src/protocol/frames.ts'
import { startFixture, summary, TOKEN } from '../server/fixture.ts'

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

test('whole numbers beyond 2^53 are read and written exactly', () => {
  const text =
    '{"Timestamp":1491318144456507320,"small":12,"min":-9223372036854775808,"double":1234567890123456.75,"e":1e300,"s":"1491318144456507320"}'
  const value = parseJson(text)
  assert.deepEqual(value, {
    Timestamp: 1491318144456507320n,
    small: 12,
    min: -9223372036854775808n,
    double: 1234567890123456.8,
    e: 1e300,
    s: '1491318144456507320',
  })
  assert.equal(
    stringifyJson(value),
    text.replace('1e300', '1e+300').replace('1234567890123456.75', '1234567890123456.8'),
  )
})

test('the text of a member is what stands there', () => {
  const text =
    '{"type":"RECORD","data":{"key":{"value":1},"value":{"a":"}\\",","d":-128.0,"n":[1,{"x":2}]},"rownum":0},"rowId":null}'
  const data = memberText(text, 'data')
  assert.equal(data, '{"key":{"value":1},"value":{"a":"}\\",","d":-128.0,"n":[1,{"x":2}]},"rownum":0}')
  assert.equal(memberText(data, 'value'), '{"a":"}\\",","d":-128.0,"n":[1,{"x":2}]}')
  assert.equal(memberText(data, 'rownum'), '0')
  assert.equal(memberText(text, 'rowId'), 'null')
  assert.equal(memberText(text, 'nothing'), undefined)
  assert.equal(memberText('{}', 'value'), undefined)
})

test('events and rows, with and without an environment', async () => {
  const { server } = await startFixture()
  try {
    for (const environment of [undefined, 'prod']) {
      const client = connect({ url: server.url, environment, token: TOKEN })
      assert.deepEqual(await collect(client.query('SELECT 1').rows()), ['SELECT 1', 'SELECT 1'])
      const events: QueryEvent[] = await collect(client.query('SELECT 2'))
      assert.deepEqual(
        events.map((e) => e.type),
        ['RECORD', 'RECORD'],
      )
      assert.equal(events[0].text, record('"SELECT 2"', 0, 'row-0', null))
    }
  } finally {
    await server.close()
  }
})

test('the way of browsers: no headers, the token in the first message', async () => {
  const { server } = await startFixture()
  try {
    const said: string[] = []
    const code = await new Promise<number>((resolve) => {
      const line: Line = openLine(
        `${server.url.replace('http', 'ws')}/api/ws/v2/sql/execute?environment=prod`,
        { Authorization: 'not sent' },
        {
          opened: () => line.send(JSON.stringify({ sql: 'SELECT 1', token: TOKEN })),
          message: (text) => said.push(text),
          closed: resolve,
        },
      )
    })
    assert.equal(code, 1000)
    assert.equal(said.length, 3)
  } finally {
    await server.close()
  }
  const failure = await new Promise<Error | undefined>((resolve) => {
    openLine(
      server.url.replace('http', 'ws'),
      {},
      { opened: () => undefined, message: () => undefined, closed: (_code, cause) => resolve(cause) },
    )
  })
  assert.ok(failure instanceof ConnectionError)
})

test('rows() of a result that was cut gives all its rows, then says so; with `partial` it just ends', async () => {
  const { server } = await startFixture(async (_request, _environment, sink) => {
    sink.send(record('{"a":1}', 0, 'r', null))
    sink.send(sentinel({ type: 'LIMIT', source: 't', sourceId: 's', amount: 10_000 }))
    return summary()
  })
  try {
    const client = connect({ url: server.url, token: TOKEN })
    const seen: unknown[] = []
    const read = async () => {
      for await (const row of client.query('SELECT * FROM t').rows()) seen.push(row)
    }
    await assert.rejects(
      read,
      (e: unknown) =>
        e instanceof IncompleteError &&
        e.reason.type === 'LIMIT' &&
        /cut at 10000 rows, as the query has no LIMIT/.test(e.message),
    )
    assert.deepEqual(seen, [{ a: 1 }])
    assert.deepEqual(await collect(client.query('SELECT * FROM t').rows({ partial: true })), [{ a: 1 }])
  } finally {
    await server.close()
  }
})

test('an ERROR of the server is an event, and thrown by rows()', async () => {
  const { server } = await startFixture(async (_request, _environment, sink) => {
    sink.send(error('Unknown table "x".'))
    return summary({ outcome: 'error' })
  })
  try {
    const client = connect({ url: server.url, token: TOKEN })
    assert.deepEqual(
      (await collect(client.query('SELECT 1'))).map((e) => e.data),
      ['Unknown table "x".'],
    )
    await assert.rejects(collect(client.query('SELECT 1').rows()), new QueryError('Unknown table "x".'))
  } finally {
    await server.close()
  }
})

test('refused, unreachable, cut: a ConnectionError that says so', async () => {
  const { server } = await startFixture(async (_request, _environment, _sink, signal) => {
    await once(signal, 'abort')
    return summary({ outcome: 'cancelled' })
  })
  const refused = connect({ url: server.url, environment: 'demo', token: 'wrong' }).query('SELECT 1')
  await assert.rejects(
    collect(refused),
    (e) => e instanceof ConnectionError && e.status === 401 && /bearer key is not valid/.test(e.message),
  )
  const { url } = server
  await server.close()
  await assert.rejects(
    collect(connect({ url, token: TOKEN }).query('SELECT 1')),
    (e) => e instanceof ConnectionError && /ECONNREFUSED/.test(e.message),
  )
})

/** Reads on after `each` event; gives their number. */
async function counted(events: AsyncIterable<unknown>, each: () => void): Promise<number> {
  let n = 0
  for await (const _ of events) {
    n++
    each()
  }
  return n
}

test('cancel(), the signal and leaving the loop all stop the query on the server', async () => {
  let aborts = 0
  const { server } = await startFixture(async (_request, _environment, sink, signal) => {
    sink.send(record('1', 0, 'r', null))
    await once(signal, 'abort')
    aborts++
    return summary({ outcome: 'cancelled' })
  })
  try {
    const client = connect({ url: server.url, token: TOKEN })
    const first = client.query('SELECT 1')
    assert.equal(await counted(first, () => first.cancel()), 1)
    const controller = new AbortController()
    assert.equal(await counted(client.query('SELECT 1', { signal: controller.signal }), () => controller.abort()), 1)
    for await (const event of client.query('SELECT 1')) {
      assert.equal(event.type, 'RECORD')
      break
    }
    for (let i = 0; i < 100 && aborts < 3; i++) await wait(10)
    assert.equal(aborts, 3)
  } finally {
    await server.close()
  }
})

test('a reader that is slow slows the server down, and loses nothing', async () => {
  let sent = 0
  const total = 30_000
  const { server } = await startFixture(async (_request, _environment, sink) => {
    for (; sent < total; sent++) {
      sink.send(record(JSON.stringify('z'.repeat(1000)), sent, 'r', null))
      await sink.drained()
    }
    return summary()
  })
  try {
    const rows = connect({ url: server.url, token: TOKEN }).query('SELECT 1')[Symbol.asyncIterator]()
    await rows.next()
    await wait(300)
    assert.ok(sent < total, `all ${sent} rows were sent to somebody who reads none`)
    let count = 1
    while (!(await rows.next()).done) count++
    assert.equal(count, total)
  } finally {
    await server.close()
  }
})

test('a result is read once; a signal that lives on holds nothing of a query that has ended', async () => {
  const { server } = await startFixture()
  try {
    const { signal } = new AbortController()
    for (const end of ['read', 'cancelled'] as const) {
      const query = connect({ url: server.url, token: TOKEN }).query('SELECT 1', { signal })
      assert.equal(getEventListeners(signal, 'abort').length, 1)
      if (end === 'read') {
        const first = collect(query)
        await assert.rejects(collect(query.rows()), new Error('The result of a query can be read once.'))
        assert.equal((await first).length, 2)
        await assert.rejects(collect(query.texts()), /can be read once/)
      } else query.cancel()
      assert.equal(getEventListeners(signal, 'abort').length, 0)
    }
  } finally {
    await server.close()
  }
})
