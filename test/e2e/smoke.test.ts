/**
 * The tools themselves: real Kafka, real registry, the Java client and kcat agree with each other. Nothing of Sluice
 * runs here; when this fails, the other e2e failures mean nothing.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { registerSchema, sharedCluster, topicName, withoutKcat } from './cluster.ts'
import { kafkaHand, kcatRead, type KafkaHand } from './kafka-hand.ts'

const begun = performance.now()
const cluster = await sharedCluster()
const clusterMs = Math.round(performance.now() - begun)

describe('the real Kafka and registry', { skip: cluster.skip || withoutKcat }, () => {
  let hand: KafkaHand
  const {
    bootstrap,
    saslBootstrap,
    sslBootstrap,
    mtlsBootstrap,
    saslSslBootstrap,
    caFile,
    clientCertFile,
    clientKeyFile,
    users,
    jmxAddress,
  } = cluster.kafka

  before(async () => {
    hand = await kafkaHand(bootstrap)
  })
  after(async () => {
    await hand.close()
  })

  it('starts within a minute', (t) => {
    t.diagnostic(`Kafka ${cluster.kafka.startedMs} ms, both ${clusterMs} ms as this file saw it`)
    assert.ok(clusterMs < 60_000)
  })

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`Java writes ${codec}, kcat reads it: keys, null keys, tombstones, headers, partitions`, async () => {
      const topic = topicName(`smoke-${codec}`)
      await hand.create(topic, { partitions: 2 })
      const records = [
        {
          partition: 0,
          timestamp: 1_678_707_744_267,
          key: 'k1',
          value: 'ünï'.repeat(50),
          headers: [
            ['trace', 'abc'],
            ['empty', null],
          ] as const,
        },
        { partition: 0, timestamp: 1_678_707_744_268, key: null, value: 'keyless' },
        { partition: 1, timestamp: 1_678_707_744_269, key: 'k1', value: null },
      ]
      assert.deepEqual(await hand.produce(topic, records, { codec }), [
        [0, 0],
        [0, 1],
        [1, 0],
      ])
      const seen = (await kcatRead(bootstrap, topic)).sort((a, b) => a.partition - b.partition || a.offset - b.offset)
      assert.deepEqual(
        seen.map(({ partition, offset, ts, key, payload }) => [partition, offset, ts, key, payload]),
        [
          [0, 0, 1_678_707_744_267, 'k1', 'ünï'.repeat(50)],
          [0, 1, 1_678_707_744_268, null, 'keyless'],
          [1, 0, 1_678_707_744_269, 'k1', null],
        ],
      )
      assert.deepEqual(seen[0].headers?.slice(0, 3), ['trace', 'abc', 'empty'])
    })
  }

  it('transactions commit, abort, and stay open', async () => {
    const topic = topicName('smoke-transactions')
    const transactionalId = topic
    await hand.create(topic)
    await hand.produce(topic, [{ value: 'kept' }], { transactionalId, transaction: 'commit' })
    await hand.produce(topic, [{ value: 'dropped' }], { transactionalId, transaction: 'abort' })
    await hand.produce(topic, [{ value: 'pending' }], { transactionalId, transaction: 'open' })
    const [[start, high, stable]] = await hand.offsets(topic)
    assert.deepEqual([start, high, stable], [0, 5, 4])
    assert.deepEqual(
      (await kcatRead(bootstrap, topic, ['-X', 'isolation.level=read_committed'])).map(({ payload }) => payload),
      ['kept'],
    )
    await hand.endTransaction({ transactionalId, transaction: 'commit' })
    assert.deepEqual(
      (await kcatRead(bootstrap, topic, ['-X', 'isolation.level=read_committed'])).map(({ payload }) => payload),
      ['kept', 'pending'],
    )
  })

  it('a compacted topic loses overwritten records, a deleted head moves the start', async () => {
    const topic = topicName('smoke-compacted')
    await hand.create(topic, {
      config: { 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' },
    })
    for (const value of ['first', 'second', 'third']) await hand.produce(topic, [{ key: 'a', value }])
    let left: (string | null)[] = []
    for (let round = 0; round < 40 && left.filter((value) => value !== 'tick').length !== 1; round++) {
      await hand.produce(topic, [{ key: 'tick', value: 'tick' }])
      await new Promise((resolve) => setTimeout(resolve, 300))
      left = (await kcatRead(bootstrap, topic)).map(({ payload }) => payload)
    }
    assert.deepEqual(
      left.filter((value) => value !== 'tick'),
      ['third'],
    )

    const plain = topicName('smoke-head')
    await hand.create(plain)
    await hand.produce(plain, [{ value: '0' }, { value: '1' }, { value: '2' }])
    await hand.deleteRecords(plain, 0, 2)
    assert.deepEqual(
      (await kcatRead(bootstrap, plain)).map(({ offset }) => offset),
      [2],
    )
  })

  it('lets in whom it should, by every listener', async () => {
    const topic = topicName('smoke-security')
    await hand.create(topic)
    await hand.produce(topic, [{ value: 'v' }])
    const login = (mechanism: string, password = users[1].password) => [
      '-X',
      `sasl.mechanism=${mechanism}`,
      '-X',
      `sasl.username=${users[1].name}`,
      '-X',
      `sasl.password=${password}`,
    ]
    const protocol = (name: string) => ['-X', `security.protocol=${name}`]
    const ca = ['-X', `ssl.ca.location=${caFile}`]
    const own = ['-X', `ssl.certificate.location=${clientCertFile}`, '-X', `ssl.key.location=${clientKeyFile}`]
    const read = async (address: string, more: string[]) => (await kcatRead(address, topic, more)).length
    assert.equal(await read(saslBootstrap, [...protocol('sasl_plaintext'), ...login('PLAIN')]), 1, 'PLAIN')
    assert.equal(await read(sslBootstrap, [...protocol('ssl'), ...ca]), 1, 'TLS')
    assert.equal(await read(mtlsBootstrap, [...protocol('ssl'), ...ca, ...own]), 1, 'mutual TLS')
    assert.equal(await read(saslSslBootstrap, [...protocol('sasl_ssl'), ...ca, ...login('PLAIN')]), 1, 'login over TLS')
    await assert.rejects(
      read(saslBootstrap, [...protocol('sasl_plaintext'), ...login('PLAIN', 'wrong')]),
      /transport failure|[Aa]uthentication/,
    )
    await assert.rejects(read(mtlsBootstrap, [...protocol('ssl'), ...ca]))
  })

  // librdkafka before 2.6.1 answers SCRAM with a nonce that brokers refuse since CVE-2024-56128, so this is asked of
  // the Java client and not of kcat.
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    it(`lets in by ${mechanism}`, async () => {
      const jaas = `org.apache.kafka.common.security.scram.ScramLoginModule required username="${users[1].name}" password="${users[1].password}";`
      const own = await kafkaHand(saslBootstrap, {
        'security.protocol': 'SASL_PLAINTEXT',
        'sasl.mechanism': mechanism,
        'sasl.jaas.config': jaas,
      })
      assert.ok(Array.isArray(await own.groups()))
      await own.close()
    })
  }

  it('the broker counts the bytes that it gave out, and knows its groups', async () => {
    const topic = topicName('smoke-counter')
    await hand.create(topic)
    await hand.produce(topic, [{ value: 'x'.repeat(100_000) }])
    const bean = `kafka.server:type=BrokerTopicMetrics,name=BytesOutPerSec,topic=${topic}`
    assert.equal(await hand.counter(jmxAddress, bean), 0)
    await kcatRead(bootstrap, topic)
    assert.ok((await hand.counter(jmxAddress, bean)) > 100_000)
    assert.equal((await hand.groups()).filter((group) => group.includes(topic)).length, 0)
  })

  it('the registry keeps schemas', async () => {
    const id = await registerSchema(cluster.registry.url, `${topicName('smoke')}-value`, {
      type: 'record',
      name: 'R',
      fields: [{ name: 'a', type: 'long' }],
    })
    const kept = (await (await fetch(`${cluster.registry.url}/schemas/ids/${id}`)).json()) as { schema: string }
    assert.equal(JSON.parse(kept.schema).fields[0].name, 'a')
  })
})
