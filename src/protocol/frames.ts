/**
 * Every message of the v2 WebSocket dialect as a type, and the one encoder of each. Pure: text in, text out; no socket,
 * no clock. Envelope: `{type, data?, rowId, statementIndex}`. Source: the WebSocket specification, editions 5.0, 5.5
 * and 6.0; where it slips (an ERROR or STATS under `"type": "HEARTBEAT"`), the table of message types counts.
 */

/** Between messages that come together. JSON never holds this character as it is. */
export const BATCH_SEPARATOR = '\u001e'

/** The first message of a client, read. */
export interface QueryRequest {
  readonly sql: string
  /** `token` of the first message, on the paths that take one. */
  readonly token?: string
  /** Partial results of aggregations while the query runs. */
  readonly live: boolean
  /** The query goes on with what comes, as `SET follow = true` has it. */
  readonly follow?: boolean
  /** Several messages may come in one WebSocket message, parted by `BATCH_SEPARATOR`. */
  readonly batch?: boolean
  /** Wanted interval of STATS in milliseconds (not yet clamped), or undefined for none. */
  readonly statsMs?: number
}

/** Where a bad record stands. `sourceId` is the one of the source in STATS. */
export interface RecordMetadata {
  readonly offset: number
  readonly partition: number
  /** Epoch milliseconds. */
  readonly timestamp: number
  readonly table: string
  readonly sourceId: string
  /** Of a record whose row makes too large a frame: about how large, and the limit by its name. */
  readonly frameBytes?: number
  readonly limit?: string
}

/** The data of a STATS frame. Sizes in bytes, `duration` in milliseconds, `startedAt` in epoch milliseconds. */
export interface Stats {
  readonly id: string
  readonly bytesRead: number
  readonly sources: Readonly<Record<string, string>>
  readonly sourceConfigs: Readonly<Record<string, Readonly<Record<string, number | boolean | string>>>>
  readonly sourcesStats: Readonly<
    Record<
      string,
      Readonly<
        Record<string, { begin: number; offsetBound: number; bytesRead: number; recordsScanned: number; end: number }>
      >
    >
  >
  /**
   * Ours, only where a source has more partitions than are listed: how many are not, how many of these are read to
   * their end, and what they come to; offsets, bytes, records.
   */
  readonly sourcesRest?: Readonly<
    Record<
      string,
      {
        readonly partitions: number
        readonly done: number
        readonly offsets: number
        readonly offsetsRead: number
        readonly bytesRead: number
        readonly recordsScanned: number
      }
    >
  >
  /**
   * Ours, only when a scan left partitions out because of `_key = literal`: the one that it read, for which key, and
   * what proves that the key is nowhere else. It is beside `sourcesStats` and not in it, because clients take every
   * member there for a partition.
   */
  readonly sourcesPruned?: Readonly<Record<string, { partition: number; key: string; proof: string }>>
  readonly badRecordsTotal: number
  readonly recordsSkipped: number
  /**
   * Ours, only when there are any: records that count in no row of a following query, because they came for a window of
   * time that had closed.
   */
  readonly recordsLate?: number
  readonly results: number
  readonly recordsScanned: number
  readonly duration: number
  readonly startedAt: number
}

/**
 * `LIMIT` and `LOST` are ours: the server's cap on rows (no LIMIT was written) left rows out; offsets vanished while
 * the query ran (retention, deleted records) before they were read. Clients ignore types that they do not know.
 */
/**
 * Ours are LOST; UNCOUNTED: another engine passed over records that cannot be read, and did not count them; and UNHEARD:
 * other servers were not heard.
 */
export type SentinelType =
  | 'SCANNEDSIZE'
  | 'IDLETIMEOUT'
  | 'COMPLETIONTIMEOUT'
  | 'LIMIT'
  | 'LOST'
  | 'UNCOUNTED'
  | 'UNHEARD'
/** Why the reading of one source ended early. */
export interface SentinelReason {
  readonly type: SentinelType
  readonly source: string
  readonly sourceId: string
  /** Bytes, with SCANNEDSIZE; rows, with LIMIT; offsets, with LOST. */
  readonly amount?: number
  /** Milliseconds, with the timeouts. */
  readonly timeout?: number
  /** Ours, with LOST: `partition 0, offsets 100 to 172`. */
  readonly places?: string
  /** Ours, with UNHEARD: what is missing, and why, in a sentence. */
  readonly missing?: string
  /** Ours: a WHERE condition that reads on where the scan stopped. */
  readonly resume?: string
}

/** The text between the row's JSON and the end of a RECORD frame. */
export function recordTail(rownum: number, rowId: string, statementIndex: number | null): string {
  return `,"rownum":${rownum}},"rowId":"${rowId}","statementIndex":${statementIndex}}`
}
/** A RECORD from ready-made JSON texts; `key` and `metadata` are left out when undefined. A NULL value is `null`. */
export function record(
  value: string,
  rownum: number,
  rowId: string,
  statementIndex: number | null,
  key?: string,
  metadata?: string,
): string {
  return `{"type":"RECORD","data":{${key === undefined ? '' : `"key":${key},`}"value":${value}${metadata === undefined ? '' : `,"metadata":${metadata}`}${recordTail(rownum, rowId, statementIndex)}`
}
/** A METADATA frame: the names of the columns. */
export function metadata(fields: readonly string[], statementIndex: number | null): string {
  return JSON.stringify({ type: 'METADATA', data: { fields }, rowId: null, statementIndex })
}
/** An ERROR frame. */
export function error(text: string, statementIndex: number | null = null): string {
  return JSON.stringify({ type: 'ERROR', data: text, rowId: null, statementIndex })
}
/** An ERROR for clients that read `data` into a structure; every other frame stays as it is. */
export function errorAsObject(frame: string): string {
  if (!frame.startsWith('{"type":"ERROR",')) return frame
  const message = JSON.parse(frame) as { data: unknown }
  return typeof message.data === 'string' ? JSON.stringify({ ...message, data: { value: message.data } }) : frame
}
/** A STATS frame. */
export function stats(data: Stats, statementIndex: number | null): string {
  return JSON.stringify({ type: 'STATS', data, rowId: null, statementIndex })
}
/** `timestamp` is a long here, unlike in RECORD metadata. */
export function badRecord(data: RecordMetadata): string {
  return JSON.stringify({ type: 'BADRECORD', data: { metadata: data }, rowId: null, statementIndex: null })
}
/** A SENTINEL frame: the reading of a source ended early. */
export function sentinel(reason: SentinelReason): string {
  return JSON.stringify({
    type: 'SENTINEL',
    data: { event: 'SOURCETERMINATION', reason },
    rowId: null,
    statementIndex: null,
  })
}
/** A HEARTBEAT frame. */
export function heartbeat(): string {
  return '{"type":"HEARTBEAT","rowId":null,"statementIndex":null}'
}
/** The END frame, the last one of a conversation. */
export function end(): string {
  return '{"type":"END","rowId":null,"statementIndex":null}'
}
