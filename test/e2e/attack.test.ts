/**
 * The attack suite in its short form: the real server program on the embedded broker, without its longest attacks and
 * without a look at the clock. The server lives, every attacker is answered as he should be, and nothing of the
 * neighbour's fails. Times and memory are measured by `npm run attack`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ATTACKS } from '../../bench/attack/all.ts'
import { type Result, runAttacks } from '../../bench/attack/run.ts'
import { sandboxWorld } from '../../bench/attack/world.ts'

const PATIENCE_MS = 60_000
const SETTLE_MS = 20
const WARM_MS = 500

test('no attack ends the server, and each is answered', async (t) => {
  const world = await sandboxWorld()
  const attacks = ATTACKS.filter(({ long }) => long !== true)
  const results: Result[] = []
  try {
    const options = {
      patienceMs: PATIENCE_MS,
      settleMs: SETTLE_MS,
      warmMs: WARM_MS,
      freshMiB: Number.POSITIVE_INFINITY,
    }
    await runAttacks(world, attacks, options, (result) => results.push(result))
  } finally {
    await world.close()
  }
  assert.equal(results.length, attacks.length)
  for (const { kind, name, told, alive } of results)
    await t.test(`${kind}: ${name}`, () => {
      assert.ok(alive, 'the server ended')
      assert.ok(told.right, told.text)
    })
})
