/**
 * The sandbox broker with other people's clients: kcat (librdkafka), Kafka's own Java tools, and @platformatic/kafka
 * write to it, read from it, and administer it. Whatever one writes another must read: nobody here is asked whether he
 * agrees with himself only.
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import {
  Admin,
  Consumer,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { java, kafkaLibraries, kcat, Unavailable } from '../../scripts/provision.ts'
import { startBroker, type Broker } from '../../src/sandbox/broker.ts'
import { kafkaHand, kcatRead, type KafkaHand } from './kafka-hand.ts'

const run = promisify(execFile)

/** False, or why the tests that need these tools are skipped. */
async function lacking(...tools: readonly (() => Promise<unknown>)[]): Promise<string | false> {
  try {
    await Promise.all(tools.map((tool) => tool()))
    return false
  } catch (error) {
    if (error instanceof Unavailable) return error.message
    throw error
  }
}

/** Runs a program with text on its standard input and gives its standard output. */
async function feed(command: string, args: readonly string[], input: string): Promise<string> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
    child.stdin.end(input)
  })
  assert.equal(code, 0, `${command} ${args.join(' ')}\n${errors}`)
  return output
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '')
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

describe('kcat and the sandbox', { skip: await lacking(kcat) }, () => {
  let broker: Broker
  before(async () => {
    broker = await startBroker()
  })
  after(() => broker.close())

  it('lists topics, partitions and leaders', async () => {
    broker.createTopic('listed', { partitions: 3 })
    const { stdout } = await run('kcat', ['-L', '-J', '-b', broker.bootstrap])
    const listed = JSON.parse(stdout) as {
      brokers: unknown[]
      topics: { topic: string; partitions: { leader: number }[] }[]
    }
    assert.equal(listed.brokers.length, 1)
    assert.deepEqual(
      listed.topics.find((topic) => topic.topic === 'listed')?.partitions.map((partition) => partition.leader),
      [1, 1, 1],
    )
  })

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    it(`writes and reads ${codec}, idempotently`, async () => {
      const topic = `kcat-${codec}`
      broker.createTopic(topic)
      const sent = numbered('value ', 5000)
      await feed(
        'kcat',
        [
          '-P',
          '-b',
          broker.bootstrap,
          '-t',
          topic,
          '-z',
          codec,
          '-X',
          'enable.idempotence=true',
          '-X',
          'batch.size=20000',
        ],
        `${sent.join('\n')}\n`,
      )
      assert.equal(broker.store.partition(topic, 0)?.end, 5000)
      assert.deepEqual(
        (await kcatRead(broker.bootstrap, topic)).map((record) => record.payload),
        sent,
      )
    })
  }

  it('writes without waiting for an answer (acks 0)', async () => {
    broker.createTopic('acks0')
    await feed('kcat', ['-P', '-b', broker.bootstrap, '-t', 'acks0', '-X', 'acks=0'], 'a\nb\n')
    assert.deepEqual(
      (await kcatRead(broker.bootstrap, 'acks0')).map((record) => record.payload),
      ['a', 'b'],
    )
  })

  it('reads from an offset, from a time, and from the end backwards', async () => {
    broker.createTopic('places')
    await feed('kcat', ['-P', '-b', broker.bootstrap, '-t', 'places'], `${numbered('', 100).join('\n')}\n`)
    const read = async (...more: string[]) =>
      lines((await run('kcat', ['-C', '-q', '-e', '-b', broker.bootstrap, '-t', 'places', ...more])).stdout)
    assert.deepEqual(await read('-o', '97'), ['97', '98', '99'])
    assert.deepEqual(await read('-o', '-2'), ['98', '99'])
    assert.equal((await read('-o', 's@1000')).length, 100)
    const { stdout } = await run('kcat', ['-Q', '-b', broker.bootstrap, '-t', 'places:0:-1', '-t', 'places:0:-2'])
    assert.match(stdout, /places \[0\] offset (100|0)/)
  })

  it('consumes in a group, which commits and goes on where it was', async () => {
    broker.createTopic('grouped', { partitions: 2 })
    const group = async () =>
      lines(
        (
          await run(
            'kcat',
            ['-G', 'kcat-group', '-q', '-e', '-b', broker.bootstrap, '-X', 'auto.offset.reset=earliest', 'grouped'],
            { timeout: 30_000 },
          )
        ).stdout,
      )
    await feed('kcat', ['-P', '-b', broker.bootstrap, '-t', 'grouped'], 'a\nb\nc\n')
    assert.deepEqual((await group()).sort(), ['a', 'b', 'c'])
    await feed('kcat', ['-P', '-b', broker.bootstrap, '-t', 'grouped'], 'd\n')
    assert.deepEqual(await group(), ['d'])
  })

  it('follows a leader that moves, and a broker that comes back', async () => {
    broker.createTopic('moving')
    const write = (text: string) => feed('kcat', ['-P', '-b', broker.bootstrap, '-t', 'moving'], text)
    await write('one\n')
    broker.moveLeader('moving', 0, 2)
    await write('two\n')
    await broker.restart(50)
    broker.moveLeader('moving', 0, 1)
    await write('three\n')
    assert.deepEqual(
      (await kcatRead(broker.bootstrap, 'moving')).map((record) => record.payload),
      ['one', 'two', 'three'],
    )
  })

  it('reads on through dropped, cut, slow and dribbling answers', async () => {
    broker.createTopic('rough')
    const sent = numbered('record ', 3000)
    await feed('kcat', ['-P', '-b', broker.bootstrap, '-t', 'rough', '-X', 'batch.size=4000'], `${sent.join('\n')}\n`)
    broker.faults.set(
      { kind: 'drop', api: 'Fetch' },
      { kind: 'truncate', api: 'Fetch', bytes: 1000 },
      { kind: 'delay', api: 'Fetch', ms: 200 },
      { kind: 'error', api: 'Fetch', code: 6 },
    )
    broker.faults.set({ kind: 'dribble', api: 'Fetch', bytes: 777 })
    const seen = await kcatRead(broker.bootstrap, 'rough', [
      '-X',
      'fetch.message.max.bytes=8000',
      '-X',
      'reconnect.backoff.ms=10',
    ])
    assert.deepEqual(
      seen.map((record) => record.payload),
      sent,
    )
    for (const kind of ['drop', 'truncate', 'delay', 'error', 'dribble'] as const)
      assert.equal(broker.faults.acted(kind), 1, kind)
    broker.faults.clear()
  })
})

describe("Kafka's Java tools and the sandbox", { skip: await lacking(java, kafkaLibraries, kcat) }, () => {
  let broker: Broker
  let hand: KafkaHand
  before(async () => {
    broker = await startBroker()
    hand = await kafkaHand(broker.bootstrap)
  })
  after(async () => {
    await hand.close()
    await broker.close()
  })

  /** One of Kafka's command-line tools, as its shell scripts start it. */
  async function tool(name: string, args: readonly string[], input = ''): Promise<string> {
    const options = [
      '-Xmx256m',
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
      '-cp',
      join(await kafkaLibraries(), '*'),
    ]
    return await feed(await java(), [...options, name, '--bootstrap-server', broker.bootstrap, ...args], input)
  }

  it('the console producer writes, the console consumer reads (in a group and without)', async () => {
    broker.createTopic('console', { partitions: 2 })
    const sent = numbered('line ', 500)
    await tool(
      'org.apache.kafka.tools.ConsoleProducer',
      ['--topic', 'console', '--property', 'parse.key=true', '--property', 'key.separator=:'],
      sent.map((line, i) => `k${i}:${line}\n`).join(''),
    )
    const consumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
    const common = ['--topic', 'console', '--from-beginning', '--max-messages', '500', '--timeout-ms', '20000']
    assert.deepEqual(lines(await tool(consumer, [...common, '--group', 'console-group'])).sort(), [...sent].sort())
    const one = lines(
      await tool(consumer, [
        '--topic',
        'console',
        '--partition',
        '1',
        '--offset',
        'earliest',
        '--max-messages',
        '5',
        '--timeout-ms',
        '20000',
      ]),
    )
    assert.equal(one.length, 5)
  })

  it('the console consumer reads what kcat wrote, compressed', async () => {
    broker.createTopic('from-kcat')
    const sent = numbered('value ', 2000)
    await feed('kcat', ['-P', '-b', broker.bootstrap, '-t', 'from-kcat', '-z', 'lz4'], `${sent.join('\n')}\n`)
    const args = [
      '--topic',
      'from-kcat',
      '--from-beginning',
      '--max-messages',
      '2000',
      '--timeout-ms',
      '20000',
      '--isolation-level',
      'read_committed',
    ]
    assert.deepEqual(lines(await tool('org.apache.kafka.tools.consumer.ConsoleConsumer', args)), sent)
  })

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`the Java producer writes ${codec} with headers, null keys and tombstones; kcat reads them`, async () => {
      const topic = `java-${codec}`
      await hand.create(topic, { partitions: 2 })
      const places = await hand.produce(
        topic,
        [
          {
            partition: 1,
            timestamp: 1_678_707_744_267,
            key: 'k',
            value: 'ünï'.repeat(50),
            headers: [['trace', 'abc']],
          },
          { partition: 1, timestamp: 1_678_707_744_268, key: null, value: 'keyless' },
          { partition: 0, timestamp: 1_678_707_744_269, key: 'k', value: null },
        ],
        { codec },
      )
      assert.deepEqual(places, [
        [1, 0],
        [1, 1],
        [0, 0],
      ])
      const seen = (await kcatRead(broker.bootstrap, topic)).sort(
        (a, b) => b.partition - a.partition || a.offset - b.offset,
      )
      assert.deepEqual(
        seen.map(({ partition, offset, ts, key, payload }) => [partition, offset, ts, key, payload]),
        [
          [1, 0, 1_678_707_744_267, 'k', 'ünï'.repeat(50)],
          [1, 1, 1_678_707_744_268, null, 'keyless'],
          [0, 0, 1_678_707_744_269, 'k', null],
        ],
      )
      assert.deepEqual(seen[0].headers, ['trace', 'abc'])
    })
  }

  it('the Java admin client creates, describes, configures, widens, cuts and deletes topics', async () => {
    await hand.create('admin', { partitions: 1, config: { 'cleanup.policy': 'compact,delete' } })
    await hand.produce('admin', [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
    await hand.deleteRecords('admin', 0, 2)
    assert.deepEqual(await hand.offsets('admin'), [[2, 3, 3]])
    await hand.addPartitions('admin', 2)
    await hand.configure('admin', { 'retention.bytes': '1000' })
    assert.equal(broker.store.topics.get('admin')?.config.get('retention.bytes'), '1000')
    const described = await tool('org.apache.kafka.tools.TopicCommand', ['--describe', '--topic', 'admin'])
    assert.match(described, /PartitionCount: 2\s+ReplicationFactor: 1\s+Configs: .*cleanup.policy=compact,delete/)
    assert.match(described, /Partition: 1\s+Leader: 1\s+Replicas: 1\s+Isr: 1/)
    await assert.rejects(hand.create('admin'), /exists/)
    await hand.deleteTopic('admin')
    assert.equal(broker.store.topics.has('admin'), false)
  })

  it('the group tool shows members, offsets and lag', async () => {
    const shown = await tool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
      '--describe',
      '--group',
      'console-group',
    ])
    assert.match(shown, /console-group\s+console\s+[01]\s+\d+\s+\d+\s+0/)
    assert.ok((await hand.groups()).includes('console-group'))
  })

  it('a transaction is refused with words, not with silence', async () => {
    await hand.create('no-transactions')
    await assert.rejects(
      hand.produce('no-transactions', [{ value: 'x' }], { transactionalId: 'tx' }),
      /Unsupported|does not support|not support/i,
    )
  })
})

describe('@platformatic/kafka and the sandbox', () => {
  let broker: Broker
  before(async () => {
    broker = await startBroker()
  })
  after(() => broker.close())

  const client = () => ({ clientId: 'sandbox-test', bootstrapBrokers: [broker.bootstrap] })

  it('administers, writes and reads in a group', async () => {
    const admin = new Admin(client())
    await admin.createTopics({ topics: ['plt'], partitions: 2, replicas: 1 })
    assert.deepEqual(await admin.listTopics(), ['plt'])
    const producer = new Producer({ ...client(), serializers: stringSerializers })
    const sent = numbered('value ', 300)
    await producer.send({
      messages: sent.map((value, i) => ({ topic: 'plt', key: `k${i}`, value, headers: { n: String(i) } })),
      acks: -1,
    })
    const consumer = new Consumer({ ...client(), groupId: 'plt-group', deserializers: stringDeserializers })
    const stream = await consumer.consume({ topics: ['plt'], mode: MessagesStreamModes.EARLIEST, autocommit: true })
    const seen: string[] = []
    for await (const message of stream) {
      seen.push(message.value)
      assert.equal(message.headers.get('n'), message.key.slice(1))
      if (seen.length === sent.length) break
    }
    assert.deepEqual(seen.sort(), [...sent].sort())
    await stream.close()
    await consumer.close(true)
    await admin.deleteTopics({ topics: ['plt'] })
    assert.deepEqual(await admin.listTopics(), [])
    await Promise.all([producer.close(), admin.close()])
  })

  it('shares partitions between two consumers of a group, and gives them to the one that stays', async () => {
    broker.createTopic('shared', { partitions: 4 })
    const producer = new Producer({ ...client(), serializers: stringSerializers })
    const seen = [new Set<number>(), new Set<number>()]
    const consumers = seen.map(
      () =>
        new Consumer({
          ...client(),
          groupId: 'shared-group',
          deserializers: stringDeserializers,
          sessionTimeout: 6000,
          heartbeatInterval: 100,
          rebalanceTimeout: 6000,
        }),
    )
    const streams = await Promise.all(
      consumers.map((consumer) =>
        consumer.consume({ topics: ['shared'], mode: MessagesStreamModes.LATEST, maxWaitTime: 50 }),
      ),
    )
    for (const [i, stream] of streams.entries())
      stream.on('data', (message: { partition: number }) => seen[i].add(message.partition))
    const assigned = () =>
      consumers.map((consumer) => (consumer.assignments ?? []).flatMap((assignment) => assignment.partitions))
    const until = async (holds: () => boolean) => {
      for (let tries = 0; !holds() && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 50))
      assert.ok(holds(), JSON.stringify([assigned(), seen.map((one) => [...one])]))
    }
    const write = () =>
      producer.send({
        messages: [0, 1, 2, 3].map((partition) => ({ topic: 'shared', partition, value: 'x' })),
        acks: -1,
      })
    await until(() => assigned().every((partitions) => partitions.length === 2))
    await write()
    await until(() => seen.every((partitions) => partitions.size === 2))
    await streams[0].close()
    await consumers[0].close(true)
    await until(() => assigned()[1].length === 4)
    await write()
    await until(() => seen[1].size === 4)
    await streams[1].close()
    await consumers[1].close(true)
    await producer.close()
  })

  it('finds offsets and configurations', async () => {
    broker.createTopic('plt-2', { config: { 'cleanup.policy': 'compact' } })
    const producer = new Producer({ ...client(), serializers: stringSerializers, idempotent: true })
    await producer.send({
      messages: [1000, 2000, 3000].map((timestamp) => ({
        topic: 'plt-2',
        key: 'k',
        value: 'v',
        timestamp: BigInt(timestamp),
      })),
      acks: -1,
    })
    const consumer = new Consumer({ ...client(), groupId: 'plt-2', deserializers: stringDeserializers })
    assert.deepEqual(await consumer.listOffsets({ topics: ['plt-2'] }), new Map([['plt-2', [3n]]]))
    assert.deepEqual(await consumer.listOffsets({ topics: ['plt-2'], timestamp: 1500n }), new Map([['plt-2', [1n]]]))
    await Promise.all([consumer.close(true), producer.close()])
  })
})

describe('the sandbox refuses', { skip: await lacking(kcat) }, () => {
  it('more than its memory limit, and says so', async () => {
    const broker = await startBroker({ maxBytes: 2000 })
    broker.createTopic('full')
    const producer = new Producer({
      clientId: 'full',
      bootstrapBrokers: [broker.bootstrap],
      serializers: stringSerializers,
      retries: 0,
    })
    const write = () => producer.send({ messages: [{ topic: 'full', value: 'x'.repeat(1500) }], acks: -1 })
    await write()
    await assert.rejects(write())
    assert.equal(broker.store.partition('full', 0)?.end, 1)
    await producer.close()
    await broker.close()
  })
})
