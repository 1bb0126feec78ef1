/**
 * The settings that SET can change for the rest of a request: names, aliases, units, defaults, refusals. Nothing here touches Kafka.
 * Source: the dialect reference, section 5; defaults as in the specification's STATS sample where it shows one.
 */
import { didYouMean } from '../lib/suggest.ts'
import type { SetStatement } from '../sql/ast.ts'
import { SqlError } from '../sql/error.ts'

type Unit = 'size' | 'duration' | 'boolean' | 'count' | 'digits' | 'choice'

interface Setting {
  readonly unit: Unit
  readonly fallback: number | boolean | string | undefined
  readonly choices?: readonly string[]
  /** Smallest value taken; default 1 for sizes, durations and counts. */
  readonly min?: number
  readonly meaning: string
}

const MIB = 1024 * 1024

export const SETTINGS = {
  'max.size': { unit: 'size', fallback: 200 * MIB, meaning: 'bytes of Kafka data that a query may read' },
  'max.query.time': { unit: 'duration', fallback: 3_600_000, meaning: 'longest run of a query' },
  'max.idle.time': { unit: 'duration', fallback: 20_000, meaning: 'longest wait for the next record' },
  'skip.bad.records': { unit: 'boolean', fallback: true, meaning: 'false: the first record that cannot be read ends the query' },
  'show.bad.records': { unit: 'boolean', fallback: true, meaning: 'send a BADRECORD for each record that cannot be read' },
  'validate.records': { unit: 'boolean', fallback: false, meaning: 'read every record whole, also past the last wanted field' },
  'format.timestamp': { unit: 'boolean', fallback: true, meaning: 'dates and times as text; false: as the stored number' },
  'format.decimal': { unit: 'digits', fallback: undefined, min: 0, meaning: 'digits after the point of decimals; unset: all of them' },
  'format.uuid': { unit: 'boolean', fallback: true, meaning: 'uuids as text' },
  'live.aggs': { unit: 'boolean', fallback: true, meaning: 'may aggregations run' },
  'max.group.records': { unit: 'count', fallback: 10_000_000, meaning: 'groups that one aggregation may hold' },
  'max.group.bytes': { unit: 'size', fallback: 1024 * MIB, meaning: 'bytes that the texts of group keys may take' },
  'max.collect.bytes': { unit: 'size', fallback: 64 * MIB, meaning: 'bytes that the values of array aggregates may take' },
  'max.join.bytes': { unit: 'size', fallback: 256 * MIB, meaning: 'bytes that joins, set operations and correlated subqueries may hold' },
  'max.sort.bytes': { unit: 'size', fallback: 64 * MIB, meaning: 'bytes that ORDER BY may hold' },
  'max.sources': { unit: 'count', fallback: 64, meaning: 'topics that one statement may read, each counted wherever it is named' },
  'max.pattern.topics': { unit: 'count', fallback: 100, meaning: 'topics that a pattern in FROM may stand for' },
  'optimize.kafka.partition': {
    unit: 'boolean',
    fallback: false,
    meaning:
      'read only the partition that the default partitioner of Java gives to `_key = literal`; for topics whose producers all use it, and that never got partitions',
  },
  'query.parallel': { unit: 'count', fallback: 1, meaning: 'accepted for compatibility; Sluice decides how many connections read' },
  'query.buffer': { unit: 'count', fallback: 5000, meaning: 'accepted for compatibility; buffers are bounded in bytes' },
  'kafka.offset.timeout': { unit: 'duration', fallback: 10_000, meaning: 'longest wait for the bounds of the partitions' },
  'kafka.offset.batch.size': { unit: 'count', fallback: undefined, meaning: 'accepted for compatibility; bounds are asked for once per broker' },
  'isolation.level': {
    unit: 'choice',
    fallback: 'read_committed',
    choices: ['read_committed', 'read_uncommitted'],
    meaning: 'are records of open and aborted transactions left out',
  },
  'fetch.max.bytes': { unit: 'size', fallback: 2 * MIB, min: 1024, meaning: 'largest answer asked of a broker' },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof SETTINGS
/** What a setting holds, by its unit: bytes, milliseconds, a count, true or false, one of its choices; nothing where it has no default. */
type SettingValue<S extends Setting> = S['unit'] extends 'boolean'
  ? boolean
  : S['unit'] extends 'choice'
    ? NonNullable<S['choices']>[number]
    : S['fallback'] extends number
      ? number
      : number | undefined
export type Settings = { -readonly [K in SettingName]: SettingValue<(typeof SETTINGS)[K]> }

/** Older and other names of settings. */
export const ALIASES: Readonly<Record<string, SettingName>> = { 'max.bytes': 'max.size', 'max.time': 'max.query.time', 'max.zero.polls': 'max.idle.time' }

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

/** Kafka consumer settings that people pass along and that mean nothing to this reader: taken and ignored. */
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

/** The built-in defaults overlaid with the server's own (`lenses.sql.settings.*`). A value of the server's that does not fit is an Error that names it. */
export function defaultSettings(overrides: Readonly<Record<string, number | boolean | string>> = {}): Settings {
  const settings = Object.fromEntries(Object.entries(SETTINGS).map(([name, s]) => [name, s.fallback])) as Settings
  for (const [name, value] of Object.entries(overrides)) {
    const known = settingName(name)
    if (known === undefined) throw new Error(`Unknown setting "${name}" among the server's defaults.`)
    const parsed = parseValue(SETTINGS[known], String(value))
    if (parsed === undefined) throw new Error(`The server's default for "${name}" must be ${expected(SETTINGS[known])}, not "${value}".`)
    assign(settings, known, parsed)
  }
  return settings
}

/** `value`: what `parseValue` made of a text for this setting. */
function assign(settings: Settings, name: SettingName, value: number | boolean | string): void {
  Object.assign(settings, { [name]: value })
}

function settingName(name: string): SettingName | undefined {
  const lower = name.toLowerCase()
  const known = ALIASES[lower] ?? lower
  return Object.hasOwn(SETTINGS, known) ? (known as SettingName) : undefined
}

/** Carries out one SET on `settings`. */
export function applySet(settings: Settings, statement: SetStatement): void {
  const lower = statement.name.toLowerCase().replace(/^lenses\.sql\.settings\./, '')
  const known = settingName(lower)
  if (known === undefined) {
    const refusal = REFUSED[lower]
    if (refusal !== undefined) throw new SqlError('SETTING', `SET cannot change "${statement.name}".`, statement.nameSpan, refusal)
    if (CONSUMER.has(lower)) return
    throw new SqlError(
      'SETTING',
      `Unknown setting "${statement.name}".`,
      statement.nameSpan,
      didYouMean(lower, Object.keys(SETTINGS)) ?? 'SHOW SETTINGS lists all of them.',
    )
  }
  const setting: Setting = SETTINGS[known]
  const value = parseValue(setting, statement.value)
  if (value === undefined) throw new SqlError('SETTING', `"${statement.name}" takes ${expected(setting)}, not "${statement.value}".`, statement.valueSpan)
  assign(settings, known, value)
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
    case 'digits':
      return 'a whole number from 0 to 100'
  }
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
const TIME: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

function parseValue(setting: Setting, text: string): number | boolean | string | undefined {
  const t = text.trim().toLowerCase()
  if (setting.unit === 'boolean') return t === 'true' ? true : t === 'false' ? false : undefined
  if (setting.unit === 'choice') return setting.choices?.includes(t) ? t : undefined
  const m = /^(\d{1,15}(?:\.\d{1,3})?)\s*([a-z]*)$/.exec(t)
  if (m === null) return undefined
  const scale = setting.unit === 'size' ? SIZE[m[2]] : setting.unit === 'duration' ? TIME[m[2]] : m[2] === '' ? 1 : undefined
  if (scale === undefined) return undefined
  const value = Number(m[1]) * scale
  const max = setting.unit === 'digits' ? 100 : Number.MAX_SAFE_INTEGER
  return Number.isInteger(value) && value >= (setting.min ?? 1) && value <= max ? value : undefined
}
