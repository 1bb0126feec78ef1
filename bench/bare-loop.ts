/**
 * The floor under every reader: a bare loop on `node:net` that fetches a partition from start to end and decodes
 * nothing. It follows the batch headers to know the next offset, and uses what is known to be fastest here: one
 * connection, 4 MiB fetches, bytes read straight into the frame, the next fetch on its way before anything else. node
 * bench/bare-loop.ts HOST:PORT TOPIC → one line of JSON {seconds, bytes}. It is measured, never used.
 */
import { connect } from 'node:net'
import { WireReader, WireWriter } from '../src/kafka/wire/primitives.ts'

const FETCH_BYTES = 4 << 20
const [address, topic] = process.argv.slice(2)
const [host, port] = address.split(':')

const frames = [Buffer.allocUnsafeSlow(FETCH_BYTES + (2 << 20)), Buffer.allocUnsafeSlow(FETCH_BYTES + (2 << 20))]
const head = Buffer.allocUnsafeSlow(4)
let [turn, headAt, need, at] = [0, 0, -1, 0]
let onFrame: (frame: Buffer, length: number) => void = () => undefined

const socket = connect({
  host,
  port: Number(port),
  noDelay: true,
  onread: {
    buffer: () => (need < 0 ? head.subarray(headAt) : frames[turn].subarray(at, need)),
    callback: (n) => {
      if (need < 0) {
        headAt += n
        if (headAt < 4) return true
        need = head.readInt32BE(0)
        headAt = at = 0
        turn ^= 1
        if (need > frames[turn].length) frames[turn] = Buffer.allocUnsafeSlow(need)
        return true
      }
      at += n
      if (at < need) return true
      const [frame, length] = [frames[turn], need]
      need = -1
      onFrame(frame, length)
      return true
    },
  },
})

function request(api: number, version: number, body: (w: WireWriter) => void): Buffer {
  const w = new WireWriter(256).int32(0).int16(api).int16(version).int32(1).string('bare-loop')
  body(w)
  const bytes = w.finish()
  bytes.writeInt32BE(bytes.length - 4, 0)
  return Buffer.from(bytes)
}

function ask(bytes: Buffer): Promise<WireReader> {
  return new Promise((resolve) => {
    onFrame = (frame, length) => resolve(new WireReader(Buffer.from(frame.subarray(0, length)), 4))
    socket.write(bytes)
  })
}

/** First (-2) or end (-1) offset of partition 0. */
async function offset(which: number): Promise<number> {
  const r = await ask(request(2, 1, (w) => w.int32(-1).int32(1).string(topic).int32(1).int32(0).int64(which)))
  r.int32()
  r.string()
  r.int32()
  r.int32()
  const code = r.int16()
  if (code !== 0) throw new Error(`ListOffsets answers ${code}`)
  r.int64()
  return r.long()
}

await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
let next = await offset(-2)
const end = await offset(-1)
const fetch = (): void =>
  void socket.write(
    request(1, 11, (w) =>
      w
        .int32(-1)
        .int32(500)
        .int32(1)
        .int32(FETCH_BYTES)
        .int8(0)
        .int32(0)
        .int32(-1)
        .int32(1)
        .string(topic)
        .int32(1)
        .int32(0)
        .int32(-1)
        .int64(next)
        .int64(-1)
        .int32(FETCH_BYTES)
        .int32(0)
        .string(''),
    ),
  )

const started = performance.now()
let bytes = 0
await new Promise<void>((resolve, reject) => {
  onFrame = (frame, length) => {
    bytes += length
    const r = new WireReader(frame, 14, length)
    r.int32()
    r.string()
    r.int32()
    r.int32()
    const code = r.int16()
    if (code !== 0) return reject(new Error(`Fetch answers ${code}`))
    r.take(24)
    r.take(Math.max(0, r.int32()) * 16)
    r.int32()
    const size = r.int32()
    for (let p = r.at; p + 61 <= r.at + size; ) {
      const to = p + 12 + frame.readInt32BE(p + 8)
      if (to > r.at + size) break
      next = frame.readUInt32BE(p) * 4294967296 + frame.readUInt32BE(p + 4) + frame.readInt32BE(p + 23) + 1
      p = to
    }
    if (next >= end) resolve()
    else fetch()
  }
  fetch()
})
console.log(JSON.stringify({ seconds: (performance.now() - started) / 1000, bytes }))
socket.destroy()
