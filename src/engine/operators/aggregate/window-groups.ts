/**
 * Groups of windows of time in a query without an end: each window has a state of its own, which is let go of when the
 * window closes. Decides which windows close; whoever drives the scan knows the time, and how far it has read.
 *
 * A window closes `graceMs` after its end, and after the last record that came for it: so windows of the past, which a
 * topic may be full of, are counted whole. What comes for a window that has closed is late, and counts in no row.
 */
import { SqlError } from '../../../sql/error.ts'
import { groupLimits } from '../keys/group-index.ts'
import { type Operator, nothingHeld, type Row } from '../operator.ts'
import type { AggregateState } from './aggregate.ts'

/**
 * Limit `window.max.open` (windows): windows of time that a query which follows holds at once. Beyond it: an error.
 */
const MAX_OPEN = 10_000

/** The groups of one window. */
export interface OpenWindow {
  readonly state: AggregateState
  /** Adds a row to its group. */
  readonly take: (row: Row) => void
  /** End of the window, in epoch milliseconds; Infinity for rows without a moment, whose window never closes. */
  readonly endMs: number
  /** When the last row came. */
  lastMs: number
  /** What the state holds, as it was last counted. */
  bytes: number
}

/** What windows are made of. Times are epoch milliseconds. */
export interface WindowParts {
  /** Start of the window of a row; null for a row without a moment. */
  startOf(row: Row): number | null
  endOf(startMs: number): number
  open(): Pick<OpenWindow, 'state' | 'take'>
  now(): number
  readonly graceMs: number
  readonly limits: { readonly groups: number; readonly groupBytes: number }
  /** Nothing further is wanted. */
  isDone(): boolean
}

/** Takes rows into the groups of their windows. */
export class WindowGroups implements Operator {
  readonly full = false
  readonly finish = nothingHeld
  readonly #parts: WindowParts
  readonly #open = new Map<number | null, OpenWindow>()
  #last: { readonly start: number | null; readonly window: OpenWindow } | undefined
  #groups = 0
  #bytes = 0
  /** The latest end of the windows that have closed. */
  #closedMs = Number.NEGATIVE_INFINITY
  /** Rows that came for a window that had closed. */
  late = 0

  constructor(parts: WindowParts) {
    this.#parts = parts
  }

  get done(): boolean {
    return this.#parts.isDone()
  }

  push(row: Row): void {
    const start = this.#parts.startOf(row)
    const window = this.#last?.start === start ? this.#last?.window : this.#windowOf(start)
    if (window === undefined) {
      this.late++
      return
    }
    this.#last = { start, window }
    const { state } = window
    const groups = state.groups
    window.take(row)
    window.lastMs = this.#parts.now()
    this.#groups += state.groups - groups
    const bytes = state.heldBytes
    this.#bytes += bytes - window.bytes
    window.bytes = bytes
    this.#checkLimits()
  }

  /** undefined: it has closed. */
  #windowOf(start: number | null): OpenWindow | undefined {
    const known = this.#open.get(start)
    if (known !== undefined) return known
    const endMs = start === null ? Number.POSITIVE_INFINITY : this.#parts.endOf(start)
    if (endMs <= this.#closedMs) return undefined
    if (this.#open.size >= MAX_OPEN)
      throw new SqlError(
        'MEMORY_LIMIT',
        `The query has more than ${MAX_OPEN.toLocaleString('en')} windows that have not closed (window.max.open).`,
        undefined,
        'Group by longer windows, or begin nearer to the end of the topic.',
      )
    const window = { ...this.#parts.open(), endMs, lastMs: 0, bytes: 0 }
    this.#open.set(start, window)
    return window
  }

  #checkLimits(): void {
    const { groups, groupBytes } = this.#parts.limits
    if (this.#groups > groups) throw groupLimits(groups, groupBytes).tooMany(groups)
    if (this.#bytes > groupBytes) throw groupLimits(groups, groupBytes).tooLong(groupBytes)
  }

  /** When the next window closes, in epoch milliseconds; Infinity: none will. */
  get nextMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const window of this.#open.values()) next = Math.min(next, this.#closesMs(window))
    return next
  }

  #closesMs({ endMs, lastMs }: OpenWindow): number {
    return Math.max(endMs, lastMs) + this.#parts.graceMs
  }

  /** Lets go of the windows that close by this time, and gives them, the earliest first. */
  close(untilMs: number): OpenWindow[] {
    const closed = [...this.#open].filter(([, window]) => this.#closesMs(window) <= untilMs)
    for (const [start, window] of closed) {
      this.#open.delete(start)
      this.#groups -= window.state.groups
      this.#bytes -= window.bytes
      if (Number.isFinite(window.endMs)) this.#closedMs = Math.max(this.#closedMs, window.endMs)
    }
    this.#last = undefined
    return closed.map(([, window]) => window).sort((a, b) => a.endMs - b.endMs)
  }

  /** Those that have not closed. */
  get open(): Iterable<OpenWindow> {
    return this.#open.values()
  }
}
