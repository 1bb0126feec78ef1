/** Captured offsets that are not there any more while Flink reads: what is said of it, and that nothing is said of less. */
import assert from 'node:assert/strict'
import { after, before, describe, it, mock } from 'node:test'
import { deletedMeanwhile, watchEnds } from '../../../src/flink/captured.ts'
import type { FlinkTable } from '../../../src/flink/translate/records/tables.ts'
import { KafkaError, type KafkaLog, type OffsetRange } from '../../../src/kafka/log.ts'
import { defaultSettings } from '../../../src/plan/settings.ts'

/** Partition 1 holds nothing that is wanted. */
const table = {
  scan: { table: { name: 't', topic: 't', topicId: 'id of t' } },
  hulls: [
    { partition: 0, start: 10, end: 20 },
    { partition: 1, start: 5, end: 5 },
  ],
} as unknown as FlinkTable

const bounds = (start: number, end: number): OffsetRange[] => [{ partition: 0, start, end }]

/** Answers one after the other, the last one again and again. */
function asking(answers: readonly (OffsetRange[] | Error)[], signal: AbortSignal) {
  let asked = 0
  const log = {
    bounds: async (_topic: string, partitions: readonly number[], { topicId }: { topicId?: string }) => {
      assert.deepEqual([partitions, topicId], [[0], 'id of t'])
      const answer = answers[Math.min(asked++, answers.length - 1)]
      if (answer instanceof Error) throw answer
      return answer
    },
  } as unknown as KafkaLog
  return { asking: { log, settings: defaultSettings({}, {}), signal }, asked: () => asked }
}

const error = (name: string, retriable: boolean): Error => new KafkaError(3, name, name, retriable)

describe('captured offsets', () => {
  before(() => mock.timers.enable({ apis: ['setTimeout'] }))
  after(() => mock.timers.reset())

  /** What is said within so many looks. */
  async function said(answers: readonly (OffsetRange[] | Error)[], looks: number): Promise<string | undefined> {
    const abort = new AbortController()
    let text: string | undefined
    const { asking: of, asked } = asking(answers, abort.signal)
    const watching = watchEnds([table], of, ({ message }) => {
      text = message
    })
    for (let i = 0; i < looks; i++) {
      mock.timers.tick(5000)
      for (let turns = 0; turns < 20; turns++) await Promise.resolve()
    }
    assert.ok(asked() > 0)
    abort.abort()
    await watching
    return text
  }

  it('an end that is there, or beyond, is nothing to tell', async () => {
    assert.equal(await said([bounds(0, 20), bounds(15, 300)], 3), undefined)
  })

  it('an end that went back ends the statement, and so does a topic that is gone', async () => {
    assert.equal(
      await said([bounds(0, 20), bounds(0, 19)], 3),
      'The topic "t" was made anew or cut off (partition 0 ended at 20, and ends at 19 now) while Flink read it.',
    )
    const gone = error('UNKNOWN_TOPIC_OR_PARTITION', true)
    assert.equal(await said([bounds(0, 20), gone], 3), 'The topic "t" was deleted while Flink read it.')
    const other = error('TOPIC_MADE_ANEW', false)
    const anew = 'The topic "t" was deleted and created again while Flink read it.'
    assert.equal(await said([bounds(0, 20), other], 3), anew)
    await assert.rejects(deletedMeanwhile(table, asking([other], new AbortController().signal).asking), {
      message: anew,
    })
  })

  it('brokers that do not answer are asked again', async () => {
    assert.equal(await said([error('TIMEOUT', true), error('NETWORK', false), bounds(0, 20)], 4), undefined)
    assert.match(String(await said([error('TIMEOUT', true), bounds(0, 1)], 4)), /cut off/)
  })

  it('what was deleted of the wanted offsets is told, and no more', async () => {
    const { signal } = new AbortController()
    const deleted = (answer: OffsetRange[]) => deletedMeanwhile(table, asking([answer], signal).asking)
    assert.deepEqual(await deleted(bounds(10, 20)), [])
    assert.deepEqual(await deleted(bounds(13, 20)), [{ partition: 0, start: 10, end: 13 }])
    assert.deepEqual(await deleted(bounds(40, 50)), [{ partition: 0, start: 10, end: 20 }])
    await assert.rejects(deletedMeanwhile(table, asking([error('TIMEOUT', true)], signal).asking), /TIMEOUT/)
  })
})
