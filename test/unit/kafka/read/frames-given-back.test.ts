/**
 * However a scan ends, all its frames come back to the pool: one that does not is memory that nobody uses and that is
 * counted as held for ever. And none comes back while another thread still reads it.
 */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import type { BatchSource, ScanRequest } from '../../../../src/kafka/log.ts'
import { Scan } from '../../../../src/kafka/read/topic-scan.ts'
import { FramePool, frameBytes } from '../../../../src/kafka/wire/frame-pool.ts'
import { API } from '../../../../src/kafka/wire/primitives.ts'
import { eventually } from '../../../support/eventually.ts'
import { compressedBatches, fakeLog, holdDecompression } from '../../../support/held-decompression.ts'
import type { FakeRequest, Fault } from '../../../wire/fake-broker.ts'

const PLAIN = compressedBatches('snappy', 120, 50, 40)
const ZSTD = compressedBatches('zstd', 120, 50, 1000)

async function ready(t: TestContext, partitions: readonly (readonly Buffer[])[]) {
  const { fake, cluster } = await fakeLog(t)
  const parts = fake.add(
    't',
    partitions.map((list) => [...list]),
  )
  const pool = new FramePool()
  const open = (more: Partial<ScanRequest> = {}, signal = new AbortController().signal) => {
    const ranges = parts.map(({ start, end }, partition) => ({ partition, start, end }))
    const request = { topic: 't', isolation: 'read_committed' as const, fetchMaxBytes: 64 * 1024, ranges, ...more }
    return new Scan(cluster, pool, request, signal, {})
  }
  const back = () => eventually('all frames are back', () => pool.lent === 0)
  return { fake, parts, pool, open, back }
}

/** Takes so many batches; fewer, where the scan ends before. */
async function take(source: BatchSource, count: number): Promise<number> {
  for (let taken = 0; taken < count; taken++) if ((await source.next()) === undefined) return taken
  return count
}

for (const [codec, list] of [
  ['snappy', PLAIN],
  ['zstd', ZSTD],
] as const)
  for (const more of [{}, { unordered: true }, { limit: 3 }])
    test(`${codec} ${JSON.stringify(more)}: read to the end, closed, aborted, after any number of batches`, async (t) => {
      const { open, back } = await ready(t, [list, list.slice(0, 30)])
      assert.equal(await take(open(more), 1000), 150)
      await back()
      for (const count of [0, 1, 2, 7, 40, 149]) {
        const closed = open(more)
        await take(closed, count)
        closed.close()
        await back()
        const stop = new AbortController()
        const aborted = open(more, stop.signal)
        await take(aborted, count)
        stop.abort(new Error('killed'))
        await assert.rejects(async () => await aborted.next(), /killed/)
        aborted.close()
        await back()
        const waiting = open(more)
        await take(waiting, count)
        const next = waiting.next()
        waiting.close()
        await next
        await back()
      }
    })

test('what happens to answers on the way: connections lost, parts of answers, errors, nonsense', async (t) => {
  const { fake, parts, open, back } = await ready(t, [PLAIN, PLAIN])
  let n = 0
  const nonsense = Buffer.from('0000000c0000000100000000ffff00000000', 'hex')
  const everyThird =
    (fault: Fault) =>
    ({ api }: FakeRequest): Fault =>
      api === API.fetch && n++ % 3 === 1 ? fault : undefined
  for (const fault of [{ cut: 30 }, { cut: 5000 }, 'drop'] as const) {
    n = 0
    fake.fault = everyThird(fault)
    for (const count of [3, 1000]) {
      const source = open()
      await take(source, count)
      source.close()
      await back()
    }
  }
  n = 0
  fake.fault = everyThird({ replace: nonsense })
  const misled = open()
  await assert.rejects(take(misled, 1000))
  misled.close()
  await back()
  fake.fault = () => undefined
  for (const error of [6, 29]) {
    const source = open()
    await take(source, 2)
    parts[1].error = error
    if (error === 6) {
      await take(source, 20)
      source.close()
    } else await assert.rejects(take(source, 1000), /TOPIC_AUTHORIZATION_FAILED|authorized/i)
    source.close()
    await back()
    parts[1].error = 0
  }
})

test('a scan that is closed while an answer is under way', async (t) => {
  const { fake, open, back, pool } = await ready(t, [PLAIN])
  fake.fault = ({ api }) => (api === API.fetch ? { trickle: 1000 } : undefined)
  const source = open({ limit: 1 })
  const next = source.next()
  await eventually('a part has come', () => pool.lent > 0)
  source.close()
  await next
  await back()
})

test('a frame that another thread decompresses from comes back when it has done', async (t) => {
  const { open, pool, back } = await ready(t, [ZSTD])
  const gate = holdDecompression(t)
  gate.close()
  const source = open()
  const next = Promise.resolve(source.next())
  await eventually('a batch is held', () => gate.held > 0)
  source.close()
  await turn()
  assert.ok(pool.lent > 0)
  gate.open()
  await next
  await back()
})

test('what is held is counted, however many scans there were', async (t) => {
  const { open, pool, back } = await ready(t, [PLAIN, PLAIN])
  const counts: number[] = []
  for (let i = 0; i < 40; i++) {
    const source = open()
    await take(source, 5)
    source.close()
    await back()
    counts.push(frameBytes())
  }
  assert.equal(pool.lent, 0)
  assert.equal(counts.at(-1), counts[3], 'the same frames again and again')
})
