/** The bytes of a bad record for reading: lines of hex and text, and the place from which they are wrong. */

/** One line of 16 bytes. `offset` is its place as hex. */
export interface HexLine {
  readonly offset: string
  readonly bytes: readonly { readonly hex: string; readonly wrong: boolean }[]
  readonly text: string
}

/** Limit `studio.hex.bytes` (bytes): of a bad record that the page shows. Beyond it: the rest is left out, and said. */
export const MAX_HEX_BYTES = 4096
const IN_LINE = 16

/** Base64 as the server writes bytes. Throws for what is none. */
export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
}

/** The first `MAX_HEX_BYTES`, line by line; the byte at `wrongAt` is marked. */
export function hexLines(bytes: Uint8Array, wrongAt?: number): readonly HexLine[] {
  const lines: HexLine[] = []
  for (let from = 0; from < Math.min(bytes.length, MAX_HEX_BYTES); from += IN_LINE) {
    const part = [...bytes.subarray(from, Math.min(from + IN_LINE, MAX_HEX_BYTES))]
    lines.push({
      offset: from.toString(16).padStart(8, '0'),
      bytes: part.map((byte, i) => ({ hex: byte.toString(16).padStart(2, '0'), wrong: from + i === wrongAt })),
      text: part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join(''),
    })
  }
  return lines
}

/** Which facet is wrong, and where: what the error of the record says, or what the bytes themselves show. */
export interface WrongPlace {
  readonly facet: 'key' | 'value'
  /** Index of the first wrong byte; its length where bytes are missing at the end; undefined where it is not known. */
  readonly at: number | undefined
}

/** Bytes of the zero and the schema's id in front of what a registry's formats hold. */
const FRAME = 5

/** `error` begins with `key: ` or `value: `; its places count from behind the frame, where there is one. */
export function wrongPlace(
  error: string,
  bytes: { readonly key?: Uint8Array; readonly value?: Uint8Array },
  isFramed: boolean,
): WrongPlace {
  const facet = error.startsWith('key:') ? 'key' : 'value'
  const of = bytes[facet]
  const last = of === undefined ? undefined : Math.max(0, of.length - 1)
  const [, at] = /at byte ([\d,]+)/.exec(error) ?? []
  if (at !== undefined) return { facet, at: Number(at.replaceAll(',', '')) + (isFramed && of?.[0] === 0 ? FRAME : 0) }
  if (/no magic byte/.test(error)) return { facet, at: 0 }
  if (/does not know schema/.test(error)) return { facet, at: 1 }
  // Bytes are missing behind the last one.
  if (/ends too early|too short/.test(error)) return { facet, at: of?.length === 0 ? undefined : last }
  return { facet, at: of !== undefined && /UTF-8/i.test(error) ? firstNotUtf8(of) : undefined }
}

/** Index of the first byte that is not UTF-8; undefined where all are. */
export function firstNotUtf8(bytes: Uint8Array): number | undefined {
  let at = 0
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at)
    if (length === 0) return at
    at += length
  }
  return undefined
}

/** Bytes of the character that begins there; 0 where none does. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]
  if (first < 0x80) return 1
  const length = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0
  if (length === 0 || first > 0xf4 || at + length > bytes.length) return 0
  for (let i = 1; i < length; i++) if ((bytes[at + i] & 0xc0) !== 0x80) return 0
  const second = bytes[at + 1]
  const isOdd =
    (first === 0xe0 && second < 0xa0) ||
    (first === 0xed && second > 0x9f) ||
    (first === 0xf0 && second < 0x90) ||
    (first === 0xf4 && second > 0x8f)
  return isOdd ? 0 : length
}
