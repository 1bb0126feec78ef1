/**
 * The settings that SET can change for the rest of a request: names, aliases, units, defaults, refusals. Nothing here
 * touches Kafka. Source: the dialect reference, section 5; defaults as in the specification's STATS sample where it
 * shows one.
 */
import { didYouMean } from '../lib/suggest.ts'
import type { SetStatement } from '../sql/ast.ts'
import { SqlError } from '../sql/error.ts'

type Unit = 'size' | 'duration' | 'boolean' | 'count' | 'readers' | 'digits' | 'choice'

interface Setting {
  readonly unit: Unit
  readonly fallback: number | boolean | string | undefined
  readonly choices?: readonly string[]
  /** Smallest value taken; default 1 for sizes, durations and counts. */
  readonly min?: number
  /**
   * Largest value taken: what sizes, durations, counts and digits have. All share one server, so that no statement may
   * lift a limit altogether.
   */
  readonly max?: number
  readonly meaning: string
}

const MIB = 1024 * 1024
const GIB = 1024 * MIB
const DAY = 86_400_000

/** Every setting of SET: its unit, default (`fallback`), bounds and meaning. */
export const SETTINGS = {
  'max.size': {
    unit: 'size',
    fallback: 200 * MIB,
    max: 16 * 1024 * GIB,
    meaning: 'bytes of Kafka data that a query may read',
  },
  'max.query.time': { unit: 'duration', fallback: 3_600_000, max: 7 * DAY, meaning: 'longest run of a query' },
  'max.processor.time': {
    unit: 'duration',
    fallback: 1_800_000,
    max: 7 * DAY,
    meaning: 'processor time that one statement may use, on all threads that read for it',
  },
  'max.idle.time': { unit: 'duration', fallback: 20_000, max: DAY, meaning: 'longest wait for the next record' },
  'skip.bad.records': {
    unit: 'boolean',
    fallback: true,
    meaning: 'false: the first record that cannot be read ends the query',
  },
  'show.bad.records': {
    unit: 'boolean',
    fallback: true,
    meaning: 'send a BADRECORD for each record that cannot be read',
  },
  'validate.records': {
    unit: 'boolean',
    fallback: false,
    meaning: 'read the keys and values that the query looks at whole, also past the last wanted field',
  },
  'format.timestamp': {
    unit: 'boolean',
    fallback: true,
    meaning: 'dates and times as text; false: as the stored number',
  },
  'format.decimal': {
    unit: 'digits',
    fallback: undefined,
    min: 0,
    max: 100,
    meaning: 'digits after the point of decimals; unset: all of them',
  },
  'format.uuid': { unit: 'boolean', fallback: true, meaning: 'uuids as text' },
  'live.aggs': { unit: 'boolean', fallback: true, meaning: 'may aggregations run' },
  follow: {
    unit: 'boolean',
    fallback: false,
    meaning:
      'the query goes on with what comes, until it is ended; other limits of time and size then hold only where a ' +
      'statement sets them, or an administrator',
  },
  'window.grace': {
    unit: 'duration',
    fallback: 5000,
    max: DAY,
    meaning:
      'how long after its end, and after the last record for it, a window of a query that follows stays open for more',
  },
  'max.group.records': {
    unit: 'count',
    fallback: 10_000_000,
    max: 100_000_000,
    meaning: 'groups that one aggregation may hold',
  },
  'max.group.bytes': {
    unit: 'size',
    fallback: GIB,
    max: 4 * GIB,
    meaning: 'bytes that the texts of group keys may take',
  },
  'max.collect.bytes': {
    unit: 'size',
    fallback: 64 * MIB,
    max: GIB,
    meaning: 'bytes that the values of array aggregates may take',
  },
  'max.join.bytes': {
    unit: 'size',
    fallback: 256 * MIB,
    max: 4 * GIB,
    meaning: 'bytes that joins, set operations and correlated subqueries may hold',
  },
  'max.sort.bytes': { unit: 'size', fallback: 64 * MIB, max: GIB, meaning: 'bytes that ORDER BY may hold' },
  'max.sources': {
    unit: 'count',
    fallback: 64,
    max: 1000,
    meaning: 'topics that one statement may read, each counted wherever it is named',
  },
  'max.pattern.topics': {
    unit: 'count',
    fallback: 100,
    max: 10_000,
    meaning: 'topics that a pattern in FROM may stand for',
  },
  engine: {
    unit: 'choice',
    fallback: 'sluice',
    choices: ['sluice', 'flink', 'auto'],
    meaning:
      'who runs a statement that reads topics: Sluice itself, the Apache Flink of the environment, or that where ' +
      'much is to be read (engine.auto.size) and where it computes the same',
  },
  'engine.auto.size': {
    unit: 'size',
    fallback: 10 * GIB,
    max: 512 * 1024 * GIB,
    meaning: 'bytes of Kafka data from which engine = auto hands a statement over',
  },
  'optimize.kafka.partition': {
    unit: 'boolean',
    fallback: false,
    meaning:
      'read only the partition that the default partitioner of Java gives to `_key = literal`; for topics ' +
      'whose producers all use it, and that never got partitions',
  },
  'query.parallel': {
    unit: 'readers',
    fallback: 'auto',
    max: 1_000_000,
    meaning:
      'threads that read a topic for the query, as far as the server has them; auto: one, and more where much is left to read',
  },
  'query.buffer': {
    unit: 'count',
    fallback: 5000,
    max: 1_000_000_000,
    meaning: 'accepted for compatibility; buffers are bounded in bytes',
  },
  'kafka.offset.timeout': {
    unit: 'duration',
    fallback: 10_000,
    max: 600_000,
    meaning: 'longest wait for the bounds of the partitions',
  },
  'kafka.offset.batch.size': {
    unit: 'count',
    fallback: undefined,
    max: 1_000_000_000,
    meaning: 'accepted for compatibility; bounds are asked for once per broker',
  },
  'isolation.level': {
    unit: 'choice',
    fallback: 'read_committed',
    choices: ['read_committed', 'read_uncommitted'],
    meaning: 'are records of open and aborted transactions left out',
  },
  'fetch.max.bytes': {
    unit: 'size',
    fallback: 2 * MIB,
    min: 1024,
    max: 8 * MIB,
    meaning: 'largest answer asked of a broker; less by default while a thread runs many queries',
  },
} as const satisfies Record<string, Setting>

/** The name of a setting, as SET writes it. */
export type SettingName = keyof typeof SETTINGS

/** Settings of which an administrator may allow less than there can be. */
export const LIMITABLE: readonly SettingName[] = (Object.keys(SETTINGS) as SettingName[]).filter((name) => {
  const setting: Setting = SETTINGS[name]
  return setting.max !== undefined && setting.unit !== 'digits'
})

/** What an administrator allows at most, and whose limits say so (`of the account "anna"`), by setting. */
export type Maxima = Readonly<Partial<Record<SettingName, { readonly value: number; readonly whose: string }>>>

/** How a maximum of a setting is written, and what such a text says: undefined where it is none or above the ceiling. */
export function readMaximum(name: SettingName): { expected: string; read(text: string): number | undefined } {
  const setting: Setting = SETTINGS[name]
  return {
    expected: `${expected(setting)}, ${atMost(setting)}`,
    read: (text) => {
      const value = parseValue(setting, text)
      return typeof value === 'number' && !isAbove(setting, value) ? value : undefined
    },
  }
}
/**
 * What a setting holds, by its unit: bytes, milliseconds, a count, true or false, one of its choices; nothing where it
 * has no default.
 */
type SettingValue<S extends Setting> = S['unit'] extends 'boolean'
  ? boolean
  : S['unit'] extends 'choice'
    ? NonNullable<S['choices']>[number]
    : S['unit'] extends 'readers'
      ? number | 'auto'
      : S['fallback'] extends number
        ? number
        : number | undefined
/** The value of every setting; bytes and milliseconds as numbers. */
export type Settings = { -readonly [K in SettingName]: SettingValue<(typeof SETTINGS)[K]> }

/** Older and other names of settings. */
export const ALIASES: Readonly<Record<string, SettingName>> = {
  'max.bytes': 'max.size',
  'max.time': 'max.query.time',
  'max.zero.polls': 'max.idle.time',
}

/** Names that SET knows and does not take, and why. */
export const REFUSED: Readonly<Record<string, string>> = {
  'max.concurrent.queries': "It is a limit of the server; change it in the server's configuration.",
  'max.concurrent.queries.per.user': "It is a limit of the server; change it in the server's configuration.",
  _ktype: 'Formats belong to the topic; see DESCRIBE TABLE.',
  _vtype: 'Formats belong to the topic; see DESCRIBE TABLE.',
  'group.id': 'Sluice never joins a consumer group.',
  'enable.auto.commit': 'Sluice never commits offsets.',
  'auto.offset.reset': 'A query reads from the start of each partition; bound it with _meta.offset or _meta.timestamp.',
  'bootstrap.servers': 'The cluster belongs to the environment in the path.',
}

/** Kafka consumer settings that users pass along and that mean nothing to this reader: taken and ignored. */
export const CONSUMER: ReadonlySet<string> = new Set([
  'max.poll.records',
  'max.poll.interval.ms',
  'fetch.min.bytes',
  'fetch.max.wait.ms',
  'max.partition.fetch.bytes',
  'receive.buffer.bytes',
  'send.buffer.bytes',
  'session.timeout.ms',
  'heartbeat.interval.ms',
  'request.timeout.ms',
  'default.api.timeout.ms',
  'retry.backoff.ms',
  'reconnect.backoff.ms',
  'check.crcs',
  'client.id',
  'metadata.max.age.ms',
])

/**
 * The built-in defaults overlaid with the server's own (`lenses.sql.settings.*`). A value of the server's that does not
 * fit is an Error that names it; one that is above a maximum becomes that.
 */
export function defaultSettings(
  overrides: Readonly<Record<string, number | boolean | string>> = {},
  maxima: Maxima = {},
): Settings {
  const settings = Object.fromEntries(Object.entries(SETTINGS).map(([name, s]) => [name, s.fallback])) as Settings
  for (const [name, value] of Object.entries(overrides)) {
    const known = settingName(name)
    if (known === undefined) throw new Error(`Unknown setting "${name}" among the server's defaults.`)
    const parsed = parseValue(SETTINGS[known], String(value))
    if (isAbove(SETTINGS[known], parsed))
      throw new Error(`The server's default for "${name}" is ${atMost(SETTINGS[known])}, not "${value}".`)
    if (parsed === undefined)
      throw new Error(`The server's default for "${name}" must be ${expected(SETTINGS[known])}, not "${value}".`)
    assign(settings, known, parsed)
  }
  for (const name of LIMITABLE) {
    const [value, most] = [settings[name], maxima[name]?.value]
    if (most !== undefined && typeof value === 'number' && value > most) assign(settings, name, most)
  }
  return settings
}

/** `value`: what `parseValue` made of a text for this setting. */
function assign(settings: Settings, name: SettingName, value: number | boolean | string): void {
  Object.assign(settings, { [name]: value })
}

function settingName(name: string): SettingName | undefined {
  const lower = name.toLowerCase()
  const known = Object.hasOwn(ALIASES, lower) ? ALIASES[lower] : lower
  return Object.hasOwn(SETTINGS, known) ? (known as SettingName) : undefined
}

/**
 * Carries out one SET on `settings`, as far as `maxima` allow. Gives the setting, undefined where it is one that is
 * ignored.
 */
export function applySet(settings: Settings, statement: SetStatement, maxima: Maxima = {}): SettingName | undefined {
  const lower = statement.name.toLowerCase().replace(/^lenses\.sql\.settings\./, '')
  const known = settingName(lower)
  if (known === undefined) {
    const refusal = Object.hasOwn(REFUSED, lower) ? REFUSED[lower] : undefined
    if (refusal !== undefined)
      throw new SqlError('SETTING', `SET cannot change "${statement.name}".`, statement.nameSpan, refusal)
    if (CONSUMER.has(lower)) return undefined
    throw new SqlError(
      'SETTING',
      `Unknown setting "${statement.name}".`,
      statement.nameSpan,
      didYouMean(lower, Object.keys(SETTINGS)) ?? 'SHOW SETTINGS lists all of them.',
    )
  }
  const setting: Setting = SETTINGS[known]
  const value = parseValue(setting, statement.value)
  if (isAbove(setting, value))
    throw new SqlError(
      'SETTING',
      `"${statement.name}" is ${atMost(setting)}, not "${statement.value}".`,
      statement.valueSpan,
    )
  if (value === undefined)
    throw new SqlError(
      'SETTING',
      `"${statement.name}" takes ${expected(setting)}, not "${statement.value}".`,
      statement.valueSpan,
    )
  const allowed = maxima[known]
  if (allowed !== undefined && typeof value === 'number' && value > allowed.value)
    throw new SqlError(
      'SETTING',
      `"${statement.name}" is ${shownValue(allowed.value, setting.unit)} at most, not "${statement.value}": that is the maximum in the limits ${allowed.whose}.`,
      statement.valueSpan,
      'Whoever looks after the server can raise it in the configuration.',
    )
  assign(settings, known, value)
  return known
}

/** What a query without an end keeps to only where it was asked for, or where an administrator says so. */
const ENDING = ['max.query.time', 'max.size', 'max.processor.time'] as const satisfies readonly SettingName[]

/**
 * The settings of a query that follows. Their defaults would end it: those of `ENDING` hold where a statement has `set`
 * them, else at the administrator's maximum, else not at all (Infinity). Silence never ends it.
 */
export function followingSettings(settings: Settings, set: ReadonlySet<SettingName>, maxima: Maxima = {}): Settings {
  const unbounded = ENDING.filter((name) => !set.has(name)).map((name) => [
    name,
    maxima[name]?.value ?? Number.POSITIVE_INFINITY,
  ])
  return { ...settings, ...Object.fromEntries(unbounded), 'max.idle.time': Number.POSITIVE_INFINITY }
}

/**
 * Whether a value is one that the setting would take if it were smaller. The range of digits is small: the error
 * for a wrong number of them names the whole range.
 */
function isAbove(setting: Setting, value: number | boolean | string | undefined): boolean {
  return setting.max !== undefined && setting.unit !== 'digits' && typeof value === 'number' && value > setting.max
}

function atMost(setting: Setting): string {
  return `${shownValue(setting.max, setting.unit)} at most`
}

function expected(setting: Setting): string {
  switch (setting.unit) {
    case 'size':
      return 'a size such as 1024, 1024k, 10m or 5g'
    case 'duration':
      return 'a time such as 2000ms, 60s, 10m or 2h'
    case 'boolean':
      return 'true or false'
    case 'choice':
      return (setting.choices ?? []).join(' or ')
    case 'count':
      return 'a whole number above 0'
    case 'readers':
      return 'a whole number above 0 or auto'
    case 'digits':
      return `a whole number from 0 to ${setting.max}`
  }
}

/** As one would write it: `209715200` → `200m`, `3600000` → `1h`. */
export function shownValue(value: number | boolean | string | undefined, unit: Unit): string {
  if (value === undefined) return 'unset'
  if (typeof value !== 'number') return String(value)
  if (unit === 'size') {
    if (value % (1024 * GIB) === 0) return `${value / (1024 * GIB)}t`
    return value % MIB === 0 ? (value > GIB ? `${value / GIB}g` : `${value / MIB}m`) : String(value)
  }
  if (unit === 'duration')
    return value % DAY === 0
      ? `${value / DAY}d`
      : value % 3_600_000 === 0
        ? `${value / 3_600_000}h`
        : `${value / 1000}s`
  return String(value)
}

const SIZE: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  m: MIB,
  mb: MIB,
  g: 1024 * MIB,
  gb: 1024 * MIB,
  t: 1024 * 1024 * MIB,
  tb: 1024 * 1024 * MIB,
}
const TIME: Readonly<Record<string, number>> = {
  '': 1,
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const ONES: Readonly<Record<string, number>> = { '': 1 }

function parseValue(setting: Setting, text: string): number | boolean | string | undefined {
  const t = text.trim().toLowerCase()
  if (setting.unit === 'boolean') return t === 'true' ? true : t === 'false' ? false : undefined
  if (setting.unit === 'readers' && t === 'auto') return t
  if (setting.unit === 'choice') return setting.choices?.includes(t) ? t : undefined
  const m = /^(\d{1,15}(?:\.\d{1,3})?)\s*([a-z]*)$/.exec(t)
  if (m === null) return undefined
  const units = setting.unit === 'size' ? SIZE : setting.unit === 'duration' ? TIME : ONES
  const scale = Object.hasOwn(units, m[2]) ? units[m[2]] : undefined
  if (scale === undefined) return undefined
  const value = Number(m[1]) * scale
  const most = setting.unit === 'digits' ? setting.max : undefined
  return Number.isInteger(value) && value >= (setting.min ?? 1) && value <= (most ?? value) ? value : undefined
}
