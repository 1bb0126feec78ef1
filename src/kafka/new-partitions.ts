/**
 * Looks now and then whether a topic has got further partitions, for a scan that goes on with what comes. Says what it
 * found; reads nothing. Trouble on the way is no matter of this: whoever fetches has it, too.
 */
import { systemClock } from '../lib/clock.ts'
import type { Cluster, TopicMetadata } from './cluster.ts'

/** Scans of one topic share an answer that is younger than this part of the time between two looks. */
const SHARED_PART = 0.8

/** What is looked at, and until when. */
interface Watched {
  readonly topic: string
  readonly cluster: Cluster
  /** Aborted when nothing is to be looked at any more. */
  readonly signal: AbortSignal
  /** Gets what was thrown over what was found. */
  fail(error: unknown): void
}

/** Calls `found` with the topic as the cluster describes it, every `kafka.follow.partitions`. */
export function watchPartitions(watched: Watched, found: (topic: TopicMetadata) => void): void {
  const { topic, cluster, signal } = watched
  if (signal.aborted) return
  const periodMs = cluster.newPartitionsMs
  let asking = false
  const look = async (): Promise<void> => {
    let described: TopicMetadata
    try {
      described = await cluster.topic(topic, { signal, maxAgeMs: periodMs * SHARED_PART })
    } catch {
      return
    }
    if (!signal.aborted) found(described)
  }
  const timer = systemClock.every(periodMs, () => {
    if (asking) return
    asking = true
    look()
      .catch((error: unknown) => watched.fail(error))
      .finally(() => {
        asking = false
      })
  })
  signal.addEventListener('abort', () => timer.cancel(), { once: true })
}
