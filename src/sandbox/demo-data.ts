/**
 * The demo topics: fills a broker and a registry with them, and lets them grow. The data before the start are the same
 * on every machine (seeded, fixed times in March 2023); what grows carries the time of now. Loading gives way to other
 * work between batches.
 */
import { systemClock, type Clock } from '../lib/clock.ts'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { BatchWriter } from './log/batch-writer.ts'
import { corruptTopic } from './demo/corrupt.ts'
import { customersTopic } from './demo/customers.ts'
import { inputTopic } from './demo/input.ts'
import { ordersTopic } from './demo/orders.ts'
import { avroPayments, jsonPayments } from './demo/payments.ts'
import type { AddRecord, DemoTopic, Register } from './demo/topic.ts'
import { vesselTopic } from './demo/vessels.ts'
import { StoreFullError, type LogStore, type Topic } from './log/log-store.ts'
import type { SchemaStore } from './schema-store.ts'

/** How many records each topic begins with. */
export interface DemoSizes {
  readonly vessels: number
  readonly payments: number
  readonly customers: number
  readonly orders: number
  readonly corrupt: number
  readonly input: number
}

export const DEMO_SIZES: DemoSizes = {
  vessels: 150_000,
  payments: 600_000,
  customers: 12_000,
  orders: 20_000,
  corrupt: 4_000,
  input: 5_000,
}
export const EMPTY_TOPIC = 'empty_topic'

export interface DemoOptions {
  readonly sizes?: Partial<DemoSizes>
  readonly clock?: Clock
}

/** A topic and how much of a record is due: some get less than one a second. */
interface Growing {
  readonly demo: DemoTopic
  due: number
}

/** Topics that grow until they are stopped. */
export interface DemoData {
  readonly topics: readonly string[]
  /** Adds one second's records at once. */
  grow(): void
  stop(): void
}

const GROW_EVERY_MS = 1000
/** What is kept of a topic when the store is full. */
const KEEP_SHARE = 0.75
/** Time spent on the history before other work gets its turn. */
const TURN_MS = 5
/** How often the clock is read. */
const RECORDS_A_LOOK = 64

/** Creates and fills the topics that are not there yet, and starts to let all of them grow. */
export async function loadDemoData(
  store: LogStore,
  schemas: SchemaStore,
  options: DemoOptions = {},
): Promise<DemoData> {
  const clock = options.clock ?? systemClock
  const sizes = { ...DEMO_SIZES, ...options.sizes }
  const topics = demoTopics((subject, schema) => schemas.register(subject, { schema: JSON.stringify(schema) }), sizes)
  for (const demo of topics) await fill(store, demo, clock)
  if (!store.topics.has(EMPTY_TOPIC)) store.createTopic(EMPTY_TOPIC, { partitions: 2 })
  const growing: Growing[] = topics.map((demo) => ({ demo, due: 0 }))
  const grow = () => {
    for (const one of growing) growOne(store, one, clock.now())
  }
  const timer = clock.every(GROW_EVERY_MS, grow)
  return { topics: [...topics.map((demo) => demo.name), EMPTY_TOPIC], grow, stop: () => timer.cancel() }
}

/** The order gives the schemas their ids: those of the vessels are 4 and 5, as in the specification's sample. */
function demoTopics(register: Register, sizes: DemoSizes): DemoTopic[] {
  const payments = avroPayments(register, sizes.payments)
  const orders = ordersTopic(register, sizes.orders)
  const corrupt = corruptTopic(register, sizes.corrupt)
  return [
    vesselTopic(register, sizes.vessels),
    payments,
    jsonPayments(sizes.payments),
    customersTopic(sizes.customers),
    orders,
    corrupt,
    inputTopic(sizes.input),
  ]
}

async function fill(store: LogStore, demo: DemoTopic, clock: Clock): Promise<void> {
  if (store.topics.has(demo.name)) return
  const topic = store.createTopic(demo.name, { partitions: demo.partitions, config: demo.config })
  const writers = topic.partitions.map(() => new BatchWriter(demo.batchBytes * 2))
  const add: AddRecord = (partition, timestampMs, key, value, headers) => {
    const writer = writers[partition].add(timestampMs, key, value, headers)
    if (writer.sizeBytes >= demo.batchBytes) flush(store, topic, partition, writer, demo)
  }
  let turnEnds = clock.monotonic() + TURN_MS
  for (let i = 0; i < demo.history; i++) {
    demo.past(i, add)
    if (i % RECORDS_A_LOOK !== 0 || clock.monotonic() < turnEnds) continue
    await nextTurn()
    turnEnds = clock.monotonic() + TURN_MS
  }
  for (const [partition, writer] of writers.entries())
    if (writer.count > 0) flush(store, topic, partition, writer, demo)
}

function flush(store: LogStore, topic: Topic, partition: number, writer: BatchWriter, demo: DemoTopic): void {
  const log = topic.partitions[partition]
  const gap = log.end === 0 ? 0 : (demo.gap ?? 0)
  store.append(log, writer.finish({ codec: demo.codec, baseOffset: log.end + gap }), { keepOffsets: true })
}

function growOne(store: LogStore, one: Growing, nowMs: number): void {
  const { demo } = one
  const topic = store.topics.get(demo.name)
  one.due += demo.perSecond
  if (topic === undefined) return
  const writers = topic.partitions.map(() => new BatchWriter(1024))
  for (; one.due >= 1; one.due--)
    demo.present(
      nowMs,
      (partition, timestampMs, key, value, headers) => void writers[partition].add(timestampMs, key, value, headers),
    )
  for (const [partition, writer] of writers.entries())
    if (writer.count > 0) appendOrTrim(store, topic, partition, writer.finish())
}

/**
 * A full store makes room at the expense of this topic's oldest data; where that is not enough (others fill the store)
 * the records are left out.
 */
function appendOrTrim(store: LogStore, topic: Topic, partition: number, batch: Buffer): void {
  for (let tries = 0; tries < 2; tries++) {
    try {
      store.append(topic.partitions[partition], batch)
      return
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error
      for (const log of topic.partitions) log.trim(log.sizeBytes * KEEP_SHARE)
    }
  }
}
