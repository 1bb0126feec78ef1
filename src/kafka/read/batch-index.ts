/**
 * The index of one fetched frame: where each of its record batches lies and what its header says, read once when the
 * answer arrives. Everyone who works on the answer (the lane that fetched it, the delivery, the decompression ahead of
 * it, the checksum thread) knows a batch by its number in this index, so that they cannot disagree about where it
 * begins or which format it has. Nothing is allocated per batch; the memory is reused with the frame.
 * Trusts no length and no offset; checks no checksum. Source: Kafka documentation, "Record Batch".
 */
import { AT, ATTRIBUTE, BATCH_OVERHEAD, BatchHeader, longAt } from './record-batch.ts'

/** 32-bit integers of one batch, in shared memory: start, end, format with attributes, number of records. */
const WORDS = 4
const WORD = { start: 0, end: 1, kind: 2, count: 3 } as const
/** Offsets of one batch: base, last. */
const OFFSETS = 2
const BYTES_PER_BATCH = WORDS * 4 + OFFSETS * 8

/** Batches there is room for at first: those of 16 KiB in a fetch of 4 MiB. The room doubles when it is used up. */
const FIRST_CAPACITY = 256
/**
 * Limit `kafka.index.batches` (batches): batches of one answer that are indexed. Beyond it: the rest is fetched again. A
 * fetch of 2 MiB cannot hold more (a batch has 17 bytes at least).
 */
export const MAX_INDEXED_BATCHES = 128 * 1024

/** What one walk over the record set of a partition found. */
export interface Walk {
  /** Numbers [first, last) of the batches that were added. */
  readonly first: number
  readonly last: number
  /** Bytes of these batches. */
  readonly sizeBytes: number
  /** Base offset of the first of them; the offset that was asked for when there is none. */
  readonly firstOffset: number
  /** The offset to fetch next: after the last batch, and never before the offset that was asked for. */
  readonly next: number
  /**
   * What is known of the batch behind the last one, when the walk ended there: the bytes it needs as a whole (a fetch
   * ends where its byte limit fell), 0 when not even that is known, -1 when its length field makes no sense.
   */
  readonly neededBytes: number
}

/** What is known of the log beside the bytes, for batches whose header says what cannot be. */
export interface Known {
  /** The offset at which the log ends (exclusive): nothing lies at it or behind it. */
  readonly end: number
  /** What came before ended at the position: a damaged batch that reaches beyond it has been told of. */
  readonly continues: boolean
  /** Whether the checksum of the batch at [start, end) of the frame fits. */
  fits(start: number, end: number): boolean
}

const NOTHING: Known = { end: Number.POSITIVE_INFINITY, continues: false, fits: () => true }

/** The part of the index that lies in shared memory: the place and the format of each batch. */
export class BatchPlaces {
  protected shared: SharedArrayBuffer
  protected words: Int32Array

  /** Over the `shared` memory of an index. */
  constructor(shared: SharedArrayBuffer) {
    this.shared = shared
    this.words = new Int32Array(shared)
  }

  /** Where batch `i` begins in the frame, in bytes. */
  start(i: number): number {
    return this.words[i * WORDS + WORD.start]
  }

  /** Where it ends, exclusive. */
  end(i: number): number {
    return this.words[i * WORDS + WORD.end]
  }

  /** Its message format: 2; 0 or 1 before Kafka 0.11; -1 when it is too short for a header of format 2. */
  magic(i: number): number {
    return this.words[i * WORDS + WORD.kind] >> 16
  }
}

/** What a batch is said to be, with the names of `RecordBatch`. */
export interface Described {
  from: number
  count: number
  baseOffset: number
  lastOffset: number
  baseTimestamp: number
  maxTimestamp: number
  logAppendTime: boolean
}

/** The batches of one answer, numbered from 0. Numbers below are valid for `i` in [0, size) until `clear`. */
export class BatchIndex extends BatchPlaces {
  readonly #header = new BatchHeader()
  readonly #view: DataView
  #offsets = new Float64Array(FIRST_CAPACITY * OFFSETS)
  #capacity = FIRST_CAPACITY
  #size = 0
  #totalBytes = 0

  /** `view`: over the memory of the frame. */
  constructor(view: DataView) {
    super(new SharedArrayBuffer(FIRST_CAPACITY * WORDS * 4))
    this.#view = view
  }

  /** Number of batches. */
  get size(): number {
    return this.#size
  }

  /** Bytes of all batches together. */
  get totalBytes(): number {
    return this.#totalBytes
  }

  /** For the checksum thread. Another one may take its place while an answer is being indexed. */
  get memory(): SharedArrayBuffer {
    return this.shared
  }

  /** Memory that the index holds. */
  get capacityBytes(): number {
    return this.#capacity * BYTES_PER_BATCH
  }

  /** The next answer begins. */
  clear(): void {
    this.#size = 0
    this.#totalBytes = 0
  }

  /**
   * Adds the whole batches that lie at [from, to) of the frame, as far as they are wanted: up to the one that reaches
   * offset `endOffset` (exclusive). `position`: the offset that was asked for; a batch may begin before it. Ends at the
   * first batch that is cut off or makes no sense, and never reads outside of [from, to).
   *
   * What a batch says of its last offset counts as far as the next batch and the end of the log bear it out: a damaged
   * one must not hide what lies behind it.
   */
  add(from: number, to: number, position: number, endOffset: number, known: Known = NOTHING): Walk {
    const header = this.#header
    const view = this.#view
    const first = this.#size
    let at = from
    let next = position
    let neededBytes = 0
    while (this.#size < MAX_INDEXED_BATCHES) {
      if (next >= endOffset && !this.#overlaps(first, this.#baseAt(at, to))) break
      if (!header.open(view, at, to)) {
        neededBytes = header.size
        break
      }
      const { baseOffset, lastOffset } = header
      if (this.#overlaps(first, baseOffset) || this.#isShort(first, baseOffset, position, known))
        next = this.#endBefore(baseOffset, position)
      if (baseOffset >= known.end && baseOffset > next) {
        neededBytes = -1
        break
      }
      const start = at
      at = header.to
      const isTold = known.continues && this.#size === first && baseOffset < position
      if (isTold && !known.fits(start, at)) continue
      this.#push(header, start)
      if (lastOffset >= next) next = lastOffset + 1
    }
    if (this.#size > first) next = this.#believed(first, next, position, this.#baseAt(at, to), known)
    this.#totalBytes += at - from
    const firstOffset = this.#size === first ? position : this.baseOffset(first)
    return { first, last: this.#size, sizeBytes: at - from, firstOffset, next, neededBytes }
  }

  /** The offset of the batch at `at`, of which not more may be there; -1 when not even that. */
  #baseAt(at: number, to: number): number {
    return at + BATCH_OVERHEAD > to ? -1 : longAt(this.#view, at)
  }

  /** Whether the last batch says that it reaches beyond the beginning of the one behind it, which is at `offset`. */
  #overlaps(first: number, offset: number): boolean {
    const last = this.#size - 1
    return last >= first && offset <= this.lastOffset(last) && offset > this.baseOffset(last)
  }

  /** Whether a damaged batch, the first one, says that it ends before the position for which it was sent. */
  #isShort(first: number, behind: number, position: number, known: Known): boolean {
    if (this.#size !== first + 1 || known.continues || this.lastOffset(first) >= position || behind <= position)
      return false
    return !known.fits(this.start(first), this.end(first))
  }

  /** The last batch ends where the next one begins. Gives the offset to go on at. */
  #endBefore(offset: number, position: number): number {
    this.#offsets[(this.#size - 1) * OFFSETS + 1] = offset - 1
    return Math.max(position, offset)
  }

  /**
   * The offset to fetch next, after the last batch. `behind`: the offset of the batch that follows; -1 when none does, as
   * far as the bytes reach. A damaged one ends where that begins; without it, it is fetched again with what follows. An
   * answer that fills its bytes ends within a batch, so few checksums are computed here.
   */
  #believed(first: number, next: number, position: number, behind: number, known: Known): number {
    const i = this.#size - 1
    const baseOffset = this.baseOffset(i)
    const lastOffset = this.lastOffset(i)
    if (behind === lastOffset + 1 || lastOffset + 1 === known.end) return next
    if (this.#overlaps(first, behind)) return this.#endBefore(behind, position)
    if (lastOffset < known.end && known.fits(this.start(i), this.end(i))) return next
    if (behind > baseOffset) return this.#endBefore(behind, position)
    const count = this.count(i)
    const isDense = count === lastOffset - baseOffset + 1 && count <= this.sizeBytes(i) && lastOffset < known.end
    // It was sent for the position, so it is told of there.
    if (!isDense || lastOffset < position) this.#offsets[i * OFFSETS + 1] = Math.max(baseOffset, position)
    return Math.max(position, baseOffset) + 1
  }

  #push(header: BatchHeader, start: number): void {
    const i = this.#size++
    if (i === this.#capacity) this.#grow()
    const { words } = this
    const word = i * WORDS
    words[word + WORD.start] = start
    words[word + WORD.end] = header.to
    words[word + WORD.kind] = (header.magic << 16) | (header.attributes & 0xffff)
    words[word + WORD.count] = header.count
    const offsets = this.#offsets
    offsets[i * OFFSETS] = header.baseOffset
    offsets[i * OFFSETS + 1] = Math.max(header.baseOffset, header.lastOffset)
  }

  #grow(): void {
    this.#capacity *= 2
    const { words } = this
    // What the checksum thread still looks at stays as it is.
    this.shared = new SharedArrayBuffer(this.#capacity * WORDS * 4)
    this.words = new Int32Array(this.shared)
    this.words.set(words)
    const offsets = this.#offsets
    this.#offsets = new Float64Array(this.#capacity * OFFSETS)
    this.#offsets.set(offsets)
  }

  /** Writes what the header of batch `i` says into `batch`, in one go: this is done for every batch. */
  describe(i: number, batch: Described): void {
    const { words } = this
    const word = i * WORDS
    const start = words[word + WORD.start]
    const kind = words[word + WORD.kind]
    const old = kind >> 16 < 2
    batch.from = old ? words[word + WORD.end] : start + AT.records
    batch.count = words[word + WORD.count]
    batch.baseOffset = this.#offsets[i * OFFSETS]
    batch.lastOffset = this.#offsets[i * OFFSETS + 1]
    batch.baseTimestamp = old ? -1 : longAt(this.#view, start + AT.baseTimestamp)
    batch.maxTimestamp = old ? -1 : longAt(this.#view, start + AT.maxTimestamp)
    batch.logAppendTime = (kind & ATTRIBUTE.logAppendTime) !== 0
  }

  /** Bytes of the whole batch, header included. */
  sizeBytes(i: number): number {
    return this.end(i) - this.start(i)
  }

  /** Where the records begin, as stored; they end with the batch. Of an old or broken format there are none. */
  recordsStart(i: number): number {
    return this.magic(i) < 2 ? this.end(i) : this.start(i) + AT.records
  }

  /** Number of records as the header says: not to be trusted. */
  count(i: number): number {
    return this.words[i * WORDS + WORD.count]
  }

  /** Number of the compression codec, an index of `CODECS` or an unknown one. */
  codec(i: number): number {
    return this.words[i * WORDS + WORD.kind] & ATTRIBUTE.codec
  }

  /** Part of a transaction. */
  transactional(i: number): boolean {
    return (this.words[i * WORDS + WORD.kind] & ATTRIBUTE.transactional) !== 0
  }

  /** Holds the end of a transaction, or another control record, and no data. */
  control(i: number): boolean {
    return (this.words[i * WORDS + WORD.kind] & ATTRIBUTE.control) !== 0
  }

  /** Offset of the first record; a number as `longAt` reads it, like all below. */
  baseOffset(i: number): number {
    return this.#offsets[i * OFFSETS]
  }

  /** Offset of the last record as the header says; after compaction there may be none at it. */
  lastOffset(i: number): number {
    return this.#offsets[i * OFFSETS + 1]
  }

  /** Epoch milliseconds; -1 when unknown. */
  maxTimestamp(i: number): number {
    return this.#long(i, AT.maxTimestamp)
  }

  /** Under which leader it was written; -1 when unknown. The checksum does not cover it. */
  leaderEpoch(i: number): number {
    return this.magic(i) < 2 ? -1 : this.#view.getInt32(this.start(i) + AT.leaderEpoch)
  }

  /** Who wrote the batch; -1 when unknown. */
  producerId(i: number): number {
    return this.#long(i, AT.producerId)
  }

  /** Wanted of few batches or once only, so it stays in the frame. */
  #long(i: number, place: number): number {
    return this.magic(i) < 2 ? -1 : longAt(this.#view, this.start(i) + place)
  }
}
