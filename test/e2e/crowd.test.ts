/**
 * Many clients of many accounts on a real Kafka while threads of the server are ended under them: every query has its
 * answer, or an ERROR that says to ask again, and the server goes on.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type CrowdTopic, runCrowd } from '../../bench/crowd.ts'
import type { RunningServer } from '../../src/server/start.ts'
import { topicName } from './cluster.ts'
import { kafkaHand } from './kafka-hand.ts'
import { ALL, cluster, serve } from './served.ts'

const RECORDS = 20_000
const ACCOUNTS = 20
const CLIENTS = Number(process.env.SLUICE_CROWD_CLIENTS ?? 60)
/** A minute and 200 clients by hand: `SLUICE_CROWD_SECONDS=60 SLUICE_CROWD_CLIENTS=200`. */
const SECONDS = Number(process.env.SLUICE_CROWD_SECONDS ?? 8)
const END_MS = 2000

describe('a crowd, and threads that end', { skip: cluster.skip }, () => {
  const topic: CrowdTopic = { name: topicName('crowd'), records: RECORDS }
  const tokens = Array.from({ length: ACCOUNTS + 1 }, (_, i) => `crowd-token-of-account-${i}`)
  let server: RunningServer

  before(async () => {
    const hand = await kafkaHand(cluster.kafka.bootstrap)
    await hand.create(topic.name, { partitions: 3 })
    await hand.produce(
      topic.name,
      Array.from({ length: RECORDS }, (_, n) => ({
        value: JSON.stringify({ n, g: n % 10, text: n % 10 === 3 ? 'hay needle hay' : 'hay and more hay' }),
        partition: n % 3,
      })),
    )
    await hand.close()
    server = await serve({
      serviceAccounts: tokens.map((token, i) => ({ name: `account${i}`, token, permissions: ALL })),
    })
  })
  after(() => server?.close(0))

  it('has an answer or a word for each', async () => {
    const url = `${server.url.replace('http', 'ws')}/api/v1/environments/demo/proxy/api/ws/v2/sql/execute`
    // Where threads would end faster than this machine answers, there would be no answers.
    let [seen, seenAtEnd, endings] = [0, 0, 0]
    const ending = setInterval(() => {
      if (seen === seenAtEnd) return
      seenAtEnd = seen
      endings++
      void server.workers?.restart()
    }, END_MS)
    const enough = (n: number): boolean => {
      seen = n
      return endings > 2
    }
    const options = { clients: CLIENTS, seconds: SECONDS, enough }
    const { answered, errors, faults } = await runCrowd(url, tokens, topic, options)
    clearInterval(ending)
    console.log(`${answered} answered, ${[...errors].map(([text, n]) => `${n} × ${text}`).join(', ') || 'no errors'}`)
    assert.deepEqual(faults, [])
    assert.ok(answered > 0, 'nothing was answered')
    for (const text of errors.keys()) assert.match(text, /Ask again|ask again|ended together|thread|Too many queries/)
    const ended = Object.values(server.workers?.ended ?? {}).reduce((sum, n) => sum + n, 0)
    assert.ok(ended > 0, 'no thread was ended')
    const after = await runCrowd(url, tokens, topic, { clients: 1, seconds: 0.2 })
    assert.deepEqual([after.faults, [...after.errors]], [[], []])
  })
})
