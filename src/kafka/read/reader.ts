/**
 * Kafka as the engine sees it (`log`): bounds of partitions, offsets for a time, and scans. Opens scans on a cluster
 * and keeps their frames for the next ones. How a scan works is in `topic-scan` and `lane`.
 */
import { systemClock } from '../../lib/clock.ts'
import { type CallOptions, type Cluster, EARLIEST, LATEST } from '../cluster.ts'
import { clientError, madeAnew } from '../errors.ts'
import { FramePool } from '../wire/frame-pool.ts'
import { KafkaError, type KafkaLog } from '../log.ts'
import { Scan } from './topic-scan.ts'

export interface KafkaLogOptions {
  /** Check each batch's CRC-32C. Default true. */
  readonly checkCrcs?: boolean
  /** `kafka.decompressed.batch.max.bytes`, default 64 MiB. */
  readonly decompressedBatchMaxBytes?: number
}

/** Reads from the cluster; `close` closes the cluster's connections too. */
export function createKafkaLog(cluster: Cluster, options: KafkaLogOptions = {}): KafkaLog & { close(): void } {
  const frames = new FramePool()
  return {
    async bounds(topic, partitions, { isolation, timeoutMs, signal, topicId }) {
      return await within(topic, timeoutMs, signal, async (call) => {
        const [starts, ends] = await Promise.all([
          cluster.listOffsets(topic, partitions, EARLIEST, isolation, call),
          cluster.listOffsets(topic, partitions, LATEST, isolation, call),
        ])
        if (topicId !== undefined) {
          const { id } = await cluster.topic(topic, { ...call, fresh: true })
          if (id !== undefined && id !== topicId) throw madeAnew(topic)
        }
        return partitions.map((partition) => {
          const start = starts.get(partition) as number
          return { partition, start, end: Math.max(start, ends.get(partition) as number) }
        })
      })
    },
    async offsetsForTime(topic, partitions, timestampMs, { isolation, timeoutMs, signal }) {
      return await within(topic, timeoutMs, signal, async (call) => {
        // A negative timestamp would be taken for a place.
        const found = await cluster.listOffsets(
          topic,
          partitions,
          Math.max(0, Math.floor(timestampMs)),
          isolation,
          call,
        )
        return partitions.map((partition) => {
          const offset = found.get(partition) as number
          return offset < 0 ? undefined : offset
        })
      })
    },
    scan(request, signal) {
      return new Scan(cluster, frames, request, signal, options)
    },
    close() {
      cluster.close()
    },
  }
}

async function within<T>(
  topic: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  ask: (call: CallOptions) => Promise<T>,
): Promise<T> {
  try {
    return await ask({ signal, deadlineMs: systemClock.monotonic() + timeoutMs })
  } catch (error) {
    if (!(error instanceof KafkaError) || error.errorName !== 'TIMEOUT') throw error
    throw clientError(
      'TIMEOUT',
      `Kafka did not return the offsets of "${topic}" within ${timeoutMs} ms (kafka.offset.timeout)`,
      true,
    )
  }
}
