/**
 * Reads the configuration again while the server runs, and gives it the accounts found: when one of the files has
 * changed, or at SIGHUP. A configuration with mistakes changes nothing and is reported in the log.
 * Everything but users and service accounts waits for the next start.
 */
import { unwatchFile, watchFile } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { type ConfigSources, loadConfig, type ServerConfig } from './config.ts'
import type { Log } from '../log.ts'
import type { RunningServer } from '../start.ts'

/** A file that is being written has this long to become whole. */
const SETTLE_MS = 200

/** Watches the files of the configuration until it is closed. */
export interface Follower {
  /** Reads again now. Never rejects: what is wrong stands in the log. */
  reload(): Promise<void>
  close(): void
}

/** `config`: what the server was started with, read from `sources`. */
export function followConfig(
  config: ServerConfig,
  sources: ConfigSources,
  server: Pick<RunningServer, 'setAccounts'>,
  log: Log,
): Follower {
  return new Following(config, sources, server, log)
}

class Following implements Follower {
  readonly #first: ServerConfig
  readonly #sources: ConfigSources
  readonly #server: Pick<RunningServer, 'setAccounts'>
  readonly #log: Log
  readonly #watched = new Set<string>()
  #now: ServerConfig
  #settling: NodeJS.Timeout | undefined
  #reading: Promise<void> = Promise.resolve()
  #closed = false

  constructor(config: ServerConfig, sources: ConfigSources, server: Pick<RunningServer, 'setAccounts'>, log: Log) {
    this.#first = config
    this.#now = config
    this.#sources = sources
    this.#server = server
    this.#log = log
    this.#watch(config.files)
  }

  /** One after the other. */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read())
    return this.#reading
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#settling)
    for (const file of this.#watched) unwatchFile(file, this.#changed)
  }

  /** Looked at by name, not by handle: a file that is replaced (an editor, a mounted secret) is still seen. */
  #watch(files: readonly string[]): void {
    const interval = this.#first.limits['server.accounts.check.interval']
    if (interval === 0) return
    for (const file of files) {
      if (this.#watched.has(file)) continue
      this.#watched.add(file)
      watchFile(file, { persistent: false, interval }, this.#changed)
    }
  }

  readonly #changed = (): void => {
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => void this.reload(), SETTLE_MS)
    this.#settling.unref()
  }

  async #read(): Promise<void> {
    if (this.#closed) return
    try {
      const next = await loadConfig({ ...this.#sources, users: this.#now.users })
      const changes = this.#server.setAccounts(next.users, next.serviceAccounts)
      this.#now = next
      this.#watch(next.files)
      const named = (what: string): string[] => changes.filter((c) => c.what === what).map((c) => c.name)
      const about = {
        users: next.users.length,
        serviceAccounts: next.serviceAccounts.length,
        revoked: named('revoked'),
        changed: named('changed'),
      }
      this.#log.info(about, 'accounts were read again')
      const waiting = this.#waiting(next)
      if (waiting.length > 0)
        this.#log.warn(
          { parts: waiting },
          'other parts of the configuration have changed; they count from the next start on',
        )
    } catch (cause) {
      this.#log.error(
        { reason: cause instanceof Error ? cause.message : String(cause) },
        'the configuration was not read again: accounts stay as they were',
      )
    }
  }

  /** Parts that are not what the server was started with. */
  #waiting(next: ServerConfig): string[] {
    const parts = ['server', 'environments', 'state', 'settings', 'limits', 'log', 'telemetry'] as const
    return parts.filter((part) => !isDeepStrictEqual(plain(next[part]), plain(this.#first[part])))
  }
}

/** Without functions, which are never equal. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null))
}
