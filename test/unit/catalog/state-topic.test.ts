/**
 * Objects in a compacted topic that several servers share, on the embedded broker: what one changes the others see, of
 * two changes of one object the first counts, and what is said when the topic cannot serve.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, mock, test } from 'node:test'
import { openStateTopic, type StateTopic } from '../../../src/catalog/state/state-topic.ts'
import { deleteRecords, deleteTopic } from '../../../src/kafka/admin/topics.ts'
import { produce } from '../../../src/kafka/admin/produce.ts'
import { Cluster } from '../../../src/kafka/cluster.ts'
import { KafkaError, type KafkaLog } from '../../../src/kafka/log.ts'
import { createKafkaLog } from '../../../src/kafka/read/reader.ts'
import { controlRecord, writeRecordBatch } from '../../../src/kafka/read/record-batch.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import { ChangeConflict, type View } from '../../../src/plan/administration.ts'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'
import { eventually } from '../../support/eventually.ts'

const UNKNOWN_TOPIC = 3
const NOT_AUTHORIZED = 29
/** An answer that does not come. */
const NEVER_MS = 600_000

let broker: Broker
const open: StateTopic[] = []
let topics = 0

before(async () => {
  broker = await startBroker()
})
after(() => broker.close())
afterEach(() => {
  broker.faults.clear()
  for (const store of open.splice(0)) store.close()
})

function newTopic(): string {
  return `state-${++topics}`
}

const view = (name: string, text = 'SELECT 1'): View => ({ name, text, sources: [], owner: 'me', createdAt: 1 })

async function server(
  topic: string,
  more: {
    clock?: Clock
    notes?: string[]
    limits?: { objects?: number; bytes?: number }
    brokers?: string[]
    seenAs?: (log: KafkaLog) => KafkaLog
    isUnknown?: () => boolean
  } = {},
): Promise<StateTopic> {
  const cluster = new Cluster({ brokers: more.brokers ?? [broker.bootstrap], retryTimeoutMs: 200 })
  const ask = cluster.metadata.bind(cluster)
  mock.method(cluster, 'metadata', async (...args: Parameters<typeof ask>) => {
    const found = await ask(...args)
    if (more.isUnknown?.() !== true) return found
    const error = new KafkaError(UNKNOWN_TOPIC, 'UNKNOWN_TOPIC_OR_PARTITION', 'unknown', true)
    return { ...found, topics: found.topics.map((each) => ({ ...each, error, partitions: [] })) }
  })
  const store = await openStateTopic({
    cluster,
    log: more.seenAs?.(createKafkaLog(cluster)) ?? createKafkaLog(cluster),
    topic,
    limits: more.limits,
    clock: more.clock,
    note: (_level, about, text) => more.notes?.push(`${text} ${JSON.stringify(about)}`),
  })
  open.push(store)
  return store
}

/** Writes records as somebody else would. */
async function write(topic: string, ...records: readonly (readonly [string | null, string | null])[]): Promise<void> {
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text))
  await produce(
    cluster,
    topic,
    records.map(([key, value]) => ({ key: bytes(key), value: bytes(value) })),
  )
  cluster.close()
}

test('the topic is created; what one server makes the other sees, and both after a restart', async () => {
  const topic = newTopic()
  const [one, two] = [await server(topic), await server(topic)]
  const config = broker.store.topics.get(topic)?.config
  assert.equal(config?.get('cleanup.policy'), 'compact')
  assert.equal(one.condition, 'up')
  const told: string[] = []
  two.follow(({ kind, name, content }) => told.push(`${kind} ${name} ${content === undefined ? 'gone' : 'there'}`))
  const [a, b] = [one.environment('e'), two.environment('e')]
  await a.saveView(view('v'))
  await a.saveNote('t', { description: 'x', tags: ['y'] })
  assert.equal(a.view('v')?.text, 'SELECT 1')
  await eventually('the other server sees the note', () => b.note('t')?.description === 'x')
  assert.deepEqual(b.view('v'), a.view('v'))
  await b.saveNote('t', { description: 'z', tags: [] })
  assert.equal(await b.remove('view', 'v'), true)
  assert.equal(await b.remove('view', 'v'), false)
  await eventually('the first server sees the removal', () => a.view('v') === undefined)
  assert.deepEqual(told, ['view v there', 'note t there', 'note t there', 'view v gone'])
  const third = await server(topic)
  assert.deepEqual(
    third.all().map(({ kind, name }) => `${kind} ${name}`),
    ['note t'],
  )
  assert.equal(third.environment('e').note('t')?.description, 'z')
  assert.deepEqual(third.environment('other').views(), [])
})

test('of two changes of one object the first counts, everywhere; the author of the other one is told', async () => {
  const topic = newTopic()
  const [one, two] = [await server(topic), await server(topic)]
  const [a, b] = [one.environment('e'), two.environment('e')]
  const outcomes = await Promise.allSettled([a.saveView(view('v', 'SELECT 1')), b.saveView(view('v', 'SELECT 2'))])
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.equal(failed.length, 1)
  assert.ok(failed[0].reason instanceof ChangeConflict)
  assert.match(failed[0].reason.message, /The view "v" was changed from elsewhere .* repeat yours/)
  const kept = outcomes[0].status === 'fulfilled' ? 'SELECT 1' : 'SELECT 2'
  await eventually('both have the same', () => a.view('v')?.text === kept && b.view('v')?.text === kept)
  const notes = await Promise.allSettled(
    [a, b, a, b].map((objects, i) => objects.saveNote('t', { description: `${i}`, tags: [] })),
  )
  assert.equal(notes.filter(({ status }) => status === 'fulfilled').length, 1)
  await eventually(
    'both have the same note',
    () => a.note('t') !== undefined && a.note('t')?.description === b.note('t')?.description,
  )
  assert.equal((await server(topic)).environment('e').note('t')?.description, a.note('t')?.description)
})

test('the same change by several threads is written once', async () => {
  const topic = newTopic()
  const objects = (await server(topic)).environment('e')
  await objects.saveTable('t', { key: 'INT', value: 'JSON', subjects: [] })
  const bind = () => objects.saveTable('t', { key: 'INT', value: 'JSON', subjects: [], topicId: 'x' })
  await Promise.all([bind(), bind(), bind()])
  await bind()
  assert.equal(objects.table('t')?.topicId, 'x')
  assert.equal(broker.store.partition(topic, 0)?.lastStable, 2)
})

test('behind a change that lost its author writes the object again; else the next server that starts', async () => {
  const topic = newTopic()
  const one = await server(topic)
  await one.environment('e').saveView(view('v'))
  const key = '["e","view","v"]'
  await write(topic, [key, JSON.stringify({ version: 'x', by: 'somebody', content: view('v', 'late') })])
  await one.environment('e').saveNote('t', { description: 'behind it', tags: [] })
  assert.equal(one.environment('e').view('v')?.text, 'SELECT 1')
  const two = await server(topic)
  assert.equal(two.environment('e').view('v')?.text, 'SELECT 1')
  const end = () => broker.store.partition(topic, 0)?.lastStable
  await eventually('it is written again', () => end() === 4)
  await server(topic)
  await two.environment('e').saveNote('t', { description: 'once only', tags: [] })
  assert.equal(end(), 5)
})

test('what is no object is passed over with a line each, up to a limit; a tombstone by hand counts', async () => {
  const topic = newTopic()
  const one = await server(topic)
  await one.environment('e').saveView(view('v'))
  await write(topic, [null, 'x'], ['key', '{}'], ['["e","view","w"]', '[1'], ['["e","view","v"]', null])
  await write(topic, ...Array.from({ length: 200 }, (_, i) => [`${i}`, 'x'] as const))
  const notes: string[] = []
  const two = await server(topic, { notes })
  assert.deepEqual(two.all(), [])
  const passed = notes.filter((note) => note.includes('passed over'))
  assert.equal(passed.length, 101)
  assert.match(passed[0], /"offset":1,"reason":"its key is not/)
  assert.match(passed[100], /more than 100 times a record .*state\.noted\.records/)
  await eventually('the first server took it away, too', () => one.all().length === 0)
})

test('limits are said to the author, and nothing is written', async () => {
  const topic = newTopic()
  const one = await server(topic, { limits: { objects: 1, bytes: 2000 } })
  const objects = one.environment('e')
  await objects.saveView(view('v'))
  await assert.rejects(objects.saveView(view('w')), /full: 1 objects \(state\.objects\) or 2000 bytes \(state\.bytes\)/)
  await assert.rejects(
    objects.saveView(view('w', 'x'.repeat(600_000))),
    /The view takes 600\d+ bytes .* 524288 \(state\.object\.bytes\)/,
  )
  assert.equal(broker.store.partition(topic, 0)?.lastStable, 1)
})

test('a topic that would lose objects, or has no one order, is refused with the remedy', async () => {
  const refused = async (config: Record<string, string>, partitions: number, reason: RegExp): Promise<void> => {
    const topic = newTopic()
    broker.createTopic(topic, { partitions, config })
    await assert.rejects(server(topic), reason)
  }
  await refused({ 'cleanup.policy': 'delete' }, 1, /cleanup\.policy=delete: .* Set cleanup\.policy=compact/)
  await refused({}, 1, /cleanup\.policy=delete/)
  await refused({ 'cleanup.policy': 'compact,delete' }, 1, /cleanup\.policy=compact,delete/)
  await refused({ 'cleanup.policy': 'compact' }, 2, /has 2 partitions/)
})

test('a topic that may not be read is refused; one that may not be written takes no change', async () => {
  const topic = newTopic()
  await (await server(topic)).environment('e').saveView(view('v'))
  broker.faults.set({ kind: 'error', api: 'ListOffsets', topic, code: NOT_AUTHORIZED, times: 2 })
  await assert.rejects(server(topic), /may not use the topic .* Allow READ, WRITE, DESCRIBE and DESCRIBE_CONFIGS/)
  broker.faults.clear()
  const one = await server(topic)
  broker.faults.set({ kind: 'error', api: 'Produce', topic, code: NOT_AUTHORIZED })
  await assert.rejects(one.environment('e').saveView(view('w')), /takes no change.*authorized/)
  assert.equal(one.environment('e').view('v')?.name, 'v')
  await one.environment('e').saveView(view('w'))
})

test('a broker that is away at the start is waited for, and one that goes away later is found again', async () => {
  const other = await startBroker()
  const topic = newTopic()
  const { port } = other
  await other.close()
  const notes: string[] = []
  const one = await server(topic, { brokers: [`127.0.0.1:${port}`], notes })
  assert.equal(one.condition, 'down')
  await assert.rejects(one.environment('e').saveView(view('v')), /takes no change: .*127\.0\.0\.1/)
  assert.match(notes[0], /the state topic cannot be read/)
  const again = await startBroker({ port })
  await eventually('the topic is read', () => one.condition === 'up')
  await one.environment('e').saveView(view('v'))
  await again.close()
  await assert.rejects(one.environment('e').saveView(view('w')), /takes no change: |not known whether/)
  assert.equal(one.environment('e').view('v')?.name, 'v')
})

test('a topic that is deleted, or created again, leaves the objects as they are and takes no change', async () => {
  for (const anew of [false, true]) {
    const topic = newTopic()
    const notes: string[] = []
    let passedMs = 0
    const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passedMs }
    const one = await server(topic, { notes, clock })
    await one.environment('e').saveView(view('v'))
    const cluster = new Cluster({ brokers: [broker.bootstrap] })
    await deleteTopic(cluster, topic)
    cluster.close()
    if (!anew) {
      await eventually('it is missing', () => notes.some((note) => note.includes('the brokers do not know it')))
      assert.equal(one.condition, 'down')
      passedMs = 60_000
    }
    if (anew) broker.createTopic(topic, { config: { 'cleanup.policy': 'compact' } })
    await eventually('it is noticed', () => one.condition === 'lost')
    assert.ok(notes.some((note) => note.includes('the state topic is lost')))
    await assert.rejects(one.environment('e').saveView(view('w')), /takes no change: it was deleted/)
    assert.equal(one.environment('e').view('v')?.name, 'v')
  }
})

test('a topic whose first records are deleted is lost, though all of them were read; the next start says so', async () => {
  const topic = newTopic()
  const notes: string[] = []
  const one = await server(topic, { notes, clock: { ...systemClock, every: (_, run) => systemClock.every(10, run) } })
  for (const name of ['v', 'w']) await one.environment('e').saveView(view(name))
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  // Kafka deletes no records of a topic that is only compacted.
  broker.store.topics.get(topic)?.config.set('cleanup.policy', 'delete')
  await deleteRecords(cluster, topic, new Map([[0, 1]]))
  broker.store.topics.get(topic)?.config.set('cleanup.policy', 'compact')
  cluster.close()
  await eventually('it is noticed', () => one.condition === 'lost')
  assert.match(notes.join('\n'), /the state topic is lost.*its records before offset 1 were deleted/)
  await assert.rejects(one.environment('e').saveView(view('x')), /takes no change: its records before offset 1/)
  assert.equal(one.environment('e').view('v')?.name, 'v')
  const later: string[] = []
  const two = await server(topic, { notes: later })
  assert.match(later[0], /does not begin at offset 0/)
  assert.deepEqual(
    two
      .environment('e')
      .views()
      .map(({ name }) => name),
    ['w'],
  )
})

test('a topic that is unknown for a moment is found again, and no record is taken twice', async () => {
  const topic = newTopic()
  const [one, two] = [await server(topic), await server(topic)]
  await one.environment('e').saveView(view('v'))
  broker.faults.set({ kind: 'error', api: 'Fetch', topic, code: UNKNOWN_TOPIC, times: 4 })
  await eventually('the scans have begun anew', () => broker.faults.acted('error') === 4)
  await two.environment('e').saveNote('t', { description: 'x', tags: [] })
  await eventually('it is seen', () => one.environment('e').note('t') !== undefined)
  assert.equal(one.condition, 'up')
  assert.equal(broker.store.partition(topic, 0)?.lastStable, 2)
})

test('a change that was read back counts, whenever the broker answers', async () => {
  const topic = newTopic()
  const one = await server(topic)
  broker.faults.set({ kind: 'delay', api: 'Produce', ms: NEVER_MS })
  await one.environment('e').saveView(view('v'))
  assert.equal(one.environment('e').view('v')?.name, 'v')
})

test('of a change that is not read back in time, or before the end, nobody knows whether it counts', async () => {
  const topic = newTopic()
  const timers: { delayMs: number; run: () => void }[] = []
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, run) => {
      timers.push({ delayMs, run })
      return { cancel: () => undefined }
    },
  }
  const one = await server(topic, { clock })
  broker.faults.set({ kind: 'delay', api: 'Produce', ms: NEVER_MS, times: 2 })
  broker.faults.set({ kind: 'delay', api: 'Fetch', ms: NEVER_MS, times: 9 })
  const [first, second] = ['v', 'w'].map((name) => one.environment('e').saveView(view(name)))
  const ended = assert.rejects(second, /not known whether the change counts: the server is stopping/)
  await eventually('both were sent', () => timers.length === 2)
  timers[0].run()
  await assert.rejects(first, /not known whether the change counts: .* 45000 ms/)
  one.close()
  await ended
})

/** The log of a topic as one server sees it: without batches that were compacted away, and gone when the server is away. */
function compactedLog() {
  const gone = new Set<number>()
  let cut = Promise.withResolvers<never>()
  cut.promise.catch(() => undefined)
  let isAway = false
  const seenAs = (log: KafkaLog): KafkaLog => ({
    ...log,
    bounds: async (...args) => {
      if (isAway) throw new Error('the network is away')
      return await log.bounds(...args)
    },
    scan: (request, signal) => {
      const source = log.scan(request, signal)
      return {
        get progress() {
          return source.progress
        },
        close: () => source.close(),
        next: async () => {
          for (;;) {
            const batch = await Promise.race([source.next(), cut.promise])
            if (batch === undefined || !gone.has(batch.baseOffset)) return batch
          }
        },
      }
    },
  })
  const setAway = (away: boolean): void => {
    isAway = away
    if (away) cut.reject(new Error('the network is away'))
    else cut = Promise.withResolvers()
    cut.promise.catch(() => undefined)
  }
  return { gone, seenAs, setAway }
}

test('a server that was away while records were compacted has what the others have, and takes nothing back', async () => {
  const topic = newTopic()
  const { gone, seenAs, setAway } = compactedLog()
  const one = await server(topic, { seenAs })
  const two = await server(topic)
  const [a, b] = [one.environment('e'), two.environment('e')]
  await b.saveNote('t', { description: 'one', tags: [] })
  await b.saveView(view('v', 'SELECT old'))
  await b.saveView(view('gone'))
  await eventually('both have it', () => a.view('gone') !== undefined)
  const told: string[] = []
  one.follow(({ kind, name, content }) => told.push(`${kind} ${name} ${content === undefined ? 'gone' : 'there'}`))
  setAway(true)
  await eventually('it is away', () => one.condition === 'down')
  await b.saveNote('t', { description: 'two', tags: [] })
  await b.saveNote('t', { description: 'three', tags: [] })
  await b.remove('view', 'v')
  await b.saveView(view('v', 'SELECT new'))
  await b.remove('view', 'gone')
  // All but the last record of each, and a tombstone that is old enough.
  for (const offset of [0, 1, 2, 3, 5, 7]) gone.add(offset)
  setAway(false)
  await eventually('it is back', () => one.condition === 'up')
  const end = broker.store.partition(topic, 0)?.end
  for (const objects of [a, b, (await server(topic)).environment('e')]) {
    assert.equal(objects.note('t')?.description, 'three')
    assert.equal(objects.view('v')?.text, 'SELECT new')
    assert.equal(objects.view('gone'), undefined)
  }
  assert.deepEqual(told.sort(), ['note t there', 'view gone gone', 'view v there'])
  await a.saveNote('t', { description: 'four', tags: [] })
  assert.equal(broker.store.partition(topic, 0)?.end, Number(end) + 1)
})

test('records that are compacted away while a server follows are missed by it, so it reads all again', async () => {
  const topic = newTopic()
  const { gone, seenAs } = compactedLog()
  const one = await server(topic, { seenAs })
  const two = await server(topic)
  await two.environment('e').saveNote('t', { description: 'one', tags: [] })
  await eventually('it is seen', () => one.environment('e').note('t') !== undefined)
  gone.add(1)
  await two.environment('e').saveNote('t', { description: 'two', tags: [] })
  await two.environment('e').saveNote('t', { description: 'three', tags: [] })
  gone.add(0)
  await eventually('it is seen', () => one.environment('e').note('t')?.description === 'three')
  assert.equal(one.condition, 'up')
  assert.equal(broker.store.partition(topic, 0)?.end, 3)
})

test('a batch that one server gets damaged is fetched again; one that is damaged for all is passed over', async () => {
  const topic = newTopic()
  const notes: string[] = []
  const [one, two] = [await server(topic, { notes }), await server(topic)]
  broker.faults.set({ kind: 'corrupt', topic, times: 1 })
  await two.environment('e').saveNote('t', { description: 'one', tags: [] })
  await eventually('both have it', () =>
    [one, two].every((store) => store.environment('e').note('t')?.description === 'one'),
  )
  assert.equal(broker.faults.acted('corrupt'), 1)
  const damaged = writeRecordBatch([{ key: Buffer.from('x'), value: Buffer.from('y') }], { timestamp: 1 })
  damaged[damaged.length - 1] ^= 1
  broker.append(topic, 0, damaged)
  await two.environment('e').saveNote('t', { description: 'two', tags: [] })
  await eventually('both go on', () => one.environment('e').note('t')?.description === 'two')
  assert.equal((await server(topic)).environment('e').note('t')?.description, 'two')
  assert.equal(notes.filter((note) => note.includes('passed over')).length, 1)
  assert.deepEqual([one.figures.records.other, one.figures.records.counts], [1, 2])
})

test('a change whose answer is lost counts when it is read back', async () => {
  const one = await server(newTopic())
  for (const name of ['v', 'w', 'x']) {
    broker.faults.set({ kind: 'drop', api: 'Produce', times: 1 })
    await one.environment('e').saveView(view(name))
    assert.equal(broker.faults.acted('drop'), 1)
    broker.faults.clear()
  }
  assert.equal(one.environment('e').views().length, 3)
  assert.deepEqual(one.figures.changes, { made: 3, conflict: 0, refused: 0 })
})

test('transactions of somebody else, ended or left open, hold nothing up', async () => {
  const topic = newTopic()
  const [one, two] = [await server(topic), await server(topic)]
  const by = { producerId: 7, producerEpoch: 0, transactional: true, timestamp: 1 }
  const foreign = () =>
    broker.append(topic, 0, writeRecordBatch([{ key: Buffer.from('a'), value: Buffer.from('b') }], by))
  foreign()
  broker.append(topic, 0, writeRecordBatch([controlRecord('commit')], { ...by, control: true }))
  await eventually('there is no lag', () => two.figures.lag === 0 && two.figures.offset > 0)
  foreign()
  await one.environment('e').saveView(view('v'))
  await eventually('it is seen', () => two.environment('e').view('v') !== undefined)
})

test('a topic that brokers do not know for a moment is not taken for deleted', async () => {
  const topic = newTopic()
  let isUnknown = false
  const one = await server(topic, { isUnknown: () => isUnknown })
  await one.environment('e').saveView(view('v'))
  isUnknown = true
  broker.faults.set({ kind: 'error', api: 'Fetch', topic, code: UNKNOWN_TOPIC, times: 4 })
  await eventually('it was unknown', () => one.condition === 'down' && /do not know it/.test(one.problem))
  isUnknown = false
  await eventually('it is found again', () => one.condition === 'up')
  await one.environment('e').saveView(view('w'))
})

test('its figures: records by what they were, changes, offset, and how far behind it is', async () => {
  const topic = newTopic()
  const [one, two] = [await server(topic), await server(topic)]
  await one.environment('e').saveView(view('v'))
  await one.environment('e').saveNote('t', { description: 'x', tags: [] })
  await eventually('read', () => two.figures.records.counts === 2)
  const change = (store: StateTopic, content: string) =>
    store.change({ environment: 'e', kind: 'note', name: 't', content }, undefined)
  await assert.rejects(change(two, '{"description":"z","tags":[]}'), ChangeConflict)
  await write(topic, ['no object', 'x'])
  await eventually('passed over', () => one.figures.records.other === 1 && two.figures.records.other === 1)
  const { requests, ...figures } = one.figures
  assert.deepEqual(figures, {
    objects: 2,
    records: { counts: 2, same: 0, late: 0, full: 0, other: 1 },
    changes: { made: 2, conflict: 0, refused: 0 },
    offset: 3,
    lag: 0,
  })
  assert.ok((requests.get('Fetch') ?? 0) > 0 && (requests.get('Produce') ?? 0) === 2)
  assert.deepEqual(two.figures.changes, { made: 0, conflict: 1, refused: 0 })
})
