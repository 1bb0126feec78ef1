/**
 * How requests get to a registry: by the global `fetch`, or over HTTPS with authorities and a client certificate of
 * the registry's own, which `fetch` does not take. It knows nothing of their contents; neither way sends a request
 * twice.
 */
import { Agent, request } from 'node:https'
import type { RegistryConfig } from './registry.ts'

/** One request. A redirection is not followed but the answer: it could lead the credentials to another host. */
export interface Sent {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly signal: AbortSignal
}

/** The answer to one request. `ok`: a status of 2xx. */
export interface Received {
  readonly status: number
  readonly ok: boolean
  /** The value of a header of the answer, by its name in small letters. */
  header(name: string): string | undefined
  /** null: nothing. */
  readonly body: AsyncIterable<Uint8Array> | null
}

/** Rejects as `fetch` does: with the signal's reason, or an error whose `cause` says what went wrong. */
export interface Transport {
  send(url: string, sent: Sent): Promise<Received>
  /** Ends connections that are kept open. */
  close(): void
}

/** The way to that registry. Opens no connection yet. */
export function transportOf({ url, tls }: Pick<RegistryConfig, 'url' | 'tls'>): Transport {
  if (tls === undefined || !url.startsWith('https:')) return { send: overFetch, close: () => undefined }
  const { ca, ...rest } = tls
  const agent = new Agent({ keepAlive: true, ...rest, ca: ca === undefined ? undefined : [ca].flat() })
  return { send: (to, sent) => overHttps(to, sent, agent), close: () => agent.destroy() }
}

async function overFetch(url: string, sent: Sent): Promise<Received> {
  const { status, ok, body, headers } = await fetch(url, { ...sent, redirect: 'manual' })
  return { status, ok, body, header: (name) => headers.get(name) ?? undefined }
}

function overHttps(url: string, { method, headers, body, signal }: Sent, agent: Agent): Promise<Received> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void =>
      reject(signal.aborted ? signal.reason : new TypeError('fetch failed', { cause }))
    const asked = request(url, { method, headers, agent, signal }, (response) => {
      const status = response.statusCode ?? 0
      const header = (name: string): string | undefined => [response.headers[name]].flat()[0]
      resolve({ status, ok: status >= 200 && status < 300, body: response, header })
    })
    asked.once('error', failed)
    asked.end(body)
  })
}
