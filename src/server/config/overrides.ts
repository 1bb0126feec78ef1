/**
 * Environment variables and command line options as changes to the configuration tree, before it is checked. One table
 * says which option goes where. Options about Kafka and the registry belong to one environment: the one named by
 * `environment`, else the default or first one, else a new one called `default`.
 */
import { didYouMean } from '../../lib/suggest.ts'
import { ConfigError, isTree, readFile, type Tree } from './schema.ts'
import { LIMITABLE } from '../../plan/settings.ts'
import { LIMITS } from '../limits.ts'

interface OptionSpec {
  readonly flag: string
  readonly env: string
  /** Path in the tree; `*` at the start: inside the chosen environment. */
  readonly path: readonly string[]
  readonly kind?: 'secret' | 'file' | 'flag' | 'off' | 'user' | 'serviceAccount'
}

/** By the names that the command line gives them. */
export const OPTIONS = {
  host: { flag: '--host', env: 'SLUICE_SERVER_HOST', path: ['server', 'host'] },
  port: { flag: '--port', env: 'SLUICE_SERVER_PORT', path: ['server', 'port'] },
  certFile: { flag: '--cert-file', env: 'SLUICE_SERVER_CERT_FILE', path: ['server', 'tls', 'certFile'] },
  keyFile: { flag: '--key-file', env: 'SLUICE_SERVER_KEY_FILE', path: ['server', 'tls', 'keyFile'] },
  basePath: { flag: '--base-path', env: 'SLUICE_SERVER_BASE_PATH', path: ['server', 'basePath'] },
  trustForwardedPrefix: {
    flag: '--trust-forwarded-prefix',
    env: 'SLUICE_SERVER_TRUST_FORWARDED_PREFIX',
    path: ['server', 'trustForwardedPrefix'],
  },
  dataFolder: { flag: '--data-folder', env: 'SLUICE_SERVER_DATA_FOLDER', path: ['server', 'dataFolder'] },
  sessionKey: {
    flag: '--session-key',
    env: 'SLUICE_SERVER_SESSION_KEY',
    path: ['server', 'session', 'key'],
    kind: 'secret',
  },
  stateTopic: { flag: '--state-topic', env: 'SLUICE_STATE_TOPIC', path: ['state', 'topic'] },
  stateEnvironment: { flag: '--state-environment', env: 'SLUICE_STATE_ENVIRONMENT', path: ['state', 'environment'] },
  tracesEndpoint: {
    flag: '--traces-endpoint',
    env: 'SLUICE_TELEMETRY_TRACES_ENDPOINT',
    path: ['telemetry', 'traces', 'endpoint'],
  },
  tracesHeaders: {
    flag: '--traces-headers',
    env: 'SLUICE_TELEMETRY_TRACES_HEADERS',
    path: ['telemetry', 'traces', 'headers'],
    kind: 'secret',
  },
  tracesRatio: {
    flag: '--traces-ratio',
    env: 'SLUICE_TELEMETRY_TRACES_RATIO',
    path: ['telemetry', 'traces', 'ratio'],
  },
  logLevel: { flag: '--log-level', env: 'SLUICE_LOG_LEVEL', path: ['log', 'level'] },
  brokers: { flag: '--brokers', env: 'SLUICE_BROKERS', path: ['*', 'kafka', 'brokers'] },
  saslMechanism: { flag: '--sasl-mechanism', env: 'SLUICE_SASL_MECHANISM', path: ['*', 'kafka', 'sasl', 'mechanism'] },
  saslUsername: { flag: '--sasl-username', env: 'SLUICE_SASL_USERNAME', path: ['*', 'kafka', 'sasl', 'username'] },
  saslPassword: {
    flag: '--sasl-password',
    env: 'SLUICE_SASL_PASSWORD',
    path: ['*', 'kafka', 'sasl', 'password'],
    kind: 'secret',
  },
  saslToken: { flag: '--sasl-token', env: 'SLUICE_SASL_TOKEN', path: ['*', 'kafka', 'sasl', 'token'], kind: 'secret' },
  tls: { flag: '--tls', env: 'SLUICE_TLS', path: ['*', 'kafka', 'tls'], kind: 'flag' },
  tlsCa: { flag: '--tls-ca', env: 'SLUICE_TLS_CA_FILE', path: ['*', 'kafka', 'tls', 'caFile'] },
  tlsCert: { flag: '--tls-cert', env: 'SLUICE_TLS_CERT_FILE', path: ['*', 'kafka', 'tls', 'certFile'] },
  tlsKey: { flag: '--tls-key', env: 'SLUICE_TLS_KEY_FILE', path: ['*', 'kafka', 'tls', 'keyFile'] },
  tlsPassphrase: {
    flag: '--tls-passphrase',
    env: 'SLUICE_TLS_PASSPHRASE',
    path: ['*', 'kafka', 'tls', 'passphrase'],
    kind: 'secret',
  },
  tlsServername: { flag: '--tls-servername', env: 'SLUICE_TLS_SERVERNAME', path: ['*', 'kafka', 'tls', 'servername'] },
  tlsInsecure: {
    flag: '--tls-insecure',
    env: 'SLUICE_TLS_INSECURE',
    path: ['*', 'kafka', 'tls', 'rejectUnauthorized'],
    kind: 'off',
  },
  registry: { flag: '--registry', env: 'SLUICE_REGISTRY', path: ['*', 'registry', 'url'] },
  registryUsername: {
    flag: '--registry-username',
    env: 'SLUICE_REGISTRY_USERNAME',
    path: ['*', 'registry', 'username'],
  },
  registryPassword: {
    flag: '--registry-password',
    env: 'SLUICE_REGISTRY_PASSWORD',
    path: ['*', 'registry', 'password'],
    kind: 'secret',
  },
  registryCa: { flag: '--registry-ca', env: 'SLUICE_REGISTRY_CA_FILE', path: ['*', 'registry', 'tls', 'caFile'] },
  registryToken: {
    flag: '--registry-token',
    env: 'SLUICE_REGISTRY_TOKEN',
    path: ['*', 'registry', 'token'],
    kind: 'secret',
  },
  user: { flag: '--user', env: 'SLUICE_USER', path: ['users'], kind: 'user' },
  serviceAccount: {
    flag: '--service-account',
    env: 'SLUICE_SERVICE_ACCOUNT',
    path: ['serviceAccounts'],
    kind: 'serviceAccount',
  },
} as const satisfies Record<string, OptionSpec>

/** An option of the command line, as its parser names it. */
export type OptionName = keyof typeof OPTIONS

/** Values from the command line. A list where an option may be repeated. */
export type Overrides = Readonly<Partial<Record<OptionName, string | boolean | readonly string[]>>> & {
  /** Which environment the options about Kafka and the registry belong to. */
  readonly environment?: string
  /** `name=value` each. */
  readonly set?: readonly string[]
  readonly limit?: readonly string[]
}

/**
 * Names of `SLUICE_` variables that belong to the client commands, or that Kubernetes sets for a service called
 * `sluice`.
 */
const NOT_OURS = /^SLUICE_(?:CONFIG|URL|TOKEN|USERNAME|PASSWORD|SERVICE_(?:HOST|PORT)(?:_\w+)?|PORT(?:_\w+)?)$/

/**
 * Changes `tree` in place and notes in `origins` where each value came from. Throws a ConfigError about texts that
 * cannot be taken apart.
 */
export function applyOverrides(
  tree: Tree,
  env: Readonly<Record<string, string | undefined>>,
  overrides: Overrides,
  origins: Map<string, string>,
): void {
  const problems: string[] = []
  const overlay = new Overlay(tree, overrides.environment ?? nonEmpty(env.SLUICE_ENVIRONMENT), origins, problems)
  for (const [name, spec] of Object.entries(OPTIONS) as [OptionName, OptionSpec][]) {
    const file = nonEmpty(env[`${spec.env}_FILE`])
    const variable = nonEmpty(env[spec.env])
    const accounts = spec.kind === 'user' || spec.kind === 'serviceAccount'
    if (variable !== undefined) overlay.set(spec, accounts ? words(variable) : variable, spec.env)
    if (file !== undefined && accounts)
      overlay.set(spec, words(fileText(file, `${spec.env}_FILE`, problems)), `${spec.env}_FILE`)
    else if (file !== undefined && spec.kind === 'secret') overlay.set(spec, file, `${spec.env}_FILE`, 'path')
    const given = overrides[name]
    if (given !== undefined && given !== false) overlay.set(spec, given, spec.flag, 'flag')
  }
  applyNamedVariables(overlay, env, problems)
  overlay.named('limits', overrides.limit ?? [], '--limit')
  overlay.named('settings', overrides.set ?? [], '--set')
  if (problems.length > 0) throw new ConfigError(problems)
}

/**
 * `SLUICE_LIMIT_SERVER_MAX_CONNECTIONS`, `SLUICE_SETTING_MAX_SIZE`; and a word about variables that look like a slip.
 */
function applyNamedVariables(
  overlay: Overlay,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): void {
  const limits = new Map(
    [...Object.keys(LIMITS), ...LIMITABLE].map((name) => [
      `SLUICE_LIMIT_${name.toUpperCase().replaceAll('.', '_')}`,
      name,
    ]),
  )
  const known = [
    ...Object.values(OPTIONS).flatMap((o) => [o.env, `${o.env}_FILE`]),
    ...limits.keys(),
    'SLUICE_ENVIRONMENT',
  ]
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith('SLUICE_') || value === undefined || value === '' || NOT_OURS.test(variable)) continue
    const limit = limits.get(variable)
    if (limit !== undefined) overlay.named('limits', [`${limit}=${value}`], variable)
    else if (variable.startsWith('SLUICE_SETTING_'))
      overlay.named('settings', [`${variable.slice(15).toLowerCase().replaceAll('_', '.')}=${value}`], variable)
    else if (!known.includes(variable)) {
      const hint = didYouMean(variable, known, 1)
      if (hint !== undefined) problems.push(`${variable}: no such environment variable. ${hint}`)
    }
  }
}

/** Accounts, one or more, each on a line or parted by spaces. */
function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

function fileText(path: string, place: string, problems: string[]): string {
  return readFile(path, [], (reason) => problems.push(`${place}: ${reason}`)) ?? ''
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value
}

class Overlay {
  readonly #tree: Tree
  readonly #wanted: string | undefined
  readonly #origins: Map<string, string>
  readonly #problems: string[]

  constructor(tree: Tree, wantedEnvironment: string | undefined, origins: Map<string, string>, problems: string[]) {
    this.#tree = tree
    this.#wanted = wantedEnvironment
    this.#origins = origins
    this.#problems = problems
  }

  /**
   * `form` is what the text of a secret is: itself; on the command line (`flag`) it may be `@file`; or the path of its
   * file. In a variable a secret may begin with `@`.
   */
  set(
    spec: OptionSpec,
    given: string | boolean | readonly string[],
    origin: string,
    form: 'itself' | 'flag' | 'path' = 'itself',
  ): void {
    if (spec.kind === 'user' || spec.kind === 'serviceAccount') {
      for (const entry of Array.isArray(given) ? given : [String(given)])
        this.#account(spec.path[0], entry, spec.kind === 'user' ? 'password' : 'token', origin, form === 'flag')
      return
    }
    if (spec.kind === 'flag' && (given === true || given === 'true')) return this.#tls(origin)
    const value = Array.isArray(given) ? given.join(',') : given
    const last = spec.path[spec.path.length - 1]
    const path = spec.path.slice(0, -1)
    if (spec.kind === 'off') this.#put([...path, last], !(value === true || value === 'true'), origin)
    else if (spec.kind === 'secret' && form === 'path') this.#put([...path, `${last}File`], value, origin, last)
    else if (spec.kind === 'secret' && form === 'flag' && typeof value === 'string' && value.startsWith('@'))
      this.#put([...path, `${last}File`], value.slice(1), origin, last)
    else this.#put([...path, last], value, origin, `${last}File`)
  }

  /** `name=value` under `limits` or `settings`. */
  named(section: 'limits' | 'settings', pairs: readonly string[], origin: string): void {
    for (const pair of pairs) {
      const at = pair.indexOf('=')
      if (at < 1) this.#problems.push(`${origin} ${JSON.stringify(pair)}: expected name=value.`)
      else this.#put([section, pair.slice(0, at).trim()], pair.slice(at + 1).trim(), origin)
    }
  }

  #put(path: readonly string[], value: unknown, origin: string, instead?: string): void {
    let [node, place] = path[0] === '*' ? this.#environment(origin) : [this.#tree, '']
    for (const step of path.slice(path[0] === '*' ? 1 : 0, -1)) {
      if (!isTree(node[step]))
        node[step] = step === 'registry' && typeof node[step] === 'string' ? { url: node[step] } : {}
      node = node[step] as Tree
      place = place === '' ? step : `${place}.${step}`
    }
    const last = path[path.length - 1]
    node[last] = value
    if (instead !== undefined) delete node[instead]
    this.#origins.set(place === '' ? last : `${place}.${last}`, origin)
  }

  #tls(origin: string): void {
    const [node] = this.#environment(origin)
    const kafka = isTree(node.kafka) ? node.kafka : {}
    node.kafka = kafka
    if (!isTree(kafka.tls)) kafka.tls = {}
  }

  #account(section: string, entry: string, key: 'password' | 'token', origin: string, mayBeFile: boolean): void {
    const at = entry.indexOf(':')
    if (at < 1 || at === entry.length - 1) {
      this.#problems.push(
        `${origin}: expected name:${key}, such as ${key === 'password' ? 'admin:secret' : 'ci:0c1f…'}.`,
      )
      return
    }
    const given = entry.slice(at + 1)
    const account: Tree = {
      name: entry.slice(0, at),
      permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }],
    }
    const isFile = mayBeFile && given.startsWith('@')
    account[isFile ? `${key}File` : key] = isFile ? given.slice(1) : given
    const before: unknown[] = Array.isArray(this.#tree[section]) ? this.#tree[section] : []
    this.#tree[section] = [...before.filter((a) => !isTree(a) || a.name !== account.name), account]
  }

  /** The environment that options are about, made if need be, and its place. */
  #environment(origin: string): [Tree, string] {
    const environments: unknown[] = Array.isArray(this.#tree.environments) ? this.#tree.environments : []
    this.#tree.environments = environments
    let index = environments.findIndex(
      (e) => isTree(e) && (this.#wanted === undefined ? e.default === true : e.name === this.#wanted),
    )
    if (index < 0 && this.#wanted === undefined && environments.length > 0) index = 0
    if (index < 0) index = environments.push({ name: this.#wanted ?? 'default' }) - 1
    const node = environments[index]
    if (!isTree(node)) throw new ConfigError([`environments[${index}]: not a map, so ${origin} cannot change it.`])
    return [node, `environments[${index}]`]
  }
}
