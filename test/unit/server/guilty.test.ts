/** For which of its queries a thread is said to have ended. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { guiltyOf } from '../../../src/server/workers/end-sentence.ts'
import type { EndReason } from '../../../src/server/workers/thread.ts'

const TOO_LARGE: EndReason = { what: 'too large', limitBytes: 900e6, heldBytes: 400e6 }
const STALLED: EndReason = { what: 'stalled', limitMs: 1 }
const nowMs = 100_000

const heavy = { number: 1, startedMs: nowMs - 5000, processorMs: 4000, foundBytes: 60e6 }
const other = { number: 2, startedMs: nowMs - 6000, processorMs: 300, foundBytes: 60e6 }
const young = { number: 3, startedMs: nowMs - 20, processorMs: 0, foundBytes: 60e6 }

it('a query that has just begun is not to blame for the memory of its neighbours', () => {
  for (const reason of [TOO_LARGE, { what: 'memory' }] as const)
    assert.equal(guiltyOf([other, heavy, young], young.number, reason, nowMs), heavy.number)
})

it('of those that have run for a while it is the one that runs', () => {
  assert.equal(guiltyOf([other, heavy, young], other.number, TOO_LARGE, nowMs), other.number)
})

it('among young ones alone it is the one that runs', () => {
  assert.equal(guiltyOf([young], young.number, TOO_LARGE, nowMs), young.number)
})

it('one that found its thread full and added little is not to blame, whether alone there or not', () => {
  const late = { ...heavy, foundBytes: 380e6 }
  assert.equal(guiltyOf([late], late.number, TOO_LARGE, nowMs), 0)
  assert.equal(guiltyOf([late, young], late.number, TOO_LARGE, nowMs), young.number)
  assert.equal(guiltyOf([{ ...other, foundBytes: 300e6 }], other.number, TOO_LARGE, nowMs), other.number)
  assert.equal(guiltyOf([late], late.number, { what: 'memory' }, nowMs), late.number)
})

it('a step that takes too long is that of the one that runs, however young', () => {
  assert.equal(guiltyOf([other, heavy, young], young.number, STALLED, nowMs), young.number)
})

it('nobody is to blame for the end of the server', () => {
  assert.equal(guiltyOf([heavy], heavy.number, { what: 'closed' }, nowMs), 0)
})
