/**
 * The main thread as a worker sees it: the register of queries, the store of objects and the caches of the other
 * threads, all over one port.
 */
import type { MessagePort } from 'node:worker_threads'
import { type CatalogStore, type StoredObject, StoredObjects } from '../../catalog/store.ts'
import type { Killer, KillOutcome, QueryEntry, QueryRegister } from '../../engine/queries.ts'
import { Killed } from '../../engine/queries.ts'
import type { Statistics } from '../../engine/statistics.ts'
import { UserError } from '../../lib/user-error.ts'
import type { Answers, FromWorker, Question } from './messages.ts'

interface Waiting {
  resolve(value: unknown): void
  reject(cause: Error): void
}

/** Sends messages to the main thread, and asks it. */
export class MainThread {
  readonly #port: MessagePort
  readonly #waiting = new Map<number, Waiting>()
  #next = 1

  constructor(port: MessagePort) {
    this.#port = port
  }

  /** `moved`: memory that belongs to the main thread from now on. */
  post(message: FromWorker, moved: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, moved)
  }

  ask<Q extends Question>(of: Q): Promise<Answers[Q['what']]> {
    const question = this.#next++
    return new Promise((resolve, reject) => {
      this.#waiting.set(question, { resolve: resolve as (value: unknown) => void, reject })
      this.post({ kind: 'ask', question, of })
    })
  }

  /** To be called when the answer to a question has come. */
  answered(question: number, value: unknown, error: string | undefined): void {
    const waiting = this.#waiting.get(question)
    this.#waiting.delete(question)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new UserError(error))
  }
}

/** The register of one job: its query is entered in the main thread's, and the others are asked for there. */
export class RemoteQueries implements QueryRegister {
  readonly #main: MainThread
  readonly #job: number
  readonly #abort = new AbortController()
  statistics: Statistics | undefined

  constructor(main: MainThread, job: number) {
    this.#main = main
    this.#job = job
  }

  begin(_about: unknown, statistics: Statistics): { readonly signal: AbortSignal; end(): void } {
    this.statistics = statistics
    this.#main.post({ kind: 'began', job: this.#job, id: statistics.id, startedAt: statistics.startedAt })
    // The main thread enters the end when it has the summary.
    return { signal: this.#abort.signal, end: () => undefined }
  }

  /** Ends the query with an ERROR of this text. */
  killed(reason: string): void {
    this.#abort.abort(new Killed(reason))
  }

  async running(): Promise<readonly QueryEntry[]> {
    return await this.#main.ask({ what: 'queries', which: 'running' })
  }
  async all(): Promise<readonly QueryEntry[]> {
    return await this.#main.ask({ what: 'queries', which: 'all' })
  }
  async missing(): Promise<readonly string[]> {
    return await this.#main.ask({ what: 'missing queries' })
  }
  async kill(id: string, by: Killer): Promise<KillOutcome> {
    return await this.#main.ask({ what: 'kill', id, by })
  }
}

/**
 * The store of objects in a worker: a copy of the main thread's, which is told of every change and is the only one that
 * writes. A change is in the copy before the promise of whoever made it resolves.
 */
export class RemoteStore implements CatalogStore {
  readonly #main: MainThread
  readonly #environments = new Map<string, StoredObjects>()

  constructor(main: MainThread, objects: readonly StoredObject[]) {
    this.#main = main
    for (const object of objects) this.changed(object)
  }

  environment(name: string): StoredObjects {
    let objects = this.#environments.get(name)
    if (objects === undefined) {
      objects = new StoredObjects((kind, object, content, seen) =>
        this.#main.ask({ what: 'store', object: { environment: name, kind, name: object, content }, seen }),
      )
      this.#environments.set(name, objects)
    }
    return objects
  }

  /** Takes over a change that the main thread tells of. */
  changed(object: StoredObject): void {
    this.environment(object.environment).put(object)
  }

  close(): void {
    this.#environments.clear()
  }
}
