import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { avroDecoder } from '../../src/formats/avro/decoder.ts'
import { DEFAULT_RENDER, renderValue } from '../../src/formats/text/render.ts'
import { encode, Samples } from '../formats/avro-samples.ts'
import { readDamaged } from '../formats/damage.ts'
import { type Asked, type Part, reader } from '../formats/driver.ts'

const RUNS = { numRuns: 200, seed: 20260301 }
const JSON_KIND = { kind: 'json' } as const

test('a whole record comes out as the value and as the text that avsc wrote', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const sample = new Samples(seed).record(4)
      const decoder = avroDecoder(JSON.stringify(sample.schema), 'avro')
      assert.deepEqual(decoder.type, sample.type)
      const bytes = encode(sample)
      const read = reader(decoder, [{ path: [], parts: ['value', 'text', 'exists'], type: decoder.type }], {
        validate: true,
      })
      assert.deepEqual(read(bytes, 5), [{ value: sample.value, text: sample.text, exists: true }])
      const asJson = reader(decoder, [{ path: [], parts: ['value'], type: JSON_KIND }])
      assert.deepEqual(asJson(bytes, 2), [{ value: sample.json }])
    }),
    RUNS,
  )
})

test('any selection of paths comes out as it is in the record, and nothing else', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const samples = new Samples(seed)
      const sample = samples.record(4)
      const chosen = sample.below.filter(() => samples.below(3) === 0)
      const asked: Asked[] = chosen.map(({ path, sample: at }) => ({
        path,
        type: at.type,
        parts: (['value', 'text', 'exists', 'slice'] as const).filter(
          (part) => samples.below(2) === 0 && (part !== 'slice' || at.type.kind === 'string'),
        ) as Part[],
      }))
      const missing: Asked = { path: ['no such field', 'deep'], parts: ['value', 'exists'], type: JSON_KIND }
      const read = reader(avroDecoder(JSON.stringify(sample.schema), 'avro'), [...asked, missing], {
        validate: samples.below(2) === 0,
      })
      const got = read(encode(sample), 3)
      if (got === 'bad') return assert.fail('bad')
      asked.forEach(({ parts }, i) => {
        const { sample: at, path } = chosen[i]
        const where = `${path.join('.')} of ${JSON.stringify(sample.schema)}`
        if (parts.includes('exists')) assert.equal(got[i].exists, true, where)
        if (parts.includes('text')) assert.equal(got[i].text, at.value === null ? null : at.text, where)
        if (parts.includes('slice'))
          assert.equal(
            got[i].slice,
            at.value === null ? undefined : isEnum(at.schema) ? `made ${at.value}` : at.value,
            where,
          )
        else if (parts.includes('value')) assert.deepEqual(got[i].value, at.value, where)
      })
      assert.deepEqual(got[asked.length], { value: null, exists: false })
    }),
    RUNS,
  )
})

function isEnum(schema: unknown): boolean {
  return JSON.stringify(schema).includes('"symbols"')
}

test('text in place and text of the value are the same', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const sample = new Samples(seed).record(3)
      const decoder = avroDecoder(JSON.stringify(sample.schema), 'avro')
      for (const render of [DEFAULT_RENDER, { timestamp: false, decimal: 1, uuid: true }]) {
        const got = reader(decoder, [{ path: [], parts: ['value', 'text'], type: decoder.type }], { render })(
          encode(sample),
        )
        if (got === 'bad') return assert.fail('bad')
        // Doubles of the json kind do not show a fraction when made into a value first, and decimals become doubles:
        // unions are left out.
        if (!hasUnion(sample.schema)) assert.equal(renderValue(got[0].value ?? null, decoder.type, render), got[0].text)
      }
    }),
    RUNS,
  )
})

/** Whether some union has two branches beside null. */
function hasUnion(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.filter((branch) => branch !== 'null').length > 1 || schema.some(hasUnion)
  if (typeof schema !== 'object' || schema === null) return false
  const { fields, items, values } = schema as { fields?: { type: unknown }[]; items?: unknown; values?: unknown }
  return (fields ?? []).some((field) => hasUnion(field.type)) || hasUnion(items) || hasUnion(values)
}

test('damaged bytes are bad or something else, but never an exception and never a hang', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const samples = new Samples(seed)
      const sample = samples.record(4)
      const decoder = avroDecoder(JSON.stringify(sample.schema), 'avro')
      const chosen = sample.below.filter(() => samples.below(3) === 0)
      const asked: Asked[] = chosen.map(({ path, sample: at }) => ({
        path,
        type: at.type,
        parts: at.type.kind === 'string' ? ['slice', 'text'] : ['value', 'text'],
      }))
      readDamaged(decoder, asked, encode(sample), samples)
    }),
    { ...RUNS, numRuns: 150 },
  )
})

test('a truncated record is bad when all of it is read', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const sample = new Samples(seed).record(3)
      const decoder = avroDecoder(JSON.stringify(sample.schema), 'avro')
      const read = reader(decoder, [{ path: [], parts: ['text'], type: decoder.type }])
      const bytes = encode(sample)
      for (let length = 0; length < bytes.length; length += 1 + (bytes.length >> 5))
        assert.equal(read(bytes.subarray(0, length), 0), 'bad', `${length} of ${bytes.length}`)
    }),
    { ...RUNS, numRuns: 150 },
  )
})
