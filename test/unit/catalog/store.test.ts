/** Views, synonyms and declarations: kept in a file, by environment; and the catalog that shows them. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { withObjects } from '../../../src/catalog/objects.ts'
import { topicPolicy } from '../../../src/catalog/permissions.ts'
import { openStore } from '../../../src/catalog/file-store.ts'
import type { ObjectStore } from '../../../src/plan/administration.ts'
import type { Catalog } from '../../../src/plan/catalog.ts'
import { INT } from '../../../src/types.ts'

const made = { owner: 'me', createdAt: 5 }

test('what was saved is there after a restart, in its environment only', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-store-'))
  try {
    const first = await openStore(path.join(folder, 'not', 'there', 'yet'))
    const objects = first.environment('a')
    await objects.saveView({ name: 'v', text: 'SELECT 1', sources: [], ...made })
    await objects.saveView({ name: 'u', text: 'SELECT 2', sources: ['t'], ...made })
    await objects.saveSynonym({ name: 's', target: 't', ...made })
    await objects.saveTable('t', {
      key: 'INT',
      value: 'JSON',
      valueColumns: { kind: 'struct', fields: [{ name: 'x', type: INT, nullable: true }] },
      subjects: [],
    })
    first.close()
    const second = await openStore(path.join(folder, 'not', 'there', 'yet'))
    const again = second.environment('a')
    assert.deepEqual(
      again.views().map((v) => v.name),
      ['u', 'v'],
    )
    assert.equal(again.view('v')?.text, 'SELECT 1')
    assert.equal(again.synonym('s')?.target, 't')
    assert.deepEqual(again.table('t')?.valueColumns?.fields, [{ name: 'x', type: INT, nullable: true }])
    assert.deepEqual(second.environment('b').views(), [])
    assert.equal(await again.remove('view', 'v'), true)
    assert.equal(await again.remove('view', 'v'), false)
    assert.equal(again.view('v'), undefined)
    second.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('nobody but the owner may read the files', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-store-'))
  try {
    const modes = (): string[] =>
      readdirSync(folder).map((f) => (statSync(path.join(folder, f)).mode & 0o777).toString(8))
    const write = async (): Promise<void> => {
      const store = await openStore(folder)
      await store.environment('a').saveView({ name: 'v', text: 'SELECT 1', sources: [], ...made })
      assert.deepEqual(new Set(modes()), new Set(['600']))
      store.close()
    }
    await write()
    // One that was made by an older version.
    chmodSync(path.join(folder, 'sluice.db'), 0o644)
    await write()
  } finally {
    rmSync(folder, { recursive: true })
  }
})

/** A catalog that has every table and remembers what it was asked. */
function tables(): { catalog: Catalog; asked: string[] } {
  const asked: string[] = []
  const catalog = {
    table: async (name: string) => (asked.push(name), { name, topic: name }),
    tables: async () => [],
    configuration: async () => [],
  }
  return { catalog: catalog as unknown as Catalog, asked }
}

async function filled(): Promise<{ objects: ObjectStore; close(): void }> {
  const store = await openStore()
  const objects = store.environment('e')
  await objects.saveSynonym({ name: 's', target: 'orders', ...made })
  await objects.saveSynonym({ name: 'ss', target: 's', ...made })
  await objects.saveSynonym({ name: 'round', target: 'round2', ...made })
  await objects.saveSynonym({ name: 'round2', target: 'round', ...made })
  await objects.saveView({ name: 'v', text: 'SELECT a FROM ss', sources: ['ss'], ...made })
  await objects.saveView({ name: 'vv', text: 'SELECT a FROM v JOIN other', sources: ['v', 'other', '__dual'], ...made })
  await objects.saveSynonym({ name: 'sv', target: 'v', ...made })
  return { objects, close: () => store.close() }
}

test('synonyms lead to tables and views; those that lead nowhere end', async () => {
  const { objects, close } = await filled()
  const { catalog, asked } = tables()
  const all = withObjects(catalog, objects, () => true)
  assert.deepEqual(await all.table('ss'), { name: 'ss', topic: 'orders' })
  assert.deepEqual(await all.table('orders'), { name: 'orders', topic: 'orders' })
  assert.equal(await all.view?.('sv'), 'SELECT a FROM ss')
  assert.equal(await all.view?.('orders'), undefined)
  await all.table('round')
  assert.deepEqual(asked, ['orders', 'orders', 'round'])
  close()
})

test('a view over something that may not be seen does not exist', async () => {
  const { objects, close } = await filled()
  const only = (topic: string) => withObjects(tables().catalog, objects, (name) => name === topic)
  assert.equal(await only('orders').view?.('v'), 'SELECT a FROM ss')
  assert.equal(await only('orders').view?.('vv'), undefined)
  assert.equal(await only('other').view?.('v'), undefined)
  close()
})

test('rights: reading comes with each of them, denying one denies it, denying reading denies all', () => {
  const rules = [
    { effect: 'allow', topics: ['a*'] },
    { effect: 'allow', topics: ['b*'], rights: ['insert', 'drop'] },
    { effect: 'deny', topics: ['*x'], rights: ['drop'] },
    { effect: 'deny', topics: ['*y'] },
    { effect: 'deny', topics: ['*z'], rights: ['read'] },
  ] as const
  const rights = (topic: string) =>
    (['read', 'insert', 'delete', 'create', 'drop'] as const).filter((right) => topicPolicy(rules, right)(topic))
  assert.deepEqual(rights('a'), ['read'])
  assert.deepEqual(rights('b'), ['read', 'insert', 'drop'])
  assert.deepEqual(rights('bx'), ['read', 'insert'])
  assert.deepEqual(rights('by'), [])
  assert.deepEqual(rights('bz'), [])
  assert.deepEqual(rights('c'), [])
})
