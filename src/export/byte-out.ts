/**
 * The bytes of a file on their way out: small pieces are collected into chunks of memory, large texts go as they are. It
 * knows neither what the bytes say nor where they go.
 */

/** Where chunks come from and go. */
export interface ByteTarget {
  /** Memory for one chunk, which begins with it. */
  chunk(): Buffer
  /** Takes bytes that begin their memory; the memory is the target's from now on. */
  pass(bytes: Buffer): void
  /** undefined while the reader keeps up; else a promise that resolves when there is room again. */
  drained(): Promise<void> | undefined
}

/** Most bytes of UTF-8 for one UTF-16 unit. */
const UNIT_BYTES = 3

/** Writes texts and bytes into chunks of a target. */
export class ByteOut {
  readonly #target: ByteTarget
  #chunk: Buffer | undefined
  #position = 0
  /** Bytes that the target was given. */
  passed = 0

  constructor(target: ByteTarget) {
    this.#target = target
  }

  text(text: string): void {
    const chunk = this.#room(text.length * UNIT_BYTES)
    if (chunk !== undefined) this.#position += chunk.write(text, this.#position)
    else {
      const whole = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
      whole.write(text)
      this.#pass(whole)
    }
  }

  /** The bytes are copied, many of them into several chunks: their memory is used again, which spares collecting it. */
  bytes(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      this.#chunk ??= this.#target.chunk()
      const taken = Math.min(bytes.length - from, this.#chunk.length - this.#position)
      this.#chunk.set(bytes.subarray(from, from + taken), this.#position)
      this.#position += taken
      from += taken
      if (this.#position === this.#chunk.length) this.flush()
    }
  }

  /** Gives everything to the target. */
  flush(): void {
    if (this.#chunk === undefined || this.#position === 0) return
    const full = this.#chunk.subarray(0, this.#position)
    this.#chunk = undefined
    this.#position = 0
    this.#pass(full)
  }

  drained(): Promise<void> | undefined {
    return this.#target.drained()
  }

  /** A chunk with room for so many bytes; undefined where no chunk has it: then all before was flushed. */
  #room(bytes: number): Buffer | undefined {
    if (this.#chunk !== undefined && bytes <= this.#chunk.length - this.#position) return this.#chunk
    this.flush()
    this.#chunk ??= this.#target.chunk()
    return bytes <= this.#chunk.length ? this.#chunk : undefined
  }

  #pass(bytes: Buffer): void {
    this.passed += bytes.length
    this.#target.pass(bytes)
  }
}
