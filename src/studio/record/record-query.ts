/** Asks the server for one record, with a query of its own; for a large one by an export, as a file has no largest message. */
import { connect } from '../../client/connect.ts'
import { readFrame } from '../rows/frames.ts'
import { lookAfterFailure } from '../session/ended.ts'
import { behind, restText, serverUrl } from '../session/server.ts'
import { studio } from '../store.ts'

/** The data of the first row as JSON, `missing` without one. Rejects with the server's words. */
export async function firstRow(sql: string, signal: AbortSignal): Promise<string | 'missing'> {
  const { environment } = studio.get()
  const query = connect({ url: serverUrl(), environment }).query(sql, { signal })
  try {
    for await (const text of query.texts()) {
      const frame = readFrame(text)
      if (frame.type === 'RECORD') return frame.data
      if (frame.type === 'ERROR') throw new Error(frame.message)
      if (frame.type === 'BADRECORD') throw new Error(refusal(frame.place))
    }
  } catch (cause) {
    lookAfterFailure(cause)
    throw cause
  }
  return 'missing'
}

/** The first row as a JSON object, however large it is; `missing` without one. Rejects with the server's words. */
export async function wholeRow(sql: string): Promise<string | 'missing'> {
  const { environment = '' } = studio.get()
  const body = JSON.stringify({ sql, format: 'ndjson', outcome: 'always' })
  const text = await restText(behind(environment, 'api/v1/sql/export'), { method: 'POST', body })
  const [row, outcome = row] = text.trimEnd().split('\n')
  const { $sluice: said } = JSON.parse(outcome) as { $sluice?: { error?: string } }
  if (said?.error !== undefined) throw new Error(said.error)
  return outcome === row ? 'missing' : row
}

function refusal({ frameBytes, limit }: { readonly frameBytes?: number; readonly limit?: string }): string {
  if (frameBytes === undefined) return 'The record cannot be read.'
  const size = `about ${frameBytes.toLocaleString('en')} bytes`
  return `It is larger (${size}) than one message of the server may be (${limit}). Select some of its fields instead.`
}
