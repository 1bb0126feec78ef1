/**
 * A client that speaks to a broker with the sandbox's own message shapes, in any version: one connection, one request
 * after the other. For tests.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { DefinedApi } from '../../src/sandbox/api.ts'
import { MessageWriter, type Read, type Shape, type Written } from '../../src/sandbox/message.ts'
import { WireReader } from '../../src/kafka/wire/primitives.ts'

export class SandboxClient {
  readonly socket: Socket
  #chunks: Buffer = Buffer.alloc(0)
  #correlation = 0
  readonly #waiting: { readonly resolve: (frame: Buffer | undefined) => void }[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      this.#chunks = Buffer.concat([this.#chunks, chunk])
      while (this.#chunks.length >= 4 && this.#chunks.length >= 4 + this.#chunks.readInt32BE(0)) {
        const end = 4 + this.#chunks.readInt32BE(0)
        this.#waiting.shift()?.resolve(this.#chunks.subarray(4, end))
        this.#chunks = this.#chunks.subarray(end)
      }
    })
    socket.on('close', () => {
      for (const { resolve } of this.#waiting.splice(0)) resolve(undefined)
    })
  }

  static async connect(port: number): Promise<SandboxClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return new SandboxClient(socket)
  }

  /** Sends bytes as they are and gives the next response's frame; undefined when the broker hangs up instead. */
  raw(bytes: Buffer): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      if (this.socket.destroyed) return resolve(undefined)
      this.#waiting.push({ resolve })
      this.socket.write(bytes)
    })
  }

  /** The response's frame, header included. */
  async frame<QOut, QIn, ROut, RIn>(
    api: DefinedApi<Shape<QOut, QIn>, Shape<ROut, RIn>>,
    version: number,
    request: QIn,
  ): Promise<WireReader | undefined> {
    const compact = version >= api.flexible
    const correlation = ++this.#correlation
    const writer = new MessageWriter()
    writer.int32(0).int16(api.key).int16(version).int32(correlation).string('test')
    if (compact) writer.tags()
    api.request.write(writer, request, version, compact)
    const bytes = Buffer.concat(writer.pieces())
    bytes.writeInt32BE(bytes.length - 4, 0)
    const frame = await this.raw(bytes)
    if (frame === undefined) return undefined
    const reader = new WireReader(frame)
    if (reader.int32() !== correlation) throw new Error('an answer to another request')
    if (compact && api.key !== 18) reader.tags()
    return reader
  }

  /** One request and its response. Rejects when the broker hangs up, or says more or less than the version has. */
  async call<QOut, QIn, ROut, RIn>(
    api: DefinedApi<Shape<QOut, QIn>, Shape<ROut, RIn>>,
    version: number,
    request: QIn,
  ): Promise<ROut> {
    const reader = await this.frame(api, version, request)
    if (reader === undefined) throw new Error(`the broker hung up on ${api.name} version ${version}`)
    const response = api.response.read(reader, version, version >= api.flexible)
    if (reader.remaining > 0) throw new Error(`${reader.remaining} bytes too many in ${api.name} version ${version}`)
    return response
  }

  async close(): Promise<void> {
    if (this.socket.closed) return
    this.socket.destroy()
    await once(this.socket, 'close')
  }
}

export type { Read, Written }
