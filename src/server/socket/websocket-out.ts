/**
 * The fast way out: text frames collected into large chunks and written straight to the network socket.
 *
 * Framing is RFC 6455, section 5.2, as a server sends it: one unmasked, final text frame a message, with the shortest
 * length form. The `ws` library keeps the handshake, everything that is read, ping, pong and the closing handshake; it
 * writes whole frames synchronously (there is no compression), and so does this, so the two never mix inside a frame.
 * It does not know what the frames say.
 */
import type { FrameSink } from '../../engine/host.ts'
import type { Clock } from '../../lib/clock.ts'

/** Bytes of one chunk. */
const CHUNK = 128 * 1024
/** Chunks kept for reuse by all sockets of the process: 4 MiB. */
const POOL_CHUNKS = 32
/** Unsent bytes above which `drained()` asks to wait, and below which it lets go. */
export const HIGH_WATER_BYTES = 1024 * 1024
const LOW_WATER_BYTES = 512 * 1024
/** Chunks handed to the socket at a time; few, so that progress of a slow reader is seen in steps of one chunk. */
const IN_FLIGHT = 2
/** Largest frame header: 2 bytes and 8 bytes of length. */
const HEADER = 10
const FINAL_TEXT = 0x81
/** Bytes of a message of several texts, up to which another one is added. */
const BATCH = 32 * 1024
/** `BATCH_SEPARATOR`, as a byte. */
const SEPARATOR = 0x1e

const pool: Buffer[] = []

/** Bytes for the socket; `taken` is called when it has them, or never will. Without it the memory is a chunk of ours. */
interface Piece {
  readonly bytes: Buffer
  readonly length: number
  readonly taken?: () => void
}

/** The part of a network socket that is used here; `net.Socket` and `tls.TLSSocket` have it. */
export interface RawSocket {
  readonly destroyed: boolean
  /** `taken` is called when the bytes are not needed any more. */
  write(bytes: Uint8Array, taken: (error?: Error | null) => void): boolean
}

/** Sends frames as WebSocket text messages, several in one write, and says when the client is slow. */
export class WebSocketOut implements FrameSink {
  /** Set for a client that needs some frames in another form. */
  translate: ((frame: string) => string) | undefined
  /** Set for a client that takes several texts in one message: browsers spend more on a message than on a row. */
  batches = false
  /** Where the open message of several texts begins in the chunk; -1 without one. */
  #batch = -1
  /** `clock.monotonic()` when bytes were last given to the socket. */
  lastSentMs: number
  /** `clock.monotonic()` when the socket last took bytes off our hands, or when there was last nothing to take. */
  lastProgressMs: number
  readonly #socket: RawSocket
  readonly #open: () => boolean
  readonly #clock: Clock
  #chunk: Buffer | undefined
  #position = 0
  #scheduled = false
  readonly #queue: Piece[] = []
  #inFlight = 0
  /** Bytes in the queue and in flight, without the open chunk. */
  #unsent = 0
  #waiting: (() => void)[] = []
  #room: Promise<void> | undefined

  /** `open` says whether a data frame may still be sent (no closing handshake yet). */
  constructor(socket: RawSocket, open: () => boolean, clock: Clock) {
    this.#socket = socket
    this.#open = open
    this.#clock = clock
    this.lastSentMs = this.lastProgressMs = clock.monotonic()
  }

  /** Bytes that the reader has not taken yet. */
  get unsentBytes(): number {
    return this.#unsent + this.#position
  }

  send(text: string): void {
    const frame = this.translate === undefined ? text : this.translate(text)
    // A UTF-16 unit is at most 3 bytes of UTF-8.
    const most = frame.length * 3 + HEADER
    if (most > CHUNK) return this.#sendLarge(frame)
    if (this.#chunk === undefined) this.#begin()
    else if (most > CHUNK - this.#position) {
      this.#hand()
      this.#begin()
    }
    if (this.batches) this.#join(this.#chunk as Buffer, frame)
    else this.#position = writeFrame(this.#chunk as Buffer, this.#position, frame)
    if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => {
        this.#scheduled = false
        this.flush()
      })
    }
  }

  /** Sends what another `WebSocketOut` wrote: whole frames. `taken` is called once the memory is not needed any more. */
  pass(bytes: Buffer, taken: () => void): void {
    this.flush()
    this.#push({ bytes, length: bytes.length, taken })
  }

  drained(): Promise<void> | undefined {
    if (this.#unsent < HIGH_WATER_BYTES || this.#gone()) return undefined
    this.#room ??= this.#whenBelow(LOW_WATER_BYTES).then(() => {
      this.#room = undefined
    })
    return this.#room
  }

  /** Gives everything to the socket, as far as it takes it now. */
  flush(): void {
    if (this.#position > 0) this.#hand()
  }

  /** Gives everything to the socket, however much it has still to take. */
  flushAll(): void {
    this.flush()
    this.#pump(Number.POSITIVE_INFINITY)
  }

  /** Resolves once the socket has taken every frame, or is gone. */
  async finished(): Promise<void> {
    this.flush()
    while (this.#unsent > 0 && !this.#gone()) await this.#whenBelow(1)
  }

  /** To be called when the socket has closed: frees what is held and lets every waiter go. */
  release(): void {
    if (this.#chunk !== undefined) reuse(this.#chunk.buffer)
    for (const piece of this.#queue) free(piece)
    this.#chunk = undefined
    this.#position = 0
    this.#batch = -1
    this.#queue.length = 0
    this.#unsent = 0
    this.#wake(0)
  }

  #gone(): boolean {
    return this.#socket.destroyed || !this.#open()
  }

  /** Adds a text to the open message, or begins the next one. */
  #join(chunk: Buffer, text: string): void {
    if (this.#batch >= 0 && this.#position - this.#batch + text.length * 3 < BATCH) {
      chunk[this.#position++] = SEPARATOR
    } else {
      this.#closeBatch()
      this.#batch = this.#position
      this.#position += HEADER
    }
    this.#position += chunk.write(text, this.#position)
  }

  /** Writes the header of the open message, which is known now, and closes the gap behind it. */
  #closeBatch(): void {
    if (this.#batch < 0) return
    const chunk = this.#chunk as Buffer
    const begin = this.#batch + HEADER
    const from = writeHeader(chunk, this.#batch, this.#position - begin)
    if (from < begin) chunk.copyWithin(from, begin, this.#position)
    this.#position -= begin - from
    this.#batch = -1
  }

  #begin(): void {
    this.#chunk = freshChunk()
    this.#position = 0
  }

  #sendLarge(frame: string): void {
    const lengthBytes = Buffer.byteLength(frame)
    this.flush()
    const whole = Buffer.allocUnsafeSlow(lengthBytes + HEADER)
    const from = writeHeader(whole, 0, lengthBytes)
    this.#pushBytes(whole.subarray(0, from + whole.write(frame, from)))
  }

  /** Moves the open chunk to the queue. */
  #hand(): void {
    this.#closeBatch()
    const chunk = this.#chunk as Buffer
    const full = chunk.subarray(0, this.#position)
    this.#chunk = undefined
    this.#position = 0
    this.#pushBytes(full)
  }

  #pushBytes(bytes: Buffer): void {
    this.#push({ bytes, length: bytes.length })
  }

  #push(piece: Piece): void {
    if (this.#gone()) return free(piece)
    if (this.#unsent === 0) this.lastProgressMs = this.#clock.monotonic()
    this.#unsent += piece.length
    this.#queue.push(piece)
    this.#pump()
  }

  #pump(inFlight = IN_FLIGHT): void {
    while (this.#inFlight < inFlight && this.#queue.length > 0) {
      const piece = this.#queue.shift() as Piece
      if (this.#gone()) {
        this.#unsent -= piece.length
        free(piece)
        continue
      }
      this.#inFlight++
      this.lastSentMs = this.#clock.monotonic()
      // An error here also closes the socket, which ends the session; nothing is left to do with it.
      this.#socket.write(piece.bytes, () => this.#taken(piece))
    }
  }

  #taken(piece: Piece): void {
    this.#inFlight--
    this.#unsent = Math.max(0, this.#unsent - piece.length)
    this.lastProgressMs = this.#clock.monotonic()
    free(piece)
    this.#pump()
    this.#wake(this.#unsent)
  }

  #whenBelow(limitBytes: number): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#unsent < limitBytes || this.#gone()) resolve()
        else this.#waiting.push(check)
      }
      check()
    })
  }

  #wake(unsentBytes: number): void {
    if (this.#waiting.length === 0 || (unsentBytes >= LOW_WATER_BYTES && !this.#gone())) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const check of waiting) check()
  }
}

function free({ bytes, taken }: Piece): void {
  if (taken === undefined) reuse(bytes.buffer)
  else taken()
}

/** Memory of one chunk, which begins with it; `reuse` takes it back. */
export function freshChunk(): Buffer {
  return pool.pop() ?? Buffer.allocUnsafeSlow(CHUNK)
}

/** Back to the pool, if the memory is one of its chunks. (Memory that was moved to another thread has no bytes.) */
export function reuse(memory: ArrayBufferLike): void {
  if (memory.byteLength === CHUNK && pool.length < POOL_CHUNKS) pool.push(Buffer.from(memory))
}

/** Writes one frame whose text is at most CHUNK / 3 long; returns the position after it. */
function writeFrame(chunk: Buffer, position: number, text: string): number {
  // Between 126 and 21,845 units the length form is certain before the text is encoded.
  if (text.length > 125 && text.length <= 21845) {
    const lengthBytes = chunk.write(text, position + 4)
    chunk[position] = FINAL_TEXT
    chunk[position + 1] = 126
    chunk[position + 2] = lengthBytes >>> 8
    chunk[position + 3] = lengthBytes & 255
    return position + 4 + lengthBytes
  }
  const start = writeHeader(chunk, position, Buffer.byteLength(text))
  return start + chunk.write(text, start)
}

function writeHeader(chunk: Buffer, position: number, lengthBytes: number): number {
  chunk[position] = FINAL_TEXT
  if (lengthBytes < 126) {
    chunk[position + 1] = lengthBytes
    return position + 2
  }
  if (lengthBytes < 65536) {
    chunk[position + 1] = 126
    chunk.writeUInt16BE(lengthBytes, position + 2)
    return position + 4
  }
  chunk[position + 1] = 127
  chunk.writeUInt32BE(Math.floor(lengthBytes / 0x1_0000_0000), position + 2)
  chunk.writeUInt32BE(lengthBytes >>> 0, position + 6)
  return position + 10
}
