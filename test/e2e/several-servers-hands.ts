/**
 * Servers as `sluice server` starts them, all with one configuration, behind HAProxy with the configuration of
 * `deploy/haproxy`; and clients that ask one question each.
 */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { type Child, removeAtExit, startChild } from '../../scripts/child.ts'
import { freePorts } from '../../scripts/free-ports.ts'
import { haproxy } from '../../scripts/provision.ts'
import { eventually } from '../support/eventually.ts'

const root = join(import.meta.dirname, '..', '..')
const NAMES = ['one', 'two', 'three'] as const
/** Longer than a server may take to stop. */
const PATIENCE_MS = 90_000

export type ServerName = (typeof NAMES)[number]

/** One server, which can be ended and started again at the same address. */
export interface FleetServer {
  readonly name: ServerName
  readonly url: string
  start(): Promise<void>
  /** SIGTERM; resolves when it has ended, with its code. */
  stop(): Promise<number>
  /** SIGKILL. */
  kill(): Promise<void>
  output(): Promise<string>
}

export interface Fleet {
  /** Of the balancer. */
  readonly url: string
  readonly servers: readonly FleetServer[]
  /** What the balancer has said so far. */
  balancerOutput(): Promise<string>
  close(): Promise<void>
}

/** Starts three servers with a configuration (YAML) and the balancer. */
export async function startFleet(config: string): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-fleet-'))
  removeAtExit(folder)
  const [entry, ...ports] = await freePorts(1 + NAMES.length)
  const file = join(folder, 'sluice.yaml')
  await writeFile(file, config)
  const servers = NAMES.map((name, i) => fleetServer(name, ports[i], file, folder))
  await Promise.all(servers.map((server) => server.start()))
  const balancer = await startBalancer(folder, entry, ports)
  const url = `http://127.0.0.1:${entry}`
  await eventually('the balancer passes requests on', async () => (await fetch(`${url}/health/live`)).status === 200)
  return {
    url,
    servers,
    balancerOutput: () => readFile(balancer.logFile, 'utf8'),
    close: async () => {
      await Promise.all([balancer.kill(), ...servers.map((server) => server.kill())])
    },
  }
}

function fleetServer(name: ServerName, port: number, file: string, folder: string): FleetServer {
  const logFile = join(folder, `${name}.log`)
  const main = join(root, 'src/cli/start.ts')
  let child: Child | undefined
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    start: async () => {
      child = await startChild(process.execPath, [main, 'server', '--config', file, '--port', String(port)], {
        logFile,
        ready: /listens on/,
        cwd: root,
      })
    },
    stop: async () => {
      await child?.stop(PATIENCE_MS)
      return (await child?.ended) ?? -1
    },
    kill: async () => await child?.kill(),
    output: () => readFile(logFile, 'utf8'),
  }
}

/** The shipped configuration with other addresses. */
async function startBalancer(folder: string, entry: number, ports: readonly number[]): Promise<Child> {
  let text = await readFile(join(root, 'deploy/haproxy/haproxy.cfg'), 'utf8')
  text = text.replace('bind 127.0.0.1:9990', `bind 127.0.0.1:${entry}`)
  NAMES.forEach((name, i) => {
    text = text.replace(new RegExp(`(server ${name}) \\S+`), `$1 127.0.0.1:${ports[i]}`)
  })
  const file = join(folder, 'haproxy.cfg')
  await writeFile(file, text)
  // In the foreground; it says so when it has begun.
  const begun = /as the polling mechanism/
  return await startChild(await haproxy(), ['-V', '-db', '-f', file], {
    logFile: join(folder, 'haproxy.log'),
    ready: begun,
  })
}

export interface Frame {
  readonly type: string
  readonly data?: unknown
}

/** What a question came to. */
export interface Outcome {
  readonly rows: readonly Record<string, unknown>[]
  readonly error: string | undefined
  /** It ended as it should, with END. */
  readonly isWhole: boolean
  /** HTTP status of a handshake that was refused, or the code of the close. */
  readonly code: number
}

export interface Asked {
  readonly socket: WebSocket
  readonly frames: readonly Frame[]
  readonly done: Promise<Outcome>
}

/** Asks a server, or the balancer. */
export function ask(url: string, token: string, sql: string, more: object = {}): Asked {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/environments/demo/proxy/api/ws/v2/sql/execute`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const frames: Frame[] = []
  const done = new Promise<Outcome>((resolve) => {
    let refused: number | undefined
    socket.on('unexpected-response', (request, response) => {
      refused = response.statusCode
      request.destroy()
    })
    socket.on('open', () => socket.send(JSON.stringify({ sql, ...more })))
    socket.on('message', (bytes) => frames.push(JSON.parse(String(bytes)) as Frame))
    socket.on('error', () => undefined)
    socket.on('close', (code) => {
      const of = (type: string) => frames.filter((frame) => frame.type === type).map(({ data }) => data)
      resolve({
        rows: of('RECORD').map((data) => (data as { value: Record<string, unknown> }).value),
        error: of('ERROR')[0] as string | undefined,
        isWhole: frames.at(-1)?.type === 'END',
        code: refused ?? code,
      })
    })
  })
  return { socket, frames, done }
}

/** The rows of a question that has to succeed. */
export async function rows(url: string, token: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const { rows: found, error, isWhole, code } = await ask(url, token, sql).done
  if (error !== undefined || !isWhole) throw new Error(`${sql}: ${error ?? `closed with ${code}`}`)
  return found
}

/** Whether an outcome says that the question has to be asked again: nobody may take it for an answer. */
export function asksAgain({ error, isWhole, code }: Outcome): boolean {
  if (error !== undefined) return /shutting down|Ask again/.test(error)
  // A connection that broke off, or a balancer that found no server.
  return !isWhole && [1006, 502, 503, 504].includes(code)
}
