/** Asks whether another engine is to run a statement, and reads bytes of a few records to price it. */
import type { KafkaLog } from '../../kafka/log.ts'
import { TIMED_OUT, wakefulClock, within } from '../../lib/clock.ts'
import { dividesJson } from '../../plan/divides-json.ts'
import { scansOf } from '../../plan/inputs.ts'
import type { Output, Scan } from '../../plan/plan.ts'
import type { Settings } from '../../plan/settings.ts'
import { SqlError } from '../../sql/error.ts'
import type { StatementContext } from '../context.ts'
import { GivenBackError, type HandedOver, type HandOverContext } from '../host.ts'
import { resolveRanges, type ScanRanges } from '../scan/ranges.ts'

/** The longest wait for the sample batch that bytes are estimated from. */
const SAMPLE_MS = 2000

/**
 * Runs a plan where the settings want it. What another engine gives back is run here where the choice was left to us,
 * and nothing of an answer has come.
 */
export async function runWhereWanted(
  given: Output,
  context: StatementContext,
  run: (plan: Output, handed: HandedOver | undefined) => Promise<void>,
  hasCome: () => boolean,
): Promise<void> {
  const handed = await within(handedOver(given, context), { signal: context.signal })
  if (handed === undefined) return run(given, undefined)
  const { settings, statistics } = context
  const { sources, badRecords } = statistics
  try {
    return await run(handed.plan, handed)
  } catch (cause) {
    if (settings.engine !== 'auto' || !(cause instanceof GivenBackError)) throw cause
    if (hasCome() || statistics.badRecords > badRecords) throw cause
  } finally {
    await handed.close()
  }
  statistics.forgetSources(sources)
  return run(given, undefined)
}

/** undefined: the statement is run here. Rejects with a SqlError where it was wanted elsewhere, and cannot be. */
async function handedOver(plan: Output, context: StatementContext): Promise<HandedOver | undefined> {
  const { settings, environment } = context
  const scans = scansOf(plan)
  if (settings.engine === 'sluice' || scans.length === 0) return undefined
  if (environment.other === undefined) {
    if (settings.engine === 'auto') return undefined
    throw new SqlError(
      'SETTING',
      'This environment has no other engine.',
      undefined,
      'SET engine = sluice, or name a SQL gateway of Apache Flink in the configuration (environments[].flink.gateway).',
    )
  }
  if (scans.some(({ follow }) => follow === true)) {
    if (settings.engine === 'auto') return undefined
    throw new SqlError(
      'UNSUPPORTED',
      'A query that follows its topics is not handed over to Flink.',
      undefined,
      'EXPLAIN FLINK STREAMING INSERT INTO target SELECT … gives it as a job.',
    )
  }
  return environment.other.handOver(plan, handOverContext(plan, context))
}

/** What a plan is handed over with. */
export function handOverContext(plan: Output, context: StatementContext): HandOverContext {
  const { settings, environment, statistics, signal } = context
  const { log } = environment
  return {
    settings,
    statistics,
    log,
    signal,
    ranges: (scan) =>
      resolveRanges(scan, log, {
        isolation: settings['isolation.level'],
        timeoutMs: settings['kafka.offset.timeout'],
        signal,
      }),
    bytesPerRecord: (scan, ranges) => bytesPerOffset(scan, ranges, { log, settings, signal }),
    dividesJson: context.functions.doubles === true || dividesJson(plan),
    keepsMarks: context.functions.doubles === true,
    deadline: context.startedMs + settings['max.query.time'],
    stages: context.stages,
  }
}

/** Stored bytes per offset, from the first batch of the first range; undefined where there is none. */
export async function bytesPerOffset(
  scan: Scan,
  resolved: ScanRanges,
  { log, settings, signal }: { readonly log: KafkaLog; readonly settings: Settings; readonly signal: AbortSignal },
): Promise<number | undefined> {
  const source = log.scan(
    {
      topic: scan.table.topic,
      topicId: scan.table.topicId,
      ranges: resolved.ranges.slice(0, 1),
      isolation: settings['isolation.level'],
      limit: 1,
    },
    signal,
  )
  try {
    const next = source.next()
    const batch = next instanceof Promise ? await within(next, { ms: SAMPLE_MS, clock: wakefulClock }) : next
    if (batch === undefined || batch === TIMED_OUT) return undefined
    const bytes = source.progress.reduce((n, p) => n + p.bytesRead, 0)
    return bytes / Math.max(1, batch.lastOffset - batch.baseOffset + 1)
  } finally {
    source.close()
  }
}
