import assert from 'node:assert/strict'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Cluster } from '../../../src/kafka/cluster.ts'
import { type ClusterConfig, parseAddress } from '../../../src/kafka/config.ts'
import { Connection } from '../../../src/kafka/wire/connection.ts'
import { KafkaError } from '../../../src/kafka/log.ts'
import { API } from '../../../src/kafka/wire/primitives.ts'
import { FakeCluster } from '../../wire/fake-broker.ts'

async function fake(t: TestContext): Promise<FakeCluster> {
  const cluster = await FakeCluster.start()
  t.after(() => cluster.stop())
  return cluster
}

/** A server that does `act` with each connection. */
async function server(t: TestContext, act: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const listening = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    act(socket)
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    listening.close()
  })
  return (listening.address() as AddressInfo).port
}

async function refusal(port: number, config: Partial<ClusterConfig> = {}): Promise<KafkaError> {
  const error = await Connection.open({ host: '127.0.0.1', port }, { brokers: [], ...config }).then(
    (connection) => {
      connection.close()
      return new Error('it connected')
    },
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof KafkaError, String(error))
  return error
}

test('addresses', () => {
  assert.deepEqual(parseAddress('kafka.example:9094'), { host: 'kafka.example', port: 9094 })
  assert.deepEqual(parseAddress('SASL_SSL://kafka:1'), { host: 'kafka', port: 1 })
  assert.deepEqual(parseAddress('[::1]:99'), { host: '::1', port: 99 })
  assert.deepEqual(parseAddress('kafka'), { host: 'kafka', port: 9092 })
  for (const bad of ['', 'a b', 'host:0', 'host:70000', 'host:x', '::1:99'])
    assert.equal(parseAddress(bad), undefined, bad)
  assert.throws(() => new Cluster({ brokers: ['a:b'] }), /"a:b" is not a broker address/)
  assert.throws(() => new Cluster({ brokers: [] }), /no broker address/)
})

test('nobody listens', async (t) => {
  const port = await server(t, () => undefined)
  const gone = await server(t, () => undefined)
  assert.ok(port !== gone)
  const error = await refusal(1)
  assert.equal(error.errorName, 'CONNECTION_REFUSED')
  assert.match(error.message, /127\.0\.0\.1:1: connection refused/)
  assert.equal(error.retriable, true)
})

test('a listener that is no Kafka, or expects TLS', async (t) => {
  const http = await refusal(
    await server(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
  )
  assert.match(http.message, /answers with HTTP/)
  const alert = await refusal(
    await server(t, (socket) => socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 50])))),
  )
  assert.equal(alert.errorName, 'TLS_EXPECTED')
  const silent = await refusal(await server(t, (socket) => socket.once('data', () => socket.destroy())))
  assert.equal(silent.errorName, 'CONNECTION_LOST')
  assert.match(silent.message, /may expect TLS/)
})

test('TLS to a plaintext listener', async (t) => {
  const closing = await refusal(await server(t, (socket) => socket.once('data', () => socket.end())), { tls: true })
  assert.equal(closing.errorName, 'TLS_FAILED')
  assert.match(closing.message, /is it a plaintext listener\?/)
  const talking = await refusal(
    await server(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    { tls: {} },
  )
  assert.equal(talking.errorName, 'TLS_FAILED')
})

test('a broker that accepts and says nothing', async (t) => {
  const error = await refusal(await server(t, () => undefined), { connectTimeoutMs: 50 })
  assert.equal(error.errorName, 'CONNECT_TIMEOUT')
  assert.match(error.message, /within 50 ms \(kafka\.connect\.timeout\)/)
})

test('a broker that stops answering', async (t) => {
  const cluster = await fake(t)
  cluster.fault = ({ api }) => (api === API.metadata ? 'silent' : undefined)
  const client = new Cluster({ brokers: cluster.addresses, requestTimeoutMs: 60 })
  t.after(() => client.close())
  await assert.rejects(
    client.listing(),
    (error: unknown) =>
      error instanceof KafkaError &&
      error.errorName === 'REQUEST_TIMEOUT' &&
      /not answered Metadata within 60 ms \(kafka\.request\.timeout\)/.test(error.message),
  )
})

test('an answer in tiny pieces is no timeout as long as bytes come', async (t) => {
  const cluster = await fake(t)
  cluster.add('t', [[]])
  cluster.fault = ({ api }) => (api === API.metadata ? { trickle: 1 } : undefined)
  const client = new Cluster({ brokers: cluster.addresses, requestTimeoutMs: 60 })
  t.after(() => client.close())
  assert.equal((await client.listing()).topics.length, 1)
})

test('versions: none in common, and an API the broker does not have', async (t) => {
  const cluster = await fake(t)
  cluster.versions = [[API.metadata, 12, 20]]
  const client = new Cluster({ brokers: cluster.addresses })
  t.after(() => client.close())
  await assert.rejects(
    client.listing(),
    /Metadata is needed in a version from 4 to 10, the broker offers versions 12 to 20/,
  )
  await assert.rejects(
    client.topicConfig('t'),
    /DescribeConfigs is needed in a version from 1 to 3, the broker does not offer it/,
  )
})

test('answers in the wrong order, too long, or unreadable', async (t) => {
  const cluster = await fake(t)
  const wrong = Buffer.alloc(20)
  wrong.writeInt32BE(16)
  wrong.writeInt32BE(4711, 4)
  const replies: Record<string, Buffer> = { order: wrong, long: Buffer.from([0x7f, 0, 0, 0]) }
  for (const [reply, message] of [
    ['order', /answered request 4711 where 2 was due/],
    ['long', /response of 2130706432 bytes is over the limit of 268435456 bytes/],
  ] as const) {
    cluster.fault = ({ api }) => (api === API.metadata ? { replace: replies[reply] } : undefined)
    const client = new Cluster({ brokers: cluster.addresses })
    t.after(() => client.close())
    await assert.rejects(client.listing(), message)
  }
  cluster.fault = ({ api }) => {
    const bytes = Buffer.alloc(12, 0x7f)
    bytes.writeInt32BE(8)
    bytes.writeInt32BE(2, 4)
    return api === API.metadata ? { replace: bytes } : undefined
  }
  const client = new Cluster({ brokers: cluster.addresses })
  t.after(() => client.close())
  await assert.rejects(client.listing(), /the answer to Metadata v7 cannot be read/)
})

test('SASL: the wrong mechanism, and the broker’s own words', async (t) => {
  const cluster = await fake(t)
  const scram = { mechanism: 'SCRAM-SHA-256', username: 'u', password: 'secret-word' } as const
  assert.match(
    (await refusal(cluster.ports[0], { sasl: scram })).message,
    /does not offer SCRAM-SHA-256; it offers PLAIN \(UNSUPPORTED_SASL_MECHANISM\)/,
  )
  cluster.sasl = () => [58, 'Authentication failed: Invalid username or password', Buffer.alloc(0)]
  const error = await refusal(cluster.ports[0], { sasl: { ...scram, mechanism: 'PLAIN' } })
  assert.equal(error.code, 58)
  assert.match(error.message, /Invalid username or password \(SASL_AUTHENTICATION_FAILED\)/)
  assert.ok(!error.message.includes('secret-word'))
  cluster.mechanisms = ['SCRAM-SHA-256']
  cluster.sasl = () => [0, null, Buffer.from('r=rogue,s=c2FsdA==,i=4096')]
  assert.match((await refusal(cluster.ports[0], { sasl: scram })).message, /nonce does not continue ours/)
})

test('a listener that wants SASL and closes on the first request', async (t) => {
  const cluster = await fake(t)
  cluster.fault = ({ api }) => (api === API.metadata ? 'drop' : undefined)
  const client = new Cluster({ brokers: cluster.addresses })
  t.after(() => client.close())
  await assert.rejects(client.listing(), /may require SASL, which is not configured/)
})

test('opening can be aborted', async (t) => {
  const port = await server(t, () => undefined)
  const stop = new AbortController()
  const opening = Connection.open({ host: '127.0.0.1', port }, { brokers: [] }, stop.signal)
  stop.abort(new Error('enough'))
  await assert.rejects(opening, /enough/)
})

test('the next configured broker is asked when the first does not answer; all failures are told', async (t) => {
  const cluster = await fake(t)
  cluster.add('t', [[]])
  const client = new Cluster({ brokers: ['127.0.0.1:1', ...cluster.addresses] })
  t.after(() => client.close())
  assert.deepEqual((await client.metadata(['t'])).topics[0].partitions[0], {
    partition: 0,
    leader: 0,
    leaderEpoch: 0,
    replicas: [0],
    inSync: [0],
    error: 0,
  })
  const none = new Cluster({ brokers: ['127.0.0.1:1', '127.0.0.1:2'] })
  await assert.rejects(
    none.listing(),
    /No broker can be used\. .*127\.0\.0\.1:1: connection refused.*127\.0\.0\.1:2: connection refused/,
  )
})

test('a listing shows what was there when it was asked for; many questions at once are two', async (t) => {
  const cluster = await fake(t)
  cluster.add('old', [[]])
  const client = new Cluster({ brokers: cluster.addresses })
  t.after(() => client.close())
  const names = async (options?: { maxAgeMs: number }) =>
    (await client.listing(options)).topics.map((topic) => topic.name)
  assert.deepEqual(await names(), ['old'])
  const asked = () => client.requests.get('Metadata') ?? 0
  const before = asked()
  // The first answer is on its way when the topic comes: those who ask afterwards may not be given it.
  let early: Promise<string[]> | undefined
  await new Promise<void>((resolve) => {
    cluster.fault = ({ api }) => {
      if (api === API.metadata) resolve()
      return { delayMs: 30 }
    }
    early = names()
  })
  cluster.add('young', [[]])
  const late = await Promise.all(Array.from({ length: 50 }, () => names()))
  for (const list of late) assert.deepEqual(list, ['old', 'young'])
  assert.deepEqual(await early, ['old'])
  assert.equal(asked() - before, 2)
  cluster.add('youngest', [[]])
  assert.deepEqual(await names({ maxAgeMs: 60_000 }), ['old', 'young'])
  assert.deepEqual(await names(), ['old', 'young', 'youngest'])
})

test('a listing that fails, fails those who waited for it; the next one is asked again', async (t) => {
  const cluster = await fake(t)
  cluster.add('t', [[]])
  const client = new Cluster({ brokers: cluster.addresses })
  t.after(() => client.close())
  let failures = 2
  cluster.fault = ({ api }) => (api === API.metadata && failures-- > 0 ? 'drop' : undefined)
  const outcomes = await Promise.allSettled([client.listing(), client.listing(), client.listing()])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  assert.equal((await client.listing()).topics.length, 1)
})
