/**
 * `server.session`: the keys that logins are signed with. A text, a file or a variable may hold several, one after the
 * other, so that a key can be replaced while both are good.
 */
import { z } from 'zod'
import { fillSecrets, isGiven, object, secret } from './schema.ts'

/**
 * Limit `server.session.key.bytes` (bytes): shortest key that signs logins, which may be tried without end by whoever has
 * a token. Beyond it: any is taken; a shorter one is refused at the start.
 */
const MIN_KEY_BYTES = 32
/** Limit `server.session.keys` (keys): that are good at once; each costs a signature for each token. Beyond it: an error. */
const MAX_KEYS = 8

const FORM = `a text of at least ${MIN_KEY_BYTES} bytes (server.session.key.bytes), or a list of them`
const REMEDY = '`openssl rand -base64 48` makes one.'

/** What signs logins. */
export interface SessionConfig {
  /** At least one. The first one signs, all of them are good. */
  readonly key: readonly string[]
}

/** The keys, or what is wrong with them; texts of a list may hold several, too. */
function keysOf(given: unknown): readonly string[] | string {
  const texts: unknown[] = Array.isArray(given) ? given : [given]
  if (!texts.every((text) => typeof text === 'string')) return `the value is not ${FORM}.`
  const keys = texts.flatMap((text) => text.split(/\s+/).filter((key) => key !== ''))
  if (keys.length === 0) return `there is no key in it; expected ${FORM}. ${REMEDY}`
  if (keys.length > MAX_KEYS) return `there are ${keys.length} keys, the limit is ${MAX_KEYS} (server.session.keys).`
  const short = keys.findIndex((key) => Buffer.byteLength(key) < MIN_KEY_BYTES)
  if (short < 0) return keys
  const which = keys.length === 1 ? 'the key' : `key ${short + 1} of ${keys.length}`
  return `${which} is too short to be a secret: it has ${Buffer.byteLength(keys[short])} bytes, and ${MIN_KEY_BYTES} are the fewest (server.session.key.bytes). ${REMEDY}`
}

/** `files` gets the paths of the files that secrets are read from. */
export function session(files: string[]) {
  return object(
    { ...secret('key'), key: z.unknown().optional() },
    {
      check: (tree, problem) => {
        fillSecrets(tree, problem, files, 'key')
        if (!isGiven(tree, 'key')) problem('key', `missing; expected ${FORM}, or its file as keyFile. ${REMEDY}`)
        const keys = tree.key === undefined ? [] : keysOf(tree.key)
        if (typeof keys === 'string') problem('key', keys)
      },
    },
  ).transform(({ key }): SessionConfig => {
    const keys = keysOf(key)
    return { key: typeof keys === 'string' ? [] : keys }
  })
}
