/** What the server says of a topic, as data, and how the page words it: formats and why, retention, sizes, rates. */
import { shortBytes } from '../explorer/topics.ts'

/** A type as the server writes it; `text` is its name. `cut`: not all fields are listed. */
export interface TypeTree {
  readonly kind: string
  readonly text: string
  readonly element?: TypeTree
  readonly value?: TypeTree
  readonly fields?: readonly FieldTree[]
  readonly cut?: boolean
}
export interface FieldTree {
  readonly name: string
  readonly nullable: boolean
  readonly doc?: string
  readonly type: TypeTree
}

/** How keys, or values, are written. `schema` is its text, where there is one. */
export interface FacetDetails {
  readonly format: string
  readonly origin: 'configured' | 'declared' | 'registry' | 'sampled' | 'default'
  readonly detail: string
  readonly unreadable: string | null
  readonly type: TypeTree
  readonly schema: string | null
}

/** `bytes` null: Kafka does not tell. Offsets are whole numbers within ±2⁵³. */
export interface PartitionDetails {
  readonly partition: number
  readonly begin: number
  readonly end: number
  readonly leader: number | null
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
  readonly bytes: number | null
}

/** `GET /api/v1/kafka/topics/{topic}/details`. */
export interface TopicDetails {
  readonly name: string
  readonly description: string | null
  readonly tags: readonly { readonly name: string }[]
  readonly key: FacetDetails
  readonly value: FacetDetails
  readonly isCompacted: boolean
  readonly timestamps: string
  readonly rights: readonly string[]
  readonly bytes: number | null
  readonly partitions: readonly PartitionDetails[]
}

/** A setting of a topic. */
export interface Setting {
  readonly name: string
  readonly value: string
  readonly isDefault: boolean
}

/** The parts of `GET /api/topics/{topic}` that the page shows. */
export interface TopicState {
  readonly messagesPerSecond: number
  readonly config: readonly Setting[]
}

/** One place of a group: `GET /api/consumers/{topic}`. */
export interface GroupPlace {
  readonly partition: number
  readonly currentOffset: number | null
  readonly longEndOffset: number | null
  readonly lag: number | null
  readonly clientId: string
  readonly clientHost: string
}
export interface Group {
  readonly id: string
  readonly state: string
  readonly consumersCount: number
  readonly maxLag: number | null
  readonly consumers: readonly GroupPlace[]
}

const ORIGINS: Readonly<Record<FacetDetails['origin'], string>> = {
  configured: 'said by the configuration',
  declared: 'said by CREATE TABLE',
  registry: 'known from the schema registry',
  sampled: 'seen in records',
  default: 'a default, as nothing says otherwise',
}

/** Why a format is known, in one sentence. */
export function whyFormat({ origin, detail, unreadable }: FacetDetails): string {
  // The registry's detail is a sentence of its own.
  const known = detail === '' ? ORIGINS[origin] : origin === 'registry' ? detail : `${ORIGINS[origin]}: ${detail}`
  return unreadable === null ? known : `${known}. ${unreadable}`
}

/** Records between the ends of all partitions: compaction and transactions make the real number smaller. */
export function recordsIn(partitions: readonly PartitionDetails[]): number {
  return partitions.reduce((sum, { begin, end }) => sum + end - begin, 0)
}

/** Lag of a group over all partitions; null where it is not known of any. */
export function lagOf({ consumers }: Group): number | null {
  const known = consumers.flatMap(({ lag }) => (lag === null ? [] : [lag]))
  return known.length === 0 ? null : known.reduce((sum, lag) => sum + lag, 0)
}

/** What keeps the records: `7 days`, `7 days or 256 MB a partition`, `forever`. Empty where the settings are not known. */
export function retentionText(config: readonly Setting[]): string {
  const value = (name: string): number | undefined => {
    const text = config.find((setting) => setting.name === name)?.value
    return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text)
  }
  const [ms, bytes] = [value('retention.ms'), value('retention.bytes')]
  if (ms === undefined && bytes === undefined) return ''
  const parts = [
    ...(ms === undefined || ms < 0 ? [] : [durationText(ms)]),
    ...(bytes === undefined || bytes < 0 ? [] : [`${shortBytes(bytes)} a partition`]),
  ]
  return parts.length === 0 ? 'forever' : parts.join(' or ')
}

/** `7 days`, `1 hour`, `90 s`: in the largest unit that leaves no rest. */
export function durationText(ms: number): string {
  const units: readonly [number, string][] = [
    [86_400_000, 'day'],
    [3_600_000, 'hour'],
    [60_000, 'minute'],
    [1000, 'second'],
  ]
  for (const [unit, name] of units)
    if (ms >= unit && ms % unit === 0) return `${(ms / unit).toLocaleString('en')} ${name}${ms === unit ? '' : 's'}`
  return `${ms.toLocaleString('en')} ms`
}

/** Partitions whose replicas are not all in sync, or that have no leader. */
export function inTrouble(partitions: readonly PartitionDetails[]): readonly PartitionDetails[] {
  return partitions.filter(({ leader, replicas, inSync }) => leader === null || inSync.length < replicas.length)
}
