/**
 * Where the frames of zstd data begin and end, by their headers: a batch may hold several, and skippable or empty ones,
 * and node:zlib reads the first alone. Decompresses nothing. Source: RFC 8878.
 */
import { CodecError } from './output.ts'

/**
 * Limit `kafka.zstd.frames` (frames): zstd frames of one batch. Beyond it: the batch cannot be read; its records are
 * bad. Each costs a trip to another thread, and an empty one takes nine bytes.
 */
export const ZSTD_MAX_FRAMES = 10_000

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a50
const SKIPPABLE_MASK = 0xfffffff0

/** The frames with data, in order. Throws a CodecError for what is no sequence of whole frames. */
export function zstdFrames(input: Buffer): Buffer[] {
  if (input.length === 0) throw cut()
  const frames: Buffer[] = []
  for (let at = 0; at < input.length; ) {
    if (at + 8 > input.length) throw cut()
    const magic = input.readUInt32LE(at)
    if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE) {
      at += 8 + input.readUInt32LE(at + 4)
      if (at > input.length) throw cut()
      continue
    }
    if (magic !== MAGIC) throw new CodecError('zstd: there is no frame where one should begin')
    const end = frameEnd(input, at)
    if (frames.push(input.subarray(at, end)) > ZSTD_MAX_FRAMES)
      throw new CodecError(`zstd: the batch has more frames than the limit of ${ZSTD_MAX_FRAMES} (kafka.zstd.frames)`)
    at = end
  }
  return frames
}

function cut(): CodecError {
  return new CodecError('zstd: the data is cut short')
}

function frameEnd(input: Buffer, start: number): number {
  const descriptor = input[start + 4]
  const single = (descriptor & 0x20) !== 0
  const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]
  let at = start + 5 + (single ? 0 : 1) + dictionaryBytes + sizeBytes
  for (let last = false; !last; ) {
    if (at + 3 > input.length) throw cut()
    const header = input.readUIntLE(at, 3)
    last = (header & 1) === 1
    // A block of one repeated byte has its length in the header, and one byte behind it.
    at += 3 + (((header >> 1) & 3) === 1 ? 1 : header >> 3)
  }
  at += (descriptor & 4) === 0 ? 0 : 4
  if (at > input.length) throw cut()
  return at
}
