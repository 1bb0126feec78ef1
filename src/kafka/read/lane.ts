/**
 * A lane: one connection to one broker on which one scan fetches some of its ranges, one request at a time, the next
 * one sent before the previous answer is consumed. It holds two frames at most: while both are full nothing is fetched,
 * which is how a slow consumer slows the broker down. It indexes the batches of an answer as far as they are wanted,
 * which also says where to go on. What to do about errors is decided by its scan.
 */
import { systemClock } from '../../lib/clock.ts'
import type { Cluster } from '../cluster.ts'
import { type Address, showAddress } from '../config.ts'
import { RESPONSE_MAX_BYTES } from '../wire/frame.ts'
import type { Connection } from '../wire/connection.ts'
import { brokerError, clientError, ERROR, leftOut } from '../errors.ts'
import {
  FETCH,
  FETCH_BY_NAME,
  type FetchAnswer,
  type FetchedPartition,
  FOLLOW_WAIT_MS,
  MAX_WAIT_MS,
  readFetch,
  writeFetch,
} from './fetch.ts'
import type { Frame, FramePool } from '../wire/frame-pool.ts'
import { type Isolation, KafkaError } from '../log.ts'
import { checksumFits } from './record-batch.ts'
import type { Segment } from './segment.ts'
import type { Span } from './stripes.ts'

/** Partitions in one request: more would only lengthen it, the broker fills them in order. `kafka.fetch.partitions` */
const PARTITIONS_PER_FETCH = 32
/**
 * Fetches in a row that bring nothing although the log should hold more: after this number of them, over at least
 * `kafka.gap.timeout`, the rest of the range is taken for a gap.
 */
const EMPTY_FETCHES = 3
/** An empty answer that came sooner is none of a broker that waits for what comes: it is not asked again at once. */
const WAITED_MS = 20
/** The longest pause of a scan that follows, between two fetches of which the first came back empty at once. */
const FOLLOW_PAUSE_MS = 80

/** The batches of one partition in a frame. */
export interface Region {
  readonly segment: Segment
  /** Numbers [first, last) of its batches in the index of the frame. */
  readonly first: number
  readonly last: number
  readonly span: Span
  /** The offset after its last batch. */
  readonly next: number
  readonly aborted: readonly number[]
}

/** An answer ready to be consumed. */
export interface Fetched {
  readonly lane: Lane
  readonly frame: Frame
  readonly regions: readonly Region[]
}

/** What a lane needs of its scan, and what it reports to it. */
export interface LaneOwner {
  readonly topic: string
  /** Known before the first lane is pumped, where the brokers give ids. */
  readonly topicId: string | undefined
  readonly isolation: Isolation
  readonly cluster: Cluster
  readonly frames: FramePool
  readonly signal: AbortSignal
  /** Frames in use at a time: 2, or 1 where little is wanted. */
  readonly depth: number
  /** The scan goes on with what comes: nothing is not a gap. */
  readonly follows: boolean
  readonly firstFetchBytes: number
  /** Checksums will be checked. */
  readonly checked: boolean
  fetchBytes(): number
  ready(fetched: Fetched): void
  /** This partition's fetch failed with an error of the broker. The segment is parked. */
  troubled(lane: Lane, segment: Segment, error: KafkaError): void
  /** The lane is dead: its segments need another one. */
  lost(lane: Lane, segments: readonly Segment[], error: KafkaError): void
  /** The scan cannot go on. */
  fail(error: unknown): void
  /** A fetch of a stripe brought nothing where there should be something. */
  stripeStalled(): void
  /** A segment is finished without bytes to consume. */
  settled(): void
}

export class Lane {
  readonly address: Address
  readonly #owner: LaneOwner
  #segments: Segment[] = []
  #connection: Connection | undefined
  #opening = false
  #asked: Segment[] | undefined
  #version = 0
  /** Frames filled or being filled. */
  #held = 0
  #filling: Frame | undefined
  #fetchBytes: number
  /** What the next batch is known to need. */
  #leastBytes = 0
  /** Of the fetch under way, or of the last one. */
  #askedBytes = 0
  #pausedUntilMs = 0
  /** When the fetch under way, or the last one, was sent. */
  #sentAtMs = 0
  #closed = false

  constructor(address: Address, owner: LaneOwner) {
    this.address = address
    this.#owner = owner
    this.#fetchBytes = owner.firstFetchBytes
  }

  get load(): number {
    return this.#segments.length
  }

  get closed(): boolean {
    return this.#closed
  }

  add(segment: Segment): void {
    segment.parked = false
    this.#segments.push(segment)
  }

  /** Whether an answer is due: what is added now is not asked for before it has come. */
  get asking(): boolean {
    return this.#asked !== undefined
  }

  /** Whether the segment is read here. */
  holds(segment: Segment): boolean {
    return this.#segments.includes(segment)
  }

  /** Ends the lane, and gives what it has not read: what has come is still delivered. */
  abandon(): readonly Segment[] {
    const segments = this.#segments.splice(0).filter((segment) => !segment.done)
    this.close()
    return segments
  }

  /** Takes a segment away, to be read elsewhere. */
  remove(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment)
  }

  /** Sends the next fetch if there is something to fetch and a frame to put it into. */
  pump(): void {
    if (this.#closed || this.#opening || this.#asked !== undefined || this.#held >= this.#owner.depth) return
    if (this.#segments.some((segment) => segment.done))
      this.#segments = this.#segments.filter((segment) => !segment.finish())
    if (this.#segments.length === 0) {
      this.#giveBack()
      return
    }
    const parts = this.#choose()
    if (parts.length === 0) return
    const waitMs = this.#pausedUntilMs - systemClock.monotonic()
    if (waitMs > 0) {
      systemClock.after(waitMs + 1, () => this.pump())
      return
    }
    if (this.#connection === undefined) {
      this.#open()
      return
    }
    // This may be called by a timer or a socket, where nobody catches.
    try {
      this.#send(this.#connection, parts)
    } catch (error) {
      this.#owner.fail(error)
    }
  }

  /** The consumer has finished with an answer. */
  consumed(frame: Frame): void {
    this.#held--
    this.#owner.frames.give(frame)
    this.pump()
  }

  /** Ends the lane: nothing more is fetched; a connection with an answer due is closed, an idle one given back. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#giveBack()
  }

  #giveBack(): void {
    if (this.#connection !== undefined) this.#owner.cluster.release(this.#connection)
    this.#connection = undefined
  }

  /** No partition twice: after a leader moved, two segments of one partition may meet in one lane. */
  #choose(): Segment[] {
    const parts = new Map<number, Segment>()
    // A partition that is left out of a fetch that waits would not be heard of meanwhile.
    const most = this.#owner.follows ? this.#segments.length : PARTITIONS_PER_FETCH
    for (const segment of this.#segments) {
      if (segment.parked || parts.has(segment.partition)) continue
      parts.set(segment.partition, segment)
      if (parts.size === most) break
    }
    return [...parts.values()]
  }

  #open(): void {
    this.#opening = true
    this.#connect().catch((error: unknown) => this.#owner.fail(error))
  }

  async #connect(): Promise<void> {
    let connection: Connection
    try {
      connection = await this.#owner.cluster.lend(this.address, this.#owner.signal)
    } catch (error) {
      this.#opening = false
      if (this.#closed) return
      if (!(error instanceof KafkaError)) throw error
      this.#die(error)
      return
    }
    this.#opening = false
    if (this.#closed) return this.#owner.cluster.release(connection)
    this.#connection = connection
    this.#version = connection.version(this.#owner.topicId === undefined ? FETCH_BY_NAME : FETCH)
    this.pump()
  }

  #send(connection: Connection, parts: Segment[]): void {
    if (connection.expiresAtMs <= systemClock.monotonic()) {
      connection.close()
      this.#connection = undefined
      this.#open()
      return
    }
    this.#asked = parts
    this.#held++
    this.#askedBytes = Math.max(
      this.#leastBytes,
      Math.min(
        this.#fetchBytes,
        ...parts.map((part) => part.stripes?.bytesFor(part.span, part.position) ?? this.#fetchBytes),
      ),
    )
    const writer = connection.request(FETCH, this.#version)
    const { topic, topicId, isolation, follows, cluster } = this.#owner
    const waitMs = follows ? Math.min(FOLLOW_WAIT_MS, cluster.requestTimeoutMs / 2) : MAX_WAIT_MS
    this.#sentAtMs = systemClock.monotonic()
    writeFetch(writer, this.#version, { topic, topicId, isolation, waitMs, maxBytes: this.#askedBytes, parts })
    connection.send(writer, 'Fetch', {
      allocate: (size) => {
        this.#filling = this.#owner.frames.take(size)
        return this.#filling.buffer
      },
      // An error here is not the broker's, whose other answers go on: it ends this scan.
      frame: (_, size) => {
        try {
          this.#arrived(size)
        } catch (error) {
          this.#owner.fail(error)
        }
      },
      failed: (error) => {
        this.#asked = undefined
        this.#held--
        if (this.#filling !== undefined) this.#owner.frames.give(this.#filling)
        this.#filling = undefined
        if (!this.#closed) this.#die(error)
      },
    })
  }

  #die(error: KafkaError): void {
    this.#closed = true
    this.#connection?.close()
    this.#connection = undefined
    this.#owner.lost(
      this,
      this.#segments.splice(0).filter((segment) => !segment.done),
      error,
    )
  }

  #arrived(size: number): void {
    const frame = this.#filling as Frame
    const asked = this.#asked as Segment[]
    this.#filling = undefined
    this.#asked = undefined
    let fetched: Fetched | undefined
    try {
      if (!this.#closed) fetched = this.#fetched(frame, size, asked)
    } finally {
      if (fetched === undefined) this.#owner.frames.give(frame)
    }
    if (this.#closed) return
    // The next request goes out before anybody decodes this answer.
    this.pump()
    if (fetched === undefined) return this.#owner.settled()
    if (this.#owner.checked) frame.checksums.begin(frame.batches)
    this.#owner.ready(fetched)
  }

  /** What there is to be consumed in an answer; undefined where there is nothing, or the lane has ended over it. */
  #fetched(frame: Frame, size: number, asked: readonly Segment[]): Fetched | undefined {
    let answer: FetchAnswer
    try {
      answer = readFetch(frame.buffer, size, this.#version)
      if (answer.error !== 0) throw brokerError(answer.error, `Reading "${this.#owner.topic}"`)
    } catch (error) {
      this.#held--
      const known =
        error instanceof KafkaError
          ? error
          : clientError(
              'BAD_RESPONSE',
              `Broker ${showAddress(this.address)}: the answer to Fetch v${this.#version} of "${this.#owner.topic}" cannot be read: ${error instanceof Error ? error.message : String(error)}`,
              false,
            )
      this.#die(known)
      return undefined
    }
    const regions = this.#regions(answer, asked, frame)
    if (this.#closed) return undefined
    if (answer.throttleMs > 0) {
      const waitMs = Math.min(answer.throttleMs, this.#owner.cluster.requestTimeoutMs)
      this.#pausedUntilMs = systemClock.monotonic() + waitMs
    }
    if (regions.length === 0) {
      this.#held--
      return undefined
    }
    this.#fetchBytes = Math.max(this.#fetchBytes, Math.min(this.#fetchBytes * 4, this.#owner.fetchBytes()))
    return { lane: this, frame, regions }
  }

  #regions(answer: FetchAnswer, asked: readonly Segment[], frame: Frame): Region[] {
    const regions: Region[] = []
    frame.batches.clear()
    const without: { segment: Segment; part: FetchedPartition; needs: number }[] = []
    const places = new Map(asked.map((segment) => [segment.partition, segment]))
    for (const part of answer.partitions) {
      const segment = places.get(part.partition)
      if (segment === undefined) continue
      places.delete(part.partition)
      if (part.error !== 0) {
        this.#refused(segment, brokerError(part.error, this.#where(segment)))
        continue
      }
      // It was asked before another place of the partition met the next leader: that log may be another one.
      if (segment.leaderEpoch !== segment.progress.leaderEpoch) {
        this.#refused(segment, brokerError(ERROR.fencedLeaderEpoch, this.#where(segment)))
        continue
      }
      segment.progress.seen(this.#stable(part))
      // The end of the stripe has moved meanwhile: what came belongs to the next one.
      if (segment.done) continue
      const region = this.#index(segment, part, frame)
      if (typeof region === 'number') without.push({ segment, part, needs: region })
      else regions.push(region)
    }
    // A broker that slows us down may say nothing at all.
    if (answer.throttleMs === 0)
      for (const segment of places.values()) this.#refused(segment, leftOut(this.#where(segment)))
    // Partitions are served in the order of the request until it is full: those served go to the back.
    if (regions.length > 0) {
      // Those behind wait for their turn, which is no trouble of theirs.
      for (const segment of this.#segments) if (!segment.refused) segment.served()
      const served = new Set(regions.map(({ segment }) => segment))
      this.#segments = [...this.#segments.filter((segment) => !served.has(segment))]
      for (const segment of served) if (!segment.done) this.#segments.push(segment)
    }
    if (regions.length === 0 && answer.throttleMs === 0)
      for (const { segment, part, needs } of without) this.#stalled(segment, part, needs)
    return regions
  }

  #where({ partition }: { readonly partition: number }): string {
    return `Reading "${this.#owner.topic}" partition ${partition}`
  }

  #refused(segment: Segment, error: KafkaError): void {
    segment.parked = true
    segment.refused = true
    this.#owner.troubled(this, segment, error)
  }

  /**
   * Indexes the batches of one partition and moves the segment behind the last whole one. A number when there is no
   * whole batch: bytes the first one needs, 0 when there is none at all.
   */
  #index(segment: Segment, part: FetchedPartition, { batches, buffer, view }: Frame): Region | number {
    const { span, position } = segment
    const walk = batches.add(part.from, part.to, position, span.end, {
      end: part.highWatermark < 0 ? Number.POSITIVE_INFINITY : part.highWatermark,
      continues: position > span.start,
      fits: (start, end) => !this.#owner.checked || checksumFits(buffer, view, start, end),
    })
    const { first, last, next, neededBytes, sizeBytes } = walk
    if (neededBytes < 0) return this.#damaged(part, next, 'the length or the offset of a batch makes no sense')
    // A damaged batch of which was told before: behind it there is more, or nothing is left.
    if (first === last && sizeBytes > 0) return 2 * sizeBytes > this.#askedBytes ? 2 * sizeBytes : 0
    if (first === last) return part.to === part.from ? 0 : Math.max(neededBytes, 2 * (part.to - part.from))
    // The same answer would come again.
    if (next === position) return this.#damaged(part, next, 'the batches that came end before it')
    this.#leastBytes = 0
    segment.stripes?.arrived(span, sizeBytes, next - walk.firstOffset, walk.firstOffset)
    segment.progress.take(next, batches.leaderEpoch(last - 1))
    segment.advance(next)
    return { segment, first, last, span, next, aborted: part.aborted }
  }

  /** Ends the scan: what cannot be walked over cannot be passed over, either. */
  #damaged(part: FetchedPartition, offset: number, why: string): 0 {
    const where = `${this.#where(part)} at offset ${offset}`
    this.#owner.fail(brokerError(ERROR.corruptMessage, where, `${why}: the log is damaged there`))
    return 0
  }

  /** The end of what may be read, as the broker gives it. */
  #stable({ lastStableOffset, highWatermark }: FetchedPartition): number {
    return this.#owner.isolation === 'read_committed' ? lastStableOffset : highWatermark
  }

  /** Nothing has come yet, which is no trouble where the scan goes on with what comes. */
  #waits(segment: Segment, nowMs: number): void {
    segment.stalledSinceMs = 0
    segment.attempts = 0
    if (nowMs - this.#sentAtMs >= WAITED_MS) segment.empties = 0
    else this.#pausedUntilMs = nowMs + Math.min(2 ** Math.min(segment.empties, 10), FOLLOW_PAUSE_MS)
  }

  /** A fetch that brought no batch at all, and no other partition's either. */
  #stalled(segment: Segment, part: FetchedPartition, needs: number): void {
    const nowMs = systemClock.monotonic()
    if (segment.stalledSinceMs === 0) segment.stalledSinceMs = nowMs
    if (needs > this.#askedBytes) {
      if (needs > RESPONSE_MAX_BYTES)
        this.#owner.fail(
          clientError(
            'RESPONSE_TOO_LARGE',
            `"${this.#owner.topic}" partition ${segment.partition}: a batch of ${needs} bytes is over the limit of ${RESPONSE_MAX_BYTES} bytes (kafka.response.max.bytes)`,
            false,
          ),
        )
      this.#leastBytes = needs + 1024
      return
    }
    if (segment.stripes !== undefined) return this.#owner.stripeStalled()
    if (needs === 0) segment.empties++
    const stable = this.#stable(part)
    if (this.#owner.follows && stable < segment.span.end) return this.#waits(segment, nowMs)
    const stalledMs = nowMs - segment.stalledSinceMs
    if (
      stable >= segment.span.end &&
      segment.empties >= EMPTY_FETCHES &&
      stalledMs >= this.#owner.cluster.gapTimeoutMs
    ) {
      // Compaction has taken whatever there was up to the end of the range.
      segment.advance(segment.span.end)
      return
    }
    if (stalledMs > this.#owner.cluster.retryTimeoutMs) this.#owner.fail(this.#nothingMore(segment, stable, needs))
    this.#pausedUntilMs = nowMs + Math.min(20 * 2 ** segment.empties, 500)
  }

  /** Why a partition is given up of which nothing more comes: its log has ended, or its next batch never comes whole. */
  #nothingMore(segment: Segment, stable: number, needs: number): KafkaError {
    const { retryTimeoutMs } = this.#owner.cluster
    const where = `"${this.#owner.topic}" partition ${segment.partition}`
    const nothing = `nothing more came for ${retryTimeoutMs} ms (kafka.retry.timeout)`
    if (needs === 0 || stable < segment.position)
      return clientError(
        'LOG_TRUNCATED',
        `${where}: the log ends at ${stable}, before the offset ${segment.span.end} that was its end when the query began; ${nothing}`,
        false,
      )
    const broker = `broker ${showAddress(this.address)}`
    return clientError(
      'BAD_RESPONSE',
      `${where} at offset ${segment.position}: ${broker} never sends the batch whole, of which it names ${needs} bytes; ${nothing}`,
      false,
    )
  }
}
