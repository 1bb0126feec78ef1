/**
 * One scan: deals ranges out to lanes, gives their answers to `delivery` one after the other, and deals with what goes
 * wrong on the way (leaders that move, brokers that go away, log heads that are deleted). Looks into no answer itself.
 */
import { there } from '../../lib/assert.ts'
import { systemClock } from '../../lib/clock.ts'
import { type Cluster, EARLIEST, LATEST, pause, type TopicMetadata } from '../cluster.ts'
import type { Address } from '../config.ts'
import { byLeader, deal, LANES_PER_BROKER, striped } from './deal.ts'
import { brokerError, clientError, ERROR, givenUp, madeAnew } from '../errors.ts'
import type { FramePool } from '../wire/frame-pool.ts'
import { Delivery, type ScanOptions } from './delivery.ts'
import { type Fetched, Lane, type LaneOwner } from './lane.ts'
import { Segment } from './segment.ts'
import {
  type BatchSource,
  type Isolation,
  KafkaError,
  type OffsetRange,
  type RecordBatch,
  type ScanRequest,
} from '../log.ts'
import { Progress } from './progress.ts'
import { placesNow } from '../leader-epochs.ts'
import { watchPartitions } from '../new-partitions.ts'
import { type Span, Stripes } from './stripes.ts'

const FIRST_FETCH_BYTES = 256 * 1024
/** Not a limit: the size of fetches for a few rows; `fetch.max.bytes` is the limit. */
const FETCH_MAX_BYTES = 2 * 1024 * 1024
const FETCH_MIN_BYTES = 64 * 1024
/** A little less than a lane holds: while one lane's stripe is worked on, the other one's comes whole. */
const FETCHES_PER_STRIPE = 1.75
/** Limit `kafka.scan.memory` (bytes): all frames of one scan together, about. Beyond it: less is asked for at once. */
const SCAN_BYTES = 32 * 1024 * 1024
/** A guess at a record's size, for scans with a limit. */
const GUESSED_RECORD_BYTES = 512

type Next = RecordBatch | undefined | Promise<RecordBatch | undefined>

export class Scan implements BatchSource, LaneOwner {
  readonly topic: string
  topicId: string | undefined
  readonly isolation: Isolation
  readonly cluster: Cluster
  readonly frames: FramePool
  readonly signal: AbortSignal
  readonly depth: number
  readonly follows: boolean
  readonly firstFetchBytes: number
  readonly checked: boolean
  readonly progress: Progress[] = []
  readonly #tally = { bytes: 0 }

  readonly #request: ScanRequest
  readonly #delivery: Delivery
  readonly #stop = new AbortController()
  #segments: Segment[] = []
  /** Of a scan of one partition in order, until something goes wrong. */
  #stripes: Stripes | undefined
  #lanes: Lane[] = []
  #homeless: Segment[] = []
  #settling = false
  #started = false
  #closed = false
  #error: unknown
  #waiting: { resolve(next: Next): void; reject(error: unknown): void } | undefined
  readonly #ready: Fetched[] = []

  constructor(cluster: Cluster, frames: FramePool, request: ScanRequest, signal: AbortSignal, options: ScanOptions) {
    this.cluster = cluster
    this.frames = frames
    this.topic = request.topic
    this.topicId = request.topicId
    this.isolation = request.isolation
    this.signal = this.#stop.signal
    this.#request = request
    this.#delivery = new Delivery(request, frames, options)
    this.checked = options.checkCrcs !== false
    const max = request.fetchMaxBytes ?? FETCH_MAX_BYTES
    this.depth = request.limit === undefined ? 2 : 1
    this.follows = request.follow !== undefined
    this.firstFetchBytes = Math.min(
      max,
      request.limit === undefined
        ? FIRST_FETCH_BYTES
        : Math.max(FETCH_MIN_BYTES, Math.min(request.limit * GUESSED_RECORD_BYTES, FETCH_MAX_BYTES)),
    )
    for (const range of request.ranges) this.#addProgress(range)
    if (signal.aborted) this.#abort(signal.reason)
    else {
      const onAbort = () => this.#abort(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      this.signal.addEventListener('abort', () => signal.removeEventListener('abort', onAbort), { once: true })
    }
  }

  next(): Next {
    const next = this.#next()
    // In the same turn in which it is handed over: nobody sees a batch that he has not got as read.
    if (next instanceof Promise)
      next.then(
        () => this.#delivery.arrived(),
        () => undefined,
      )
    else this.#delivery.arrived()
    return next
  }

  #next(): Next {
    if (this.#error !== undefined && (this.#closed || (!this.#delivery.busy && this.#ready.length === 0)))
      return Promise.reject(this.#error)
    if (this.#closed) return undefined
    if (this.#started) return this.#step()
    this.#started = true
    const first = this.#wait()
    this.#start().catch((error: unknown) => this.fail(error))
    return first
  }

  close(): void {
    this.#delivery.drop()
    if (this.#closed) return
    this.#end()
    this.#waiting?.resolve(undefined)
    this.#waiting = undefined
  }

  /** Largest fetch of a lane: all frames of all lanes stay within `kafka.scan.memory`. */
  fetchBytes(): number {
    const max = this.#request.fetchMaxBytes ?? FETCH_MAX_BYTES
    return Math.min(max, Math.max(FIRST_FETCH_BYTES, Math.floor(SCAN_BYTES / (2 * Math.max(1, this.#lanes.length)))))
  }

  ready(fetched: Fetched): void {
    this.#ready.push(fetched)
    this.#wake()
  }

  settled(): void {
    this.#wake()
  }

  troubled(lane: Lane, segment: Segment, error: KafkaError): void {
    if (this.#stripes !== undefined && (error.retriable || error.code === ERROR.offsetOutOfRange)) {
      this.#rehome([this.#single()], error)
    } else if (error.code === ERROR.offsetOutOfRange) {
      this.#outOfRange(lane, segment, error).catch((failure: unknown) => this.fail(failure))
    } else if (error.retriable) {
      lane.remove(segment)
      this.#rehome([segment], error)
    } else this.fail(error)
  }

  lost(lane: Lane, segments: readonly Segment[], error: KafkaError): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane)
    if (!error.retriable) this.fail(error)
    else this.#rehome(this.#stripes === undefined ? segments : [this.#single()], error)
  }

  stripeStalled(): void {
    if (this.#stripes !== undefined)
      this.#rehome([this.#single()], brokerError(ERROR.leaderNotAvailable, `Reading "${this.topic}"`))
  }

  /** No more can be fetched; what has been fetched is delivered first. */
  fail(error: unknown): void {
    if (this.#closed || this.#error !== undefined) return
    this.#error = error
    for (const lane of this.#lanes) lane.close()
    this.#stop.abort()
    this.#wake()
  }

  #abort(reason: unknown): void {
    if (this.#closed) return
    this.#error = reason
    this.#end()
    this.#waiting?.reject(reason)
    this.#waiting = undefined
  }

  #end(): void {
    this.#closed = true
    for (const lane of this.#lanes) lane.close()
    for (const { frame } of this.#ready.splice(0)) this.frames.give(frame)
    // The consumer may still look at the last batch: its frame is given back when he closes the scan.
    this.#delivery.stop()
    this.#stop.abort()
  }

  #addProgress(range: OffsetRange): void {
    const known = this.progress.at(-1)
    if (known !== undefined && known.partition === range.partition) known.add(range)
    else this.progress.push(new Progress(range, this.#tally))
  }

  get bytesRead(): number {
    return this.#tally.bytes
  }

  // Where to read what.

  async #start(): Promise<void> {
    const ranges = this.#request.ranges.filter((range) => range.start < range.end)
    if (ranges.length > 0) {
      let topic = await this.cluster.topic(this.topic, { signal: this.signal })
      // What is remembered may be older than a partition.
      const known = new Set(topic.partitions.map((partition) => partition.partition))
      if (ranges.some((range) => !known.has(range.partition))) {
        topic = await this.cluster.topic(this.topic, { signal: this.signal, fresh: true })
      }
      if (this.topicId === undefined) this.topicId = topic.id
      else if (topic.id !== this.topicId)
        this.#isTheTopic(await this.cluster.topic(this.topic, { signal: this.signal, fresh: true }))
      // What is known of the topic comes without a wait that an end of the scan could break off.
      if (this.#closed) return
      for (const [leader, list] of byLeader(ranges, topic)) this.#deal(leader, list)
      const epochs = new Map(topic.partitions.map(({ partition, leaderEpoch }) => [partition, leaderEpoch]))
      for (const segment of this.#segments) segment.ledSince(epochs.get(segment.partition) ?? -1)
    }
    for (const lane of this.#lanes) lane.pump()
    if (this.#homeless.length > 0) this.#rehome([], brokerError(ERROR.leaderNotAvailable, `Reading "${this.topic}"`))
    if (this.follows) watchPartitions(this, (topic) => this.#newPartitions(topic))
    this.#wake()
  }

  /** Begins with partitions that the topic has got since. One of another topic under the name fails when it is fetched. */
  #newPartitions(topic: TopicMetadata): void {
    if (this.#closed || this.#error !== undefined) return
    const known = new Set(this.progress.map((entry) => entry.partition))
    const first = this.#request.follow?.firstNew ?? 0
    for (const { partition, leader, leaderEpoch } of topic.partitions) {
      if (partition < first || known.has(partition)) continue
      const ranges = this.#request.follow?.rangesOf(partition) ?? []
      if (ranges.length === 0) continue
      for (const range of ranges) this.#addProgress(range)
      const segment = new Segment(partition, this.progress[this.progress.length - 1], ranges)
      segment.ledSince(leaderEpoch)
      this.#segments.push(segment)
      const broker = this.cluster.leader(leader)
      if (broker !== undefined) this.#place(segment, broker)
      else this.#rehome([segment], brokerError(ERROR.leaderNotAvailable, `Reading "${this.topic}"`))
    }
    for (const lane of [...this.#lanes]) lane.pump()
  }

  #deal(leader: number, ranges: readonly OffsetRange[]): void {
    const broker = this.cluster.leader(leader)
    const isAlone = !this.follows && this.#request.ranges.length === 1
    if (broker !== undefined && isAlone && striped(ranges, this.#request)) return this.#stripe(broker, ranges[0])
    // Two lanes would be two fetches that wait.
    const hands = this.follows ? [Map.groupBy(ranges, (range) => range.partition)] : deal(ranges, this.#request)
    const progress = new Map(this.progress.map((entry) => [entry.partition, entry]))
    for (const hand of hands) {
      const segments = [...hand].map(
        ([partition, list]) => new Segment(partition, there(progress.get(partition), 'each range is accounted'), list),
      )
      this.#segments.push(...segments)
      if (broker === undefined) {
        this.#homeless.push(...segments)
        continue
      }
      const lane = new Lane(broker, this)
      for (const segment of segments) lane.add(segment)
      this.#lanes.push(lane)
    }
  }

  #stripe(broker: Address, range: OffsetRange): void {
    const stripes = new Stripes(range, FETCHES_PER_STRIPE * this.fetchBytes())
    this.#stripes = stripes
    for (let i = 0; i < LANES_PER_BROKER; i++) {
      const lane = new Lane(broker, this)
      const segment = new Segment(range.partition, this.progress[0], [stripes.take() as Span], stripes)
      lane.add(segment)
      this.#segments.push(segment)
      this.#lanes.push(lane)
    }
  }

  // Trouble.

  /**
   * Gives up the stripes: what has not been delivered is read again, by one lane. Trouble is rare, and in one lane its
   * treatment is simple.
   */
  #single(): Segment {
    this.#stripes = undefined
    for (const lane of this.#lanes.splice(0)) lane.close()
    for (const { frame } of this.#ready.splice(0)) this.frames.give(frame)
    const [progress] = this.progress
    const segment = new Segment(progress.partition, progress, [
      { start: this.#delivery.next ?? progress.position, end: progress.end },
    ])
    segment.leaderEpoch = this.#segments[0].leaderEpoch
    this.#segments = [segment]
    return segment
  }

  /**
   * Finds new lanes for segments, with pauses that grow, until one of them has made no progress for
   * `kafka.retry.timeout`.
   */
  #rehome(segments: readonly Segment[], error: KafkaError): void {
    const nowMs = systemClock.monotonic()
    for (const segment of segments) {
      segment.attempts++
      if (segment.stalledSinceMs === 0) segment.stalledSinceMs = nowMs
      this.#homeless.push(segment)
    }
    if (this.#settling || this.#closed || this.#error !== undefined) return
    this.#settling = true
    this.#settle(error).then(
      () => {
        this.#settling = false
        // One that lost its place while the last ones found theirs.
        if (this.#homeless.length > 0) this.#rehome([], error)
        this.#wake()
      },
      (failure: unknown) => this.fail(failure),
    )
  }

  async #settle(first: KafkaError): Promise<void> {
    let error = first
    while (this.#homeless.length > 0) {
      const nowMs = systemClock.monotonic()
      for (const segment of this.#homeless) if (segment.stalledSinceMs === 0) segment.stalledSinceMs = nowMs
      const oldestMs = Math.min(...this.#homeless.map((segment) => segment.stalledSinceMs))
      if (nowMs - oldestMs > this.cluster.retryTimeoutMs) {
        throw givenUp(error, this.cluster.retryTimeoutMs)
      }
      await pause(pauseMs(Math.max(...this.#homeless.map((segment) => segment.attempts))), this.signal)
      try {
        const topic = await this.cluster.topic(this.topic, { fresh: true, signal: this.signal })
        if (this.#closed) return
        this.#isTheTopic(topic)
        const places = await placesNow(this.cluster, topic, this.#homeless.splice(0), this.signal)
        if (this.#closed) return
        for (const { segment, leader, leaderEpoch, trouble } of places) {
          if (trouble === undefined) {
            segment.ledSince(leaderEpoch)
            this.#place(segment, leader)
          } else {
            error = trouble
            segment.attempts++
            this.#homeless.push(segment)
          }
        }
      } catch (failure) {
        if (!(failure instanceof KafkaError)) throw failure
        if (failure.code === ERROR.unknownTopicOrPartition)
          throw new KafkaError(
            failure.code,
            failure.errorName,
            `Topic "${this.topic}" was deleted while it was read`,
            false,
          )
        if (!failure.retriable) throw failure
        error = failure
        for (const segment of this.#homeless) segment.attempts++
      }
      for (const lane of [...this.#lanes]) lane.pump()
    }
  }

  /** Throws for a topic that was deleted and created again under the name: its offsets are other ones. */
  #isTheTopic({ id }: TopicMetadata): void {
    if (id === this.topicId || id === undefined) return
    // Nobody said which one: what is remembered of the cluster was of the one before.
    if (this.#request.topicId === undefined && this.progress.every((part) => part.position === part.begin)) {
      this.topicId = id
      return
    }
    throw madeAnew(this.topic)
  }

  #place(segment: Segment, broker: Address): void {
    const there = this.#lanes.filter(
      (lane) => !lane.closed && lane.address.host === broker.host && lane.address.port === broker.port,
    )
    let lane = there.sort((a, b) => a.load - b.load)[0]
    if (this.follows && lane?.asking === true) lane = this.#inPlaceOf(lane, broker)
    else if (
      lane === undefined ||
      (lane.load > 0 && there.length < LANES_PER_BROKER && this.depth > 1 && !this.follows)
    ) {
      lane = new Lane(broker, this)
      this.#lanes.push(lane)
    }
    lane.add(segment)
  }

  /** What is added to a lane while its fetch waits would wait for it, too: another lane takes over what it reads. */
  #inPlaceOf(before: Lane, broker: Address): Lane {
    const lane = new Lane(broker, this)
    for (const segment of before.abandon()) lane.add(segment)
    this.#lanes = [...this.#lanes.filter((other) => other !== before), lane]
    return lane
  }

  /** The log start moved beyond the position: goes on there, and counts what is lost. */
  async #outOfRange(lane: Lane, segment: Segment, error: KafkaError): Promise<void> {
    const ask = (place: number) =>
      this.cluster.listOffsets(this.topic, [segment.partition], place, 'read_uncommitted', { signal: this.signal })
    const [starts, ends] = await Promise.all([ask(EARLIEST), ask(LATEST)])
    // Meanwhile another lane may have taken the segment over, and met the same.
    if (this.#closed || !lane.holds(segment)) return
    const start = starts.get(segment.partition) as number
    const end = ends.get(segment.partition) as number
    if (start > segment.position) {
      segment.skip(start)
      segment.parked = false
      lane.pump()
      this.#wake()
    } else if (end < segment.position) {
      throw clientError(
        'LOG_TRUNCATED',
        `"${this.topic}" partition ${segment.partition}: the log now ends at offset ${end}, before ${segment.position} where the query was reading: the topic was truncated, or deleted and created again`,
        false,
      )
    } else {
      lane.remove(segment)
      this.#rehome([segment], error)
    }
  }

  // Delivering.

  #wait(): Promise<RecordBatch | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  /** Place in `#ready` of the answer to be delivered next: of the stripe that is due, if there are stripes; -1 when it is not there. */
  #nextReady(): number {
    const stripes = this.#stripes
    if (stripes === undefined) return this.#ready.length > 0 ? 0 : -1
    const find = (span: Span | undefined) => this.#ready.findIndex((fetched) => fetched.regions[0].span === span)
    return find(stripes.due((span) => find(span) >= 0))
  }

  #wake(): void {
    const waiting = this.#waiting
    if (waiting === undefined || !this.#started) return
    if (this.#nextReady() < 0 && this.#error === undefined && !this.#finished()) return
    this.#waiting = undefined
    try {
      waiting.resolve(this.#step())
    } catch (error) {
      waiting.reject(error)
    }
  }

  #finished(): boolean {
    return (
      this.#homeless.length === 0 &&
      !this.#settling &&
      (this.#segments.length > 0 || this.#request.ranges.every((range) => range.start >= range.end)) &&
      this.#segments.every((segment) => segment.done)
    )
  }

  #step(): Next {
    for (;;) {
      const batch = this.#delivery.take()
      if (batch instanceof Promise) return this.#unlessEnded(batch)
      if (batch !== undefined) return batch
      const at = this.#nextReady()
      if (at >= 0) {
        this.#delivery.begin(this.#ready.splice(at, 1)[0])
        continue
      }
      if (this.#error !== undefined) return Promise.reject(this.#error)
      if (!this.#finished()) return this.#wait()
      for (const entry of this.progress) entry.finish()
      this.#end()
      return undefined
    }
  }

  /** An abort may come while a batch is being decompressed. */
  async #unlessEnded(batch: Promise<RecordBatch>): Promise<RecordBatch> {
    const found = await batch
    if (this.#closed && this.#error !== undefined) throw this.#error
    return found
  }
}

/** The first attempt comes at once: an idle connection that the broker had closed meanwhile is the common case. */
function pauseMs(attempts: number): number {
  return attempts <= 1 ? 0 : Math.min(20 * 2 ** (attempts - 1), 1000)
}
