/** What became of an export: as the file, the HTTP trailer and the log say it. */
import type { RunSummary } from '../engine/host.ts'
import type { SentinelReason } from '../protocol/frames.ts'

/** Why the reading of one topic ended early. */
export interface ExportStop {
  /** The setting or limit that ended it; `deleted records` where they vanished before they could be read. */
  readonly limit: string
  /** The topic. */
  readonly source: string
  /** A WHERE condition that reads on where it stopped. */
  readonly resume?: string
  /** Deleted records: where they were. */
  readonly places?: string
  /** Other servers that were not heard: what is missing, and why. */
  readonly missing?: string
}

/** `complete`: every row of the result is in the file; else it is whole up to where the reading ended. */
export interface ExportOutcome {
  readonly outcome: 'complete' | 'limit' | 'error'
  readonly rows: number
  /** Records that could not be read and are in no row; left out where there are none. */
  readonly badRecords?: number
  /** With `error`: the text for the user. */
  readonly error?: string
  /** With `limit`. */
  readonly stops?: readonly ExportStop[]
}

/** What a request did; `exported`: what became of the file, where one was begun. */
export type ExportSummary = RunSummary & { readonly exported?: ExportOutcome }

const LIMITS: Readonly<Record<SentinelReason['type'], string>> = {
  SCANNEDSIZE: 'max.size',
  IDLETIMEOUT: 'max.idle.time',
  COMPLETIONTIMEOUT: 'max.query.time',
  LIMIT: 'LIMIT',
  LOST: 'deleted records',
  UNCOUNTED: 'unreadable records',
  UNHEARD: 'other servers',
}

/** A SENTINEL as a stop. */
export function stopOf({ type, source, resume, places, missing }: SentinelReason): ExportStop {
  return {
    limit: LIMITS[type],
    source,
    ...(resume === undefined ? {} : { resume }),
    ...(places === undefined ? {} : { places }),
    ...(missing === undefined ? {} : { missing }),
  }
}

/**
 * Limit `export.trailer.bytes` (bytes): the outcome in the HTTP trailer. Beyond it: conditions to read on and the error
 * text are left out there; `resume` says that the file has them.
 */
const MAX_TRAILER = 8000

/** The outcome as the value of an HTTP field: JSON in ASCII. */
export function trailerText(outcome: ExportOutcome): string {
  const whole = ascii(outcome)
  if (whole.length <= MAX_TRAILER) return whole
  const { stops, error, ...rest } = outcome
  const shorter = {
    ...rest,
    ...(stops === undefined ? {} : { stops: stops.map(({ limit, source }) => ({ limit, source })) }),
    ...(error === undefined ? {} : { error: error.slice(0, 1000) }),
    shortened: true,
  }
  const text = ascii(shorter)
  return text.length <= MAX_TRAILER ? text : ascii({ ...rest, shortened: true })
}

function ascii(value: object): string {
  // Of JSON only texts hold anything but ASCII.
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
