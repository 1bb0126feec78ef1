/** The reader on the embedded broker: the two halves of the protocol in this project agree with each other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from '../../../src/kafka/cluster.ts'
import { createKafkaLog } from '../../../src/kafka/read/reader.ts'
import { readRecords, writeRecordBatch } from '../../../src/kafka/read/record-batch.ts'
import { startBroker } from '../../../src/sandbox/broker.ts'

test('bounds, scans, a moved leader, an expired head and a restart', async (t) => {
  const broker = await startBroker({ showBothNodes: true })
  const cluster = new Cluster({ brokers: [broker.bootstrap] })
  const log = createKafkaLog(cluster)
  t.after(async () => {
    cluster.close()
    await broker.close()
  })
  broker.createTopic('t', { partitions: 2 })
  for (let i = 0; i < 200; i++) {
    const records = Array.from({ length: 10 }, (_, k) => ({
      key: `k${k}`,
      value: `${i * 10 + k}${' '.repeat(100)}`,
      timestamp: 1_700_000_000_000 + i,
    }))
    for (const partition of [0, 1]) broker.append('t', partition, writeRecordBatch(records, {}))
  }
  broker.expire('t', 1, 55)
  const ranges = await log.bounds('t', [0, 1], { isolation: 'read_committed', timeoutMs: 5000 })
  assert.deepEqual(ranges, [
    { partition: 0, start: 0, end: 2000 },
    { partition: 1, start: 55, end: 2000 },
  ])
  const seen = [0, 0]
  let batches = 0
  const source = log.scan(
    { topic: 't', ranges, isolation: 'read_committed', fetchMaxBytes: 10_000 },
    new AbortController().signal,
  )
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    assert.equal(batch.fault, undefined)
    for (const record of readRecords(batch)) {
      assert.equal(Number(record.value?.toString()), record.offset)
      seen[batch.partition]++
    }
    batches++
    if (batches === 50) broker.moveLeader('t', 0, 2)
    if (batches === 100) broker.closeConnections()
    if (batches === 150) await broker.restart(50)
    if (batches === 200) broker.moveLeader('t', 0, 1)
  }
  assert.deepEqual(seen, [2000, 1945])
  assert.equal((await cluster.topicConfig('t')).timestampType, 'CreateTime')
})
