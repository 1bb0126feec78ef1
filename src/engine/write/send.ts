/** Last step of an INSERT: records → the topic, in batches. */
import { type Administration, ProduceError, type RecordToProduce } from '../../plan/administration.ts'
import { KafkaError } from '../../kafka/log.ts'
import { UserError } from '../../lib/user-error.ts'
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
  #unknown = 0

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
    if (this.#sending === undefined && this.#complete && this.#failure === undefined) this.#send()
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
          if (error instanceof Partial) {
            this.#written += error.written
            this.#unknown += error.unknown
          }
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
    if (this.#context.signal.aborted || !(error instanceof UserError)) return error
    return counted(error, `${this.#written} records were inserted before${andUnknown(this.#unknown)}.`)
  }
}

/** A batch that did not arrive whole: the message says all but how much was written. */
class Partial extends SqlError {
  readonly written: number
  readonly unknown: number
  constructor(row: number, { reason, isUnknown, written, unknown }: ProduceError) {
    const what = isUnknown ? `It is not known whether row ${row} was written` : `Row ${row} was not written`
    super('WRITE', sentence(`${what}: ${reason}`))
    this.written = written
    this.unknown = unknown
  }
}

function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`
}

/** Behind how many were written: of how many that is not known. Empty where it is known of all. */
export function andUnknown(records: number): string {
  return records === 0 ? '' : `; it is not known whether ${records} more were`
}

/** The error, saying also how much was done before it. */
export function counted(error: UserError, count: string): UserError {
  const said = `${sentence(error.message)} ${count}`
  return error instanceof SqlError
    ? new SqlError(error.code, said, error.span, error.hint)
    : new UserError(said, { cause: error })
}

/** Has records written, and counts them for whoever is told that the statement was ended in the middle. */
export async function produced(
  records: readonly RecordToProduce[],
  topic: string,
  administration: Administration,
  { statistics, signal }: StatementContext,
): Promise<void> {
  statistics.sending += records.length
  let left = records.length
  const taken = (count: number): void => {
    statistics.written += count
    statistics.sending -= count
    left -= count
  }
  try {
    await administration.produce(topic, records, signal, taken)
    taken(left)
  } catch (error) {
    // Ended in the middle: nobody has said what became of the others.
    if (error instanceof ProduceError) {
      taken(error.written - (records.length - left))
      statistics.sending -= left - error.unknown
    } else if (error instanceof KafkaError) statistics.sending -= left
    throw error
  }
}

/** Sends all records of a statement at once. Throws a SqlError that names the row, and says how many were written. */
export async function sendAll(
  records: readonly RecordToProduce[],
  table: Table,
  administration: Administration,
  context: StatementContext,
): Promise<void> {
  try {
    await sendRecords(records, 0, table, administration, context)
  } catch (error) {
    if (!(error instanceof Partial)) throw error
    const { written, unknown } = error
    throw counted(error, `${written} of ${records.length} records were written${andUnknown(unknown)}.`)
  }
}

/** `firstRow`: the place of the first among all rows, 0-based. */
async function sendRecords(
  records: readonly RecordToProduce[],
  firstRow: number,
  table: Table,
  administration: Administration,
  context: StatementContext,
): Promise<void> {
  try {
    await produced(records, table.topic, administration, context)
  } catch (error) {
    throw error instanceof ProduceError ? new Partial(firstRow + error.index + 1, error) : error
  }
}
