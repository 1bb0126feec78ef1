/** Last step of an INSERT: records → the topic, in batches. */
import { type Administration, ProduceError, type RecordToProduce } from '../../plan/administration.ts'
import type { Table } from '../../plan/catalog.ts'
import { SqlError } from '../../sql/error.ts'
import type { StatementContext } from '../context.ts'

/**
 * Limit `insert.batch.bytes` (bytes): records of an INSERT that are gathered before they are sent. Beyond it: they are
 * sent.
 */
const BATCH_BYTES = 1_000_000
/**
 * Limit `insert.batch.records` (records): records of an INSERT that are gathered before they are sent. Beyond it: they
 * are sent.
 */
const BATCH_RECORDS = 10_000

/** Gathers records and sends them in batches while more are made. Says how much was written when something fails. */
export class Sender {
  readonly #table: Table
  readonly #administration: Administration
  readonly #context: StatementContext
  #records: RecordToProduce[] = []
  #bytes = 0
  #sending: Promise<void> | undefined
  #failure: unknown
  #rows = 0
  #written = 0

  constructor(table: Table, administration: Administration, context: StatementContext) {
    this.#table = table
    this.#administration = administration
    this.#context = context
  }

  /** Takes a record; sends a batch when one is complete and none is under way. */
  add(record: RecordToProduce): void {
    this.#rows++
    this.#records.push(record)
    this.#bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + 32
    if (this.#sending === undefined && this.#complete) this.#send()
  }

  /** Records that Kafka has taken. */
  get written(): number {
    return this.#written
  }

  get #complete(): boolean {
    return this.#bytes >= BATCH_BYTES || this.#records.length >= BATCH_RECORDS
  }
  /** One batch is under way and the next is complete. */
  get full(): boolean {
    return this.#sending !== undefined && this.#complete
  }
  /** Settles when there is room again; undefined while there is. */
  drained(): Promise<void> | undefined {
    return this.full ? this.#sending : undefined
  }
  /** Throws what became of a batch that failed. */
  failIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Sends the rest. */
  async end(): Promise<void> {
    while (this.#sending !== undefined || this.#records.length > 0) {
      if (this.#sending === undefined) this.#send()
      await this.#sending
      this.failIfFailed()
    }
  }

  #send(): void {
    const batch = this.#records
    const firstRow = this.#rows - batch.length
    this.#records = []
    this.#bytes = 0
    this.#sending = sendRecords(batch, firstRow, this.#table, this.#administration, this.#context)
      .then(
        () => {
          this.#written += batch.length
        },
        (error: unknown) => {
          if (error instanceof Partial) this.#written += error.written
          this.#failure ??= error
        },
      )
      .then(() => {
        this.#sending = undefined
      })
  }

  /** Waits for what is under way, and adds to an error how much was written. */
  async withCount(error: unknown): Promise<unknown> {
    await this.#sending
    if (this.#context.signal.aborted || !(error instanceof SqlError)) return error
    const said = /^\d+ records? were written/m.test(error.message)
      ? error.message
      : `${error.message} ${this.#written} records were inserted before.`
    return new SqlError(error.code, said, error.span, error.hint)
  }
}

/** A failed batch: the message is whole but for the count. */
class Partial extends SqlError {
  readonly written: number
  constructor(message: string, written: number) {
    super('WRITE', message)
    this.written = written
  }
}

/** Has records written, and counts them for whoever is told that the statement was ended in the middle. */
export async function produced(
  records: readonly RecordToProduce[],
  topic: string,
  administration: Administration,
  { statistics, signal }: StatementContext,
): Promise<void> {
  statistics.sending += records.length
  try {
    await administration.produce(topic, records, signal)
    statistics.written += records.length
  } catch (error) {
    // Nobody has said what became of them.
    if (!(error instanceof ProduceError)) throw error
    statistics.written += error.written
    statistics.sending -= records.length
    throw error
  }
  statistics.sending -= records.length
}

/**
 * Sends records at once. `firstRow`: the place of the first among all rows, 0-based. Throws a SqlError that names the
 * row.
 */
export async function sendRecords(
  records: readonly RecordToProduce[],
  firstRow: number,
  table: Table,
  administration: Administration,
  context: StatementContext,
): Promise<void> {
  try {
    await produced(records, table.topic, administration, context)
  } catch (error) {
    if (!(error instanceof ProduceError)) throw error
    const end = /[.?!]$/.test(error.message) ? '' : '.'
    const count =
      firstRow === 0 && records.length === error.index
        ? ''
        : ` ${error.written} of ${records.length} records of its batch were written.`
    throw new Partial(
      `Row ${firstRow + error.index + 1} was not written: ${error.message}${end}${count}`,
      error.written,
    )
  }
}
