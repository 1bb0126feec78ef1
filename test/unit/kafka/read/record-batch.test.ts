import assert from 'node:assert/strict'
import { test } from 'node:test'
import zlib from 'node:zlib'
import { compressionsAlgorithms } from '@platformatic/kafka'
import fc from 'fast-check'
import { Decompressor, type Plain } from '../../../../src/kafka/codecs/compression.ts'
import { crc32c } from '../../../../src/kafka/codecs/crc32c.ts'
import type { RecordBatch } from '../../../../src/kafka/log.ts'
import { CodecError } from '../../../../src/kafka/codecs/output.ts'
import {
  BatchHeader,
  CODECS,
  checksumFits,
  controlRecord,
  controlType,
  readRecords,
  writeRecordBatch,
} from '../../../../src/kafka/read/record-batch.ts'
import { wholeBatch } from '../../../support/record-batch.ts'

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}

/** A written batch as a reader would hand it out. */
function opened(bytes: Buffer): RecordBatch {
  const header = new BatchHeader()
  const view = viewOf(bytes)
  assert.ok(header.open(view, 0, bytes.length))
  assert.ok(checksumFits(bytes, view, 0, header.to))
  return wholeBatch(header, { buffer: bytes, view, from: header.from, to: header.to })
}

test('CRC-32C of RFC 3720, B.4', () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  assert.equal(crc32c(Buffer.from('xx123456789yy'), 2, 11), 0xe3069283)
})

test('records written are records read', () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: null })
  const record = fc.record({
    key: bytes,
    value: bytes,
    timestamp: fc.integer({ min: 0, max: 4_000_000_000_000 }),
    headers: fc.array(fc.record({ key: fc.string(), value: bytes }), { maxLength: 3 }),
  })
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 0, max: 2 ** 48 }),
      (records, baseOffset) => {
        const read = [...readRecords(opened(writeRecordBatch(records, { baseOffset })))]
        assert.equal(read.length, records.length)
        read.forEach((found, i) => {
          assert.equal(found.offset, baseOffset + i)
          assert.equal(found.timestamp, records[i].timestamp)
          assert.deepEqual(found.key, records[i].key === null ? null : Buffer.from(records[i].key))
          assert.deepEqual(found.value, records[i].value === null ? null : Buffer.from(records[i].value))
          assert.deepEqual(
            found.headers,
            records[i].headers.map((header) => ({
              key: Buffer.from(header.key).toString(),
              value: header.value === null ? null : Buffer.from(header.value),
            })),
          )
        })
      },
    ),
    { seed: 11 },
  )
})

test('the header says what was written', () => {
  const bytes = writeRecordBatch(
    [
      { value: 'a', timestamp: 5 },
      { value: 'b', timestamp: 3, offset: 14 },
    ],
    { baseOffset: 10, producerId: 77, transactional: true, logAppendTime: true, lastOffset: 19 },
  )
  const header = new BatchHeader()
  assert.ok(header.open(viewOf(bytes), 0, bytes.length))
  const {
    baseOffset,
    lastOffset,
    size,
    magic,
    codec,
    count,
    producerId,
    transactional,
    control,
    logAppendTime,
    baseTimestamp,
    maxTimestamp,
  } = header
  assert.deepEqual(
    {
      baseOffset,
      lastOffset,
      size,
      magic,
      codec,
      count,
      producerId,
      transactional,
      control,
      logAppendTime,
      baseTimestamp,
      maxTimestamp,
    },
    {
      baseOffset: 10,
      lastOffset: 19,
      size: bytes.length,
      magic: 2,
      codec: 0,
      count: 2,
      producerId: 77,
      transactional: true,
      control: false,
      logAppendTime: true,
      baseTimestamp: 5,
      maxTimestamp: 5,
    },
  )
})

test('a batch that is not there whole is not opened, and says what it needs', () => {
  const bytes = writeRecordBatch([{ value: 'abc' }])
  const header = new BatchHeader()
  for (let end = 0; end < bytes.length; end++) {
    assert.equal(header.open(viewOf(bytes), 0, end), false)
    assert.equal(header.size, end < 12 ? 0 : bytes.length)
  }
  const senseless = Buffer.from(bytes)
  senseless.writeInt32BE(-5, 8)
  assert.equal(header.open(viewOf(senseless), 0, bytes.length), false)
  assert.equal(header.size, -1)
})

test('control records tell their type', () => {
  for (const [type, number] of [
    ['abort', 0],
    ['commit', 1],
  ] as const) {
    const batch = opened(writeRecordBatch([controlRecord(type)], { control: true, transactional: true, producerId: 1 }))
    assert.equal(controlType(batch.buffer, batch.from, batch.to), number)
  }
  assert.equal(controlType(Buffer.from([1, 2]), 0, 2), -1)
})

test('a changed byte anywhere under the checksum is noticed', () => {
  const bytes = writeRecordBatch([{ key: 'k', value: 'some value' }])
  for (let at = 21; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at] ^= 4
    assert.equal(checksumFits(damaged, viewOf(damaged), 0, damaged.length), false)
  }
})

function run(codec: number, input: Buffer, maxBytes?: number): Plain | Promise<Plain> {
  return new Decompressor(maxBytes).run(codec, input, viewOf(input), 0, input.length)
}

function bytesOf(plain: Plain): Buffer {
  return plain.buffer.subarray(plain.from, plain.to)
}

/** Text with repetitions near and far, runs, and noise. */
const compressible = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.constantFrom('a'.repeat(300), 'abc'.repeat(90), 'currency', '0123456789'),
    ),
    { maxLength: 300 },
  )
  .map((parts) => Buffer.from(parts.join('')))

test('every codec gives back what went in', async () => {
  const decompressor = new Decompressor()
  await fc.assert(
    fc.asyncProperty(compressible, async (plain) => {
      for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
        const packed = Buffer.from(compressionsAlgorithms[codec].compressSync(plain))
        const padded = Buffer.concat([Buffer.alloc(5), packed, Buffer.alloc(7, 9)])
        const unpacked = await decompressor.run(CODECS.indexOf(codec), padded, viewOf(padded), 5, 5 + packed.length)
        assert.ok(bytesOf(unpacked).equals(plain), codec)
        assert.equal(unpacked.view.byteLength, unpacked.buffer.length)
      }
    }),
    { seed: 3, numRuns: 60 },
  )
})

test('xerial framing: chunks one behind the other', () => {
  const chunks = ['first chunk '.repeat(20), 'second'.repeat(30)].map((text) =>
    Buffer.from(compressionsAlgorithms.snappy.compressSync(Buffer.from(text))),
  )
  const head = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1])
  const sized = chunks.map((chunk) =>
    Buffer.concat([Buffer.from([0, 0, chunk.length >> 8, chunk.length & 255]), chunk]),
  )
  const plain = run(2, Buffer.concat([head, ...sized])) as Plain
  assert.equal(bytesOf(plain).toString(), 'first chunk '.repeat(20) + 'second'.repeat(30))
})

test('lz4 frames with content size, block and content checksums, stored blocks, and linked blocks', () => {
  const header = Buffer.concat([
    Buffer.from([0x04, 0x22, 0x4d, 0x18, 0b0101_1100, 0x40]),
    Buffer.alloc(8),
    Buffer.from([0]),
  ])
  const word = (n: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(n >>> 0)
    return bytes
  }
  const stored = Buffer.from('stored as it is. ')
  // One literal-only start, then a match that reaches back 17 bytes into the block before; the last sequence is
  // literals.
  const linked = Buffer.from([0x0d, 17, 0, 0x10, 0x21])
  const frame = Buffer.concat([
    header,
    word(0x80000000 + stored.length),
    stored,
    word(0xabad1dea),
    word(linked.length),
    linked,
    word(0xabad1dea),
    word(0),
    word(0xfeedface),
  ])
  const expected = 'stored as it is. stored as it is. !'
  assert.equal(bytesOf(run(3, frame) as Plain).toString(), expected)
  const skippable = Buffer.concat([word(0x184d2a53), word(3), Buffer.from('abc')])
  assert.equal(bytesOf(run(3, Buffer.concat([skippable, frame, frame])) as Plain).toString(), expected + expected)
  const independent = Buffer.from(frame)
  independent[4] |= 32
  assert.throws(() => run(3, independent), /a match lies outside the block/)
})

test('damaged or cut data is a CodecError, whatever the codec', async () => {
  const plain = Buffer.from('the quick brown fox jumps over the lazy dog, the quick brown fox again. '.repeat(30))
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('gzip', 'snappy', 'lz4', 'zstd'),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      fc.option(fc.nat()),
      async (codec, changes, cut) => {
        let packed = Buffer.from(compressionsAlgorithms[codec].compressSync(plain))
        for (const [at, value] of changes) packed[at % packed.length] = value
        if (cut !== null) packed = packed.subarray(0, cut % packed.length)
        try {
          await run(CODECS.indexOf(codec), packed, 1 << 20)
        } catch (error) {
          assert.ok(error instanceof CodecError, `${codec}: ${String(error)}`)
        }
      },
    ),
    { seed: 5, numRuns: 400 },
  )
  for (const codec of [1, 2, 3, 4]) await assert.rejects(async () => run(codec, Buffer.alloc(0)), CodecError)
  await assert.rejects(async () => run(6, Buffer.from('x')), /codec 6 is unknown/)
})

test('random bytes are a CodecError or something small, never more', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(1, 2, 3, 4), fc.uint8Array({ maxLength: 200 }), async (codec, bytes) => {
      try {
        const plain = await run(codec, Buffer.from(bytes), 1 << 20)
        assert.ok(plain.to - plain.from <= 1 << 20)
      } catch (error) {
        assert.ok(error instanceof CodecError, String(error))
      }
    }),
    { seed: 6, numRuns: 500 },
  )
})

test('a bomb stops at the limit, which is named', async () => {
  const zeros = Buffer.alloc(8 * 1024 * 1024)
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const packed = Buffer.from(compressionsAlgorithms[codec].compressSync(zeros))
    await assert.rejects(
      async () => run(CODECS.indexOf(codec), packed, 1024 * 1024),
      /larger than 1048576 bytes once decompressed \(kafka\.decompressed\.batch\.max\.bytes\)/,
      codec,
    )
  }
  const liar = zlib.gzipSync(zeros)
  liar.writeUInt32LE(10, liar.length - 4)
  await assert.rejects(async () => run(1, liar, 100), CodecError)
  await assert.rejects(async () => run(1, liar), CodecError)
})

test('large batches are decompressed off the thread, or in slices', async () => {
  const plain = Buffer.from(Array.from({ length: 1_500_000 }, (_, i) => `line ${i}\n`).join(''))
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const later = run(CODECS.indexOf(codec), Buffer.from(compressionsAlgorithms[codec].compressSync(plain)))
    assert.ok(later instanceof Promise, codec)
    assert.ok(bytesOf(await later).equals(plain), codec)
  }
})
