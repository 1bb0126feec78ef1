/**
 * Answers captured from a real broker, as they came: the readers must find in them what was written and asked. The
 * first line of each file says what it is.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readConfigs, readMetadata, readOffsets } from '../../src/kafka/answers.ts'
import { Decompressor } from '../../src/kafka/codecs/compression.ts'
import { readFetch } from '../../src/kafka/read/fetch.ts'
import type { RecordBatch } from '../../src/kafka/log.ts'
import { BatchHeader, checksumFits, controlType, readRecords } from '../../src/kafka/read/record-batch.ts'
import { WireError, WireReader } from '../../src/kafka/wire/primitives.ts'
import { wholeBatch } from '../support/record-batch.ts'

/** The bytes of a fixture. A body stands behind four bytes where the correlation id was. */
function fixture(name: string): Buffer {
  const text = readFileSync(join(import.meta.dirname, `${name}.hex`), 'utf8')
  const hex = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('')
  return Buffer.concat([Buffer.alloc(4), Buffer.from(hex, 'hex')])
}

function body(name: string): WireReader {
  return new WireReader(fixture(name), 4)
}

/** A body that stands behind the tagged fields of a flexible header, or behind nothing. */
function answered(name: string, flexible: boolean): WireReader {
  return headed(body(name), flexible)
}

function headed(reader: WireReader, flexible: boolean): WireReader {
  if (flexible) reader.tags()
  return reader
}

async function plainBatch(frame: Buffer, view: DataView, header: BatchHeader): Promise<RecordBatch> {
  return wholeBatch(header, await new Decompressor().run(header.codec, frame, view, header.from, header.to))
}

const text = 'the same text again and again, '.repeat(4)

for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  for (const writer of ['java', 'librdkafka']) {
    if (codec === 'none' && writer === 'librdkafka') continue
    test(`records written by ${writer}, ${codec}`, async () => {
      const frame = fixture(`fetch-v11-${writer}-${codec}`)
      const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
      const { partitions, error } = readFetch(frame, frame.length, 11)
      assert.deepEqual([error, partitions.length, partitions[0].error, partitions[0].highWatermark], [0, 1, 0, 12])
      const header = new BatchHeader()
      assert.ok(header.open(view, partitions[0].from, partitions[0].to))
      assert.ok(checksumFits(frame, view, partitions[0].from, header.to))
      assert.equal(header.codec, ['none', 'gzip', 'snappy', 'lz4', 'zstd'].indexOf(codec))
      const records = [...readRecords(await plainBatch(frame, view, header))]
      assert.equal(records.length, 12)
      records.forEach((record, i) => {
        assert.equal(record.offset, i)
        if (writer === 'librdkafka') {
          assert.equal(
            record.value?.toString() ?? '',
            i === 5 ? '' : `value ${i}: ${text}`.trimEnd().padEnd(`value ${i}: ${text}`.length),
          )
          return
        }
        assert.equal(record.timestamp, 1_700_000_000_000 + i * 1000)
        assert.equal(record.key?.toString(), i % 4 === 0 ? undefined : `key-${i}`)
        assert.equal(record.value?.toString(), i === 5 ? undefined : `value ${i}: ${text}`)
        assert.deepEqual(
          record.headers.map((entry) => [entry.key, entry.value?.toString()]),
          i % 3 === 0 ? [['h', `x${i}`]] : [],
        )
      })
    })
  }
}

for (const version of [4, 5, 7, 9, 11, 12, 13]) {
  test(`Fetch v${version}: transactions and their markers`, () => {
    const frame = fixture(`fetch-v${version}-transactions`)
    const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
    const [part] = readFetch(frame, frame.length, version).partitions
    assert.deepEqual([part.highWatermark, part.lastStableOffset], [8, 8])
    const header = new BatchHeader()
    const seen: unknown[] = []
    let producerId = -1
    for (let at = part.from; header.open(view, at, part.to); at = header.to) {
      if (header.transactional) producerId = header.producerId
      seen.push([
        header.baseOffset,
        header.lastOffset,
        header.transactional,
        header.control ? controlType(frame, header.from, header.to) : undefined,
      ])
    }
    assert.deepEqual(seen, [
      [0, 1, true, undefined],
      [2, 2, true, 1],
      [3, 5, true, undefined],
      [6, 6, true, 0],
      [7, 7, false, undefined],
    ])
    assert.deepEqual(part.aborted, [producerId, 3])
  })
}

for (const version of [4, 7, 8, 9, 10]) {
  test(`Metadata v${version}`, () => {
    const { brokers, topics } = readMetadata(answered(`metadata-v${version}`, version >= 9), version)
    assert.deepEqual([brokers.length, brokers[0].host], [1, '127.0.0.1'])
    assert.deepEqual(
      topics.map((topic) => [topic.name, topic.internal, topic.error?.errorName, topic.partitions]),
      [
        [
          'fixture-transactions',
          false,
          undefined,
          [0, 1].map((partition) => ({
            partition,
            leader: brokers[0].id,
            leaderEpoch: version >= 7 ? 0 : -1,
            replicas: [brokers[0].id],
            inSync: [brokers[0].id],
            error: 0,
          })),
        ],
        ['no-such-topic', false, 'UNKNOWN_TOPIC_OR_PARTITION', []],
      ],
    )
    assert.deepEqual([/^[\w-]{22}$/.test(topics[0].id ?? ''), topics[1].id], [version >= 10, undefined])
  })
}

for (const version of [2, 5]) {
  test(`ListOffsets v${version}`, () => {
    const answer = readOffsets(body(`list-offsets-v${version}`), version).sort((a, b) => a.partition - b.partition)
    assert.deepEqual(answer, [
      { partition: 0, code: 0, offset: 8 },
      { partition: 1, code: 0, offset: 0 },
      { partition: 9, code: 3, offset: -1 },
    ])
  })
}

for (const version of [1, 3]) {
  test(`DescribeConfigs v${version}`, () => {
    const { code, entries } = readConfigs(body(`describe-configs-v${version}`), version)
    assert.equal(code, 0)
    assert.ok(entries.length > 20)
    assert.deepEqual(
      entries.filter((entry) => !entry.isDefault).map((entry) => [entry.name, entry.value]),
      [['cleanup.policy', 'compact']],
    )
  })
}

test('an answer cut anywhere is a WireError or has fewer things in it, never garbage', () => {
  const cases: [string, (frame: Buffer) => void][] = [
    ['fetch-v11-transactions', (frame) => readFetch(frame, frame.length, 11)],
    ['fetch-v13-transactions', (frame) => readFetch(frame, frame.length, 13)],
    ['metadata-v10', (frame) => readMetadata(headed(new WireReader(frame, 4), true), 10)],
    ['metadata-v7', (frame) => readMetadata(new WireReader(frame, 4), 7)],
    ['list-offsets-v5', (frame) => readOffsets(new WireReader(frame, 4), 5)],
    ['describe-configs-v3', (frame) => readConfigs(new WireReader(frame, 4), 3)],
  ]
  for (const [name, read] of cases) {
    const whole = fixture(name)
    for (let length = 4; length < whole.length; length++)
      assert.throws(() => read(Buffer.from(whole.subarray(0, length))), WireError, `${name} cut to ${length}`)
  }
})
