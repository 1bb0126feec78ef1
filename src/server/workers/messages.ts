/**
 * What the main thread and a worker thread say to each other. Everything here is plain data: it is copied from thread
 * to thread, and chunks of frames are moved, not copied.
 */
import type { MessagePort } from 'node:worker_threads'
import type { MetNews } from '../../catalog/kafka-catalog.ts'
import type { StoredObject } from '../../catalog/store.ts'
import type { MaxFrame, SettingDefaults } from '../../engine/host.ts'
import type { KillOutcome, Killer, QueryEntry } from '../../engine/queries.ts'
import type { ExportOptions } from '../../export/options.ts'
import type { Maxima } from '../../plan/settings.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import type { Account } from '../access/auth.ts'
import type { CallName } from './calls.ts'
import type { EnvironmentConfig } from '../environment.ts'
import type { ExportSummary } from '../../export/outcome.ts'

/** How a request is answered: as whom, where, and in which dialect. */
export interface QueryView {
  readonly environment: string
  readonly account: Account
  readonly defaults: SettingDefaults
  readonly maxima?: Maxima
  readonly maxFrame?: MaxFrame
  readonly metadataFollowsFormat?: boolean
  /** `cli`: the ERROR frames of lenses-cli. */
  readonly dialect: 'v2' | 'jdbc' | 'cli'
  /** The result becomes a file: bytes instead of frames. */
  readonly export?: ExportOptions
  /** The summary is to say how long the stages took. */
  readonly traced?: boolean
}

/** What a worker is started with. */
export interface WorkerStart {
  readonly environments: readonly EnvironmentConfig[]
  readonly objects: readonly StoredObject[]
  /** Shared with the main thread; see `Beat`. */
  readonly beat: SharedArrayBuffer
}

/** Places in the shared words of a worker. */
export const Beat = {
  /** Goes up with every turn of the worker's event loop that its timer sees. */
  turns: 0,
  /** The job that runs: of several, the one that last had a turn. 0: none. */
  job: 1,
  /** Heap and buffers of the worker, in KiB. */
  heapKib: 2,
  /** Answers of brokers that it holds, in shared memory, in KiB. */
  frameKib: 3,
  words: 4,
} as const

/** What one thread has found out or changed that the others have to know. */
export type Change =
  | { readonly what: 'object'; readonly object: StoredObject }
  | { readonly what: 'forget'; readonly environment: string; readonly topic: string }
  | { readonly what: 'met'; readonly environment: string; readonly news: MetNews }

/** Questions of a worker that only the main thread can answer. */
export type Question =
  | { readonly what: 'queries'; readonly which: 'running' | 'all' }
  | { readonly what: 'missing queries' }
  | { readonly what: 'kill'; readonly id: string; readonly by: Killer }
  /** `seen`: the version that the worker's copy had. */
  | { readonly what: 'store'; readonly object: StoredObject; readonly seen: string | undefined }
  /** Connections to at most so many other workers, for a job of this one. */
  | {
      readonly what: 'helpers'
      readonly job: number
      readonly most: number
      /** `idle`: only as many as there are cores without work. */
      readonly which: 'any' | 'idle'
    }

export interface Answers {
  readonly queries: readonly QueryEntry[]
  readonly 'missing queries': readonly string[]
  readonly kill: KillOutcome
  /** Whether there was an object of that name before. */
  readonly store: boolean
  readonly helpers: readonly MessagePort[]
}

export type ToWorker =
  | { readonly kind: 'run'; readonly job: number; readonly request: QueryRequest; readonly view: QueryView }
  /** Ends the job quietly: the main thread tells the client what there is to tell. */
  | { readonly kind: 'stop'; readonly job: number; readonly reason: string }
  /** Ends the job with an ERROR of this text. */
  | { readonly kind: 'kill'; readonly job: number; readonly reason: string }
  /** The socket took a chunk; its memory comes back. */
  | { readonly kind: 'taken'; readonly job: number; readonly chunk: ArrayBuffer }
  | { readonly kind: 'answer'; readonly question: number; readonly value?: unknown; readonly error?: string }
  | { readonly kind: 'changed'; readonly change: Change }
  /** Memory is getting short: garbage of earlier queries is to go before anything that is needed. */
  | { readonly kind: 'collect' }
  /** A question of a REST call. */
  | {
      readonly kind: 'call'
      readonly job: number
      readonly name: CallName
      readonly input: unknown
      readonly environment: string
      readonly account: Account
    }
  /** Read a share of a topic of this environment for whoever is at the other end of the port. */
  | { readonly kind: 'help'; readonly help: number; readonly environment: string; readonly port: MessagePort }

/** How often a request of this name was sent to the cluster of an environment. */
export interface RequestCount {
  readonly environment: string
  readonly request: string
  readonly count: number
}

/** Counts of a running job, for the register of queries. */
export interface JobCounts {
  readonly job: number
  readonly recordsScanned: number
  readonly bytesRead: number
  readonly results: number
  /** Processor time that the job has used, in milliseconds. */
  readonly processorMs: number
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'began'; readonly job: number; readonly id: string; readonly startedAt: number }
  /** `bytes` of `chunk` are whole WebSocket frames, or a part of a file. */
  | { readonly kind: 'chunk'; readonly job: number; readonly chunk: ArrayBuffer; readonly bytes: number }
  | { readonly kind: 'counts'; readonly counts: readonly JobCounts[] }
  | { readonly kind: 'done'; readonly job: number; readonly summary: ExportSummary; readonly processorMs: number }
  /** Requests sent to Kafka since the last such message. */
  | { readonly kind: 'requests'; readonly requests: readonly RequestCount[] }
  /** A fault of ours; `stack` is for the log. */
  | { readonly kind: 'failed'; readonly job: number; readonly stack: string }
  /** The answer to a question of a REST call; `error`: a sentence for the user, `stack`: a fault of ours. */
  | {
      readonly kind: 'called'
      readonly job: number
      readonly value?: object
      readonly error?: string
      readonly stack?: string
    }
  /** The help is over. */
  | { readonly kind: 'helped'; readonly help: number; readonly processorMs: number }
  | { readonly kind: 'ask'; readonly question: number; readonly of: Question }
  | { readonly kind: 'changed'; readonly change: Change }
