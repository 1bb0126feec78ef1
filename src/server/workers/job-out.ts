/**
 * Frames of a job on their way to the main thread: `WebSocketOut` writes whole WebSocket frames into chunks, and each
 * chunk is moved to the main thread, which gives it to the socket and its memory back. At most two chunks are under way
 * at a time, so that what a slow reader has not taken stays here, where `drained()` slows the scan.
 */
import type { RawSocket } from '../socket/websocket-out.ts'
import { reuse } from '../socket/websocket-out.ts'
import type { MainThread } from './remote.ts'

/** Stands for the socket in a worker. */
export class JobSocket implements RawSocket {
  destroyed = false
  readonly #main: MainThread
  readonly #job: number
  /** Callbacks of the chunks under way, in order. */
  readonly #taken: ((error?: Error | null) => void)[] = []

  constructor(main: MainThread, job: number) {
    this.#main = main
    this.#job = job
  }

  write(bytes: Uint8Array, taken: (error?: Error | null) => void): boolean {
    this.#taken.push(taken)
    // Chunks have their memory for themselves, and begin with it.
    const chunk = bytes.buffer as ArrayBuffer
    this.#main.post({ kind: 'chunk', job: this.#job, chunk, bytes: bytes.length }, [chunk])
    return true
  }

  /** The socket took the oldest chunk. */
  took(chunk: ArrayBuffer): void {
    reuse(chunk)
    this.#taken.shift()?.()
  }
}
