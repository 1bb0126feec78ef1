/**
 * All topics of a cluster: one line for each, read from the answer in slices. What a list does not show (who leads
 * which partition) is not kept: it is asked for by the topic's name when it is needed.
 */
import { createHash } from 'node:crypto'
import { nextTurn, SLICE_ITEMS, sortSliced } from '../lib/work/slices.ts'
import { type Broker, MAX_BROKERS, METADATA } from './answers.ts'
import { isFlexible } from './wire/connection.ts'
import { WireError, type WireReader } from './wire/primitives.ts'

/**
 * Limit `kafka.listing.topics` (topics): topics of a cluster, as a broker lists them. Beyond it: an error; the topics
 * cannot be listed.
 */
const MAX_TOPICS = 1_000_000

/** One topic of a list. */
export interface TopicSummary {
  readonly name: string
  readonly internal: boolean
  readonly partitions: number
  /** Of the partition that has most. */
  readonly replicas: number
}

/** Brokers, and all topics that may be described, in order of name. */
export interface Listing {
  readonly clusterId: string | undefined
  readonly brokers: readonly Broker[]
  readonly topics: readonly TopicSummary[]
}

/** Reads the answer to a Metadata request for all topics. Rejects with a WireError when it cannot be read. */
export async function readListing(reader: WireReader, version: number): Promise<Listing> {
  const flexible = isFlexible(METADATA, version)
  const string = (): string | null => (flexible ? reader.compactString() : reader.string())
  const length = (): number => (flexible ? reader.uvarint() - 1 : reader.int32())
  const atMost = (most: number, what: string): number => {
    const n = length()
    if (n > most) throw new WireError(`it names ${n} ${what}, and ${most} is the limit`)
    return n
  }
  const tags = (): void => {
    if (flexible) reader.tags()
  }
  reader.int32()
  const brokers: Broker[] = []
  for (let left = atMost(MAX_BROKERS, 'brokers (kafka.metadata.brokers)'); left > 0; left--) {
    brokers.push({ id: reader.int32(), host: string() ?? '', port: reader.int32() })
    string()
    tags()
  }
  const clusterId = string() ?? undefined
  reader.int32()
  const topics: TopicSummary[] = []
  let sinceTurn = 0
  for (let left = atMost(MAX_TOPICS, 'topics (kafka.listing.topics)'); left > 0; left--) {
    if (sinceTurn >= SLICE_ITEMS) {
      await nextTurn()
      sinceTurn = 0
    }
    const code = reader.int16()
    const name = string() ?? ''
    if (version >= 10) reader.take(16)
    const internal = reader.boolean()
    const partitions = length()
    sinceTurn += 1 + Math.max(0, partitions)
    let replicas = 0
    for (let rest = partitions; rest > 0; rest--) {
      reader.take(version >= 7 ? 14 : 10)
      const of = Math.max(0, length())
      replicas = Math.max(replicas, of)
      reader.take(4 * of)
      reader.take(4 * Math.max(0, length()))
      if (version >= 5) reader.take(4 * Math.max(0, length()))
      tags()
    }
    if (version >= 8) reader.int32()
    tags()
    if (code === 0) topics.push({ name, internal, partitions: Math.max(0, partitions), replicas })
  }
  return { clusterId, brokers, topics: await sortSliced(topics, byName) }
}

/** Not a limit: bytes of an answer that are looked at at a stretch. */
const PRINT_BYTES = 4 << 20

/**
 * Reads lists of topics, of which most are what the last one was: then that one is given again, and nothing is made of
 * the answer.
 */
export class ListingReader {
  #last: { readonly print: string; readonly listing: Listing } | undefined

  /** As `readListing`. */
  async read(reader: WireReader, version: number): Promise<Listing> {
    // The first number says how long the broker wants us to wait, and nothing of topics.
    const bytes = reader.buffer.subarray(reader.at + 4, reader.end)
    const hash = createHash('sha256').update(`${version} `)
    for (let at = 0; at < bytes.length; at += PRINT_BYTES) {
      if (at > 0) await nextTurn()
      hash.update(bytes.subarray(at, at + PRINT_BYTES))
    }
    const print = hash.digest('base64')
    if (this.#last?.print === print) return this.#last.listing
    const listing = await readListing(reader, version)
    this.#last = { print, listing }
    return listing
  }
}

function byName(a: TopicSummary, b: TopicSummary): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}

/** Whether the list, which is in order of name, has a topic of that name. */
export function lists({ topics }: Pick<Listing, 'topics'>, name: string): boolean {
  let low = 0
  for (let high = topics.length; low < high; ) {
    const middle = (low + high) >> 1
    if (topics[middle].name < name) low = middle + 1
    else high = middle
  }
  return topics[low]?.name === name
}
