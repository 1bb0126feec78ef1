/**
 * The server's configuration: one YAML file, over it environment variables, over those the command line; checked as a
 * whole, with errors that name the key, the value and what was expected. Secrets may stand in files of their own
 * (`passwordFile`, `SLUICE_SASL_PASSWORD_FILE`, `@path` on the command line); passwords and tokens are kept as hashes
 * only. This is the one place of the server that reads files and environment variables (`config-follow` calls it
 * again).
 */
import { parse as parseYaml, YAMLError } from 'yaml'
import type { SettingDefaults } from '../../engine/host.ts'
import type { ServiceAccountConfig, UserConfig } from '../access/auth.ts'
import { BASE_PATH_WORDS, readBasePath } from '../http/base-path.ts'
import { readServiceAccount, readUser } from './accounts.ts'
import { applyOverrides, type Overrides } from './overrides.ts'
import {
  Check,
  ConfigError,
  duration,
  flag,
  integer,
  isTree,
  keys,
  list,
  oneOf,
  optional,
  type Read,
  readFile,
  requiredSecret,
  size,
  secret,
  type Tree,
  text,
} from './schema.ts'
import { readEnvironment } from './environments.ts'
import { readSettings } from './settings.ts'
import type { EnvironmentConfig } from '../environment.ts'
import { defaultLimits, LIMITS, type LimitName, type LimitSpec, type ServerLimits } from '../limits.ts'
import { LOG_LEVELS, type LogLevel } from '../log.ts'

export interface ServerTls {
  /** PEM. */
  readonly cert: string
  readonly key: string
  readonly ca?: string
}

/**
 * Checked and complete. Holds no password and no token of an account, but does hold those for Kafka and the registry.
 */
export interface ServerConfig {
  readonly server: {
    readonly host: string
    readonly port: number
    readonly tls?: ServerTls
    readonly dataFolder?: string
    readonly corsOrigins?: readonly string[]
    /** In front of all paths, without a slash at its end. */
    readonly basePath?: string
    readonly trustForwardedPrefix?: boolean
  }
  readonly environments: readonly EnvironmentConfig[]
  readonly users: readonly UserConfig[]
  readonly serviceAccounts: readonly ServiceAccountConfig[]
  readonly settings: SettingDefaults
  readonly limits: ServerLimits
  readonly log: { readonly level: LogLevel }
  /** The files it was read from. */
  readonly files: readonly string[]
}

export const DEFAULT_PORT = 9991
export const DEFAULT_HOST = '127.0.0.1'

export interface ConfigSources {
  /** Path of the YAML file. */
  readonly file?: string
  /** Environment variables; only those that begin with `SLUICE_` are looked at. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** From the command line. */
  readonly overrides?: Overrides
  /** Users of an earlier reading: a plain password that is still theirs keeps its hash. */
  readonly users?: readonly UserConfig[]
}

const TOP = ['server', 'environments', 'users', 'serviceAccounts', 'settings', 'limits', 'log'] as const

/** Rejects with a ConfigError that lists every problem. Takes about 50 ms for each password that is not hashed yet. */
export async function loadConfig(sources: ConfigSources): Promise<ServerConfig> {
  const check = new Check()
  const tree = sources.file === undefined ? {} : parseFile(sources.file, check)
  check.done()
  const origins = new Map<string, string>()
  applyOverrides(tree, sources.env ?? {}, sources.overrides ?? {}, origins)
  const config = await readConfig(tree, origins, sources.users)
  const lists = [sources.env?.SLUICE_USER_FILE, sources.env?.SLUICE_SERVICE_ACCOUNT_FILE].filter(
    (file): file is string => file !== undefined && file !== '',
  )
  return { ...config, files: [...new Set([...check.files, ...lists, ...config.files])] }
}

function parseFile(path: string, check: Check): Tree {
  const content = readFile(path, 'The configuration file', check)
  if (content === undefined) return {}
  try {
    const tree: unknown = parseYaml(content, { maxAliasCount: 100 })
    if (tree === null || tree === undefined) return {}
    if (isTree(tree)) return tree
    check.problem(path, `is not a map of ${TOP.join(', ')}.`)
  } catch (cause) {
    // The library's own message quotes the line, which may hold a secret: say where, not what.
    const at = cause instanceof YAMLError ? cause.linePos?.[0] : undefined
    check.problem(
      path,
      `is not YAML${at === undefined ? '' : `: line ${at.line}, column ${at.col}`}${cause instanceof YAMLError ? ` (${cause.code})` : ''}.`,
    )
  }
  return {}
}

/** Reads a configuration tree, as YAML would give it. `origins` names where a place got its value from. */
export async function readConfig(
  tree: Tree,
  origins: ReadonlyMap<string, string> = new Map(),
  before: readonly UserConfig[] = [],
): Promise<ServerConfig> {
  const check = new Check(origins)
  keys(tree, '', TOP, check)
  const server = readServer(tree.server, check)
  const environments = readEnvironments(tree, check)
  const users =
    optional(
      tree,
      '',
      'users',
      list((value, place) => ({ value, place }), 'a list of users'),
      check,
    ) ?? []
  const serviceAccounts =
    optional(
      tree,
      '',
      'serviceAccounts',
      list((value, place) => ({ value, place }), 'a list of service accounts'),
      check,
    ) ?? []
  const settings = await readSettings(tree.settings, 'settings', check)
  const limits = readLimits(tree.limits, check)
  const log = keys(tree.log, 'log', ['level'], check) ?? {}
  const level = optional(log, 'log', 'level', oneOf(...LOG_LEVELS), check) ?? 'info'
  const hashes = new Map(before.map((user) => [user.name, user.passwordHash]))
  const readUsers = await Promise.all(users.map(({ value, place }) => readUser(value, place, check, hashes)))
  const readAccounts = serviceAccounts.map(({ value, place }) => readServiceAccount(value, place, check))
  if (users.length + serviceAccounts.length === 0)
    check.problem(
      'users',
      'nobody could log in. Give at least one account: --service-account name:token, --user name:password, or users: and serviceAccounts: in the file.',
    )
  noDuplicates('users', readUsers, check)
  noDuplicates('serviceAccounts', readAccounts, check)
  check.done()
  const present = <T>(items: readonly (T | undefined)[]): T[] => items.filter((item) => item !== undefined)
  const accounts = { users: present(readUsers), serviceAccounts: present(readAccounts) }
  return { server, environments, ...accounts, settings, limits, log: { level }, files: check.files }
}

function noDuplicates(place: string, items: readonly ({ readonly name: string } | undefined)[], check: Check): void {
  const seen = new Set<string>()
  for (const item of items) {
    if (item === undefined) continue
    if (seen.has(item.name)) check.problem(place, `the name ${JSON.stringify(item.name)} is given twice.`)
    seen.add(item.name)
  }
}

/** An origin as browsers send it; there is no `*`. */
const readOrigin: Read<string> = (value, place, check) => {
  const given = text(value, place, check)
  if (given === undefined || (URL.canParse(given) && new URL(given).origin === given)) return given
  return check.wrong(
    place,
    given,
    'an origin as browsers send it: scheme, host and port, such as https://example.com or http://localhost:5173',
  )
}

const readPath: Read<string> = (value, place, check) => {
  const given = text(value, place, check)
  return given === undefined ? undefined : (readBasePath(given) ?? check.wrong(place, given, BASE_PATH_WORDS))
}

function readServer(value: unknown, check: Check): ServerConfig['server'] {
  const tree =
    keys(
      value,
      'server',
      ['host', 'port', 'tls', 'dataFolder', 'corsOrigins', 'basePath', 'trustForwardedPrefix'],
      check,
    ) ?? {}
  const host = optional(tree, 'server', 'host', text, check) ?? DEFAULT_HOST
  const port = optional(tree, 'server', 'port', integer(0, 65535), check) ?? DEFAULT_PORT
  const dataFolder = optional(tree, 'server', 'dataFolder', text, check)
  const corsOrigins = optional(
    tree,
    'server',
    'corsOrigins',
    list(readOrigin, 'a list of origins such as https://example.com'),
    check,
  )
  const basePath = optional(tree, 'server', 'basePath', readPath, check)
  const trustForwardedPrefix = optional(tree, 'server', 'trustForwardedPrefix', flag, check)
  const kept = {
    ...(dataFolder === undefined ? {} : { dataFolder }),
    ...(corsOrigins === undefined ? {} : { corsOrigins }),
    ...(basePath === undefined ? {} : { basePath }),
    ...(trustForwardedPrefix === undefined ? {} : { trustForwardedPrefix }),
  }
  if (tree.tls === undefined || tree.tls === null) return { host, port, ...kept }
  const tls = keys(tree.tls, 'server.tls', ['cert', 'certFile', 'key', 'keyFile', 'ca', 'caFile'], check) ?? {}
  const cert = requiredSecret(tls, 'server.tls', 'cert', 'a PEM certificate, or its path as certFile', check)
  const key = requiredSecret(tls, 'server.tls', 'key', 'a PEM private key, or its path as keyFile', check)
  const ca = secret(tls, 'server.tls', 'ca', check)
  return { host, port, ...kept, tls: { cert: cert ?? '', key: key ?? '', ...(ca === undefined ? {} : { ca }) } }
}

function readEnvironments(tree: Tree, check: Check): readonly EnvironmentConfig[] {
  const environments = optional(tree, '', 'environments', list(readEnvironment, 'a list of environments'), check) ?? []
  if (environments.length === 0 && check.problems.length === 0)
    check.problem(
      'environments',
      'none given. Name a Kafka cluster: --brokers host:port, or environments: in the file.',
    )
  noDuplicates('environments', environments, check)
  const defaults = environments.filter((e) => e.default)
  if (defaults.length > 1)
    check.problem('environments', `${defaults.map((e) => `"${e.name}"`).join(' and ')} are both marked as default.`)
  // With one environment there is no doubt; with several the first one stands in.
  return defaults.length > 0 ? environments : environments.map((e, i) => ({ ...e, default: i === 0 }))
}

function readLimits(value: unknown, check: Check): ServerLimits {
  const tree = keys(value, 'limits', Object.keys(LIMITS), check) ?? {}
  const limits = defaultLimits()
  for (const name of Object.keys(LIMITS) as LimitName[]) {
    const spec: LimitSpec = LIMITS[name]
    const read =
      spec.unit === 'ms' ? duration(spec.min) : spec.unit === 'bytes' ? size(spec.min) : integer(spec.min, 1_000_000)
    // The timers of Node take 31 bits of milliseconds.
    const given = optional(tree, 'limits', name, read, check)
    if (given !== undefined && spec.unit === 'ms' && given > 2 ** 31 - 1)
      check.problem(`limits.${name}`, `${given} ms is more than 24 days.`)
    else if (given !== undefined && spec.max !== undefined && given > spec.max)
      check.problem(
        `limits.${name}`,
        `${given} ${spec.unit === 'count' ? '' : `${spec.unit} `}is more than the ceiling of ${spec.max}.`,
      )
    else if (given !== undefined) limits[name] = given
  }
  return limits
}

export { ConfigError }
