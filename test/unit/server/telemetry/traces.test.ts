/** Traces at a collector: what a span says of a query, whose child it is, and what is never in it. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { connect } from '../../../../src/client/connect.ts'
import { type Broker, startBroker } from '../../../../src/sandbox/broker.ts'
import { BatchWriter } from '../../../../src/sandbox/log/batch-writer.ts'
import { readConfig } from '../../../../src/server/config/config.ts'
import { createLog } from '../../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../../src/server/start.ts'
import { Collector, type CollectedSpan } from '../../../support/collector.ts'
import { AGENT_PATH, ask, BEARER, converse, DEMO_PATH, EVERYTHING, startFixture, TOKEN } from '../fixture.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const SAMPLED = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=opaque' }
const PATIENT = { 'shutdown.traces': '30s' }

let broker: Broker
before(async () => {
  broker = await startBroker()
  const writer = new BatchWriter()
  broker.createTopic('orders')
  for (let n = 0; n < 3; n++) {
    const value = Buffer.from(JSON.stringify({ n, name: `secret-${n}` }))
    writer.add(1_700_000_000_000, null, { buffer: value, length: value.length })
  }
  broker.append('orders', 0, writer.finish())
})
after(() => broker.close())

/** The real engine on worker threads; everything that was traced has arrived when the promise resolves. */
async function traced(
  use: (server: RunningServer) => Promise<void>,
  traces: Record<string, unknown> = {},
): Promise<Collector> {
  const collector = await Collector.start()
  const config = await readConfig({
    server: { port: 0 },
    environments: [{ name: 'demo', kafka: { brokers: [broker.bootstrap] } }],
    serviceAccounts: [{ name: 'ci', token: TOKEN, permissions: EVERYTHING }],
    limits: { 'server.workers': 1, ...PATIENT },
    telemetry: { traces: { endpoint: collector.endpoint, ...traces } },
  })
  const server = await startServer(config, { log: createLog('silent') })
  try {
    await use(server)
  } finally {
    await server.close(0)
    await collector.close()
  }
  return collector
}

const childrenOf = (collector: Collector, { spanId }: CollectedSpan) =>
  collector.spans.filter((span) => span.parentSpanId === spanId)

describe('the span of a query', () => {
  it('has the id of its STATS, what it read and gave, its stages and its sources', async () => {
    let id = ''
    const collector = await traced(async (server) => {
      const { frames } = await converse(
        server,
        DEMO_PATH,
        ask('SELECT n FROM orders WHERE n > 0', { stats: 1 }),
        BEARER,
      )
      const stats = frames.findLast(({ type }) => type === 'STATS')?.data as { id: string }
      id = stats.id
    })
    const query = collector.one('SELECT orders')
    const {
      'sluice.session.id': session,
      'sluice.bytes.read': bytes,
      'sluice.bytes.sent': sent,
      ...rest
    } = query.attributes
    assert.deepEqual(rest, {
      'db.system.name': 'sluice',
      'db.namespace': 'demo',
      'db.operation.name': 'SELECT',
      'db.query.summary': 'SELECT orders',
      'db.response.returned_rows': 2,
      'sluice.query.id': id,
      'sluice.outcome': 'end',
      'sluice.records.read': 3,
      'sluice.bad_records': 0,
    })
    assert.match(String(session), /^[0-9a-f-]{36}$/)
    assert.ok(Number(bytes) > 0 && Number(sent) > 0)
    assert.deepEqual([query.kind, query.failed, query.parentSpanId], ['server', false, undefined])
    assert.equal(query.resource['service.name'], 'sluice')
    assert.deepEqual(
      childrenOf(collector, query).map(({ name, kind }) => `${name} ${kind}`),
      ['wait internal', 'parse internal', 'bind internal', 'optimize internal', 'run internal'],
    )
    const [fetch] = childrenOf(collector, collector.one('run'))
    assert.deepEqual(
      [fetch.name, fetch.kind, fetch.attributes],
      [
        'fetch orders',
        'client',
        {
          'messaging.system': 'kafka',
          'messaging.destination.name': 'orders',
          'messaging.operation.name': 'fetch',
          'messaging.operation.type': 'receive',
          'sluice.partitions': 1,
          'sluice.records.read': 3,
          'sluice.bytes.read': bytes,
        },
      ],
    )
    for (const { startNs, endNs, traceId } of collector.spans) {
      assert.ok(startNs >= query.startNs && endNs <= query.endNs)
      assert.equal(traceId, query.traceId)
    }
  })

  it('holds nothing of the statement, of records or of the account, unless the configuration says so', async () => {
    const sql = "SELECT name FROM orders WHERE name = 'secret-1' AND n = 1"
    const asked = async (server: RunningServer) => void (await converse(server, DEMO_PATH, ask(sql), BEARER))
    const plain = await traced(asked)
    assert.ok(!/secret|WHERE|"ci"/.test(plain.text))
    const masked = await traced(asked, { statement: 'masked', account: true })
    const { attributes } = masked.one('SELECT orders')
    assert.equal(attributes['db.query.text'], 'SELECT name FROM orders WHERE name = ? AND n = ?')
    assert.deepEqual([attributes['user.name'], attributes['sluice.account.kind']], ['ci', 'service account'])
    assert.ok(!masked.text.includes('secret'))
    const full = await traced(asked, { statement: 'full' })
    assert.equal(full.one('SELECT orders').attributes['db.query.text'], sql)
  })

  it('says the code of an error, not its text', async () => {
    const collector = await traced(async (server) => {
      await converse(server, DEMO_PATH, ask("SELECT * FROM orders WHERE 'secret"), BEARER)
      await converse(server, DEMO_PATH, ask('SELECT nothing_like_it FROM nowhere'), BEARER)
    })
    const [broken, unknown] = collector.spans.filter(({ kind }) => kind === 'server')
    assert.deepEqual([broken.name, broken.failed, broken.attributes['error.type']], ['sluice', true, 'SYNTAX'])
    assert.equal(broken.attributes['sluice.outcome'], 'error')
    assert.equal(unknown.attributes['db.response.status_code'], 'UNKNOWN_TABLE')
    assert.ok(childrenOf(collector, unknown).some(({ name, failed }) => name === 'bind' && failed))
    assert.ok(!/secret|nothing_like_it/.test(collector.text))
  })

  it('of several statements has a span for each, and names all', async () => {
    const collector = await traced(async (server) => {
      const sql = 'SET max.size = 1m; SELECT count(*) FROM orders; SELECT (SELECT max(n) FROM orders) AS most'
      await converse(server, DEMO_PATH, ask(sql), BEARER)
    })
    const query = collector.one('SET; SELECT; SELECT orders')
    assert.equal(query.attributes['db.operation.name'], undefined)
    const statements = childrenOf(collector, query).filter(({ name }) => name === 'statement')
    assert.deepEqual(
      statements.map(({ attributes }) => attributes['sluice.statement.index']),
      [0, 1, 2],
    )
    assert.equal(collector.spans.filter(({ name }) => name === 'fetch orders').length, 2)
  })
})

describe('whose child a span is', () => {
  it('a query belongs to the span of the upgrade', async () => {
    const collector = await traced(async (server) => {
      await converse(server, DEMO_PATH, ask('SELECT n FROM orders'), { ...BEARER, ...SAMPLED })
    })
    const { traceId, parentSpanId, traceState } = collector.one('SELECT orders')
    assert.deepEqual([traceId, parentSpanId, traceState], [TRACE, SPAN, 'vendor=opaque'])
  })

  it('a call belongs to that of its request, and the query of an export to the call', async () => {
    const collector = await traced(async (server) => {
      const headers = { ...BEARER, ...SAMPLED, 'content-type': 'application/json' }
      const body = JSON.stringify({ sql: 'SELECT n FROM orders', format: 'ndjson' })
      const answer = await fetch(`${server.url}/api/v1/sql/export`, { method: 'POST', headers, body })
      assert.equal((await answer.text()).trim().split('\n').length >= 3, true)
    })
    const call = collector.one('POST /api/v1/sql/export')
    assert.deepEqual([call.traceId, call.parentSpanId, call.kind], [TRACE, SPAN, 'server'])
    assert.deepEqual(call.attributes, {
      'http.request.method': 'POST',
      'url.scheme': 'http',
      'http.route': '/api/v1/sql/export',
      'http.response.status_code': 200,
    })
    const query = collector.one('SELECT orders')
    assert.equal(query.parentSpanId, call.spanId)
    assert.equal(query.attributes['sluice.export.outcome'], 'complete')
  })

  it('a caller decides whether its trace is kept, the ratio about those that begin here', async () => {
    const dropped = { ...BEARER, traceparent: `00-${TRACE}-${SPAN}-00` }
    const all = await traced(async (server) => void (await converse(server, DEMO_PATH, ask('SHOW TABLES'), dropped)))
    assert.equal(all.requests, 0)
    const none = await traced(
      async (server) => {
        await converse(server, DEMO_PATH, ask('SHOW TABLES'), BEARER)
        await converse(server, DEMO_PATH, ask('SHOW TABLES'), { ...BEARER, ...SAMPLED })
      },
      { ratio: 0 },
    )
    assert.equal(none.one('SHOW').traceId, TRACE)
  })

  it('headers that are too long or wrong are ignored, and harm nothing', async () => {
    const wrong: Record<string, string>[] = [
      { traceparent: '0'.repeat(8000) },
      { traceparent: `${SAMPLED.traceparent}-${'a'.repeat(4000)}` },
      { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01` },
      { traceparent: `00-${TRACE}-${'0'.repeat(16)}-01` },
      { traceparent: `ff-${TRACE}-${SPAN}-01` },
      { traceparent: `00-${TRACE.toUpperCase()}-${SPAN}-01` },
      { traceparent: '' },
      { tracestate: 'a=b' },
    ]
    const collector = await traced(async (server) => {
      for (const headers of wrong) await converse(server, DEMO_PATH, ask('SHOW TABLES'), { ...BEARER, ...headers })
      const state = Array.from({ length: 500 }, (_, i) => `v${i}=x`).join(',')
      await converse(server, DEMO_PATH, ask('SHOW TABLES'), { ...BEARER, ...SAMPLED, tracestate: state })
    })
    const shown = collector.spans.filter(({ name }) => name === 'SHOW')
    assert.equal(shown.length, wrong.length + 1)
    assert.deepEqual(
      shown.map(({ parentSpanId }) => parentSpanId),
      [...wrong.map(() => undefined), SPAN],
    )
    assert.equal(shown.at(-1)?.traceState, undefined)
  })
})

describe('what is sent', () => {
  it('goes with the headers of the configuration, whatever variables for other programs say', async (test) => {
    process.env.OTEL_EXPORTER_OTLP_HEADERS = 'x-elsewhere=1'
    test.after(() => delete process.env.OTEL_EXPORTER_OTLP_HEADERS)
    const collector = await traced(
      async (server) => void (await converse(server, DEMO_PATH, ask('SHOW TABLES'), BEARER)),
      { headers: { Authorization: 'Bearer collector-key' } },
    )
    assert.ok(collector.requests > 0)
    for (const headers of collector.headers) {
      assert.equal(headers.authorization, 'Bearer collector-key')
      assert.match(String(headers['user-agent']), /^sluice\//)
      assert.equal(headers['x-elsewhere'], undefined)
    }
  })

  it('is nothing of calls without a good credential, of the page, of health and metrics', async () => {
    const collector = await traced(async (server) => {
      for (const path of ['/api/topics', '/health', '/metrics', '/', '/api/nothing/there'])
        await (await fetch(server.url + path, { headers: SAMPLED })).text()
      await converse(server, AGENT_PATH, ask('SHOW TABLES', { token: 'nobody-0123456789' }), SAMPLED)
    })
    assert.equal(collector.requests, 0)
  })

  it('is nothing at all without the section', async () => {
    const { server } = await startFixture()
    try {
      await converse(server, DEMO_PATH, ask('anything'), { ...BEARER, ...SAMPLED })
      assert.ok(!(await (await fetch(`${server.url}/metrics`)).text()).includes('sluice_trace_spans_total{'))
    } finally {
      await server.close(0)
    }
  })

  it('the client library works as before', async () => {
    await traced(async (server) => {
      const rows: unknown[] = []
      const client = connect({ url: server.url, environment: 'demo', token: TOKEN })
      for await (const row of client.query('SELECT n FROM orders').rows()) rows.push(row)
      assert.equal(rows.length, 3)
    })
  })
})
