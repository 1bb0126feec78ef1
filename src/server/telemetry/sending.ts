/**
 * Spans on their way to the collector: OpenTelemetry's own batching and exporter, with what the server wants to know of
 * them: how many were sent, how many dropped, and one line in the log when that begins and when it is over.
 */
import { createNoopMeter, type MeterProvider } from '@opentelemetry/api'
import { ExportResultCode } from '@opentelemetry/core'
import { CompressionAlgorithm, OTLPExporterBase } from '@opentelemetry/otlp-exporter-base'
import { createOtlpHttpExportDelegate, httpAgentFactoryFromOptions } from '@opentelemetry/otlp-exporter-base/node-http'
import { JsonTraceSerializer, TraceExporterMetricsHelper } from '@opentelemetry/otlp-transformer'
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace'
import type { TracesConfig } from '../config/telemetry.ts'
import { NAME, VERSION } from '../version.ts'
import type { TraceFigures, TraceMeans } from './traces.ts'

/** Spans of one request: some hundred KiB of JSON, a millisecond or two of the thread that owns the sockets. */
const BATCH = 128
/** How long spans wait for others. */
const DELAY_MS = 1000
/** Connections to the collector: one is used, and more at the end, when all that waits is sent. */
const CONNECTIONS = 4

type Exporter = SpanExporter & Required<Pick<SpanExporter, 'forceFlush'>>

/** Counts what becomes of spans. */
export class Sending {
  readonly processor: BatchSpanProcessor
  readonly #log: TraceMeans['log']
  readonly #about: object
  #sent = 0
  #dropped = 0
  /** Spans dropped by the time of the last request that went well. */
  #droppedBefore = 0
  /** Why spans are dropped, as a line in the log has said. */
  #trouble: 'requests fail' | 'no room' | undefined

  constructor(config: TracesConfig, { limits, log }: TraceMeans) {
    this.#log = log
    // The path may hold a key.
    this.#about = { endpoint: new URL(config.endpoint).origin }
    const timeoutMs = limits['telemetry.traces.timeout']
    const most = limits['telemetry.traces.queue']
    this.processor = new BatchSpanProcessor({
      // At the end all batches are given to the exporter at once.
      exporter: this.#counted(exporterOf(config, timeoutMs, Math.ceil(most / Math.min(BATCH, most)) + 1)),
      maxQueueSize: most,
      maxExportBatchSize: Math.min(BATCH, most),
      scheduledDelayMillis: DELAY_MS,
      // The exporter keeps to its time by itself; this is behind it.
      exportTimeoutMillis: 2 * timeoutMs,
      selfObsMeterProvider: this.#watched(),
    })
  }

  get figures(): TraceFigures {
    return { sent: this.#sent, dropped: this.#dropped }
  }

  #counted(exporter: Exporter): SpanExporter {
    return {
      export: (spans: ReadableSpan[], done) =>
        exporter.export(spans, (result) => {
          if (result.code === ExportResultCode.SUCCESS) this.#went(spans.length)
          else this.#drop(spans.length, 'requests fail', reasonOf(result.error))
          done(result)
        }),
      forceFlush: () => exporter.forceFlush(),
      shutdown: () => exporter.shutdown(),
    }
  }

  /** The processor tells its meter of spans for which there was no room. */
  #watched(): MeterProvider {
    const add = (count: number, attributes: Readonly<Record<string, unknown>> = {}): void => {
      if (attributes['error.type'] === 'queue_full')
        this.#drop(count, 'no room', 'more spans wait than the limit telemetry.traces.queue allows')
    }
    const meter = Object.assign(createNoopMeter(), { createCounter: () => ({ add }) })
    return { getMeter: () => meter }
  }

  /** A collector that is only slow takes what it gets: it is well when nothing was dropped from one request to the next. */
  #went(spans: number): void {
    this.#sent += spans
    const dropping = this.#dropped > this.#droppedBefore
    this.#droppedBefore = this.#dropped
    if (this.#trouble === undefined || (this.#trouble === 'no room' && dropping)) return
    this.#trouble = undefined
    this.#log.info({ ...this.#about, dropped: this.#dropped }, 'traces are sent again')
  }

  #drop(spans: number, trouble: 'requests fail' | 'no room', reason: string): void {
    this.#dropped += spans
    if (this.#trouble !== undefined) return
    this.#trouble = trouble
    this.#log.warn({ ...this.#about, reason }, 'traces cannot be sent: their spans are dropped and counted')
  }
}

/**
 * The parts of OpenTelemetry's OTLP exporter, put together here: its ready-made class also takes addresses, headers and
 * keys from variables of its own, and what counts here is the server's configuration alone.
 */
function exporterOf({ endpoint, headers, tls }: TracesConfig, timeoutMs: number, requests: number): Exporter {
  const { ca, ...keys } = tls ?? {}
  const delegate = createOtlpHttpExportDelegate(
    {
      url: endpoint,
      headers: async () => ({ ...headers, 'Content-Type': 'application/json' }),
      timeoutMillis: timeoutMs,
      concurrencyLimit: requests,
      compression: CompressionAlgorithm.NONE,
      agentFactory: httpAgentFactoryFromOptions({
        keepAlive: true,
        maxSockets: CONNECTIONS,
        ...keys,
        ...(ca === undefined ? {} : { ca: [ca].flat() }),
      }),
      userAgent: `${NAME}/${VERSION}`,
    },
    JsonTraceSerializer,
    'otlp_http_span_exporter',
    TraceExporterMetricsHelper,
    undefined,
  )
  return new OTLPExporterBase(delegate)
}

/** What a collector answers is not repeated: it may hold what it was sent. */
function reasonOf(error: Error | undefined): string {
  const code = error !== undefined && 'code' in error ? error.code : undefined
  if (typeof code === 'number') return `the collector answered ${code}`
  return typeof code === 'string' ? code : (error?.message ?? 'no answer').slice(0, 200)
}
