/**
 * What statements may change in the world in memory: topics, records, subjects, objects; everything is allowed. Kafka's
 * refusals that matter are told as Kafka tells them.
 */
import { KafkaError } from '../../src/kafka/log.ts'
import { writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import { partitionOfKey } from '../../src/lib/murmur2.ts'
import type { Administration, ObjectStore, Synonym, TableDeclaration, View } from '../../src/plan/administration.ts'
import type { MemoryRegistry, StoredPartition, WorldTopic } from './memory-world.ts'

export class MapObjects implements ObjectStore {
  readonly #kinds = {
    view: new Map<string, View>(),
    synonym: new Map<string, Synonym>(),
    table: new Map<string, TableDeclaration>(),
  }
  view(name: string): View | undefined {
    return this.#kinds.view.get(name)
  }
  views(): readonly View[] {
    return [...this.#kinds.view.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }
  saveView(view: View): void {
    this.#kinds.view.set(view.name, view)
  }
  synonym(name: string): Synonym | undefined {
    return this.#kinds.synonym.get(name)
  }
  synonyms(): readonly Synonym[] {
    return [...this.#kinds.synonym.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }
  saveSynonym(synonym: Synonym): void {
    this.#kinds.synonym.set(synonym.name, synonym)
  }
  table(topic: string): TableDeclaration | undefined {
    return this.#kinds.table.get(topic)
  }
  saveTable(topic: string, declaration: TableDeclaration): void {
    this.#kinds.table.set(topic, declaration)
  }
  remove(kind: 'view' | 'synonym' | 'table', name: string): boolean {
    return this.#kinds[kind].delete(name)
  }
}

export interface AdministrationWorld {
  readonly topics: WorldTopic[]
  readonly stored: Map<string, readonly StoredPartition[]>
  readonly registry: MemoryRegistry
  readonly objects: ObjectStore
  readonly forget: (topic: string) => void
}

/** Records are written at this time and one millisecond after the other. */
const FIRST_MS = Date.UTC(2030, 0, 1)

export function memoryAdministration(world: AdministrationWorld): Administration {
  const { topics, stored, registry, objects, forget } = world
  let nowMs = FIRST_MS
  const find = (name: string): WorldTopic => {
    const topic = topics.find((t) => t.name === name)
    if (topic === undefined)
      throw new KafkaError(
        3,
        'UNKNOWN_TOPIC_OR_PARTITION',
        `Topic "${name}" does not exist (UNKNOWN_TOPIC_OR_PARTITION)`,
        false,
      )
    return topic
  }
  return {
    account: 'admin',
    objects,
    may: () => true,
    all: true,
    forget,
    exists: async (name) => topics.some((t) => t.name === name),
    async createTopic({ name, partitions, config }) {
      if (topics.some((t) => t.name === name))
        throw new KafkaError(36, 'TOPIC_ALREADY_EXISTS', `Topic "${name}" exists (TOPIC_ALREADY_EXISTS)`, false)
      const { 'cleanup.policy': policy, 'message.timestamp.type': time, ...rest } = config
      topics.push({
        name,
        partitions,
        compacted: policy === 'compact',
        logAppendTime: time === 'LogAppendTime',
        config: rest,
        records: [],
      })
      topics.sort((a, b) => (a.name < b.name ? -1 : 1))
      stored.set(
        name,
        Array.from({ length: partitions }, () => ({ batches: [], start: 0, end: 0 })),
      )
      forget(name)
    },
    async deleteTopic(name) {
      topics.splice(topics.indexOf(find(name)), 1)
      stored.delete(name)
      forget(name)
    },
    async topic(name) {
      const topic = find(name)
      const policy: Record<string, string> = topic.compacted ? { 'cleanup.policy': 'compact' } : {}
      return { name, partitions: topic.partitions ?? 1, replication: 1, config: { ...policy, ...topic.config } }
    },
    async deleteRecords(name, before) {
      if (find(name).compacted)
        throw new KafkaError(
          44,
          'POLICY_VIOLATION',
          `Records of "${name}": a policy forbids it (POLICY_VIOLATION)`,
          false,
        )
      for (const [id, offset] of before) {
        const partition = (stored.get(name) ?? [])[id]
        partition.start = offset === 'end' ? partition.end : offset
        while (partition.batches.length > 0 && partition.batches[0].nextOffset <= partition.start)
          partition.batches.shift()
      }
    },
    async produce(name, records) {
      const partitions = stored.get(name) ?? []
      for (const { partition, ...record } of records) {
        const store = partitions[partition ?? (record.key === null ? 0 : partitionOfKey(record.key, partitions.length))]
        const timestampMs = nowMs++
        const bytes = writeRecordBatch([{ ...record, offset: store.end, timestamp: timestampMs }], {
          baseOffset: store.end,
        })
        store.batches.push({
          bytes,
          baseOffset: store.end,
          nextOffset: store.end + 1,
          records: [{ offset: store.end, timestampMs }],
        })
        store.end++
      }
    },
    async registerSchema(subject, type, text) {
      const created = (await registry.versions(subject)).length === 0
      return { id: registry.add(subject, text, type), created }
    },
    deleteSubject: async (subject) => registry.drop(subject),
  }
}
