/**
 * Decompresses the records of a batch: gzip and zstd by node:zlib, lz4 and snappy by our own code, each with a limit
 * on what comes out. Small batches synchronously, large ones off the thread (zlib) or in slices (our own), so that the event
 * loop is never held up for long.
 */
import zlib from 'node:zlib'
import { lz4Frames } from './lz4.ts'
import { CodecError, Output, tooLarge } from './output.ts'
import { snappy } from './snappy.ts'
import { zstdFrames } from './zstd-frames.ts'

/**
 * Limit `kafka.decompressed.batch.max.bytes` (bytes): one batch of records after decompression. Beyond it: the batch
 * cannot be read; its records are bad.
 */
export const DECOMPRESSED_BATCH_MAX_BYTES = 64 * 1024 * 1024

/** Gzip gives about 0.34 GB/s, zstd 0.8: more output than this goes to zlib's threads. */
const GZIP_SYNC_BYTES = 1024 * 1024
const ZSTD_SYNC_BYTES = 4 * 1024 * 1024
/** A zstd batch's output is not known in advance: more input than this is not even tried synchronously. */
const ZSTD_SYNC_INPUT_BYTES = 1024 * 1024

/** Less than the memory that zlib takes for a piece of output, see `#threaded`. */
const JOINED_OWN_BYTES = 65_536

/** Records in plain form: bytes [from, to). `view` is over the same memory with the same indexes. */
export interface Plain {
  readonly buffer: Buffer
  readonly view: DataView
  readonly from: number
  readonly to: number
}

/** Decompresses one batch after the other; each result is valid until the next call. */
export class Decompressor {
  readonly #maxBytes: number
  readonly #output: Output
  /** Plain bytes to stored bytes of the latest batch, by codec. */
  readonly #ratios: Record<1 | 4, number> = { 1: 4, 4: 4 }

  constructor(maxBytes: number = DECOMPRESSED_BATCH_MAX_BYTES) {
    this.#maxBytes = maxBytes
    this.#output = new Output(maxBytes)
  }

  /** `codec` is the number in the batch's attributes. Throws, or rejects with, a CodecError. */
  run(codec: number, buffer: Buffer, view: DataView, from: number, to: number): Plain | Promise<Plain> {
    switch (codec) {
      case 0:
        return { buffer, view, from, to }
      case 1:
        return this.#gzip(buffer.subarray(from, to))
      case 2:
      case 3:
        return this.#own(codec === 2 ? snappy : lz4Frames, buffer, view, from, to)
      case 4:
        return this.#zstd(buffer.subarray(from, to))
      default:
        throw unknownCodec(codec)
    }
  }

  #own(decode: typeof snappy, buffer: Buffer, view: DataView, from: number, to: number): Plain | Promise<Plain> {
    this.#output.reset()
    const slices = decode(buffer, view, from, to, this.#output)
    return this.#slice(slices) ? this.#decoded() : this.#sliced(slices)
  }

  /** true when there is no more to do. */
  #slice(slices: Generator<void>): boolean {
    try {
      return slices.next().done === true
    } catch (error) {
      // A view read beyond the memory is damage like any other.
      if (error instanceof RangeError) throw new CodecError('the compressed data ends too early')
      throw error
    }
  }

  async #sliced(slices: Generator<void>): Promise<Plain> {
    do await new Promise((resolve) => setImmediate(resolve))
    while (!this.#slice(slices))
    return this.#decoded()
  }

  #decoded(): Plain {
    const output = this.#output
    output.check()
    return { buffer: output.bytes, view: output.view, from: 0, to: output.at }
  }

  #gzip(input: Buffer): Plain | Promise<Plain> {
    if (input.length < 18) throw new CodecError('gzip: the data is cut short')
    // The trailer holds the size; where that is wrong, the limit stops the work.
    const size = input.readUInt32LE(input.length - 4)
    if (size > GZIP_SYNC_BYTES || input.length > GZIP_SYNC_BYTES) return this.#threaded(1, input)
    return this.#now(1, input, GZIP_SYNC_BYTES, size + 64)
  }

  #zstd(input: Buffer): Plain | Promise<Plain> {
    const frames = zstdFrames(input)
    if (frames.length !== 1) return this.#joined(frames)
    const [frame] = frames
    if (frame.length > ZSTD_SYNC_INPUT_BYTES) return this.#threaded(4, frame)
    return this.#now(4, frame, ZSTD_SYNC_BYTES, this.#expected(4, frame))
  }

  /**
   * One of several batches under way at a time, each with memory of its own. `mostBytes`: one that becomes larger
   * rejects, too.
   */
  async apart(codec: 1 | 4, input: Buffer, mostBytes = this.#maxBytes): Promise<Plain> {
    const most = Math.min(mostBytes, this.#maxBytes)
    if (codec === 1) return this.#threaded(1, input, most)
    const frames = zstdFrames(input)
    return frames.length === 1 ? this.#threaded(4, frames[0], most) : this.#joined(frames, most)
  }

  /** Several frames, which is rare: one after the other on zlib's threads, within one limit. */
  async #joined(frames: readonly Buffer[], mostBytes = this.#maxBytes): Promise<Plain> {
    const parts: Buffer[] = []
    let size = 0
    for (const frame of frames) {
      const part = await this.#threaded(4, frame, mostBytes - size)
      // A small part lies in a piece of memory that is larger by far: what it has of it is kept.
      parts.push(part.to < JOINED_OWN_BYTES ? Buffer.from(part.buffer) : part.buffer)
      size += part.to
      if (size > mostBytes) throw tooLarge(mostBytes)
    }
    // Separate memory, like all that is decompressed off the thread: the consumer frees it.
    const whole = Buffer.allocUnsafeSlow(size)
    parts.reduce((at, part) => at + part.copy(whole, at), 0)
    return plainOf(whole)
  }

  /**
   * Synchronously, unless the output exceeds its limit. `chunkSize`: what zlib allocates at a time; one piece need not be
   * put together.
   */
  #now(codec: 1 | 4, input: Buffer, syncBytes: number, chunkSize: number): Plain | Promise<Plain> {
    const options = {
      maxOutputLength: Math.min(this.#maxBytes, syncBytes),
      chunkSize: Math.max(1024, Math.min(syncBytes, chunkSize)),
    }
    try {
      return this.#plain(
        codec,
        input,
        codec === 1 ? zlib.gunzipSync(input, options) : zlib.zstdDecompressSync(input, options),
      )
    } catch (error) {
      if (isTooLarge(error) && this.#maxBytes > syncBytes) return this.#threaded(codec, input)
      throw codecError(codec, error, this.#maxBytes)
    }
  }

  /** On zlib's threads. Several may run at a time, each in separate memory. Of zstd one frame. */
  #threaded(codec: 1 | 4, input: Buffer, mostBytes = this.#maxBytes): Promise<Plain> {
    const options = {
      maxOutputLength: Math.max(1, mostBytes),
      chunkSize: Math.max(65536, Math.min(ZSTD_SYNC_BYTES, this.#expected(codec, input))),
    }
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, plain: Buffer) =>
        error === null ? resolve(this.#plain(codec, input, plain)) : reject(codecError(codec, error, this.#maxBytes))
      if (codec === 1) zlib.gunzip(input, options, done)
      else zlib.zstdDecompress(input, options, done)
    })
  }

  /** Estimated output in bytes, by the ratio of the batch before. */
  #expected(codec: 1 | 4, input: Buffer): number {
    return Math.ceil(input.length * this.#ratios[codec] * 1.1) + 1024
  }

  #plain(codec: 1 | 4, input: Buffer, plain: Buffer): Plain {
    this.#ratios[codec] = Math.min(50, plain.length / input.length)
    return plainOf(plain)
  }
}

/** The error of a batch with a number of a codec that is none. */
export function unknownCodec(codec: number): CodecError {
  return new CodecError(`the compression codec ${codec} is unknown`)
}

function plainOf(buffer: Buffer): Plain {
  return { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.length), from: 0, to: buffer.length }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}

function codecError(codec: 1 | 4, error: unknown, maxBytes: number): CodecError {
  return isTooLarge(error)
    ? tooLarge(maxBytes)
    : new CodecError(`${codec === 1 ? 'gzip' : 'zstd'}: ${error instanceof Error ? error.message : String(error)}`)
}
