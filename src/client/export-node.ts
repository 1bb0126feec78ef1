/** Exports over HTTP from Node: the bytes of the file as they come, and the trailer that says what became of it. */
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** What is asked: `body` as `POST /api/v1/sql/export` takes it. */
export interface ExportRequest {
  /** `http://host:9991`, with the base path, if there is one. */
  readonly url: string
  readonly token: string
  readonly environment?: string
  readonly body: Readonly<Record<string, unknown>>
}

/** As the trailer says it; see docs/export.md. */
export interface ExportEnd {
  readonly outcome: 'complete' | 'limit' | 'error'
  readonly rows: number
  readonly error?: string
  readonly stops?: readonly { readonly limit: string; readonly source: string; readonly resume?: string }[]
}

/** An export that was refused, or that broke off. The message is for the user. */
export class ExportError extends Error {}

/**
 * Asks for an export and hands its bytes to `take`, which is waited for. Resolves with what became of it; rejects with
 * an `ExportError` when it was refused or the connection broke.
 */
export async function exportFrom(asked: ExportRequest, take: (chunk: Buffer) => Promise<void>): Promise<ExportEnd> {
  const response = await answerTo(asked)
  if (response.statusCode !== 200) throw new ExportError(refusalOf(response.statusCode ?? 0, await textOf(response)))
  // A file may be empty, and is a file all the same.
  await take(Buffer.alloc(0))
  let taking = false
  try {
    for await (const chunk of response) {
      taking = true
      await take(chunk as Buffer)
      taking = false
    }
  } catch (cause) {
    if (taking) throw cause
    throw new ExportError('The connection broke before the file was complete.')
  }
  const said = response.trailers['sluice-outcome']
  if (said === undefined) throw new ExportError('The server did not say what became of the export.')
  return JSON.parse(said) as ExportEnd
}

function answerTo({ url, token, environment, body }: ExportRequest): Promise<IncomingMessage> {
  const base = url.replace(/^ws/i, 'http').replace(/\/+$/, '')
  const proxy = environment === undefined ? '' : `/api/v1/environments/${encodeURIComponent(environment)}/proxy`
  const request = base.startsWith('https') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const asking = request(`${base}${proxy}/api/v1/sql/export`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
    asking.once('response', resolve)
    asking.once('error', (cause) => reject(new ExportError(`Cannot reach ${base}: ${cause.message}`)))
    asking.end(JSON.stringify(body))
  })
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string
  return text
}

function refusalOf(status: number, text: string): string {
  try {
    const { error, title } = JSON.parse(text) as { error?: string; title?: string }
    return error ?? title ?? `HTTP ${status}`
  } catch {
    return `HTTP ${status}`
  }
}
