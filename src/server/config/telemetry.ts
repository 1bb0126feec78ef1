/** `telemetry` of the configuration: where traces go, which of them, and what they may say. */
import { z } from 'zod'
import type { TlsConfig } from '../../lib/tls-config.ts'
import { tls } from './environments.ts'
import { compact, converted, fillSecrets, flag, isTree, object, oneOf, secret, wrong } from './schema.ts'

/** How much of a statement a span may hold: nothing, the text without its literals, all of it. */
export type TracedStatement = 'none' | 'masked' | 'full'

/** Traces are sent as OTLP over HTTP, in JSON. */
export interface TracesConfig {
  /** The whole address, path included. */
  readonly endpoint: string
  /** Of each request to it; values are secret. */
  readonly headers: Readonly<Record<string, string>>
  /** The part of traces that begin here, from 0 to 1. A caller's trace is continued if the caller keeps it. */
  readonly ratio: number
  readonly statement: TracedStatement
  /** Whether spans hold the names of accounts. */
  readonly account: boolean
  readonly tls?: TlsConfig
}

/** What a server says of itself elsewhere, beside `/metrics` and its log. */
export interface TelemetryConfig {
  readonly traces?: TracesConfig
}

const LINES_WORDS = 'lines such as "authorization: Bearer …"'
const HEADERS_WORDS = `a map of header names to texts, or ${LINES_WORDS}`

const headers = converted(
  HEADERS_WORDS,
  (given) =>
    typeof given === 'string' ? fromLines(given) : isTree(given) ? checked(Object.entries(given)) : undefined,
  { secret: true },
)

function fromLines(lines: string): Record<string, string> | undefined {
  const pairs = lines
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map((line) => /^\s*([^:]+?)\s*:\s*(.*?)\s*$/.exec(line)?.slice(1))
  return pairs.every((pair) => pair !== undefined) ? checked(pairs) : undefined
}

/** undefined where a name or a value cannot stand in an HTTP request. */
function checked(pairs: readonly (readonly unknown[])[]): Record<string, string> | undefined {
  const taken: Record<string, string> = {}
  for (const [name, value] of pairs) {
    if (typeof name !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return undefined
    if (typeof value !== 'string' || !/^[\t\x20-\x7e\x80-\xff]+$/.test(value)) return undefined
    taken[name.toLowerCase()] = value
  }
  return taken
}

/** Not shown: some collectors want a key in the address. */
const notAnAddress = wrong('an address such as http://127.0.0.1:4318/v1/traces', { secret: true })

const endpoint = z
  .string(notAnAddress)
  .refine((given) => URL.canParse(given) && /^https?:$/.test(new URL(given).protocol), notAnAddress)
  .refine((given) => !URL.canParse(given) || new URL(given).username === '', {
    error: 'the address holds a user name; write headers: or headersFile: instead.',
  })

const part = converted('a number from 0 to 1', (given) => {
  const number = typeof given === 'string' && /^\d+(\.\d+)?$/.test(given) ? Number(given) : given
  return typeof number === 'number' && number >= 0 && number <= 1 ? number : undefined
})

function traces(files: string[]) {
  return object(
    {
      endpoint,
      ...secret('headers'),
      headers: headers.optional(),
      ratio: part.default(1),
      statement: oneOf('none', 'masked', 'full').default('none'),
      account: flag.default(false),
      tls: tls(files).optional(),
    },
    {
      check: (tree, problem) => {
        fillSecrets(tree, problem, files, 'headers')
        if (typeof tree.headers === 'string') {
          tree.headers = fromLines(tree.headers)
          if (tree.headers === undefined) problem('headersFile', `the file does not hold ${LINES_WORDS}.`)
        }
        if (tree.tls !== undefined && typeof tree.endpoint === 'string' && tree.endpoint.startsWith('http:'))
          problem('tls', 'of no use, as the address begins with http:; write https:.')
      },
    },
  ).transform(
    ({ endpoint, headers: given = {}, ratio, statement, account, tls }): TracesConfig =>
      compact({ endpoint, headers: given, ratio, statement, account, tls }),
  )
}

/** The section `telemetry`. `files` gets the paths of the files that secrets are read from. */
export function telemetry(files: string[]) {
  return object({ traces: traces(files).optional() }).transform(
    (given): TelemetryConfig => compact({ traces: given.traces }),
  )
}
