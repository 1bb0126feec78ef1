/** Takes the messages of the server apart without making values of a row: what is shown stays text. */
import { memberText } from '../../lib/text/lossless-json.ts'
import type { RecordMetadata, SentinelReason, Stats } from '../../protocol/frames.ts'

/** A message as the worker needs it. `data` of a row is the text of its `data`. */
export type Frame =
  | { readonly type: 'RECORD'; readonly data: string; readonly rowId: string | undefined }
  | { readonly type: 'STATS'; readonly stats: Stats }
  | { readonly type: 'SENTINEL'; readonly reason: SentinelReason }
  | { readonly type: 'ERROR'; readonly message: string }
  | { readonly type: 'BADRECORD'; readonly place: RecordMetadata }
  | { readonly type: 'OTHER' }

const RECORD = '{"type":"RECORD","data":'
const ROW_ID = ',"rowId":"'

/** Reads one message. One that is not understood is OTHER. */
export function readFrame(text: string): Frame {
  if (text.startsWith(RECORD)) {
    const mark = text.lastIndexOf(ROW_ID)
    if (mark > 0)
      return {
        type: 'RECORD',
        data: text.slice(RECORD.length, mark),
        rowId: text.slice(mark + ROW_ID.length, text.indexOf('"', mark + ROW_ID.length)),
      }
    return { type: 'RECORD', data: memberText(text, 'data') ?? '{}', rowId: undefined }
  }
  // Counters of these frames are whole numbers that a double holds.
  const message = JSON.parse(text) as { type: string; data?: unknown }
  switch (message.type) {
    case 'STATS':
      return { type: 'STATS', stats: message.data as Stats }
    case 'SENTINEL':
      return { type: 'SENTINEL', reason: (message.data as { reason: SentinelReason }).reason }
    case 'ERROR':
      return { type: 'ERROR', message: String(message.data) }
    case 'BADRECORD':
      return { type: 'BADRECORD', place: (message.data as { metadata: RecordMetadata }).metadata }
    default:
      return { type: 'OTHER' }
  }
}
