/** The runs of a tab: what is heard of an order that was followed by another, and what ends with the tab. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FromWorker, RunEvent, ToWorker } from '../../../src/studio/run/messages.ts'
import { Run, type RunWorker } from '../../../src/studio/run/run.ts'
import { runOf } from '../../../src/studio/run/runs.ts'
import { studio, withoutTab, withTab } from '../../../src/studio/store.ts'

const CONTEXT = { url: 'http://localhost/', environment: 'demo', ceiling: { rows: 1000, bytes: 1000 } }
const rows = (count: number): RunEvent => ({ what: 'rows', rows: count, bytes: 9, columnsVersion: 1 })

function rig() {
  const sent: ToWorker[] = []
  const worker: RunWorker = {
    postMessage: (message) => void sent.push(message),
    onmessage: null,
    terminate: () => undefined,
  }
  const hear = (data: FromWorker): void => worker.onmessage?.({ data })
  const orders = (): number[] => sent.flatMap((message) => (message.what === 'start' ? [message.order.number] : []))
  const event = (order: number, what: RunEvent): void => hear({ what: 'event', order, event: what })
  return { run: new Run(() => worker), sent, hear, orders, event }
}

test('what is heard of the run before is none of the new one', async () => {
  const { run, sent, hear, orders, event } = rig()
  run.start('SELECT 1', CONTEXT)
  const first = orders()[0]
  event(first, rows(1))
  const question = run.ask('record', { row: 0 })
  run.start('SELECT 2', CONTEXT)
  event(first, rows(1))
  event(first, { what: 'ended' })
  assert.deepEqual([run.state.get().phase, run.state.get().rows, run.state.get().run], ['connecting', 0, 2])
  await assert.rejects(question, /Another run has begun/)
  const asked = sent.find((message) => message.what === 'ask')
  hear({ what: 'answer', id: asked?.id ?? -1, value: 'of before' })
  event(orders()[1], rows(2))
  event(orders()[1], { what: 'ended' })
  assert.deepEqual([run.state.get().phase, run.state.get().rows], ['complete', 2])
})

test('what is heard of the reading before is none of the one that reads on; answers about its rows are', async () => {
  const { run, sent, hear, orders, event } = rig()
  run.start('SELECT * FROM t', CONTEXT)
  const [first] = orders()
  event(first, rows(5))
  event(first, { what: 'full', by: 'rows', resume: '_meta.offset >= 5' })
  const question = run.ask('record', { row: 0 })
  assert.equal(run.goOn(), undefined)
  event(first, { what: 'ended' })
  assert.deepEqual([run.state.get().phase, run.state.get().run], ['connecting', 1])
  const asked = sent.find((message) => message.what === 'ask')
  hear({ what: 'answer', id: asked?.id ?? -1, value: '{"a":1}' })
  assert.equal(await question, '{"a":1}')
})

test('the run of a tab ends with the tab, whoever closes it', () => {
  studio.set((state) => withTab(withTab(state, { sql: 'SELECT 1' }), {}))
  const [first, second] = studio.get().tabs
  const [one, other] = [runOf(first.id), runOf(second.id)]
  studio.set((state) => withoutTab(state, first.id))
  assert.notEqual(runOf(first.id), one)
  assert.equal(runOf(second.id), other)
})
