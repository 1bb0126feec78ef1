/**
 * What an INSERT would write, for EXPLAIN INSERT: records are counted where INSERT sends them. Which partition a record
 * goes to is said as Kafka's default partitioner decides it. Nothing is sent, and no record is kept.
 */
import { partitionOfKey } from '../../lib/murmur2.ts'
import type { RecordToProduce } from '../../plan/administration.ts'
import type { Table } from '../../plan/catalog.ts'
import type { RowReceiver } from './rows.ts'

/**
 * Limit `explain.insert.records` (records): rows of a SELECT that EXPLAIN INSERT checks. Beyond it: the check ends
 * there, and the answer says so.
 */
export const MAX_CHECKED_RECORDS = 100_000
/** Not a limit: further partitions are one line. */
const SHOWN_PARTITIONS = 20

interface Share {
  records: number
  bytes: number
}

/** Counts records instead of sending them. */
export class DryRun implements RowReceiver<RecordToProduce> {
  readonly full = false
  readonly #table: Table
  readonly #most: number
  readonly #shares = new Map<number, Share>()
  readonly #anywhere: Share = { records: 0, bytes: 0 }
  #tombstones = 0
  #largest = 0
  records = 0
  bytes = 0

  constructor(table: Table, most: number = MAX_CHECKED_RECORDS) {
    this.#table = table
    this.#most = most
  }

  /** Whether as many records were seen as are looked at. */
  get done(): boolean {
    return this.records >= this.#most
  }
  drained(): undefined {
    return undefined
  }
  failIfFailed(): void {
    // Nothing is sent that could fail.
  }

  add(record: RecordToProduce): void {
    const bytes = bytesOf(record)
    this.records++
    this.bytes += bytes
    this.#largest = Math.max(this.#largest, bytes)
    if (record.value === null) this.#tombstones++
    const share = this.#shareOf(record)
    share.records++
    share.bytes += bytes
  }

  #shareOf({ key, partition }: RecordToProduce): Share {
    const { partitions } = this.#table
    const place = partition ?? (key === null ? undefined : partitions[partitionOfKey(key, partitions.length)])
    if (place === undefined) return this.#anywhere
    let share = this.#shares.get(place)
    if (share === undefined) this.#shares.set(place, (share = { records: 0, bytes: 0 }))
    return share
  }

  /** The report, line by line. `maxBytes`: what the topic allows a batch to have, where that is known. */
  lines(maxBytes: number | undefined): string[] {
    const written = `Would write ${sizeText(this)} of keys, values and headers. Nothing was written.`
    const shares = [...this.#shares].sort(([a], [b]) => a - b)
    const shown = shares.slice(0, SHOWN_PARTITIONS)
    const more = shares.length - shown.length
    return [
      written,
      ...shown.map(([partition, share]) => `Partition ${partition}: ${sizeText(share)}`),
      ...(more === 0 ? [] : [`Further partitions: ${more.toLocaleString('en')}`]),
      ...(this.#anywhere.records === 0 ? [] : [`Without a key, in any partition: ${sizeText(this.#anywhere)}`]),
      ...(this.#tombstones === 0 ? [] : [`Tombstones: ${this.#tombstones.toLocaleString('en')}`]),
      ...(maxBytes === undefined || this.#largest <= maxBytes ? [] : [tooLarge(this.#largest, maxBytes)]),
    ]
  }
}

function tooLarge(largest: number, maxBytes: number): string {
  const [has, may] = [largest, maxBytes].map((n) => n.toLocaleString('en'))
  return `The largest record has ${has} bytes: Kafka would refuse it, as max.message.bytes of the topic is ${may}`
}

function sizeText({ records, bytes }: Share): string {
  return `${records.toLocaleString('en')} ${records === 1 ? 'record' : 'records'}, ${bytes.toLocaleString('en')} ${bytes === 1 ? 'byte' : 'bytes'}`
}

function bytesOf({ key, value, headers = [] }: RecordToProduce): number {
  const header = (h: (typeof headers)[number]): number => Buffer.byteLength(h.key) + (h.value?.length ?? 0)
  return (key?.length ?? 0) + (value?.length ?? 0) + headers.reduce((sum, h) => sum + header(h), 0)
}
