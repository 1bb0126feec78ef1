/** Objects as lines: out of the file in the data folder, into the topic that servers share, and back. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { openStore } from '../../../src/catalog/file-store.ts'
import type { OwnedStore } from '../../../src/catalog/store.ts'
import type { ObjectStore } from '../../../src/plan/administration.ts'
import { startBroker } from '../../../src/sandbox/broker.ts'
import { readConfig } from '../../../src/server/config/config.ts'
import { createLog } from '../../../src/server/log.ts'
import { openNamed, openState, type StoreName } from '../../../src/server/open-state.ts'
import { exportedLines, importLines } from '../../../src/server/state-transfer.ts'

const ACCOUNTS = [
  { name: 'x', token: 'x'.repeat(16), permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
]
const silent = createLog('silent')

async function fill(store: OwnedStore): Promise<void> {
  const objects = store.environment('demo') as Required<ObjectStore>
  await objects.saveView({ name: 'v', text: 'SELECT 1', sources: [], owner: 'me', createdAt: 5 })
  await objects.saveSynonym({ name: 's', target: 'v', owner: 'me', createdAt: 5 })
  await objects.saveTable('t', { key: 'INT', value: 'JSON', subjects: [] })
  await objects.saveNote('t', { description: 'ä"\n', tags: ['a'] })
  const query = { name: 'q', owner: 'me', sql: 'SELECT 2', parameters: { a: '1' }, shared: false }
  await objects.saveQuery({ ...query, sources: [], savedAt: 7 })
}

test('out of the file, into the topic, and back: the same objects', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-state-'))
  const broker = await startBroker()
  try {
    const config = await readConfig({
      server: { dataFolder: folder },
      environments: [{ name: 'demo', kafka: { brokers: [broker.bootstrap] } }],
      state: { topic: 'shared' },
      serviceAccounts: ACCOUNTS,
    })
    assert.deepEqual(config.state, { topic: 'shared', environment: 'demo' })
    const on = async <T>(name: StoreName | undefined, use: (store: OwnedStore) => Promise<T>): Promise<T> => {
      const store = await openNamed(config, name, silent)
      try {
        return await use(store)
      } finally {
        store.close()
      }
    }
    await on('file', fill)
    const lines = await on('file', async (store) => exportedLines(store))
    assert.equal(lines.length, 5)
    const text = `${lines.join('\n')}\n`
    assert.deepEqual(await on('topic', (store) => importLines(store, text, false)), { written: 5, same: 0 })
    assert.deepEqual(await on('topic', (store) => importLines(store, text, false)), { written: 0, same: 5 })
    // Without a name it is the one that the server uses.
    assert.deepEqual(await on(undefined, async (store) => exportedLines(store)), lines)
    const server = await openState(config, silent)
    assert.equal(server.condition, 'up')
    server.close()
    const other = text.replace('SELECT 1', 'SELECT 3')
    for (const name of ['file', 'topic'] as const) {
      await assert.rejects(
        on(name, (store) => importLines(store, other, false)),
        /1 of 5 objects are there already and different: view "v" of demo\. Nothing was imported; --overwrite/,
      )
      assert.deepEqual(await on(name, async (store) => exportedLines(store)), lines)
      assert.deepEqual(await on(name, (store) => importLines(store, other, true)), { written: 1, same: 4 })
    }
    assert.deepEqual(
      await on('file', async (store) => exportedLines(store)),
      await on('topic', async (store) => exportedLines(store)),
    )
  } finally {
    await broker.close()
    rmSync(folder, { recursive: true })
  }
})

test('lines that are no objects are named, and nothing is imported', async () => {
  const store = await openStore()
  await fill(store)
  const [good] = exportedLines(store)
  const empty = await openStore()
  for (const bad of [
    'x',
    '1',
    'null',
    '{}',
    good.replace('"kind":"', '"kind":"x'),
    good.replace('"content":{', '"content":[{').replace(/\}$/, ']}'),
  ])
    await assert.rejects(importLines(empty, `${good}\n\n${bad}`, false), /Line 3 is not .* Nothing was imported/)
  assert.deepEqual(empty.all(), [])
  store.close()
  empty.close()
})

test('a store that the configuration does not have is an error that says what is missing', async () => {
  const base = {
    environments: [{ name: 'demo', kafka: { brokers: ['127.0.0.1:1'] } }],
    serviceAccounts: ACCOUNTS,
  }
  const none = await readConfig(base)
  await assert.rejects(openNamed(none, undefined, silent), /no server\.dataFolder/)
  await assert.rejects(openNamed(none, 'topic', silent), /no state\.topic/)
  const away = await readConfig({ ...base, state: { topic: 'shared' } })
  assert.equal(away.environments[0].stateTopic, 'shared')
  await assert.rejects(openNamed(away, undefined, silent), /"shared" \(state\.topic\) cannot be read: .*127\.0\.0\.1:1/)
  await assert.rejects(
    readConfig({ ...base, state: { topic: 'a b' } }),
    /state\.topic: "a b" is not the name of a topic/,
  )
  await assert.rejects(
    readConfig({ ...base, state: { topic: 'a', environment: 'nowhere' } }),
    /state\.environment|there is no environment "nowhere"/,
  )
})
