/**
 * The long run of random queries, conditions and expressions, here and on a real Flink over a real Kafka, all of them started here:
 * node bench/flink-differential.ts [--queries N] [--conditions N] [--calls N] [--seed N] [--minutes N]. Prints what differs at
 * once, then counts; the exit code says whether anything differs. Refused statements count as asked. The short run is
 * test/e2e/flink.test.ts.
 */
import { parseArgs } from 'node:util'
import { startFlink } from '../scripts/flink.ts'
import { startKafka } from '../scripts/kafka.ts'
import {
  CALLS_A_ROUND,
  callsRound,
  compareConditions,
  type Compared,
  countOf,
  newCompared,
  plain,
  produceRows,
  queriesRound,
  SLOTS,
} from '../test/e2e/flink-hands.ts'
import { serve } from '../test/e2e/golden-hands.ts'
import { kafkaHand } from '../test/e2e/kafka-hand.ts'
import { worldData } from '../test/support/memory-world.ts'
import { ANY_CASE } from '../test/support/slt.ts'

const { values: options } = parseArgs({
  options: {
    queries: { type: 'string', default: '5000' },
    conditions: { type: 'string', default: '5000' },
    calls: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '600' },
  },
})
const [queries, conditions, calls, first] = [options.queries, options.conditions, options.calls, options.seed].map(
  Number,
)
const begun = Date.now()
const isTime = (): boolean => Date.now() - begun < Number(options.minutes) * 60_000
/** Conditions that are compared between two looks at the clock. */
const CONDITIONS_A_ROUND = 500

const kafka = await startKafka()
const flink = await startFlink({ slots: SLOTS, throughput: true, gatewayHeapMb: 3000, taskHeapMb: 768 })
const hand = await kafkaHand(kafka.bootstrap)
try {
  const ofQueries = newCompared()
  const on = { hand, brokers: kafka.bootstrap, gateway: flink.gateway }
  for (let seed = first; countOf(ofQueries) < queries && isTime(); seed++) {
    const told = ofQueries.wrong.length
    await queriesRound(seed, on, ofQueries)
    say(`seed ${seed}`, ofQueries, told)
  }
  const ofCalls = newCompared()
  for (let seed = first; countOf(ofCalls) < calls && isTime(); seed++) {
    const told = ofCalls.wrong.length
    await callsRound(seed, CALLS_A_ROUND, on, ofCalls)
    say(`expressions, seed ${seed}`, ofCalls, told)
  }
  const ofConditions = newCompared()
  const topic = 'conditions'
  await produceRows(hand, topic)
  const formats = { [topic]: { key: 'STRING', value: 'JSON' } } as const
  const server = await serve(kafka.bootstrap, { ...worldData([]), formats }, undefined, {
    flink: { gateway: flink.gateway, parallelism: 1 },
  })
  const ask = async (sql: string): Promise<unknown[]> => {
    const lines = await server.ask({ ...ANY_CASE, sql })
    const error = lines.find((line) => line.startsWith('ERROR'))
    if (error !== undefined) throw new Error(error)
    return [plain(lines)]
  }
  for (let seed = first; countOf(ofConditions) < conditions && isTime(); seed++) {
    const count = Math.min(CONDITIONS_A_ROUND, conditions - countOf(ofConditions))
    const round = await compareConditions({ seed, count, topic }, ask)
    const told = ofConditions.wrong.length
    ofConditions.same += round.same
    ofConditions.refused += round.refused
    ofConditions.wrong.push(...round.wrong)
    say(`conditions, seed ${seed}`, ofConditions, told)
  }
  await server.close()
  const all = { queries: ofQueries, expressions: ofCalls, conditions: ofConditions }
  console.log(`\nseeds from ${first}, ${seconds()} s`)
  for (const [what, compared] of Object.entries(all)) {
    console.log(`${what}: ${counts(compared)}`)
    for (const [why, n] of [...compared.reasons].sort((x, y) => y[1] - x[1])) console.log(`  refused ${n}: ${why}`)
  }
  process.exitCode = Object.values(all).every(({ wrong }) => wrong.length === 0) ? 0 : 1
} finally {
  await hand.close()
  await flink.stop()
  await kafka.stop()
}

function seconds(): number {
  return Math.round((Date.now() - begun) / 1000)
}

function counts({ same, refused, failed, wrong }: Compared): string {
  return `${same} the same, ${refused} refused, ${failed} an error on both sides, ${wrong.length} different`
}

/** What came since `told`, and the counts so far. */
function say(what: string, compared: Compared, told: number): void {
  for (const text of compared.wrong.slice(told)) console.log(`${text}\n`)
  console.log(`… ${what}: ${counts(compared)}, ${seconds()} s`)
}
