/** The Python package `lensesio` 4.0.1, as PyPI has it, against the server on real Kafka and a real registry. */
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Admin, Consumer } from '@platformatic/kafka'
import { lensesioPython } from '../../scripts/provision.ts'
import { topicName } from './cluster.ts'
import { casesOf, cluster, ROBOT_KEY, serve, testCases } from './served.ts'

/** A group of consumers that has an offset in a new topic; its id. */
async function readersOf(topic: string): Promise<string> {
  const client = { clientId: 'readers', bootstrapBrokers: [cluster.kafka.bootstrap] }
  const admin = new Admin(client)
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
  await admin.close()
  const groupId = `${topic}-readers`
  const reader = new Consumer({ ...client, groupId })
  await reader.joinGroup({})
  await reader.commit({ offsets: [{ topic, partition: 0, offset: 0n, leaderEpoch: 0 }] })
  await reader.close(true)
  return groupId
}

const interpreter = await lensesioPython().catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : interpreter instanceof Error ? interpreter.message : false

if (skip !== false || interpreter instanceof Error) it('lensesio 4.0.1', { skip: skip === false ? 'no Python' : skip }, () => undefined)
else {
  const group = await readersOf(topicName('lensesio-read'))
  const server = await serve()
  const program = join(import.meta.dirname, 'python', 'lensesio_cases.py')
  const cases = await casesOf(interpreter, [program], { SLUICE_URL: server.url, SLUICE_KEY: ROBOT_KEY, SLUICE_GROUP: group }).finally(() => server.close(0))
  describe('lensesio 4.0.1', () => testCases(cases, 25))
}
