/** The pipeline on one screen: parse → bind → optimize → compile → run. (Being filled in; the signatures are the contract with `server/`.) */
import type { KafkaLog } from '../kafka/log.ts'
import type { Catalog } from '../plan/catalog.ts'
import type { QueryRequest } from '../protocol/frames.ts'

/** Where frames go. The session implements it on a socket, tests implement it as an array. */
export interface FrameSink {
  /** Queues one frame, the whole JSON text of it. */
  send(frame: string): void
  /** undefined while the reader keeps up; else a promise that resolves when there is room again (and rejects never: an abort comes through the signal). */
  drained(): Promise<void> | undefined
}

/** Defaults of the settings that SET can change, from the server's configuration: names as in the reference, section 5; sizes in bytes, times in ms. */
export type SettingDefaults = Readonly<Record<string, number | boolean | string>>

export interface QueryEnvironment {
  readonly catalog: Catalog
  readonly log: KafkaLog
  readonly defaults?: SettingDefaults
}

/** What a finished (or stopped) request did; for logs and metrics. */
export interface RunSummary {
  readonly id: string
  readonly outcome: 'end' | 'error' | 'cancelled'
  /** The text of the ERROR frame that was sent. */
  readonly error?: string
  readonly results: number
  readonly recordsScanned: number
  readonly bytesRead: number
  readonly badRecords: number
  readonly durationMs: number
}

/**
 * Runs every statement of a request and sends METADATA, RECORD, BADRECORD, STATS, SENTINEL and ERROR frames; HEARTBEAT, END and the close are the session's.
 * It does not reject for anything a user or a broker can cause; an abort through `signal` ends it quietly with outcome `cancelled`.
 */
export async function runRequest(_request: QueryRequest, _environment: QueryEnvironment, _sink: FrameSink, _signal: AbortSignal): Promise<RunSummary> {
  throw new Error('runRequest: under construction')
}
