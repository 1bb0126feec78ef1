/** Loads what a topic page shows. What is loaded is forgotten when the page is left, so that nothing outlives a logout. */
import { useEffect, useState } from 'preact/hooks'
import { behind, rest } from '../session/server.ts'
import type { Group, TopicDetails, TopicState } from './details.ts'

/** A value on its way: `value` stays while it is loaded anew. */
export interface Loaded<T> {
  readonly value: T | undefined
  readonly failure: string | undefined
}

/** Loads when `load` is another one by `key`, and when `round` changes. */
export function useLoaded<T>(key: string, round: number, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, set] = useState<Loaded<T> & { readonly key: string }>({ key, value: undefined, failure: undefined })
  useEffect(() => {
    const abort = new AbortController()
    load(abort.signal).then(
      (value) => {
        if (!abort.signal.aborted) set({ key, value, failure: undefined })
      },
      (cause: unknown) => {
        const failure = cause instanceof Error ? cause.message : String(cause)
        if (!abort.signal.aborted) set((before) => ({ key, value: before.value, failure }))
      },
    )
    return () => abort.abort()
  }, [key, round])
  return state.key === key ? state : { value: undefined, failure: undefined }
}

export function loadDetails(environment: string, topic: string, signal: AbortSignal): Promise<TopicDetails> {
  return rest(behind(environment, `api/v1/kafka/topics/${encodeURIComponent(topic)}/details`), { signal })
}
export function loadState(environment: string, topic: string, signal: AbortSignal): Promise<TopicState> {
  return rest(behind(environment, `api/topics/${encodeURIComponent(topic)}`), { signal })
}
export function loadGroups(environment: string, topic: string, signal: AbortSignal): Promise<readonly Group[]> {
  return rest(behind(environment, `api/consumers/${encodeURIComponent(topic)}`), { signal })
}
