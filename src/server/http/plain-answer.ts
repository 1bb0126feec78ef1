/**
 * Answers that are written to the socket itself, where there is no response of the framework (yet): refused upgrades,
 * bytes that are no HTTP request. They look like all others.
 */
import { STATUS_CODES } from 'node:http'

/** Headers of every answer but the page, which has its own: it is data, to be shown or run by no browser. */
export const API_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

/** The bytes of an answer with a JSON body, behind which the connection is closed. */
export function plainAnswer(status: number, body: object, headers: Readonly<Record<string, string>> = {}): string {
  const text = JSON.stringify(body)
  const all = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
    ...API_HEADERS,
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${text}`
}
