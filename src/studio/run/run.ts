/** A run as a tab holds it: its state, and its worker, which is started with the first statement. */
import { systemClock } from '../../lib/clock.ts'
import { createStore, type Store } from '../observable.ts'
import { continuation } from './continuation.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import type { Questions } from '../rows/questions.ts'
import type { Ceiling } from '../rows/result.ts'
import { after, begun, goneOn, IDLE, isActive, pausing, type RunState } from './run-state.ts'

/** A worker, as far as a run needs one. */
export interface RunWorker {
  postMessage(message: ToWorker): void
  onmessage: ((event: { readonly data: FromWorker }) => void) | null
  terminate(): void
}

/** Where and how a statement is run. */
export interface RunContext {
  readonly url: string
  readonly environment: string | undefined
  readonly ceiling: Ceiling
}

/** How a statement is run. */
export interface RunOptions {
  /** Partial results of aggregates. */
  readonly live?: boolean
  /** It goes on with what comes. */
  readonly follow?: boolean
}

/** The runs of one tab, one at a time. */
export class Run {
  readonly state: Store<RunState> = createStore(IDLE)
  readonly #make: () => RunWorker
  #worker: RunWorker | undefined
  #context: RunContext | undefined
  #live = false
  #follow = false
  /** The number of the last order. */
  #order = 0
  #nextQuestion = 0
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()

  /** `make` starts a worker. */
  constructor(make: () => RunWorker) {
    this.#make = make
  }

  /** Begins anew; what runs is ended, the rows that are there go. */
  start(sql: string, context: RunContext, { live = false, follow = false }: RunOptions = {}): void {
    this.#context = context
    this.#live = live
    this.#follow = follow
    // What was asked about the rows of before has no answer among those that come.
    this.#refuse('Another run has begun.')
    this.state.set(({ run }) => begun(sql, systemClock.now(), follow, run))
    this.#send({ what: 'start', order: { ...context, number: ++this.#order, sql, live, follow, append: false } })
  }

  cancel(): void {
    if (isActive(this.state.get())) this.#send({ what: 'cancel' })
  }

  /** What comes waits; what is there stands still. */
  pause(): void {
    this.state.set((state) => pausing(state, true))
    this.#send({ what: 'pause' })
  }

  /** Shows what has waited, and goes on; nothing is missing in between. */
  resume(): void {
    this.state.set((state) => pausing(state, false))
    this.#send({ what: 'resume' })
  }

  /** Reads on where the reading stopped; why not, where that cannot be. */
  goOn(): string | undefined {
    const { resume, asked, rows } = this.state.get()
    if (resume === undefined || this.#context === undefined) return 'There is nothing to read on from.'
    const next = continuation(asked, resume, rows)
    if ('refused' in next) return next.refused
    this.state.set((state) => goneOn(state, next.sql, systemClock.now()))
    const options = { live: this.#live, follow: this.#follow, append: true }
    this.#send({ what: 'start', order: { ...this.#context, number: ++this.#order, sql: next.sql, ...options } })
    return undefined
  }

  /** Asks about the rows that are there. Rejects when another run begins before the answer is there. */
  ask<N extends keyof Questions>(
    name: N,
    input: Parameters<Questions[N]>[1],
  ): Promise<Awaited<ReturnType<Questions[N]>>> {
    const id = this.#nextQuestion++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.#send({ what: 'ask', id, name, input })
    })
  }

  /** Ends what runs and forgets the rows. */
  close(): void {
    this.#worker?.terminate()
    this.#worker = undefined
    this.#refuse('The tab was closed.')
    this.state.set(() => IDLE)
  }

  #refuse(why: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(why))
    this.#waiting.clear()
  }

  #send(message: ToWorker): void {
    if (this.#worker === undefined) {
      this.#worker = this.#make()
      this.#worker.onmessage = ({ data }) => this.#heard(data)
    }
    this.#worker.postMessage(message)
  }

  #heard(message: FromWorker): void {
    if (message.what === 'event') {
      if (message.order !== this.#order) return
      this.state.set((state) => after(state, message.event, systemClock.now()))
      if (message.event.what === 'behind') this.goOn()
      return
    }
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.what === 'answer') waiting?.resolve(message.value)
    else waiting?.reject(new Error(message.message))
  }
}
