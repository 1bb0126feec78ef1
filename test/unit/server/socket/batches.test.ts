import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../../../src/lib/clock.ts'
import { BATCH_SEPARATOR } from '../../../../src/protocol/frames.ts'
import { WebSocketOut } from '../../../../src/server/socket/websocket-out.ts'

/** Messages of frames as RFC 6455 writes them. */
function messages(bytes: Buffer): string[] {
  const all: string[] = []
  for (let at = 0; at < bytes.length; ) {
    assert.equal(bytes[at], 0x81)
    const short = bytes[at + 1]
    const [length, header] =
      short < 126 ? [short, 2] : short === 126 ? [bytes.readUInt16BE(at + 2), 4] : [bytes.readUInt32BE(at + 6), 10]
    // The shortest form that holds it, as browsers want it.
    assert.ok(header === (length < 126 ? 2 : length < 65536 ? 4 : 10))
    all.push(bytes.toString('utf8', at + header, at + header + length))
    at += header + length
  }
  return all
}

function sent(texts: readonly string[], batches: boolean, flushes: ReadonlySet<number> = new Set()): string[] {
  const pieces: Buffer[] = []
  const socket = {
    destroyed: false,
    write(bytes: Uint8Array, taken: () => void) {
      pieces.push(Buffer.from(bytes))
      taken()
      return true
    },
  }
  const out = new WebSocketOut(socket, () => true, systemClock)
  out.batches = batches
  texts.forEach((text, i) => {
    out.send(text)
    if (flushes.has(i)) out.flush()
  })
  out.flushAll()
  return messages(Buffer.concat(pieces))
}

test('several texts in a message: each of them, in order, whatever their sizes', () => {
  const sizes = fc.oneof(fc.nat(300), fc.nat(60_000), fc.integer({ min: 125, max: 128 }), fc.nat(400_000))
  const text = fc.tuple(sizes, fc.constantFrom('a', 'ü', '語')).map(([size, c]) => c.repeat(size))
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), fc.uniqueArray(fc.nat(29)), (texts, flushes) => {
      const received = sent(texts, true, new Set(flushes)).flatMap((message) => message.split(BATCH_SEPARATOR))
      assert.ok(received.length === texts.length && received.every((t, i) => t === texts[i]))
    }),
    { numRuns: 60 },
  )
})

test('rows of 200 bytes come by the hundred; without the wish, each comes alone', () => {
  const rows = Array.from({ length: 1000 }, (_, i) => `{"n":${i},"text":"${'x'.repeat(180)}"}`)
  assert.ok(sent(rows, true).length < 20)
  assert.deepEqual(sent(rows, false), rows)
})
