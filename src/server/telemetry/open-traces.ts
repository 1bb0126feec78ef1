/** Whether there are traces: only then what makes them is loaded. */
import type { TracesConfig } from '../config/telemetry.ts'
import type { TraceMeans, Traces } from './traces.ts'

/** undefined, and nothing is loaded, where the configuration names no collector. */
export async function openTraces(config: TracesConfig | undefined, means: TraceMeans): Promise<Traces | undefined> {
  if (config === undefined) return undefined
  const { OtlpTraces } = await import('./otlp.ts')
  return new OtlpTraces(config, means)
}
