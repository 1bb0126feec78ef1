/** The data file: what is told of trouble with it, and what it does with rows that it does not know. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { openStore, STORE_FILE } from '../../../src/catalog/file-store.ts'
import { type Clock, systemClock } from '../../../src/lib/clock.ts'
import { ChangeConflict, type View } from '../../../src/plan/administration.ts'
import { exportedLines, importLines, leftOut } from '../../../src/server/state-transfer.ts'

const view = (name: string, text = 'SELECT 1'): View => ({ name, text, sources: [], owner: 'me', createdAt: 1 })
const line = (kind: string, name: string, content: unknown, environment = 'e') =>
  JSON.stringify({ environment, kind, name, content })
const ROWS =
  'CREATE TABLE objects (environment TEXT, kind TEXT, name TEXT, content TEXT, PRIMARY KEY (environment, kind, name))'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sluice-file-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('of two changes of one name the first counts, over kinds too; the other author is told', async () => {
  const store = await openStore()
  const objects = store.environment('e')
  const both = await Promise.allSettled([objects.saveView(view('v')), objects.saveView(view('v', 'SELECT 2'))])
  assert.deepEqual(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  )
  assert.ok(both[1].status === 'rejected' && both[1].reason instanceof ChangeConflict)
  assert.equal(objects.view('v')?.text, 'SELECT 1')
  const synonym = objects.saveSynonym({ name: 'v', target: 't', owner: 'me', createdAt: 1 })
  await assert.rejects(synonym, /The view "v" was changed from elsewhere/)
  const seen = store.all()[0].version
  await objects.remove('view', 'v')
  await objects.saveView(view('v', 'SELECT 3'))
  await assert.rejects(
    store.change({ environment: 'e', kind: 'view', name: 'v', content: undefined }, seen),
    ChangeConflict,
  )
  store.close()
})

test('rows that this version does not know stay in the file, are told, and are not changed', async () => {
  const file = new DatabaseSync(path.join(folder, STORE_FILE))
  file.exec(ROWS)
  const add = file.prepare('INSERT INTO objects VALUES (?, ?, ?, ?)')
  const deep = `{"description":"x","tags":[],"extra":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  add.run('e', 'index', 'i', '{}')
  add.run('e', 'view', 'damaged', '{')
  add.run('e', 'note', 'deep', deep)
  add.run('e', 'table', 't', '{"key":"BYTES","value":"CBOR","subjects":[]}')
  add.run('e', 'view', 'v', JSON.stringify(view('v')))
  file.close()
  const notes: string[] = []
  const store = await openStore(folder, { note: (_, about, text) => notes.push(`${text} ${JSON.stringify(about)}`) })
  const objects = store.environment('e')
  assert.deepEqual(
    objects.views().map(({ name }) => name),
    ['v'],
  )
  assert.equal(notes.length, 4)
  assert.match(notes.join('\n'), /a row of the data file was passed over .*"kind":"index".*names no kind/)
  await assert.rejects(objects.saveView(view('damaged')), /view "damaged" was made by a newer version .* or is damaged/)
  await assert.rejects(
    objects.saveNote('deep', { description: null, tags: [] }),
    /description of topic "deep" was made/,
  )
  assert.deepEqual([objects.isOpaque('table', 't'), objects.table('t')], [true, undefined])
  assert.equal(exportedLines(store).length, 1)
  assert.match(String(leftOut(store)), /^3 objects were left out, .*view "damaged" of e.* 1 records were passed over/)
  store.close()
  const again = new DatabaseSync(path.join(folder, STORE_FILE))
  assert.equal(again.prepare('SELECT content FROM objects WHERE name = ?').get('deep')?.['content'], deep)
  assert.equal(again.prepare('SELECT count(*) AS n FROM objects').get()?.['n'], 5)
  again.close()
})

test('a file that cannot be used is named, with the setting and what to do', async () => {
  writeFileSync(path.join(folder, STORE_FILE), 'garbage '.repeat(1000))
  await assert.rejects(
    openStore(folder),
    /sluice\.db" \(server\.dataFolder\) cannot be used: file is not a database\. Put/,
  )
  writeFileSync(path.join(folder, 'plain'), '')
  await assert.rejects(openStore(path.join(folder, 'plain')), /\(server\.dataFolder\) cannot be used: E/)
  await assert.rejects(openStore(path.join(folder, 'none'), { create: false }), /There is no file .*none\/sluice\.db/)
})

test('a file that takes no change says so to the author and in its condition, and is tried again', async () => {
  const timers: (() => void)[] = []
  const clock: Clock = { ...systemClock, every: (_, run) => (timers.push(run), { cancel: () => undefined }) }
  const store = await openStore(folder, { clock })
  const objects = store.environment('e')
  await objects.saveView(view('v'))
  assert.equal(store.condition, 'up')
  const other = new DatabaseSync(path.join(folder, STORE_FILE))
  other.exec('BEGIN IMMEDIATE')
  await assert.rejects(
    objects.saveView(view('w')),
    /\(server\.dataFolder\) takes no change: database is locked\. Another/,
  )
  timers[0]()
  assert.equal(store.condition, 'down')
  assert.deepEqual(objects.view('w'), undefined)
  other.close()
  timers[0]()
  assert.equal(store.condition, 'up')
  await objects.saveView(view('w'))
  store.close()
})

test('an import is all or nothing: a place twice, a place that cannot be, and content that is too deep', async () => {
  const store = await openStore(folder)
  const good = line('view', 'a', view('a'))
  const bad: readonly (readonly [string, RegExp])[] = [
    [line('view', 'a', view('a', 'SELECT 2')), /Lines 1 and 2 are both of the view "a" of e\. Take one/],
    [good, /Lines 1 and 2 are both/],
    [line('revocation', 'login x', { until: 1 }), /Line 2 is not .* not that of a revocation/],
    [line('view', 'other', view('b')), /Line 2 .* content is not that of a view of that name/],
    [line('table', 't', { key: 'BYTES', value: 'CBOR', subjects: [] }), /Line 2 .* not that of a table/],
    [`{"environment":"e","kind":"note","name":"t","content":${'['.repeat(100_000)}`, /Line 2 .* nested too deeply/],
  ]
  for (const [second, reason] of bad) await assert.rejects(importLines(store, `${good}\n${second}`, true), reason)
  assert.deepEqual(store.all(), [])
  assert.deepEqual(await importLines(store, `${good}\n${line('view', 'b', view('b'))}`, false), { written: 2, same: 0 })
  store.close()
})
