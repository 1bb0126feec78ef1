/**
 * Windowed keys of every format that can be inside of them: what is written is read, and lies where Kafka Streams would
 * have put it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { runRequest } from '../../src/engine/request.ts'
import { avroDecoder } from '../../src/formats/avro/decoder.ts'
import { avroEncoder } from '../../src/formats/avro/writing/encoder.ts'
import { primitiveDecoder } from '../../src/formats/primitive/decoder.ts'
import { primitiveEncoder } from '../../src/formats/primitive/encoder.ts'
import { windowedDecoder } from '../../src/formats/windowed/decoder.ts'
import { windowedEncoder } from '../../src/formats/windowed/encoder.ts'
import { readRecords } from '../../src/kafka/read/record-batch.ts'
import { partitionOfKey } from '../../src/lib/murmur2.ts'
import type { Value } from '../../src/types.ts'
import { encodeAvro, framed } from '../support/avro-encode.ts'
import { memoryWorld } from '../support/memory-world.ts'
import { reader } from './driver.ts'

const INNER = {
  STRING: fc.string({ unit: 'grapheme' }),
  INT: fc.integer(),
  LONG: fc.maxSafeInteger(),
  FLOAT: fc.float({ noNaN: true }),
  DOUBLE: fc.double({ noNaN: true }),
  BYTES: fc.uint8Array(),
  UUID: fc.uuid(),
} as const
const TIME = fc.integer({ min: -8.64e15, max: 8.64e15 })

test('property: every single format, with time windows and with sessions', () => {
  for (const kind of ['TW', 'SW'] as const)
    for (const [format, values] of Object.entries(INNER)) {
      const plain = primitiveEncoder(format as keyof typeof INNER)
      assert.ok(plain !== undefined)
      const encoder = windowedEncoder(kind, plain)
      const decoder = windowedDecoder(kind, primitiveDecoder(format as keyof typeof INNER))
      const read = reader(decoder, [{ path: [], parts: ['value'], type: decoder.type }])
      fc.assert(
        fc.property(values as fc.Arbitrary<Value>, TIME, TIME, (key, windowStart, windowEnd) => {
          const value = new Map<string, Value>([
            ['key', key],
            ['windowStart', windowStart],
            ...(kind === 'SW' ? [['windowEnd', windowEnd] as [string, Value]] : []),
          ])
          const bytes = encoder.encode(value)
          assert.deepEqual(read(bytes, 1), [{ value }], `${kind}${format}`)
          const times = Buffer.from(bytes.subarray(bytes.length - (kind === 'TW' ? 8 : 16)))
          assert.equal(
            Number(times.readBigInt64BE(0)),
            kind === 'TW' ? windowStart : windowEnd,
            'the end of a session stands before its start',
          )
        }),
        { numRuns: 100 },
      )
    }
})

test('Avro keys: behind the frame, before the window', () => {
  const schema =
    '{"type":"record","name":"K","fields":[{"name":"id","type":"long"},{"name":"tag","type":["null","string"],"default":null}]}'
  const decoder = windowedDecoder('SW', avroDecoder(schema, 'avro'))
  const value = new Map<string, Value>([
    [
      'key',
      new Map<string, Value>([
        ['id', 5],
        ['tag', 'x'],
      ]),
    ],
    ['windowStart', 1],
    ['windowEnd', 2],
  ])
  const bytes = windowedEncoder('SW', avroEncoder(schema)).encode(value)
  assert.deepEqual(
    Buffer.from(bytes),
    Buffer.concat([encodeAvro(schema, { id: 5, tag: 'x' }), Buffer.from('00000000000000020000000000000001', 'hex')]),
  )
  assert.deepEqual(reader(decoder, [{ path: [], parts: ['value'], type: decoder.type }])(bytes, 3), [{ value }])
})

test('INSERT with Avro keys in windows: the subject’s schema, and one partition for all windows of a key', async () => {
  const schema = '{"type":"record","name":"K","fields":[{"name":"id","type":"long"}]}'
  const world = memoryWorld(
    [
      {
        name: 't',
        partitions: 7,
        key: { name: 'AVRO', schemas: [schema] },
        value: { name: 'LONG' },
        detect: true,
        records: [],
      },
    ],
    {
      formats: { t: { key: 'TWAVRO', value: 'LONG' } },
    },
  )
  const frames: { type: string; data: unknown }[] = []
  const ask = async (sql: string): Promise<void> => {
    const { catalog, log, administration } = world
    await runRequest(
      { sql, live: false },
      { catalog, log, administration },
      { send: (f) => void frames.push(JSON.parse(f)), drained: () => undefined },
      new AbortController().signal,
    )
  }
  await ask('INSERT INTO t (_key.key.id, _key.windowStart, _value) VALUES (5, 1000, 1), (5, 2000, 2), (6, 1000, 3)')
  await ask('SELECT _key.key.id AS id, _key.windowStart AS s, _value AS n FROM t')
  assert.deepEqual(
    frames.filter((f) => f.type === 'ERROR'),
    [],
  )
  const rows = frames
    .filter((f) => f.type === 'RECORD')
    .map((f) => (f.data as { value: { id?: number; s?: string; n?: number } }).value)
  assert.deepEqual(
    rows.filter((r) => r.id !== undefined).sort((a, b) => Number(a.n) - Number(b.n)),
    [
      { id: 5, s: '1970-01-01T00:00:01Z', n: 1 },
      { id: 5, s: '1970-01-01T00:00:02Z', n: 2 },
      { id: 6, s: '1970-01-01T00:00:01Z', n: 3 },
    ],
  )
  const inner = framed(1, encodeAvro(schema, { id: 5 }))
  const partition = partitionOfKey(inner, 7)
  const source = world.log.scan(
    { topic: 't', ranges: [{ partition, start: 0, end: 2 }], isolation: 'read_committed' },
    new AbortController().signal,
  )
  const keys: string[] = []
  for (let batch = await source.next(); batch !== undefined; batch = await source.next())
    for (const record of readRecords(batch)) keys.push(Buffer.from(record.key ?? []).toString('hex'))
  assert.deepEqual(
    keys.filter((key) => key.startsWith(inner.toString('hex'))),
    [`${inner.toString('hex')}00000000000003e8`, `${inner.toString('hex')}00000000000007d0`],
  )
})
