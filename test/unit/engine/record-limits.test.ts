/**
 * What one record, one batch and one schema may be: beyond it the record is a bad record, the fields are cut, and the
 * query goes on.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAvroSchema } from '../../../src/formats/avro/schema.ts'
import { avroType } from '../../../src/formats/avro/types.ts'
import { MAX_PAYLOAD_BYTES } from '../../../src/formats/format.ts'
import { runRequest } from '../../../src/engine/request.ts'
import { leaves, MAX_FIELDS } from '../../../src/plan/bind/virtual-tables.ts'
import type { StructType } from '../../../src/types.ts'
import { memoryWorld } from '../../support/memory-world.ts'

interface Frame {
  readonly type: string
  readonly data: { readonly value?: unknown; readonly metadata?: { readonly offset: number } }
}

test('a value that is too large is a bad record where its contents are read, and nowhere else', async () => {
  const record = (text: string) => ({ partition: 0, timestampMs: 0, key: null, value: Buffer.from(text) })
  const world = memoryWorld([
    {
      name: 't',
      value: { name: 'JSON' },
      records: [record('{"a":1}'), record(`{"a":"${'x'.repeat(MAX_PAYLOAD_BYTES)}"}`), record('{"a":3}')],
    },
  ])
  const run = async (sql: string): Promise<Frame[]> => {
    const frames: Frame[] = []
    const sink = { send: (frame: string) => void frames.push(JSON.parse(frame) as Frame), drained: () => undefined }
    const environment = { catalog: world.catalog, log: world.log }
    const { error } = await runRequest({ sql, live: false }, environment, sink, new AbortController().signal)
    assert.equal(error, undefined)
    return frames
  }
  const values = (frames: readonly Frame[]) =>
    frames.filter(({ type }) => type === 'RECORD').map(({ data }) => data.value)
  try {
    const all = await run('SELECT a FROM t')
    assert.deepEqual(values(all), [{ a: 1 }, { a: 3 }])
    assert.deepEqual(
      all.filter(({ type }) => type === 'BADRECORD').map(({ data }) => data.metadata?.offset),
      [1],
    )
    assert.deepEqual(values(await run('SELECT count(*) AS n FROM t')), [{ n: 3 }])
    assert.deepEqual(values(await run('SELECT _meta.offset AS at, _error AS why FROM t WHERE _bad')), [
      { at: 1, why: `value: ${MAX_PAYLOAD_BYTES + 8} bytes, more than ${MAX_PAYLOAD_BYTES} (record.max.bytes)` },
    ])
  } finally {
    world.catalog.close()
  }
})

/** `levels` records, each with `width` fields of the one before. */
function levels(count: number, width: number): StructType {
  let type: unknown = 'int'
  for (let level = 0; level < count; level++)
    type = {
      type: 'record',
      name: `Level${level}`,
      fields: Array.from({ length: width }, (_, n) => ({
        name: `f${n}`,
        type: n === 0 || level === 0 ? type : `Level${level - 1}`,
      })),
    }
  return avroType(parseAvroSchema(JSON.stringify(type))) as StructType
}

test('the fields of a schema are laid out up to a number, however many it stands for', () => {
  assert.equal(leaves(levels(10, 2)).length, 1024)
  const many = leaves(levels(28, 2))
  assert.equal(many.length, MAX_FIELDS)
  assert.equal(many[1][0], `${'f0.'.repeat(27)}f1`)
  // Every record refers to every other one: as many ways as there are orders of them.
  const names = Array.from({ length: 14 }, (_, n) => `R${n}`)
  const fields = (of: readonly unknown[]) => of.map((type, n) => ({ name: `f${n}`, type: ['null', type] }))
  let schema: unknown
  for (const [n, name] of [...names.entries()].reverse())
    schema = {
      type: 'record',
      name,
      fields: fields([...(schema === undefined ? [] : [schema]), ...names.slice(0, n + 1)]),
    }
  assert.ok(leaves(avroType(parseAvroSchema(JSON.stringify(schema))) as StructType).length <= MAX_FIELDS)
  // Structures without any field are places, too.
  const empty = levels(28, 2)
  let inner: StructType = empty
  while (inner.fields[0].type.kind === 'struct') inner = inner.fields[0].type
  ;(inner.fields as unknown[]).length = 0
  assert.deepEqual(leaves(empty), [])
})
