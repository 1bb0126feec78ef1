/** A Go client that speaks as lenses-cli 5.4.0 does, on its WebSocket library and with its types, against the server on real Kafka and a real registry. */
import { describe, it } from 'node:test'
import { Admin, Consumer, Producer, stringSerializers } from '@platformatic/kafka'
import { goClient } from '../../scripts/provision.ts'
import { topicName } from './cluster.ts'
import { casesOf, cluster, ROBOT_KEY, serve, testCases } from './served.ts'

/** A group without members that stands at offset 1 of 3 in a new topic of one partition; its id. */
async function restingGroup(topic: string): Promise<string> {
  const client = { clientId: 'resting', bootstrapBrokers: [cluster.kafka.bootstrap] }
  const admin = new Admin(client)
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
  await admin.close()
  const producer = new Producer({ ...client, serializers: stringSerializers })
  await producer.send({ messages: ['a', 'b', 'c'].map((value) => ({ topic, value })), acks: -1 })
  await producer.close()
  const groupId = `${topic}-readers`
  const reader = new Consumer({ ...client, groupId })
  await reader.joinGroup({})
  await reader.commit({ offsets: [{ topic, partition: 0, offset: 1n, leaderEpoch: 0 }] })
  await reader.close(true)
  return groupId
}

const program = await goClient().catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : program instanceof Error ? program.message : false

if (skip !== false || program instanceof Error) it('a Go client like lenses-cli 5.4.0', { skip: skip === false ? 'no Go' : skip }, () => undefined)
else {
  const topic = topicName('cli-read')
  const group = await restingGroup(topic)
  const server = await serve()
  const env = { SLUICE_URL: server.url, SLUICE_KEY: ROBOT_KEY, SLUICE_GROUP: group, SLUICE_TOPIC: topic }
  const cases = await casesOf(program, [], env).finally(() => server.close(0))
  describe('a Go client like lenses-cli 5.4.0', () => testCases(cases, 20))
}
