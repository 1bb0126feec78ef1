/**
 * A Go client that speaks as lenses-cli 5.4.0 does, on its WebSocket library and with its types, against the server on
 * real Kafka and a real registry.
 */
import { describe, it } from 'node:test'
import { Admin, Producer, stringSerializers } from '@platformatic/kafka'
import { goClient } from '../../scripts/provision.ts'
import { topicName } from './cluster.ts'
import { casesOf, cluster, ROBOT_KEY, restingGroup, serve, testCases } from './served.ts'

/** A new topic of one partition with three records. */
async function threeRecords(topic: string): Promise<void> {
  const client = { clientId: 'three', bootstrapBrokers: [cluster.kafka.bootstrap] }
  const admin = new Admin(client)
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
  await admin.close()
  const producer = new Producer({ ...client, serializers: stringSerializers })
  await producer.send({ messages: ['a', 'b', 'c'].map((value) => ({ topic, value })), acks: -1 })
  await producer.close()
}

const program = await goClient().catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : program instanceof Error ? program.message : false

if (skip !== false || program instanceof Error)
  it('a Go client like lenses-cli 5.4.0', { skip: skip === false ? 'no Go' : skip }, () => undefined)
else {
  const topic = topicName('cli-read')
  await threeRecords(topic)
  const group = await restingGroup(topic, 1)
  const server = await serve()
  const env = { SLUICE_URL: server.url, SLUICE_KEY: ROBOT_KEY, SLUICE_GROUP: group, SLUICE_TOPIC: topic }
  const cases = await casesOf(program, [], env).finally(() => server.close(0))
  describe('a Go client like lenses-cli 5.4.0', () => testCases(cases, 20))
}
