/**
 * Batches that hold more than one compressed stream, as brokers and Java take them: all of it is read, within one
 * limit.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import zlib from 'node:zlib'
import { Decompressor } from '../../../src/kafka/codecs/compression.ts'
import { lz4Frames } from '../../../src/kafka/codecs/lz4.ts'
import { CodecError, Output } from '../../../src/kafka/codecs/output.ts'
import { snappy } from '../../../src/kafka/codecs/snappy.ts'

async function plain(codec: number, input: Buffer, most?: number): Promise<string> {
  const view = new DataView(input.buffer, input.byteOffset, input.length)
  const { buffer, from, to } = await new Decompressor(most).run(codec, input, view, 0, input.length)
  return buffer.toString('latin1', from, to)
}
const zstd = (text: string): Buffer => zlib.zstdCompressSync(Buffer.from(text))
function skippable(size: number, kind = 0): Buffer {
  const frame = Buffer.alloc(8 + size, 0x28)
  frame.writeUInt32LE(0x184d2a50 + kind, 0)
  frame.writeUInt32LE(size, 4)
  return frame
}

test('zstd: several frames, skippable and empty ones, in any order', async () => {
  const long = 'abc'.repeat(100_000)
  for (const [parts, text] of [
    [[zstd('one')], 'one'],
    [[zstd('one'), zstd('two'), zstd(long)], `onetwo${long}`],
    [[skippable(5), zstd('one')], 'one'],
    [[skippable(0, 15), skippable(300, 3), zstd('one'), skippable(1), zstd('two')], 'onetwo'],
    [[zstd(''), zstd('one'), zstd('')], 'one'],
    [[zstd('')], ''],
    [[skippable(3)], ''],
  ] as const)
    assert.equal(await plain(4, Buffer.concat(parts)), text)
  const input = Buffer.concat([zstd('one'), zstd('two')])
  const { buffer } = await new Decompressor().run(
    4,
    input,
    new DataView(input.buffer, input.byteOffset, input.length),
    0,
    input.length,
  )
  assert.equal(buffer.buffer.byteLength, buffer.length, 'no memory that others use')
  const checked = zlib.zstdCompressSync(Buffer.from(long), {
    params: { [zlib.constants.ZSTD_c_checksumFlag]: 1, [zlib.constants.ZSTD_c_contentSizeFlag]: 0 },
  })
  assert.equal(await plain(4, Buffer.concat([checked, zstd('!')])), `${long}!`)
})

test('zstd: what is cut short, no frame, or too much is told', async () => {
  const frame = zstd('some text that is long enough')
  for (const damage of [
    frame.subarray(0, -1),
    Buffer.concat([frame, frame.subarray(0, 9)]),
    Buffer.concat([frame, Buffer.from('rubbish!')]),
    skippable(9).subarray(0, 12),
    Buffer.from([1]),
  ])
    await assert.rejects(async () => plain(4, damage), CodecError)
  const bomb = Buffer.concat(Array.from({ length: 40 }, () => zstd('x'.repeat(1000))))
  await assert.rejects(async () => plain(4, bomb, 20_000), /kafka.decompressed.batch.max.bytes/)
})

test('gzip members and snappy streams, one behind the other', async () => {
  assert.equal(
    await plain(1, Buffer.concat([zlib.gzipSync('one'), zlib.gzipSync('two'), zlib.gzipSync('three')])),
    'onetwothree',
  )
  const stream = (...chunks: string[]): Buffer => {
    const head = Buffer.from('82534e41505059000000000100000001', 'hex')
    const bodies = chunks.map((text) => {
      const block = Buffer.concat([Buffer.from([text.length, (text.length - 1) << 2]), Buffer.from(text)])
      const size = Buffer.alloc(4)
      size.writeInt32BE(block.length)
      return Buffer.concat([size, block])
    })
    return Buffer.concat([head, ...bodies])
  }
  assert.equal(
    await plain(2, Buffer.concat([stream('one', 'two'), stream('three'), stream(), stream('four')])),
    'onetwothreefour',
  )
})

test('chunks, blocks and frames that hold nothing do not hold the thread: the decoder gives way among them', () => {
  const many = (head: Buffer, part: Buffer, end = Buffer.alloc(0)): Buffer =>
    Buffer.concat([head, Buffer.alloc(part.length * 100_000, part), end])
  const frame = Buffer.from('04224d18604082', 'hex')
  const none = Buffer.alloc(4)
  for (const [decode, input] of [
    [snappy, many(Buffer.from('82534e41505059000000000100000001', 'hex'), Buffer.from([0, 0, 0, 1, 0]))],
    [lz4Frames, many(frame, Buffer.from([0, 0, 0, 0x80]), none)],
    [lz4Frames, many(Buffer.alloc(0), Buffer.concat([frame, none]))],
  ] as const) {
    const view = new DataView(input.buffer, input.byteOffset, input.length)
    const output = new Output(1 << 20)
    const pauses = [...decode(input, view, 0, input.length, output)].length
    assert.equal(output.at, 0)
    assert.ok(pauses >= 6, `${pauses} pauses`)
  }
})

test('zstd: thousands of small frames come whole', async () => {
  const frames = Array.from({ length: 3000 }, (_, i) => zstd(`${i},`))
  assert.equal(await plain(4, Buffer.concat(frames)), Array.from({ length: 3000 }, (_, i) => `${i},`).join(''))
})
