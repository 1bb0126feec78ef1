/**
 * A second thread that computes the checksums (CRC-32C) of answers that wait for their turn, so that the thread of the
 * queries has less to do where there is a second core. It is never waited for: a batch whose checksum is not ready is
 * checked by the thread that needs it. The two agree by one word of shared memory a batch; the words of an answer that is used
 * up cannot be mistaken for those of the next one in the same frame, because each carries the answer's number.
 */
import { Worker } from 'node:worker_threads'
import type { BatchIndex } from '../read/batch-index.ts'

/** A batch's word: its answer's number times 8, and one of these. */
const MARK = { open: 0, taken: 1, good: 2, bad: 3 } as const
const STEP = 8
/** Answers after which the numbers start again at 0, so that words stay within 31 bits. */
const TURNS = 2 ** 27

/** Batches of one answer that have a word; further ones are checked by the queries' thread. */
const WORDS = 2048
/** A message to the thread does not pay for shorter answers. */
const WORTH_WHILE_BYTES = 256 * 1024

/** What the thread is sent: an answer in the memory of a frame, and its batches. */
export interface ChecksumJob {
  readonly memory: SharedArrayBuffer
  readonly words: SharedArrayBuffer
  readonly turn: number
  /** Memory of the frame's `BatchPlaces`. */
  readonly places: SharedArrayBuffer
  /** Number of batches, as far as they have words. */
  readonly batches: number
}

/** The words of one frame. */
export class Checksums {
  readonly #memory: SharedArrayBuffer | undefined
  readonly #words = new SharedArrayBuffer(WORDS * 4)
  readonly #view = new Int32Array(this.#words)
  #turn = 0
  #sent = false

  /** Without shared memory all checksums are the caller's. */
  constructor(memory: SharedArrayBuffer | undefined) {
    this.#memory = memory
  }

  /** A new answer has come. Its checksums are begun, from the last batch on, if it is large. */
  begin(index: BatchIndex): void {
    this.#sent = this.#memory !== undefined && index.totalBytes >= WORTH_WHILE_BYTES
    if (!this.#sent || this.#memory === undefined) return
    this.#turn = (this.#turn + 1) % TURNS
    this.#view.fill(this.#turn * STEP)
    send({
      memory: this.#memory,
      words: this.#words,
      turn: this.#turn,
      places: index.memory,
      batches: Math.min(index.size, WORDS),
    })
  }

  /**
   * Whether the checksum of the batch (counted from 0 over the answer) fits; undefined: not known, and now the caller
   * must compute it.
   */
  verdict(batch: number): boolean | undefined {
    if (!this.#sent || batch >= WORDS) return undefined
    const open = this.#turn * STEP
    const mark = Atomics.compareExchange(this.#view, batch, open, open + MARK.taken) - open
    return mark === MARK.good ? true : mark === MARK.bad ? false : undefined
  }
}

/** For the thread: claims a batch that the other thread has not begun. */
export function takeBatch(words: Int32Array, turn: number, batch: number): boolean {
  return batch < WORDS && Atomics.compareExchange(words, batch, turn * STEP, turn * STEP + MARK.taken) === turn * STEP
}

/** For the thread: says what came out, unless the answer is used up. */
export function giveVerdict(words: Int32Array, turn: number, batch: number, good: boolean): void {
  Atomics.compareExchange(words, batch, turn * STEP + MARK.taken, turn * STEP + (good ? MARK.good : MARK.bad))
}

let thread: Worker | undefined
let broken = false

function send(job: ChecksumJob): void {
  if (broken) return
  if (thread === undefined) {
    const file = `./checksum-thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`
    thread = new Worker(new URL(file, import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 2 },
    })
    thread.unref()
    // Without it everything goes on, only slower.
    thread.on('error', () => {
      broken = true
    })
  }
  thread.postMessage(job)
}
