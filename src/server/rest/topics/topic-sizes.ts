/** How large a topic is, was, and grows: offsets of its partitions, now and at other times. Reads only. */
import { Turns } from '../../../engine/turns.ts'
import { systemClock } from '../../../lib/clock.ts'
import type { OffsetRange } from '../../../kafka/log.ts'
import type { Table } from '../../../plan/catalog.ts'
import { type Call, RestError } from '../route.ts'

const OFFSET_TIMEOUT_MS = 10_000
/** Over which the rate of a topic is taken. */
const RATE_MS = 60_000
const TIMES_AT_ONCE = 4

/** How many messages a topic holds: offsets from `begin` (inclusive) to `end` (exclusive), gaps included. */
export interface Sizes {
  readonly totalMessages: number
  readonly messagesPerPartition: readonly {
    readonly partition: number
    readonly messages: number
    readonly begin: number
    readonly end: number
  }[]
}

/** The table of a topic that may be seen, or 404. */
export async function tableOf(call: Call, topic: string): Promise<Table> {
  return (await call.view.catalog.table(topic)) ?? absent(topic)
}

function absent(topic: string): never {
  throw new RestError(404, `There is no topic ${JSON.stringify(topic)}.`)
}

/** Offsets counted as messages: compaction and transactions make the real number smaller. */
export async function sizesOf(call: Call, topic: string, partitions: readonly number[]): Promise<Sizes> {
  const bounds = await call.view.log.bounds(topic, partitions, {
    isolation: 'read_uncommitted',
    timeoutMs: OFFSET_TIMEOUT_MS,
    signal: call.signal,
  })
  return {
    totalMessages: bounds.reduce((sum, b) => sum + b.end - b.start, 0),
    messagesPerPartition: [...bounds].sort((a, b) => a.partition - b.partition).map(size),
  }
}

function size({ partition, start, end }: OffsetRange): Sizes['messagesPerPartition'][number] {
  return { partition, messages: end - start, begin: start, end }
}

/**
 * Messages a second in the last minute, by the timestamps of the records; whole, and 1 where there was less than one.
 */
export async function rateOf(call: Call, topic: string, partitions: readonly number[], sizes: Sizes): Promise<number> {
  const [at] = await placesAt(call, topic, partitions, sizes, [systemClock.now() - RATE_MS])
  const messages = sizes.messagesPerPartition.reduce((sum, { end }, i) => sum + end - at[i], 0)
  return messages === 0 ? 0 : Math.max(1, Math.round(messages / (RATE_MS / 1000)))
}

/** What one answer says of a topic. Each figure is taken once, so that topics stand in the order of what is shown. */
export class TopicFigures {
  readonly #call: Call
  readonly #topic: string
  #table: Promise<Table | undefined> | undefined
  #sizes: Promise<Sizes> | undefined
  #rate: Promise<number> | undefined

  constructor(call: Call, topic: string) {
    this.#call = call
    this.#topic = topic
  }

  /** undefined where there is none that may be seen. */
  table(): Promise<Table | undefined> {
    return (this.#table ??= Promise.resolve(this.#call.view.catalog.table(this.#topic)))
  }

  /** The table, or 404. */
  async found(): Promise<Table> {
    return (await this.table()) ?? absent(this.#topic)
  }

  sizes(): Promise<Sizes> {
    return (this.#sizes ??= this.found().then(({ topic, partitions }) => sizesOf(this.#call, topic, partitions)))
  }

  /** As `rateOf`. */
  rate(): Promise<number> {
    return (this.#rate ??= this.found().then(async ({ topic, partitions }) =>
      rateOf(this.#call, topic, partitions, await this.sizes()),
    ))
  }
}

/**
 * For each time the offset of the first record that is not older, partition by partition as in `sizes`; the end where
 * there is none.
 */
export async function placesAt(
  call: Call,
  topic: string,
  partitions: readonly number[],
  sizes: Sizes,
  times: readonly number[],
): Promise<number[][]> {
  const options = { isolation: 'read_uncommitted', timeoutMs: OFFSET_TIMEOUT_MS, signal: call.signal } as const
  const ordered = [...partitions].sort((a, b) => a - b)
  return inTurns(times, TIMES_AT_ONCE, async (timeMs) => {
    const found = await call.view.log.offsetsForTime(topic, ordered, timeMs, options)
    return sizes.messagesPerPartition.map(({ begin, end }, i) => Math.min(end, Math.max(begin, found[i] ?? end)))
  })
}

/**
 * Runs over items a few at a time, in order of the answers' places. What is known already is looked at without waiting:
 * so others get their turn in between.
 */
export async function inTurns<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const turns = new Turns()
  const one = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) {
      results[i] = await work(items[i])
      await turns.due()
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, one))
  return results
}
