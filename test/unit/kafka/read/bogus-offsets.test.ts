/** Damaged batches whose offsets are bogus, too: they are told of once, and hide none of the batches behind them. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import type { ScanRequest } from '../../../../src/kafka/log.ts'
import { createKafkaLog } from '../../../../src/kafka/read/reader.ts'
import { AT, readRecords, writeRecordBatch } from '../../../../src/kafka/read/record-batch.ts'
import { FakeCluster } from '../../../wire/fake-broker.ts'

const PER_BATCH = 10
const BATCHES = 12
const ALL = Array.from({ length: PER_BATCH * BATCHES }, (_, i) => i)

function batch(i: number): Buffer {
  const records = Array.from({ length: PER_BATCH }, (_, k) => ({ value: `${i * PER_BATCH + k}` }))
  return writeRecordBatch(records, { baseOffset: i * PER_BATCH })
}

/** A log of whole batches, of which one is changed on its way to the reader. */
async function readWith(
  t: TestContext,
  damaged: number,
  change: (bytes: Buffer) => void,
  more: Partial<ScanRequest> = {},
): Promise<{ offsets: number[]; faults: string[] }> {
  const fake = await FakeCluster.start()
  const cluster = new Cluster({ brokers: fake.addresses, gapTimeoutMs: 1, retryTimeoutMs: 20_000 })
  t.after(async () => {
    cluster.close()
    await fake.stop()
  })
  const [part] = fake.add('t', [Array.from({ length: BATCHES }, (_, i) => batch(i))])
  part.sent = (bytes, i) => {
    if (i !== damaged) return bytes
    const copy = Buffer.from(bytes)
    change(copy)
    return copy
  }
  const ranges = [{ partition: 0, start: 0, end: PER_BATCH * BATCHES }]
  const request: ScanRequest = { topic: 't', isolation: 'read_uncommitted', ranges, ...more }
  const source = createKafkaLog(cluster).scan(request, new AbortController().signal)
  const offsets: number[] = []
  const faults: string[] = []
  for (let next = await source.next(); next !== undefined; next = await source.next()) {
    if (next.fault !== undefined) faults.push(`${next.baseOffset}: ${next.count} ${next.fault}`)
    else offsets.push(...Array.from(readRecords(next), ({ offset }) => offset))
  }
  return { offsets, faults }
}

const without = (damaged: number) => ALL.filter((offset) => Math.floor(offset / PER_BATCH) !== damaged)

/** Changes of the last offset, which the checksum covers. */
const LAST_OFFSETS: readonly (readonly [string, (bytes: Buffer) => void])[] = [
  ['far beyond the log', (bytes) => void bytes.writeInt32BE(0x7fffffff, AT.lastOffsetDelta)],
  ['within the next batches', (bytes) => void bytes.writeInt32BE(34, AT.lastOffsetDelta)],
  ['before its first', (bytes) => void bytes.writeInt32BE(-7, AT.lastOffsetDelta)],
  ['too near', (bytes) => void bytes.writeInt32BE(3, AT.lastOffsetDelta)],
  [
    'far away, with a bogus count',
    (bytes) => {
      bytes.writeInt32BE(50, AT.lastOffsetDelta)
      bytes.writeInt32BE(51, AT.count)
    },
  ],
]

for (const [name, change] of LAST_OFFSETS) {
  for (const damaged of [0, 5, BATCHES - 2, BATCHES - 1]) {
    // Many batches in an answer, or one: then nothing stands behind it that says where it ends.
    for (const fetchMaxBytes of [undefined, batch(5).length, batch(5).length + 12, 2 * batch(5).length]) {
      test(`the last offset is ${name}: batch ${damaged}, answers of ${fetchMaxBytes ?? 'any'} bytes`, async (t) => {
        const { offsets, faults } = await readWith(t, damaged, change, { fetchMaxBytes })
        assert.deepEqual(offsets, without(damaged))
        assert.match(faults.join('\n'), new RegExp(`^${damaged * PER_BATCH}: \\d+ batch at offset .*checksum[^\\n]*$`))
      })
    }
  }
}

test('a range that begins within the damaged batch', async (t) => {
  for (const [, change] of LAST_OFFSETS) {
    for (const fetchMaxBytes of [undefined, batch(5).length]) {
      const ranges = [{ partition: 0, start: 36, end: 100 }]
      const { offsets, faults } = await readWith(t, 3, change, { ranges, fetchMaxBytes })
      assert.deepEqual(
        offsets,
        ALL.filter((offset) => offset >= 40 && offset < 100),
      )
      assert.equal(faults.length, 1)
    }
  }
})

test('in two places, and with a limit', async (t) => {
  const [[, change]] = LAST_OFFSETS
  assert.deepEqual((await readWith(t, 3, change, { unordered: true })).offsets, without(3))
  assert.deepEqual((await readWith(t, 3, change, { limit: 1000 })).offsets, without(3))
})

test('a base offset beyond the log, which no checksum covers, ends the scan with its place', async (t) => {
  for (const base of [1n << 40n, 1n << 52n, 200n])
    await assert.rejects(
      readWith(t, 5, (bytes) => void bytes.writeBigInt64BE(base, AT.baseOffset)),
      /partition 0 at offset 50: the length or the offset of a batch makes no sense/,
    )
})
