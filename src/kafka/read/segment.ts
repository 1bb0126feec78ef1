/**
 * A part of a scan: where it stands in one partition, in the ranges that one lane fetches of it. Plain arithmetic; does
 * no I/O.
 */
import type { Progress } from './progress.ts'
import type { Span, Stripes } from './stripes.ts'

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
  /** Of the leader it is fetched from; -1: whoever leads. */
  leaderEpoch = -1
  /** Waiting for a look-up; not to be fetched now. */
  parked = false
  /** Fetches in a row that brought nothing, and since when. */
  empties = 0
  stalledSinceMs = 0
  attempts = 0
  /** The last answer that spoke of this partition refused it: what others of its lane get says nothing of it. */
  refused = false

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

  /** It is read from the leader of this epoch from now on, which has what was taken so far. */
  ledSince(leaderEpoch: number): void {
    this.leaderEpoch = leaderEpoch
    this.progress.leaderEpoch = leaderEpoch
  }

  /** The next offset to fetch is `position`; at the end of a range it is the beginning of the next. */
  advance(position: number): void {
    this.position = position
    this.empties = 0
    this.served()
    while (this.position >= this.span.end) {
      this.#ranges.shift()
      const next = this.stripes === undefined ? this.#ranges[0] : this.stripes.take(this.span)
      if (next === undefined) return
      this.span = next
      // Back into the batch just read, if need be: it may hold records of this range, too.
      this.position = next.start
    }
  }

  /** There is no trouble any more. */
  served(): void {
    this.stalledSinceMs = 0
    this.attempts = 0
    this.refused = false
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
    progress.count(bytes)
    // Stripes are delivered in order. A range that another one follows is complete, even if the log holds nothing at its
    // end.
    if (this.stripes !== undefined) return progress.read(progress.begin, offset)
    if (this.#delivering !== undefined && this.#delivering !== span)
      progress.read(this.#delivering.start, this.#delivering.end)
    this.#delivering = span
    progress.read(span.start, Math.min(offset, span.end))
  }
}
