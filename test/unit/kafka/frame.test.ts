import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameAssembler } from '../../../src/kafka/wire/frame.ts'
import { KafkaError } from '../../../src/kafka/log.ts'

function framed(...bodies: Buffer[]): Buffer {
  return Buffer.concat(
    bodies.flatMap((body) => {
      const head = Buffer.alloc(4)
      head.writeInt32BE(body.length)
      return [head, body]
    }),
  )
}

function collector(maxBytes?: number): { frames: string[]; assembler: FrameAssembler } {
  const frames: string[] = []
  const assembler = new FrameAssembler(
    {
      allocate: (size) => Buffer.alloc(size + 3),
      frame: (buffer, size) => frames.push(buffer.toString('latin1', 0, size)),
    },
    maxBytes,
  )
  return { frames, assembler }
}

test('two frames cut in two at every byte come out whole', () => {
  const bytes = framed(Buffer.from('first frame'), Buffer.from('second'))
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { frames, assembler } = collector()
    assembler.push(bytes.subarray(0, cut))
    assembler.push(bytes.subarray(cut))
    assert.deepEqual(frames, ['first frame', 'second'])
    assert.equal(assembler.partial, false)
  }
})

test('frames in arbitrary pieces come out whole, by copying and by writing in place', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 4, maxLength: 30, unit: 'binary-ascii' }), { minLength: 1 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      fc.boolean(),
      (bodies, sizes, inPlace) => {
        const bytes = framed(...bodies.map((body) => Buffer.from(body, 'latin1')))
        const { frames, assembler } = collector()
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = Math.min(sizes[i % sizes.length], bytes.length - at)
          if (inPlace) {
            const place = assembler.place()
            const n = Math.min(place.length, size)
            bytes.copy(place, 0, at, at + n)
            at += n
            assembler.took(n)
          } else {
            assembler.push(bytes.subarray(at, at + size))
            at += size
          }
        }
        assert.deepEqual(frames, bodies)
      },
    ),
    { seed: 7 },
  )
})

test('what is not Kafka is called by its name', () => {
  const cases: [string | Buffer, string, RegExp][] = [
    ['HTTP/1.1 400 Bad Request', 'NOT_KAFKA', /HTTP/],
    [Buffer.from([0x15, 3, 3, 0, 2, 2, 70]), 'TLS_EXPECTED', /set `tls`/],
    ['SSH-2.0-OpenSSH', 'NOT_KAFKA', /SSH/],
    [Buffer.from([0, 0, 0, 0]), 'NOT_KAFKA', /impossible length \(0\)/],
    [Buffer.from([0xff, 0, 0, 0]), 'NOT_KAFKA', /impossible length/],
    [
      Buffer.from([0, 1, 0, 0]),
      'RESPONSE_TOO_LARGE',
      /65536 bytes is over the limit of 1000 bytes \(kafka\.response\.max\.bytes\)/,
    ],
  ]
  for (const [bytes, name, message] of cases) {
    const { assembler } = collector(1000)
    assert.throws(
      () => assembler.push(Buffer.from(bytes as string)),
      (error: unknown) =>
        error instanceof KafkaError && error.errorName === name && message.test(error.message) && !error.retriable,
    )
  }
})
