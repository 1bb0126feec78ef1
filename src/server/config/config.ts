/**
 * The server's configuration: one YAML file, over it environment variables, over those the command line; checked as a
 * whole, with errors that name the key, the value and what was expected. Secrets may stand in files of their own
 * (`passwordFile`, `SLUICE_SASL_PASSWORD_FILE`, `@path` on the command line); passwords and tokens are kept as hashes
 * only. This is the one place of the server that reads files and environment variables (`follow` calls it
 * again).
 */
import { isIP } from 'node:net'
import { parseDocument, YAMLError } from 'yaml'
import { z } from 'zod'
import type { SettingDefaults } from '../../engine/host.ts'
import type { Maxima } from '../../plan/settings.ts'
import type { ServiceAccountConfig, UserConfig } from '../access/auth.ts'
import type { EnvironmentConfig } from '../environment.ts'
import { didYouMean } from '../../lib/suggest.ts'
import { BASE_PATH_WORDS, readBasePath } from '../http/base-path.ts'
import { LIMITS, type LimitName, type LimitSpec, type ServerLimits } from '../limits.ts'
import { LOG_LEVELS, type LogLevel } from '../log.ts'
import { group, maximaOf, maximaShape } from './account-limits.ts'
import { hashed, NAME, serviceAccount, user, withLimits } from './accounts.ts'
import { environment } from './environments.ts'
import { applyOverrides, type Overrides } from './overrides.ts'
import {
  ConfigError,
  converted,
  duration,
  fillSecrets,
  flag,
  integer,
  isGiven,
  isTree,
  type LookAtAll,
  object,
  oneOf,
  problemsOf,
  readFile,
  secret,
  size,
  text,
  type Tree,
  wrong,
} from './schema.ts'
import { type SessionConfig, session } from './session.ts'
import { settings } from './settings.ts'
import { type TelemetryConfig, telemetry } from './telemetry.ts'

/** Certificate and key of the server itself, and the authorities above the certificate. */
export interface ServerTls {
  /** PEM. */
  readonly cert: string
  readonly key: string
  readonly ca?: string
}

/** A compacted topic that holds the state of several servers. */
export interface StateConfig {
  readonly topic: string
  /** The environment whose cluster holds it. */
  readonly environment: string
  /** Replicas, if the topic is created. */
  readonly replication?: number
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
    /** Addresses and networks of proxies: callers have the address that these say (X-Forwarded-For). */
    readonly trustedProxies?: readonly string[]
    /** Logins are signed, and good on all servers with the same keys. */
    readonly session?: SessionConfig
  }
  readonly environments: readonly EnvironmentConfig[]
  /** Where several servers share views, synonyms, declared formats and saved queries; without it in `dataFolder`. */
  readonly state?: StateConfig
  readonly users: readonly UserConfig[]
  readonly serviceAccounts: readonly ServiceAccountConfig[]
  readonly settings: SettingDefaults
  readonly limits: ServerLimits
  /** What SET may reach at most, where an account or its group has nothing else. */
  readonly maxima: Maxima
  readonly log: { readonly level: LogLevel }
  /** What is sent elsewhere; nothing without it. */
  readonly telemetry?: TelemetryConfig
  /** The files it was read from. */
  readonly files: readonly string[]
}

/** Port of a server whose configuration names none. */
export const DEFAULT_PORT = 9991
/** Address of a server whose configuration names none: reachable from this machine only. */
export const DEFAULT_HOST = '127.0.0.1'

/** Where a configuration is read from; later members win over earlier ones. */
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

/** Rejects with a ConfigError that lists every problem. Takes about 50 ms for each password that is not hashed yet. */
export async function loadConfig(sources: ConfigSources): Promise<ServerConfig> {
  const files: string[] = []
  const tree = sources.file === undefined ? {} : parseFile(sources.file, files)
  const origins = new Map<string, string>()
  applyOverrides(tree, sources.env ?? {}, sources.overrides ?? {}, origins)
  const config = await readConfig(tree, origins, sources.users)
  const lists = [sources.env?.SLUICE_USER_FILE, sources.env?.SLUICE_SERVICE_ACCOUNT_FILE].filter(
    (file): file is string => file !== undefined && file !== '',
  )
  return { ...config, files: [...new Set([...files, ...lists, ...config.files])] }
}

function parseFile(path: string, files: string[]): Tree {
  const content = readFile(path, files, (reason) => {
    throw new ConfigError([`The configuration file ${JSON.stringify(path)}: ${reason}`])
  })
  let tree: unknown
  try {
    // Its warnings go to standard error by themselves, with the line; such as of a value that begins with "!".
    const document = parseDocument(content ?? '', { logLevel: 'error' })
    for (const flaw of [...document.errors, ...document.warnings]) throw flaw
    tree = document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (cause) {
    // The library's own message quotes the line, which may hold a secret: say where, not what.
    const at = cause instanceof YAMLError ? cause.linePos?.[0] : undefined
    const where = at === undefined ? '' : `: line ${at.line}, column ${at.col}`
    throw new ConfigError([`${path}: is not YAML${where}${cause instanceof YAMLError ? ` (${cause.code})` : ''}.`])
  }
  if (isTree(tree)) return tree
  throw new ConfigError([`${path}: is not a map of ${Object.keys(SECTIONS([])).join(', ')}.`])
}

/** Reads a configuration tree, as YAML would give it. `origins` names where a place got its value from. */
export async function readConfig(
  tree: Tree,
  origins: ReadonlyMap<string, string> = new Map(),
  before: readonly UserConfig[] = [],
): Promise<ServerConfig> {
  const files: string[] = []
  const read = object(SECTIONS(files), { check: lookAtAll }).safeParse(tree)
  if (!read.success) throw new ConfigError(problemsOf(read.error, origins))
  const hashes = new Map(before.map((user) => [user.name, user.passwordHash]))
  const { groups, state: shared, ...rest } = read.data
  const users = await Promise.all(rest.users.map((user) => hashed(user, hashes, groups)))
  // Without a default the first environment is it.
  const named = rest.environments.some((e) => e.default)
  const environments = named ? rest.environments : rest.environments.map((e, i) => ({ ...e, default: i === 0 }))
  const holder = shared?.environment ?? environments.find((e) => e.default)?.name
  const state = shared === undefined || holder === undefined ? undefined : { ...shared, environment: holder }
  return {
    ...rest,
    ...(state === undefined ? {} : { state }),
    serviceAccounts: rest.serviceAccounts.map((account) => withLimits(account, groups)),
    limits: Object.fromEntries(Object.keys(LIMITS).map((name) => [name, rest.limits[name as LimitName]])) as Record<
      LimitName,
      number
    >,
    maxima: maximaOf(rest.limits, 'of the server'),
    environments: state === undefined ? environments : environments.map((e) => ({ ...e, stateTopic: state.topic })),
    users,
    files,
  }
}

/** An origin as browsers send it; there is no `*`. */
const origin = text.refine(
  (given) => URL.canParse(given) && new URL(given).origin === given,
  wrong('an origin as browsers send it: scheme, host and port, such as https://example.com or http://localhost:5173'),
)

/** An IP address, or a network as CIDR. */
const network = text.refine((given) => {
  const [address = '', bits, ...rest] = given.split('/')
  const most = isIP(address) === 6 ? 128 : 32
  return (
    isIP(address) !== 0 && rest.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  )
}, wrong('an IP address or a network, such as 10.0.0.7 or 10.0.0.0/8'))

const basePath = converted(BASE_PATH_WORDS, (given) => (typeof given === 'string' ? readBasePath(given) : undefined))

function server(files: string[]) {
  const tls = object(
    { ...secret('cert'), ...secret('key'), ...secret('ca') },
    {
      check: (tree, problem) => {
        fillSecrets(tree, problem, files, 'cert', 'key', 'ca')
        if (!isGiven(tree, 'cert')) problem('cert', 'missing; expected a PEM certificate, or its path as certFile.')
        if (!isGiven(tree, 'key')) problem('key', 'missing; expected a PEM private key, or its path as keyFile.')
      },
    },
  ).transform(({ cert = '', key = '', ca }): ServerTls => ({ cert, key, ...(ca === undefined ? {} : { ca }) }))
  return object({
    host: text.default(DEFAULT_HOST),
    port: integer(0, 65535).default(DEFAULT_PORT),
    tls: tls.optional(),
    dataFolder: text.optional(),
    corsOrigins: z.array(origin, wrong('a list of origins such as https://example.com')).optional(),
    basePath: basePath.optional(),
    session: session(files).optional(),
    trustForwardedPrefix: flag.optional(),
    trustedProxies: z.array(network, wrong('a list of addresses and networks such as 10.0.0.0/8')).optional(),
  })
}

const state = object({
  // A topic with a longer name stands beside it (`serversTopic`).
  topic: z
    .string(wrong('the name of a topic'))
    .regex(
      /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,240}$/,
      wrong('the name of a topic: up to 240 letters, digits, dots, dashes and _'),
    ),
  environment: text.optional(),
  replication: integer(1, 32_767).optional(),
})

function limit({ unit, min, max, default: fallback }: LimitSpec) {
  const read = unit === 'ms' ? duration(min) : unit === 'bytes' ? size(min) : integer(min, 1_000_000)
  return read
    .superRefine((given, context) => {
      // The timers of Node take 31 bits of milliseconds.
      if (unit === 'ms' && given > 2 ** 31 - 1) context.addIssue(`${given} ms is more than 24 days.`)
      else if (max !== undefined && given > max)
        context.addIssue(`${given} ${unit === 'count' ? '' : `${unit} `}is more than the ceiling of ${max}.`)
    })
    .default(fallback)
}

const limits = object({
  ...maximaShape(),
  ...(Object.fromEntries(Object.entries(LIMITS).map(([name, spec]) => [name, limit(spec)])) as unknown as Record<
    LimitName,
    ReturnType<typeof limit>
  >),
})

/** The sections of the file. `files` gets the paths of the files that secrets are read from. */
const SECTIONS = (files: string[]) => ({
  server: server(files),
  environments: z.array(environment(files), wrong('a list of environments')).default([]),
  state: state.optional(),
  groups: z.array(group, wrong('a list of groups')).default([]),
  users: z.array(user(files), wrong('a list of users')).default([]),
  serviceAccounts: z.array(serviceAccount(files), wrong('a list of service accounts')).default([]),
  settings: settings.default({}),
  limits,
  log: object({ level: oneOf(...LOG_LEVELS).default('info') }),
  telemetry: telemetry(files).optional(),
})

const isName = (name: unknown): boolean => typeof name === 'string' && NAME.test(name)

/** The name itself may be a secret that went astray. */
function noGroup(i: number, name: string, groups: ReadonlySet<unknown>): string {
  const known = [...groups].filter((group) => typeof group === 'string')
  const meant = didYouMean(name, known, 1)
  return `[${i}].group: there is no such group among groups${known.length === 0 ? '' : ` (${known.slice(0, 20).join(', ')})`}.${meant === undefined ? '' : ` ${meant}`}`
}

/** Checks across sections: at least one account and one environment, names given twice, several defaults. */
const lookAtAll: LookAtAll = (tree, problem) => {
  const items = (section: string): unknown[] | undefined => {
    const value = tree[section] ?? []
    return Array.isArray(value) ? value : undefined
  }
  const [environments, users, accounts] = ['environments', 'users', 'serviceAccounts'].map(items)
  if (users?.length === 0 && accounts?.length === 0)
    problem(
      'users',
      'nobody could log in. Give at least one account: --service-account name:token, --user name:password, or users: and serviceAccounts: in the file.',
    )
  if (environments?.length === 0)
    problem('environments', 'none given. Name a Kafka cluster: --brokers host:port, or environments: in the file.')
  for (const [section, list = []] of Object.entries({
    environments,
    groups: items('groups'),
    users,
    serviceAccounts: accounts,
  })) {
    const names = list.filter(isTree).map((item) => item.name)
    const twice = new Set(names.filter((name, i) => name !== undefined && names.indexOf(name) < i))
    for (const name of twice)
      problem(section, `${isName(name) ? `the name ${JSON.stringify(name)}` : 'a name'} is given twice.`)
  }
  const groups = new Set((items('groups') ?? []).filter(isTree).map(({ name }) => name))
  for (const [section, list = []] of Object.entries({ users, serviceAccounts: accounts }))
    for (const [i, account] of list.entries())
      if (isTree(account) && typeof account.group === 'string' && !groups.has(account.group))
        problem(section, noGroup(i, account.group, groups))
  const signs = isTree(tree.server) && tree.server.session !== undefined && tree.server.session !== null
  if (signs && !isTree(tree.state) && (!isTree(tree.server) || tree.server.dataFolder === undefined))
    problem(
      'server',
      'session: logouts have to be kept while logins are signed. Give state.topic, which all servers share, or server.dataFolder for one server.',
    )
  const holder = isTree(tree.state) ? tree.state.environment : undefined
  if (typeof holder === 'string' && environments?.every((e) => !isTree(e) || e.name !== holder) === true)
    problem('state', `environment: there is no environment ${JSON.stringify(holder)} among environments.`)
  const defaults = environments?.filter(isTree).filter((e) => e.default === true) ?? []
  if (defaults.length > 1)
    problem('environments', `${defaults.map((e) => `"${e.name}"`).join(' and ')} are both marked as default.`)
}

export { ConfigError }
