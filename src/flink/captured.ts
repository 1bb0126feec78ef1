/**
 * What becomes of captured offsets while a job of Flink reads them. Flink waits for the end of a partition that is not
 * there any more, and goes on without a word behind records that were deleted before it came to them.
 */
import { there } from '../lib/assert.ts'
import { systemClock, sleep } from '../lib/clock.ts'
import { KafkaError, type KafkaLog, type OffsetRange } from '../kafka/log.ts'
import type { Settings } from '../plan/settings.ts'
import { SqlError } from '../sql/error.ts'
import type { FlinkTable } from './translate/records/tables.ts'

const LOOK_AGAIN_MS = 5000

interface Asking {
  readonly log: KafkaLog
  readonly settings: Settings
  readonly signal: AbortSignal
}

/**
 * Looks every few seconds until `signal` is aborted. Calls `gone` with the error for the user, once, where a captured end
 * is not there any more.
 */
export async function watchEnds(
  tables: readonly FlinkTable[],
  asking: Asking,
  gone: (error: SqlError) => void,
): Promise<void> {
  const { signal } = asking
  while (!signal.aborted) {
    await sleep(systemClock, LOOK_AGAIN_MS, signal).catch(() => undefined)
    for (const table of tables) {
      // Where Kafka does not answer now, that is no reason to end a job that reads it.
      const error = await boundsNow(table, asking).then(
        () => undefined,
        (cause: unknown) => cause,
      )
      if (signal.aborted) return
      if (error instanceof SqlError) return gone(error)
    }
  }
}

/**
 * Captured offsets that were deleted meanwhile, perhaps before they were read. Rejects where Kafka does not say, and with
 * an error for the user where the topic is not there any more.
 */
export async function deletedMeanwhile(table: FlinkTable, asking: Asking): Promise<OffsetRange[]> {
  const bounds = await boundsNow(table, asking)
  return bounds.flatMap(({ partition, start, end, now }) =>
    now.start > start ? [{ partition, start, end: Math.min(now.start, end) }] : [],
  )
}

/** What is wanted of each partition, and where it begins and ends now. */
async function boundsNow({ scan: { table }, hulls }: FlinkTable, { log, settings, signal }: Asking) {
  const wanted = hulls.filter(({ start, end }) => start < end)
  if (wanted.length === 0) return []
  const error = (what: string): SqlError =>
    new SqlError(
      'VALUE',
      `The topic ${JSON.stringify(table.name)} ${what} while Flink read it.`,
      undefined,
      'Ask again.',
    )
  const partitions = wanted.map(({ partition }) => partition)
  const found = await log
    .bounds(table.topic, partitions, {
      isolation: settings['isolation.level'],
      timeoutMs: settings['kafka.offset.timeout'],
      signal,
      topicId: table.topicId,
    })
    .catch((cause: unknown) => {
      if (!(cause instanceof KafkaError)) throw cause
      if (cause.errorName.startsWith('UNKNOWN_TOPIC')) throw error('was deleted')
      throw cause.errorName === 'TOPIC_MADE_ANEW' ? error('was deleted and created again') : cause
    })
  const of = new Map(found.map((range) => [range.partition, range]))
  return wanted.map((range) => {
    const { partition, end } = range
    const now = there(of.get(partition), 'bounds of all that were asked for')
    if (now.end < end)
      throw error(`was made anew or cut off (partition ${partition} ended at ${end}, and ends at ${now.end} now)`)
    return { ...range, now }
  })
}
