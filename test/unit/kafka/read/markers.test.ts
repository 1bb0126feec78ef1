/** Markers that end aborted transactions: compacted late, and damaged. What was committed behind them is never dropped without a word. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from '../../../../src/kafka/cluster.ts'
import { crc32c } from '../../../../src/kafka/codecs/crc32c.ts'
import { MAX_ABORTED } from '../../../../src/kafka/read/fetch.ts'
import { createKafkaLog } from '../../../../src/kafka/read/reader.ts'
import { AT, controlRecord, readRecords, writeRecordBatch } from '../../../../src/kafka/read/record-batch.ts'
import { WireReader, WireWriter } from '../../../../src/kafka/wire/primitives.ts'
import { FakeCluster } from '../../../wire/fake-broker.ts'

const DAY_MS = 86_400_000
const AT_MS = 1_700_000_000_000
const never = new AbortController().signal

function of(producerId: number) {
  return { producerId, producerEpoch: 0, transactional: true, timestamp: AT_MS }
}

function data(value: string, baseOffset: number, producerId = 7): Buffer {
  return writeRecordBatch([{ value }], { ...of(producerId), baseOffset })
}

function marker(type: 'abort' | 'commit', baseOffset: number, producerId = 7): Buffer {
  const record = { ...controlRecord(type), timestamp: AT_MS }
  return writeRecordBatch([record], { ...of(producerId), control: true, baseOffset })
}

/** The marker after compaction (KIP-534): the batch begins at the time when it may be deleted, its record before. */
function compacted(baseOffset: number, days: number): Buffer {
  const batch = marker('abort', baseOffset)
  const reader = new WireReader(batch, AT.records)
  reader.varint()
  // Attributes, a timestamp delta of one byte, and the rest as it is.
  const body = new WireWriter(64)
    .int8(0)
    .varlong(-days * DAY_MS)
    .raw(batch.subarray(reader.at + 2))
    .finish()
  const record = new WireWriter(64).varint(body.length).raw(body).finish()
  const whole = Buffer.concat([batch.subarray(0, AT.records), record])
  whole.writeInt32BE(whole.length - 12, AT.batchLength)
  whole.writeBigInt64BE(BigInt(AT_MS + days * DAY_MS), AT.baseTimestamp)
  return checked(whole)
}

function checked(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, AT.attributes), AT.crc)
  return batch
}

/** One bit is another one, at a byte of the batch. */
function damaged(batch: Buffer, at: number): Buffer {
  batch[at] ^= 1
  return batch
}

/** Values of the records that come, and `bad` for a batch that cannot be read. */
async function read(batches: Buffer[], aborted: [number, number, number][]): Promise<string[]> {
  const fake = await FakeCluster.start()
  const log = createKafkaLog(new Cluster({ brokers: fake.addresses }))
  const [part] = fake.add('t', [batches])
  part.aborted = aborted.map(([producerId, firstOffset, lastOffset]) => ({ producerId, firstOffset, lastOffset }))
  const range = { partition: 0, start: 0, end: part.end }
  const source = log.scan({ topic: 't', ranges: [range], isolation: 'read_committed' }, never)
  const found: string[] = []
  try {
    for (let batch = await source.next(); batch !== undefined; batch = await source.next())
      found.push(
        ...(batch.fault === undefined ? Array.from(readRecords(batch), ({ value }) => String(value)) : [batch.fault]),
      )
  } finally {
    log.close()
    await fake.stop()
  }
  return found.map((value) =>
    value.startsWith('batch at') ? value.replace(/^batch at offset (\d+): .*/, 'bad $1') : value,
  )
}

test('a marker that was compacted any number of days later ends the transaction', async () => {
  for (const days of [0, 1, 24, 25, 30, 198, 199, 250, 5000, 100_000])
    assert.deepEqual(
      await read([data('aborted', 0), compacted(1, days), data('kept', 2), marker('commit', 3)], [[7, 0, 1]]),
      ['kept'],
      `${days} days`,
    )
})

test('behind a damaged marker the records of its producer are told as bad, until its next marker', async () => {
  const places = [AT.attributes, AT.attributes + 1, AT.lastOffsetDelta - 1, AT.producerId + 7, AT.crc, AT.records + 8]
  for (const at of places)
    assert.deepEqual(
      await read(
        [
          data('aborted', 0),
          data('of another', 1, 8),
          damaged(marker('abort', 2), at),
          data('unsure', 3),
          data('of another', 4, 8),
          marker('commit', 5),
          data('kept', 6),
          marker('commit', 7),
          marker('commit', 8, 8),
        ],
        [[7, 0, 2]],
      ),
      ['of another', 'bad 2', 'bad 3', 'of another', 'kept'],
      `damaged at byte ${at}`,
    )
})

test('a producer whose next transaction is aborted, too, is no longer unsure; a control record of no known kind is', async () => {
  const unknown = marker('abort', 1)
  unknown.writeInt8(2, AT.records + 4)
  assert.deepEqual(
    await read(
      [
        data('aborted', 0),
        damaged(marker('abort', 1), AT.crc),
        data('aborted', 2),
        marker('abort', 3),
        data('kept', 4),
        marker('commit', 5),
      ],
      [
        [7, 0, 1],
        [7, 2, 3],
      ],
    ),
    ['bad 1', 'kept'],
  )
  assert.deepEqual(
    await read(
      [data('aborted', 0), checked(unknown), data('unsure', 2), marker('commit', 3), data('kept', 4)],
      [[7, 0, 1]],
    ),
    ['bad 2', 'kept'],
  )
})

test('a large damaged batch is no marker: what is aborted around it stays so', async () => {
  const large = damaged(data('x'.repeat(1000), 1), AT.records + 100)
  assert.deepEqual(
    await read([data('aborted', 0), large, data('aborted', 2), marker('abort', 3), data('kept', 4)], [[7, 0, 3]]),
    ['bad 1', 'kept'],
  )
})

test('a million aborted transactions, and a thousand damaged batches among them, cost no more than reading them', async () => {
  const aborted = Array.from({ length: 1_000_000 }, (_, i): [number, number, number] => [i + 100, 0, 5000])
  const batches = Array.from({ length: 1000 }, (_, i) => damaged(data('x', i, 99), AT.records + 1))
  const found = await read([...batches, data('aborted?', 1000, 100), data('kept', 1001, 99)], aborted)
  assert.equal(found.filter((value) => value.startsWith('bad')).length, 1001)
  assert.equal(found.at(-1), 'kept')
})

test('more aborted transactions than the limit end the scan with an error that says so', async () => {
  const aborted = Array.from({ length: MAX_ABORTED + 1 }, (_, i): [number, number, number] => [i, 0, 5000])
  await assert.rejects(
    read([data('kept', 0)], aborted),
    /Broker [^ ]+: the answer to Fetch v11 of "t" cannot be read: it names 1000001 aborted transactions of partition 0, and 1000000 are the limit \(kafka\.fetch\.aborted\)/,
  )
})
