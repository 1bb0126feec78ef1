/**
 * Topics as tables: the binder's Catalog on a Kafka cluster and a schema registry. It asks the cluster what there is,
 * finds out how keys and values are written (`facets/find-facet.ts`), and remembers both for a short while. It reads no
 * data but small samples, writes nothing, and knows no accounts (`permissions.ts` does).
 */
import { isTopicName } from '../plan/administration.ts'
import type { FormatName } from '../formats/format.ts'
import type { Cluster, TopicConfig, TopicMetadata } from '../kafka/cluster.ts'
import type { TopicSummary } from '../kafka/listing.ts'
import type { KafkaLog } from '../kafka/log.ts'
import { KafkaError } from '../kafka/log.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { Lru } from '../lib/lru.ts'
import { mapSliced } from '../lib/work/slices.ts'
import type { TableDeclaration } from '../plan/administration.ts'
import type { Catalog, Table, TableFacet, TableSummary } from '../plan/catalog.ts'
import type { GlueSchemas } from '../registry/glue.ts'
import type { Registry } from '../registry/registry.ts'
import { Decoders } from './facets/decoders.ts'
import { fits, lookDeeper, metSchema } from './facets/deeper.ts'
import { findFacet, type FoundFacet } from './facets/find-facet.ts'
import type { Side } from './facets/facet-question.ts'
import { type MetSchema, MetSchemas, schemaKey } from './facets/met.ts'
import { bestMatch } from './pattern.ts'
import type { FormatOptions } from './facets/plain-formats.ts'
import { SAMPLE_LIMITS, type SampleLimits, sampleElsewhere, sampleTopic, type TopicSample } from './facets/sample.ts'

export interface CatalogOptions {
  readonly cluster: Pick<Cluster, 'listing' | 'metadata' | 'topicConfig'> & Partial<Pick<Cluster, 'forgetListing'>>
  readonly log: KafkaLog
  readonly registry?: Registry
  /** Formats by topic name or pattern (`pay*`); an exact name wins, then the longest pattern. */
  readonly formats?: Readonly<
    Record<string, { readonly key?: FormatName; readonly value?: FormatName } & FormatOptions>
  >
  /** What CREATE TABLE said of the topic with this id; an exact name in `formats` wins over it, a pattern does not. */
  readonly declared?: (topic: string, id: string | undefined) => TableDeclaration | undefined
  /** Told of each schema that is met for the first time. */
  readonly met?: (news: MetNews) => void
  /** Schemas of AWS Glue by the id of their version. */
  readonly glue?: GlueSchemas
  readonly sample?: Partial<SampleLimits>
  readonly clock?: Clock
}

/**
 * Limit `catalog.sampled.ttl` (ms): how long a format guessed from samples is used. Beyond it: the topic is sampled
 * again.
 */
export const SAMPLED_TTL_MS = 60_000
/**
 * Limit `catalog.registry.ttl` (ms): how long the versions of a subject are used without asking. Beyond it: the
 * registry is asked for new versions.
 */
export const REGISTRY_TTL_MS = 10_000
/**
 * Limit `catalog.deep.timeout` (ms): how long a deeper look goes on asking. Beyond it: what it has found by then is
 * used.
 */
const DEEP_TIMEOUT_MS = 5_000
/**
 * Limit `catalog.topics` (topics): topics that are remembered. Beyond it: the one used longest ago is looked at again
 * when it is named.
 */
const MAX_TOPICS = 20_000

/**
 * `forget`: what is remembered about the topic is requested again. `learn`: another thread has met a schema. `close`
 * ends what is under way; the cluster and the registry belong to the caller.
 */
export type KafkaTables = Catalog & { forget(topic: string): void; learn(news: MetNews): void; close(): void }

/** A schema that a reading met. `facet` is `<topic>-key` or `<topic>-value`. */
export interface MetNews {
  readonly facet: string
  readonly topicId: string | undefined
  readonly schema: MetSchema
}

/** The catalog of one environment. */
export function createCatalog(options: CatalogOptions): KafkaTables {
  return new KafkaCatalog(options)
}

interface Kept<T> {
  readonly value: T
  readonly atMs: number
  /** The topic that it was found out about: one created again under the name is another. */
  readonly topicId: string | undefined
}

/** `met`: how many schemas were remembered when it was made. */
type KeptFacet = Kept<FoundFacet> & { readonly met: number }

class KafkaCatalog implements KafkaTables {
  readonly #options: CatalogOptions
  readonly #clock: Clock
  readonly #decoders: Decoders
  readonly #limits: SampleLimits
  readonly #closed = new AbortController()
  readonly #partitions = new Lru<string, number>(MAX_TOPICS)
  readonly #configs = new Lru<string, Kept<TopicConfig>>(MAX_TOPICS)
  readonly #facets = new Lru<string, KeptFacet>(2 * MAX_TOPICS)
  readonly #met = new MetSchemas()
  /** Topics that had a deeper look. */
  readonly #deep = new Lru<string, Kept<true>>(MAX_TOPICS)
  #listed: { readonly topics: readonly TopicSummary[]; readonly tables: Promise<readonly TableSummary[]> } | undefined
  readonly #underWay = new Map<string, Promise<unknown>>()
  /** How often something was forgotten on purpose: what was asked before is not remembered afterwards. */
  #epoch = 0

  constructor(options: CatalogOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#decoders = new Decoders(options.registry)
    this.#limits = { ...SAMPLE_LIMITS, ...options.sample }
  }

  async table(name: string): Promise<Table | undefined> {
    const topic = await this.#topic(name)
    if (topic === undefined) return undefined
    const sample = this.#sampler(topic)
    const [config, key, value] = await Promise.all([
      this.#config(topic),
      this.#facet(topic, 'key', sample),
      this.#facet(topic, 'value', sample),
    ])
    const partitions = topic.partitions.map((p) => p.partition)
    const declared = this.#declared(topic)
    return {
      name,
      topic: name,
      ...(topic.id === undefined ? {} : { topicId: topic.id }),
      partitions,
      key: asDeclared(key, 'key', declared),
      value: asDeclared(value, 'value', declared),
      timestampType: config.timestampType,
      compacted: config.compacted,
    }
  }

  async tables(options?: { readonly maxAgeMs?: number }): Promise<readonly TableSummary[]> {
    const { topics } = await this.#options.cluster.listing(options)
    // The same list for everybody, as long as the cluster's is the same.
    if (this.#listed?.topics !== topics) this.#listed = { topics, tables: mapSliced(topics, summaryOf) }
    return this.#listed.tables
  }

  async configuration(name: string): Promise<readonly { readonly name: string; readonly value: string }[]> {
    if ((await this.#topic(name)) === undefined) return []
    const config = await this.#options.cluster.topicConfig(name)
    if (config.refused !== undefined) return [{ name: 'configuration', value: config.refused.message }]
    const ordered = [...config.entries].sort(
      (a, b) => Number(a.isDefault) - Number(b.isDefault) || (a.name < b.name ? -1 : 1),
    )
    return ordered.map(({ name: key, value }) => ({ name: key, value }))
  }

  close(): void {
    this.#closed.abort()
  }

  async lookDeeper(name: string): Promise<void> {
    const topic = await this.#topic(name)
    if (topic === undefined) return
    const last = this.#deep.get(name)
    if (last !== undefined && last.topicId === topic.id && this.#clock.now() - last.atMs < SAMPLED_TTL_MS) return
    const started = this.#clock.now()
    await this.#once(`deep ${topic.id} ${name}`, async () => {
      const sample = this.#sampler(topic)
      const [key, value] = await Promise.all([this.#facet(topic, 'key', sample), this.#facet(topic, 'value', sample)])
      const { log, registry } = this.#options
      const sampled = (): Promise<readonly TopicSample[]> =>
        sampleElsewhere(log, topic, readable(topic), this.#limits, this.#closed.signal)
      const add = (schema: MetSchema): void => this.#meet(facetKey(name, 'value'), topic.id, schema)
      const late = (): boolean => this.#clock.now() - started > DEEP_TIMEOUT_MS
      await lookDeeper({ topic: name, key, value, sampled, registry, decoders: this.#decoders, late, add })
      this.#deep.set(name, { value: true, atMs: this.#clock.now(), topicId: topic.id })
    })
  }

  learn({ facet, topicId, schema }: MetNews): void {
    this.#met.add(facet, topicId, schema)
  }

  forget(topic: string): void {
    this.#epoch++
    this.#options.cluster.forgetListing?.()
    this.#forget(topic)
  }

  #declared(topic: TopicMetadata): TableDeclaration | undefined {
    return Object.hasOwn(this.#options.formats ?? {}, topic.name)
      ? undefined
      : this.#options.declared?.(topic.name, topic.id)
  }

  /**
   * undefined when there is no such topic. Other refusals of the cluster are thrown: they are not the user's typing
   * error.
   */
  async #topic(name: string): Promise<TopicMetadata | undefined> {
    if (!isTopicName(name)) return undefined
    const [topic] = (await this.#once(`topic ${name}`, () => this.#options.cluster.metadata([name], { fresh: true })))
      .topics
    if (topic.error === undefined) {
      // Of brokers that give no ids: a topic does not lose partitions, so this is another one.
      if ((this.#partitions.get(name) ?? 0) > topic.partitions.length) this.#forget(name)
      this.#partitions.set(name, topic.partitions.length)
      return topic
    }
    this.#forget(name)
    if (topic.error.errorName === 'UNKNOWN_TOPIC_OR_PARTITION' || topic.error.errorName === 'INVALID_TOPIC_EXCEPTION')
      return undefined
    throw topic.error
  }

  #forget(name: string): void {
    this.#partitions.delete(name)
    this.#configs.delete(name)
    this.#facets.delete(facetKey(name, 'key'))
    this.#facets.delete(facetKey(name, 'value'))
    this.#met.forget(facetKey(name, 'key'))
    this.#met.forget(facetKey(name, 'value'))
    this.#deep.delete(name)
  }

  /**
   * Time stamps and compaction; Kafka's defaults where the configuration may not be read, so that reading needs no
   * further right.
   */
  async #config({ name, id }: TopicMetadata): Promise<TopicConfig> {
    const known = this.#configs.get(name)
    if (known !== undefined && known.topicId === id && this.#clock.now() - known.atMs < SAMPLED_TTL_MS)
      return known.value
    const epoch = this.#epoch
    const config = await this.#once(`config ${id} ${name}`, () => this.#options.cluster.topicConfig(name)).catch(
      (error: unknown): TopicConfig => {
        if (error instanceof KafkaError)
          return { entries: [], compacted: false, timestampType: 'CreateTime', refused: error }
        throw error
      },
    )
    if (config.refused?.retriable !== true && epoch === this.#epoch)
      this.#configs.set(name, { value: config, atMs: this.#clock.now(), topicId: id })
    return config
  }

  async #facet(topic: TopicMetadata, side: Side, sample: () => Promise<TopicSample>): Promise<TableFacet> {
    const key = facetKey(topic.name, side)
    const epoch = this.#epoch
    const kept = this.#facets.get(key)
    const known = kept?.topicId === topic.id ? kept : undefined
    const met = this.#met.of(key, topic.id)
    if (known !== undefined && known.met === met.length && (await this.#stillGood(known, topic.name, side)))
      return known.value.facet
    const found = await this.#once(`facet ${topic.id} ${met.length} ${key}`, () => this.#find(topic, side, sample, met))
    // What a registry has answered stays valid while it does not answer.
    if (
      known !== undefined &&
      known.value.facet.unreadable === undefined &&
      found.basis === 'open' &&
      found.facet.unreadable !== undefined
    )
      return known.value.facet
    const value = { ...found, facet: this.#collectingMet(topic, key, found) }
    if (epoch !== this.#epoch) return value.facet
    const before = this.#met.of(key, topic.id).length
    for (const schema of found.shown ?? []) this.#met.add(key, topic.id, schema)
    // What others met meanwhile is not in it: then the next statement makes it again.
    const included = before === met.length ? this.#met.of(key, topic.id).length : met.length
    if (found.basis !== 'open')
      this.#facets.set(key, { value, atMs: this.#clock.now(), topicId: topic.id, met: included })
    return value.facet
  }

  /** The facet, which remembers the schemas that readings meet. */
  #collectingMet({ id: topicId }: TopicMetadata, key: string, found: FoundFacet): TableFacet {
    const { facet, schemas } = found
    if (schemas === undefined || facet.unreadable !== undefined) return facet
    return {
      ...facet,
      met: (number, decoder, record) => {
        // Of JSON an id is read that the registry does not know.
        if (facet.framing === 'confluent' && this.#decoders.known(number) === undefined) return
        const schema = metSchema(facet, number, decoder, record, this.#decoders)
        const name = schemaKey(schema)
        if (schemas.has(name) || !this.#met.wants(key, topicId, name) || !fits(facet, schema, decoder, record)) return
        this.#meet(key, topicId, schema)
      },
    }
  }

  #meet(facet: string, topicId: string | undefined, schema: MetSchema): void {
    if (!this.#met.wants(facet, topicId, schemaKey(schema))) return
    this.#met.add(facet, topicId, schema)
    this.#options.met?.({ facet, topicId, schema })
  }

  async #stillGood(known: KeptFacet, topic: string, side: Side): Promise<boolean> {
    const ageMs = this.#clock.now() - known.atMs
    if (known.value.basis === 'configured') return true
    if (known.value.basis === 'sampled') return ageMs < SAMPLED_TTL_MS
    if (ageMs < REGISTRY_TTL_MS) return true
    if (known.value.unseen === true) return false
    const subject = `${topic}-${side}`
    const epoch = this.#epoch
    const versions = await this.#options.registry?.versions(subject).catch(() => known.value.versions)
    if (epoch !== this.#epoch || versions?.join() !== known.value.versions?.join()) return false
    this.#facets.set(facetKey(topic, side), { ...known, atMs: this.#clock.now() })
    return true
  }

  #find(
    topic: TopicMetadata,
    side: Side,
    sample: () => Promise<TopicSample>,
    met: readonly MetSchema[],
  ): Promise<FoundFacet> {
    const { registry } = this.#options
    const configured = this.#configured(topic, side)
    const options = configured === undefined ? undefined : this.#options.formats?.[configured.pattern]
    return findFacet({
      topic: topic.name,
      side,
      configured,
      registry,
      decoders: this.#decoders,
      sample,
      options,
      glue: this.#options.glue,
      met,
    })
  }

  /** Patterns that say nothing about this side are passed over. */
  #configured(topic: TopicMetadata, side: Side): { format: FormatName; pattern: string } | undefined {
    const entries: Record<string, FormatName> = {}
    for (const [pattern, formats] of Object.entries(this.#options.formats ?? {})) {
      const format = formats[side]
      if (format !== undefined) entries[pattern] = format
    }
    const declared = this.#declared(topic)
    if (declared !== undefined) return { format: declared[side], pattern: topic.name }
    const best = bestMatch(entries, topic.name)
    return best === undefined ? undefined : { format: best.value, pattern: best.pattern }
  }

  /** One sample serves key and value. */
  #sampler(topic: TopicMetadata): () => Promise<TopicSample> {
    let sample: Promise<TopicSample> | undefined
    return () => (sample ??= sampleTopic(this.#options.log, topic, readable(topic), this.#limits, this.#closed.signal))
  }

  /** Merges equal questions that are under way. One from before something was forgotten speaks of the time before. */
  #once<T>(question: string, ask: () => Promise<T>): Promise<T> {
    const key = `${this.#epoch} ${question}`
    const running = this.#underWay.get(key)
    if (running !== undefined) return running as Promise<T>
    const answer: Promise<T> = ask().finally(() => {
      if (this.#underWay.get(key) === answer) this.#underWay.delete(key)
    })
    this.#underWay.set(key, answer)
    return answer
  }
}

/** The facet of a table that CREATE TABLE made: it says so, and knows the declared columns. */
function asDeclared(facet: TableFacet, side: Side, declared: TableDeclaration | undefined): TableFacet {
  if (declared === undefined) return facet
  const columns = side === 'key' ? declared.keyColumns : declared.valueColumns
  const detail = facet.detail.replace(/^for this topic(; )?/, '')
  return {
    ...facet,
    ...(facet.origin === 'configured' ? { origin: 'declared' as const, detail } : {}),
    ...(columns === undefined ? {} : { declared: columns }),
  }
}

/** Partitions that have a leader. */
function readable(topic: TopicMetadata): number[] {
  return topic.partitions.filter((p) => p.leader >= 0).map((p) => p.partition)
}

function facetKey(topic: string, side: Side): string {
  return `${topic}-${side}`
}

function summaryOf(topic: TopicSummary): TableSummary {
  const { name, partitions, replicas } = topic
  return { name, type: isSystem(topic) ? 'SYSTEM' : 'USER', partitions, replicas }
}

/** Kafka's own topics, and those of the tools around it. */
function isSystem(topic: Pick<TopicSummary, 'name' | 'internal'>): boolean {
  return (
    topic.internal || topic.name.startsWith('__') || topic.name === '_schemas' || topic.name.startsWith('_confluent')
  )
}
