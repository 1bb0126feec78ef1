/**
 * Whether the log at the leader that a partition has now is the one that was read of it so far (KIP-320). A replica that
 * was not in sync may become the leader (an unclean election): the log ends earlier then, and may have grown again
 * beyond the place that is read. Asks that leader; reads no log.
 */
import type { Broker, TopicMetadata } from './answers.ts'
import type { Cluster } from './cluster.ts'
import { brokerError, cutOff, ERROR, leftOut } from './errors.ts'
import { KafkaError } from './log.ts'
import type { Segment } from './read/segment.ts'
import { type ApiRange, isFlexible } from './wire/connection.ts'
import { API, type WireReader, type WireWriter } from './wire/primitives.ts'

const OFFSET_FOR_LEADER_EPOCH: ApiRange = {
  api: API.offsetForLeaderEpoch,
  name: 'OffsetForLeaderEpoch',
  lowest: 2,
  highest: 4,
  flexible: 4,
}

/** Where a segment can be read on: at the leader of its partition, or not yet. */
export type Place =
  | { readonly segment: Segment; readonly leader: Broker; readonly leaderEpoch: number; readonly trouble: undefined }
  | { readonly segment: Segment; readonly leader: undefined; readonly leaderEpoch: -1; readonly trouble: KafkaError }

/** How far a partition has been read, and by whom it is led now. */
interface ReadSoFar {
  readonly partition: number
  readonly leader: Broker
  readonly leaderEpoch: number
  /** Batches were taken up to this offset (exclusive), the last of them of this leader epoch. */
  readonly offset: number
  readonly epoch: number
}

interface EpochEnd {
  readonly partition: number
  readonly code: number
  /** The epoch asked for, or the last one before it that the log has; -1 when the leader does not know. */
  readonly epoch: number
  /** Where it ends, exclusive. */
  readonly end: number
}

/** Where the leader cannot say it: the log goes on as if it had said that nothing was cut. */
const SAYS_NOTHING: ReadonlySet<number> = new Set([
  ERROR.topicAuthorizationFailed,
  ERROR.clusterAuthorizationFailed,
  ERROR.unsupportedVersion,
  ERROR.unsupportedForMessageFormat,
])

/**
 * Where segments are to be read on, as `topic` describes it. Rejects with LOG_TRUNCATED where a leader has not what was
 * read before. A broker that does not offer the question, or does not know the epoch, is believed to have cut nothing.
 */
export async function placesNow(
  cluster: Cluster,
  topic: TopicMetadata,
  segments: readonly Segment[],
  signal: AbortSignal,
): Promise<Place[]> {
  const led = new Map(topic.partitions.map((entry) => [entry.partition, entry]))
  const others = new Map<number, ReadSoFar>()
  const found = segments.map((segment) => {
    const { partition, progress } = segment
    const { leader: id = -1, leaderEpoch = -1 } = led.get(partition) ?? {}
    const leader = cluster.leader(id)
    if (leader !== undefined && segment.leaderEpoch !== leaderEpoch) {
      // What other places of the partition still get from the leader before is refused from now on.
      progress.leaderEpoch = leaderEpoch
      const { taken } = progress
      if (taken !== undefined) others.set(partition, { partition, leader, leaderEpoch, ...taken })
    }
    return { segment, leader, leaderEpoch }
  })
  const troubles = await notReadOn(cluster, topic.name, [...others.values()], signal)
  return found.map(({ segment, leader, leaderEpoch }): Place => {
    const { partition } = segment
    const trouble =
      leader === undefined
        ? brokerError(ERROR.leaderNotAvailable, `Reading "${topic.name}" partition ${partition}`)
        : troubles.get(partition)
    if (leader !== undefined && trouble === undefined) return { segment, leader, leaderEpoch, trouble }
    if (trouble?.retriable !== true) throw trouble
    return { segment, leader: undefined, leaderEpoch: -1, trouble }
  })
}

/** The partitions that cannot be read on where they are led now, each with the reason. */
async function notReadOn(
  cluster: Cluster,
  topic: string,
  parts: readonly ReadSoFar[],
  signal: AbortSignal,
): Promise<Map<number, KafkaError>> {
  const troubles = new Map<number, KafkaError>()
  await Promise.all(
    [...Map.groupBy(parts, (part) => part.leader)].map(async ([leader, led]) => {
      try {
        const ends = new Map((await epochEnds(cluster, leader, topic, led, signal)).map((end) => [end.partition, end]))
        for (const part of led) {
          const trouble = judged(topic, part, ends.get(part.partition))
          if (trouble !== undefined) troubles.set(part.partition, trouble)
        }
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error
        if (!SAYS_NOTHING.has(error.code)) for (const { partition } of led) troubles.set(partition, error)
      }
    }),
  )
  return troubles
}

function judged(topic: string, part: ReadSoFar, found: EpochEnd | undefined): KafkaError | undefined {
  const where = `Leader epochs of "${topic}" partition ${part.partition}`
  if (found === undefined) return leftOut(where)
  if (SAYS_NOTHING.has(found.code)) return undefined
  if (found.code !== 0) return brokerError(found.code, where)
  if (found.epoch < 0 || found.end < 0) return undefined
  // The log has another epoch where that one was: it went another way before.
  const isCut = found.end < part.offset || found.epoch < part.epoch
  return isCut ? cutOff(topic, part.partition, Math.min(found.end, part.offset), part.offset) : undefined
}

async function epochEnds(
  cluster: Cluster,
  leader: Broker,
  topic: string,
  parts: readonly ReadSoFar[],
  signal: AbortSignal,
): Promise<EpochEnd[]> {
  const connection = await cluster.lend(leader, signal)
  const close = () => connection.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    return await connection.call(
      OFFSET_FOR_LEADER_EPOCH,
      (writer, version) => writeQuestion(writer, version, topic, parts),
      readEnds,
    )
  } finally {
    signal.removeEventListener('abort', close)
    cluster.release(connection)
  }
}

function writeQuestion(writer: WireWriter, version: number, topic: string, parts: readonly ReadSoFar[]): void {
  const flexible = isFlexible(OFFSET_FOR_LEADER_EPOCH, version)
  const part = ({ partition, leaderEpoch, epoch }: ReadSoFar): void => {
    writer.int32(partition).int32(leaderEpoch).int32(epoch)
    if (flexible) writer.tags()
  }
  if (version >= 3) writer.int32(-1)
  if (flexible) writer.uvarint(2).compactString(topic).compactArray(parts, part).tags().tags()
  else writer.int32(1).string(topic).array(parts, part)
}

function readEnds(reader: WireReader, version: number): EpochEnd[] {
  const flexible = isFlexible(OFFSET_FOR_LEADER_EPOCH, version)
  const array = <T>(each: () => T): T[] => (flexible ? reader.compactArray(each) : reader.array(each))
  reader.int32()
  const topics = array(() => {
    if (flexible) reader.compactString()
    else reader.string()
    const ends = array(() => {
      const code = reader.int16()
      const end = { code, partition: reader.int32(), epoch: reader.int32(), end: reader.long() }
      if (flexible) reader.tags()
      return end
    })
    if (flexible) reader.tags()
    return ends
  })
  if (flexible) reader.tags()
  return topics.flat()
}
