import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WireError, WireReader, WireWriter } from '../../../src/kafka/wire/primitives.ts'

test('varints written across every growth of the buffer are read back', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer(), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 9 }),
      (numbers, size) => {
        const writer = new WireWriter(size)
        for (const n of numbers)
          writer
            .varint(n)
            .uvarint(n >>> 0)
            .varlong(n)
        const reader = new WireReader(Buffer.from(writer.finish()))
        for (const n of numbers) {
          assert.equal(reader.varint(), n)
          assert.equal(reader.uvarint(), n >>> 0)
          assert.equal(reader.varint(), n)
        }
        assert.equal(reader.remaining, 0)
      },
    ),
    { seed: 4 },
  )
})

test('running out of bytes is a WireError', () => {
  const reads: ((reader: WireReader) => unknown)[] = [
    (r) => r.int8(),
    (r) => r.int16(),
    (r) => r.int32(),
    (r) => r.long(),
    (r) => r.string(),
    (r) => r.bytes(),
    (r) => r.uvarint(),
    (r) => r.array(() => r.int8()),
    (r) => r.compactString(),
  ]
  for (const read of reads) assert.throws(() => read(new WireReader(Buffer.alloc(0))), WireError)
  assert.throws(() => new WireReader(Buffer.from([0x7f, 0xff, 0xff, 0xff])).array(() => 0), WireError)
  assert.throws(() => new WireReader(Buffer.from([255, 255, 255, 255, 255, 255])).uvarint(), WireError)
})
