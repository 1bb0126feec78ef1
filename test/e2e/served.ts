/**
 * A server on the real Kafka and the real registry, in this process, for clients of other languages; and the way their
 * cases are reported: the client's program prints one JSON line a case, `{"case": …, "ok": …, "error"?: …}`, and each
 * becomes a test.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { it } from 'node:test'
import { Consumer } from '@platformatic/kafka'
import { readConfig } from '../../src/server/config/config.ts'
import { createLog } from '../../src/server/log.ts'
import { type RunningServer, startServer } from '../../src/server/start.ts'
import { sharedCluster } from './cluster.ts'

export const cluster = await sharedCluster()

/** Everything allowed. */
export const ALL = [{ environments: ['*'], topics: ['*'], rights: ['all'] }]
/** Of the service account `robot`. */
export const ROBOT_KEY = 'robot-key-5f1c2d9e8b7a'

/**
 * User `admin`/`admin`, service accounts `robot` (everything) and `reader` (may read topics that begin with `open`).
 * `config` is laid over it.
 */
export async function serve(config: Record<string, unknown> = {}): Promise<RunningServer> {
  const complete = await readConfig({
    server: { port: 0 },
    environments: [{ name: 'demo', kafka: { brokers: [cluster.kafka.bootstrap] }, registry: cluster.registry.url }],
    users: [{ name: 'admin', password: 'admin', permissions: ALL }],
    serviceAccounts: [
      { name: 'robot', token: ROBOT_KEY, permissions: ALL },
      { name: 'reader', token: 'reader-key-0123456789', permissions: [{ environments: ['*'], topics: ['open*'] }] },
    ],
    ...config,
  })
  return await startServer(complete, { log: createLog(process.env.SLUICE_TEST_LOG === undefined ? 'silent' : 'debug') })
}

/** A group of consumers that has no members and stands at `offset` of partition 0; its id. */
export async function restingGroup(topic: string, offset: number): Promise<string> {
  const groupId = `${topic}-readers`
  const reader = new Consumer({ clientId: 'readers', bootstrapBrokers: [cluster.kafka.bootstrap], groupId })
  await reader.joinGroup({})
  await reader.commit({ offsets: [{ topic, partition: 0, offset: BigInt(offset), leaderEpoch: 0 }] })
  await reader.close(true)
  return groupId
}

export interface Case {
  readonly case: string
  readonly ok: boolean
  readonly error?: string
}

/** Runs a program that prints cases. Rejects when it fails in another way, or prints something else. */
export async function casesOf(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  timeoutMs = 240_000,
): Promise<Case[]> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const cases: Case[] = []
  let complaints = ''
  let chatter = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-4000)
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{"case"')) cases.push(JSON.parse(line) as Case)
    else chatter += `${line}\n`
  }
  const code = await ended
  clearTimeout(timer)
  assert.equal(
    code,
    0,
    `${command} ended with ${code} after ${cases.length} cases\n${chatter.slice(-2000)}\n${complaints}`,
  )
  return cases
}

/** One test for each case; `least`: so many there must be. Called inside `describe`. */
export function testCases(cases: readonly Case[], least: number): void {
  it(`ran at least ${least} cases`, () => assert.ok(cases.length >= least, `${cases.length} cases`))
  for (const { case: name, ok, error } of cases) it(name, () => assert.ok(ok, error))
}
