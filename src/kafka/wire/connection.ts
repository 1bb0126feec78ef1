/**
 * One TCP or TLS connection to one broker: version and SASL exchange, requests matched with answers in order, time
 * limits, and errors in words that help. Small calls give promises; a fetch gives its frame to a receiver that names
 * the memory, so that the kernel writes where the batches will be read. Knows the frame and the request header, not
 * what topics or batches are.
 */
import net from 'node:net'
import tls from 'node:tls'
import { systemClock, type Timer } from '../../lib/clock.ts'
import type { TlsConfig } from '../../lib/tls-config.ts'
import type { Address, ClusterConfig, SaslConfig } from '../config.ts'
import { CONNECT_TIMEOUT_MS, isAddress, REQUEST_TIMEOUT_MS, showAddress } from '../config.ts'
import { brokerError, clientError, ERROR } from '../errors.ts'
import { FrameAssembler, RESPONSE_MAX_BYTES } from './frame.ts'
import { KafkaError } from '../log.ts'
import { saslExchange } from './sasl.ts'
import { API, WireError, WireReader, WireWriter } from './primitives.ts'

/**
 * Limit `kafka.answer.least.bytes` (bytes): what a broker sends at least within `kafka.request.timeout` while an answer
 * comes; others may wait behind it on the connection. Beyond it: the second time in a row, the connection is closed, and
 * the request is tried again or an error.
 */
const LEAST_ANSWER_BYTES = 1024

/** Takes one answer. Exactly one of `frame` and `failed` is called, once; neither after `cancel`. */
export interface FrameReceiver {
  allocate(size: number): Buffer
  /** The answer in bytes [0, size): correlation id first. */
  frame(buffer: Buffer, size: number): void
  failed(error: KafkaError): void
}

interface Pending {
  readonly correlationId: number
  readonly what: string
  readonly receiver: FrameReceiver
}

/** Versions of a request that are spoken here. */
export interface ApiRange {
  readonly api: number
  readonly name: string
  readonly lowest: number
  readonly highest: number
  /**
   * From this version on both headers have tagged fields, and lengths are compact (KIP-482). Absent: in no version that
   * is spoken here.
   */
  readonly flexible?: number
}

/** Whether a version has the flexible encoding. */
export function isFlexible(range: ApiRange, version: number): boolean {
  return range.flexible !== undefined && version >= range.flexible
}

const API_VERSIONS: ApiRange = { api: API.apiVersions, name: 'ApiVersions', lowest: 0, highest: 0 }
const SASL_HANDSHAKE: ApiRange = { api: API.saslHandshake, name: 'SaslHandshake', lowest: 0, highest: 1 }
const SASL_AUTHENTICATE: ApiRange = { api: API.saslAuthenticate, name: 'SaslAuthenticate', lowest: 0, highest: 1 }

/**
 * One connection to one broker: requests in order, answers by their correlation ids. A lost connection, or no byte in
 * time, fails every request that waits with a KafkaError.
 */
export class Connection {
  readonly address: Address
  readonly #clientId: string
  readonly #socket: net.Socket
  readonly #frames: FrameAssembler
  readonly #requestTimeoutMs: number
  readonly #hasSasl: boolean
  readonly #secure: boolean
  readonly #onRequest: ((name: string) => void) | undefined
  readonly #pending: Pending[] = []
  readonly #writer = new WireWriter(512)
  readonly #versions = new Map<number, { min: number; max: number }>()
  #correlationId = 0
  #error: KafkaError | undefined
  #isLast = false
  #established = false
  #background = false
  #received = 0
  #watch: Timer | undefined
  /**
   * Milliseconds of `Clock.monotonic` after which the broker will drop the session (KIP-368), Infinity without SASL
   * re-authentication.
   */
  expiresAtMs = Infinity
  /** Called once when the connection is gone, for whatever reason. */
  onClose: (() => void) | undefined

  /** Connects, negotiates versions and authenticates; within `kafka.connect.timeout`. */
  static async open(address: Address, config: ClusterConfig, signal?: AbortSignal): Promise<Connection> {
    signal?.throwIfAborted()
    if (!isAddress(address))
      throw clientError(
        'BAD_ADDRESS',
        `The cluster gives "${showAddress(address)}" as the address of a broker, which is none: see its advertised.listeners`,
        false,
      )
    const limitMs = config.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    const connection = new Connection(address, config)
    const giveUp = () =>
      connection.#fail(
        clientError(
          'CONNECT_TIMEOUT',
          `Broker ${showAddress(address)} did not answer within ${limitMs} ms (kafka.connect.timeout)`,
          true,
        ),
      )
    const timer = systemClock.after(limitMs, giveUp)
    const aborted = () => connection.close()
    signal?.addEventListener('abort', aborted, { once: true })
    try {
      await connection.#greet(config.sasl)
      return connection
    } catch (error) {
      connection.close()
      signal?.throwIfAborted()
      throw error
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', aborted)
    }
  }

  private constructor(address: Address, config: ClusterConfig) {
    this.address = address
    this.#clientId = config.clientId ?? 'sluice'
    this.#requestTimeoutMs = config.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    this.#hasSasl = config.sasl !== undefined
    this.#onRequest = config.onRequest
    this.#frames = new FrameAssembler(
      { allocate: (size) => this.#allocate(size), frame: (buffer, size) => this.#deliver(buffer, size) },
      config.responseMaxBytes ?? RESPONSE_MAX_BYTES,
    )
    const onread = {
      buffer: () => this.#frames.place(),
      callback: (n: number) => this.#took(n),
    } satisfies net.OnReadOpts
    const secure = config.tls !== undefined && config.tls !== false
    this.#secure = secure
    this.#socket = secure
      ? tls.connect(tlsOptions(address, config.tls === true ? {} : (config.tls as TlsConfig), onread))
      : net.connect({ ...address, noDelay: true, onread })
    this.#socket.setNoDelay(true)
    this.#socket.setKeepAlive(true, 30_000)
    this.#socket.once(secure ? 'secureConnect' : 'connect', () => {
      this.#established = true
    })
    this.#socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#fail(explainSocketError(error, address, this.#established, secure)),
    )
    this.#socket.on('end', () => this.#fail(this.#lost()))
    this.#socket.on('close', () => this.#fail(this.#lost()))
  }

  get closed(): boolean {
    return this.#error !== undefined
  }

  /** Whether answers are still due. */
  get busy(): boolean {
    return this.#pending.length > 0
  }

  /** The highest version both sides know, or a KafkaError. */
  version(range: ApiRange): number {
    const theirs = this.#versions.get(range.api)
    const version = theirs === undefined ? -1 : Math.min(theirs.max, range.highest)
    if (theirs === undefined || version < Math.max(theirs.min, range.lowest)) {
      const offer = theirs === undefined ? 'does not offer it' : `offers versions ${theirs.min} to ${theirs.max}`
      const message = `Broker ${showAddress(this.address)}: ${range.name} is needed in a version from ${range.lowest} to ${range.highest}, the broker ${offer}`
      throw new KafkaError(ERROR.unsupportedVersion, 'UNSUPPORTED_VERSION', message, false)
    }
    return version
  }

  /** Sends one request and reads its whole answer, at once or in slices. The answer is in separate memory. */
  async call<T>(
    range: ApiRange,
    write: (writer: WireWriter, version: number) => void,
    read: (reader: WireReader, version: number) => T | Promise<T>,
  ): Promise<T> {
    const version = range === API_VERSIONS ? 0 : this.version(range)
    const [buffer, size] = await new Promise<[Buffer, number]>((resolve, reject) => {
      const writer = this.request(range, version)
      write(writer, version)
      this.send(writer, range.name, {
        allocate: Buffer.allocUnsafe,
        frame: (frame, length) => resolve([frame, length]),
        failed: reject,
      })
    })
    try {
      const reader = new WireReader(buffer, 4, size)
      if (isFlexible(range, version)) reader.tags()
      return await read(reader, version)
    } catch (error) {
      if (error instanceof WireError || error instanceof RangeError)
        throw clientError(
          'BAD_RESPONSE',
          `Broker ${showAddress(this.address)}: the answer to ${range.name} v${version} cannot be read: ${error.message}`,
          false,
        )
      throw error
    }
  }

  /** A writer with the request header in it; to be passed to `send` before another request is begun. */
  request(range: ApiRange, version: number): WireWriter {
    const writer = this.#writer
    writer.at = 0
    writer.int32(0).int16(range.api).int16(version).int32(0).string(this.#clientId)
    return isFlexible(range, version) ? writer.tags() : writer
  }

  /** Sends what `request` began. The receiver gets the answer, or the reason why there will be none. */
  send(writer: WireWriter, what: string, receiver: FrameReceiver): void {
    if (this.#error !== undefined) {
      receiver.failed(this.#error)
      return
    }
    this.#correlationId = (this.#correlationId + 1) & 0x7fffffff
    const bytes = Buffer.from(writer.finish())
    bytes.writeInt32BE(bytes.length - 4, 0)
    bytes.writeInt32BE(this.#correlationId, 8)
    this.#pending.push({ correlationId: this.#correlationId, what, receiver })
    if (this.#watch === undefined) this.#arm()
    if (this.#background) this.#socket.ref()
    this.#onRequest?.(what)
    this.#socket.write(bytes)
  }

  /** Ends the connection at once; answers that are due are lost. Safe to call twice. */
  close(): void {
    this.#fail(
      clientError('CONNECTION_CLOSED', `The connection to broker ${showAddress(this.address)} was closed`, true),
    )
  }

  /** Ends the connection as soon as no answer is due: nothing more is to be sent. */
  closeWhenIdle(): void {
    this.#isLast = true
    if (!this.busy) this.close()
  }

  /** true: the connection keeps the process alive only while an answer is due (shared and idle connections). */
  set background(background: boolean) {
    this.#background = background
    if (background && !this.busy) this.#socket.unref()
    else this.#socket.ref()
  }

  /**
   * A silent broker, or one that sends a byte now and then, is noticed by a timer that looks how much came since it was
   * set: no clock is read per packet. `slowly`: the time before brought too little already; its answer may have begun late.
   */
  #arm(slowly = false): void {
    const before = this.#received
    const oldest = this.#pending[0]
    this.#watch = systemClock.after(this.#requestTimeoutMs, () => {
      this.#watch = undefined
      if (this.#pending.length === 0) return
      if (this.#pending[0] !== oldest) return this.#arm()
      const bytes = this.#received - before
      if (bytes >= LEAST_ANSWER_BYTES || (bytes > 0 && !slowly)) return this.#arm(bytes < LEAST_ANSWER_BYTES)
      const within = `within ${this.#requestTimeoutMs} ms (kafka.request.timeout)`
      const what =
        bytes === 0
          ? `has not answered ${oldest.what} ${within}`
          : `sent only ${bytes} bytes of its answer to ${oldest.what} ${within}`
      this.#fail(clientError('REQUEST_TIMEOUT', `Broker ${showAddress(this.address)} ${what}`, true))
    })
  }

  #allocate(size: number): Buffer {
    const pending = this.#pending[0]
    if (pending === undefined)
      throw clientError('NOT_KAFKA', `Broker ${showAddress(this.address)} sent an answer without a request`, false)
    return pending.receiver.allocate(size)
  }

  #deliver(buffer: Buffer, size: number): void {
    const pending = this.#pending.shift() as Pending
    if (this.#background && this.#pending.length === 0) this.#socket.unref()
    const correlationId = buffer.readInt32BE(0)
    if (correlationId !== pending.correlationId) {
      const error = clientError(
        'NOT_KAFKA',
        `Broker ${showAddress(this.address)} answered request ${correlationId} where ${pending.correlationId} was due`,
        false,
      )
      this.#fail(error)
      pending.receiver.failed(error)
      return
    }
    pending.receiver.frame(buffer, size)
    if (this.#isLast) this.closeWhenIdle()
  }

  /** From the socket: `n` bytes lie in the place that was named. An exception here would end the process. */
  #took(n: number): boolean {
    this.#received += n
    if (this.#error !== undefined) return false
    try {
      this.#frames.took(n)
    } catch (error) {
      if (error instanceof KafkaError)
        this.#fail(
          clientError(error.errorName, `Broker ${showAddress(this.address)}: ${error.message}`, error.retriable),
        )
      else
        this.#fail(
          clientError(
            'BAD_RESPONSE',
            `Broker ${showAddress(this.address)}: ${error instanceof Error ? error.message : String(error)}`,
            false,
          ),
        )
    }
    return this.#error === undefined
  }

  #lost(): KafkaError {
    const where = `Broker ${showAddress(this.address)}`
    if (!this.#established && this.#secure)
      return clientError(
        'TLS_FAILED',
        `${where} closed the connection during the TLS handshake: is it a plaintext listener?`,
        true,
      )
    const when = this.#frames.partial ? ' in the middle of an answer' : ''
    let hint = ''
    if (this.#versions.size === 0) hint = '; the listener may expect TLS (or none), or may not be a Kafka listener'
    else if (!this.#hasSasl && this.#correlationId <= 2)
      hint = '; the listener may require SASL, which is not configured for this cluster'
    return clientError('CONNECTION_LOST', `${where} closed the connection${when}${hint}`, true)
  }

  #fail(error: KafkaError): void {
    if (this.#error !== undefined) return
    this.#error = error
    this.#watch?.cancel()
    this.#socket.destroy()
    this.onClose?.()
    for (const pending of this.#pending.splice(0)) pending.receiver.failed(error)
  }

  async #greet(sasl: SaslConfig | undefined): Promise<void> {
    this.#frames.greets = true
    await this.call(API_VERSIONS, noBody, (reader) => {
      const code = reader.int16()
      if (code !== 0) throw brokerError(code, `ApiVersions at ${showAddress(this.address)}`)
      reader.array(() => this.#versions.set(reader.int16(), { min: reader.int16(), max: reader.int16() }))
    })
    if (sasl !== undefined) await this.#authenticate(sasl)
    this.#frames.greets = false
  }

  async #authenticate(config: SaslConfig): Promise<void> {
    const exchange = saslExchange(config)
    const where = `SASL ${exchange.mechanism} at ${showAddress(this.address)}`
    await this.call(
      SASL_HANDSHAKE,
      (writer) => writer.string(exchange.mechanism),
      (reader) => {
        const code = reader.int16()
        const offered = reader.array(() => reader.string())
        if (code === ERROR.unsupportedSaslMechanism)
          throw brokerError(
            code,
            where,
            `the broker does not offer ${exchange.mechanism}; it offers ${offered.join(', ') || 'none'}`,
          )
        if (code !== 0) throw brokerError(code, where)
      },
    )
    let message: Buffer | undefined = await exchange.first()
    while (message !== undefined) {
      const bytes: Buffer = message
      const challenge = await this.call(
        SASL_AUTHENTICATE,
        (writer) => writer.bytes(bytes),
        (reader, version) => {
          const code = reader.int16()
          const text = reader.string()
          if (code !== 0) throw brokerError(code, where, text)
          const auth = reader.bytes() ?? Buffer.alloc(0)
          const lifetimeMs = version >= 1 ? reader.long() : 0
          // Before nine tenths of its life are over the connection is replaced by a new one.
          if (lifetimeMs > 0) this.expiresAtMs = systemClock.monotonic() + lifetimeMs * 0.9
          return auth
        },
      )
      message = await exchange.answer(challenge)
    }
  }
}

function noBody(): void {
  // ApiVersions v0 has no fields.
}

/** `onread` works for TLS as it does for TCP (Node's documentation of tls.connect), but the type does not know it. */
function tlsOptions(
  address: Address,
  config: TlsConfig,
  onread: net.OnReadOpts,
): tls.ConnectionOptions & { onread: net.OnReadOpts } {
  const servername = config.servername ?? (net.isIP(address.host) === 0 ? address.host : undefined)
  return {
    ...address,
    onread,
    ca: config.ca as tls.ConnectionOptions['ca'],
    cert: config.cert,
    key: config.key,
    passphrase: config.passphrase,
    rejectUnauthorized: config.rejectUnauthorized ?? true,
    ...(servername === undefined ? {} : { servername }),
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: is the broker running, and is the address right?',
  ENOTFOUND: 'the host name is unknown',
  EAI_AGAIN: 'the host name cannot be looked up at the moment',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer',
}

const TLS_TROUBLE: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an authority that is not trusted: set `tls.ca`',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed: set `tls.ca` to it',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority: set `tls.ca`',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by an unknown authority: set `tls.ca`',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an unknown authority: set `tls.ca`',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another host name: set `tls.servername`, or use the name in the certificate',
}

function explainSocketError(
  error: NodeJS.ErrnoException,
  address: Address,
  established: boolean,
  secure: boolean,
): KafkaError {
  const where = `Broker ${showAddress(address)}`
  const code = error.code ?? ''
  if (REFUSALS[code] !== undefined)
    return clientError(
      code === 'ECONNREFUSED' ? 'CONNECTION_REFUSED' : 'CONNECTION_FAILED',
      `${where}: ${REFUSALS[code]}`,
      true,
    )
  if (TLS_TROUBLE[code] !== undefined)
    return clientError('TLS_CERTIFICATE', `${where}: ${TLS_TROUBLE[code]} (${code})`, false)
  const alert = /alert ([a-z ]+?)(?:$|:)/.exec(error.message)
  if (alert !== null)
    return clientError(
      'TLS_ALERT',
      `${where} refused the TLS connection: ${alert[1].trim()}${/certificate/.test(alert[1]) ? ' (the listener may require a client certificate: `tls.cert` and `tls.key`)' : ''}`,
      false,
    )
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return clientError('TLS_FAILED', `${where} does not speak TLS here: is it a plaintext listener?`, false)
  if (secure && !established)
    return clientError(
      'TLS_FAILED',
      `${where}: the TLS handshake failed (${code || error.message}): is it a plaintext listener?`,
      code === 'ECONNRESET',
    )
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code.startsWith('ERR_OSSL'))
    return clientError('TLS_FAILED', `${where}: TLS failed (${error.message})`, false)
  return clientError('CONNECTION_LOST', `${where}: the connection was lost (${code || error.message})`, true)
}
