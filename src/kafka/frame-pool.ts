/** Frames for fetch answers, used again and again: fresh memory is dear. Holds a bounded number of idle ones. */

export interface Frame {
  readonly buffer: Buffer
  /** Over the same memory with the same indexes. */
  readonly view: DataView
}

/** Room for a 4 MiB fetch and its partition headers. Pages that are never written cost nothing. */
const FRAME_BYTES = 4 * 1024 * 1024 + 128 * 1024

/** Idle frames kept: 32 MiB. */
const KEEP_FRAMES = 8

export class FramePool {
  readonly #idle: Frame[] = []

  /** A frame of at least `size` bytes. */
  take(size: number): Frame {
    const frame = size <= FRAME_BYTES ? this.#idle.pop() : undefined
    if (frame !== undefined) return frame
    const buffer = Buffer.allocUnsafeSlow(Math.max(size, FRAME_BYTES))
    return { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.length) }
  }

  /** Takes back a frame that nobody looks at any more. */
  give(frame: Frame): void {
    if (frame.buffer.length === FRAME_BYTES && this.#idle.length < KEEP_FRAMES) this.#idle.push(frame)
  }
}
