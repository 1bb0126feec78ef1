/**
 * `sluice server` as users start it: a process of its own, configured by its command line, environment variables and
 * files; asked over the WebSocket; with its event loop watched.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { ALLOCATOR, SEMI_SPACE } from '../../src/cli/process-memory.ts'
import type { LoopFigures } from './loop-watch.ts'

export const TOKEN = 'acceptance-token-0123456789'

/** A frame, and its text as it came. */
export interface Frame {
  readonly type: string
  readonly data?: unknown
  readonly rowId?: string | null
  readonly statementIndex?: number | null
  readonly text: string
  /** Milliseconds from the request to this frame. */
  readonly atMs: number
}

export interface Answer {
  readonly frames: readonly Frame[]
  /** `data.value` of each RECORD, as JSON.parse sees it. */
  readonly values: readonly unknown[]
  /** `data` of the ERROR frame. */
  readonly error: string | undefined
  /** Reason of the SENTINEL. */
  readonly sentinel: Record<string, unknown> | undefined
  /** `data` of the last STATS frame. */
  readonly stats: Record<string, unknown> | undefined
  readonly code: number
}

export interface Request {
  readonly live?: boolean
  readonly stats?: number
  readonly environment?: string
  readonly token?: string
  /** Accept the server's self-made certificate authority. */
  readonly ca?: string
}

export interface SluiceProcess {
  readonly url: string
  readonly pid: number
  /** Standard output and error so far, and how it ended. */
  output(): string
  ask(sql: string, request?: Request): Promise<Answer>
  /** The values of a statement that has to succeed. */
  values(sql: string, request?: Request): Promise<readonly unknown[]>
  /** Open and silent; for tests that read, or do not read, by themselves. */
  open(request?: Request): Promise<WebSocket>
  loop(): Promise<LoopFigures>
  close(): Promise<void>
}

export interface ProcessOptions {
  readonly env?: Record<string, string>
  /** Without it: `server` on a free port with the service account of `TOKEN`. */
  readonly plain?: boolean
}

const root = join(import.meta.dirname, '..', '..')

/** As `npm run sluice` starts it. Resolves when the server listens; rejects with its output when it ends first. */
export async function startSluice(args: readonly string[], options: ProcessOptions = {}): Promise<SluiceProcess> {
  const own =
    options.plain === true ? [] : ['--port', '0', '--service-account', `acceptance:${TOKEN}`, '--log-level', 'warn']
  const child = spawn(
    process.execPath,
    [
      SEMI_SPACE,
      '--import',
      join(import.meta.dirname, 'loop-watch.ts'),
      join(root, 'src/cli/main.ts'),
      'server',
      ...own,
      ...args,
    ],
    {
      cwd: root,
      env: { ...process.env, ...ALLOCATOR, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  )
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      output += chunk
      const found = /listens on (\S+)/.exec(output)
      if (found !== null) resolve(found[1])
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('exit', (code, by) => {
      output += `[the server ended with ${by ?? `code ${code}`}]\n`
      reject(new Error(output))
    })
  })
  return {
    ...asking(url),
    pid: child.pid ?? -1,
    output: () => output,
    loop: () => figures(child),
    close: () => close(child, kill),
  }
}

async function close(child: ChildProcess, kill: () => void): Promise<void> {
  process.off('exit', kill)
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(kill, 5000)
  await once(child, 'exit')
  clearTimeout(timer)
}

async function figures(child: ChildProcess): Promise<LoopFigures> {
  const answer = once(child, 'message')
  child.send('figures')
  return (await answer)[0] as LoopFigures
}

/** Asks a server by its address. */
export function asking(url: string): Pick<SluiceProcess, 'url' | 'ask' | 'values' | 'open'> {
  const open = async ({ environment, token = TOKEN, ca }: Request = {}): Promise<WebSocket> => {
    const path =
      environment === undefined
        ? '/api/ws/v2/sql/execute'
        : `/api/v1/environments/${environment}/proxy/api/ws/v2/sql/execute`
    const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      ca,
    })
    await once(socket, 'open')
    return socket
  }
  const ask = async (sql: string, request: Request = {}): Promise<Answer> => {
    const socket = await open(request)
    const begun = performance.now()
    const frames: Frame[] = []
    socket.on('message', (bytes) => {
      const text = String(bytes)
      frames.push({ ...(JSON.parse(text) as Frame), text, atMs: performance.now() - begun })
    })
    socket.send(JSON.stringify({ sql, live: request.live, stats: request.stats }))
    const [code] = (await once(socket, 'close')) as [number]
    const last = (type: string) => frames.findLast((frame) => frame.type === type)?.data
    return {
      frames,
      values: frames
        .filter((frame) => frame.type === 'RECORD')
        .map((frame) => (frame.data as { value: unknown }).value),
      error: last('ERROR') as string | undefined,
      sentinel: (last('SENTINEL') as { reason: Record<string, unknown> } | undefined)?.reason,
      stats: last('STATS') as Record<string, unknown> | undefined,
      code,
    }
  }
  const values = async (sql: string, request: Request = {}): Promise<readonly unknown[]> => {
    const answer = await ask(sql, request)
    if (answer.error !== undefined) throw new Error(`${sql}\n${answer.error}`)
    return answer.values
  }
  return { url, open, ask, values }
}
