/** Why a result is incomplete, as a sentence. */
import type { SentinelReason } from '../protocol/frames.ts'

/** A sentence that says which reading ended early, why, and how to read on. */
export function incompleteText(reason: SentinelReason): string {
  const why: Readonly<Record<string, string>> = {
    SCANNEDSIZE: `${reason.amount} bytes were read (max.size)`,
    IDLETIMEOUT: `no record came for ${reason.timeout} ms (max.idle.time)`,
    COMPLETIONTIMEOUT: `the query ran for ${reason.timeout} ms (max.query.time)`,
  }
  if (reason.type === 'LIMIT')
    return `The result is incomplete: it was cut at ${reason.amount} rows, as the query has no LIMIT. Write one to get more.`
  if (reason.type === 'LOST')
    return `The result is incomplete: ${reason.amount} records of ${reason.source} were deleted while the query ran, before they were read (${reason.places}).`
  if (reason.type === 'UNHEARD') return `The result is incomplete. ${reason.missing}`
  if (reason.type === 'UNCOUNTED')
    return `Flink passed over the records of ${reason.source} that cannot be read, if there are any, and did not count them.`
  return `The result is incomplete: ${reason.source} was not read to its end, because ${why[reason.type] ?? reason.type}.${reason.resume === undefined ? '' : ` Read on with: WHERE ${reason.resume}`}`
}
