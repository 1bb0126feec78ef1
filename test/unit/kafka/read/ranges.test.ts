/**
 * Batches that belong to several ranges, on the embedded broker: where a partition is read in two places at once, and
 * where a condition wants pieces of one batch.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createCatalog } from '../../../../src/catalog/kafka-catalog.ts'
import { runRequest } from '../../../../src/engine/request.ts'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import { createKafkaLog } from '../../../../src/kafka/read/reader.ts'
import { writeRecordBatch } from '../../../../src/kafka/read/record-batch.ts'
import { type Broker, startBroker } from '../../../../src/sandbox/broker.ts'

let broker: Broker
before(async () => {
  broker = await startBroker()
})
after(() => broker.close())

async function ask(sql: string): Promise<string[]> {
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  const log = createKafkaLog(cluster)
  const catalog = createCatalog({ cluster, log, formats: { '*': { key: 'STRING', value: 'STRING' } } })
  const frames: string[] = []
  await runRequest(
    { sql, live: false },
    { catalog, log },
    { send: (f) => void frames.push(f), drained: () => undefined },
    new AbortController().signal,
  )
  catalog.close()
  log.close()
  return frames
    .map((f) => JSON.parse(f) as { type: string; data: { value: unknown } })
    .filter((f) => f.type !== 'METADATA')
    .map((f) => (f.type === 'RECORD' ? JSON.stringify(f.data.value) : JSON.stringify(f)))
}

test('every record is counted once, wherever the partition is cut', async () => {
  for (const [topic, size] of [
    ['thirds', 3333],
    ['primes', 997],
    ['few', 40_001],
  ] as const) {
    broker.createTopic(topic)
    const total = 5 + Math.ceil(140_000 / size)
    for (let i = 0; i < total; i++)
      broker.append(topic, 0, writeRecordBatch(Array.from({ length: size }, () => ({ key: null, value: 'x' }))))
    assert.deepEqual(await ask(`SELECT count(*) AS n FROM ${topic}`), [`{"n":${total * size}}`], topic)
  }
})

test('several ranges of one batch, and of the next', async () => {
  broker.createTopic('pieces')
  for (let i = 0; i < 3; i++)
    broker.append(
      'pieces',
      0,
      writeRecordBatch(Array.from({ length: 10 }, (_, j) => ({ key: null, value: String(10 * i + j) }))),
    )
  const wanted = [1, 2, 5, 9, 10, 12, 27]
  assert.deepEqual(
    await ask(`SELECT _meta.offset AS o FROM pieces WHERE _meta.offset IN (${wanted})`),
    wanted.map((o) => `{"o":${o}}`),
  )
  assert.deepEqual(await ask(`SELECT count(*) AS n FROM pieces WHERE _meta.offset IN (${wanted})`), [
    `{"n":${wanted.length}}`,
  ])
  assert.deepEqual(
    await ask('SELECT count(*) AS n FROM pieces WHERE _meta.offset = 3 OR _meta.offset = 7 OR _meta.offset > 22'),
    ['{"n":9}'],
  )
})
