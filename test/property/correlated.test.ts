/** Correlated subqueries over any condition and over two levels, against DuckDB: the same rows for random queries over three small tables with NULLs in them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRequest } from '../../src/engine/query.ts'
import { memoryWorld } from '../support/memory-world.ts'
import { duckInstance } from '../support/oracle.ts'

const SEED = 20261121
const QUERIES = 300
const TABLES = ['a', 'b', 'c'] as const
const COLUMNS = ['x', 'y', 'id'] as const

let state = SEED
const below = (n: number): number => {
  state = (state * 1103515245 + 12345) % 2147483648
  return state % n
}
const pick = <T>(items: readonly T[]): T => items[below(items.length)]
const compared = (left: string, right: string): string => `${left}.${pick(COLUMNS)} ${pick(['=', '<', '>', '<>', '<='])} ${right}.${pick(COLUMNS)}`
const not = (): string => pick(['', 'NOT '])

function inner(): string {
  const where = [compared('c', pick(['a', 'b'])), ...(below(2) === 0 ? [compared('c', 'a')] : [])].join(' AND ')
  return below(2) === 0 ? `EXISTS (SELECT * FROM c WHERE ${where})` : `b.${pick(COLUMNS)} IN (SELECT c.${pick(COLUMNS)} FROM c WHERE ${where})`
}

function condition(): string {
  const terms = Array.from({ length: 1 + below(2) }, () => (below(4) === 0 ? `a.${pick(COLUMNS)} > ${below(4)}` : compared('b', 'a')))
  if (below(3) === 0) terms.push(inner())
  const where = terms.join(' AND ')
  switch (below(4)) {
    case 0:
      return `${not()}EXISTS (SELECT * FROM b WHERE ${where})`
    case 1:
      return `a.${pick(COLUMNS)} ${not()}IN (SELECT b.${pick(COLUMNS)} FROM b WHERE ${where})`
    case 2:
      return `(SELECT count(*) FROM b WHERE b.x = a.x AND a.${pick(COLUMNS)} > ${below(4)}) > ${below(3)}`
    default:
      return `(SELECT sum(b.y) FROM b WHERE b.x = a.y AND a.id > ${below(4)}) > ${below(3)}`
  }
}

test(`correlated subqueries give DuckDB's rows (seed ${SEED})`, async () => {
  const instance = await duckInstance()
  const duck = await instance.connect()
  const value = (): number | null => (below(5) === 0 ? null : below(4))
  const rows = TABLES.map(() => Array.from({ length: 7 }, (_, id) => ({ id, x: value(), y: value() })))
  for (const [i, name] of TABLES.entries()) {
    await duck.run(`CREATE OR REPLACE TABLE ${name} (id INT, x INT, y INT)`)
    for (const r of rows[i]) await duck.run(`INSERT INTO ${name} VALUES (${r.id}, ${r.x ?? 'NULL'}, ${r.y ?? 'NULL'})`)
  }
  const world = memoryWorld(
    TABLES.map((name, i) => ({
      name,
      records: rows[i].map((r) => ({ partition: 0, timestampMs: 1, key: null, value: { json: r, text: JSON.stringify(r) } })),
    })),
  )
  for (let i = 0; i < QUERIES; i++) {
    const sql = below(2) === 0 ? `SELECT a.id AS i FROM a WHERE ${condition()} ORDER BY a.id` : `SELECT a.id AS i, ${condition()} AS v FROM a ORDER BY a.id`
    const wanted = (await duck.runAndReadAll(sql)).getRowObjects()
    const found: unknown[] = []
    const send = (frame: string): void => {
      const { type, data } = JSON.parse(frame) as { type: string; data: { value?: unknown } | string }
      assert.notEqual(type, 'ERROR', `${sql}: ${JSON.stringify(data)}`)
      if (type === 'RECORD' && typeof data === 'object') found.push(data.value)
    }
    await runRequest({ sql, live: false }, { catalog: world.catalog, log: world.log }, { send, drained: () => undefined }, new AbortController().signal)
    assert.equal(JSON.stringify(found), JSON.stringify(wanted), sql)
  }
  world.catalog.close()
  duck.closeSync()
  instance.closeSync()
})
