/**
 * Hands the batches of fetch answers on one by one, in place. Batches outside the wanted range or time, control batches
 * and aborted transactions stop here; damaged ones become faults; compressed ones are decompressed. Decodes no record,
 * knows no socket.
 */
import { Ahead } from './ahead.ts'
import { DECOMPRESSED_BATCH_MAX_BYTES, Decompressor, type Plain } from '../codecs/compression.ts'
import type { Fetched, Region } from './lane.ts'
import type { RecordBatch, ScanRequest } from '../log.ts'
import { CodecError } from '../codecs/output.ts'
import { BatchHeader, CODECS, checksumFits, controlType } from './record-batch.ts'

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

/** Larger than what Node cuts small buffers from. */
const OWN_MEMORY_BYTES = 64 * 1024

export class HandOut {
  readonly #request: ScanRequest
  readonly #checkCrcs: boolean
  readonly #decompressor: Decompressor
  readonly #ahead: Ahead
  /** What is being consumed: an answer, its region, the place in it. */
  #current: Fetched | undefined
  #regionAt = 0
  #region: Region | undefined
  #at = 0
  /** Memory of the last batch that was decompressed off the thread. */
  #spent: ArrayBufferLike | undefined
  /** Batches of the answer that have been looked at. */
  #batches = 0
  #aborted: { producerId: number; firstOffset: number }[] = []
  readonly #abortedProducers = new Set<number>()
  readonly #header = new BatchHeader()
  readonly #batch = new ReusedBatch()

  constructor(request: ScanRequest, options: ScanOptions) {
    this.#request = request
    this.#checkCrcs = options.checkCrcs ?? true
    const most = options.decompressedBatchMaxBytes ?? DECOMPRESSED_BATCH_MAX_BYTES
    this.#decompressor = new Decompressor(Math.min(request.decompressedBatchMaxBytes ?? most, most))
    this.#ahead = new Ahead(this.#decompressor)
  }

  /** Whether there is an answer at hand. */
  get busy(): boolean {
    return this.#current !== undefined
  }

  /** The offset after what is being handed out, undefined when nothing is. */
  get next(): number | undefined {
    const region = this.#region ?? this.#current?.regions[this.#regionAt]
    return region === undefined ? undefined : Math.min(region.next, region.span.end)
  }

  /** Takes the next answer; the one before is used up. */
  begin(fetched: Fetched): void {
    this.#current = fetched
    this.#regionAt = 0
    this.#region = undefined
    this.#batches = 0
  }

  /** Lets go of the answer without giving its frame back: somebody may still look at the last batch. */
  drop(): void {
    this.#current = undefined
  }

  /** The next batch of the answer at hand; undefined when it is used up (its frame is given back), or there is none. */
  take(): RecordBatch | undefined | Promise<RecordBatch> {
    this.#free()
    return this.#current === undefined ? undefined : this.#inFrame(this.#current)
  }

  #inFrame(fetched: Fetched): RecordBatch | undefined | Promise<RecordBatch> {
    const header = this.#header
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
      const at = this.#at
      if (at >= region.to || !header.open(fetched.frame.view, at, region.to)) {
        this.#region = undefined
        continue
      }
      this.#at = at + header.size
      this.#batches++
      const { start, end } = region.span
      // A batch across the seam of two stripes comes twice, and is counted where it begins.
      const again =
        region.segment.stripes !== undefined &&
        (header.baseOffset >= end || (header.baseOffset < start && start > region.segment.progress.begin))
      region.segment.hand(region.span, Math.min(header.lastOffset + 1, end), again ? 0 : header.size)
      if (header.lastOffset < start || header.baseOffset >= end) continue
      const fault = this.#fault(fetched, at)
      if (fault !== undefined) return this.#faulty(fetched, region, fault)
      if (this.#passOver(fetched)) continue
      return this.#handOut(fetched, region)
    }
  }

  #enter(region: Region): void {
    this.#region = region
    this.#at = region.from
    this.#ahead.forget()
    if (this.#request.isolation !== 'read_committed') return
    this.#abortedProducers.clear()
    this.#aborted = []
    for (let i = 0; i < region.aborted.length; i += 2)
      this.#aborted.push({ producerId: region.aborted[i], firstOffset: region.aborted[i + 1] })
    if (this.#aborted.length > 1) this.#aborted.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  #fault(fetched: Fetched, at: number): string | undefined {
    const header = this.#header
    if (header.magic !== 2) {
      return header.magic === 0 || header.magic === 1
        ? `message format v${header.magic} is too old to be read (only v2 is, written since Kafka 0.11): copy the topic with a current producer`
        : `message format ${header.magic} is unknown`
    }
    if (this.#checkCrcs && !this.#fits(fetched, at)) return 'the checksum (CRC-32C) does not fit: the batch is damaged'
    if (header.count < 0 || header.count > header.lastOffset - header.baseOffset + 1)
      return `the batch says that it has ${header.count} records, which cannot be`
    return undefined
  }

  #fits({ frame }: Fetched, at: number): boolean {
    return frame.checksums.verdict(this.#batches - 1) ?? checksumFits(frame.buffer, frame.view, at, this.#header.to)
  }

  /** As far as the header alone can tell. */
  readonly #wanted = (header: BatchHeader): boolean => {
    const region = this.#region as Region
    const since = this.#request.minTimestampMs ?? -1
    return (
      !header.control &&
      header.lastOffset >= region.span.start &&
      header.baseOffset < region.span.end &&
      (header.maxTimestamp < 0 || header.maxTimestamp >= since)
    )
  }

  /** Control batches, aborted transactions, batches without records, and batches that are too old. */
  #passOver(fetched: Fetched): boolean {
    const header = this.#header
    if (this.#aborted.length > 0) {
      while (this.#aborted.length > 0 && this.#aborted[0].firstOffset <= header.lastOffset)
        this.#abortedProducers.add((this.#aborted.shift() as { producerId: number }).producerId)
    }
    if (header.control) {
      if (this.#abortedProducers.size > 0 && controlType(fetched.frame.buffer, header.from, header.to) === 0)
        this.#abortedProducers.delete(header.producerId)
      return true
    }
    if (header.transactional && this.#abortedProducers.size > 0 && this.#abortedProducers.has(header.producerId))
      return true
    if (header.count === 0) return true
    const since = this.#request.minTimestampMs
    return since !== undefined && header.maxTimestamp >= 0 && header.maxTimestamp < since
  }

  #handOut(fetched: Fetched, region: Region): RecordBatch | Promise<RecordBatch> {
    const header = this.#header
    const batch = this.#fill(fetched, region)
    if (this.#request.headersOnly === true) return batch
    if (header.codec === 0) {
      batch.from = header.from
      batch.to = header.to
      return batch
    }
    const begun = this.#request.limit === undefined ? this.#ahead.take(header.to - header.size) : undefined
    if (this.#request.limit === undefined) this.#ahead.plan(fetched.frame, this.#at, region.to, this.#wanted)
    if (begun !== undefined) return this.#later(begun, batch)
    try {
      const plain = this.#decompressor.run(
        header.codec,
        fetched.frame.buffer,
        fetched.frame.view,
        header.from,
        header.to,
      )
      return plain instanceof Promise ? this.#later(plain, batch) : this.#put(plain, batch)
    } catch (error) {
      return this.#damaged(error, batch)
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

  async #later(plain: Promise<Plain>, batch: ReusedBatch): Promise<RecordBatch> {
    try {
      this.#put(await plain, batch)
      this.#spent = batch.buffer.buffer
    } catch (error) {
      this.#damaged(error, batch)
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

  #damaged(error: unknown, batch: ReusedBatch): RecordBatch {
    if (!(error instanceof CodecError)) throw error
    batch.fault = `batch at offset ${batch.baseOffset} (${CODECS[this.#header.codec] ?? 'unknown codec'}): ${error.message}`
    return batch
  }

  #faulty(fetched: Fetched, region: Region, why: string): RecordBatch {
    const header = this.#header
    const batch = this.#fill(fetched, region)
    const span = header.lastOffset - header.baseOffset + 1
    batch.count = header.count > 0 && header.count <= span && header.count <= header.size ? header.count : 1
    batch.fault = `batch at offset ${header.baseOffset}: ${why}`
    return batch
  }

  #fill(fetched: Fetched, region: Region): ReusedBatch {
    const header = this.#header
    const batch = this.#batch
    batch.partition = region.segment.partition
    batch.buffer = fetched.frame.buffer
    batch.view = fetched.frame.view
    batch.from = header.from
    batch.to = header.from
    batch.count = header.count
    batch.baseOffset = header.baseOffset
    batch.baseTimestamp = header.baseTimestamp
    batch.maxTimestamp = header.maxTimestamp
    batch.logAppendTime = header.logAppendTime
    batch.lastOffset = header.lastOffset
    const { start, end } = region.span
    batch.rangeStart = start
    batch.rangeEnd = end
    batch.clipped = header.baseOffset < start || header.lastOffset >= end
    batch.fault = undefined
    return batch
  }
}
