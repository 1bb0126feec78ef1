/** A question whose rows are few and go to the page itself, beside the runs of tabs. Each is a query of its own. */
import { connect, IncompleteError } from '../../client/connect.ts'
import { lookAfterFailure } from './ended.ts'
import { serverUrl } from './server.ts'

/** `incomplete`: why rows are missing, in a sentence. */
export interface Answered<Row> {
  readonly rows: readonly Row[]
  readonly incomplete: string | undefined
}

/** Rejects with the server's words. Aborting ends the query. */
export async function ask<Row>(
  sql: string,
  { environment, signal }: { readonly environment: string | undefined; readonly signal?: AbortSignal },
): Promise<Answered<Row>> {
  const rows: Row[] = []
  try {
    for await (const row of connect({ url: serverUrl(), environment }).query(sql, { signal }).rows())
      rows.push(row as Row)
  } catch (cause) {
    if (cause instanceof IncompleteError) return { rows, incomplete: cause.message }
    lookAfterFailure(cause)
    throw cause
  }
  return { rows, incomplete: undefined }
}
