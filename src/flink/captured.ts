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
      const error = await endError(table, asking).catch(() => undefined)
      if (signal.aborted) return
      if (error !== undefined) return gone(error)
    }
  }
}

async function endError(table: FlinkTable, asking: Asking): Promise<SqlError | undefined> {
  const { name } = table.scan.table
  const error = (what: string): SqlError =>
    new SqlError('VALUE', `The topic ${JSON.stringify(name)} ${what} while Flink read it.`, undefined, 'Ask again.')
  try {
    for (const { partition, end, now } of await boundsNow(table, asking))
      if (now.end < end)
        return error(`was made anew or cut off (partition ${partition} ended at ${end}, and ends at ${now.end} now)`)
  } catch (cause) {
    if (cause instanceof KafkaError && cause.errorName.startsWith('UNKNOWN_TOPIC')) return error('was deleted')
    throw cause
  }
  return undefined
}

/** Captured offsets that were deleted meanwhile, perhaps before they were read. Rejects where Kafka does not say. */
export async function deletedMeanwhile(table: FlinkTable, asking: Asking): Promise<OffsetRange[]> {
  const bounds = await boundsNow(table, asking)
  return bounds.flatMap(({ partition, start, end, now }) =>
    now.start > start ? [{ partition, start, end: Math.min(now.start, end) }] : [],
  )
}

/** What is wanted of each partition, and where it begins and ends now. */
async function boundsNow(table: FlinkTable, { log, settings, signal }: Asking) {
  const wanted = table.hulls.filter(({ start, end }) => start < end)
  if (wanted.length === 0) return []
  const partitions = wanted.map(({ partition }) => partition)
  const found = await log.bounds(table.scan.table.topic, partitions, {
    isolation: settings['isolation.level'],
    timeoutMs: settings['kafka.offset.timeout'],
    signal,
  })
  const of = new Map(found.map((range) => [range.partition, range]))
  return wanted.map((range) => ({ ...range, now: there(of.get(range.partition), 'bounds of all that were asked for') }))
}
