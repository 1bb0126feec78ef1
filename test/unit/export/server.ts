/** A server over the embedded broker, and exports asked of it over HTTP with their trailers. Not a test itself. */
import { request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'
import { BatchWriter } from '../../../src/sandbox/log/batch-writer.ts'
import { type Registry, startRegistry } from '../../../src/sandbox/schema-registry.ts'
import { readConfig } from '../../../src/server/config/config.ts'
import { createLog } from '../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../src/server/start.ts'
import { encodeAvro, framed } from '../../support/avro-encode.ts'

export const TOKEN = 'token-of-anna-0123456789'
const ALL = [{ environments: ['*'], topics: ['*'], rights: ['all'] }]
export const PATH = '/api/v1/sql/export'

export interface World {
  readonly broker: Broker
  readonly registry: Registry
  readonly server: RunningServer
  readonly logged: string[]
  /** Appends JSON texts as records of a topic, which is made at the first of them. */
  append(topic: string, values: readonly string[], keys?: readonly string[]): void
  /** Appends values as Avro with a schema id. */
  appendAvro(topic: string, schema: object, values: readonly object[]): Promise<void>
  close(): Promise<void>
}

export async function startWorld(limits: Record<string, number> = {}, worker?: URL): Promise<World> {
  const broker = await startBroker()
  const registry = await startRegistry()
  const logged: string[] = []
  const config = await readConfig({
    server: { port: 0 },
    environments: [
      { name: 'demo', kafka: { brokers: [broker.bootstrap] }, registry: registry.url },
      { name: 'other', kafka: { brokers: [broker.bootstrap] } },
    ],
    serviceAccounts: [
      { name: 'anna', token: TOKEN, permissions: ALL },
      { name: 'ben', token: 'token-of-ben-0123456789', permissions: [{ environments: ['demo'], topics: ['open-*'] }] },
    ],
    limits,
  })
  const log = createLog('info', { write: (line: string) => void logged.push(line) })
  const server = await startServer(config, { log, worker })
  const topics = new Set<string>()
  const put = (topic: string, values: readonly Buffer[], keys?: readonly string[]): void => {
    if (!topics.has(topic)) broker.createTopic(topic)
    topics.add(topic)
    const writer = new BatchWriter()
    for (const [i, value] of values.entries()) {
      const key = keys === undefined ? null : Buffer.from(keys[i])
      writer.add(1_700_000_000_000 + i, key === null ? null : { buffer: key, length: key.length }, {
        buffer: value,
        length: value.length,
      })
    }
    broker.append(topic, 0, writer.finish())
  }
  return {
    broker,
    registry,
    server,
    logged,
    append: (topic, values, keys) =>
      put(
        topic,
        values.map((v) => Buffer.from(v)),
        keys,
      ),
    appendAvro: async (topic, schema, values) => {
      const text = JSON.stringify(schema)
      const response = await fetch(`${registry.url}/subjects/${topic}-value/versions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ schema: text }),
      })
      const { id } = (await response.json()) as { id: number }
      put(
        topic,
        values.map((v) => framed(id, encodeAvro(text, v as never))),
      )
    },
    close: async () => {
      await server.close(0)
      await broker.close()
      await registry.close()
    },
  }
}

export interface Exported {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  /** The trailer. */
  readonly outcome: Record<string, unknown> | undefined
}

/** Asks for an export without reading it. */
export function open(
  server: RunningServer,
  body: object | string,
  { path = PATH, headers = {} }: { path?: string; headers?: Record<string, string> } = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request(
      server.url + path,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
      },
      resolve,
    )
    asked.on('error', reject)
    asked.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
}

export async function read(response: IncomingMessage): Promise<Exported> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const trailer = response.trailers['sluice-outcome']
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    text: body.toString(),
    outcome: trailer === undefined ? undefined : (JSON.parse(trailer) as Record<string, unknown>),
  }
}

export async function exported(
  server: RunningServer,
  body: object | string,
  options: { path?: string; headers?: Record<string, string> } = {},
): Promise<Exported> {
  return await read(await open(server, body, options))
}
