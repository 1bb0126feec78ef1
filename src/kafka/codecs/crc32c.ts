/** CRC-32C (Castagnoli) as record batches carry it. The native package does 7–8 GB/s; this file only fixes the call. */
import { crc32c as native } from '@node-rs/crc32'

/** The checksum of bytes [from, to), as an unsigned 32-bit number. */
export function crc32c(buffer: Buffer, from = 0, to: number = buffer.length): number {
  return native(from === 0 && to === buffer.length ? buffer : buffer.subarray(from, to)) >>> 0
}
