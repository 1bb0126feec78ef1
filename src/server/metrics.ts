/** Counters for Prometheus, one registry a server. No label holds a user, a topic or a statement. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RunSummary } from '../engine/host.ts'
import type { OwnedStore } from '../catalog/store.ts'
import type { HealthReport } from './health.ts'
import type { TraceFigures } from './telemetry/traces.ts'
import type { PoolFigures } from './workers/pool.ts'

interface KafkaRequests {
  readonly environment: string
  readonly request: string
  readonly count: number
}

interface ConnectionFigures {
  readonly all: number
  readonly unauthenticated: number
  /** To make room for others, since the start. */
  readonly cut: number
}

interface ServersFigures {
  readonly count: number
  readonly condition: 'up' | 'down'
  readonly passedOver: number
}

/** Figures that are asked for at each scrape. */
interface Live {
  openSockets(): number
  runningQueries(): number
  connections(): ConnectionFigures
  /** undefined: queries run on this thread. */
  workers(): PoolFigures | undefined
  kafkaRequests(): Iterable<KafkaRequests>
  /** undefined: there are none. */
  traces(): TraceFigures | undefined
  /** One that several servers share has figures. */
  readonly store: Pick<OwnedStore, 'condition' | 'figures'>
  /** undefined: nothing is shared with other servers. */
  readonly servers?: ServersFigures | undefined
}

/**
 * The metrics of one server. `registry` gives them as text; `refused` counts connections by HTTP status, `logins` by
 * outcome.
 */
export class Metrics {
  readonly registry = new Registry()
  readonly #started: Counter<'environment'>
  readonly #ended: Counter<'environment' | 'outcome'>
  readonly #seconds: Histogram<'outcome'>
  readonly #rows: Counter<'environment'>
  readonly #bytes: Counter<'environment'>
  readonly #scanned: Counter<'environment'>
  readonly #bad: Counter<'environment'>
  readonly #kafkaUp: Gauge<'environment'>
  readonly #draining: Gauge
  readonly refused: Counter<'reason'>
  readonly logins: Counter<'outcome'>
  readonly refusedTokens: Counter
  #text: Promise<string> | undefined

  /** The functions of `live` are called at each scrape. */
  constructor(live: Live) {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    this.#started = counter('sluice_queries_started_total', 'Queries that began to run.', ['environment'], registers)
    this.#ended = counter(
      'sluice_queries_ended_total',
      'Queries that ended, by outcome: end, error, cancelled.',
      ['environment', 'outcome'],
      registers,
    )
    this.#seconds = new Histogram({
      name: 'sluice_query_seconds',
      help: 'Duration of queries.',
      labelNames: ['outcome'],
      buckets: [0.01, 0.05, 0.2, 1, 5, 20, 60, 300, 1800],
      registers,
    })
    this.#rows = counter('sluice_rows_total', 'RECORD frames sent.', ['environment'], registers)
    this.#bytes = counter(
      'sluice_kafka_bytes_read_total',
      'Bytes of record batches read from Kafka, as stored.',
      ['environment'],
      registers,
    )
    this.#scanned = counter('sluice_records_scanned_total', 'Records looked at.', ['environment'], registers)
    this.#bad = counter('sluice_bad_records_total', 'Records that could not be decoded.', ['environment'], registers)
    const refused = 'WebSocket upgrades refused, by HTTP status.'
    this.refused = counter('sluice_connections_refused_total', refused, ['reason'], registers)
    this.logins = counter(
      'sluice_logins_total',
      'Calls of POST /api/login, by outcome: good, wrong, busy, locked, full.',
      ['outcome'],
      registers,
    )
    this.refusedTokens = counter(
      'sluice_tokens_refused_total',
      'Tokens that belong to nobody, have expired or were revoked.',
      [],
      registers,
    )
    this.#kafkaUp = new Gauge({
      name: 'sluice_kafka_up',
      help: 'Whether the Kafka of an environment answered the last time: 1 or 0; nothing before the first answer.',
      labelNames: ['environment'],
      registers,
    })
    this.#draining = new Gauge({
      name: 'sluice_draining',
      help: '1 from the moment that the server was asked to stop, else 0.',
      registers,
    })
    this.#kafka(() => live.kafkaRequests(), registers)
    gauge('sluice_open_sockets', 'Open WebSocket connections.', () => live.openSockets(), registers)
    this.#connections(() => live.connections(), registers)
    this.#workers(() => live.workers(), registers)
    this.#traces(() => live.traces(), registers)
    if (live.store.figures !== undefined) this.#state(live.store, registers)
    if (live.servers !== undefined) this.#servers(live.servers, registers)
    gauge('sluice_running_queries', 'Queries running now.', () => live.runningQueries(), registers)
  }

  #kafka(read: () => Iterable<KafkaRequests>, registers: Registry[]): void {
    new Counter({
      name: 'sluice_kafka_requests_total',
      help: 'Requests sent to Kafka, by name (Fetch, ListOffsets, Metadata, …).',
      labelNames: ['environment', 'request'],
      registers,
      collect() {
        this.reset()
        for (const { environment, request, count } of read()) this.inc({ environment, request }, count)
      },
    })
  }

  #state(store: Pick<OwnedStore, 'condition' | 'figures'>, registers: Registry[]): void {
    const up = () => (store.condition === 'up' ? 1 : 0)
    gauge('sluice_state_up', 'Whether the state topic can be read and changed: 1 or 0.', up, registers)
    const help = {
      objects: 'Objects in',
      offset: 'First offset not read yet of',
      lag: 'Records not read yet of',
    } as const
    for (const figure of ['objects', 'offset', 'lag'] as const)
      gauge(`sluice_state_${figure}`, `${help[figure]} the state topic.`, () => store.figures?.[figure] ?? 0, registers)
    byLabel(
      'sluice_state_records_total',
      'Records read of the state topic: counts, same, late (overtaken by another change), full, other (no object).',
      'outcome',
      () => Object.entries(store.figures?.records ?? {}),
      registers,
    )
    byLabel(
      'sluice_state_changes_total',
      'Changes of objects by this server: made, conflict (another one came first), refused.',
      'outcome',
      () => Object.entries(store.figures?.changes ?? {}),
      registers,
    )
    byLabel(
      'sluice_state_requests_total',
      'Requests sent to Kafka for the state topic, by name.',
      'request',
      () => store.figures?.requests ?? [],
      registers,
    )
  }

  #traces(read: () => TraceFigures | undefined, registers: Registry[]): void {
    byLabel(
      'sluice_trace_spans_total',
      'Spans of traces, by outcome: sent, dropped (no room, or the collector did not take them).',
      'outcome',
      () => Object.entries(read() ?? {}),
      registers,
    )
  }

  #servers(servers: ServersFigures, registers: Registry[]): void {
    const isUp = () => (servers.condition === 'up' ? 1 : 0)
    gauge(
      'sluice_servers',
      'Servers that share their state, this one included, as heard.',
      () => servers.count,
      registers,
    )
    gauge(
      'sluice_servers_topic_up',
      'Whether servers hear each other: 1 or 0, where this one is alone.',
      isUp,
      registers,
    )
    total(
      'sluice_servers_records_passed_over_total',
      'Records of the topic of the servers that say nothing.',
      () => servers.passedOver,
      registers,
    )
  }

  #connections(read: () => ConnectionFigures, registers: Registry[]): void {
    gauge('sluice_connections', 'Open connections, HTTP and WebSocket.', () => read().all, registers)
    gauge(
      'sluice_connections_unauthenticated',
      'Open connections over which no good credential has come.',
      () => read().unauthenticated,
      registers,
    )
    total('sluice_connections_cut_total', 'Connections cut to make room for others.', () => read().cut, registers)
  }

  #workers(read: () => PoolFigures | undefined, registers: Registry[]): void {
    const gauges = {
      threads: ['sluice_worker_threads', 'Threads that queries run on.'],
      jobs: ['sluice_worker_jobs', 'Queries on worker threads.'],
      helping: ['sluice_worker_helping', 'Shares of topics that workers read for queries of others.'],
      waiting: ['sluice_worker_waiting', 'Queries that wait for a thread.'],
      heldBytes: [
        'sluice_worker_held_bytes',
        'Objects, buffers and answers of brokers of all worker threads together.',
      ],
    } as const
    for (const [figure, [name, help]] of Object.entries(gauges))
      gauge(name, help, () => read()?.[figure as keyof typeof gauges] ?? 0, registers)
    total(
      'sluice_query_processor_seconds_total',
      'Processor time of queries on worker threads.',
      () => (read()?.processorMs ?? 0) / 1000,
      registers,
    )
    new Counter({
      name: 'sluice_workers_ended_total',
      help: 'Worker threads that ended, by reason: closed (not needed any more), memory, stalled, too large, fault.',
      labelNames: ['reason'],
      registers,
      collect() {
        this.reset()
        for (const [reason, count] of Object.entries(read()?.ended ?? {})) this.inc({ reason }, count)
      },
    })
  }

  /** All figures, for a scrape; made once in a turn of the event loop, for all who have asked by then. */
  text(): Promise<string> {
    this.#text ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#text = undefined
      return this.registry.metrics()
    })
    return this.#text
  }

  /** What the next scrape says about the health of the server. */
  health({ state, environments }: HealthReport): void {
    this.#draining.set(state === 'draining' ? 1 : 0)
    for (const { name, kafka } of environments)
      if (kafka !== 'unknown') this.#kafkaUp.set({ environment: name }, kafka === 'up' ? 1 : 0)
  }

  started(environment: string): void {
    this.#started.inc({ environment })
  }

  ended(environment: string, summary: RunSummary): void {
    this.#ended.inc({ environment, outcome: summary.outcome })
    this.#seconds.observe({ outcome: summary.outcome }, summary.durationMs / 1000)
    this.#rows.inc({ environment }, summary.results)
    this.#bytes.inc({ environment }, summary.bytesRead)
    this.#scanned.inc({ environment }, summary.recordsScanned)
    this.#bad.inc({ environment }, summary.badRecords)
  }
}

/** A counter whose values are somewhere else, by the values of one label. */
function byLabel(
  name: string,
  help: string,
  label: string,
  read: () => Iterable<readonly [string, number]>,
  registers: Registry[],
): void {
  new Counter({
    name,
    help,
    labelNames: [label],
    registers,
    collect() {
      this.reset()
      for (const [value, count] of read()) this.inc({ [label]: value }, count)
    },
  })
}

function total(name: string, help: string, read: () => number, registers: Registry[]): void {
  new Counter({
    name,
    help,
    registers,
    collect() {
      this.reset()
      this.inc(read())
    },
  })
}

function counter<Label extends string>(
  name: string,
  help: string,
  labelNames: Label[],
  registers: Registry[],
): Counter<Label> {
  return new Counter({ name, help, labelNames, registers })
}

function gauge(name: string, help: string, read: () => number, registers: Registry[]): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(read())
    },
  })
}

/** One count for each request of each environment. */
export function addedCounts(counts: readonly KafkaRequests[]): Iterable<KafkaRequests> {
  const sums = new Map<string, KafkaRequests>()
  for (const { environment, request, count } of counts) {
    const key = `${environment} ${request}`
    sums.set(key, { environment, request, count: count + (sums.get(key)?.count ?? 0) })
  }
  return sums.values()
}
