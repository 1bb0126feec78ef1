/**
 * The index of a frame: that it says of each batch what its header says, where it ends, and that nothing in the bytes
 * makes it throw, read beyond its part of the frame, or work longer than the bytes are long.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BatchIndex, BatchPlaces, MAX_INDEXED_BATCHES, type Walk } from '../../../../src/kafka/read/batch-index.ts'
import {
  AT,
  type BatchToWrite,
  BatchHeader,
  longAt,
  writeRecordBatch,
} from '../../../../src/kafka/read/record-batch.ts'

const ALL = Number.MAX_SAFE_INTEGER
/** The shortest thing that has an offset, a length and a format: a message set that says that 5 bytes follow. */
const SHORTEST_BYTES = 17

const viewOf = (bytes: Buffer) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

function batch(baseOffset: number, count: number, options: BatchToWrite = {}): Buffer {
  const records = Array.from({ length: count }, (_, i) => ({ value: `${baseOffset + i}`, timestamp: 1000 + i }))
  return writeRecordBatch(records, { ...options, baseOffset })
}

/** A message of format 0 or 1. */
function oldMessage(offset: number, magic: number, bytes = SHORTEST_BYTES): Buffer {
  const message = Buffer.alloc(bytes)
  message.writeBigInt64BE(BigInt(offset))
  message.writeInt32BE(bytes - 12, AT.batchLength)
  message[AT.magic] = magic
  return message
}

function indexed(bytes: Buffer, position = 0, endOffset = ALL): { index: BatchIndex; walk: Walk } {
  const index = new BatchIndex(viewOf(bytes))
  return { index, walk: index.add(0, bytes.length, position, endOffset) }
}

const numbers = (index: BatchIndex, of: (i: number) => unknown) => Array.from({ length: index.size }, (_, i) => of(i))

/** All that the index says of a batch. */
function entry(index: BatchIndex, i: number) {
  const batch = {
    ...{ from: 0, count: 0, baseOffset: 0, lastOffset: 0 },
    ...{ baseTimestamp: 0, maxTimestamp: 0, logAppendTime: false },
  }
  index.describe(i, batch)
  const { from, count, baseOffset, lastOffset, baseTimestamp, maxTimestamp, logAppendTime } = batch
  assert.deepEqual(
    [index.recordsStart(i), index.count(i), index.baseOffset(i), index.lastOffset(i), index.maxTimestamp(i)],
    [from, count, baseOffset, lastOffset, maxTimestamp],
  )
  return {
    ...{ start: index.start(i), end: index.end(i), recordsStart: from, magic: index.magic(i), codec: index.codec(i) },
    ...{ logAppendTime, transactional: index.transactional(i), control: index.control(i), count },
    ...{ baseOffset, lastOffset, baseTimestamp, maxTimestamp, producerId: index.producerId(i) },
  }
}

/** The same by reading one header after the other. */
function walkedByHand(bytes: Buffer, from: number, to: number): ReturnType<typeof entry>[] {
  const header = new BatchHeader()
  const found: ReturnType<typeof entry>[] = []
  for (let at = from; header.open(viewOf(bytes), at, to); at = header.to) {
    const { magic, codec, logAppendTime, transactional, control, count } = header
    const { baseOffset, lastOffset, baseTimestamp, maxTimestamp, producerId } = header
    found.push({
      start: at,
      end: header.to,
      recordsStart: header.from,
      ...{ magic, codec, logAppendTime, transactional, control, count },
      ...{ baseOffset, lastOffset, baseTimestamp, maxTimestamp, producerId },
    })
  }
  return found
}

test('each batch as its header describes it', () => {
  const compressed = batch(20, 2, { codec: 'zstd', compress: (plain) => plain, transactional: true, producerId: 7 })
  const bytes = Buffer.concat([batch(10, 3), compressed, batch(30, 1, { control: true, logAppendTime: true })])
  const { index, walk } = indexed(bytes, 10)
  assert.deepEqual(
    numbers(index, (i) => entry(index, i)),
    walkedByHand(bytes, 0, bytes.length),
  )
  assert.deepEqual(
    numbers(index, (i) => [index.codec(i), index.transactional(i), index.control(i), entry(index, i).logAppendTime]),
    [
      [0, false, false, false],
      [4, true, false, false],
      [0, false, true, true],
    ],
  )
  assert.deepEqual(
    numbers(index, (i) => [index.baseOffset(i), index.lastOffset(i), index.count(i), index.producerId(i)]),
    [
      [10, 12, 3, -1],
      [20, 21, 2, 7],
      [30, 30, 1, -1],
    ],
  )
  assert.deepEqual(walk, {
    first: 0,
    last: 3,
    sizeBytes: bytes.length,
    firstOffset: 10,
    next: 31,
    neededBytes: 0,
  })
  assert.equal(index.totalBytes, bytes.length)
})

test('offsets near 2^53 are exact', () => {
  const offset = Number.MAX_SAFE_INTEGER - 10
  const { index, walk } = indexed(batch(offset, 3), offset)
  assert.deepEqual([index.baseOffset(0), index.lastOffset(0), walk.next], [offset, offset + 2, offset + 3])
})

test('several partitions of one answer are numbered through; the next answer begins anew', () => {
  const bytes = Buffer.concat([batch(0, 2), batch(2, 2), batch(500, 1)])
  const [second, third] = [batch(0, 2).length, batch(0, 2).length + batch(2, 2).length]
  const index = new BatchIndex(viewOf(bytes))
  const walks = [index.add(0, third, 0, ALL), index.add(third, bytes.length, 500, ALL)]
  assert.deepEqual(
    walks.map(({ first, last, next }) => [first, last, next]),
    [
      [0, 2, 4],
      [2, 3, 501],
    ],
  )
  assert.deepEqual(
    numbers(index, (i) => index.start(i)),
    [0, second, third],
  )
  index.clear()
  assert.deepEqual([index.size, index.totalBytes], [0, 0])
  assert.equal(index.add(third, bytes.length, 500, ALL).first, 0)
})

test('it ends with the batch that reaches the wanted end, and may begin before the offset that was asked for', () => {
  const bytes = Buffer.concat([batch(0, 10), batch(10, 10), batch(20, 10)])
  const { walk } = indexed(bytes, 5, 12)
  assert.deepEqual([walk.last, walk.next, walk.firstOffset], [2, 20, 0])
  assert.deepEqual(indexed(bytes, 5, 10).walk.last, 1)
})

test('a batch that is cut off says what it needs, if its length is there', () => {
  const whole = batch(0, 5)
  const cut = (bytes: number) => indexed(Buffer.concat([whole, batch(5, 5)]).subarray(0, whole.length + bytes)).walk
  assert.deepEqual([cut(0).last, cut(0).neededBytes], [1, 0])
  assert.deepEqual([cut(11).last, cut(11).neededBytes], [1, 0])
  assert.deepEqual([cut(12).last, cut(12).neededBytes], [1, whole.length])
  assert.deepEqual([cut(whole.length - 1).last, cut(whole.length - 1).neededBytes], [1, whole.length])
  const nothing = indexed(whole.subarray(0, 40), 3).walk
  assert.deepEqual(nothing, { first: 0, last: 0, sizeBytes: 0, firstOffset: 3, next: 3, neededBytes: whole.length })
})

test('a length that makes no sense ends the walk; one that lies is a batch that is cut off', () => {
  for (const [length, needed] of [
    [0, -1],
    [4, -1],
    [-1, -1],
    [-(2 ** 31), -1],
    [2 ** 31 - 1, 2 ** 31 + 11],
  ]) {
    const damaged = batch(5, 5)
    damaged.writeInt32BE(length, AT.batchLength)
    const { walk, index } = indexed(Buffer.concat([batch(0, 5), damaged]))
    assert.deepEqual([index.size, walk.next, walk.neededBytes], [1, 5, needed], `length ${length}`)
  }
})

test('old formats, and a batch too short for its header, are batches without records', () => {
  const short = oldMessage(9, 2, 60)
  const { index, walk } = indexed(Buffer.concat([oldMessage(7, 0), oldMessage(8, 1, 40), short, batch(10, 1)]), 7)
  assert.deepEqual(
    numbers(index, (i) => [index.magic(i), index.baseOffset(i), index.count(i), index.end(i) - index.recordsStart(i)]),
    [
      [0, 7, 1, 0],
      [1, 8, 1, 0],
      [-1, 9, 1, 0],
      [2, 10, 1, batch(10, 1).length - AT.records],
    ],
  )
  assert.equal(walk.next, 11)
})

test('it grows; what the checksum thread was given stays as it was', () => {
  const bytes = Buffer.concat(Array.from({ length: 200 }, (_, i) => batch(i, 1)))
  const index = new BatchIndex(viewOf(bytes))
  index.add(0, bytes.length, 0, ALL)
  const before = new BatchPlaces(index.memory)
  const starts = numbers(index, (i) => before.start(i))
  const memoryBefore = index.capacityBytes
  index.add(0, bytes.length, 0, ALL)
  assert.equal(index.size, 400)
  assert.ok(index.capacityBytes > memoryBefore && index.capacityBytes <= 32 * 512)
  assert.deepEqual(starts, numbers(index, (i) => index.start(i)).slice(0, 200))
  assert.deepEqual(
    starts.map((_, i) => before.start(i)),
    starts,
  )
})

test('there is a limit on the batches of one answer; the rest is asked for again', () => {
  const count = MAX_INDEXED_BATCHES + 10
  const bytes = Buffer.alloc(count * SHORTEST_BYTES)
  for (let i = 0; i < count; i++) oldMessage(i, 1).copy(bytes, i * SHORTEST_BYTES)
  const { index, walk } = indexed(bytes)
  assert.deepEqual([walk.last, walk.next, index.size], [MAX_INDEXED_BATCHES, MAX_INDEXED_BATCHES, MAX_INDEXED_BATCHES])
  const more = index.add(walk.sizeBytes, bytes.length, walk.next, ALL)
  assert.deepEqual([more.last - more.first, more.next], [0, walk.next])
})

/** Valid batches, old messages and noise, with some bytes changed and the end cut off. */
const hostile = fc
  .record({
    pieces: fc.array(
      fc.oneof(
        fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 4 })).map(([offset, count]) => batch(offset, count)),
        fc.tuple(fc.nat(1000), fc.constantFrom(0, 1, 2, 3, 255)).map(([offset, magic]) => oldMessage(offset, magic)),
        fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      ),
      { maxLength: 8 },
    ),
    changes: fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 4 }),
    cut: fc.nat(40),
  })
  .map(({ pieces, changes, cut }) => {
    const bytes = Buffer.concat(pieces)
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
    return bytes.subarray(0, Math.max(0, bytes.length - cut))
  })

test('whatever the bytes are: it says what the headers say, and sees nothing outside of its part', () => {
  fc.assert(
    fc.property(hostile, fc.nat(1000), fc.constantFrom(0, 0xff), (part, position, around) => {
      const bytes = Buffer.alloc(part.length + 160, around)
      part.copy(bytes, 80)
      const index = new BatchIndex(viewOf(bytes))
      const walk = index.add(80, 80 + part.length, position, Number.POSITIVE_INFINITY)
      const expected = walkedByHand(bytes, 80, 80 + part.length)
      // A batch holds its first offset and ends before the next one, whatever it says.
      for (const found of expected) found.lastOffset = Math.max(found.baseOffset, found.lastOffset)
      const end = expected.at(-1)?.end ?? 0
      const bases = expected.slice(1).map((found) => found.baseOffset)
      if (end + 12 <= 80 + part.length) bases.push(longAt(viewOf(bytes), end))
      bases.forEach((base, i) => {
        const found = expected[i]
        if (found && base > found.baseOffset && base <= found.lastOffset) found.lastOffset = base - 1
      })
      assert.deepEqual(
        numbers(index, (i) => entry(index, i)),
        expected,
      )
      assert.ok(index.size * SHORTEST_BYTES <= part.length)
      assert.ok(numbers(index, (i) => index.recordsStart(i)).every((at, i) => (at as number) <= index.end(i)))
      assert.equal(walk.sizeBytes, index.totalBytes)
      assert.ok(walk.next >= position)
    }),
    { seed: 5, numRuns: 2000 },
  )
})
