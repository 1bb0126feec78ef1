/**
 * `npm run bench -- --crowd`: 200 clients of 20 accounts on the real program over a real Kafka, and how long the small
 * query of one more account takes alone and beside them. Writes its section of bench/RESULTS.md. Wrong rows or a query
 * without an end make the exit code 1.
 */
import { kafkaHand } from '../test/e2e/kafka-hand.ts'
import { startKafka } from '../scripts/kafka.ts'
import { startRegistry } from '../scripts/registry.ts'
import { type CrowdTopic, runCrowd } from './crowd.ts'
import { saveSection } from './results.ts'
import { machineName, peakMiB, startServer } from './server.ts'

const ACCOUNTS = 20
const CLIENTS = 200
const ALONE_SECONDS = 10
const SECONDS = 30
const TOPIC: CrowdTopic = { name: 'bench_crowd', records: 100_000 }

/** Whether everything was answered rightly. */
export async function measureCrowd(): Promise<boolean> {
  const kafka = await startKafka()
  const registry = await startRegistry()
  const tokens = Array.from({ length: ACCOUNTS + 1 }, (_, i) => `crowd-token-of-account-${i}`)
  const accounts = tokens.flatMap((token, i) => ['--service-account', `account${i}:${token}`])
  const server = await startServer(kafka.bootstrap, registry.url, accounts)
  try {
    await seed(kafka.bootstrap)
    const alone = await runCrowd(server.url, tokens, TOPIC, { clients: 0, seconds: ALONE_SECONDS })
    const crowd = await runCrowd(server.url, tokens, TOPIC, { clients: CLIENTS, seconds: SECONDS })
    const [aloneMs, crowdMs] = [p95(alone.smallMs), p95(crowd.smallMs)]
    const refused = [...crowd.errors].map(([text, n]) => `${n} × “${text}…”`).join(', ')
    const rows = [
      `${CLIENTS} clients of ${ACCOUNTS} accounts for ${SECONDS} s over ${TOPIC.records.toLocaleString('en')} records: ${crowd.answered} queries answered, ${refused || 'none refused'}, ${crowd.faults.length} wrong or without an end.`,
      `The small query of one more account, 95th percentile: ${aloneMs.toFixed(1)} ms alone, ${crowdMs.toFixed(1)} ms beside them (${(crowdMs / aloneMs).toFixed(1)} ×). Peak memory of the server: ${peakMiB(server.pid)} MiB.`,
    ]
    const text = `Made by \`npm run bench -- --crowd\` on ${machineName()}; Kafka and the clients run on the same machine.\n\n${rows.map((row) => `- ${row}`).join('\n')}\n`
    console.log(text)
    for (const fault of crowd.faults.slice(0, 10)) console.log(fault)
    saveSection('crowd', text, { aloneMs, crowdMs, answered: crowd.answered, peakMiB: peakMiB(server.pid) })
    return crowd.faults.length === 0 && alone.faults.length === 0
  } finally {
    await server.stop()
    await registry.stop()
    await kafka.stop()
  }
}

async function seed(brokers: string): Promise<void> {
  const hand = await kafkaHand(brokers)
  await hand.create(TOPIC.name, { partitions: 3 })
  for (let from = 0; from < TOPIC.records; from += 10_000) {
    const records = Array.from({ length: 10_000 }, (_, i) => {
      const n = from + i
      const text = n % 10 === 3 ? 'hay needle hay' : 'hay and more hay'
      return { value: JSON.stringify({ n, g: n % 10, text }), partition: n % 3 }
    })
    await hand.produce(TOPIC.name, records)
  }
  await hand.close()
}

function p95(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length * 0.95)] ?? Number.NaN
}
