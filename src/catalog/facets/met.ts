/**
 * Schemas of a topic's records that its newest records do not show: met by readings, by earlier samples, by a deeper
 * look. It remembers which they are, so that their columns can be named from the next statement on; it holds no
 * schemas, and makes no request. It only remembers: after a restart it is empty.
 */
import { Lru } from '../../lib/lru.ts'
import type { RecordId } from '../../registry/record-ids.ts'

/**
 * Limit `catalog.met.schemas` (schemas): schemas remembered for the keys or the values of one topic. Beyond it: columns
 * of further ones are seen with `*`, and cannot be named.
 */
export const MAX_MET_SCHEMAS = 100
/**
 * Limit `catalog.met.topics` (topics): topics whose schemas are remembered, keys and values counted apart. Beyond it:
 * the one used longest ago is forgotten.
 */
const MAX_FACETS = 10_000

/** One of them. `id`: of Confluent's frame, or as the records name it. */
export interface MetSchema {
  readonly id: number | RecordId
  /** Of Protobuf: the full name of the message. */
  readonly message?: string
  /** Found in a record, or under the topic's name in the registry. */
  readonly how: 'record' | 'subject'
}

/** What distinguishes a schema from the others. */
export function schemaKey({ id, message }: Pick<MetSchema, 'id' | 'message'>): string {
  if (typeof id === 'number') return `${id} ${message ?? ''}`
  const name =
    id.message === undefined
      ? ''
      : 'name' in id.message
        ? id.message.name
        : Buffer.from(id.message.indexes).toString('hex')
  return `${id.kind} ${id.id} ${name}`
}

interface Memory {
  readonly topicId: string | undefined
  readonly schemas: Map<string, MetSchema>
}

/** What is remembered of all topics; a facet is `<topic>-key` or `<topic>-value`. */
export class MetSchemas {
  readonly #facets = new Lru<string, Memory>(MAX_FACETS)

  /** In the order in which they were met; one list for each state of the memory. */
  of(facet: string, topicId: string | undefined): readonly MetSchema[] {
    const memory = this.#facets.get(facet)
    return memory === undefined || memory.topicId !== topicId ? [] : [...memory.schemas.values()]
  }

  /** Whether there is a need to look at the schema at all: it is new, and there is room. */
  wants(facet: string, topicId: string | undefined, key: string): boolean {
    const memory = this.#facets.get(facet)
    if (memory === undefined || memory.topicId !== topicId) return true
    return memory.schemas.size < MAX_MET_SCHEMAS && !memory.schemas.has(key)
  }

  add(facet: string, topicId: string | undefined, met: MetSchema): void {
    const key = schemaKey(met)
    if (!this.wants(facet, topicId, key)) return
    let memory = this.#facets.get(facet)
    if (memory === undefined || memory.topicId !== topicId) {
      memory = { topicId, schemas: new Map() }
      this.#facets.set(facet, memory)
    }
    memory.schemas.set(key, met)
  }

  forget(facet: string): void {
    this.#facets.delete(facet)
  }
}
