/**
 * One partition: batches in offset order, log start, high watermark, last stable offset and aborted transactions.
 * Batches are opaque but for their header. No compaction, no time retention; `retention.bytes` drops the oldest
 * batches.
 */
import { AT, ATTRIBUTE, controlType } from '../../kafka/read/record-batch.ts'
import { assignOffset, readBatchHeader, stampAppendTime, type BatchHeader } from './batch.ts'
import type { Place, Storage } from './storage.ts'

/** A batch in the log. */
export interface StoredBatch extends Place {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly count: number
}

/** A transaction that was rolled back: its records lie in [firstOffset, lastOffset]. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
}

/** How a batch is appended. */
export interface AppendOptions {
  /** The batch keeps the base offset it came with (must not lie before the end): leaves a gap, as compaction does. */
  readonly keepOffsets?: boolean
  /** Stamp with this time (`message.timestamp.type=LogAppendTime`). */
  readonly appendTimeMs?: number
}

interface ProducerState {
  readonly epoch: number
  /** Base sequences of the last batches and the offsets they got: a retry gets the same answer. */
  readonly recent: { readonly sequence: number; readonly count: number; readonly baseOffset: number }[]
}

const REMEMBERED_BATCHES = 5
/** Sequence numbers start again at 0 after 2^31 - 1. */
const SEQUENCES = 2_147_483_648
const ABORT = 0

/** The log of one partition. Offsets are numbers, exact up to 2^53. */
export class PartitionLog {
  readonly topic: string
  readonly index: number
  readonly storage: Storage
  /** Node id of the broker that answers for this partition. */
  leader = 1
  /** Leader epochs, ascending, and the offset at which each began. The last one is that of the leader. */
  #epochs: { readonly epoch: number; readonly start: number }[] = [{ epoch: 0, start: 0 }]
  logStart = 0
  /** High watermark = log end: there are no replicas. */
  end = 0
  sizeBytes = 0
  readonly #batches: StoredBatch[] = []
  #firstLive = 0
  readonly #openTransactions = new Map<number, number>()
  readonly #aborted: AbortedTransaction[] = []
  readonly #producers = new Map<number, ProducerState>()

  constructor(topic: string, index: number, storage: Storage) {
    this.topic = topic
    this.index = index
    this.storage = storage
  }

  get leaderEpoch(): number {
    return this.#epochs[this.#epochs.length - 1].epoch
  }

  /** Another leader, or the same one again: a new epoch begins at the end of the log. */
  elect(leader: number): void {
    const epoch = this.leaderEpoch + 1
    this.leader = leader
    // Of an epoch in which nothing was written nothing is known.
    this.#epochs = [...this.#epochs.filter(({ start }) => start < this.end), { epoch, start: this.end }]
  }

  /** The last epoch up to this one that the log knows, and where it ends (exclusive); -1 for both when it is newer than all. */
  endOfEpoch(epoch: number): { readonly leaderEpoch: number; readonly endOffset: number } {
    if (epoch === this.leaderEpoch) return { leaderEpoch: epoch, endOffset: this.end }
    const next = this.#epochs.find((other) => other.epoch > epoch)
    if (next === undefined || epoch < 0) return { leaderEpoch: -1, endOffset: -1 }
    const before = this.#epochs.findLast((other) => other.epoch <= epoch)
    return { leaderEpoch: before?.epoch ?? epoch, endOffset: next.start }
  }

  /** Forgets the batches that reach `offset` or lie behind it, as a replica does that follows a shorter log. */
  cutOff(offset: number): void {
    for (
      let last = this.#batches.at(-1);
      last !== undefined && last.lastOffset >= offset;
      last = this.#batches.at(-1)
    ) {
      this.#batches.pop()
      this.sizeBytes -= last.sizeBytes
      this.end = last.baseOffset
    }
  }

  /** Offsets before this one belong to transactions that have ended. */
  get lastStable(): number {
    let first = this.end
    for (const offset of this.#openTransactions.values()) if (offset < first) first = offset
    return first
  }

  get batches(): readonly StoredBatch[] {
    return this.#firstLive === 0 ? this.#batches : this.#batches.slice(this.#firstLive)
  }

  /** Appends one batch (a buffer that may be written to) and says which base offset it got. */
  append(bytes: Buffer, options: AppendOptions = {}): number {
    const header = readBatchHeader(bytes, 0)
    if (header === undefined) throw new Error(`what was appended to ${this.topic}-${this.index} is not a record batch`)
    const baseOffset = options.keepOffsets === true ? header.baseOffset : this.end
    if (baseOffset < this.end)
      throw new Error(`offset ${baseOffset} lies before the end ${this.end} of ${this.topic}-${this.index}`)
    assignOffset(bytes, 0, baseOffset, this.leaderEpoch)
    if (options.appendTimeMs !== undefined) stampAppendTime(bytes, header, options.appendTimeMs)
    this.#add(header, baseOffset, options.appendTimeMs ?? header.maxTimestamp, bytes, this.storage.append(bytes))
    return baseOffset
  }

  /** Takes up a batch that lies in the storage already. `head`: its first bytes, of a control batch all. */
  adopt(header: BatchHeader, head: Buffer, place: Place): void {
    this.#add({ ...header, at: 0 }, header.baseOffset, header.maxTimestamp, head, place)
  }

  #add(header: BatchHeader, baseOffset: number, maxTimestamp: number, bytes: Buffer, place: Place): void {
    const lastOffset = baseOffset + (header.lastOffset - header.baseOffset)
    this.#batches.push({
      block: place.block,
      at: place.at,
      sizeBytes: place.sizeBytes,
      baseOffset,
      lastOffset,
      maxTimestamp,
      count: header.count,
    })
    this.end = lastOffset + 1
    this.sizeBytes += place.sizeBytes
    this.#followTransaction(bytes, header, baseOffset)
  }

  /**
   * What an idempotent producer's batch is: new, one that was stored already (with the offset it got), or one that must
   * not come now.
   */
  sequenceOf(
    header: BatchHeader,
  ):
    | { readonly kind: 'new' | 'out of order' | 'old epoch' }
    | { readonly kind: 'duplicate'; readonly baseOffset: number } {
    const state = this.#producers.get(header.producerId)
    if (state === undefined) return { kind: 'new' }
    if (header.producerEpoch < state.epoch) return { kind: 'old epoch' }
    if (header.producerEpoch > state.epoch) return { kind: header.baseSequence === 0 ? 'new' : 'out of order' }
    const known = state.recent.find((batch) => batch.sequence === header.baseSequence && batch.count === header.count)
    if (known !== undefined) return { kind: 'duplicate', baseOffset: known.baseOffset }
    const last = state.recent[state.recent.length - 1]
    return { kind: header.baseSequence === (last.sequence + last.count) % SEQUENCES ? 'new' : 'out of order' }
  }

  remember(header: BatchHeader, baseOffset: number): void {
    const known = this.#producers.get(header.producerId)
    const state =
      known !== undefined && known.epoch === header.producerEpoch ? known : { epoch: header.producerEpoch, recent: [] }
    state.recent.push({ sequence: header.baseSequence, count: header.count, baseOffset })
    if (state.recent.length > REMEMBERED_BATCHES) state.recent.shift()
    this.#producers.set(header.producerId, state)
  }

  #followTransaction(bytes: Buffer, header: BatchHeader, baseOffset: number): void {
    if ((header.attributes & ATTRIBUTE.transactional) === 0) return
    const first = this.#openTransactions.get(header.producerId)
    if ((header.attributes & ATTRIBUTE.control) === 0) {
      if (first === undefined) this.#openTransactions.set(header.producerId, baseOffset)
      return
    }
    this.#openTransactions.delete(header.producerId)
    if (first !== undefined && controlType(bytes, header.at + AT.records, header.at + header.sizeBytes) === ABORT)
      this.#aborted.push({ producerId: header.producerId, firstOffset: first, lastOffset: baseOffset })
  }

  /** Aborted transactions that touch [from, to). */
  abortedBetween(from: number, to: number): AbortedTransaction[] {
    return this.#aborted.filter((transaction) => transaction.lastOffset >= from && transaction.firstOffset < to)
  }

  /** Index of the first batch that ends at or after `offset`. */
  #find(offset: number): number {
    let low = this.#firstLive
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#batches[middle].lastOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Whole batches from the one with `offset` on, before `limit`, at most `maxBytes`; the first one comes whatever its
   * size when `atLeastOne`.
   */
  choose(offset: number, limit: number, maxBytes: number, atLeastOne: boolean): StoredBatch[] {
    const chosen: StoredBatch[] = []
    let bytes = 0
    for (let i = this.#find(offset); i < this.#batches.length; i++) {
      const batch = this.#batches[i]
      if (batch.baseOffset >= limit) break
      bytes += batch.sizeBytes
      if (bytes > maxBytes && !(atLeastOne && chosen.length === 0)) break
      chosen.push(batch)
    }
    return chosen
  }

  /** The first batch with a record of that time or later. */
  batchForTime(timestampMs: number): StoredBatch | undefined {
    for (let i = this.#firstLive; i < this.#batches.length; i++)
      if (this.#batches[i].maxTimestamp >= timestampMs) return this.#batches[i]
    return undefined
  }

  /** The batch with the largest timestamp. */
  newestBatch(): StoredBatch | undefined {
    let newest: StoredBatch | undefined
    for (let i = this.#firstLive; i < this.#batches.length; i++)
      if (newest === undefined || this.#batches[i].maxTimestamp > newest.maxTimestamp) newest = this.#batches[i]
    return newest
  }

  /** Moves the log start forward; batches that lie wholly before it are forgotten. */
  raiseLogStart(offset: number): void {
    if (offset <= this.logStart) return
    this.logStart = Math.min(offset, this.end)
    while (this.#firstLive < this.#batches.length && this.#batches[this.#firstLive].lastOffset < this.logStart)
      this.sizeBytes -= this.#batches[this.#firstLive++].sizeBytes
    if (this.#firstLive > 1024 || this.#firstLive === this.#batches.length) {
      this.#batches.splice(0, this.#firstLive)
      this.#firstLive = 0
    }
  }

  /** Forgets the oldest batches until `retentionBytes` hold; the newest batch stays. */
  trim(retentionBytes: number): void {
    while (this.sizeBytes > retentionBytes && this.#firstLive < this.#batches.length - 1)
      this.raiseLogStart(this.#batches[this.#firstLive].lastOffset + 1)
  }
}
