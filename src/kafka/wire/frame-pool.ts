/** Frames for fetch answers, used again and again: fresh memory is dear. Holds a bounded amount of idle ones. */
import { Checksums } from '../codecs/checksums.ts'
import { BatchIndex } from '../read/batch-index.ts'

/** Memory for one answer of a Fetch, and what is known of the batches in it. Reused for the next answer. */
export class Frame {
  /** In shared memory, unless it is large. */
  readonly buffer: Buffer
  /** Over the same memory with the same indexes. */
  readonly view: DataView
  /** Of the answer that is in the frame. */
  readonly batches: BatchIndex
  readonly checksums: Checksums
  #readers = 0
  #unread: (() => void) | undefined

  constructor(memory: ArrayBufferLike) {
    this.buffer = Buffer.from(memory)
    this.view = new DataView(memory)
    this.batches = new BatchIndex(this.view)
    this.checksums = new Checksums(memory instanceof SharedArrayBuffer ? memory : undefined)
  }

  /** Another thread reads the memory until the promise settles; it does not go to a new answer before that. */
  readUntil(over: Promise<unknown>): void {
    this.#readers++
    const left = (): void => {
      this.#readers--
      if (this.#readers > 0) return
      this.#unread?.()
      this.#unread = undefined
    }
    over.then(left, left)
  }

  /** Calls `then` once nobody else reads the memory: at once, if nobody does now. */
  whenUnread(then: () => void): void {
    if (this.#readers === 0) then()
    else this.#unread = then
  }
}

/** Room for a 2 MiB fetch and its partition headers. Pages that are never written cost nothing. */
const FRAME_BYTES = 2 * 1024 * 1024 + 128 * 1024
/** Larger frames are made in steps, so that answers of about the same size can share them. */
const STEP_BYTES = 1024 * 1024
/**
 * A larger frame is for one record or batch of unusual size: its memory is not shared. The thread for checksums would
 * have a hold on it as well, long after its use, and no collector counts what is shared.
 */
const SHARED_BYTES = 9 * 1024 * 1024
/**
 * Idle memory kept by one thread. Shared memory that is dropped is invisible to the collector of garbage, which does not
 * hurry for it: a crowd of queries that come and go would pile it up.
 */
const KEEP_BYTES = 16 * 1024 * 1024

let heldByAll = 0

/**
 * Bytes of the frames of this thread, in use and idle. The platform counts them nowhere: shared memory is no part of a
 * heap.
 */
export function frameBytes(): number {
  return heldByAll
}

/**
 * The frames that are not in use, up to a limit. Whoever takes one gives it back, however its use ends: one that is left
 * to the collector of garbage would go on to be counted.
 */
export class FramePool {
  readonly #idle: Frame[] = []
  #idleBytes = 0
  #lent = 0

  /** Frames that were taken and are not back yet. */
  get lent(): number {
    return this.#lent
  }

  /** A frame of at least `size` bytes. */
  take(size: number): Frame {
    this.#lent++
    const at = this.#idle.findLastIndex((frame) => frame.buffer.length >= size)
    if (at >= 0) {
      const [frame] = this.#idle.splice(at, 1)
      this.#idleBytes -= heldBytes(frame)
      return frame
    }
    const bytes = Math.max(FRAME_BYTES, Math.ceil(size / STEP_BYTES) * STEP_BYTES)
    heldByAll += bytes
    return new Frame(bytes > SHARED_BYTES ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes))
  }

  /** Takes back a frame whose taker has done with it. */
  give(frame: Frame): void {
    frame.whenUnread(() => this.#keep(frame))
  }

  #keep(frame: Frame): void {
    this.#lent--
    const bytes = heldBytes(frame)
    if (this.#idleBytes + bytes > KEEP_BYTES) {
      heldByAll -= frame.buffer.length
      return
    }
    this.#idle.push(frame)
    this.#idleBytes += bytes
  }
}

function heldBytes({ buffer, batches }: Frame): number {
  return buffer.length + batches.capacityBytes
}
