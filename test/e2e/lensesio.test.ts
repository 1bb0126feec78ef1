/** The Python package `lensesio` 4.0.1, as PyPI has it, against the server on real Kafka and a real registry. */
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { Admin } from '@platformatic/kafka'
import { lensesioPython } from '../../scripts/provision.ts'
import { topicName } from './cluster.ts'
import { casesOf, cluster, ROBOT_KEY, restingGroup, serve, testCases } from './served.ts'

const interpreter = await lensesioPython().catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : interpreter instanceof Error ? interpreter.message : false

if (skip !== false || interpreter instanceof Error)
  it('lensesio 4.0.1', { skip: skip === false ? 'no Python' : skip }, () => undefined)
else {
  const topic = topicName('lensesio-read')
  const admin = new Admin({ clientId: 'readers', bootstrapBrokers: [cluster.kafka.bootstrap] })
  await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
  await admin.close()
  const group = await restingGroup(topic, 0)
  const server = await serve()
  const program = join(import.meta.dirname, 'python', 'lensesio_cases.py')
  const cases = await casesOf(interpreter, [program], {
    SLUICE_URL: server.url,
    SLUICE_KEY: ROBOT_KEY,
    SLUICE_GROUP: group,
  }).finally(() => server.close(0))
  describe('lensesio 4.0.1', () => testCases(cases, 25))
}
