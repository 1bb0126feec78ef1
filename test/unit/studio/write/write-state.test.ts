/** What becomes of a statement that writes, and that drafts stay with their tab. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionError } from '../../../../src/client/connect.ts'
import { studio, withoutTab, withTab } from '../../../../src/studio/store.ts'
import { headerNames, NO_DRAFT } from '../../../../src/studio/write/form.ts'
import { runWrite, writingOf } from '../../../../src/studio/write/write-state.ts'

const SQL = "INSERT INTO t (_value) VALUES ('x')"

test('a draft stays with its tab and topic, and goes with the tab', () => {
  studio.set((state) => withTab(state, { view: 'topic', subject: 't' }))
  const { active } = studio.get()
  const store = writingOf(active, 'demo', 't')
  store.set((state) => ({ ...state, draft: NO_DRAFT }))
  assert.equal(writingOf(active, 'demo', 't').get().draft, NO_DRAFT)
  assert.equal(writingOf(active, 'demo', 'other').get().draft, undefined)
  studio.set((state) => withoutTab(state, active))
  assert.equal(writingOf(active, 'demo', 't').get().draft, undefined)
})

test('a lost answer leaves open whether it was written; a dry run, a refusal and a limit do not', async () => {
  const store = writingOf(1, 'demo', 't')
  const run = async (
    kind: 'checked' | 'written',
    answer: () => Promise<{ rows: []; incomplete: string | undefined }>,
  ) => {
    await runWrite(store, SQL, kind, 'demo', answer)
    const { outcome, isBusy } = store.get()
    assert.equal(isBusy, false)
    return [outcome?.kind, outcome?.lines[0]]
  }
  const lost = () =>
    Promise.reject(new ConnectionError('The connection ended before the result did (close code 1000).'))
  assert.deepEqual(await run('written', lost), [
    'unknown',
    'It is not known whether it was written: the connection ended before the answer was there.',
  ])
  assert.match(studio.get().announcement, /^It is not known/)
  assert.equal((await run('checked', lost))[0], 'failed')
  assert.deepEqual(await run('written', () => Promise.reject(new Error('No.'))), ['failed', 'No.'])
  const cut = () => Promise.resolve({ rows: [] as [], incomplete: 'max.size ended it.' })
  assert.deepEqual(await run('checked', cut), ['failed', 'max.size ended it.'])
})

test('a record is written again with all of its headers, or not', () => {
  const place = { topic: 'orders', partition: 0, offset: '5' }
  assert.deepEqual(headerNames([{ HEADERKEYS: ['a', 'b'] }], undefined, place), { names: ['a', 'b'] })
  assert.deepEqual(headerNames([{ HEADERKEYS: null }], undefined, place), { names: [] })
  for (const [rows, incomplete, wrong] of [
    [[], undefined, /no record at orders\/0\/5/],
    [[{ HEADERKEYS: ['a'] }], 'A limit ended it.', /not known: A limit ended it/],
    [[{ HEADERKEYS: ['a', ''] }], undefined, /empty name.*would be lost.*new record without/],
  ] as const) {
    const names = headerNames(rows, incomplete, place)
    assert.match('wrong' in names ? names.wrong : '', wrong)
  }
})
