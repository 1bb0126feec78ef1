/**
 * A lane: one connection to one broker on which one scan fetches some of its ranges, one request at a time, the next
 * one sent before the previous answer is consumed. It holds two frames at most: while both are full nothing is fetched,
 * which is how a slow consumer slows the broker down. It indexes the batches of an answer as far as they are wanted,
 * which also says where to go on. What to do about errors is decided by its scan.
 */
import { systemClock } from '../../lib/clock.ts'
import type { Cluster } from '../cluster.ts'
import type { Address } from '../config.ts'
import { RESPONSE_MAX_BYTES } from '../wire/frame.ts'
import type { Connection } from '../wire/connection.ts'
import { brokerError, clientError, ERROR } from '../errors.ts'
import { FETCH, FETCH_BY_NAME, type FetchAnswer, type FetchedPartition, readFetch, writeFetch } from './fetch.ts'
import type { Frame, FramePool } from '../wire/frame-pool.ts'
import { type Isolation, KafkaError } from '../log.ts'
import type { Progress } from './progress.ts'
import type { Span, Stripes } from './stripes.ts'

/** Partitions in one request: more would only lengthen it, the broker fills them in order. `kafka.fetch.partitions` */
const PARTITIONS_PER_FETCH = 32
/**
 * Fetches in a row that bring nothing although the log should hold more: after this number of them, over at least
 * `kafka.gap.timeout`, the rest of the range is taken for a gap.
 */
const EMPTY_FETCHES = 3

/**
 * What one lane reads of one partition: ranges in ascending order, one after the other; or stripes, as they are dealt.
 */
export class Segment {
  readonly partition: number
  readonly progress: Progress
  readonly stripes: Stripes | undefined
  readonly #ranges: Span[]
  /** The current range, and the next offset to fetch. */
  span: Span
  position: number
  /** The range that the last delivered batch belongs to. */
  #delivering: Span | undefined
  /** Waiting for a look-up; not to be fetched now. */
  parked = false
  /** Fetches in a row that brought nothing, and since when. */
  empties = 0
  stalledSinceMs = 0
  attempts = 0

  /** `ranges` has at least one; none is empty. */
  constructor(partition: number, progress: Progress, ranges: readonly Span[], stripes?: Stripes) {
    this.partition = partition
    this.progress = progress
    this.stripes = stripes
    this.#ranges = ranges.map((range) => (stripes === undefined ? { start: range.start, end: range.end } : range))
    this.span = this.#ranges[0]
    this.position = this.span.start
  }

  get done(): boolean {
    return this.position >= this.span.end
  }

  /** The next offset to fetch is `position`; at the end of a range it is the beginning of the next. */
  advance(position: number): void {
    this.position = position
    this.empties = 0
    this.stalledSinceMs = 0
    this.attempts = 0
    while (this.position >= this.span.end) {
      this.#ranges.shift()
      const next = this.stripes === undefined ? this.#ranges[0] : this.stripes.take(this.span)
      if (next === undefined) return
      this.span = next
      // Back into the batch just read, if need be: it may hold records of this range, too.
      this.position = next.start
    }
  }

  /**
   * Whether there is nothing more to fetch; goes on to the next stripe if the end of this one has moved to the
   * position.
   */
  finish(): boolean {
    if (this.done && this.stripes !== undefined) this.advance(this.position)
    return this.done
  }

  /** The log now begins at `logStart`: gives the number of wanted offsets that are gone. */
  skip(logStart: number): number {
    let lost = 0
    while (!this.done && this.position < logStart) {
      const { span, position } = this
      const stop = Math.min(logStart, span.end)
      lost += stop - position
      this.progress.lose(position, stop)
      // What has been fetched is still delivered; what the log has left of the range is a range of its own.
      if (stop < span.end) {
        this.#ranges.splice(1, 0, { start: stop, end: span.end })
        span.end = position
      }
      this.advance(stop)
    }
    return lost
  }

  /** Everything of `span` before `offset` has been delivered or skipped: `bytes` more, as stored. */
  delivered(span: Span, offset: number, bytes: number): void {
    const { progress } = this
    progress.bytesRead += bytes
    // Stripes are delivered in order. A range that another one follows is complete, even if the log holds nothing at its
    // end.
    if (this.stripes !== undefined) return progress.read(progress.begin, offset)
    if (this.#delivering !== undefined && this.#delivering !== span)
      progress.read(this.#delivering.start, this.#delivering.end)
    this.#delivering = span
    progress.read(span.start, Math.min(offset, span.end))
  }
}

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
  readonly firstFetchBytes: number
  /** Checksums will be checked. */
  readonly checked: boolean
  fetchBytes(): number
  ready(fetched: Fetched): void
  /** This partition's fetch failed with a Kafka error code. The segment is parked. */
  troubled(lane: Lane, segment: Segment, code: number): void
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
    this.#send(this.#connection, parts)
  }

  /** The consumer has finished with an answer. `reuse` false: somebody may still read its memory. */
  consumed(frame: Frame, reuse = true): void {
    this.#held--
    if (reuse) this.#owner.frames.give(frame)
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
    const parts: Segment[] = []
    for (const segment of this.#segments) {
      if (segment.parked || parts.some((other) => other.partition === segment.partition)) continue
      parts.push(segment)
      if (parts.length === PARTITIONS_PER_FETCH) break
    }
    return parts
  }

  #open(): void {
    this.#opening = true
    this.#owner.cluster.lend(this.address, this.#owner.signal).then(
      (connection) => {
        this.#opening = false
        if (this.#closed) {
          this.#owner.cluster.release(connection)
          return
        }
        this.#connection = connection
        try {
          this.#version = connection.version(this.#owner.topicId === undefined ? FETCH_BY_NAME : FETCH)
        } catch (error) {
          this.#owner.fail(error)
          return
        }
        this.pump()
      },
      (error: unknown) => {
        this.#opening = false
        if (this.#closed) return
        if (error instanceof KafkaError) this.#die(error)
        else this.#owner.fail(error)
      },
    )
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
    const { topic, topicId, isolation } = this.#owner
    writeFetch(writer, this.#version, { topic, topicId, isolation, maxBytes: this.#askedBytes, parts })
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
    if (this.#closed) return
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
              `The answer to Fetch v${this.#version} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
              false,
            )
      this.#die(known)
      return
    }
    const regions = this.#regions(answer, asked, frame)
    if (this.#closed) return
    if (answer.throttleMs > 0) this.#pausedUntilMs = systemClock.monotonic() + answer.throttleMs
    if (regions.length === 0) {
      this.#held--
      this.#owner.frames.give(frame)
      this.pump()
      this.#owner.settled()
      return
    }
    this.#fetchBytes = Math.max(this.#fetchBytes, Math.min(this.#fetchBytes * 4, this.#owner.fetchBytes()))
    // The next request goes out before anybody decodes this answer.
    this.pump()
    if (this.#owner.checked) frame.checksums.begin(frame.batches)
    this.#owner.ready({ lane: this, frame, regions })
  }

  #regions(answer: FetchAnswer, asked: readonly Segment[], frame: Frame): Region[] {
    const regions: Region[] = []
    frame.batches.clear()
    const without: { segment: Segment; part: FetchedPartition; needs: number }[] = []
    for (const part of answer.partitions) {
      const segment = asked.find((other) => other.partition === part.partition)
      if (segment === undefined) continue
      if (part.error !== 0) {
        segment.parked = true
        this.#owner.troubled(this, segment, part.error)
        continue
      }
      // The end of the stripe has moved meanwhile: what came belongs to the next one.
      if (segment.done) continue
      const region = this.#index(segment, part, frame)
      if (typeof region === 'number') without.push({ segment, part, needs: region })
      else regions.push(region)
    }
    // Partitions are served in the order of the request until it is full: those served go to the back.
    for (const { segment } of regions) {
      this.remove(segment)
      if (!segment.done) this.#segments.push(segment)
    }
    if (regions.length === 0 && answer.throttleMs === 0)
      for (const { segment, part, needs } of without) this.#stalled(segment, part, needs)
    return regions
  }

  /**
   * Indexes the batches of one partition and moves the segment behind the last whole one. A number when there is no
   * whole batch: bytes the first one needs, 0 when there is none at all.
   */
  #index(segment: Segment, part: FetchedPartition, { batches }: Frame): Region | number {
    const { span, position } = segment
    const walk = batches.add(part.from, part.to, position, span.end)
    const { first, last, next, neededBytes } = walk
    if (neededBytes < 0) return this.#damaged(part, next, 'the length of a batch makes no sense')
    if (first === last) return part.to === part.from ? 0 : Math.max(neededBytes, 2 * (part.to - part.from))
    // The same answer would come again.
    if (next === position) return this.#damaged(part, next, 'the batches that came end before it')
    this.#leastBytes = 0
    segment.stripes?.arrived(span, walk.sizeBytes, next - walk.firstOffset, walk.firstOffset)
    segment.advance(next)
    return { segment, first, last, span, next, aborted: part.aborted }
  }

  /** Ends the scan: what cannot be walked over cannot be passed over, either. */
  #damaged({ partition }: FetchedPartition, offset: number, why: string): 0 {
    const where = `Reading "${this.#owner.topic}" partition ${partition} at offset ${offset}`
    this.#owner.fail(brokerError(ERROR.corruptMessage, where, `${why}: the log is damaged there`))
    return 0
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
    const stable = this.#owner.isolation === 'read_committed' ? part.lastStableOffset : part.highWatermark
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
    if (stalledMs > this.#owner.cluster.retryTimeoutMs) {
      const message = `"${this.#owner.topic}" partition ${segment.partition}: the log ends at ${stable}, before the offset ${segment.span.end} that was its end when the query began; nothing more came for ${this.#owner.cluster.retryTimeoutMs} ms (kafka.retry.timeout)`
      this.#owner.fail(clientError('LOG_TRUNCATED', message, false))
    }
    this.#pausedUntilMs = nowMs + Math.min(20 * 2 ** segment.empties, 500)
  }
}
