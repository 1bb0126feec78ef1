/**
 * INSERT … SELECT * of random records gives the same bytes; INSERT … VALUES of random values gives them back. In
 * memory.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import { readRecords } from '../../src/kafka/read/record-batch.ts'
import { encode, Samples } from '../formats/avro-samples.ts'
import { framed } from '../support/avro-encode.ts'
import { type MemoryWorld, memoryWorld } from '../support/memory-world.ts'

const RUNS = { numRuns: 150, seed: 20261122 }

/** Frames but METADATA; an ERROR fails. */
async function ask(world: MemoryWorld, sql: string): Promise<string[]> {
  const frames: string[] = []
  await runRequest(
    { sql, live: false },
    world,
    { send: (f) => void frames.push(f), drained: () => undefined },
    new AbortController().signal,
  )
  for (const f of frames) assert.ok(!f.startsWith('{"type":"ERROR"'), `${sql}\n${f}`)
  return frames.filter((f) => f.startsWith('{"type":"RECORD"'))
}

async function values(world: MemoryWorld, topic: string): Promise<string[]> {
  const ranges = await world.log.bounds(topic, [0], { isolation: 'read_uncommitted', timeoutMs: 1000 })
  const source = world.log.scan({ topic, ranges, isolation: 'read_uncommitted' }, new AbortController().signal)
  const found: string[] = []
  for (let batch = await source.next(); batch !== undefined; batch = await source.next())
    for (const r of readRecords(batch)) found.push(r.value?.toString('hex') ?? 'null')
  return found
}

/** Values of a union of several branches are JSON by then: another branch may take them. */
function hasUnlikeUnion(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false
  if (Array.isArray(node)) return node.filter((b) => b !== 'null').length > 1 || node.some(hasUnlikeUnion)
  return Object.entries(node).some(([key, child]) =>
    key === 'fields'
      ? (child as { type: unknown }[]).some((f) => hasUnlikeUnion(f.type))
      : key !== 'symbols' && hasUnlikeUnion(child),
  )
}

test('a copy of Avro records is the same bytes', async () => {
  let copied = 0
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const sample = new Samples(seed).record(3)
      if (hasUnlikeUnion(sample.schema)) return
      const schema = JSON.stringify(sample.schema)
      const bytes = framed(1, encode(sample))
      const value = { name: 'AVRO', schemas: [schema] } as const
      const world = memoryWorld([
        { name: 'source', value, records: [{ partition: 0, timestampMs: 0, key: null, value: bytes }] },
        { name: 'target', value, records: [] },
      ])
      await ask(world, 'INSERT INTO target SELECT * FROM source')
      assert.deepEqual(await values(world, 'target'), [bytes.toString('hex')], schema)
      world.catalog.close()
      copied++
    }),
    RUNS,
  )
  assert.ok(copied > RUNS.numRuns / 4, `${copied} copied`)
})

const text = (s: string): string => `'${s.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

test('values come back as they were given, by JSON and by Avro', async () => {
  const row = fc.record({
    i: fc.integer(),
    l: fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }),
    d: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((d) => !Object.is(d, -0)),
    s: fc.string({ unit: 'binary', maxLength: 20 }).filter((s) => s.isWellFormed()),
    b: fc.boolean(),
    a: fc.array(fc.string({ maxLength: 5 }), { minLength: 1, maxLength: 4 }),
    n: fc.option(fc.integer()),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 5 }), async (rows) => {
      for (const format of ['JSON', 'AVRO']) {
        const world = memoryWorld([])
        await ask(
          world,
          `CREATE TABLE t (i int, l long, d double, x.s string, x.b boolean, a string[], n int NULL) FORMAT (STRING, ${format})`,
        )
        const given = rows.map(
          (r) => `(${r.i}, ${r.l}, ${r.d}, ${text(r.s)}, ${r.b}, [${r.a.map(text).join(', ')}], ${r.n ?? 'NULL'})`,
        )
        await ask(world, `INSERT INTO t (i, l, d, x.s, x.b, a, n) VALUES ${given.join(', ')}`)
        const got = (await ask(world, 'SELECT * FROM t')).map((f) => {
          const exact = /"l":(-?\d+)/.exec(f)?.[1]
          const { value } = (
            JSON.parse(f) as {
              data: { value: { i: number; d: number; x: { s: string; b: boolean }; a: string[]; n: number | null } }
            }
          ).data
          return { i: value.i, l: BigInt(exact ?? '0'), d: value.d, s: value.x.s, b: value.x.b, a: value.a, n: value.n }
        })
        assert.deepEqual(
          got,
          rows.map((r) => ({ ...r })),
          format,
        )
        world.catalog.close()
      }
    }),
    { numRuns: 40, seed: 7 },
  )
})
