/**
 * The broker that is asked, in a process of its own: the sandbox with very many topics, and one topic of very many
 * partitions. node bench/scale/broker.ts TOPICS PARTITIONS → one line of JSON, `{brokers, registry, seconds, rssMiB}`.
 */
import { startBroker } from '../../src/sandbox/broker.ts'
import { BatchWriter } from '../../src/sandbox/log/batch-writer.ts'
import { startRegistry } from '../../src/sandbox/schema-registry.ts'
import { FEW, generatedName, RECORDS_PER_PARTITION, SMALL, WIDE } from './names.ts'

const [topics, partitions] = process.argv.slice(2).map(Number)
const started = performance.now()
const broker = await startBroker()
const registry = await startRegistry()

for (let i = 0; i < topics; i++) broker.createTopic(generatedName(i))
for (let i = 0; i < FEW.count; i++) broker.createTopic(`${FEW.prefix}${String(i).padStart(2, '0')}`)
broker.createTopic(SMALL)
broker.createTopic(WIDE, { partitions })

/** One batch of small JSON records whose `n` counts up from `from`. */
function batchOf(writer: BatchWriter, from: number, count: number): Uint8Array {
  for (let n = from; n < from + count; n++) {
    const value = Buffer.from(JSON.stringify({ n, g: n % 10, text: 'some words that are read and passed over' }))
    writer.add(1_700_000_000_000 + n, null, { buffer: value, length: value.length })
  }
  return writer.finish()
}

const writer = new BatchWriter()
broker.append(SMALL, 0, batchOf(writer, 0, 100))
for (let i = 0; i < FEW.count; i++)
  broker.append(`${FEW.prefix}${String(i).padStart(2, '0')}`, 0, batchOf(writer, 0, 100))
for (let p = 0; p < partitions; p++)
  broker.append(WIDE, p, batchOf(writer, p * RECORDS_PER_PARTITION, RECORDS_PER_PARTITION))

const seconds = (performance.now() - started) / 1000
const rssMiB = Math.round(process.memoryUsage.rss() / 2 ** 20)
console.log(JSON.stringify({ brokers: broker.bootstrap, registry: registry.url, seconds, rssMiB }))
process.once('SIGTERM', () => process.exit(0))
