/**
 * The client's half of the SASL mechanisms Kafka offers: PLAIN (RFC 4616), SCRAM (RFC 5802, 7677), OAUTHBEARER (RFC
 * 7628). Makes and checks messages; sends nothing. The user name and password go in as UTF-8 without SASLprep, as
 * Kafka's own client and server have it.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { SaslConfig } from '../config.ts'
import { clientError } from '../errors.ts'

export interface SaslExchange {
  readonly mechanism: string
  first(): Promise<Buffer>
  /**
   * The answer to a challenge; undefined when the exchange is complete and the server has proved itself where the mechanism
   * lets it.
   */
  answer(challenge: Buffer): Promise<Buffer | undefined>
}

/** One exchange, for one connection. */
export function saslExchange(config: SaslConfig): SaslExchange {
  if (config.mechanism === 'OAUTHBEARER') return new OAuthBearer(config)
  if (config.mechanism === 'PLAIN') return new Plain(config.username, config.password)
  return new Scram(config.mechanism, config.username, config.password)
}

class Plain implements SaslExchange {
  readonly mechanism = 'PLAIN'
  readonly #message: Buffer
  constructor(username: string, password: string) {
    this.#message = Buffer.from(`\0${username}\0${password}`)
  }
  async first(): Promise<Buffer> {
    return this.#message
  }
  async answer(): Promise<undefined> {
    return undefined
  }
}

class OAuthBearer implements SaslExchange {
  readonly mechanism = 'OAUTHBEARER'
  readonly #config: SaslConfig & { mechanism: 'OAUTHBEARER' }
  constructor(config: SaslConfig & { mechanism: 'OAUTHBEARER' }) {
    this.#config = config
  }
  async first(): Promise<Buffer> {
    const token = (await this.#token()).trim()
    if (!/^[\x21-\x7e]+$/.test(token))
      throw clientError(
        'SASL_AUTHENTICATION_FAILED',
        'OAUTHBEARER: the token is empty or holds characters that a token cannot have',
        false,
      )
    return Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`)
  }
  /** A challenge with content is the server's error as JSON: one byte asks it for its final word. */
  async answer(challenge: Buffer): Promise<Buffer | undefined> {
    return challenge.length === 0 ? undefined : Buffer.of(1)
  }
  async #token(): Promise<string> {
    if ('token' in this.#config)
      return typeof this.#config.token === 'string' ? this.#config.token : await this.#config.token()
    try {
      return await readFile(this.#config.tokenFile, 'utf8')
    } catch (error) {
      const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
      throw clientError(
        'SASL_AUTHENTICATION_FAILED',
        `OAUTHBEARER: cannot read the token file "${this.#config.tokenFile}" (${reason})`,
        false,
      )
    }
  }
}

const hi = promisify(pbkdf2)

/**
 * Below this a password is too cheap to guess from a captured exchange (RFC 7677); above the other a hostile server
 * could keep a core busy.
 */
const SCRAM_MIN_ITERATIONS = 4096
/**
 * Limit `kafka.scram.iterations` (iterations): iterations of SCRAM that a server may ask for. Beyond it: the login is
 * refused.
 */
const SCRAM_MAX_ITERATIONS = 1_000_000

/** Exported for tests with a fixed nonce. */
export class Scram implements SaslExchange {
  readonly mechanism: string
  readonly #hash: 'sha256' | 'sha512'
  readonly #password: string
  readonly #nonce: string
  readonly #firstBare: string
  #serverSignature: Buffer | undefined
  #verified = false

  constructor(
    mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512',
    username: string,
    password: string,
    nonce: string = randomBytes(24).toString('base64'),
  ) {
    this.mechanism = mechanism
    this.#hash = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512'
    this.#password = password
    this.#nonce = nonce
    this.#firstBare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  }

  async first(): Promise<Buffer> {
    return Buffer.from(`n,,${this.#firstBare}`)
  }

  async answer(challenge: Buffer): Promise<Buffer | undefined> {
    if (this.#verified) return undefined
    if (this.#serverSignature === undefined) return await this.#prove(challenge.toString())
    this.#verify(challenge.toString())
    return undefined
  }

  async #prove(serverFirst: string): Promise<Buffer> {
    const fields = attributes(serverFirst)
    const nonce = fields.get('r')
    const salt = fields.get('s')
    const iterations = Number(fields.get('i'))
    if (nonce === undefined || salt === undefined || !Number.isInteger(iterations) || fields.has('m'))
      throw this.#refuse('the server sent a first message that makes no sense')
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length)
      throw this.#refuse("the server's nonce does not continue ours")
    if (iterations < SCRAM_MIN_ITERATIONS || iterations > SCRAM_MAX_ITERATIONS) {
      throw this.#refuse(
        `the server asks for ${iterations} iterations; ${SCRAM_MIN_ITERATIONS} to ${SCRAM_MAX_ITERATIONS} are accepted`,
      )
    }
    const salted = await hi(
      this.#password,
      Buffer.from(salt, 'base64'),
      iterations,
      this.#hash === 'sha256' ? 32 : 64,
      this.#hash,
    )
    const withoutProof = `c=biws,r=${nonce}`
    const authMessage = `${this.#firstBare},${serverFirst},${withoutProof}`
    const clientKey = this.#hmac(salted, 'Client Key')
    const proof = this.#hmac(createHash(this.#hash).update(clientKey).digest(), authMessage)
    for (let i = 0; i < proof.length; i++) proof[i] ^= clientKey[i]
    this.#serverSignature = this.#hmac(this.#hmac(salted, 'Server Key'), authMessage)
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  #verify(serverFinal: string): void {
    const fields = attributes(serverFinal)
    const refused = fields.get('e')
    if (refused !== undefined) throw this.#refuse(`the server says "${refused}"`)
    const signature = Buffer.from(fields.get('v') ?? '', 'base64')
    const expected = this.#serverSignature
    if (expected === undefined || signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw this.#refuse(
        'the server could not prove that it knows the password: it may not be the broker it claims to be',
      )
    }
    this.#verified = true
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest()
  }

  #refuse(why: string): Error {
    return clientError('SASL_AUTHENTICATION_FAILED', `${this.mechanism}: ${why}`, false)
  }
}

/** `r=abc,s=def==,i=4096` by letter; a value may hold `=`. */
function attributes(message: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const part of message.split(',')) if (part[1] === '=') fields.set(part[0], part.slice(2))
  return fields
}
