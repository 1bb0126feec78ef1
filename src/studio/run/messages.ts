/** What the page and the worker of a run say to each other. Types only. */
import type { RecordMetadata, SentinelReason, Stats } from '../../protocol/frames.ts'
import type { Column } from '../rows/columns.ts'
import type { Ceiling } from '../rows/result.ts'

/** What a run is to do. */
export interface Order {
  /** Counts the orders of a tab: what is heard of another one than the last is passed over. */
  readonly number: number
  /** The server's address, up to what stands before `/api`. */
  readonly url: string
  readonly environment?: string
  readonly sql: string
  readonly live: boolean
  /** Goes on with what comes; the newest row stands first, and the oldest ones go. */
  readonly follow: boolean
  readonly ceiling: Ceiling
  /** Goes on with the rows that are there, instead of beginning anew. */
  readonly append: boolean
}

export type ToWorker =
  | { readonly what: 'start'; readonly order: Order }
  | { readonly what: 'cancel' }
  /** Rows that come wait until `resume`. */
  | { readonly what: 'pause' }
  | { readonly what: 'resume' }
  /** A question about the rows that are there; `name` is one of `QUESTIONS`. */
  | { readonly what: 'ask'; readonly id: number; readonly name: string; readonly input: unknown }

/** How many rows there are now. */
export interface Rows {
  readonly rows: number
  readonly bytes: number
  /** How many times a row took the place of an earlier one. */
  readonly replaced?: number
  /** Whether the last row that came stands first. */
  readonly newestFirst?: boolean
  readonly columnsVersion: number
  /** Rows of a following query that went, because there were too many. */
  readonly dropped?: number
  readonly columns?: readonly Column[]
}

/** What becomes of a run, in this order, whatever of it happens. */
export type RunEvent =
  | { readonly what: 'opened' }
  | ({ readonly what: 'rows' } & Rows)
  | { readonly what: 'stats'; readonly stats: Stats }
  /** Of the bad records, `places` are the first ones. */
  | { readonly what: 'bad'; readonly count: number; readonly places?: readonly RecordMetadata[] }
  | { readonly what: 'sentinel'; readonly reason: SentinelReason }
  | { readonly what: 'error'; readonly message: string }
  /** Rows that wait while a following query is paused; `stopped` when no more are read. */
  | { readonly what: 'held'; readonly rows: number; readonly stopped: boolean }
  /** The reading had ended while it was paused; it goes on from here. */
  | { readonly what: 'behind'; readonly resume?: string }
  /** The ceiling is reached: the query was ended here. */
  | { readonly what: 'full'; readonly by: 'rows' | 'bytes'; readonly resume?: string }
  | { readonly what: 'ended' }
  /** The connection went away; `resume` is the condition that reads on, where one can be given. */
  | { readonly what: 'lost'; readonly message: string; readonly resume?: string }
  | { readonly what: 'cancelled' }

export type FromWorker =
  /** `order`: the number of the order that it is about. */
  | { readonly what: 'event'; readonly order: number; readonly event: RunEvent }
  | { readonly what: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly what: 'refusal'; readonly id: number; readonly message: string }
