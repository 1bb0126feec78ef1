/**
 * What becomes of a run, as plain data: each event of the worker is a transition. No browser, no clock (times come with
 * the events).
 */
import type { RecordMetadata, SentinelReason, Stats } from '../../protocol/frames.ts'
import { incompleteText } from '../../client/incomplete.ts'
import type { Column } from '../rows/columns.ts'
import type { RunEvent } from './messages.ts'
import { changesSomething } from './continuation.ts'
import { type ErrorPlace, errorPlace } from './error-place.ts'

export type Phase = 'idle' | 'connecting' | 'running' | 'complete' | 'limited' | 'cancelled' | 'failed' | 'lost'

/** One run of a text. `sql` is what was sent, the continued one where it was continued. */
export interface RunState {
  /** Counts the runs of a tab; the one that reads on is the same. */
  readonly run: number
  readonly phase: Phase
  /** What the user ran. */
  readonly asked: string
  readonly sql: string
  readonly startedMs: number
  readonly endedMs: number | undefined
  readonly rows: number
  readonly bytes: number
  /** How many times a row took the place of an earlier one (live results). */
  readonly replaced: number
  /** Whether the last row that came stands first. */
  readonly newestFirst: boolean
  readonly columns: readonly Column[]
  readonly columnsVersion: number
  readonly stats: Stats | undefined
  readonly badRecords: number
  /** Where the first of them stand. */
  readonly badPlaces: readonly RecordMetadata[]
  readonly reasons: readonly SentinelReason[]
  /** Why it stopped, in a sentence; with `limited` and `lost`. */
  readonly why: string | undefined
  /** Whether the ceiling of the page ended it: an export takes all. */
  readonly isFull: boolean
  /** The condition that reads on. */
  readonly resume: string | undefined
  readonly error: { readonly message: string; readonly place: ErrorPlace | undefined } | undefined
  /** Whether it goes on with what comes. */
  readonly follow: boolean
  /** What waits while it is paused; undefined when it is not. */
  readonly paused: { readonly rows: number; readonly stopped: boolean } | undefined
  /** Rows of a following query that went, because there were too many. */
  readonly dropped: number
  /** How many times it was continued. */
  readonly continued: number
}

/** Limit `studio.bad.places` (records): bad records whose place the page keeps. Beyond it: further ones are counted. */
export const MAX_BAD_PLACES = 1000

export const IDLE: RunState = {
  run: 0,
  phase: 'idle',
  asked: '',
  sql: '',
  startedMs: 0,
  endedMs: undefined,
  rows: 0,
  bytes: 0,
  replaced: 0,
  newestFirst: false,
  columns: [],
  columnsVersion: 0,
  stats: undefined,
  badRecords: 0,
  badPlaces: [],
  reasons: [],
  why: undefined,
  isFull: false,
  resume: undefined,
  error: undefined,
  follow: false,
  paused: undefined,
  dropped: 0,
  continued: 0,
}

/** A new run; `run`: the number of the one before. */
export function begun(sql: string, nowMs: number, follow = false, run = 0): RunState {
  return { ...IDLE, run: run + 1, phase: 'connecting', asked: sql, sql, startedMs: nowMs, follow }
}

/** The same run reads on, with another text; its rows stay. */
export function goneOn(state: RunState, sql: string, nowMs: number): RunState {
  return {
    ...state,
    phase: 'connecting',
    sql,
    startedMs: nowMs,
    endedMs: undefined,
    stats: undefined,
    reasons: [],
    why: undefined,
    isFull: false,
    resume: undefined,
    error: undefined,
    paused: undefined,
    continued: state.continued + 1,
  }
}

/** Rows wait from now on, or are shown again. */
export function pausing(state: RunState, isPaused: boolean): RunState {
  if (!isActive(state) || (state.paused !== undefined) === isPaused) return state
  return { ...state, paused: isPaused ? { rows: 0, stopped: false } : undefined }
}

/** Whether something is on its way. */
export function isActive({ phase }: Pick<RunState, 'phase'>): boolean {
  return phase === 'connecting' || phase === 'running'
}

/** The state after an event. What comes behind the end changes nothing. */
export function after(state: RunState, event: RunEvent, nowMs: number): RunState {
  if (!isActive(state)) return state
  const ended = { endedMs: nowMs }
  switch (event.what) {
    case 'opened':
      return { ...state, phase: 'running' }
    case 'rows':
      return {
        ...state,
        phase: 'running',
        rows: event.rows,
        bytes: event.bytes,
        replaced: event.replaced ?? 0,
        newestFirst: event.newestFirst ?? state.newestFirst,
        dropped: event.dropped ?? state.dropped,
        columnsVersion: event.columnsVersion,
        columns: event.columns ?? state.columns,
      }
    case 'stats':
      return { ...state, phase: 'running', stats: event.stats }
    case 'bad':
      return {
        ...state,
        badRecords: state.badRecords + event.count,
        badPlaces: [...state.badPlaces, ...(event.places ?? [])].slice(0, MAX_BAD_PLACES),
      }
    case 'sentinel':
      return { ...state, reasons: [...state.reasons, event.reason] }
    case 'error':
      return {
        ...state,
        ...ended,
        phase: 'failed',
        error: { message: event.message, place: errorPlace(event.message, state.sql) },
      }
    case 'held':
      return state.paused === undefined ? state : { ...state, paused: { rows: event.rows, stopped: event.stopped } }
    case 'behind':
      return { ...state, ...ended, phase: 'lost', why: 'The reading ended while it was paused.', resume: event.resume }
    case 'full':
      return {
        ...state,
        ...ended,
        phase: 'limited',
        why: fullText(state, event.by),
        isFull: true,
        resume: event.resume,
      }
    case 'lost':
      return {
        ...state,
        ...ended,
        phase: 'lost',
        why: [event.message, ...notKnown(state)].join(' '),
        resume: event.resume,
      }
    case 'cancelled':
      return { ...state, ...ended, phase: 'cancelled', why: notKnown(state)[0] }
    case 'ended':
      return { ...state, ...ended, ...outcome(state.reasons) }
  }
}

/** Of a statement that changes something, nobody has heard how far it came. */
function notKnown({ sql }: RunState): readonly string[] {
  if (!changesSomething(sql)) return []
  return ['It is not known what of it was done: look before you run it again.']
}

function outcome(reasons: readonly SentinelReason[]): Pick<RunState, 'phase' | 'why' | 'resume'> {
  if (reasons.length === 0) return { phase: 'complete', why: undefined, resume: undefined }
  return {
    phase: 'limited',
    why: reasons.map((reason) => incompleteText({ ...reason, resume: undefined })).join(' '),
    // Of several sources no one condition reads on.
    resume: reasons.length === 1 ? reasons[0].resume : undefined,
  }
}

function fullText({ rows }: RunState, by: 'rows' | 'bytes'): string {
  const limit = by === 'rows' ? 'studio.result.rows' : 'studio.result.bytes'
  return `The first ${rows.toLocaleString('en')} rows are kept (${limit}); export takes all.`
}

/** How far the reading is. Shares from 0 to 1; rates a second. */
export interface Progress {
  readonly scanned: number
  readonly bytesRead: number
  readonly perSecond: number
  readonly partitions: number
  readonly partitionsDone: number
  readonly share: number | undefined
  readonly secondsLeft: number | undefined
}

/** What the last STATS says; undefined before the first. */
export function progressOf({ stats }: Pick<RunState, 'stats'>): Progress | undefined {
  if (stats === undefined) return undefined
  let [partitions, done, whole, read] = [0, 0, 0, 0]
  for (const source of Object.values(stats.sourcesStats))
    for (const { begin, offsetBound, end } of Object.values(source)) {
      partitions++
      if (end >= offsetBound) done++
      whole += Math.max(0, offsetBound + 1 - begin)
      read += Math.max(0, Math.min(end, offsetBound) + 1 - begin)
    }
  for (const rest of Object.values(stats.sourcesRest ?? {})) {
    partitions += rest.partitions
    done += rest.done
    whole += rest.offsets
    read += rest.offsetsRead
  }
  const seconds = stats.duration / 1000
  const share = whole === 0 ? undefined : Math.min(1, read / whole)
  return {
    scanned: stats.recordsScanned,
    bytesRead: stats.bytesRead,
    perSecond: seconds > 0 ? stats.recordsScanned / seconds : 0,
    partitions,
    partitionsDone: done,
    share,
    secondsLeft: share === undefined || share < 0.02 ? undefined : (seconds / share) * (1 - share),
  }
}
