/** A server with a stand-in for Kafka and for the engine, for tests of everything around them. Not a test itself. */
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { FrameSink, RunSummary } from '../../../src/engine/host.ts'
import { record } from '../../../src/protocol/frames.ts'
import { readConfig, type ServerConfig } from '../../../src/server/config/config.ts'
import type { Environment } from '../../../src/server/environment.ts'
import { createLog } from '../../../src/server/log.ts'
import type { Run } from '../../../src/server/socket/session.ts'
import { type RunningServer, type StartOptions, startServer } from '../../../src/server/start.ts'

export const TOKEN = 'fixture-token-0123456789'
export const EVERYTHING = [{ environments: ['*'], topics: ['*'] }]

function nothing(): never {
  throw new Error('not part of this test')
}

export function fakeEnvironment(name: string, changes: Partial<Environment> = {}): Environment {
  const catalog = { table: nothing, tables: nothing, configuration: nothing }
  return {
    name,
    catalog,
    query: () => ({ catalog, log: { bounds: nothing, offsetsForTime: nothing, scan: nothing } }),
    probe: async () => undefined,
    close: async () => undefined,
    ...changes,
  }
}

export function summary(changes: Partial<RunSummary> = {}): RunSummary {
  return {
    id: '00000000-0000-4000-8000-000000000000',
    outcome: 'end',
    results: 0,
    recordsScanned: 0,
    bytesRead: 0,
    badRecords: 0,
    durationMs: 1,
    ...changes,
  }
}

/** Answers every statement with two rows that hold the statement itself. */
export const echo: Run = async (request, _environment, sink: FrameSink) => {
  for (let i = 0; i < 2; i++) sink.send(record(JSON.stringify(request.sql), i, `row-${i}`, null))
  return summary({ results: 2 })
}

export interface Fixture {
  readonly server: RunningServer
  /** Every line logged so far. */
  readonly logged: string[]
  readonly config: ServerConfig
}

/**
 * `config` is laid over two environments (`demo`, the default one, and `prod`), one user `admin` with the password
 * `secret` and one service account `ci`.
 */
export async function startFixture(
  run: Run = echo,
  config: Record<string, unknown> = {},
  options: Partial<StartOptions> = {},
): Promise<Fixture> {
  const logged: string[] = []
  const log = createLog('debug', { write: (line: string) => void logged.push(line) })
  const complete = await readConfig({
    server: { port: 0 },
    environments: ['demo', 'prod'].map((name) => ({ name, kafka: { brokers: ['127.0.0.1:1'] } })),
    users: [{ name: 'admin', password: 'secret', permissions: EVERYTHING }],
    serviceAccounts: [
      { name: 'ci', token: TOKEN, permissions: EVERYTHING },
      { name: 'narrow', token: 'narrow-token-0123456789', permissions: [{ environments: ['demo'], topics: ['a*'] }] },
    ],
    ...config,
  })
  const server = await startServer(complete, { log, run, open: async ({ name }) => fakeEnvironment(name), ...options })
  return { server, logged, config: complete }
}

export const AGENT_PATH = '/api/ws/v2/sql/execute'
export const DEMO_PATH = '/api/v1/environments/demo/proxy/api/ws/v2/sql/execute'

export interface Conversation {
  readonly frames: { readonly type: string; readonly data?: unknown }[]
  readonly code: number
}

/** Connects, sends, and reads until the server closes. */
export async function converse(
  server: RunningServer,
  path: string,
  message: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Conversation> {
  const ws = new WebSocket(server.url.replace('http', 'ws') + path, { headers })
  const frames: Conversation['frames'] = []
  ws.on('message', (data) => frames.push(JSON.parse(data.toString())))
  await once(ws, 'open')
  ws.send(message)
  const [code] = await once(ws, 'close')
  return { frames, code }
}

export const BEARER = { authorization: `Bearer ${TOKEN}` }
export function ask(sql: string, more: object = {}): string {
  return JSON.stringify({ sql, ...more })
}

/** Every way in. `proxied`: the credential has to come with the handshake. */
export const PATHS = {
  'agent v2': { path: '/api/ws/v2/sql/execute', proxied: false, jdbc: false },
  'agent v2 with a bare question mark': { path: '/api/ws/v2/sql/execute?', proxied: false, jdbc: false },
  'agent JDBC': { path: '/api/ws/v3/jdbc/execute', proxied: false, jdbc: true },
  'proxied v2': { path: '/api/v1/environments/demo/proxy/api/ws/v2/sql/execute', proxied: true, jdbc: false },
  'proxied v2, as the prose spells it': {
    path: '/environment/demo/proxy/api/ws/v2/sql/execute',
    proxied: true,
    jdbc: false,
  },
  'proxied JDBC': { path: '/api/v1/environments/demo/proxy/api/ws/v3/jdbc/execute', proxied: true, jdbc: true },
} as const
