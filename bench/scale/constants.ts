/**
 * What one thread pays for metadata: processor time and memory of a list of all topics, of the metadata and the bounds
 * of the wide topic. node --expose-gc bench/scale/constants.ts HOST:PORT PARTITIONS → one line of JSON, `Constants`.
 */
import { Cluster } from '../../src/kafka/cluster.ts'
import { WIDE } from './names.ts'

/** Milliseconds of processor time, the first and the median of nine more; bytes of the heap for each. */
export interface Constants {
  readonly topics: number
  /** The first one; a new one later, its connection included; one that is the same as the one before. */
  readonly listFirstMs: number
  readonly listMs: number
  readonly sameMs: number
  readonly bytesPerTopic: number
  readonly metadataMs: number
  readonly bytesPerPartition: number
  readonly boundsMs: number
}

const [brokers, count] = process.argv.slice(2)
const partitions = Array.from({ length: Number(count) }, (_, i) => i)
const cluster = new Cluster({ brokers: [brokers] })
await cluster.metadata([])

function heap(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

async function processorMs(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < 10; i++) {
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    times.push((user + system) / 1000)
  }
  return times
}

function median([, ...later]: readonly number[]): number {
  return later.toSorted((a, b) => a - b)[later.length >> 1]
}

const empty = heap()
const same = await processorMs(() => cluster.listing())
const { topics } = await cluster.listing({ maxAgeMs: 60_000 })
const withList = heap()
const described = await processorMs(() => cluster.topic(WIDE, { fresh: true }))
const withTopic = heap()
const anew = await processorMs(async () => {
  const other = new Cluster({ brokers: [brokers] })
  await other.listing()
  other.close()
})
const bounded = await processorMs(() => cluster.listOffsets(WIDE, partitions, -1, 'read_committed'))
cluster.close()
const constants: Constants = {
  topics: topics.length,
  listFirstMs: same[0],
  listMs: median(anew),
  sameMs: median(same),
  bytesPerTopic: (withList - empty) / topics.length,
  metadataMs: median(described),
  bytesPerPartition: (withTopic - withList) / partitions.length,
  boundsMs: median(bounded),
}
console.log(JSON.stringify(constants))
