/**
 * What STATS says of how far a scan has come, where it was read in several places at once or has stopped within a
 * batch: the bound is the captured one, and the end is where the SENTINEL's condition goes on.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runRequest } from '../../../../src/engine/request.ts'
import { Unread } from '../../../../src/engine/scan/ending/unread.ts'
import { Statistics } from '../../../../src/engine/statistics.ts'
import { Progress } from '../../../../src/kafka/read/progress.ts'
import type { Scan } from '../../../../src/plan/plan.ts'
import { defaultSettings } from '../../../../src/plan/settings.ts'
import { memoryWorld } from '../../../support/memory-world.ts'
import { helpersHere } from '../../../support/slt.ts'

interface Place {
  readonly begin: number
  readonly end: number
  readonly offsetBound: number
}

const scan = { table: { name: 't' }, keyPartition: undefined } as unknown as Scan

describe('places of a scan in STATS', () => {
  it('keep the captured bound when the rest of a partition that is read in two places goes to others', () => {
    // Of 1,000 offsets one connection has read the first 300, the other one the last 36, and the rest is dealt out.
    const statistics = new Statistics('id', 0)
    const source = statistics.addSource('s', scan, defaultSettings())
    const progress = new Progress({ partition: 0, start: 0, end: 1000 })
    source.progress = [progress]
    progress.read(0, 300)
    progress.read(964, 1000)
    const rest = new Unread(source).takeAll()
    assert.deepEqual(rest, [{ partition: 0, start: 300, end: 964 }])
    const place = (): Place => statistics.snapshot().sourcesStats.s[0]
    const helper = new Progress(rest[0])
    source.progress = [...source.progress, helper]
    assert.deepEqual([place().begin, place().end, place().offsetBound], [0, 299, 999])
    helper.read(300, 500)
    assert.deepEqual([place().end, place().offsetBound], [499, 999])
    helper.read(500, 964)
    assert.deepEqual([place().end, place().offsetBound], [999, 999])
  })

  it('end where the condition of the SENTINEL begins, also within a batch, whoever reads', async () => {
    const records = Array.from({ length: 400 }, (_, n) => ({
      partition: n % 2,
      timestampMs: 1_700_000_000_000 + n,
      key: null,
      value: { json: { n } },
    }))
    const world = memoryWorld([{ name: 't', partitions: 2, batch: 50, records }])
    let within = 0
    for (const readers of [1, 2, 'auto'] as const)
      for (const bytes of [400, 900, 1700, 2500, 3333]) {
        const frames: { type: string; data: never }[] = []
        await runRequest(
          { sql: `SET max.size = ${bytes}; SELECT count(n) AS c FROM t`, live: false, statsMs: 0 },
          {
            catalog: world.catalog,
            log: world.log,
            defaults: { 'query.parallel': readers },
            helpers: async (most) => helpersHere(most, world),
            aloneMs: 0,
          },
          { send: (text) => frames.push(JSON.parse(text) as (typeof frames)[0]), drained: () => undefined },
          new AbortController().signal,
        )
        const data = <T>(type: string): T => frames.findLast((frame) => frame.type === type)?.data as T
        const { resume } = data<{ reason: { resume: string } }>('SENTINEL').reason
        const { sourcesStats } = data<{ sourcesStats: Record<string, Record<string, Place>> }>('STATS')
        const [places] = Object.values(sourcesStats)
        for (const [partition, { end, offsetBound }] of Object.entries(places)) {
          const starts = [...resume.matchAll(/_meta\.partition = (\d+) AND _meta\.offset >= (\d+)/g)]
          const first = starts.find(([, of]) => of === partition)?.[2]
          const which = `${readers} readers, ${bytes} bytes, partition ${partition}: ${resume}`
          assert.equal(offsetBound, 199, which)
          assert.equal(end, first === undefined ? 199 : Math.max(0, Number(first)) - 1, which)
          if ((end + 1) % 50 !== 0) within++
        }
      }
    assert.ok(within > 0)
    world.catalog.close()
  })
})
