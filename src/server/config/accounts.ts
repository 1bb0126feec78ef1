/**
 * Reads users and service accounts of the configuration; plain passwords and tokens become hashes here and are not
 * kept.
 */
import { type Right, RIGHTS } from '../../plan/administration.ts'
import type { Permission, ServiceAccountConfig, UserConfig } from '../access/auth.ts'
import { type Check, keys, list, oneOf, optional, type Read, secret, text, type Tree } from './schema.ts'
import { hashPassword, hashToken, isTokenHash, passwordHashProblem, passwordMatches } from '../access/secrets.ts'

const NAME = /^[^\s:*"'\\/]{1,128}$/
const EVERYTHING = '[{environments: ["*"], topics: ["*"]}]'

function readName(tree: Tree, place: string, check: Check): string | undefined {
  const name = text(tree.name, `${place}.name`, check)
  if (name === undefined || NAME.test(name)) return name
  return check.wrong(
    `${place}.name`,
    name,
    'a name of up to 128 characters without spaces, colons, slashes, quotes and stars',
  )
}

const readPermission: Read<Permission> = (value, place, check) => {
  const tree = keys(value, place, ['effect', 'environments', 'topics', 'rights'], check)
  if (tree === undefined) return undefined
  const names = (key: string) =>
    list(text, 'a list of names, in which * stands for any characters')(tree[key], `${place}.${key}`, check)
  const environments = names('environments')
  const topics = names('topics')
  const effect = optional(tree, place, 'effect', oneOf('allow', 'deny'), check) ?? 'allow'
  const rights = optional(
    tree,
    place,
    'rights',
    list(oneOf('all', ...RIGHTS), `a list of ${RIGHTS.join(', ')}, or all`),
    check,
  )
  if (environments === undefined || topics === undefined) return undefined
  const named = rights?.includes('all') === true ? RIGHTS : (rights as readonly Right[] | undefined)
  return { effect, environments, topics, ...(named === undefined ? {} : { rights: named }) }
}

/** Nothing is allowed by default, so an account without permissions is a mistake. */
function readPermissions(tree: Tree, place: string, check: Check): readonly Permission[] | undefined {
  return list(readPermission, `a list such as ${EVERYTHING}`)(tree.permissions, `${place}.permissions`, check)
}

/**
 * `before`: hashes of an earlier reading by name; a plain password that fits one keeps it, so that reading it again is
 * no change.
 */
export async function readUser(
  value: unknown,
  place: string,
  check: Check,
  before: ReadonlyMap<string, string>,
): Promise<UserConfig | undefined> {
  const tree = keys(
    value,
    place,
    ['name', 'passwordHash', 'passwordHashFile', 'password', 'passwordFile', 'permissions'],
    check,
  )
  if (tree === undefined) return undefined
  const name = readName(tree, place, check)
  const permissions = readPermissions(tree, place, check)
  const hash = secret(tree, place, 'passwordHash', check)
  const password = secret(tree, place, 'password', check)
  if (hash !== undefined && password !== undefined)
    check.problem(`${place}.password`, 'given together with passwordHash; give only one of them.')
  if (hash === undefined && password === undefined)
    check.problem(`${place}.passwordHash`, 'missing; expected a hash as `sluice hash` prints it, or passwordFile.')
  const problem = hash === undefined ? undefined : passwordHashProblem(hash)
  if (problem !== undefined) check.problem(`${place}.passwordHash`, `the value is ${problem}.`)
  if (name === undefined || permissions === undefined || check.problems.length > 0) return undefined
  if (hash !== undefined) return { name, permissions, passwordHash: hash }
  const known = before.get(name)
  const same = known !== undefined && (await passwordMatches(password ?? '', known))
  return { name, permissions, passwordHash: same ? known : await hashPassword(password ?? '') }
}

/** A day (its first moment, in UTC) or a moment. */
const readTime: Read<number> = (value, place, check) => {
  const at =
    value instanceof Date
      ? value.getTime()
      : typeof value === 'string' && /^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$/.test(value)
        ? Date.parse(value)
        : Number.NaN
  return Number.isNaN(at)
    ? check.wrong(place, value, 'a day such as 2027-01-31, or a moment such as 2027-01-31T12:00:00Z')
    : at
}

export function readServiceAccount(value: unknown, place: string, check: Check): ServiceAccountConfig | undefined {
  const tree = keys(
    value,
    place,
    ['name', 'tokenHash', 'tokenHashFile', 'token', 'tokenFile', 'expires', 'permissions'],
    check,
  )
  if (tree === undefined) return undefined
  const name = readName(tree, place, check)
  const permissions = readPermissions(tree, place, check)
  const hash = secret(tree, place, 'tokenHash', check)
  const token = secret(tree, place, 'token', check)
  if (hash !== undefined && token !== undefined)
    check.problem(`${place}.token`, 'given together with tokenHash; give only one of them.')
  if (hash === undefined && token === undefined)
    check.problem(`${place}.tokenHash`, 'missing; expected a hash as `sluice hash --token` prints it, or tokenFile.')
  if (hash !== undefined && !isTokenHash(hash))
    check.problem(`${place}.tokenHash`, 'the value is not a hash as `sluice hash --token` prints it.')
  if (token !== undefined && /\s/.test(token))
    check.problem(`${place}.token`, 'the value holds spaces or line ends, which a header cannot carry.')
  const expiresAt = optional(tree, place, 'expires', readTime, check)
  if (name === undefined || permissions === undefined || (hash ?? token) === undefined) return undefined
  return {
    name,
    permissions,
    tokenHash: hash ?? hashToken(token ?? ''),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  }
}
