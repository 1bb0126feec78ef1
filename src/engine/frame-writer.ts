/**
 * Turns rows into frames and counts them. One writer a statement; it knows the envelope (protocol/frames) and the sink,
 * not the socket.
 */
import { badRecord, recordTail, type RecordMetadata } from '../protocol/frames.ts'
import { SqlError } from '../sql/error.ts'
import type { FrameSink, MaxFrame } from './host.ts'
import { nothingHeld, type Operator, type Row } from './operators/operator.ts'
import { RowIds } from './program/record-runtime.ts'

/** Bytes of frames between two checks whether the reader keeps up. */
const CHECK_BYTES = 64 * 1024

/**
 * Not a limit: `server.max.frame.bytes` where the server does not say otherwise. Every client takes this size: the
 * `websockets` of Python refuse messages over 1 MiB by default.
 */
const MAX_FRAME: MaxFrame = { name: 'server.max.frame.bytes', bytes: 1024 * 1024 - 1 }

/**
 * Writes the rows of one statement as RECORD frames into a sink, beside its BADRECORD and other frames. A row whose
 * frame is larger than the sink takes is a SqlError that names the limit.
 */
/** Most bytes of a RECORD around its body: the envelope, a row number and a row id. */
const ENVELOPE = 160

/** What became of the row of a record. */
export const SENT = {
  whole: 0,
  /** The reader is behind: stop, and await `drained`. */
  behind: 1,
  /** It makes too large a frame, and was not sent. */
  tooLarge: 2,
} as const
export type Sent = (typeof SENT)[keyof typeof SENT]

/** A record whose row makes too large a frame. */
export interface LargeRecord {
  readonly partition: number
  readonly offset: number
  /** About; of the frame. */
  readonly bytes: number
  readonly max: MaxFrame
}

/** `which`: as in "Row 3". */
export function tooLargeError(which: string, bytes: number, max: MaxFrame): SqlError {
  return new SqlError(
    'LIMIT',
    `${which} makes a frame of ${bytes.toLocaleString('en')} bytes; a frame holds ${max.bytes.toLocaleString('en')} at most (${max.name}).`,
    undefined,
    'Select fewer fields, or cut long texts with TAKELEFT(…).',
  )
}

/** Sends the frames of one statement. */
export class FrameWriter {
  readonly #sink: FrameSink
  readonly #ids: RowIds
  readonly statementIndex: number | null
  /** RECORD frames sent. */
  rows = 0
  #unchecked = 0
  /** What is done about a record that makes too large a frame; set by the scan that reads it. */
  tooLarge: ((record: LargeRecord) => void) | undefined
  readonly #max: MaxFrame

  /** `seed`: a random UUID, the start of every row id. */
  constructor(sink: FrameSink, statementIndex: number | null, seed: string, max: MaxFrame = MAX_FRAME) {
    this.#sink = sink
    this.#max = max
    this.statementIndex = statementIndex
    this.#ids = new RowIds(seed)
  }

  nextRowId(): string {
    return this.#ids.next()
  }

  /**
   * Sends a RECORD. `body`: the members of `data` before `rownum`, as JSON text. True: the reader is behind, stop and
   * await `drained`.
   */
  row(body: string): boolean {
    return this.#send(body, this.#ids.next(), this.rows++)
  }

  /**
   * As `row`, of a row that is one record. One that makes too large a frame is no row: `tooLarge` is called, which may
   * throw.
   */
  record(body: string, partition: number, offset: number): Sent {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    if (body.length > (this.#max.bytes - ENVELOPE) / 3) {
      const bytes = Buffer.byteLength(body) + ENVELOPE
      if (bytes > this.#max.bytes) {
        this.tooLarge?.({ partition, offset, bytes, max: this.#max })
        return SENT.tooLarge
      }
    }
    return this.row(body) ? SENT.behind : SENT.whole
  }

  /** A row that replaces an earlier one of the same id (live aggregations). */
  version(body: string, rowId: string, rownum: number): boolean {
    this.rows++
    return this.#send(body, rowId, rownum)
  }

  #send(body: string, rowId: string, rownum: number): boolean {
    const frame = `{"type":"RECORD","data":{${body}${recordTail(rownum, rowId, this.statementIndex)}`
    // A UTF-16 unit takes at most three bytes of UTF-8.
    const max = this.#max.bytes
    if (frame.length > max / 3 && Buffer.byteLength(frame) > max)
      throw tooLargeError(`Row ${this.rows - 1}`, Buffer.byteLength(frame), this.#max)
    this.#sink.send(frame)
    this.#unchecked += frame.length
    if (this.#unchecked < CHECK_BYTES) return false
    this.#unchecked = 0
    return this.#sink.drained() !== undefined
  }

  bad(record: RecordMetadata): void {
    this.#sink.send(badRecord(record))
  }

  frame(text: string): void {
    this.#sink.send(text)
  }

  drained(): Promise<void> | undefined {
    return this.#sink.drained()
  }
}

/** Sends a row as a frame. */
export class OutputOperator implements Operator {
  readonly #body: (row: Row) => string
  readonly #writer: FrameWriter
  #full = false
  readonly done = false
  constructor(body: (row: Row) => string, writer: FrameWriter) {
    this.#body = body
    this.#writer = writer
  }
  get full(): boolean {
    return this.#full && this.#writer.drained() !== undefined
  }
  push(row: Row): void {
    this.#full = this.#writer.row(this.#body(row))
  }
  finish = nothingHeld
}
