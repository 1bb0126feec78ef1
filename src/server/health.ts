/**
 * What balancers and supervisors ask: whether the server takes new work, whether each environment's Kafka answers, and
 * whether the topic that servers share can be used.
 * Kafka is asked in the background and the answer kept for a while, so that looking is never slow. Says nothing about
 * why Kafka does not answer; that is in the log.
 */
import type { Condition, OwnedStore } from '../catalog/store.ts'
import { type Clock, within } from '../lib/clock.ts'
import type { Environment } from './environment.ts'
import type { Log } from './log.ts'

/** Whether the Kafka of an environment answered the last time; `unknown` before the first answer. */
export type Reachability = 'up' | 'down' | 'unknown'

/**
 * What a balancer gets to know: `starting` until the objects of all servers have been read, as without them views are
 * unknown and logins not good; `draining` from the moment that the server was asked to stop.
 */
export type Readiness = 'starting' | 'ready' | 'draining'

/**
 * How far the server is: `draining` still takes requests, so that a balancer has time to send new ones elsewhere
 * (`shutdown.delay`); `closing` refuses them while queries that run may finish (`shutdown.grace`).
 */
export type Phase = 'serving' | 'draining' | 'closing'

const FRESH_MS = 10_000
/** How long the first look may wait for an answer. */
const FIRST_WAIT_MS = 1000
/**
 * Limit `health.starting` (ms): how long a server that cannot read the state topic is kept out of service. Beyond it: it
 * is ready, as perhaps no server can read it.
 */
const STARTING_MS = 120_000

/** How the server and its environments are. */
export interface HealthReport {
  readonly status: 'ok' | 'degraded'
  readonly state: Readiness
  readonly environments: readonly { readonly name: string; readonly kafka: Reachability }[]
  /** Of the topic that servers share, if there is one. */
  readonly stateTopic?: Condition
  /** Of the file in the data folder, where there is no such topic: down while it takes no change. */
  readonly dataFile?: Condition
  /** Of the topic in which servers speak to each other: while it is down, this one is alone. */
  readonly serversTopic?: 'up' | 'down'
}

interface State {
  kafka: Reachability
  askedMs: number
  asking: Promise<void> | undefined
}

/**
 * The health of the server and of all environments. Never rejects: an environment that does not answer is `down`.
 */
export class Health {
  /** Set by the server as it goes. */
  phase: Phase = 'serving'
  /** The same. */
  servers: { readonly condition: 'up' | 'down' } | undefined
  readonly #environments: readonly Environment[]
  readonly #states: State[]
  readonly #clock: Clock
  readonly #log: Log
  readonly #store: Pick<OwnedStore, 'condition' | 'wasRead' | 'figures'> | undefined
  readonly #begunMs: number

  /** `store`: its condition is reported, if it has one. */
  constructor(
    environments: readonly Environment[],
    clock: Clock,
    log: Log,
    store?: Pick<OwnedStore, 'condition' | 'wasRead' | 'figures'>,
  ) {
    this.#store = store
    this.#begunMs = clock.monotonic()
    this.#environments = environments
    this.#clock = clock
    this.#log = log
    this.#states = environments.map(() => ({ kafka: 'unknown', askedMs: Number.NEGATIVE_INFINITY, asking: undefined }))
  }

  get readiness(): Readiness {
    if (this.phase !== 'serving') return 'draining'
    const isStarting = this.#store?.wasRead === false && this.#clock.monotonic() - this.#begunMs < STARTING_MS
    return isStarting ? 'starting' : 'ready'
  }

  /**
   * Answers within a second, from memory if it has one; asks again in the background when that is older than ten
   * seconds.
   */
  async report(): Promise<HealthReport> {
    const first = this.#environments.flatMap((_, i) => {
      const asking = this.#ask(i)
      return this.#states[i].kafka === 'unknown' && asking !== undefined ? [asking] : []
    })
    if (first.length > 0) await within(Promise.all(first), { ms: FIRST_WAIT_MS, clock: this.#clock })
    const environments = this.#environments.map(({ name }, i) => ({ name, kafka: this.#states[i].kafka }))
    const condition = this.#store?.condition
    const serversTopic = this.servers?.condition
    const shared = {
      ...(condition === undefined
        ? {}
        : this.#store?.figures === undefined
          ? { dataFile: condition }
          : { stateTopic: condition }),
      ...(serversTopic === undefined ? {} : { serversTopic }),
    }
    const well = [...environments.map(({ kafka }) => kafka), ...Object.values(shared)].every((each) => each === 'up')
    return { status: well ? 'ok' : 'degraded', state: this.readiness, environments, ...shared }
  }

  #ask(index: number): Promise<void> | undefined {
    const state = this.#states[index]
    if (state.asking !== undefined) return state.asking
    if (this.#clock.monotonic() - state.askedMs < FRESH_MS) return undefined
    state.askedMs = this.#clock.monotonic()
    state.asking = this.#probe(index).finally(() => {
      state.asking = undefined
    })
    return state.asking
  }

  async #probe(index: number): Promise<void> {
    const state = this.#states[index]
    try {
      await this.#environments[index].probe()
      state.kafka = 'up'
    } catch (cause) {
      if (state.kafka !== 'down')
        this.#log.warn(
          {
            environment: this.#environments[index].name,
            reason: cause instanceof Error ? cause.message : String(cause),
          },
          'Kafka does not answer',
        )
      state.kafka = 'down'
    }
  }
}
