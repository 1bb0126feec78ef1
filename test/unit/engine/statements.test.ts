/** Statements whose answers are too long, or too changeable, for a golden file. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import { AGGREGATE_DOCS, SCALAR_FUNCTIONS } from '../../../src/functions/all-functions.ts'
import { memoryWorld } from '../../support/memory-world.ts'

/** The values of the rows. */
async function ask<Row>(sql: string): Promise<Row[]> {
  const record = { partition: 0, timestampMs: 0, key: null, value: { json: { s: 'a', m: 1 }, text: '{"s":"a","m":1}' } }
  const world = memoryWorld([{ name: 't', records: [record] }])
  const frames: { type: string; data: { value: Row } }[] = []
  const sink = { send: (frame: string) => void frames.push(JSON.parse(frame)), drained: () => undefined }
  await runRequest({ sql, live: false }, world, sink, new AbortController().signal)
  world.catalog.close()
  return frames.filter((f) => f.type === 'RECORD').map((f) => f.data.value)
}

test('SHOW FUNCTIONS lists every function in lower case, with a sentence and what it returns', async () => {
  const rows = await ask<{ name: string; description: string; return_type: string }>('SHOW FUNCTIONS')
  for (const fn of [...SCALAR_FUNCTIONS, ...AGGREGATE_DOCS]) {
    const row = rows.find((r) => r.name === fn.name)
    assert.ok(row !== undefined && row.description.length > 10 && /^[a-z]/.test(row.return_type), fn.name)
  }
  assert.ok(rows.every((r) => r.name === r.name.toLowerCase()))
})

test('EXPLAIN CODE prints the program, with the statement in its first line', async () => {
  const lines = (await ask<{ code: string }>('EXPLAIN CODE SELECT s FROM t WHERE m = 1')).map((r) => r.code)
  assert.match(lines[0], /SELECT s FROM t WHERE m = 1/)
  assert.ok(lines.some((l) => l.includes('function')) && lines.length > 20)
})
