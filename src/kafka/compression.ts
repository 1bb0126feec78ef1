/**
 * Decompresses the records of a batch: gzip and zstd by node:zlib, lz4 and snappy by code of our own, each with a limit on what comes out. Small batches at once,
 * large ones off the thread (zlib), so that the event loop is never held up for long.
 */
import zlib from 'node:zlib'
import { lz4Frames } from './lz4.ts'
import { CodecError, Output, tooLarge } from './output.ts'
import { snappy } from './snappy.ts'

/** `kafka.decompressed.batch.max.bytes` */
export const DECOMPRESSED_BATCH_MAX_BYTES = 256 * 1024 * 1024

/** Gzip gives about 0.34 GB/s, zstd 0.8: more output than this goes to zlib's threads. */
const GZIP_SYNC_BYTES = 1024 * 1024
const ZSTD_SYNC_BYTES = 4 * 1024 * 1024
/** A zstd batch's output is not known beforehand: more input than this is not even tried at once. */
const ZSTD_SYNC_INPUT_BYTES = 1024 * 1024

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
        throw new CodecError(`the compression codec ${codec} is unknown`)
    }
  }

  #own(decode: typeof snappy, buffer: Buffer, view: DataView, from: number, to: number): Plain {
    const output = this.#output
    output.reset()
    try {
      decode(buffer, view, from, to, output)
    } catch (error) {
      // A view read beyond the memory is damage like any other.
      if (error instanceof RangeError) throw new CodecError('the compressed data ends too early')
      throw error
    }
    output.check()
    return { buffer: output.bytes, view: output.view, from: 0, to: output.at }
  }

  #gzip(input: Buffer): Plain | Promise<Plain> {
    if (input.length < 18) throw new CodecError('gzip: the data is cut short')
    // The trailer tells the size; where it lies, the limit stops the work at once.
    const size = input.readUInt32LE(input.length - 4)
    if (size > GZIP_SYNC_BYTES || input.length > GZIP_SYNC_BYTES)
      return this.#later('gzip', (done) => zlib.gunzip(input, { maxOutputLength: this.#maxBytes }, done))
    try {
      return plainOf(
        zlib.gunzipSync(input, { maxOutputLength: Math.min(this.#maxBytes, GZIP_SYNC_BYTES), chunkSize: Math.max(1024, Math.min(size + 64, GZIP_SYNC_BYTES)) }),
      )
    } catch (error) {
      throw codecError('gzip', error, this.#maxBytes)
    }
  }

  #zstd(input: Buffer): Plain | Promise<Plain> {
    const later = () => this.#later('zstd', (done) => zlib.zstdDecompress(input, { maxOutputLength: this.#maxBytes }, done))
    if (input.length > ZSTD_SYNC_INPUT_BYTES) return later()
    try {
      return plainOf(
        zlib.zstdDecompressSync(input, {
          maxOutputLength: Math.min(this.#maxBytes, ZSTD_SYNC_BYTES),
          chunkSize: Math.max(65536, Math.min(ZSTD_SYNC_BYTES, input.length * 5)),
        }),
      )
    } catch (error) {
      if (isTooLarge(error) && this.#maxBytes > ZSTD_SYNC_BYTES) return later()
      throw codecError('zstd', error, this.#maxBytes)
    }
  }

  #later(name: string, start: (done: (error: Error | null, plain: Buffer) => void) => void): Promise<Plain> {
    return new Promise((resolve, reject) =>
      start((error, plain) => (error === null ? resolve(plainOf(plain)) : reject(codecError(name, error, this.#maxBytes)))),
    )
  }
}

function plainOf(buffer: Buffer): Plain {
  return { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.length), from: 0, to: buffer.length }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
}

function codecError(name: string, error: unknown, maxBytes: number): CodecError {
  return isTooLarge(error) ? tooLarge(maxBytes) : new CodecError(`${name}: ${error instanceof Error ? error.message : String(error)}`)
}
