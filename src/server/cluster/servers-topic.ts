/**
 * The topic in which servers speak to each other: one partition, kept for minutes. It is created where it is absent,
 * read from its end on, and found again after any trouble. It never fails: while it cannot be read or written the
 * server is alone, which `condition` says.
 */
import { createShared, ready } from '../../catalog/state/topic-setup.ts'
import { NotWritten, produce } from '../../kafka/admin/produce.ts'
import type { Cluster } from '../../kafka/cluster.ts'
import { ERROR } from '../../kafka/errors.ts'
import { KafkaError, type KafkaLog, type RecordBatch } from '../../kafka/log.ts'
import { readRecords } from '../../kafka/read/record-batch.ts'
import { WireError } from '../../kafka/wire/primitives.ts'
import { type Clock, sleep } from '../../lib/clock.ts'
import type { Log } from '../log.ts'
import type { Message, Messages } from './messages.ts'
import { SILENCE_MS } from './other-servers.ts'

/** What the account of the server needs on the topic. */
const RIGHTS_NEEDED = 'READ, WRITE and DESCRIBE, and CREATE where it is absent,'

/** Of a topic that is created: what is older than some seconds is of no use. */
const CONFIG = {
  'cleanup.policy': 'delete',
  'retention.ms': '600000',
  'segment.ms': '600000',
  'retention.bytes': String(64 * 1024 * 1024),
  'segment.bytes': String(16 * 1024 * 1024),
}
/**
 * Limit `servers.unsent` (records): that wait to be written to the topic of the servers. Beyond it: the oldest one is not
 * sent, so that whoever waits for it hears nothing.
 */
const MAX_UNSENT = 1000
/** How long the offsets and the topic itself may take. */
const ANSWER_MS = 10_000
/** Whoever hears of a new server says how it is itself, within about a second. */
const ANSWERED_MS = 2000
/** Why not everything is known of the others. */
export const JUST_STARTED = 'this server has just started and has not heard all others yet'
const FIRST_PAUSE_MS = 100
/** Not a limit: the longest wait between attempts at reading or writing the topic again. */
const LONGEST_PAUSE_MS = 5000
/** A batch of records takes no more memory than this. */
const BATCH_BYTES = 2 * 1024 * 1024

export interface ServersTopicOptions {
  /** Closed with this. */
  readonly cluster: Cluster
  readonly kafka: KafkaLog
  readonly topic: string
  readonly replication?: number
  readonly messages: Messages
  readonly clock: Clock
  readonly log: Log
  received(message: Message): void
}

export class ServersTopic {
  readonly #options: ServersTopicOptions
  readonly #closed = new AbortController()
  #unsent: Message[] = []
  #wake: () => void = () => undefined
  #isPrepared = false
  #problem = ''
  #noted = ''
  #notedBad = false
  /** When something of this server was read last, and first since the topic is followed from its end. */
  #heardMs: number
  #firstHeardMs: number | undefined
  /** Records that said nothing. */
  passedOver = 0

  constructor(options: ServersTopicOptions) {
    this.#options = options
    this.#heardMs = options.clock.monotonic()
  }

  /** Whether only records that are signed count. */
  get isSigned(): boolean {
    return this.#options.messages.isSigned
  }

  /** Why the topic cannot be used at the moment; empty: it can. */
  get problem(): string {
    const { clock } = this.#options
    if (this.#problem !== '') return this.#problem
    const now = clock.monotonic()
    if (this.#firstHeardMs === undefined && now - this.#heardMs <= SILENCE_MS) return JUST_STARTED
    if (now - this.#heardMs <= SILENCE_MS) return ''
    return `nothing of this server came back for more than ${SILENCE_MS} ms (servers.silence)`
  }

  /** The others have not had the time yet to say how they are: what is not known of them may still come. */
  get isNew(): boolean {
    const now = this.#options.clock.monotonic()
    return this.#firstHeardMs === undefined || now - this.#firstHeardMs < ANSWERED_MS
  }

  begin(): void {
    void this.#keepReading()
    void this.#keepWriting()
  }

  /** To be sent as soon as possible; of presences the newest alone. */
  send(message: Message): void {
    if (message.kind === 'presence') this.#unsent = this.#unsent.filter(({ kind }) => kind !== 'presence')
    this.#unsent.push(message)
    if (this.#unsent.length > MAX_UNSENT) this.#unsent.shift()
    this.#wake()
  }

  /** Something of this server was read. */
  heardItself(): void {
    this.#heardMs = this.#options.clock.monotonic()
    this.#firstHeardMs ??= this.#heardMs
    this.#isWell()
  }

  /** What was read cannot be used: said once, then counted. */
  passOver(reason: string, offset?: number): void {
    this.passedOver++
    if (this.#notedBad) return
    this.#notedBad = true
    const { topic, log } = this.#options
    log.warn(
      { topic, offset, reason },
      'a record of the topic of the servers was passed over; further ones are only counted (sluice_servers_records_passed_over_total)',
    )
  }

  /** Sends what is left, for `ms` at most. */
  async close(ms: number): Promise<void> {
    const { cluster, clock, topic } = this.#options
    const last = this.#unsent.splice(0).filter(({ kind }) => kind !== 'presence')
    if (this.#isPrepared && this.problem === '' && last.length > 0) {
      const hurry = new AbortController()
      const timer = clock.after(ms, () => hurry.abort(new Error('the server is stopping')))
      const records = last.map((message) => this.#options.messages.recordOf(message))
      await produce(cluster, topic, records, hurry.signal).catch(() => undefined)
      timer.cancel()
    }
    this.#closed.abort(new Error('the server is stopping'))
    this.#wake()
    cluster.close()
  }

  async #keepReading(): Promise<void> {
    await this.#keepOn(async (again) => {
      const topicId = await this.#prepare()
      this.#isPrepared = true
      this.#wake()
      again()
      await this.#follow(topicId)
    })
  }

  async #keepWriting(): Promise<void> {
    const { cluster, topic, messages } = this.#options
    const { signal } = this.#closed
    await this.#keepOn(async (again) => {
      while (!signal.aborted) {
        if (this.#unsent.length === 0 || !this.#isPrepared) {
          const due = Promise.withResolvers<void>()
          this.#wake = due.resolve
          await due.promise
          continue
        }
        // What cannot be written is not tried again: the next presence says more.
        const records = this.#unsent.splice(0).map((message) => messages.recordOf(message))
        await produce(cluster, topic, records, signal)
        again()
      }
    })
  }

  /** Does the work over and over, with longer and longer pauses unless it says that it goes well. */
  async #keepOn(work: (again: () => void) => Promise<void>): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#closed
    let pauseMs = FIRST_PAUSE_MS
    while (!signal.aborted) {
      try {
        await work(() => {
          pauseMs = FIRST_PAUSE_MS
        })
      } catch (error) {
        if (signal.aborted) return
        this.#isDown(error)
      }
      await sleep(clock, pauseMs, signal).catch(() => undefined)
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    }
  }

  /** Gives the id of the topic, which is created where it is absent. */
  async #prepare(): Promise<string | undefined> {
    const { cluster, topic, replication, clock } = this.#options
    const { signal } = this.#closed
    const deadlineMs = clock.monotonic() + ANSWER_MS
    const found = await cluster.metadata([topic], { fresh: true, signal, deadlineMs })
    let [metadata] = found.topics
    if (metadata.error?.code === ERROR.unknownTopicOrPartition) {
      await createShared(cluster, found.brokers.length, { topic, replication, config: CONFIG, signal })
      metadata = await ready(cluster, topic, deadlineMs, signal)
    }
    if (metadata.error !== undefined) throw metadata.error
    return metadata.id
  }

  async #follow(topicId: string | undefined): Promise<void> {
    const { kafka, topic } = this.#options
    const { signal } = this.#closed
    // A transaction that somebody leaves open must not hold it up.
    const isolation = 'read_uncommitted'
    // What was said meanwhile is not read: the others have to be heard anew.
    this.#firstHeardMs = undefined
    const [{ end: start }] = await kafka.bounds(topic, [0], { isolation, timeoutMs: ANSWER_MS, signal })
    const ranges = [{ partition: 0, start, end: Number.POSITIVE_INFINITY }]
    const follow = { firstNew: 1, rangesOf: () => [] }
    const limits = { fetchMaxBytes: BATCH_BYTES, decompressedBatchMaxBytes: BATCH_BYTES }
    const source = kafka.scan({ topic, topicId, ranges, follow, isolation, ...limits }, signal)
    try {
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) this.#takeBatch(batch)
    } finally {
      source.close()
    }
  }

  #takeBatch(batch: RecordBatch): void {
    if (batch.fault !== undefined) return this.passOver(batch.fault, batch.baseOffset)
    try {
      for (const record of readRecords(batch)) {
        const message = this.#options.messages.messageOf(record)
        if (typeof message === 'string') this.passOver(message, record.offset)
        else this.#options.received(message)
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error
      this.passOver(error.message, batch.baseOffset)
    }
  }

  #isDown(error: unknown): void {
    const { topic, log } = this.#options
    const said = error instanceof Error ? error.message : String(error)
    const isRight =
      (error instanceof KafkaError || error instanceof NotWritten) && /AUTHORIZATION_FAILED/.test(error.message)
    const reason = isRight ? `${said}. Allow ${RIGHTS_NEEDED} on it` : said
    this.#problem = reason
    if (this.#noted === reason) return
    this.#noted = reason
    log.warn(
      { topic, reason },
      'the topic of the servers cannot be used: this server is alone, its queries are not known to others nor theirs to it',
    )
  }

  #isWell(): void {
    const { topic, log } = this.#options
    this.#problem = ''
    if (this.#noted === '') return
    this.#noted = ''
    log.info({ topic }, 'the topic of the servers can be used again')
  }
}
