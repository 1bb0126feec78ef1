/**
 * Spans by OpenTelemetry's SDK, sent as OTLP over HTTP in JSON. It is loaded only where the configuration wants traces,
 * and sets nothing of the process: no global provider, no context, no instrumentation.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type Context, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import { ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions'
import type { StageReport } from '../../engine/stages/stages.ts'
import type { ExportSummary } from '../../export/outcome.ts'
import { within } from '../../lib/clock.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import type { TracesConfig } from '../config/telemetry.ts'
import type { Conversation } from '../socket/conversation.ts'
import { NAME, VERSION } from '../version.ts'
import { parentOf } from './parent.ts'
import { endAttributes, stageSpan, startAttributes, UNNAMED } from './query-span.ts'
import { Sending } from './sending.ts'
import type { Caller, CallTrace, QueryTrace, TraceFigures, TraceMeans, Traces } from './traces.ts'

/** A status from which on an answer is an error of the server. */
const SERVER_ERROR = 500

/** Traces of one server. */
export class OtlpTraces implements Traces {
  readonly #config: TracesConfig
  readonly #means: TraceMeans
  readonly #sending: Sending
  readonly #provider: TracerProvider
  readonly #tracer: Tracer
  /** Of the calls that are under way. */
  readonly #calls = new WeakMap<IncomingMessage, Context>()

  constructor(config: TracesConfig, means: TraceMeans) {
    this.#config = config
    this.#means = means
    this.#sending = new Sending(config, means)
    this.#provider = new TracerProvider({
      resource: defaultResource().merge(
        resourceFromAttributes({
          [ATTR_SERVICE_NAME]: NAME,
          [ATTR_SERVICE_VERSION]: VERSION,
          'service.instance.id': randomUUID(),
        }),
      ),
      // Who calls has decided already whether its trace is kept.
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.ratio) }),
      spanProcessors: [this.#sending.processor],
    })
    this.#tracer = this.#provider.getTracer(NAME, VERSION)
  }

  get figures(): TraceFigures {
    return this.#sending.figures
  }

  caller(request: IncomingMessage): Caller {
    return this.#calls.get(request) ?? parentOf(request.headers)
  }

  query(caller: Caller | undefined, session: Conversation, request: QueryRequest): QueryTrace {
    const startTime = this.#means.clock.now()
    const startedMs = this.#means.clock.monotonic()
    const attributes = startAttributes(this.#config, session, request)
    const parent = caller as Context | undefined
    const span = this.#tracer.startSpan(UNNAMED, { kind: SpanKind.SERVER, startTime, attributes }, parent)
    return {
      ended: (its, summary) => {
        const endTime = startTime + (this.#means.clock.monotonic() - startedMs)
        if (span.isRecording()) this.#end(span, its, summary, { startTime, endTime })
        span.end(endTime)
      },
    }
  }

  #end(span: Span, session: Conversation, summary: ExportSummary, time: Times): void {
    const attributes = endAttributes(session, summary)
    span.setAttributes(attributes)
    const name = attributes['db.query.summary']
    if (typeof name === 'string') span.updateName(name)
    if (summary.outcome === 'error') span.setStatus({ code: SpanStatusCode.ERROR })
    if (summary.stages !== undefined) this.#stages(span, summary.stages, time)
  }

  /** A span for the wait for a thread, and one for each stage. Clocks of threads differ by less than a millisecond. */
  #stages(query: Span, { startedAt, stages }: StageReport, { startTime, endTime }: Times): void {
    const inside = (ms: number): number => Math.min(Math.max(ms, startTime), endTime)
    const above = trace.setSpan(parentOf({}), query)
    this.#tracer.startSpan('wait', { startTime }, above).end(inside(startedAt))
    const contexts: Context[] = []
    for (const stage of stages) {
      const { parent, startMs, endMs, failed } = stage
      const { name, attributes } = stageSpan(stage)
      const kind = stage.name === 'read' ? SpanKind.CLIENT : SpanKind.INTERNAL
      const begun = { kind, attributes, startTime: inside(startedAt + startMs) }
      const span = this.#tracer.startSpan(name, begun, parent === undefined ? above : contexts[parent])
      contexts.push(trace.setSpan(above, span))
      if (failed === true) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end(inside(startedAt + endMs))
    }
  }

  call(request: IncomingMessage): CallTrace {
    const { clock } = this.#means
    const method = request.method ?? ''
    const startTime = clock.now()
    const startedMs = clock.monotonic()
    const parent = parentOf(request.headers)
    const attributes = {
      [ATTR_HTTP_REQUEST_METHOD]: method,
      [ATTR_URL_SCHEME]: (request.socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http',
    }
    const span = this.#tracer.startSpan(method, { kind: SpanKind.SERVER, startTime, attributes }, parent)
    this.#calls.set(request, trace.setSpan(parent, span))
    return {
      ended: (route, status) => {
        span.updateName(`${method} ${route}`)
        span.setAttributes({ [ATTR_HTTP_ROUTE]: route, [ATTR_HTTP_RESPONSE_STATUS_CODE]: status })
        if (status >= SERVER_ERROR) {
          span.setAttribute(ATTR_ERROR_TYPE, String(status))
          span.setStatus({ code: SpanStatusCode.ERROR })
        }
        span.end(startTime + (clock.monotonic() - startedMs))
      },
    }
  }

  async close(): Promise<void> {
    const ms = this.#means.limits['shutdown.traces']
    const closed = this.#provider.shutdown().catch(() => undefined)
    await within(closed, { ms, clock: this.#means.clock })
  }
}

interface Times {
  /** Epoch milliseconds. */
  readonly startTime: number
  readonly endTime: number
}
