import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { avroDecoder } from '../../src/formats/avro/decoder.ts'
import { avroEncoder } from '../../src/formats/avro/writing/encoder.ts'
import { encode, Samples } from '../formats/avro-samples.ts'
import { reader } from '../formats/driver.ts'

const RUNS = { numRuns: 600, seed: 20261121 }

/**
 * A union of several branches that are not null: its values are JSON by then, and other branches may hold them as well.
 */
function hasUnlikeUnion(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false
  if (!Array.isArray(node))
    return Object.entries(node).some(([key, child]) =>
      key === 'fields'
        ? (child as { type: unknown }[]).some((f) => hasUnlikeUnion(f.type))
        : key !== 'symbols' && hasUnlikeUnion(child),
    )
  return node.filter((b) => b !== 'null').length > 1 || node.some(hasUnlikeUnion)
}

test('values are written as avsc writes them, and read back as they were', () => {
  let compared = 0
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const sample = new Samples(seed).record(4)
      if (hasUnlikeUnion(sample.schema)) return
      const text = JSON.stringify(sample.schema)
      const written = Buffer.from(avroEncoder(text).encode(sample.value))
      assert.equal(written.toString('hex'), encode(sample).toString('hex'), text)
      const read = reader(avroDecoder(text, 'avro'), [{ path: [], parts: ['value'], type: sample.type }], {
        validate: true,
      })
      assert.deepEqual(read(written, 3), [{ value: sample.value }], text)
      compared++
    }),
    RUNS,
  )
  assert.ok(compared > RUNS.numRuns / 4, `${compared} compared`)
})
