/** Asks the server for one record, with a query of its own. */
import { connect } from '../../client/connect.ts'
import { readFrame } from '../rows/frames.ts'
import { serverUrl } from '../session/server.ts'
import { studio } from '../store.ts'

/** The data of the first row as JSON, `missing` without one. Rejects with the server's words. */
export async function firstRow(sql: string, signal: AbortSignal): Promise<string | 'missing'> {
  const { environment } = studio.get()
  const query = connect({ url: serverUrl(), environment }).query(sql, { signal })
  for await (const text of query.texts()) {
    const frame = readFrame(text)
    if (frame.type === 'RECORD') return frame.data
    if (frame.type === 'ERROR') throw new Error(frame.message)
    if (frame.type === 'BADRECORD') throw new Error(refusal(frame.place))
  }
  return 'missing'
}

function refusal({ frameBytes, limit }: { readonly frameBytes?: number; readonly limit?: string }): string {
  if (frameBytes === undefined) return 'The record cannot be read.'
  const size = `about ${frameBytes.toLocaleString('en')} bytes`
  return `It is larger (${size}) than one message of the server may be (${limit}). Select some of its fields instead.`
}
