/**
 * Where the bytes of one partition live: in memory (blocks that hold many batches each) or in one append-only file.
 * Both know positions only; offsets are the partition log's business.
 */
import { closeSync, ftruncateSync, openSync, read, rmSync, writeSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

/** Where a batch was put. */
export interface Place {
  /** The memory block; undefined for a file. */
  readonly block: Buffer | undefined
  readonly at: number
  readonly sizeBytes: number
}

export interface Storage {
  append(bytes: Buffer): Place
  /** The bytes of places that follow one another in the log, as few buffers as possible. */
  read(places: readonly Place[]): Buffer[] | Promise<Buffer[]>
  close(): void
  remove(): void
}

const SMALLEST_BLOCK_BYTES = 1024
/** Not a limit: the size up to which blocks of memory grow. */
const LARGEST_BLOCK_BYTES = 524_288

/** Keeps batches in blocks that grow from 1 to 512 KiB; a block is freed when its last batch is forgotten. */
export class MemoryStorage implements Storage {
  #block: Buffer = Buffer.alloc(0)
  #used = 0
  #nextBytes = SMALLEST_BLOCK_BYTES

  append(bytes: Buffer): Place {
    if (this.#used + bytes.length > this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(Math.max(this.#nextBytes, bytes.length))
      this.#nextBytes = Math.min(this.#nextBytes * 2, LARGEST_BLOCK_BYTES)
      this.#used = 0
    }
    const at = this.#used
    bytes.copy(this.#block, at)
    this.#used += bytes.length
    return { block: this.#block, at, sizeBytes: bytes.length }
  }

  read(places: readonly Place[]): Buffer[] {
    const buffers: Buffer[] = []
    for (let i = 0; i < places.length; ) {
      const { block, at } = places[i]
      let end = at + places[i].sizeBytes
      i++
      while (i < places.length && places[i].block === block && places[i].at === end) end += places[i++].sizeBytes
      if (block !== undefined) buffers.push(block.subarray(at, end))
    }
    return buffers
  }

  close(): void {
    this.remove()
  }

  remove(): void {
    this.#block = Buffer.alloc(0)
    this.#used = 0
  }
}

/**
 * One append-only file a partition. Writes are synchronous (the sandbox acknowledges what is in the file), reads are
 * not.
 */
export class FileStorage implements Storage {
  readonly path: string
  #file: number
  #end: number

  /** `endBytes`: where the good part of the file ends; what follows is cut off. */
  constructor(path: string, endBytes: number) {
    this.path = path
    this.#file = openSync(path, endBytes === 0 ? 'w+' : 'r+')
    ftruncateSync(this.#file, endBytes)
    this.#end = endBytes
  }

  append(bytes: Buffer): Place {
    const at = this.#end
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done, bytes.length - done, at + done)
    this.#end += bytes.length
    return { block: undefined, at, sizeBytes: bytes.length }
  }

  read(places: readonly Place[]): Promise<Buffer[]> {
    if (places.length === 0) return Promise.resolve([])
    const from = places[0].at
    const last = places[places.length - 1]
    const buffer = Buffer.allocUnsafe(last.at + last.sizeBytes - from)
    return new Promise((resolve, reject) => {
      read(this.#file, buffer, 0, buffer.length, from, (error, count) => {
        if (error) reject(error)
        else if (count < buffer.length)
          reject(new Error(`${this.path} holds ${count} of ${buffer.length} bytes at ${from}`))
        else resolve([buffer])
      })
    })
  }

  close(): void {
    if (this.#file >= 0) closeSync(this.#file)
    this.#file = -1
  }

  remove(): void {
    this.close()
    rmSync(this.path, { force: true })
  }
}

/** How much of a segment is held while it is scanned. */
const WINDOW_BYTES = 1_048_576
/** Enough of a batch for its header and the record of a control batch. */
const HEAD_BYTES = 256

/**
 * Shows the beginning of each whole batch of a segment file, in order, and gives the position behind the last one. What
 * follows there was torn by a crash.
 * `sizeOf` says how large the batch is that begins with these bytes, or undefined if there is none; `leftBytes` is what
 * the file holds from there on.
 */
export async function scanSegment(
  path: string,
  sizeOf: (head: Buffer, leftBytes: number) => number | undefined,
  visit: (head: Buffer, place: Place) => void,
): Promise<number> {
  const file = await openIfThere(path)
  if (file === undefined) return 0
  try {
    const { size } = await file.stat()
    const window = Buffer.allocUnsafe(Math.min(size, WINDOW_BYTES))
    let windowAt = 0
    let windowBytes = 0
    for (let at = 0; ; ) {
      if (at + HEAD_BYTES > windowAt + windowBytes && windowAt + windowBytes < size) {
        windowAt = at
        windowBytes = (await file.read(window, 0, Math.min(window.length, size - at), at)).bytesRead
      }
      const head = window.subarray(at - windowAt, Math.min(at - windowAt + HEAD_BYTES, windowBytes))
      const sizeBytes = sizeOf(head, size - at)
      if (sizeBytes === undefined) return at
      visit(head.subarray(0, sizeBytes), { block: undefined, at, sizeBytes })
      at += sizeBytes
    }
  } finally {
    await file.close()
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
