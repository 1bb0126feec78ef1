/**
 * Turns rows into frames and counts them. One writer a statement; it knows the envelope (protocol/frames) and the sink,
 * not the socket.
 */
import { badRecord, recordTail, type RecordMetadata } from '../protocol/frames.ts'
import { SqlError } from '../sql/error.ts'
import type { FrameSink, MaxFrame } from './host.ts'
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
export class FrameWriter {
  readonly #sink: FrameSink
  readonly #ids: RowIds
  readonly #topic: string
  readonly statementIndex: number | null
  /** RECORD frames sent. */
  rows = 0
  #unchecked = 0
  readonly #max: MaxFrame

  /** `seed`: a random UUID, the start of every row id. */
  constructor(sink: FrameSink, statementIndex: number | null, seed: string, topic: string, max: MaxFrame = MAX_FRAME) {
    this.#sink = sink
    this.#max = max
    this.statementIndex = statementIndex
    this.#ids = new RowIds(seed)
    this.#topic = topic
  }

  nextRowId(): string {
    return this.#ids.next()
  }

  /**
   * Sends a RECORD. `body`: the members of `data` before `rownum`, as JSON text. True: the reader is behind, stop and
   * await `drained`. Partition and offset say which record it is, -1 for a row that is none.
   */
  row(body: string, partition: number, offset: number): boolean {
    return this.#send(body, this.#ids.next(), this.rows++, partition, offset)
  }

  /** A row that replaces an earlier one of the same id (live aggregations). */
  version(body: string, rowId: string, rownum: number): boolean {
    this.rows++
    return this.#send(body, rowId, rownum, -1, -1)
  }

  #send(body: string, rowId: string, rownum: number, partition: number, offset: number): boolean {
    const frame = `{"type":"RECORD","data":{${body}${recordTail(rownum, rowId, this.statementIndex)}`
    // A UTF-16 unit takes at most three bytes of UTF-8.
    const max = this.#max.bytes
    if (frame.length > max / 3 && Buffer.byteLength(frame) > max)
      throw this.#tooLarge(Buffer.byteLength(frame), partition, offset)
    this.#sink.send(frame)
    this.#unchecked += frame.length
    if (this.#unchecked < CHECK_BYTES) return false
    this.#unchecked = 0
    return this.#sink.drained() !== undefined
  }

  #tooLarge(bytes: number, partition: number, offset: number): SqlError {
    const which =
      offset < 0 ? `Row ${this.rows - 1}` : `The record at offset ${offset} of partition ${partition} of ${this.#topic}`
    return new SqlError(
      'LIMIT',
      `${which} makes a frame of ${bytes.toLocaleString('en')} bytes; a frame holds ${this.#max.bytes.toLocaleString('en')} at most (${this.#max.name}).`,
      undefined,
      'Select fewer fields, or cut long texts with TAKELEFT(…).',
    )
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
