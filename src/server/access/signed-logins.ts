/**
 * Tokens of logins that every server with the same key can check without having seen them: whose login it is, when it
 * began and ends, and a nonce, signed by HMAC-SHA256. The hash of the account's password or token is signed, too, but
 * not in the token: with another password the signature is another one. Who the account is, and which logins were ended
 * before their time, is known elsewhere.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** What the token of a signed login begins with, so that one that leaked can be found by its looks. */
const PREFIX = 'sluice_login_'
const VERSION = 1
const TIME_BYTES = 6
/** Not a limit: the latest time that a token can name; epoch milliseconds. */
export const LATEST_MS = 2 ** (8 * TIME_BYTES) - 1
const ID_BYTES = 16
const MAC_BYTES = 32
/** Version, begin, end, nonce, account. */
const CLAIM_BYTES = 1 + 2 * TIME_BYTES + 2 * ID_BYTES
/** 77 bytes in base64url, which a cookie can hold. */
const FORM = new RegExp(`^${PREFIX}[\\w-]{${Math.ceil(((CLAIM_BYTES + MAC_BYTES) * 4) / 3)}}$`)

/** What a token says of a login. Times are epoch milliseconds; ids are 16 bytes in base64url. */
export interface LoginClaims {
  /** Of this login alone. */
  readonly id: string
  /** `accountId` of the account. */
  readonly account: string
  readonly issuedAt: number
  readonly expiresAt: number
}

/** What an account is called in tokens and in the records about its logins; names may be long. */
export function accountId(identity: string): string {
  return createHash('sha256').update(`account ${identity}`).digest().subarray(0, ID_BYTES).toString('base64url')
}

/** A key for one purpose, made from a secret of the configuration. */
export function purposeKey(secret: string, purpose: string): Buffer {
  return createHmac('sha256', secret).update(purpose).digest()
}

/** Signs and checks logins. */
export class SignedLogins {
  readonly #keys: readonly Buffer[]

  /** `secrets`: the first one signs, all of them are good. */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) => purposeKey(secret, 'sluice logins'))
  }

  /** `credential`: the hash of the account's password or token. */
  sign(login: Omit<LoginClaims, 'id'>, credential: string): string {
    const claims = Buffer.alloc(CLAIM_BYTES)
    claims.writeUInt8(VERSION)
    claims.writeUIntBE(login.issuedAt, 1, TIME_BYTES)
    claims.writeUIntBE(login.expiresAt, 1 + TIME_BYTES, TIME_BYTES)
    randomBytes(ID_BYTES).copy(claims, 1 + 2 * TIME_BYTES)
    Buffer.from(login.account, 'base64url').copy(claims, 1 + 2 * TIME_BYTES + ID_BYTES)
    return PREFIX + Buffer.concat([claims, mac(this.#keys[0], claims, credential)]).toString('base64url')
  }

  /**
   * What a token says, or undefined where it is none of ours: of another form, signed by another key, changed.
   * `credentialOf`: the hash that an account has now, by its id; undefined: there is no such account.
   */
  read(token: string, credentialOf: (account: string) => string | undefined): LoginClaims | undefined {
    if (!FORM.test(token)) return undefined
    const bytes = Buffer.from(token.slice(PREFIX.length), 'base64url')
    // Characters with bits to spare: one login has one token.
    if (PREFIX + bytes.toString('base64url') !== token) return undefined
    const claims = bytes.subarray(0, CLAIM_BYTES)
    if (claims[0] !== VERSION) return undefined
    const account = claims.toString('base64url', 1 + 2 * TIME_BYTES + ID_BYTES)
    const credential = credentialOf(account)
    const given = bytes.subarray(CLAIM_BYTES)
    // An account that is gone takes as long as one that is there.
    const good = this.#keys.some((key) => timingSafeEqual(mac(key, claims, credential ?? ''), given))
    if (!good || credential === undefined) return undefined
    return {
      id: claims.toString('base64url', 1 + 2 * TIME_BYTES, 1 + 2 * TIME_BYTES + ID_BYTES),
      account,
      issuedAt: claims.readUIntBE(1, TIME_BYTES),
      expiresAt: claims.readUIntBE(1 + TIME_BYTES, TIME_BYTES),
    }
  }
}

/** The claims have a fixed length, so that no credential can be taken for a part of them. */
function mac(key: Buffer, claims: Buffer, credential: string): Buffer {
  return createHmac('sha256', key).update(claims).update(credential).digest()
}
