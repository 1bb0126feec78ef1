/** The stages of a request as its summary tells them: what is part of what, and what failed. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Clock, systemClock } from '../../../../src/lib/clock.ts'
import { during, Stages } from '../../../../src/engine/stages/stages.ts'

/** Every look at the time is one millisecond later. */
function ticking(): Clock {
  let ms = 0
  return { ...systemClock, now: () => 1_000_000, monotonic: () => ms++ }
}

describe('the stages of a request', () => {
  it('hold what happens inside of them, and follow each other', async () => {
    const stages = new Stages(ticking())
    assert.equal(
      during(stages, 'parse', () => 'parsed'),
      'parsed',
    )
    await during(stages, 'run', async () => {
      await during(
        stages,
        'read',
        async () => undefined,
        () => ({ topic: 'orders', records: 3 }),
      )
      await during(stages, 'read', async () => undefined)
    })
    stages.operation('SELECT')
    assert.deepEqual(stages.report(), {
      startedAt: 1_000_000,
      operations: ['SELECT'],
      leftOut: 0,
      stages: [
        { name: 'parse', startMs: 1, endMs: 2 },
        { name: 'run', startMs: 3, endMs: 8 },
        { name: 'read', parent: 1, startMs: 4, endMs: 5, facts: { topic: 'orders', records: 3 } },
        { name: 'read', parent: 1, startMs: 6, endMs: 7 },
      ],
    })
  })

  it('go on beside others where they hold none', () => {
    const stages = new Stages(ticking())
    during(stages, 'run', () => {
      const [one, other] = [stages.beside('read'), stages.beside('read')]
      during(stages, 'bind', () => undefined)
      other(true, { topic: 'b' })
      one(false, { topic: 'a' })
    })
    assert.deepEqual(stages.report().stages, [
      { name: 'run', startMs: 1, endMs: 8 },
      { name: 'read', parent: 0, startMs: 2, endMs: 7, facts: { topic: 'a' } },
      { name: 'read', parent: 0, startMs: 3, endMs: 6, failed: true, facts: { topic: 'b' } },
      { name: 'bind', parent: 0, startMs: 4, endMs: 5 },
    ])
  })

  it('do not go on beyond the one that holds them', () => {
    const stages = new Stages(ticking())
    const end = during(stages, 'run', () => stages.beside('read'))
    during(stages, 'bind', () => undefined)
    end(false)
    assert.deepEqual(stages.report().stages, [
      { name: 'run', startMs: 1, endMs: 3 },
      { name: 'read', parent: 0, startMs: 2, endMs: 3 },
      { name: 'bind', startMs: 4, endMs: 5 },
    ])
  })

  it('say what failed, and what had not ended', async () => {
    const stages = new Stages(ticking())
    const failing = () => {
      throw new Error('no')
    }
    assert.throws(() => during(stages, 'parse', failing), /no/)
    await assert.rejects(
      during(stages, 'bind', async () => failing()),
      /no/,
    )
    void during(stages, 'run', () => new Promise<never>(() => undefined))
    assert.deepEqual(
      stages.report().stages.map(({ name, failed }) => [name, failed]),
      [
        ['parse', true],
        ['bind', true],
        ['run', true],
      ],
    )
  })

  it('are noted up to the limit, and counted beyond it', () => {
    const stages = new Stages(ticking())
    for (let i = 0; i < 250; i++) {
      stages.operation('SET')
      during(stages, 'bind', () => i)
    }
    stages.beside('read')(false)
    const { stages: noted, leftOut, operations } = stages.report()
    assert.deepEqual([noted.length, leftOut, operations.length], [200, 51, 20])
  })

  it('are not noted where nobody asked', () => {
    assert.equal(
      during(undefined, 'run', () => 7),
      7,
    )
  })
})
