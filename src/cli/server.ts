/**
 * `sluice server`: a server from a configuration file, environment variables and options; says what it found and where
 * to go.
 */
import { TIMED_OUT, within } from '../lib/clock.ts'
import { ConfigError, loadConfig } from '../server/config/config.ts'
import type { Overrides } from '../server/config/overrides.ts'
import type { Environment } from '../server/environment.ts'
import { followConfig } from '../server/config/follow.ts'
import { createLog } from '../server/log.ts'
import { type RunningServer, startServer } from '../server/start.ts'
import { harmless, onEnd, onHangUp } from './terminal.ts'

/** Topics whose formats are looked up at the start. */
const SHOWN_TOPICS = 20
const LOOK_MS = 5000

export async function server(given: Record<string, unknown>): Promise<void> {
  const { config: file, ...overrides } = given as Overrides & { config?: string }
  const sources = { file: file ?? process.env.SLUICE_CONFIG, env: process.env, overrides }
  const config = await loadConfig(sources).catch((cause: unknown) => {
    if (cause instanceof ConfigError) throw new Error(cause.message)
    throw cause
  })
  const log = createLog(config.log.level)
  const running = await start(() => startServer(config, { log }), config.server)
  const following = followConfig(config, sources, running, log)
  // Without files there is nothing to read again, and the signal keeps its meaning.
  if (config.files.length > 0) onHangUp(() => void following.reload())
  process.stdout.write(`Sluice listens on ${running.url}\n`)
  let stopping = false
  onEnd(
    () => {
      stopping = true
      following.close()
      process.stderr.write('Stopping; once more to stop at once.\n')
      void running.close().then(() => process.exit(0))
    },
    () => void running.close(0),
  )
  for (const environment of running.environments) {
    const found = await look(environment)
    if (!stopping) process.stdout.write(harmless(found))
  }
  const [first] = running.environments
  if (!stopping)
    process.stdout.write(
      `\nAsk it:  sluice query --url ${running.url} --environment ${first.name} --token … "SHOW TABLES"\nRead it: ${running.url}/\n`,
    )
}

/** Starts something that listens; a taken port is said in words. */
export async function start(
  begin: () => Promise<RunningServer>,
  address: { readonly host: string; readonly port: number },
): Promise<RunningServer> {
  try {
    return await begin()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code === 'EADDRINUSE')
      throw new Error(`Port ${address.port} on ${address.host} is taken. Choose another with --port.`)
    const isListening = cause instanceof Error && 'syscall' in cause && cause.syscall === 'listen'
    if (isListening && (code === 'EACCES' || code === 'EADDRNOTAVAIL'))
      throw new Error(`Cannot listen on ${address.host}, port ${address.port} (${code}).`)
    throw cause
  }
}

/** Topics and formats of an environment, or why there are none to show; takes a few seconds at most. */
async function look(environment: Environment): Promise<string> {
  try {
    const found = await within(describe(environment), { ms: LOOK_MS })
    return found === TIMED_OUT ? `\nEnvironment ${environment.name}: no answer from Kafka yet.\n` : found
  } catch (cause) {
    return `\nEnvironment ${environment.name}: ${cause instanceof Error ? cause.message : String(cause)}\n`
  }
}

async function describe(environment: Environment): Promise<string> {
  const tables = (await environment.catalog.tables()).filter((table) => table.type === 'USER')
  const lines = [`\nEnvironment ${environment.name}: ${tables.length} topic${tables.length === 1 ? '' : 's'}`]
  const width = Math.max(0, ...tables.slice(0, SHOWN_TOPICS).map((table) => table.name.length))
  for (const { name, partitions } of tables.slice(0, SHOWN_TOPICS)) {
    const table = await environment.catalog.table(name)
    const formats = table === undefined ? '' : `key ${table.key.format}, value ${table.value.format}`
    lines.push(
      `  ${name.padEnd(width)}  ${String(partitions).padStart(3)} partition${partitions === 1 ? ' ' : 's'}  ${formats}`,
    )
  }
  if (tables.length > SHOWN_TOPICS) lines.push(`  … and ${tables.length - SHOWN_TOPICS} more`)
  return `${lines.join('\n')}\n`
}
