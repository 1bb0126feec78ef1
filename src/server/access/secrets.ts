/**
 * How secrets are kept: passwords as scrypt hashes (RFC 7914), tokens, which are long and random, as SHA-256. Text
 * forms:
 * `scrypt:<N>:<r>:<p>:<salt>:<hash>` and `sha256:<hash>`, base64url. Comparison takes the same time whatever the
 * answer.
 */
import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

const COST = { N: 16384, r: 8, p: 1 }
const HASH_BYTES = 32

function derive(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, HASH_BYTES, { ...options, maxmem: 256 * 1024 * 1024 }, (failure, key) =>
      failure === null ? resolve(key) : reject(failure),
    )
  })
}

/** About 50 ms of one thread of the pool. `salt`: random bytes, but where the hash is not kept. */
export async function hashPassword(password: string, salt: Buffer = randomBytes(16)): Promise<string> {
  const key = await derive(password, salt, COST)
  return `scrypt:${COST.N}:${COST.r}:${COST.p}:${salt.toString('base64url')}:${key.toString('base64url')}`
}

/** `sha256:` and the digest in base64url; the form in which tokens are kept and compared. */
export function hashToken(token: string): string {
  return `sha256:${createHash('sha256').update(token).digest('base64url')}`
}

const PASSWORD_HASH = /^scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3}):([\w-]{8,128}):([\w-]{43})$/
const TOKEN_HASH = /^sha256:([\w-]{43})$/

/** Why a text cannot be a password hash, or undefined when it is one. */
export function passwordHashProblem(hash: string): string | undefined {
  const match = PASSWORD_HASH.exec(hash)
  if (match === null) return 'not a hash as `sluice hash` prints it'
  const [n, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (
    n < 1024 ||
    n > 2 ** 20 ||
    (n & (n - 1)) !== 0 ||
    r < 1 ||
    r > 32 ||
    p < 1 ||
    p > 16 ||
    n * r * 128 > 128 * 1024 * 1024
  )
    return 'its scrypt costs are out of range'
  return undefined
}

/** Whether a text has the form of `hashToken`. */
export function isTokenHash(hash: string): boolean {
  return TOKEN_HASH.test(hash)
}

/** `hash` has passed `passwordHashProblem`. */
export async function passwordMatches(password: string, hash: string): Promise<boolean> {
  const match = PASSWORD_HASH.exec(hash)
  if (match === null) return false
  const key = await derive(password, Buffer.from(match[4], 'base64url'), {
    N: Number(match[1]),
    r: Number(match[2]),
    p: Number(match[3]),
  })
  return timingSafeEqual(key, Buffer.from(match[5], 'base64url'))
}

/** Both are texts as `hashToken` gives them. */
export function sameHash(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
