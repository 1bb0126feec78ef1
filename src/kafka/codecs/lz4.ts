/**
 * LZ4 frames and blocks, decoding only. Kafka's own frames (64 KiB blocks, no content size) and all others: block
 * checksums, content size, linked blocks, several frames. Checksums are stepped over: the batch's CRC-32C has been
 * checked already. Source: LZ4 frame format 1.6.x and block format descriptions.
 */
import { CodecError, type Output, SLICE_BYTES } from './output.ts'

const MAGIC = 0x184d2204
const SKIPPABLE = 0x184d2a50
/** Not a limit: blocks, or frames, after which the decoder gives way, whatever came out of them. */
const SLICE_BLOCKS = 16_384

/**
 * Decodes the frames in [at, end) of `src` to the end of `out`. Gives way (yields) after every `SLICE_BYTES` of output.
 */
export function* lz4Frames(src: Buffer, view: DataView, at: number, end: number, out: Output): Generator<void> {
  let frames = 0
  do {
    if (++frames % SLICE_BLOCKS === 0) yield
    if (at + 7 > end) throw new CodecError('lz4: the frame is cut short')
    const magic = view.getUint32(at, true)
    at =
      (magic & 0xfffffff0) >>> 0 === SKIPPABLE
        ? at + 8 + view.getUint32(at + 4, true)
        : yield* frame(src, view, at, end, out)
  } while (at < end)
}

function* frame(src: Buffer, view: DataView, begin: number, end: number, out: Output): Generator<void, number> {
  if (view.getUint32(begin, true) !== MAGIC) throw new CodecError('lz4: not a frame')
  const flags = src[begin + 4]
  const blockMax = 1 << (8 + 2 * ((src[begin + 5] >> 4) & 7))
  if (flags >> 6 !== 1 || blockMax < 65536) throw new CodecError('lz4: the frame header makes no sense')
  const independent = (flags & 32) !== 0
  const blockChecksum = (flags & 16) !== 0 ? 4 : 0
  let at = begin + 7 + ((flags & 8) !== 0 ? 8 : 0) + ((flags & 1) !== 0 ? 4 : 0)
  const first = out.at
  let pause = first + SLICE_BYTES
  let blocks = 0
  for (;;) {
    if (at + 4 > end) throw new CodecError('lz4: the frame is cut short')
    const word = view.getUint32(at, true)
    at += 4
    if (word === 0) return at + ((flags & 4) !== 0 ? 4 : 0)
    const size = word & 0x7fffffff
    if (size > blockMax || at + size > end) throw new CodecError('lz4: a block runs past the end')
    out.room(blockMax)
    if (word > 0x7fffffff) {
      out.bytes.set(src.subarray(at, at + size), out.at)
      out.at += size
    } else
      out.at = lz4Block(
        src,
        view,
        at,
        at + size,
        out.bytes,
        out.view,
        out.at,
        out.at + blockMax,
        independent ? out.at : first,
      )
    at += size + blockChecksum
    // Blocks may be empty, and each costs its time.
    if (out.at >= pause || ++blocks >= SLICE_BLOCKS) {
      pause = out.at + SLICE_BYTES
      blocks = 0
      yield
    }
  }
}

/**
 * Decodes one block to `out` from `to`, not beyond `limit`; matches may reach back to `floor`. `out` has `SLACK` bytes
 * more than `limit`. Gives the new end. Copies go in steps and may write up to 16 bytes too many, which the next copy
 * overwrites.
 */
export function lz4Block(
  src: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  out: Uint8Array,
  outView: DataView,
  to: number,
  limit: number,
  floor: number,
): number {
  const safe = end - 16
  const fastEnd = end - 32
  const fastLimit = limit - 64
  while (at < end) {
    // Most sequences are short; for them there is one check of each side instead of one a step.
    while (at < fastEnd && to < fastLimit) {
      const token = src[at]
      const literals = token >>> 4
      if (literals === 15 || (token & 15) === 15) break
      copy16(view, at + 1, outView, to)
      const next = at + 1 + literals
      const offset = src[next] | (src[next + 1] << 8)
      const from = to + literals - offset
      if (offset < 8 || from < floor) break
      at = next + 2
      to += literals
      copy16(outView, from, outView, to)
      outView.setInt32(to + 16, outView.getInt32(from + 16, true), true)
      to += (token & 15) + 4
    }
    const token = src[at++]
    let length = token >>> 4
    if (length === 15) {
      let more: number
      do {
        if (at >= end) throw new CodecError('lz4: a block is cut short')
        more = src[at++]
        length += more
      } while (more === 255)
    }
    if (at + length > end || to + length > limit) throw new CodecError('lz4: literals run past the end')
    if (length <= 16 && at <= safe) copy16(view, at, outView, to)
    else if (length > 128 || at + length > safe) out.set(src.subarray(at, at + length), to)
    else copyWords(view, at, outView, to, length)
    at += length
    to += length
    if (at >= end) break
    if (at + 2 > end) throw new CodecError('lz4: a block is cut short')
    const offset = src[at] | (src[at + 1] << 8)
    at += 2
    length = (token & 15) + 4
    if (length === 19) {
      let more: number
      do {
        if (at >= end) throw new CodecError('lz4: a block is cut short')
        more = src[at++]
        length += more
      } while (more === 255)
    }
    const from = to - offset
    if (offset === 0 || from < floor || to + length > limit) throw new CodecError('lz4: a match lies outside the block')
    if (length <= 16 && offset >= 8) copy16(outView, from, outView, to)
    else if (offset >= 8 && length <= 64) copyWords(outView, from, outView, to, length)
    else copyMatch(out, outView, from, to, length)
    to += length
  }
  return to
}

/**
 * Copies 16 bytes in steps of four, whatever was wanted: most pieces are shorter, and a loop of unknown length costs
 * more than the bytes. Source and destination are at least 4 apart.
 */
export function copy16(from: DataView, at: number, out: DataView, to: number): void {
  out.setBigInt64(to, from.getBigInt64(at, true), true)
  out.setBigInt64(to + 8, from.getBigInt64(at + 8, true), true)
}

/** Copies eight bytes a step, so up to 7 too many; source and destination are at least 8 apart. */
export function copyWords(from: DataView, at: number, out: DataView, to: number, length: number): void {
  for (let i = 0; i < length; i += 8) out.setBigInt64(to + i, from.getBigInt64(at + i, true), true)
}

/**
 * Copies within `out`; source and destination may overlap as LZ77 wants it (the pattern repeats). May write 3 bytes too
 * many.
 */
export function copyMatch(out: Uint8Array, view: DataView, from: number, to: number, length: number): void {
  const end = to + length
  if (to - from >= 4) {
    if (length > 128 && to - from >= length) {
      out.copyWithin(to, from, from + length)
      return
    }
    do {
      view.setInt32(to, view.getInt32(from, true), true)
      to += 4
      from += 4
    } while (to < end)
    return
  }
  if (to - from === 1) {
    out.fill(out[from], to, end)
    return
  }
  while (to < end) out[to++] = out[from++]
}
