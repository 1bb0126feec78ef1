/**
 * One partition read over two connections at once, in order: the range is dealt out in stripes, the lanes take one in
 * turn, and answers are delivered stripe by stripe. While one lane's answer is processed, the broker fills the other's.
 * How many offsets make a stripe is estimated from what came last; a batch that lies across the seam of two stripes
 * belongs to the later one as soon as it is seen there. Plain arithmetic; does no I/O.
 */
import type { OffsetRange } from '../log.ts'

/** Offsets [start, end). Both may move: the seam to a batch's beginning, the start when the log's head is deleted. */
export interface Span {
  start: number
  end: number
}

interface Stripe extends Span {
  /** Everything of it has been fetched. */
  fetched: boolean
}

/** Before anything is known about the size of records. */
const FIRST_STRIPE_OFFSETS = 2000
/** Asked for beyond the estimate, so that one answer more is seldom needed: a share, and bytes. */
const SLACK = 1.03
const SLACK_BYTES = 32 * 1024

/** Deals the range of one partition out to two lanes, and keeps their answers in order. */
export class Stripes {
  readonly #bytes: number
  readonly #end: number
  readonly #open: Stripe[] = []
  #next: number
  #bytesPerOffset = 0
  /** Offsets before this one have been delivered, or are being delivered, with the ends that their stripes had. */
  #delivering = 0

  /** `bytes`: of one stripe, about. */
  constructor(range: OffsetRange, bytes: number) {
    this.#bytes = bytes
    this.#next = range.start
    this.#end = range.end
  }

  /** The next stripe for the lane that has fetched all of `done`; undefined when everything is dealt out. */
  take(done?: Span): Span | undefined {
    if (done !== undefined) (done as Stripe).fetched = true
    if (this.#next >= this.#end) return undefined
    const size =
      this.#bytesPerOffset === 0 ? FIRST_STRIPE_OFFSETS : Math.max(1, Math.floor(this.#bytes / this.#bytesPerOffset))
    const end = this.#end - this.#next < size * 1.5 ? this.#end : this.#next + size
    const stripe: Stripe = { start: this.#next, end, fetched: false }
    this.#next = end
    this.#open.push(stripe)
    return stripe
  }

  /**
   * An answer brought `bytes` for `offsets` of a stripe; its first batch begins at `firstOffset`.
   */
  arrived(span: Span, bytes: number, offsets: number, firstOffset: number): void {
    if (offsets > 0) this.#bytesPerOffset = bytes / offsets
    if (firstOffset >= span.start) return
    const before = this.#open[this.#open.indexOf(span as Stripe) - 1]
    if (before === undefined || before.end !== span.start || firstOffset < before.start) return
    if (this.#delivering > firstOffset) return
    before.end = firstOffset
    span.start = firstOffset
  }

  /** A batch that ends before `offset` is on its way to the program: no seam moves before it any more. */
  delivering(offset: number): void {
    this.#delivering = offset
  }

  /** Bytes to ask for, so that offsets from `position` to the end of the stripe come and not much more. */
  bytesFor(span: Span, position: number): number {
    return this.#bytesPerOffset === 0
      ? Number.POSITIVE_INFINITY
      : Math.ceil((span.end - position) * this.#bytesPerOffset * SLACK) + SLACK_BYTES
  }

  /**
   * The stripe whose answers are due; the one before has been delivered. `waiting`: whether an answer of a stripe is
   * still to be delivered.
   */
  due(waiting: (span: Span) => boolean): Span | undefined {
    while (this.#open.length > 0 && this.#open[0].fetched && !waiting(this.#open[0])) this.#open.shift()
    return this.#open[0]
  }
}
