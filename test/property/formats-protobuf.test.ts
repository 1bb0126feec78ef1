import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { messageDecoder, protobufDecoder } from '../../src/formats/protobuf/decoder.ts'
import { encodeProtobuf } from '../../src/formats/protobuf/encoder.ts'
import { parseProtobufSchema } from '../../src/formats/protobuf/definition/link.ts'
import { protobufType } from '../../src/formats/protobuf/definition/schema.ts'
import { DEFAULT_RENDER, renderValue } from '../../src/formats/text/render.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import { readDamaged } from '../formats/damage.ts'
import { type Asked, type Part, reader } from '../formats/driver.ts'
import { decodedByLibrary, encodeSample, type MessageSample, ProtobufSamples } from '../formats/protobuf-samples.ts'

const RUNS = { numRuns: 200, seed: 20260301 }
const JSON_KIND = { kind: 'json' } as const

interface Made {
  readonly samples: ProtobufSamples
  readonly sample: MessageSample
  readonly schema: string
  readonly bytes: Buffer
  readonly decoder: ReturnType<typeof messageDecoder>
}

function make(seed: number): Made {
  const samples = new ProtobufSamples(seed)
  const sample = samples.message(4)
  const schema = samples.schema(sample.name)
  const message = parseProtobufSchema(schema).byName(sample.name)
  if (message === undefined) throw new Error(`no message ${sample.name} in ${schema}`)
  return { samples, sample, schema, bytes: encodeSample(schema, sample), decoder: messageDecoder(message, 'protobuf') }
}

/**
 * The fields of a message in another order, which must not matter: the tags at the top level shuffled, values of one
 * field kept in order.
 */
function shuffled(bytes: Buffer, samples: ProtobufSamples): Buffer {
  const fields: { tag: number; bytes: Buffer }[] = []
  const varint = (at: number): { value: number; end: number } => {
    let value = 0
    for (let p = at, scale = 1; ; p++, scale *= 128) {
      value += (bytes[p] & 127) * scale
      if (bytes[p] < 128) return { value, end: p + 1 }
    }
  }
  for (let p = 0; p < bytes.length; ) {
    const start = p
    const { value: tag, end } = varint(p)
    const wire = tag % 8
    if (wire === 0) p = varint(end).end
    else if (wire === 2) {
      const length = varint(end)
      p = length.end + length.value
    } else p = end + (wire === 1 ? 8 : 4)
    fields.push({ tag, bytes: bytes.subarray(start, p) })
  }
  const order = new Map<number, number>()
  for (const { tag } of fields) if (!order.has(tag)) order.set(tag, samples.below(1000))
  const mixed = fields
    .map((field, i) => ({ ...field, i, key: order.get(field.tag) as number }))
    .sort((a, b) => a.key - b.key || a.i - b.i)
  return Buffer.concat(mixed.map((field) => field.bytes))
}

test('a whole message comes out as the value and as the text that protobufjs wrote', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { sample, bytes, decoder, schema, samples } = make(seed)
      assert.deepEqual(decoder.type, sample.type, schema)
      const read = reader(decoder, [{ path: [], parts: ['value', 'text', 'exists'], type: decoder.type }], {
        validate: true,
      })
      const expected = [{ value: sample.value, text: sample.text, exists: true }]
      assert.deepEqual(read(bytes, 5), expected, schema)
      assert.deepEqual(read(shuffled(bytes, samples), 1), expected, schema)
      assert.deepEqual(reader(decoder, [{ path: [], parts: ['value'], type: JSON_KIND }])(bytes, 2), [
        { value: new JsonText(sample.text) },
      ])
      assert.equal(renderValue(sample.value, decoder.type, DEFAULT_RENDER), sample.text)
    }),
    RUNS,
  )
})

test('any selection of paths comes out as it is in the record, and nothing else', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { sample, bytes, decoder, schema, samples } = make(seed)
      const chosen = sample.below.filter(() => samples.below(3) === 0)
      const asked: Asked[] = chosen.map(({ path, at }) => ({
        path,
        type: at.type,
        parts: (['value', 'text', 'exists', 'slice'] as const).filter(
          (part) => samples.below(2) === 0 && (part !== 'slice' || at.type.kind === 'string'),
        ) as Part[],
      }))
      const missing: Asked = { path: ['no such field', 'deep'], parts: ['value', 'exists'], type: JSON_KIND }
      const read = reader(decoder, [...asked, missing], { validate: samples.below(4) === 0 })
      for (const written of [bytes, shuffled(bytes, samples)]) {
        const got = read(written, 3)
        if (got === 'bad') return assert.fail('bad')
        asked.forEach(({ parts, path }, i) => {
          const { at } = chosen[i]
          const where = `${path.join('.')} of ${schema}`
          if (parts.includes('exists')) assert.equal(got[i].exists, at.exists, where)
          if (parts.includes('text')) assert.equal(got[i].text, at.value === null ? null : at.text, where)
          if (parts.includes('slice'))
            assert.equal(got[i].slice, at.value === null ? undefined : at.sliced ? at.value : `made ${at.value}`, where)
          else if (parts.includes('value')) assert.deepEqual(got[i].value, at.value, where)
        })
        assert.deepEqual(got[asked.length], { value: null, exists: false })
      }
    }),
    RUNS,
  )
})

test('a message of any index of the schema is read', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { sample, bytes, schema, samples } = make(seed)
      const parsed = parseProtobufSchema(schema)
      const others = parseProtobufSchema(
        `${schema.replace('package sample;', 'package sample; message Before { int32 nothing = 1; message Inside { } }')}`.replaceAll(
          ' int32 nothing',
          samples.proto3 ? ' int32 nothing' : ' optional int32 nothing',
        ),
      )
      const type = protobufType(parsed.messages[0])
      assert.equal(parsed.messages[0].name, `sample.${sample.name}`)
      const asked: Asked[] = [{ path: [], parts: ['value', 'text'], type }]
      const expected = [{ value: sample.value, text: sample.text }]
      assert.deepEqual(
        reader(protobufDecoder(parsed, 'protobuf 1'), asked)(Buffer.concat([Buffer.of(0), bytes]), 1),
        expected,
      )
      assert.deepEqual(
        reader(protobufDecoder(parsed, 'protobuf 1'), asked)(Buffer.concat([Buffer.of(2, 0), bytes]), 1),
        expected,
      )
      // Behind the message that was put in front it has the index 1.
      assert.deepEqual(
        reader(protobufDecoder(others, 'protobuf 2'), asked)(Buffer.concat([Buffer.of(2, 2), bytes]), 1),
        expected,
      )
      assert.deepEqual(
        reader(protobufDecoder(others, 'protobuf 2'), asked)(Buffer.concat([Buffer.of(4, 0, 8), bytes]), 1),
        'bad',
      )
    }),
    { ...RUNS, numRuns: 60 },
  )
})

test('what is written is what protobufjs reads', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { sample, bytes, decoder, schema } = make(seed)
      const message = parseProtobufSchema(schema).messages[0]
      const written = encodeProtobuf(message, sample.value)
      assert.deepEqual(
        decodedByLibrary(schema, sample.name, written),
        decodedByLibrary(schema, sample.name, bytes),
        schema,
      )
      assert.deepEqual(reader(decoder, [{ path: [], parts: ['text'], type: decoder.type }])(Buffer.from(written)), [
        { text: sample.text },
      ])
    }),
    RUNS,
  )
})

test('damaged bytes are bad or something else, but never an exception and never a hang', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { sample, bytes, decoder, samples } = make(seed)
      const chosen = sample.below.filter(() => samples.below(3) === 0)
      const asked: Asked[] = chosen.map(({ path, at }) => ({
        path,
        type: at.type,
        parts: at.type.kind === 'string' ? ['slice', 'text'] : ['value', 'text'],
      }))
      readDamaged(decoder, asked, bytes, samples)
    }),
    { ...RUNS, numRuns: 150 },
  )
})

test('two messages one behind the other are one merged message', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { sample, bytes, decoder } = make(seed)
      // Lists grow, everything else is the same as once.
      if (/\[/.test(sample.text)) return
      const asked: Asked[] = [
        { path: [], parts: ['value', 'text'], type: decoder.type },
        ...sample.below.map(({ path, at }) => ({ path, type: at.type, parts: ['text'] as Part[] })),
      ]
      const read = reader(decoder, asked)
      assert.deepEqual(read(Buffer.concat([bytes, bytes])), read(bytes))
    }),
    { ...RUNS, numRuns: 300 },
  )
})
