/**
 * The variable-length numbers of Kafka's records, for code that reads a few of them. What runs per record and field has
 * separate readers in `kafka` and `formats`.
 */

/** The zigzag varint at `cursor.at`, which is moved behind it; -2 for one that does not end before `end`. */
export function varint(b: Uint8Array, cursor: { at: number }, end: number): number {
  let n = 0
  for (let shift = 0; shift < 35 && cursor.at < end; shift += 7) {
    const byte = b[cursor.at++]
    n |= (byte & 127) << shift
    if (byte < 128) return (n >>> 1) ^ -(n & 1)
  }
  return -2
}
