/**
 * What statements may change, on a real cluster: topics and records by `kafka/`, schemas by the registry, objects by
 * the store; for one account, with its rights. The catalog learns what it has to forget.
 */
import { createTopic, deleteRecords, deleteTopic } from '../kafka/admin/topics.ts'
import type { Cluster } from '../kafka/cluster.ts'
import { NotWritten, produce } from '../kafka/admin/produce.ts'
import { UserError } from '../lib/user-error.ts'
import {
  type Administration,
  type ObjectStore,
  ProduceError,
  type Right,
  type TopicToCreate,
} from '../plan/administration.ts'
import type { Registry, RegistryWriter } from '../registry/registry.ts'

export interface AdministrationOptions {
  readonly cluster: Cluster
  readonly registry?: Registry & RegistryWriter
  readonly objects: ObjectStore
  readonly forget: (topic: string) => void
  /** Name of the account, for messages and as the owner of views. */
  readonly account: string
  readonly may: (right: Right, name: string) => boolean
  readonly all: boolean
}

/** The end of a partition, as DeleteRecords knows it. */
const END = -1

/** What statements that change something ask for, carried out for one account. Refusals are errors for users. */
export function createAdministration(options: AdministrationOptions): Administration {
  const { cluster, registry, objects, forget, account, may, all } = options
  return {
    account,
    objects,
    may,
    all,
    forget,
    async exists(topic) {
      const [found] = (await cluster.metadata([topic], { fresh: true })).topics
      if (found.error === undefined) return true
      if (found.error.errorName === 'UNKNOWN_TOPIC_OR_PARTITION' || found.error.errorName === 'INVALID_TOPIC_EXCEPTION')
        return false
      throw found.error
    },
    async createTopic(topic, signal) {
      await createTopic(cluster, topic, signal)
      forget(topic.name)
    },
    async deleteTopic(topic, signal) {
      await deleteTopic(cluster, topic, signal)
      forget(topic)
    },
    topic: (topic) => topicAsCreated(cluster, topic),
    async deleteRecords(topic, before, signal) {
      await deleteRecords(
        cluster,
        topic,
        new Map([...before].map(([partition, offset]) => [partition, offset === 'end' ? END : offset])),
        signal,
      )
      forget(topic)
    },
    async produce(topic, records, signal, taken) {
      try {
        await produce(cluster, topic, records, signal, taken)
      } catch (error) {
        if (error instanceof NotWritten) {
          const { message: reason, index, isUnknown, written, unknown } = error
          throw new ProduceError({ reason, index, isUnknown, written, unknown }, error.cause)
        }
        throw error
      }
    },
    async registerSchema(subject, type, text) {
      if (registry === undefined)
        throw new UserError(`The format ${type} needs a schema registry, and none is configured.`)
      const created = (await registry.versions(subject)).length === 0
      return { id: await registry.register(subject, type, text), created }
    },
    deleteSubject: async (subject) => registry?.deleteSubject(subject),
  }
}

async function topicAsCreated(cluster: Cluster, name: string): Promise<TopicToCreate> {
  const [{ partitions }, config] = await Promise.all([cluster.topic(name, { fresh: true }), cluster.topicConfig(name)])
  return {
    name,
    partitions: partitions.length,
    replication: partitions.reduce((most, p) => Math.max(most, p.replicas.length), 1),
    config: Object.fromEntries(config.entries.filter((e) => !e.isDefault).map((e) => [e.name, e.value])),
    ...(config.refused === undefined ? {} : { unknownConfig: config.refused.message }),
  }
}
