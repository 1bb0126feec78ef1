/** Waiting for a promise no longer than a time and a signal allow. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock, TIMED_OUT, within } from '../../../src/lib/clock.ts'

/** Timers go off when the test says so. */
function heldClock(): Clock & { readonly waiting: Set<() => void> } {
  const waiting = new Set<() => void>()
  return {
    ...systemClock,
    waiting,
    after(_delayMs, run) {
      waiting.add(run)
      return { cancel: () => waiting.delete(run) }
    },
  }
}

const never = new Promise<string>(() => undefined)

test('what comes in time is given, what fails in time is thrown, and nothing goes on waiting', async () => {
  const clock = heldClock()
  assert.equal(await within(Promise.resolve('a'), { ms: 5, clock }), 'a')
  await assert.rejects(within(Promise.reject(new Error('broken')), { ms: 5, clock }), /broken/)
  assert.equal(clock.waiting.size, 0)
})

test('when the time is over there is TIMED_OUT; what fails later is not heard', async () => {
  const clock = heldClock()
  const { promise, reject } = Promise.withResolvers<string>()
  const waited = within(promise, { ms: 5, clock })
  for (const run of clock.waiting) run()
  assert.equal(await waited, TIMED_OUT)
  reject(new Error('too late'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(clock.waiting.size, 0)
})

test('an abort ends the waiting with its reason, before it or while it lasts', async () => {
  const clock = heldClock()
  const stop = new AbortController()
  const waited = within(never, { signal: stop.signal, ms: 5, clock })
  stop.abort(new Error('enough'))
  await assert.rejects(waited, /enough/)
  assert.equal(clock.waiting.size, 0)
  await assert.rejects(within(Promise.reject(new Error('unheard')), { signal: stop.signal }), /enough/)
})
