/**
 * Puts Kafka's response frames (INT32 length, then that many bytes) together from whatever pieces the network gives.
 * Knows no socket and no API:
 * it names the place where the next bytes belong (so that the kernel can write there), learns how many arrived, and
 * says when a frame is whole.
 */
import { clientError } from '../errors.ts'
import type { KafkaError } from '../log.ts'

/**
 * Limit `kafka.response.max.bytes` (bytes): one answer of a broker; `responseMaxBytes` of the configuration changes it.
 * Beyond it: an error, and the connection is closed.
 */
export const RESPONSE_MAX_BYTES = 256 * 1024 * 1024

/**
 * Limit `kafka.greeting.max.bytes` (bytes): one answer of a broker before the connection is agreed upon, to ApiVersions
 * and SASL. Beyond it: an error, and the connection is closed.
 */
export const GREETING_MAX_BYTES = 1024 * 1024

export interface FrameHandler {
  /** Memory for a frame of `size` bytes, at least that long. Called once the length is known. */
  allocate(size: number): Buffer
  /** A frame is whole: bytes [0, size) of the buffer given by `allocate`. The length prefix is not part of it. */
  frame(buffer: Buffer, size: number): void
}

export class FrameAssembler {
  readonly #handler: FrameHandler
  readonly #maxBytes: number
  /** Answers are those of the greeting still, which are small. */
  greets = false
  readonly #head = Buffer.alloc(4)
  #headAt = 0
  #frame: Buffer | undefined
  #size = 0
  #at = 0

  constructor(handler: FrameHandler, maxBytes: number = RESPONSE_MAX_BYTES) {
    this.#handler = handler
    this.#maxBytes = maxBytes
  }

  /** Whether a frame has begun that is not whole yet. */
  get partial(): boolean {
    return this.#headAt > 0 || this.#frame !== undefined
  }

  /** Where the next bytes belong; never empty. */
  place(): Buffer {
    return this.#frame === undefined ? this.#head.subarray(this.#headAt) : this.#frame.subarray(this.#at, this.#size)
  }

  /** `n` bytes were written to `place()`. Throws a KafkaError on a length that cannot be. */
  took(n: number): void {
    if (this.#frame === undefined) {
      this.#headAt += n
      if (this.#headAt === 4) this.#begin()
      return
    }
    this.#at += n
    if (this.#at < this.#size) return
    const frame = this.#frame
    this.#frame = undefined
    this.#handler.frame(frame, this.#size)
  }

  /** Copies bytes that came in a buffer of their own. */
  push(chunk: Uint8Array): void {
    let from = 0
    while (from < chunk.length) {
      const place = this.place()
      const n = Math.min(place.length, chunk.length - from)
      place.set(chunk.subarray(from, from + n))
      from += n
      this.took(n)
    }
  }

  #begin(): void {
    const size = this.#head.readInt32BE(0)
    this.#headAt = 0
    if (size < 4 || size > this.#maxBytes) throw badLength(this.#head, size, this.#maxBytes, 'kafka.response.max.bytes')
    if (this.greets && size > GREETING_MAX_BYTES)
      throw badLength(this.#head, size, GREETING_MAX_BYTES, 'kafka.greeting.max.bytes')
    this.#size = size
    this.#at = 0
    this.#frame = this.#handler.allocate(size)
  }
}

/** A length that cannot be usually is the beginning of something that is not Kafka; say what it looks like. */
function badLength(head: Buffer, size: number, maxBytes: number, limit: string): KafkaError {
  const text = head.toString('latin1')
  if (text === 'HTTP')
    return clientError(
      'NOT_KAFKA',
      'the address answers with HTTP, not with the Kafka protocol: is the port right?',
      false,
    )
  if ((head[0] === 0x15 || head[0] === 0x16) && head[1] === 3) {
    return clientError(
      'TLS_EXPECTED',
      'the listener speaks TLS, but the connection is plaintext: set `tls` for this cluster, or use a plaintext listener',
      false,
    )
  }
  if (text.startsWith('SSH-'))
    return clientError(
      'NOT_KAFKA',
      'the address answers with SSH, not with the Kafka protocol: is the port right?',
      false,
    )
  if (size < 4)
    return clientError(
      'NOT_KAFKA',
      `the answer begins with an impossible length (${size}): is this a Kafka listener, and is its security protocol the configured one?`,
      false,
    )
  return clientError(
    'RESPONSE_TOO_LARGE',
    `a response of ${size} bytes is over the limit of ${maxBytes} bytes (${limit})`,
    false,
  )
}
