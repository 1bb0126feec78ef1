/** Decompression that waits at a gate, and compressed topics on a fake broker to see what a scan does meanwhile. */
import type { TestContext } from 'node:test'
import { compressionsAlgorithms } from '@platformatic/kafka'
import { Cluster } from '../../src/kafka/cluster.ts'
import { Decompressor, type Plain } from '../../src/kafka/codecs/compression.ts'
import type { KafkaLog } from '../../src/kafka/log.ts'
import { createKafkaLog } from '../../src/kafka/read/reader.ts'
import { writeRecordBatch } from '../../src/kafka/read/record-batch.ts'
import { FakeCluster } from '../wire/fake-broker.ts'

export const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const

/** Batches of `size` records `{"n": offset}`, each padded by so many bytes. */
export function compressedBatches(codec: (typeof CODECS)[number], count: number, size: number, padding = 0): Buffer[] {
  return Array.from({ length: count }, (_, b) =>
    writeRecordBatch(
      Array.from({ length: size }, (_, i) => {
        const n = b * size + i
        return { value: `{"n":${n},"text":"${'x'.repeat(padding)}"}`, timestamp: 1_700_000_000_000 + n }
      }),
      {
        baseOffset: b * size,
        codec,
        compress: (plain) => Buffer.from(compressionsAlgorithms[codec].compressSync(plain)),
      },
    ),
  )
}

/** A log on a fake cluster, both closed after the test. `cluster`: what the log reads from. */
export async function fakeLog(
  t: TestContext,
): Promise<{ readonly fake: FakeCluster; readonly log: KafkaLog; readonly cluster: Cluster }> {
  const fake = await FakeCluster.start()
  const cluster = new Cluster({ brokers: fake.addresses, retryTimeoutMs: 2000, gapTimeoutMs: 600 })
  t.after(async () => {
    cluster.close()
    await fake.stop()
  })
  return { fake, log: createKafkaLog(cluster), cluster }
}

/** Where decompressed batches wait while it is closed. */
export interface Gate {
  /** Batches at the gate. */
  readonly held: number
  close(): void
  /** Lets all go that wait. */
  open(): void
}

/**
 * Until the end of the test batches wait at a gate once they are decompressed: at first it is open. `each`: of every
 * batch by its number, whether it waits although the gate is open.
 */
export function holdDecompression(t: TestContext, each: (n: number) => boolean = () => false): Gate {
  let closed = false
  let n = 0
  let waiting: (() => void)[] = []
  const { run, apart } = Decompressor.prototype
  const atGate = async (plain: Plain | Promise<Plain>): Promise<Plain> => {
    // Memory of its own, as whatever comes with a promise has.
    const found = plain instanceof Promise ? await plain : apartFrom(plain)
    if (closed || each(n++)) await new Promise<void>((resolve) => waiting.push(resolve))
    return found
  }
  t.mock.method(Decompressor.prototype, 'run', function (this: Decompressor, ...args: Parameters<typeof run>) {
    return atGate(run.apply(this, args))
  })
  t.mock.method(Decompressor.prototype, 'apart', function (this: Decompressor, ...args: Parameters<typeof apart>) {
    return atGate(apart.apply(this, args))
  })
  return {
    get held() {
      return waiting.length
    },
    close() {
      closed = true
    },
    open() {
      closed = false
      for (const go of waiting) go()
      waiting = []
    },
  }
}

function apartFrom({ buffer, from, to }: Plain): Plain {
  const own = Buffer.allocUnsafeSlow(to - from)
  buffer.copy(own, 0, from, to)
  return { buffer: own, view: new DataView(own.buffer), from: 0, to: own.length }
}
