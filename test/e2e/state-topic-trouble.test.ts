/**
 * What goes wrong with the topics that servers share, on a real Kafka: forbidden by its authorizer, cut by deleting
 * records, compacted for good; and a broker that accepts connections and says nothing while a server starts.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { Admin } from '@platformatic/kafka'
import { alterTopicConfig } from '../../src/kafka/admin/alter.ts'
import { createTopic, deleteRecords } from '../../src/kafka/admin/topics.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import { eventually } from '../support/eventually.ts'
import { type SluiceProcess, startSluice, TOKEN } from '../support/sluice-process.ts'
import { type Kafka, sharedCluster, startKafka, topicName } from './cluster.ts'

const { kafka, skip } = await sharedCluster()
const VIEW = (name: string) => `CREATE VIEW ${name} AS SELECT 1 AS n FROM __dual`

type Health = Readonly<Record<'status' | 'stateTopic' | 'serversTopic', string>>
const health = async ({ url }: SluiceProcess): Promise<Health> =>
  (await (await fetch(`${url}/health`)).json()) as Health
const onto = (brokers: string, topic: string, ...more: string[]): string[] => [
  ...['--brokers', brokers, '--environment', 'demo', '--state-topic', topic],
  ...more,
]
const started: SluiceProcess[] = []
after(() => Promise.all(started.map((server) => server.close())))
/** Ends with the tests, also where it should not have begun. */
async function begin(args: readonly string[]): Promise<SluiceProcess> {
  const server = await startSluice(args)
  started.push(server)
  return server
}
async function views(server: SluiceProcess): Promise<string[]> {
  return (await server.values('SHOW VIEWS')).map((row) => (row as { name: string }).name).sort()
}

describe('shared topics on a Kafka with an authorizer', { skip }, () => {
  const topic = topicName('state')
  /** Kafka is asked whether a topic has that name: it has to allow that, too. */
  const view = `\`${topic}-view\``
  let guarded: Kafka
  let admin: Admin
  const READER = ['--sasl-mechanism', 'PLAIN', '--sasl-username', 'reader', '--sasl-password', 'reader-secret']
  /** Kafka's numbers of operations. */
  const OPERATIONS = { READ: 3, WRITE: 4, CREATE: 5, DESCRIBE: 8, DESCRIBE_CONFIGS: 10 } as const

  async function allow(name: string, ...operations: readonly (keyof typeof OPERATIONS)[]): Promise<void> {
    const place = { resourceType: 2, resourceName: name, resourcePatternType: 4 } as const
    const who = { principal: 'User:reader', host: '*', permissionType: 3 } as const
    await admin.createAcls({
      creations: operations.map((operation) => ({ ...place, ...who, operation: OPERATIONS[operation] })),
    })
  }
  const start = () => begin(onto(guarded.saslBootstrap, topic, ...READER))

  before(async () => {
    guarded = await startKafka({
      settings: {
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS;User:admin',
      },
    })
    admin = new Admin({ clientId: 'admin', bootstrapBrokers: [guarded.bootstrap] })
  })
  after(async () => {
    await admin.close()
    await guarded.stop()
  })

  it('each right that is missing is named; with those of the state topic alone a server goes on without the others', async () => {
    await assert.rejects(
      start(),
      /may not use the topic ".*" \(state\.topic\): .*READ, WRITE, DESCRIBE and DESCRIBE_CONFIGS/,
    )
    const cluster = new Cluster({ brokers: [guarded.bootstrap] })
    const config = { 'cleanup.policy': 'compact' }
    await createTopic(cluster, { name: topic, partitions: 1, replication: 1, config })
    cluster.close()
    await allow(topic, 'DESCRIBE')
    await assert.rejects(start(), /configuration of the topic ".*" \(state\.topic\) may not be read.*DESCRIBE_CONFIGS/)
    await allow(topic, 'DESCRIBE_CONFIGS')
    const server = await start()
    try {
      // There is nothing in it that could not be read.
      await eventually('it cannot be followed', async () => (await health(server)).stateTopic === 'down')
      assert.match(
        server.output(),
        /Allow READ, WRITE, DESCRIBE and DESCRIBE_CONFIGS on it.*state topic cannot be read/,
      )
      // As a prefix this allows it on the topic of the servers, too; that one is not there, and may not be created.
      await allow(topic, 'READ')
      await eventually('it is read', async () => (await health(server)).stateTopic === 'up')
      assert.match((await server.ask(VIEW(view))).error ?? '', /takes no change.*not authorized/)
      await eventually('it says that it is alone', async () => (await health(server)).serversTopic === 'down')
      await eventually('the log says which rights', () =>
        /Allow READ, WRITE and DESCRIBE, and CREATE where.*topic of the servers cannot be used/.test(server.output()),
      )
      assert.deepEqual(await server.values('SELECT 1 AS n'), [{ n: 1 }])
      await allow(topic, 'WRITE', 'CREATE')
      await eventually('it hears itself', async () => (await health(server)).serversTopic === 'up')
      assert.equal((await server.ask(VIEW(view))).error, undefined)
    } finally {
      await server.close()
    }
  })
})

describe('a state topic', { skip }, () => {
  it('of which records are deleted is lost for those that run, and said at the next start', async () => {
    const topic = topicName('state')
    const server = await begin(onto(kafka.bootstrap, topic))
    const cluster = new Cluster({ brokers: [kafka.bootstrap] })
    try {
      for (const name of ['cut_a', 'cut_b', 'cut_c']) await server.values(VIEW(name))
      // Kafka deletes no records of a topic that is only compacted.
      await assert.rejects(deleteRecords(cluster, topic, new Map([[0, 2]])), /POLICY_VIOLATION/)
      await alterTopicConfig(cluster, topic, new Map([['cleanup.policy', 'delete']]))
      await deleteRecords(cluster, topic, new Map([[0, 2]]))
      await eventually('it is noticed', async () => (await health(server)).stateTopic === 'lost')
      assert.deepEqual(await views(server), ['cut_a', 'cut_b', 'cut_c'])
      assert.match((await server.ask(VIEW('cut_d'))).error ?? '', /its records before offset 2 were deleted/)
    } finally {
      await server.close()
    }
    await assert.rejects(begin(onto(kafka.bootstrap, topic)), /cleanup\.policy=delete: .* Set cleanup\.policy=compact/)
    await alterTopicConfig(cluster, topic, new Map([['cleanup.policy', 'compact']]))
    cluster.close()
    const again = await begin(onto(kafka.bootstrap, topic))
    try {
      assert.match(again.output(), /does not begin at offset 0/)
      assert.deepEqual(await views(again), ['cut_c'])
      assert.equal((await again.ask(VIEW('cut_d'))).error, undefined)
    } finally {
      await again.close()
    }
  })

  it('that was compacted is whole: for those that run, and for those that start', async () => {
    const topic = topicName('state')
    const described = topicName('described')
    const cluster = new Cluster({ brokers: [kafka.bootstrap] })
    // Compacted at once, a segment a record or two.
    const config = { 'cleanup.policy': 'compact', 'segment.ms': '100', 'min.cleanable.dirty.ratio': '0.01' }
    await createTopic(cluster, { name: topic, partitions: 1, replication: 1, config })
    await createTopic(cluster, { name: described, partitions: 1, replication: 1, config: {} })
    const server = await begin(onto(kafka.bootstrap, topic))
    const describeAs = async (text: string) => {
      const response = await fetch(`${server.url}/api/v1/datasets/kafka/${described}/description`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ description: text }),
      })
      assert.ok(response.ok, await response.text())
    }
    const log = createKafkaLog(cluster)
    const isolation = 'read_committed'
    const firstOffset = async (): Promise<number> => {
      const [{ start, end }] = await log.bounds(topic, [0], { isolation, timeoutMs: 10_000 })
      assert.equal(start, 0, 'compaction leaves the beginning as it is')
      const ranges = [{ partition: 0, start, end }]
      const source = log.scan({ topic, ranges, isolation }, AbortSignal.timeout(10_000))
      const batch = await source.next()
      source.close()
      return batch?.baseOffset ?? 0
    }
    let n = 0
    await eventually('the first records are gone', async () => {
      await describeAs(`text ${++n}`)
      return (await firstOffset()) > 0
    })
    assert.equal((await health(server)).stateTopic, 'up')
    await describeAs('the last')
    await server.close()
    const again = await begin(onto(kafka.bootstrap, topic))
    try {
      assert.doesNotMatch(again.output(), /passed over|begin at/)
      const response = await fetch(`${again.url}/api/v1/datasets/kafka/${described}`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      })
      assert.match(await response.text(), /the last/)
    } finally {
      await again.close()
      cluster.close()
    }
  })

  it('behind a broker that is silent at the start is read once it speaks', async () => {
    const [host, port] = kafka.bootstrap.split(':')
    let speaks = false
    const held = new Set<Socket>()
    // Whoever connects is not answered, until the broker behind it is let in.
    const gate = createServer((socket) => {
      held.add(socket)
      socket.on('error', () => undefined).on('close', () => held.delete(socket))
      if (!speaks) return
      const behind = connect(Number(port), host)
      behind.on('error', () => socket.destroy())
      socket.on('close', () => behind.destroy())
      socket.pipe(behind).pipe(socket)
    })
    gate.listen(0, '127.0.0.1')
    await once(gate, 'listening')
    const server = await begin(
      onto(`127.0.0.1:${(gate.address() as AddressInfo).port}`, topicName('state'), '--log-level', 'info'),
    )
    try {
      const { status, stateTopic } = await health(server)
      assert.deepEqual([status, stateTopic], ['degraded', 'down'])
      assert.match(server.output(), /the state topic cannot be read/)
      speaks = true
      for (const socket of held) socket.destroy()
      await eventually('it is read', async () => (await health(server)).stateTopic === 'up')
      await eventually('it hears itself', async () => (await health(server)).serversTopic === 'up')
      assert.equal((await server.ask(VIEW('v'))).error, undefined)
    } finally {
      await server.close()
      for (const socket of held) socket.destroy()
      gate.close()
    }
  })
})
