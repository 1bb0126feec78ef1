/** Groups of consumers, rates and message metrics over REST on a real Kafka: the same cases as on the embedded broker. */
import { describe } from 'node:test'
import { consumerCases } from '../unit/consumer-cases.ts'
import { sharedCluster } from './cluster.ts'

const cluster = await sharedCluster()

describe('groups of consumers on a real Kafka', () => {
  consumerCases(async () => [cluster.kafka.bootstrap])
})
