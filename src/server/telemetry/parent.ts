/** The span of a caller, from the headers of its request (W3C Trace Context). What is too long or not valid is ignored. */
import type { IncomingHttpHeaders } from 'node:http'
import { type Context, ROOT_CONTEXT } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'

/**
 * Limit `trace.parent.characters` (characters): the header `traceparent`, which has 55 in its present version. Beyond
 * it: it is ignored.
 */
const MAX_PARENT = 128
/**
 * Limit `trace.state.characters` (characters): the header `tracestate`; the standard asks for at least so many. Beyond
 * it: it is ignored, and `traceparent` counts alone.
 */
const MAX_STATE = 512

const propagator = new W3CTraceContextPropagator()
const getter = {
  keys: (headers: Record<string, string>) => Object.keys(headers),
  get: (headers: Record<string, string>, name: string) => headers[name],
}

/** The root context where the headers name no span. */
export function parentOf({ traceparent, tracestate }: IncomingHttpHeaders): Context {
  if (typeof traceparent !== 'string' || traceparent.length > MAX_PARENT) return ROOT_CONTEXT
  const state = typeof tracestate === 'string' && tracestate.length <= MAX_STATE ? { tracestate } : {}
  return propagator.extract(ROOT_CONTEXT, { traceparent, ...state }, getter)
}
