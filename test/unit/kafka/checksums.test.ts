/**
 * The second thread's verdicts: of good batches, damaged ones, and ones of old formats, which it leaves to the reader;
 * and that it lives on after them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { Checksums } from '../../../src/kafka/codecs/checksums.ts'
import { BatchIndex } from '../../../src/kafka/read/batch-index.ts'
import { writeRecordBatch } from '../../../src/kafka/read/record-batch.ts'

const GOOD = writeRecordBatch(
  Array.from({ length: 50 }, (_, i) => ({ value: `${i} ${'x'.repeat(2000)}`, timestamp: 1000 + i })),
)
const DAMAGED = Buffer.from(GOOD)
DAMAGED[GOOD.length - 7] ^= 1
/** A message of format v1, as short as one can be: 12 bytes in front of 5. */
const OLD = Buffer.alloc(17)
OLD.writeInt32BE(5, 8)
OLD[16] = 1

/** The batches that fill the memory. */
function indexOf(memory: SharedArrayBuffer): BatchIndex {
  const index = new BatchIndex(new DataView(memory))
  index.add(0, memory.byteLength, 0, Number.MAX_SAFE_INTEGER)
  return index
}

/** The verdicts once the thread has had its time; it is asked anew while it starts. */
async function verdicts(batches: readonly Buffer[], known: number): Promise<(boolean | undefined)[]> {
  const bytes = Buffer.concat(batches)
  // Nothing stands behind the last batch.
  const memory = new SharedArrayBuffer(bytes.length)
  bytes.copy(Buffer.from(memory))
  const checksums = new Checksums(memory)
  let found: (boolean | undefined)[] = []
  for (let round = 1; round < 12; round++) {
    checksums.begin(indexOf(memory))
    await wait(40 * round)
    found = batches.map((_, i) => checksums.verdict(i))
    if (found.filter((verdict) => verdict !== undefined).length >= known) break
  }
  return found
}

test('each batch its verdict; the reader is left what it has taken, and old formats', async () => {
  assert.deepEqual(await verdicts([GOOD, DAMAGED, GOOD, GOOD, OLD], 4), [true, false, true, true, undefined])
  assert.deepEqual(await verdicts([GOOD, GOOD, DAMAGED], 3), [true, true, false], 'the thread lives on')
})

test('a short answer is not worth a message', async () => {
  assert.deepEqual(await verdicts([GOOD], 0), [undefined])
})

test('what the reader has taken before the thread came is not told again', () => {
  const memory = new SharedArrayBuffer(GOOD.length * 3)
  Buffer.concat([GOOD, GOOD, GOOD]).copy(Buffer.from(memory))
  const checksums = new Checksums(memory)
  checksums.begin(indexOf(memory))
  // The thread may be quicker. Whoever was first, it stays so.
  const first = checksums.verdict(0)
  assert.ok(first === undefined || first)
  assert.equal(checksums.verdict(0), first)
})
