/**
 * Delivers the batches of fetch answers one by one, in place. Batches outside the wanted range or time, control batches
 * and aborted transactions stop here; damaged ones become faults; compressed ones are decompressed. Decodes no record,
 * knows no socket.
 */
import { Ahead } from './ahead.ts'
import type { BatchIndex } from './batch-index.ts'
import { DECOMPRESSED_BATCH_MAX_BYTES, Decompressor, type Plain, unknownCodec } from '../codecs/compression.ts'
import type { Fetched, Region } from './lane.ts'
import type { Frame, FramePool } from '../wire/frame-pool.ts'
import type { RecordBatch, ScanRequest } from '../log.ts'
import { CodecError } from '../codecs/output.ts'
import { CODECS, checksumFits, controlType } from './record-batch.ts'

class ReusedBatch implements RecordBatch {
  partition = 0
  buffer: Buffer = Buffer.alloc(0)
  view: DataView = new DataView(this.buffer.buffer, 0, 0)
  from = 0
  to = 0
  count = 0
  baseOffset = 0
  baseTimestamp = -1
  maxTimestamp = -1
  logAppendTime = false
  lastOffset = 0
  rangeStart = 0
  rangeEnd = 0
  clipped = false
  fault: string | undefined = undefined
}

export interface ScanOptions {
  readonly checkCrcs?: boolean
  readonly decompressedBatchMaxBytes?: number
}

/** Kinds of control records. */
const MARKER = { abort: 0, commit: 1 } as const
/** Instead of an offset: the transaction has not ended. */
const SURE = -1
/** Not a limit: the marker that ends a transaction is a batch of some 80 bytes; no control batch is longer than this. */
const MARKER_MAX_BYTES = 256

/** Larger than what Node cuts small buffers from. */
const OWN_MEMORY_BYTES = 64 * 1024

/** Delivers the batches of one scan, answer by answer. */
export class Delivery {
  readonly #request: ScanRequest
  readonly #frames: FramePool
  readonly #checkCrcs: boolean
  readonly #decompressor: Decompressor
  readonly #ahead: Ahead
  /** What is being consumed: an answer, its region, and the next batch of it by its number in the index. */
  #current: Fetched | undefined
  #regionAt = 0
  #region: Region | undefined
  #nextBatch = 0
  /** The batch that is on its way to the program, until it is there: what is to be marked as read then. */
  #onItsWay: { readonly region: Region; readonly offset: number; readonly sizeBytes: number } | undefined
  /** Memory of the last batch that was decompressed off the thread. */
  #spent: ArrayBufferLike | undefined
  /** Of the region, by first offset; those before `#abortedAt` have begun. */
  #aborted: { readonly producerId: number; readonly firstOffset: number }[] = []
  #abortedAt = 0
  /**
   * Those in the middle of an aborted transaction: below zero, how many damaged batches had come when it began (-1:
   * none); or the offset of what may have been its end. There may be very many: nothing is done for each of them.
   */
  readonly #abortedProducers = new Map<number, number>()
  /** Damaged batches that may have been markers, in this region: how many, and where the last one is. */
  #damages = 0
  #damagedAt = 0
  readonly #batch = new ReusedBatch()

  constructor(request: ScanRequest, frames: FramePool, options: ScanOptions) {
    this.#request = request
    this.#frames = frames
    this.#checkCrcs = options.checkCrcs ?? true
    const most = options.decompressedBatchMaxBytes ?? DECOMPRESSED_BATCH_MAX_BYTES
    this.#decompressor = new Decompressor(Math.min(request.decompressedBatchMaxBytes ?? most, most))
    this.#ahead = new Ahead(this.#decompressor)
  }

  /** Whether an answer is being delivered. */
  get busy(): boolean {
    return this.#current !== undefined
  }

  /** The offset after what is being delivered, undefined when nothing is. */
  get next(): number | undefined {
    const region = this.#region ?? this.#current?.regions[this.#regionAt]
    return region === undefined ? undefined : Math.min(region.next, region.span.end)
  }

  /** Takes the next answer; the one before is used up. */
  begin(fetched: Fetched): void {
    this.#current = fetched
    this.#regionAt = 0
    this.#region = undefined
  }

  /** Nothing more is delivered: a batch on its way does not count as read. */
  stop(): void {
    this.#onItsWay = undefined
  }

  /** Lets go of the answer: nobody looks at its last batch any more. */
  drop(): void {
    this.stop()
    this.#free()
    if (this.#current !== undefined) this.#frames.give(this.#current.frame)
    this.#current = undefined
  }

  /**
   * The batch that `take` gave last is with the program: only now does it count as read. A scan may end while a batch is
   * being decompressed, which then is to be read by another one.
   */
  arrived(): void {
    const batch = this.#onItsWay
    this.#onItsWay = undefined
    batch?.region.segment.delivered(batch.region.span, batch.offset, batch.sizeBytes)
  }

  /**
   * The next batch of the current answer; undefined when it is used up (its frame is given back), or there is none. It
   * counts as read with `arrived`.
   */
  take(): RecordBatch | undefined | Promise<RecordBatch> {
    this.#free()
    return this.#current === undefined ? undefined : this.#inFrame(this.#current)
  }

  #inFrame(fetched: Fetched): RecordBatch | undefined | Promise<RecordBatch> {
    const { batches } = fetched.frame
    for (;;) {
      const region = this.#region
      if (region === undefined) {
        const next = fetched.regions[this.#regionAt++]
        if (next === undefined) {
          this.#current = undefined
          fetched.lane.consumed(fetched.frame)
          return undefined
        }
        this.#enter(next)
        continue
      }
      const i = this.#nextBatch
      if (i >= region.last) {
        this.#region = undefined
        continue
      }
      this.#nextBatch = i + 1
      const baseOffset = batches.baseOffset(i)
      const lastOffset = batches.lastOffset(i)
      const { start, end } = region.span
      // A batch across the seam of two stripes comes twice, and is counted where it begins.
      const again =
        region.segment.stripes !== undefined &&
        (baseOffset >= end || (baseOffset < start && start > region.segment.progress.begin))
      const offset = Math.min(lastOffset + 1, end)
      const sizeBytes = again ? 0 : batches.sizeBytes(i)
      const isWanted = lastOffset >= start && baseOffset < end
      let fault = isWanted ? this.#fault(fetched.frame, i) : undefined
      if (fault !== undefined) this.#mayEnd(fetched.frame, i)
      if (!isWanted || (fault === undefined && this.#passOver(fetched.frame, i))) {
        region.segment.delivered(region.span, offset, sizeBytes)
        continue
      }
      if (fault === undefined && this.#abortedProducers.size > 0) fault = this.#unsure(fetched.frame, i)
      region.segment.stripes?.delivering(offset)
      this.#onItsWay = { region, offset, sizeBytes }
      if (fault !== undefined) return this.#deliverFault(fetched.frame, i, region, fault)
      return this.#deliver(fetched.frame, i, region)
    }
  }

  #enter(region: Region): void {
    this.#region = region
    this.#nextBatch = region.first
    this.#ahead.forget()
    if (this.#request.isolation !== 'read_committed') return
    this.#abortedProducers.clear()
    this.#aborted = []
    this.#abortedAt = 0
    this.#damages = 0
    for (let i = 0; i < region.aborted.length; i += 2)
      this.#aborted.push({ producerId: region.aborted[i], firstOffset: region.aborted[i + 1] })
    if (this.#aborted.length > 1) this.#aborted.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  #fault(frame: Frame, i: number): string | undefined {
    const { batches } = frame
    const magic = batches.magic(i)
    if (magic !== 2) {
      return magic === 0 || magic === 1
        ? `message format v${magic} is too old to be read (only v2 is, written since Kafka 0.11): copy the topic with a current producer`
        : `message format ${magic} is unknown`
    }
    if (this.#checkCrcs && !fits(frame, i)) return 'the checksum (CRC-32C) does not fit: the batch is damaged'
    const count = batches.count(i)
    if (count < 0 || count > batches.lastOffset(i) - batches.baseOffset(i) + 1)
      return `the batch says that it has ${count} records, which cannot be`
    return undefined
  }

  /** Whether the batch will be read, as far as its header says. */
  readonly #wanted = (i: number): boolean => {
    const { batches } = (this.#current as Fetched).frame
    const { start, end } = (this.#region as Region).span
    const since = this.#request.minTimestampMs ?? -1
    const maxTimestamp = batches.maxTimestamp(i)
    return (
      !batches.control(i) &&
      batches.lastOffset(i) >= start &&
      batches.baseOffset(i) < end &&
      (maxTimestamp < 0 || maxTimestamp >= since)
    )
  }

  /** Marks the producers whose aborted transactions begin up to this offset. */
  #begun(offset: number): void {
    while (this.#abortedAt < this.#aborted.length && this.#aborted[this.#abortedAt].firstOffset <= offset)
      this.#abortedProducers.set(this.#aborted[this.#abortedAt++].producerId, -1 - this.#damages)
  }

  /** `SURE` in the middle of an aborted transaction, or the offset of what may have ended it; undefined: in none. */
  #stateOf(producerId: number): number | undefined {
    const state = this.#abortedProducers.get(producerId)
    if (state === undefined || state >= 0) return state
    return -1 - state < this.#damages ? this.#damagedAt : SURE
  }

  /** A control batch that is whole. After a damaged one any marker of the producer makes sure again. */
  #ended(batches: BatchIndex, i: number, type: number): void {
    const producerId = batches.producerId(i)
    const state = this.#stateOf(producerId)
    if (state === undefined) return
    if (type === MARKER.abort || (type === MARKER.commit && state !== SURE)) this.#abortedProducers.delete(producerId)
    else if (type < 0) this.#abortedProducers.set(producerId, batches.baseOffset(i))
  }

  /**
   * A damaged batch may be the marker that ended an aborted transaction: whether what its producer wrote behind it counts
   * is not known any more. Of its header only the offset and the size are believed, which led to the next batch.
   */
  #mayEnd({ batches }: Frame, i: number): void {
    if (batches.sizeBytes(i) > MARKER_MAX_BYTES) return
    const offset = batches.baseOffset(i)
    this.#begun(offset)
    this.#damages++
    this.#damagedAt = offset
  }

  /** Neither dropped without a word nor taken for committed. */
  #unsure({ batches }: Frame, i: number): string | undefined {
    if (!batches.transactional(i)) return undefined
    const offset = this.#stateOf(batches.producerId(i))
    if (offset === undefined) return undefined
    return `whether its transaction was committed is not known, as the batch at offset ${offset} is damaged, which may have ended an aborted one (isolation.level: read_uncommitted shows it)`
  }

  /** Control batches, aborted transactions, batches without records, and batches that are too old. */
  #passOver({ batches, buffer }: Frame, i: number): boolean {
    if (this.#abortedAt < this.#aborted.length) this.#begun(batches.lastOffset(i))
    if (batches.control(i)) {
      if (this.#abortedProducers.size > 0)
        this.#ended(batches, i, controlType(buffer, batches.recordsStart(i), batches.end(i)))
      return true
    }
    if (batches.transactional(i) && this.#abortedProducers.size > 0) {
      if (this.#stateOf(batches.producerId(i)) === SURE) return true
    }
    if (batches.count(i) === 0) return true
    const since = this.#request.minTimestampMs
    if (since === undefined) return false
    const maxTimestamp = batches.maxTimestamp(i)
    return maxTimestamp >= 0 && maxTimestamp < since
  }

  #deliver(frame: Frame, i: number, region: Region): RecordBatch | Promise<RecordBatch> {
    const { batches } = frame
    const batch = this.#fill(frame, i, region)
    const codec = batches.codec(i)
    if (this.#request.headersOnly === true)
      return codec < CODECS.length ? batch : this.#damaged(unknownCodec(codec), batch, codec)
    if (codec === 0) {
      batch.to = batches.end(i)
      return batch
    }
    const begun = this.#request.limit === undefined ? this.#ahead.take(i) : undefined
    if (this.#request.limit === undefined) this.#ahead.plan(frame, i + 1, region.last, this.#wanted)
    if (begun !== undefined) return this.#later(begun, batch, codec, frame)
    try {
      const plain = this.#decompressor.run(codec, frame.buffer, frame.view, batch.from, batches.end(i))
      return plain instanceof Promise ? this.#later(plain, batch, codec, frame) : this.#put(plain, batch)
    } catch (error) {
      return this.#damaged(error, batch, codec)
    }
  }

  /**
   * Gives memory back at once that the collector of garbage would leave lying, up to some 64 MiB of it. Small buffers
   * share their memory with others and are left.
   */
  #free(): void {
    const spent = this.#spent
    this.#spent = undefined
    if (spent instanceof ArrayBuffer && spent.byteLength >= OWN_MEMORY_BYTES) spent.transfer(0)
  }

  async #later(plain: Promise<Plain>, batch: ReusedBatch, codec: number, frame: Frame): Promise<RecordBatch> {
    frame.readUntil(plain)
    try {
      this.#put(await plain, batch)
      this.#spent = batch.buffer.buffer
    } catch (error) {
      this.#damaged(error, batch, codec)
    }
    return batch
  }

  #put(plain: Plain, batch: ReusedBatch): RecordBatch {
    batch.buffer = plain.buffer
    batch.view = plain.view
    batch.from = plain.from
    batch.to = plain.to
    return batch
  }

  #damaged(error: unknown, batch: ReusedBatch, codec: number): RecordBatch {
    if (!(error instanceof CodecError)) throw error
    batch.fault = `batch at offset ${batch.baseOffset} (${CODECS[codec] ?? 'unknown codec'}): ${error.message}`
    return batch
  }

  #deliverFault(frame: Frame, i: number, region: Region, why: string): RecordBatch {
    const { batches } = frame
    const batch = this.#fill(frame, i, region)
    const { count, baseOffset, lastOffset } = batch
    const believable = count > 0 && count <= lastOffset - baseOffset + 1 && count <= batches.sizeBytes(i)
    batch.count = believable ? count : 1
    batch.fault = `batch at offset ${baseOffset}: ${why}`
    return batch
  }

  /** The batch as its header describes it, without records. */
  #fill(frame: Frame, i: number, region: Region): ReusedBatch {
    const { batches } = frame
    const batch = this.#batch
    batch.partition = region.segment.partition
    batch.buffer = frame.buffer
    batch.view = frame.view
    batches.describe(i, batch)
    batch.to = batch.from
    const { start, end } = region.span
    batch.rangeStart = start
    batch.rangeEnd = end
    batch.clipped = batch.baseOffset < start || batch.lastOffset >= end
    batch.fault = undefined
    return batch
  }
}

/** Whether the checksum fits: as the checksum thread has found, or found out now. */
function fits({ batches, buffer, checksums, view }: Frame, i: number): boolean {
  return checksums.verdict(i) ?? checksumFits(buffer, view, batches.start(i), batches.end(i))
}
