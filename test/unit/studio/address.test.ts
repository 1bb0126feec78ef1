/** The address and the history of the browser, which is a list of entries here. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { MAX_URL } from '../../../src/studio/route.ts'
import { followAddress, stopAddress } from '../../../src/studio/shell/address.ts'
import { activeTab, changedTab, INITIAL, studio, withTab } from '../../../src/studio/store.ts'

interface Entry {
  readonly state: unknown
  readonly hash: string
}

let entries: Entry[] = []
let at = 0
let heard: ((event: { readonly state: unknown }) => void) | undefined

const browser = {
  location: {
    get hash() {
      return entries[at].hash
    },
  },
  history: {
    pushState(state: unknown, _title: string, hash: string) {
      entries = [...entries.slice(0, at + 1), { state, hash }]
      at++
    },
    replaceState(state: unknown, _title: string, hash: string) {
      entries = entries.with(at, { state, hash })
    },
  },
  addEventListener: (_type: string, listener: typeof heard) => void (heard = listener),
  removeEventListener: () => void (heard = undefined),
}
for (const [name, value] of Object.entries(browser))
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })

function go(by: number): void {
  at += by
  heard?.({ state: entries[at].state })
}

/** A link that is pasted into the address of an open page. */
function paste(hash: string): void {
  browser.history.pushState(null, '', hash)
  heard?.({ state: null })
}

const sql = () => activeTab(studio.get())?.sql
const type = (text: string) => studio.set((s) => changedTab(s, s.active, { sql: text }))
const open = (text: string) => studio.set((s) => withTab(s, { sql: text }))

beforeEach(() => {
  entries = [{ state: null, hash: '' }]
  at = 0
  const session = { kind: 'in' as const, user: 'u', permissions: [] }
  studio.set(() => withTab({ ...INITIAL, session, environments: ['demo'], environment: 'demo' }, { sql: 'SELECT 1' }))
  followAddress()
})
afterEach(stopAddress)

test('Back and forward through a pasted link', () => {
  open('SELECT 2')
  paste('#/demo/query?sql=SELECT+3')
  assert.deepEqual([sql(), entries.length], ['SELECT 3', 3])
  go(-1)
  assert.deepEqual([sql(), entries.length], ['SELECT 2', 3])
  go(-1)
  assert.deepEqual([sql(), entries.length], ['SELECT 1', 3])
  go(2)
  assert.deepEqual([sql(), studio.get().tabs.length], ['SELECT 3', 3], 'shown in the tab that it has')
  paste('#/demo/query?sql=SELECT+1')
  assert.deepEqual([studio.get().active, studio.get().tabs.length], [1, 3])
  go(-1)
  assert.equal(sql(), 'SELECT 3')
})

test('what has no room in the address is there again at Back', () => {
  const long = `SELECT '${'x'.repeat(MAX_URL)}'`
  type(long)
  assert.doesNotMatch(entries[0].hash, /sql=/)
  open('SELECT 2')
  go(-1)
  assert.equal(sql(), long)
  const value = `'${'y'.repeat(MAX_URL)}'`
  studio.set((s) => changedTab(s, s.active, { sql: 'SELECT :a', parameters: { a: value } }))
  assert.ok(entries[at].hash.length < MAX_URL)
  open('SELECT 4')
  go(-1)
  assert.deepEqual([sql(), activeTab(studio.get())?.parameters], ['SELECT :a', { a: value }])
  type('')
  open('SELECT 5')
  go(-1)
  assert.equal(sql(), '', 'an empty text is one')
})

test('entries of the page before it was loaded anew overwrite no tab', () => {
  entries = [{ state: { load: 'before', tab: 1, isWhole: true }, hash: '#/demo/query?sql=SELECT+OLD' }, ...entries]
  at = 1
  type('SELECT 1')
  go(-1)
  assert.deepEqual([sql(), studio.get().tabs[0].sql, entries.length], ['SELECT OLD', 'SELECT 1', 2])
  go(1)
  go(-1)
  assert.deepEqual([sql(), studio.get().tabs.length], ['SELECT OLD', 2], 'one tab for the entry')
})
