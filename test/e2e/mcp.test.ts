/**
 * Clients of the environment paths, against the server on real Kafka and a real registry: an MCP server on FastMCP
 * 2.12.0 and `websockets`, which behaves as that of Lenses does, driven by FastMCP's own client; and the program of the
 * WebSocket specification, to the letter.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { WebSocket } from 'ws'
import { mcpPython } from '../../scripts/provision.ts'
import type { RunningServer } from '../../src/server/start.ts'
import { topicName } from './cluster.ts'
import { kafkaHand } from './kafka-hand.ts'
import { ALL, type Case, casesOf, cluster, ROBOT_KEY, restingGroup, serve, testCases } from './served.ts'

const HEARTBEAT_MS = 150
const SESSION_MS = 1200
const COUNT = 50_000
const STRANGER_KEY = 'stranger-key-9a8b7c6d'
const READER_KEY = 'mcp-reader-key-1a2b3c4d'

const interpreter = await mcpPython().catch((error: Error) => error)
const skip = cluster.skip !== false ? cluster.skip : interpreter instanceof Error ? interpreter.message : false
const folder = join(import.meta.dirname, 'python')

interface Outcome {
  readonly cases: readonly Case[]
  /** What the specification's program printed, and how many records it asked for. */
  readonly snippet: string
}

/** Topics for the cases, by what they hold, and the figures that the cases need. */
async function fill(): Promise<Record<string, unknown>> {
  const [events, falsy, large, quotes, input] = ['mcp-events', 'mcp-falsy', 'mcp-large', 'mcp-quotes', 'input'].map(
    topicName,
  )
  const hand = await kafkaHand(cluster.kafka.bootstrap)
  const nothing = ['{}', null, '""', '0', 'false', '[]', 'null', '{}']
  const sizes = [900_000, 1, 1_000_000]
  try {
    for (const topic of [events, falsy, large, quotes, input]) await hand.create(topic)
    const event = (n: number) =>
      `{"n":${n},"kind":"${'abc'[n % 3]}","amount":${n / 4},"big":${9223372036854775807n - BigInt(n)}}`
    await hand.produce(
      events,
      Array.from({ length: COUNT }, (_, n) => ({ key: `k${n}`, value: event(n) })),
      { codec: 'lz4' },
    )
    await hand.produce(
      falsy,
      nothing.map((value) => ({ value })),
    )
    await hand.produce(
      large,
      sizes.map((size) => ({ value: 'x'.repeat(size) })),
    )
    await hand.produce(quotes, [{ value: 'before' }, { value: '"'.repeat(600_000) }, { value: 'after' }])
    await hand.produce(
      input,
      Array.from({ length: 150 }, (_, n) => ({ key: 'k', value: event(n) })),
    )
  } finally {
    await hand.close()
  }
  const group = await restingGroup(events, 5)
  return { group, events, falsy, falsy_count: nothing.length, large, large_sizes: sizes, quotes, input, count: COUNT }
}

function serveForMcp(topics: Record<string, unknown>): Promise<RunningServer> {
  return serve({
    environments: [
      {
        name: 'demo',
        kafka: { brokers: [cluster.kafka.bootstrap] },
        registry: cluster.registry.url,
        formats: {
          [topics['falsy'] as string]: { key: 'STRING', value: 'JSON' },
          'mcp-large*': { value: 'STRING' },
          'mcp-quotes*': { value: 'STRING' },
        },
      },
      // Nothing listens there.
      { name: 'far', kafka: { brokers: ['127.0.0.1:9'], connectTimeout: 500, retryTimeout: 500 } },
    ],
    serviceAccounts: [
      { name: 'robot', token: ROBOT_KEY, permissions: ALL },
      { name: 'reader', token: READER_KEY, permissions: [{ environments: ['demo'], topics: ['mcp-events*'] }] },
      { name: 'stranger', token: STRANGER_KEY, permissions: [{ environments: ['far'], topics: ['*'] }] },
    ],
    limits: { 'server.heartbeat.interval': HEARTBEAT_MS, 'server.session.timeout': SESSION_MS },
  })
}

async function play(python: string): Promise<Outcome> {
  const topics = await fill()
  const server = await serveForMcp(topics)
  const figures = {
    heartbeat_seconds: HEARTBEAT_MS / 1000,
    session_seconds: SESSION_MS / 1000,
    stranger_key: STRANGER_KEY,
    reader_key: READER_KEY,
  }
  try {
    const cases = await casesOf(python, [join(folder, 'mcp_cases.py')], {
      SLUICE_URL: server.url,
      SLUICE_KEY: ROBOT_KEY,
      SLUICE_TOPICS: JSON.stringify({ ...topics, ...figures }),
      PYTHONWARNINGS: 'ignore',
    })
    const snippet = await specification(python, server, topics['input'] as string)
    return { cases, snippet }
  } finally {
    await server.close(0)
  }
}

/**
 * The program as the specification prints it asks for a table called `input`, in the environment `demo`; a synonym
 * brings it to a topic of this run.
 */
async function specification(python: string, server: RunningServer, topic: string): Promise<string> {
  const headers = { authorization: `Bearer ${ROBOT_KEY}` }
  const url = `${server.url.replace('http', 'ws')}/api/v1/environments/demo/proxy/api/ws/v2/sql/execute`
  const made = await new Promise<string>((resolve, reject) => {
    const socket = new WebSocket(url, { headers })
    let text = ''
    socket.once('error', reject)
    socket.on('message', (frame) => (text += String(frame)))
    socket.once('open', () => socket.send(JSON.stringify({ sql: `CREATE SYNONYM input FOR \`${topic}\`` })))
    socket.once('close', () => resolve(text))
  })
  assert.ok(!made.includes('"ERROR"'), made)
  const env = { ...process.env, HQ_HOST: `127.0.0.1:${server.port}`, HQ_TOKEN: ROBOT_KEY }
  const { stdout } = await promisify(execFile)(python, [join(folder, 'specification.py')], {
    env,
    timeout: 30_000,
    maxBuffer: 1 << 24,
  })
  const asJson = 'import ast, json, sys; print(json.dumps(ast.literal_eval(sys.stdin.read())))'
  const reader = promisify(execFile)(python, ['-c', asJson], { maxBuffer: 1 << 24 })
  reader.child.stdin?.end(stdout)
  return (await reader).stdout
}

if (skip !== false || interpreter instanceof Error)
  it(
    'MCP on FastMCP 2.12.0, and the program of the specification',
    { skip: skip === false ? 'no Python' : skip },
    () => undefined,
  )
else {
  const { cases, snippet } = await play(interpreter)
  describe('MCP on FastMCP 2.12.0', () => testCases(cases, 25))
  describe('the program of the specification, to the letter', () => {
    it('prints the records that it asked for, whole', () => {
      const frames = JSON.parse(snippet) as {
        type: string
        data: { key: string; value: { n: number }; metadata: { offset: number }; rownum: number }
      }[]
      assert.deepEqual(
        frames.map(({ type, data }) => [type, data.key, data.value.n, data.metadata.offset, data.rownum]),
        Array.from({ length: 100 }, (_, n) => ['RECORD', 'k', n, n, n]),
      )
    })
  })
}
