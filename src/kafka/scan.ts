/**
 * One scan: deals ranges out to lanes, hands the batches of their answers on one by one, in place, and deals with what goes wrong on the way (leaders that move, brokers that
 * go away, log heads that are deleted). Control batches, aborted transactions and batches outside the wanted range or time stop here. Decodes no record.
 */
import { systemClock } from '../lib/clock.ts'
import { Ahead } from './ahead.ts'
import { type Cluster, EARLIEST, LATEST, pause } from './cluster.ts'
import { Decompressor, type Plain } from './compression.ts'
import { brokerError, clientError, ERROR } from './errors.ts'
import type { FramePool } from './frame-pool.ts'
import { type Fetched, Lane, type LaneOwner, type Region, Segment } from './lane.ts'
import { type BatchSource, type Isolation, KafkaError, type OffsetRange, type PartitionProgress, type RecordBatch, type ScanRequest } from './log.ts'
import { BatchHeader, CODECS, checksumFits, controlType } from './record-batch.ts'
import { CodecError } from './output.ts'

/** Two connections on one thread beat one: the broker fills one while we work on the other's answer. */
const LANES_PER_BROKER = 2
/** Fewer offsets than this on a broker are read over one connection. */
const SECOND_LANE_OFFSETS = 20_000
const FIRST_FETCH_BYTES = 256 * 1024
const FETCH_MAX_BYTES = 4 * 1024 * 1024
const FETCH_MIN_BYTES = 64 * 1024
/** All frames of a scan together, about. `kafka.scan.memory` */
const SCAN_BYTES = 32 * 1024 * 1024
/** A guess at a record's size, for scans with a limit. */
const GUESSED_RECORD_BYTES = 512

class ReusedBatch implements RecordBatch {
  partition = 0
  buffer: Buffer = Buffer.alloc(0)
  view: DataView = new DataView(this.buffer.buffer, 0, 0)
  from = 0
  to = 0
  count = 0
  baseOffset = 0
  baseTimestamp = -1
  maxTimestamp = -1
  logAppendTime = false
  lastOffset = 0
  rangeStart = 0
  rangeEnd = 0
  clipped = false
  fault: string | undefined = undefined
}

export interface ScanOptions {
  readonly checkCrcs?: boolean
  readonly decompressedBatchMaxBytes?: number
}

type Progress = { -readonly [K in keyof PartitionProgress]: PartitionProgress[K] }
type Next = RecordBatch | undefined | Promise<RecordBatch | undefined>

export class Scan implements BatchSource, LaneOwner {
  readonly topic: string
  readonly isolation: Isolation
  readonly cluster: Cluster
  readonly frames: FramePool
  readonly signal: AbortSignal
  readonly depth: number
  readonly firstFetchBytes: number
  readonly progress: Progress[] = []

  readonly #request: ScanRequest
  readonly #checkCrcs: boolean
  readonly #decompressor: Decompressor
  readonly #ahead: Ahead
  readonly #stop = new AbortController()
  #segments: Segment[] = []
  #lanes: Lane[] = []
  #homeless: Segment[] = []
  #settling = false
  #started = false
  #closed = false
  #error: unknown
  #waiting: { resolve(next: Next): void; reject(error: unknown): void } | undefined
  readonly #ready: Fetched[] = []

  /** What is being consumed: an answer, its region, the place in it. */
  #current: Fetched | undefined
  #regionAt = 0
  #region: Region | undefined
  #at = 0
  #aborted: { producerId: number; firstOffset: number }[] = []
  readonly #abortedProducers = new Set<number>()
  readonly #header = new BatchHeader()
  readonly #batch = new ReusedBatch()

  constructor(cluster: Cluster, frames: FramePool, request: ScanRequest, signal: AbortSignal, options: ScanOptions) {
    this.cluster = cluster
    this.frames = frames
    this.topic = request.topic
    this.isolation = request.isolation
    this.signal = this.#stop.signal
    this.#request = request
    this.#checkCrcs = options.checkCrcs ?? true
    this.#decompressor = new Decompressor(options.decompressedBatchMaxBytes)
    this.#ahead = new Ahead(this.#decompressor)
    const max = request.fetchMaxBytes ?? FETCH_MAX_BYTES
    this.depth = request.limit === undefined ? 2 : 1
    this.firstFetchBytes = Math.min(
      max,
      request.limit === undefined ? FIRST_FETCH_BYTES : Math.max(FETCH_MIN_BYTES, Math.min(request.limit * GUESSED_RECORD_BYTES, FETCH_MAX_BYTES)),
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
    if (this.#error !== undefined && this.#current === undefined && this.#ready.length === 0) return Promise.reject(this.#error)
    if (this.#closed) return undefined
    if (this.#started) return this.#step()
    this.#started = true
    const first = this.#wait()
    this.#start().catch((error: unknown) => this.fail(error))
    return first
  }

  close(): void {
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

  troubled(lane: Lane, segment: Segment, code: number): void {
    const error = brokerError(code, `Reading "${this.topic}" partition ${segment.partition}`)
    if (code === ERROR.offsetOutOfRange) {
      this.#outOfRange(lane, segment, error).catch((failure: unknown) => this.fail(failure))
    } else if (error.retriable) {
      lane.remove(segment)
      this.#rehome([segment], error)
    } else this.fail(error)
  }

  lost(lane: Lane, segments: readonly Segment[], error: KafkaError): void {
    this.#lanes = this.#lanes.filter((other) => other !== lane)
    if (!error.retriable) this.fail(error)
    else this.#rehome(segments, error)
  }

  /** No more can be fetched; what is at hand is handed out first. */
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
    // The frame being consumed is not given back: somebody may still look at the last batch.
    this.#current = undefined
    this.#stop.abort()
  }

  #addProgress(range: OffsetRange): void {
    const known = this.progress.at(-1)
    if (known !== undefined && known.partition === range.partition) Object.assign(known, { end: Math.max(known.end, range.end) })
    else
      this.progress.push({
        partition: range.partition,
        begin: range.start,
        end: Math.max(range.start, range.end),
        position: range.start,
        bytesRead: 0,
        lost: 0,
      })
  }

  // Where to read what.

  async #start(): Promise<void> {
    const ranges = this.#request.ranges.filter((range) => range.start < range.end)
    if (ranges.length > 0) {
      let topic = await this.cluster.topic(this.topic, { signal: this.signal })
      // What is remembered may be older than a partition.
      if (ranges.some((range) => topic.partitions.every((partition) => partition.partition !== range.partition))) {
        topic = await this.cluster.topic(this.topic, { signal: this.signal, fresh: true })
      }
      const leaders = new Map(topic.partitions.map((partition) => [partition.partition, partition.leader]))
      const byLeader = new Map<number, OffsetRange[]>()
      for (const range of ranges) {
        const leader = leaders.get(range.partition)
        if (leader === undefined)
          throw new KafkaError(ERROR.unknownTopicOrPartition, 'UNKNOWN_TOPIC_OR_PARTITION', `Topic "${this.topic}" has no partition ${range.partition}`, false)
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), range])
      }
      for (const [leader, list] of byLeader) this.#deal(leader, list)
    }
    for (const lane of this.#lanes) lane.pump()
    if (this.#homeless.length > 0) this.#rehome([], brokerError(ERROR.leaderNotAvailable, `Reading "${this.topic}"`))
    this.#wake()
  }

  #deal(leader: number, ranges: readonly OffsetRange[]): void {
    const hands = this.#split(ranges)
    for (const hand of hands) {
      const segments = [...hand].map(
        ([partition, list]) => new Segment(partition, this.progress.find((entry) => entry.partition === partition) as Progress, list),
      )
      this.#segments.push(...segments)
      if (leader < 0) {
        this.#homeless.push(...segments)
        continue
      }
      const lane = new Lane(this.cluster.broker(leader), this)
      for (const segment of segments) lane.add(segment)
      this.#lanes.push(lane)
    }
  }

  /** Into one or two hands of about the same number of offsets. A partition stays whole unless order does not matter. */
  #split(ranges: readonly OffsetRange[]): Map<number, OffsetRange[]>[] {
    const total = ranges.reduce((sum, range) => sum + range.end - range.start, 0)
    const partitions = [...Map.groupBy(ranges, (range) => range.partition).values()]
    const single = total < SECOND_LANE_OFFSETS || this.#request.limit !== undefined || (partitions.length === 1 && !this.#request.unordered)
    const hands: OffsetRange[][] = Array.from({ length: single ? 1 : LANES_PER_BROKER }, () => [])
    if (single) hands[0].push(...ranges)
    else if (this.#request.unordered) cut(ranges, total / 2, hands)
    else {
      const sizes = hands.map(() => 0)
      const sized = partitions.map((list) => ({ list, size: list.reduce((sum, range) => sum + range.end - range.start, 0) })).sort((a, b) => b.size - a.size)
      for (const { list, size } of sized) {
        const least = sizes.indexOf(Math.min(...sizes))
        sizes[least] += size
        hands[least].push(...list)
      }
    }
    return hands.filter((hand) => hand.length > 0).map((hand) => Map.groupBy(hand, (range) => range.partition))
  }

  // Trouble.

  /** Finds new lanes for segments, with pauses that grow, until one of them has made no progress for `kafka.retry.timeout`. */
  #rehome(segments: readonly Segment[], error: KafkaError): void {
    const nowMs = systemClock.now()
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
        this.#wake()
      },
      (failure: unknown) => this.fail(failure),
    )
  }

  async #settle(first: KafkaError): Promise<void> {
    let error = first
    while (this.#homeless.length > 0) {
      const nowMs = systemClock.now()
      const oldestMs = Math.min(...this.#homeless.map((segment) => segment.stalledSinceMs || nowMs))
      if (nowMs - oldestMs > this.cluster.retryTimeoutMs) {
        throw new KafkaError(error.code, error.errorName, `${error.message}. No progress for ${this.cluster.retryTimeoutMs} ms (kafka.retry.timeout)`, false)
      }
      await pause(pauseMs(Math.max(...this.#homeless.map((segment) => segment.attempts))), this.signal)
      try {
        const topic = await this.cluster.topic(this.topic, { fresh: true, signal: this.signal })
        for (const segment of this.#homeless.splice(0)) {
          const leader = topic.partitions.find((partition) => partition.partition === segment.partition)?.leader ?? -1
          if (leader >= 0) this.#place(segment, leader)
          else {
            error = brokerError(ERROR.leaderNotAvailable, `Reading "${this.topic}" partition ${segment.partition}`)
            segment.attempts++
            this.#homeless.push(segment)
          }
        }
      } catch (failure) {
        if (!(failure instanceof KafkaError)) throw failure
        if (failure.code === ERROR.unknownTopicOrPartition)
          throw new KafkaError(failure.code, failure.errorName, `Topic "${this.topic}" was deleted while it was read`, false)
        if (!failure.retriable) throw failure
        error = failure
        for (const segment of this.#homeless) segment.attempts++
      }
      for (const lane of [...this.#lanes]) lane.pump()
    }
  }

  #place(segment: Segment, leader: number): void {
    const broker = this.cluster.broker(leader)
    const there = this.#lanes.filter((lane) => !lane.closed && lane.address.host === broker.host && lane.address.port === broker.port)
    let lane = there.sort((a, b) => a.load - b.load)[0]
    if (lane === undefined || (lane.load > 0 && there.length < LANES_PER_BROKER && this.depth > 1)) {
      lane = new Lane(broker, this)
      this.#lanes.push(lane)
    }
    lane.add(segment)
  }

  /** The log start moved beyond the position: goes on there, and counts what is lost. */
  async #outOfRange(lane: Lane, segment: Segment, error: KafkaError): Promise<void> {
    const ask = (place: number) => this.cluster.listOffsets(this.topic, [segment.partition], place, 'read_uncommitted', { signal: this.signal })
    const [starts, ends] = await Promise.all([ask(EARLIEST), ask(LATEST)])
    if (this.#closed) return
    const start = starts.get(segment.partition) as number
    const end = ends.get(segment.partition) as number
    if (start > segment.position) {
      segment.progress.lost += segment.skip(start)
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

  // Handing out.

  #wait(): Promise<RecordBatch | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  #wake(): void {
    const waiting = this.#waiting
    if (waiting === undefined || !this.#started) return
    if (this.#ready.length === 0 && this.#error === undefined && !this.#finished()) return
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
      if (this.#current !== undefined) {
        const batch = this.#inFrame(this.#current)
        if (batch !== undefined) return batch
      }
      const fetched = this.#ready.shift()
      if (fetched !== undefined) {
        this.#current = fetched
        this.#regionAt = 0
        this.#region = undefined
        continue
      }
      if (this.#error !== undefined) return Promise.reject(this.#error)
      if (!this.#finished()) return this.#wait()
      for (const entry of this.progress) entry.position = entry.end
      this.#end()
      return undefined
    }
  }

  /** The next batch of the answer at hand; undefined when it is used up, and given back. */
  #inFrame(fetched: Fetched): Next {
    const header = this.#header
    for (;;) {
      const region = this.#region
      if (region === undefined) {
        const next = fetched.regions[this.#regionAt++]
        if (next === undefined) {
          this.#current = undefined
          fetched.lane.consumed(fetched.frame)
          return undefined
        }
        this.#enter(next)
        continue
      }
      const at = this.#at
      if (at >= region.to || !header.open(fetched.frame.view, at, region.to)) {
        this.#region = undefined
        continue
      }
      this.#at = at + header.size
      region.segment.hand(Math.min(header.lastOffset + 1, region.end), header.size)
      if (header.lastOffset < region.start || header.baseOffset >= region.end) continue
      const fault = this.#fault(fetched, at)
      if (fault !== undefined) return this.#faulty(fetched, region, fault)
      if (this.#passOver(fetched)) continue
      return this.#handOut(fetched, region)
    }
  }

  #enter(region: Region): void {
    this.#region = region
    this.#at = region.from
    this.#ahead.forget()
    if (this.isolation !== 'read_committed') return
    this.#abortedProducers.clear()
    this.#aborted = []
    for (let i = 0; i < region.aborted.length; i += 2) this.#aborted.push({ producerId: region.aborted[i], firstOffset: region.aborted[i + 1] })
    if (this.#aborted.length > 1) this.#aborted.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  #fault(fetched: Fetched, at: number): string | undefined {
    const header = this.#header
    if (header.magic !== 2) {
      return header.magic === 0 || header.magic === 1
        ? `message format v${header.magic} is too old to be read (only v2 is, written since Kafka 0.11): copy the topic with a current producer`
        : `message format ${header.magic} is unknown`
    }
    if (this.#checkCrcs && this.#request.headersOnly !== true && !checksumFits(fetched.frame.buffer, fetched.frame.view, at, header.to))
      return 'the checksum (CRC-32C) does not fit: the batch is damaged'
    if (header.count < 0 || header.count > header.lastOffset - header.baseOffset + 1)
      return `the batch says that it has ${header.count} records, which cannot be`
    return undefined
  }

  /** As far as the header alone can tell. */
  readonly #wanted = (header: BatchHeader): boolean => {
    const region = this.#region as Region
    const since = this.#request.minTimestampMs ?? -1
    return !header.control && header.lastOffset >= region.start && header.baseOffset < region.end && (header.maxTimestamp < 0 || header.maxTimestamp >= since)
  }

  /** Control batches, aborted transactions, batches without records, and batches that are too old. */
  #passOver(fetched: Fetched): boolean {
    const header = this.#header
    if (this.#aborted.length > 0) {
      while (this.#aborted.length > 0 && this.#aborted[0].firstOffset <= header.lastOffset)
        this.#abortedProducers.add((this.#aborted.shift() as { producerId: number }).producerId)
    }
    if (header.control) {
      if (this.#abortedProducers.size > 0 && controlType(fetched.frame.buffer, header.from, header.to) === 0) this.#abortedProducers.delete(header.producerId)
      return true
    }
    if (header.transactional && this.#abortedProducers.size > 0 && this.#abortedProducers.has(header.producerId)) return true
    if (header.count === 0) return true
    const since = this.#request.minTimestampMs
    return since !== undefined && header.maxTimestamp >= 0 && header.maxTimestamp < since
  }

  #handOut(fetched: Fetched, region: Region): RecordBatch | Promise<RecordBatch> {
    const header = this.#header
    const batch = this.#fill(fetched, region)
    if (this.#request.headersOnly === true) return batch
    if (header.codec === 0) {
      batch.from = header.from
      batch.to = header.to
      return batch
    }
    const begun = this.depth > 1 ? this.#ahead.take(header.to - header.size) : undefined
    if (this.depth > 1) this.#ahead.plan(fetched.frame, this.#at, region.to, this.#wanted)
    if (begun !== undefined) return this.#later(begun, batch)
    try {
      const plain = this.#decompressor.run(header.codec, fetched.frame.buffer, fetched.frame.view, header.from, header.to)
      return plain instanceof Promise ? this.#later(plain, batch) : this.#put(plain, batch)
    } catch (error) {
      return this.#damaged(error, batch)
    }
  }

  async #later(plain: Promise<Plain>, batch: ReusedBatch): Promise<RecordBatch> {
    try {
      this.#put(await plain, batch)
    } catch (error) {
      this.#damaged(error, batch)
    }
    if (this.#closed && this.#error !== undefined) throw this.#error
    return batch
  }

  #put(plain: Plain, batch: ReusedBatch): RecordBatch {
    batch.buffer = plain.buffer
    batch.view = plain.view
    batch.from = plain.from
    batch.to = plain.to
    return batch
  }

  #damaged(error: unknown, batch: ReusedBatch): RecordBatch {
    if (!(error instanceof CodecError)) throw error
    batch.fault = `batch at offset ${batch.baseOffset} (${CODECS[this.#header.codec] ?? 'unknown codec'}): ${error.message}`
    return batch
  }

  #faulty(fetched: Fetched, region: Region, why: string): RecordBatch {
    const header = this.#header
    const batch = this.#fill(fetched, region)
    const span = header.lastOffset - header.baseOffset + 1
    batch.count = header.count > 0 && header.count <= span && header.count <= header.size ? header.count : 1
    batch.fault = `batch at offset ${header.baseOffset}: ${why}`
    return batch
  }

  #fill(fetched: Fetched, region: Region): ReusedBatch {
    const header = this.#header
    const batch = this.#batch
    batch.partition = region.segment.partition
    batch.buffer = fetched.frame.buffer
    batch.view = fetched.frame.view
    batch.from = header.from
    batch.to = header.from
    batch.count = header.count
    batch.baseOffset = header.baseOffset
    batch.baseTimestamp = header.baseTimestamp
    batch.maxTimestamp = header.maxTimestamp
    batch.logAppendTime = header.logAppendTime
    batch.lastOffset = header.lastOffset
    batch.rangeStart = region.start
    batch.rangeEnd = region.end
    batch.clipped = header.baseOffset < region.start || header.lastOffset >= region.end
    batch.fault = undefined
    return batch
  }
}

/** Deals ranges into two hands at `half` offsets, in the middle of a range if need be. */
function cut(ranges: readonly OffsetRange[], half: number, hands: OffsetRange[][]): void {
  let dealt = 0
  for (const range of ranges) {
    const middle = range.start + Math.floor(half - dealt)
    dealt += range.end - range.start
    if (middle >= range.end) hands[0].push(range)
    else if (middle <= range.start) hands[1].push(range)
    else hands[0].push({ ...range, end: middle }) && hands[1].push({ ...range, start: middle })
  }
}

/** The first attempt comes at once: an idle connection that the broker had closed meanwhile is the common case. */
function pauseMs(attempts: number): number {
  return attempts <= 1 ? 0 : Math.min(20 * 2 ** (attempts - 1), 1000)
}
