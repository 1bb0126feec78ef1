/**
 * A real schema registry on this machine: Apicurio Registry with everything kept in memory, asked through its Confluent
 * API. By hand: `node scripts/registry.ts` prints its address and runs until Ctrl-C.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeAtExit, startChild } from './child.ts'
import { newerJava, registryHome } from './provision.ts'

export interface Registry {
  /** Root of the Confluent API: `${url}/subjects`, `${url}/schemas/ids/1`, … */
  readonly url: string
  /** Root of the server; Apicurio's own API is under `${root}/apis/registry/v3`. */
  readonly root: string
  readonly pid: number
  readonly logFile: string
  readonly startedMs: number
  stop(): Promise<void>
}

/** Starts the registry and resolves when it answers. Throws `Unavailable` where the machine lacks what it takes. */
export async function startRegistry(options: { readonly heap?: string } = {}): Promise<Registry> {
  const begun = performance.now()
  const [javaFile, home] = await Promise.all([newerJava(), registryHome()])
  const folder = await mkdtemp(join(tmpdir(), 'sluice-registry-'))
  removeAtExit(folder)
  const logFile = join(folder, 'registry.log')
  const memory = [
    '-Xms64m',
    `-Xmx${options.heap ?? '384m'}`,
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-XX:MaxMetaspaceSize=256m',
  ]
  const network = [
    '-Dquarkus.http.host=127.0.0.1',
    '-Dquarkus.http.port=0',
    '-Dquarkus.management.host=127.0.0.1',
    '-Dquarkus.management.port=0',
    '-Djava.net.preferIPv4Stack=true',
  ]
  const args = [...memory, ...network, '-jar', join(home, 'quarkus-run.jar')]
  const child = await startChild(javaFile, args, {
    logFile,
    ready: /Listening on: http:\/\/\S+:\d+/,
    timeoutMs: 120_000,
    cwd: folder,
  })
  const port = /Listening on: http:\/\/[^\s:]+:(\d+)/.exec(await readFile(logFile, 'utf8'))?.[1]
  const root = `http://127.0.0.1:${port}`
  return {
    url: `${root}/apis/ccompat/v7`,
    root,
    pid: child.pid,
    logFile,
    startedMs: Math.round(performance.now() - begun),
    stop: async () => {
      await child.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

if (import.meta.main) {
  const registry = await startRegistry()
  console.log(JSON.stringify({ url: registry.url, root: registry.root, pid: registry.pid }, undefined, 2))
  setInterval(() => undefined, 1 << 30)
}
