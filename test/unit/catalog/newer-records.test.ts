/** A state topic with what this version of Sluice does not know, on the embedded broker; imports into it. */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { openStateTopic, type StateTopic } from '../../../src/catalog/state/state-topic.ts'
import { produce } from '../../../src/kafka/admin/produce.ts'
import { Cluster } from '../../../src/kafka/cluster.ts'
import { createKafkaLog } from '../../../src/kafka/read/reader.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import type { View } from '../../../src/plan/administration.ts'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'
import { importLines, leftOut } from '../../../src/server/state-transfer.ts'
import { eventually } from '../../support/eventually.ts'

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

const newTopic = (): string => `newer-${++topics}`
const view = (name: string, text = 'SELECT 1'): View => ({ name, text, sources: [], owner: 'me', createdAt: 1 })
const end = (topic: string): number | undefined => broker.store.partition(topic, 0)?.lastStable

async function server(topic: string, more: { create?: boolean; clock?: Clock } = {}): Promise<StateTopic> {
  const cluster = new Cluster({ brokers: [broker.bootstrap], retryTimeoutMs: 200 })
  const store = await openStateTopic({ cluster, log: createKafkaLog(cluster), topic, note: () => undefined, ...more })
  open.push(store)
  return store
}

async function write(topic: string, key: readonly string[], value: string): Promise<void> {
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  await produce(cluster, topic, [{ key: Buffer.from(JSON.stringify(key)), value: Buffer.from(value) }])
  cluster.close()
}

test('nobody changes what a newer version made; it is written again as it is', async () => {
  const topic = newTopic()
  const one = await server(topic)
  const newer = { version: 'n-1', by: 'newer', hint: 1, content: { ...view('v'), sources: [{ name: 't' }] } }
  await write(topic, ['e', 'view', 'v'], JSON.stringify(newer))
  const objects = one.environment('e')
  await eventually('it is known', () => objects.isOpaque('view', 'v'))
  assert.deepEqual([objects.view('v'), objects.views()], [undefined, []])
  await assert.rejects(objects.saveView(view('v')), /The view "v" was made by a newer version of Sluice/)
  await assert.rejects(objects.remove('view', 'v'), /by a newer version/)
  await assert.rejects(
    objects.saveSynonym({ name: 'v', target: 't', owner: 'me', createdAt: 1 }),
    /view "v" was changed/,
  )
  assert.equal(end(topic), 1)
  assert.match(String(leftOut(one)), /^1 objects were left out, .*view "v" of e\.$/)
  assert.equal(one.all()[0].opaque, true)
})

test('a record that is nested very deeply is passed over, and the topic is read on', async () => {
  const topic = newTopic()
  const one = await server(topic)
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  await write(
    topic,
    ['e', 'note', 't'],
    `{"version":"x","by":"x","content":{"description":"x","tags":[],"extra":${deep}}}`,
  )
  await one.environment('e').saveView(view('v'))
  assert.deepEqual([one.condition, one.figures.records.other], ['up', 1])
  assert.equal((await server(topic)).environment('e').view('v')?.name, 'v')
})

test('a topic that is only to be read is not created', async () => {
  const topic = newTopic()
  await assert.rejects(server(topic, { create: false }), /"newer-\d+" \(state\.topic\) does not exist/)
  assert.equal(broker.store.topics.has(topic), false)
})

test('an import writes nothing when one of its objects is too large, and says how far it came when it fails', async () => {
  const topic = newTopic()
  const one = await server(topic)
  const line = (of: View) => JSON.stringify({ environment: 'e', kind: 'view', name: of.name, content: of })
  const large = ['a', 'b', 'c'].map((name) => line(view(name, name === 'b' ? 'x'.repeat(600_000) : 'SELECT 1')))
  await assert.rejects(importLines(one, large.join('\n'), false), /state\.object\.bytes/)
  assert.equal(end(topic), 0)
  one.follow(() => broker.faults.set({ kind: 'error', api: 'Produce', topic, code: 29 }))
  const lines = ['a', 'b', 'c'].map((name) => line(view(name)))
  await assert.rejects(
    importLines(one, lines.join('\n'), false),
    /^Error: 1 of 3 objects were written, then it ended: /,
  )
})

test('a late change whose repetition failed is written over at the second look', async () => {
  const topic = newTopic()
  const looks: (() => void)[] = []
  const clock: Clock = { ...systemClock, every: (_, run) => (looks.push(run), { cancel: () => undefined }) }
  const one = await server(topic, { clock })
  await one.environment('e').saveView(view('v'))
  await write(topic, ['e', 'view', 'v'], JSON.stringify({ version: 'x', by: 'gone', content: view('v', 'late') }))
  await eventually('it is late', () => one.figures.records.late === 1)
  looks[0]()
  assert.equal(end(topic), 2)
  looks[0]()
  await eventually('it is written over', () => end(topic) === 3 && one.figures.records.same === 1)
  looks[0]()
  await one.environment('e').saveView(view('w'))
  assert.equal(end(topic), 4)
})
