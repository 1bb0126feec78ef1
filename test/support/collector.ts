/**
 * A collector of traces: takes OTLP over HTTP in JSON, reads it as the protocol says (ids in hex, times in nanoseconds
 * as text, values by their types), and refuses what is not that. Not a test itself.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly traceState: string | undefined
  readonly name: string
  readonly kind: 'internal' | 'server' | 'client'
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Readonly<Record<string, unknown>>
  readonly failed: boolean
  readonly resource: Readonly<Record<string, unknown>>
}

const KINDS: Readonly<Record<number, CollectedSpan['kind']>> = { 1: 'internal', 2: 'server', 3: 'client' }

/** What it does with a request. */
export type Manner = 'takes' | 'fails' | 'hangs'

export class Collector {
  readonly spans: CollectedSpan[] = []
  readonly headers: IncomingHttpHeaders[] = []
  /** Of all requests, as they came. */
  text = ''
  requests = 0
  manner: Manner
  /** What was wrong with a request. */
  readonly problems: unknown[] = []
  readonly #server: Server
  readonly #held: (() => void)[] = []

  private constructor(manner: Manner) {
    this.manner = manner
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      this.requests++
      this.headers.push(request.headers)
      const take = () => this.#take(request, Buffer.concat(chunks).toString(), response)
      if (this.manner === 'hangs') this.#held.push(take)
      else if (this.manner === 'fails') response.writeHead(500).end('no')
      else take()
    })
  }

  #take({ method, url, headers }: IncomingMessage, text: string, response: ServerResponse): void {
    try {
      assert.equal(`${method} ${url}`, 'POST /v1/traces')
      assert.equal(headers['content-type'], 'application/json')
      this.text += text
      this.spans.push(...decoded(JSON.parse(text)))
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    } catch (problem) {
      this.problems.push(problem)
      response.writeHead(400).end()
    }
  }

  static async start(manner: Manner = 'takes'): Promise<Collector> {
    const collector = new Collector(manner)
    collector.#server.listen(0, '127.0.0.1')
    await once(collector.#server, 'listening')
    return collector
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`
  }

  /** Answers what hangs, and takes what comes. */
  release(): void {
    this.manner = 'takes'
    for (const take of this.#held.splice(0)) take()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
    assert.deepEqual(this.problems, [])
  }

  /** The one span of that name. */
  one(name: string): CollectedSpan {
    const found = this.spans.filter((span) => span.name === name)
    assert.equal(found.length, 1, `one span ${name} of ${this.spans.map((span) => span.name).join(', ')}`)
    return found[0]
  }
}

interface Message {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] }
    readonly scopeSpans: readonly { readonly scope: { readonly name: string }; readonly spans: readonly Wire[] }[]
  }[]
}
interface KeyValue {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}
interface Wire {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly traceState?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly KeyValue[]
  readonly status: { readonly code?: number }
}

function decoded({ resourceSpans }: Message): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => spanOf(span, attributesOf(resource.attributes)))),
  )
}

function spanOf(span: Wire, resource: CollectedSpan['resource']): CollectedSpan {
  assert.match(span.traceId, /^(?!0{32})[0-9a-f]{32}$/)
  assert.match(span.spanId, /^(?!0{16})[0-9a-f]{16}$/)
  const [startNs, endNs] = [BigInt(span.startTimeUnixNano), BigInt(span.endTimeUnixNano)]
  assert.ok(startNs <= endNs, `${span.name} ends before it begins`)
  const kind = KINDS[span.kind]
  assert.ok(kind !== undefined, `kind ${span.kind}`)
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId === '' ? undefined : span.parentSpanId,
    traceState: span.traceState,
    name: span.name,
    kind,
    startNs,
    endNs,
    attributes: attributesOf(span.attributes),
    failed: span.status.code === 2,
    resource,
  }
}

function attributesOf(pairs: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plain(value)]))
}

function plain(value: KeyValue['value']): unknown {
  const [[kind, inner], ...more] = Object.entries(value)
  assert.equal(more.length, 0)
  if (kind === 'stringValue' || kind === 'boolValue' || kind === 'doubleValue') return inner
  assert.equal(kind, 'intValue')
  return Number(inner)
}
