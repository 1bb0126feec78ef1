/**
 * A batch counts as read when it is handed over, not while it is being decompressed: whatever ends a scan meanwhile
 * leaves the batch among what is unread. Decompression is held at a gate here.
 */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test, type TestContext } from 'node:test'
import type { BatchSource, OffsetRange } from '../../../../src/kafka/log.ts'
import { API } from '../../../../src/kafka/wire/primitives.ts'
import { Stripes, type Span } from '../../../../src/kafka/read/stripes.ts'
import { readRecords } from '../../../../src/kafka/read/record-batch.ts'
import { CODECS, compressedBatches, fakeLog, holdDecompression } from '../../../support/held-decompression.ts'
import { eventually, stoodStill } from '../../../support/eventually.ts'

const never = new AbortController().signal

function unread(source: BatchSource): OffsetRange[] {
  return source.progress.flatMap((p) => p.unread)
}

/** Offsets of one partition that a scan gives from here on. */
async function offsets(source: BatchSource): Promise<number[]> {
  const read: number[] = []
  for (let found = await source.next(); found !== undefined; found = await source.next()) {
    assert.equal(found.fault, undefined)
    for (const { offset } of readRecords(found))
      if (offset >= found.rangeStart && offset < found.rangeEnd) read.push(offset)
  }
  return read.sort((a, b) => a - b)
}

const upTo = (end: number, start = 0) => Array.from({ length: end - start }, (_, i) => start + i)

async function ready(t: TestContext, batches: readonly Buffer[]) {
  const { fake, log } = await fakeLog(t)
  const [part] = fake.add('t', [[...batches]])
  return { fake, log, request: { topic: 't', isolation: 'read_committed' as const }, end: part.end }
}

for (const codec of CODECS)
  for (const size of ['small', 'large'] as const)
    test(`${codec}, ${size} batches: unread while they are decompressed, whatever ends the scan`, async (t) => {
      const list = compressedBatches(codec, 4, 10, size === 'small' ? 20 : 30_000)
      const { log, request, end } = await ready(t, list)
      const gate = holdDecompression(t)
      const ranges = [{ partition: 0, start: 3, end: end - 2 }]
      const source = log.scan({ ...request, ranges }, never)
      const first = await source.next()
      assert.equal(first?.lastOffset, 9)
      assert.deepEqual(unread(source), [{ partition: 0, start: 10, end: 38 }])
      assert.equal(source.progress[0].bytesRead, list[0].length)
      gate.close()
      const second = source.next()
      assert.ok(second instanceof Promise)
      await eventually('a batch is held', () => gate.held > 0)
      assert.deepEqual(unread(source), [{ partition: 0, start: 10, end: 38 }])
      assert.equal(source.progress[0].position, 10)
      assert.equal(source.progress[0].bytesRead, list[0].length)
      source.close()
      gate.open()
      await second
      await turn()
      assert.deepEqual(unread(source), [{ partition: 0, start: 10, end: 38 }])
      const rest = log.scan({ ...request, ranges: unread(source) }, never)
      assert.deepEqual(await offsets(rest), upTo(38, 10))
      assert.deepEqual(unread(rest), [])
    })

test('an abort while a batch is decompressed leaves it unread', async (t) => {
  const { log, request, end } = await ready(t, compressedBatches('zstd', 3, 10))
  const gate = holdDecompression(t)
  gate.close()
  const stop = new AbortController()
  const source = log.scan({ ...request, ranges: [{ partition: 0, start: 0, end }] }, stop.signal)
  const next = Promise.resolve(source.next())
  await eventually('a batch is held', () => gate.held > 0)
  stop.abort(new Error('killed'))
  gate.open()
  await assert.rejects(next, /killed/)
  await turn()
  assert.deepEqual(unread(source), [{ partition: 0, start: 0, end: 30 }])
})

test('the batch is read as soon as the promise of it resolves, before anybody who waits for it hears so', async (t) => {
  const { log, request, end } = await ready(t, compressedBatches('gzip', 3, 10))
  const gate = holdDecompression(t)
  gate.close()
  const source = log.scan({ ...request, ranges: [{ partition: 0, start: 0, end }] }, never)
  const next = source.next()
  assert.ok(next instanceof Promise)
  const heard = next.then(() => source.progress[0].position)
  await eventually('a batch is held', () => gate.held > 0)
  gate.open()
  assert.equal(await heard, 10)
  source.close()
})

for (const unordered of [false, true])
  test(`one partition over two connections, ${unordered ? 'in two places' : 'in stripes'}: each batch held in turn`, async (t) => {
    const list = compressedBatches('zstd', 240, 100)
    const { log, request, end } = await ready(t, list)
    const gate = holdDecompression(t)
    for (const before of [0, 1, 19, 20, 21, 119, 120, 121]) {
      const source = log.scan({ ...request, unordered, ranges: [{ partition: 0, start: 0, end }] }, never)
      const read: number[] = []
      for (let i = 0; i < before; i++) {
        const found = await source.next()
        assert.ok(found)
        for (const { offset } of readRecords(found))
          if (offset >= found.rangeStart && offset < found.rangeEnd) read.push(offset)
      }
      gate.close()
      const held = source.next()
      await eventually('a batch is held', () => gate.held > 0)
      source.close()
      const rest = unread(source)
      gate.open()
      await held
      await turn()
      assert.deepEqual(unread(source), rest)
      read.push(...(await offsets(log.scan({ ...request, unordered, ranges: rest }, never))))
      assert.deepEqual(
        read.sort((a, b) => a - b),
        upTo(end),
        `after ${before} batches`,
      )
    }
  })

test('a batch across the seam of two stripes, decompressed while the later one arrives, is delivered once', async (t) => {
  // The first stripe has 2000 offsets.
  const list = [...compressedBatches('zstd', 22, 93)]
  const rest = compressedBatches('zstd', 240, 93)
  const { fake, log, request } = await ready(t, [...list, ...rest.slice(22)])
  const end = 240 * 93
  const gate = holdDecompression(t)
  fake.fault = ({ api, positions }) => (api === API.fetch && positions.get(0) === 2000 ? { delayMs: 100 } : undefined)
  const source = log.scan({ ...request, ranges: [{ partition: 0, start: 0, end }] }, never)
  const read: number[] = []
  const take = (found: Awaited<ReturnType<BatchSource['next']>>) => {
    assert.ok(found)
    for (const { offset } of readRecords(found))
      if (offset >= found.rangeStart && offset < found.rangeEnd) read.push(offset)
  }
  for (let i = 0; i < 21; i++) take(await source.next())
  gate.close()
  const seam = source.next()
  await eventually('it is held', () => gate.held > 0)
  await stoodStill(() => fake.fetches.length, 300)
  gate.open()
  take(await seam)
  read.push(...(await offsets(source)))
  assert.deepEqual(
    read.sort((a, b) => a - b),
    upTo(end),
  )
})

test('the seam of two stripes stays where a batch that is being delivered has passed it', () => {
  const stripes = new Stripes({ partition: 0, start: 0, end: 100_000 }, 1000)
  const first = stripes.take() as Span
  const second = stripes.take() as Span
  stripes.delivering(first.end)
  stripes.arrived(second, 1000, 100, first.end - 10)
  assert.deepEqual([first.end, second.start], [2000, 2000])
  const third = stripes.take() as Span
  stripes.arrived(third, 1000, 100, third.start - 10)
  assert.equal(third.start, second.end)
  assert.equal(second.end, third.start)
})
