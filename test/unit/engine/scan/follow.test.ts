/** Queries that go on with what comes, on the embedded broker: rows, groups, where they begin and how they end. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually } from '../../../support/eventually.ts'
import { FollowWorld } from '../../../support/follow-world.ts'

describe('follow', () => {
  let world: FollowWorld
  let topics = 0
  before(async () => {
    world = await FollowWorld.start()
  })
  after(() => world.close())

  /** A topic with `{"n": 0}` … in its first partition. */
  function topic(records: number, partitions = 1): string {
    const name = `follow-${topics++}`
    world.broker.createTopic(name, { partitions })
    for (let n = 0; n < records; n++) world.write(name, 0, [{ n }], { timestamp: 1_700_000_000_000 + n })
    return name
  }

  it('gives rows as they come, from the end of each partition', async () => {
    const t = topic(3)
    const query = await world.follow(`SELECT * FROM ${t}`)
    world.write(t, 0, [{ n: 3 }, { n: 4 }])
    await eventually('two rows', () => query.rows.length === 2)
    world.write(t, 0, [{ n: 5 }])
    await eventually('three rows', () => query.rows.length === 3)
    assert.deepEqual(query.rows, [{ n: 3 }, { n: 4 }, { n: 5 }])
    assert.equal(query.ended, false)
    assert.equal((await query.cancel()).outcome, 'cancelled')
  })
})
