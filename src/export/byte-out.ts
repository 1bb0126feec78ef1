/**
 * The bytes of a file on their way out: small pieces are collected into chunks of memory, large ones go as they are. It
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
const MOST_OF_UNIT = 3

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
    const chunk = this.#room(text.length * MOST_OF_UNIT)
    if (chunk !== undefined) this.#position += chunk.write(text, this.#position)
    else {
      const whole = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
      whole.write(text)
      this.#pass(whole)
    }
  }

  /** The bytes are copied. */
  bytes(bytes: Uint8Array): void {
    const chunk = this.#room(bytes.length)
    if (chunk !== undefined) {
      chunk.set(bytes, this.#position)
      this.#position += bytes.length
    } else {
      const whole = Buffer.allocUnsafeSlow(bytes.length)
      whole.set(bytes)
      this.#pass(whole)
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
