/**
 * Calls record programs: where in the batch the next call goes on, how many records one call may look at, and which
 * record an error came from. A call is synchronous, so its length decides how soon cancels, heartbeats and other
 * queries get their turn.
 */
import { systemClock } from '../../../lib/clock.ts'
import type { RecordBatch } from '../../../kafka/log.ts'
import type { Scan } from '../../../plan/plan.ts'
import { SqlError } from '../../../sql/error.ts'
import type { RecordProgram, RecordState } from '../../program/record-program.ts'
import { offsetDelta } from '../../program/record-runtime.ts'
import { BadRecordError, type BadRecords } from '../bad-records.ts'

/** A call that takes longer than this is followed by one of half as many records. */
const CALL_MS = 4
/** A call that takes longer than this goes no further, whatever it was allowed: each record may take long all at once. */
const LATE_MS = 8
/** Records that one call looks at, at most; fewer when they are large or the work on them is. */
const CALL_RECORDS = 4096
const CALL_BYTES = 512 * 1024

/** The calls of one scan. */
export class ProgramCalls {
  /**
   * What the programs read and write: where the next call begins, the schemas that it asks for, how many records were
   * looked at.
   */
  readonly state: RecordState
  readonly #tableName: string
  #startedMs = 0
  #partition = -1
  /** Records of the next call, by how long the last one took; it starts low, as nothing is known yet. */
  #records = CALL_RECORDS / 8
  /** Records of a call in the batch at hand, by their size. */
  #mostBySize = CALL_RECORDS

  constructor({ table }: Scan, badRecords: BadRecords) {
    this.#tableName = table.name
    this.state = {
      topic: table.topic,
      at: 0,
      index: 0,
      budget: CALL_RECORDS,
      late: () => systemClock.monotonic() - this.#startedMs > LATE_MS,
      scanned: 0,
      keyId: -1,
      valueId: -1,
      lastOffset: -1,
      trouble: null,
      keyFramed: table.key.framing === 'confluent',
      valueFramed: table.value.framing === 'confluent',
      bad: (offset, timestamp) => badRecords.add(this.#partition, offset, timestamp, 1),
    }
  }

  /** The next call begins with the first record of `batch`. `lastOffset`: LAST_OFFSET() of its partition. */
  begin(batch: RecordBatch, lastOffset: number): void {
    const { state } = this
    this.#partition = batch.partition
    state.lastOffset = lastOffset
    state.at = batch.from
    state.index = 0
    this.#mostBySize = Math.max(
      1,
      Math.min(CALL_RECORDS, Math.floor((CALL_BYTES * batch.count) / Math.max(1, batch.to - batch.from))),
    )
  }

  /**
   * Runs the program over the next records, none of them behind the first `room` of the batch. One of `STATUS`; throws
   * what the program throws.
   */
  call(program: RecordProgram, batch: RecordBatch, room: number): number {
    this.state.budget = Math.min(this.#records, this.#mostBySize, room - this.state.index)
    this.#startedMs = systemClock.monotonic()
    const status = this.#run(program, batch)
    const tookMs = systemClock.monotonic() - this.#startedMs
    if (tookMs > CALL_MS) this.#records = Math.max(1, this.#records >> 1)
    else if (tookMs < CALL_MS / 4 && this.#records < CALL_RECORDS) this.#records *= 2
    return status
  }

  /**
   * Runs the program over a batch of one record that stands for records which cannot be read; `why` is what the query
   * gets as the reason. One of `STATUS`.
   */
  callForBad(program: RecordProgram, standIn: RecordBatch, why: string): number {
    const { state } = this
    state.at = standIn.from
    state.index = 0
    state.budget = 1
    state.trouble = why
    const status = this.#run(program, standIn)
    state.trouble = null
    return status
  }

  /** The error of a value that cannot be computed also says which record holds it. */
  #run(program: RecordProgram, batch: RecordBatch): number {
    try {
      return program(this.state, batch)
    } catch (e) {
      if (!(e instanceof SqlError) || e instanceof BadRecordError || e.code !== 'VALUE') throw e
      const offset = batch.baseOffset + offsetDelta(batch.buffer, this.state.at)
      throw new SqlError(
        'VALUE',
        `${e.message} It is in the record at offset ${offset} of partition ${batch.partition} of ${this.#tableName}.`,
        e.span,
        e.hint,
      )
    }
  }
}
