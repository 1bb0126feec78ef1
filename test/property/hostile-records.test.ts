/**
 * Records of random and of damaged bytes, through whole queries in memory: each record is a row or a BADRECORD, the
 * query ends in order, and strict reading (`validate.records`) finds no fewer bad records than reading what is asked
 * for.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import { encodeAvro, framed } from '../support/avro-encode.ts'
import type { ExactJson } from '../support/exact-json.ts'
import { memoryWorld, type WorldFormat, type WorldRecord } from '../support/memory-world.ts'

const SEED = 7_110_203
const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Node',
  fields: [
    { name: 'a', type: ['null', 'long'] },
    { name: 's', type: 'string' },
    {
      name: 'list',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'Item',
          fields: [
            { name: 'x', type: 'int' },
            { name: 'm', type: { type: 'map', values: 'double' } },
          ],
        },
      },
    },
    { name: 'e', type: { type: 'enum', name: 'E', symbols: ['P', 'Q'] } },
    { name: 'dec', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } },
    { name: 'next', type: ['null', 'Node'] },
  ],
})
const VALUE: ExactJson = {
  a: 7,
  s: 'text "ü"',
  list: [
    { x: 1, m: { k: 0.5 } },
    { x: -2, m: {} },
  ],
  e: 'Q',
  dec: '12.34',
  next: { a: null, s: '', list: [], e: 'P', dec: '0', next: null },
}
const QUERIES = [
  'SELECT * FROM t',
  'SELECT a, s FROM t',
  'SELECT list[1].x AS x, list[0].m.k AS k, next.s AS n, dec FROM t',
  'SELECT s FROM t WHERE a = 7 OR a <> 7 OR a IS NULL',
  'SELECT `EXISTS`(next) AS n, e, list FROM t',
]

/** A good payload with some bytes changed, cut, doubled or added. */
function damaged(good: Buffer): fc.Arbitrary<Buffer> {
  const at = fc.nat({ max: good.length })
  return fc.oneof(
    fc.constant(good),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    at.map((n) => good.subarray(0, n)),
    fc.tuple(at, fc.nat({ max: 255 })).map(([n, byte]) => {
      const copy = Buffer.from(good)
      copy[Math.min(n, copy.length - 1)] = byte
      return copy
    }),
    fc
      .tuple(at, fc.uint8Array({ minLength: 1, maxLength: 12 }))
      .map(([n, bytes]) => Buffer.concat([good.subarray(0, n), bytes, good.subarray(n)])),
    fc.tuple(at, at).map(([n, m]) => Buffer.concat([good.subarray(0, n), good.subarray(m)])),
  )
}

interface Outcome {
  readonly rows: number
  readonly bad: number
}

async function ask(format: WorldFormat, values: readonly Buffer[], sql: string, validate: boolean): Promise<Outcome> {
  const records = values.map((value): WorldRecord => ({ partition: 0, timestampMs: 0, key: null, value }))
  const { catalog, log } = memoryWorld([{ name: 't', value: format, records }])
  let rows = 0
  let bad = 0
  const send = (frame: string): void => {
    const { type } = JSON.parse(frame) as { type: string }
    if (type === 'RECORD') rows++
    else if (type === 'BADRECORD') bad++
    else assert.equal(type, 'METADATA', frame)
  }
  const defaults = { 'validate.records': validate }
  const { outcome } = await runRequest(
    { sql, live: false },
    { catalog, log, defaults },
    { send, drained: () => undefined },
    new AbortController().signal,
  )
  catalog.close()
  assert.equal(outcome, 'end')
  return { rows, bad }
}

const CASES: readonly [string, WorldFormat, Buffer][] = [
  ['JSON', { name: 'JSON' }, Buffer.from(JSON.stringify(VALUE))],
  ['Avro', { name: 'AVRO', schemas: [SCHEMA] }, framed(1, encodeAvro(SCHEMA, VALUE))],
]

for (const [name, format, good] of CASES) {
  test(`damaged ${name} records are rows or bad records (seed ${SEED})`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(damaged(good), { minLength: 20, maxLength: 20 }),
        fc.constantFrom(...QUERIES),
        async (values, sql) => {
          const lenient = await ask(format, values, sql, false)
          const strict = await ask(format, values, sql, true)
          assert.equal(lenient.rows + lenient.bad, values.length, sql)
          assert.equal(strict.rows + strict.bad, values.length, sql)
          assert.ok(strict.bad >= lenient.bad, `${sql}: strict ${strict.bad}, lenient ${lenient.bad}`)
        },
      ),
      { seed: SEED, numRuns: 150 },
    )
  })
}
