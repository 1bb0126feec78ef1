/** Answers of the cluster that say nothing of what was asked for: an error that says so. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { alterTopicConfig, createPartitions } from '../../../src/kafka/admin/alter.ts'
import { Cluster } from '../../../src/kafka/cluster.ts'
import { API } from '../../../src/kafka/wire/primitives.ts'
import { FakeCluster } from '../../wire/fake-broker.ts'

/** No throttling, and an empty list. */
const NOTHING = Buffer.alloc(8)

async function world(t: TestContext): Promise<Cluster> {
  const fake = await FakeCluster.start()
  const cluster = new Cluster({ brokers: fake.addresses })
  t.after(async () => {
    cluster.close()
    await fake.stop()
  })
  fake.add('t', [[]])
  for (const api of [API.incrementalAlterConfigs, API.createPartitions]) fake.versions.push([api, 0, 1])
  for (const api of [API.incrementalAlterConfigs, API.createPartitions, API.describeConfigs])
    fake.bodies.set(api, NOTHING)
  return cluster
}

test('a changed configuration', async (t) => {
  const cluster = await world(t)
  await assert.rejects(
    alterTopicConfig(cluster, 't', new Map([['retention.ms', '1']])),
    /Configuration of "t": .*leaves it out/,
  )
})

test('further partitions', async (t) => {
  await assert.rejects(createPartitions(await world(t), 't', 2), /Partitions of "t": .*leaves it out/)
})

test('a configuration', async (t) => {
  const cluster = await world(t)
  await assert.rejects(cluster.topicConfig('t'), /Configuration of "t": the broker answered about no topic/)
})
