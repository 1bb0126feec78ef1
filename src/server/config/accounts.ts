/**
 * Users and service accounts of the configuration; plain passwords and tokens become hashes here and are not kept.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Right, RIGHTS } from '../../plan/administration.ts'
import type { Permission, ServiceAccountConfig, UserConfig } from '../access/auth.ts'
import { hashPassword, hashToken, isTokenHash, passwordHashProblem, passwordMatches } from '../access/secrets.ts'
import { accountLimits, type GivenLimits, type Group, limitsOf } from './account-limits.ts'
import { converted, fillSecrets, isGiven, object, oneOf, secret, text, wrong } from './schema.ts'

const EVERYTHING = '[{environments: ["*"], topics: ["*"]}]'

/**
 * Limit `server.token.length` (characters): fewest characters of the token of a service account, which may be tried
 * without end. Beyond it: any is taken; a shorter one is refused at the start. 16 random letters and digits are 95 bits.
 */
const MIN_TOKEN = 16

/** What an account may be called. */
export const NAME = /^[^\s:*"'\\/]{1,128}$/
const name = z
  .string(wrong('a text'))
  .regex(NAME, wrong('a name of up to 128 characters without spaces, colons, slashes, quotes and stars'))

const patterns = z.array(text, wrong('a list of names, in which * stands for any characters'))

const permission = object({
  effect: oneOf('allow', 'deny').default('allow'),
  environments: patterns,
  topics: patterns,
  rights: z.array(oneOf('all', ...RIGHTS), wrong(`a list of ${RIGHTS.join(', ')}, or all`)).optional(),
}).transform(({ rights, ...rule }): Permission => {
  if (rights === undefined) return rule
  return { ...rule, rights: rights.includes('all') ? RIGHTS : (rights as Right[]) }
})

/** Nothing is allowed by default, so an account without permissions is a mistake. */
const permissions = z.array(permission, wrong(`a list such as ${EVERYTHING}`))

interface GivenGroup {
  readonly group?: string
  readonly limits?: GivenLimits
}

/** A user as it was read: with a hash, or with a password that `hashed` makes one of. */
export type GivenUser = Pick<UserConfig, 'name' | 'permissions'> &
  GivenGroup &
  Partial<Pick<UserConfig, 'passwordHash'>> & {
    readonly password?: string
  }

/** `files` gets the paths of the files that secrets are read from. */
export function user(files: string[]): z.ZodType<GivenUser> {
  return object(
    {
      name,
      permissions,
      ...secret('passwordHash'),
      ...secret('password'),
      group: text.optional(),
      limits: accountLimits,
    },
    {
      check: (tree, problem) => {
        fillSecrets(tree, problem, files, 'passwordHash', 'password')
        if (isGiven(tree, 'passwordHash') && isGiven(tree, 'password'))
          problem('password', 'given together with passwordHash; give only one of them.')
        if (!isGiven(tree, 'passwordHash') && !isGiven(tree, 'password'))
          problem('passwordHash', 'missing; expected a hash as `sluice hash` prints it, or passwordFile.')
        const flaw = typeof tree.passwordHash === 'string' ? passwordHashProblem(tree.passwordHash) : undefined
        if (flaw !== undefined) problem('passwordHash', `the value is ${flaw}.`)
      },
    },
  )
}

/**
 * The user with a hash alone; takes about 50 ms where it has to be made. `before`: hashes of an earlier reading by
 * name; a plain password that fits one keeps it, so that reading it again is no change.
 */
export async function hashed(
  given: GivenUser,
  before: ReadonlyMap<string, string>,
  groups: readonly Group[],
): Promise<UserConfig> {
  const { name, permissions, password = '', passwordHash } = given
  const limits = limitsOf(given, groups)
  const user = { name, permissions, ...(limits === undefined ? {} : { limits }) }
  if (passwordHash !== undefined) return { ...user, passwordHash }
  const known = before.get(name)
  const same = known !== undefined && (await passwordMatches(password, known))
  return { ...user, passwordHash: same ? known : await hashPassword(password, saltOf(name)) }
}

/**
 * Made of the name, so that all servers with the same password come to the same hash: signed logins depend on it. The
 * password itself stands in the configuration, and the hash in memory alone.
 */
function saltOf(name: string): Buffer {
  return createHash('sha256').update(`plain password of ${name}`).digest().subarray(0, 16)
}

/** A day (its first moment, in UTC) or a moment; epoch milliseconds. */
const moment = converted('a day such as 2027-01-31, or a moment such as 2027-01-31T12:00:00Z', (given) => {
  const isText = typeof given === 'string' && /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$/.test(given)
  const at = given instanceof Date ? given.getTime() : isText ? Date.parse(given) : Number.NaN
  return Number.isNaN(at) ? undefined : at
})

type GivenServiceAccount = Omit<ServiceAccountConfig, 'limits'> & {
  readonly group?: string
  readonly given?: GivenLimits
}

/** The service account with the limits that count for it. */
export function withLimits(account: GivenServiceAccount, groups: readonly Group[]): ServiceAccountConfig {
  const { group, given, ...rest } = account
  const limits = limitsOf({ name: rest.name, group, limits: given }, groups)
  return limits === undefined ? rest : { ...rest, limits }
}

/** `files` gets the paths of the files that secrets are read from. */
export function serviceAccount(files: string[]): z.ZodType<GivenServiceAccount> {
  return object(
    {
      name,
      permissions,
      ...secret('tokenHash'),
      ...secret('token'),
      expires: moment.optional(),
      group: text.optional(),
      limits: accountLimits,
    },
    {
      check: (tree, problem) => {
        fillSecrets(tree, problem, files, 'tokenHash', 'token')
        if (isGiven(tree, 'tokenHash') && isGiven(tree, 'token'))
          problem('token', 'given together with tokenHash; give only one of them.')
        if (!isGiven(tree, 'tokenHash') && !isGiven(tree, 'token'))
          problem('tokenHash', 'missing; expected a hash as `sluice hash --token` prints it, or tokenFile.')
        if (typeof tree.tokenHash === 'string' && !isTokenHash(tree.tokenHash))
          problem('tokenHash', 'the value is not a hash as `sluice hash --token` prints it.')
        if (typeof tree.token === 'string' && tree.token.length < MIN_TOKEN)
          problem(
            'token',
            `the value is too short to be a secret: a token has at least ${MIN_TOKEN} characters (server.token.length). \`sluice hash --new-token\` makes one.`,
          )
        if (typeof tree.token === 'string' && /\s/.test(tree.token))
          problem('token', 'the value holds spaces or line ends, which a header cannot carry.')
      },
    },
  ).transform(({ name, permissions, tokenHash, token, expires, group, limits }) => ({
    name,
    permissions,
    group,
    given: limits,
    tokenHash: tokenHash ?? hashToken(token ?? ''),
    ...(expires === undefined ? {} : { expiresAt: expires }),
  }))
}
