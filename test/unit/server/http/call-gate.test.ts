/** A few calls of an account at a time, the others in order, and none for whom has left. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { CallGate } from '../../../../src/server/http/call-gate.ts'

const AT_ONCE = 8
const WAITING = 200
const never = new AbortController().signal

type End = (() => void) | undefined

/** Enters, and notes when it is its turn. */
function entered(gate: CallGate, who: string, began: string[], name: string, signal = never): Promise<End> {
  const entering = gate.enter(who, signal)
  assert.notEqual(entering, 'full')
  return (entering as Promise<End>).then((end) => {
    if (end !== undefined) began.push(name)
    return end
  })
}

test('so many at once; each that ends lets the next one in, in a later turn; other accounts do not wait', async () => {
  const gate = new CallGate()
  const began: string[] = []
  const all = Array.from({ length: AT_ONCE + 2 }, (_, i) => entered(gate, 'a', began, `${i}`))
  const other = entered(gate, 'b', began, 'b')
  await other
  await turn()
  assert.deepEqual(began, ['0', '1', '2', '3', '4', '5', '6', '7', 'b'])
  const [first] = await Promise.all(all.slice(0, AT_ONCE))
  first?.()
  await Promise.resolve()
  assert.equal(began.includes('8'), false, 'not in the same turn')
  await turn()
  await turn()
  assert.deepEqual(began.slice(-1), ['8'])
  ;(await all[AT_ONCE])?.()
  await turn()
  await turn()
  assert.deepEqual(began.slice(-1), ['9'])
})

test('whose client is gone does not take a turn', async () => {
  const gate = new CallGate()
  const began: string[] = []
  const running = Array.from({ length: AT_ONCE }, (_, i) => entered(gate, 'a', began, `${i}`))
  const leaving = new AbortController()
  const left = entered(gate, 'a', began, 'left', leaving.signal)
  const stays = entered(gate, 'a', began, 'stays')
  leaving.abort()
  assert.equal(await left, undefined)
  ;(await running[0])?.()
  await stays
  assert.deepEqual(began.slice(-1), ['stays'])
})

test('beyond those that may wait: full, until some have ended', async () => {
  const gate = new CallGate()
  const began: string[] = []
  const all = Array.from({ length: AT_ONCE + WAITING }, (_, i) => entered(gate, 'a', began, `${i}`))
  assert.equal(gate.enter('a', never), 'full')
  await entered(gate, 'b', began, 'b')
  ;(await all[0])?.()
  await turn()
  await turn()
  assert.notEqual(gate.enter('a', never), 'full')
})
