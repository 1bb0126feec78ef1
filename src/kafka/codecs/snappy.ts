/**
 * Snappy, decoding only: the raw format, and the chunks of snappy-java ("xerial") that Java producers write. Source:
 * Snappy format description.
 */
import { copy16, copyMatch, copyWords } from './lz4.ts'
import { CodecError, type Output, SLICE_BYTES } from './output.ts'

const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])

/** Not a limit: chunks after which the decoder gives way, whatever came out of them. */
const SLICE_CHUNKS = 4096

/** Decodes bytes [at, end) of `src` to the end of `out`. Gives way (yields) after every `SLICE_BYTES` of output. */
export function* snappy(src: Buffer, view: DataView, at: number, end: number, out: Output): Generator<void> {
  if (end - at < 16 || src.compare(XERIAL, 0, 8, at, at + 8) !== 0) {
    yield* block(src, view, at, end, out)
    return
  }
  at += 16
  let pause = out.at + SLICE_BYTES
  let chunks = 0
  while (at < end) {
    // A further stream begins with another header.
    if (end - at >= 16 && src.compare(XERIAL, 0, 8, at, at + 8) === 0) {
      at += 16
      continue
    }
    const size = at + 4 > end ? -1 : view.getInt32(at)
    at += 4
    if (size < 0 || at + size > end) throw new CodecError('snappy: a chunk runs past the end')
    yield* block(src, view, at, at + size, out)
    at += size
    // Chunks may be empty, and each costs its time.
    if (out.at < pause && ++chunks < SLICE_CHUNKS) continue
    pause = out.at + SLICE_BYTES
    chunks = 0
    yield
  }
}

function* block(src: Buffer, view: DataView, begin: number, end: number, out: Output): Generator<void> {
  let plainSize = 0
  let at = begin
  for (let shift = 0; ; shift += 7) {
    if (at >= end || shift > 28) throw new CodecError('snappy: no length')
    const byte = src[at++]
    plainSize += (byte & 127) * 2 ** shift
    if (byte < 128) break
  }
  // The longest match of one tag is 64 bytes out of 3: a length beyond that is wrong, and no memory is allocated for
  // it.
  if (plainSize > (end - at) * 32 + 64) throw new CodecError('snappy: the length makes no sense')
  out.room(plainSize)
  const place = { at, to: out.at }
  const limit = out.at + plainSize
  for (;;) {
    elements(src, view, place, end, out, limit, Math.min(limit, place.to + SLICE_BYTES))
    if (place.to >= limit || place.at >= end) break
    yield
  }
  if (place.to !== limit || place.at !== end) throw new CodecError('snappy: the length and the data do not fit')
  out.at = limit
}

/** Decodes from `place` on, until `until` is reached, and moves `place`. Copies may reach back to where `out` stands. */
function elements(
  src: Uint8Array,
  view: DataView,
  place: { at: number; to: number },
  end: number,
  { bytes: out, view: outView, at: floor }: Output,
  limit: number,
  until: number,
): void {
  let { at, to } = place
  const safe = end - 16
  // All numbers here stay 32-bit integers: one that might not would make the engine compute with doubles throughout.
  const fastEnd = end - 24
  const fastLimit = Math.min(limit - 64, until)
  while (at < end && to < until) {
    while (at < fastEnd && to < fastLimit) {
      const word = view.getInt32(at, true)
      if ((word & 3) === 0) {
        if ((word & 255) >= 64) break
        copy16(view, at + 1, outView, to)
        const length = ((word >>> 2) & 15) + 1
        at += 1 + length
        to += length
        continue
      }
      const short = (word & 3) === 1
      const length = short ? ((word >>> 2) & 7) + 4 : ((word >>> 2) & 63) + 1
      const offset = short ? ((word & 0xe0) << 3) | ((word >>> 8) & 255) : (word >>> 8) & 0xffff
      if ((word & 3) === 3 || offset < 8 || offset > to - floor || length > 16) break
      at += short ? 2 : 3
      copy16(outView, to - offset, outView, to)
      to += length
    }
    if (to >= until) break
    const tag = src[at++]
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >>> 2) + 1
      if (length > 60) {
        const sizeBytes = length - 60
        length = longLiteral(src, at, end, sizeBytes)
        at += sizeBytes
      }
      if (length <= 0 || length > end - at || length > limit - to)
        throw new CodecError('snappy: a literal runs past the end')
      if (length <= 16 && at <= safe) copy16(view, at, outView, to)
      else if (length > 128 || at + length > safe) out.set(src.subarray(at, at + length), to)
      else copyWords(view, at, outView, to, length)
      at += length
      to += length
      continue
    }
    const offsetBytes = kind === 3 ? 4 : kind
    if (at + offsetBytes > end) throw new CodecError('snappy: a copy is cut short')
    const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    let offset: number
    if (kind === 2) offset = src[at] | (src[at + 1] << 8)
    else if (kind === 1) offset = ((tag >>> 5) << 8) | src[at]
    else offset = view.getInt32(at, true)
    at += offsetBytes
    if (offset <= 0 || offset > to - floor || length > limit - to)
      throw new CodecError('snappy: a copy lies outside the block')
    if (length <= 16 && offset >= 8) copy16(outView, to - offset, outView, to)
    else if (offset >= 8) copyWords(outView, to - offset, outView, to, length)
    else copyMatch(out, outView, to - offset, to, length)
    to += length
  }
  place.at = at
  place.to = to
}

/** The length of a literal that stands in `sizeBytes` bytes (1 to 4) behind its tag; negative when it makes no sense. */
function longLiteral(src: Uint8Array, at: number, end: number, sizeBytes: number): number {
  if (at + sizeBytes > end) throw new CodecError('snappy: a literal is cut short')
  let length = src[at]
  for (let i = 1; i < sizeBytes; i++) length |= src[at + i] << (8 * i)
  return (length + 1) | 0
}
