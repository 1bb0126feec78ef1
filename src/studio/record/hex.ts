/** Bytes as lines of offset, hex and characters; and the place of a wrong byte, as an error of the server tells it. */

export interface HexLine {
  readonly offset: string
  /** Two digits each. */
  readonly bytes: readonly string[]
  readonly characters: string
}

/** The first `count` lines, `width` bytes each. */
export function hexLines(bytes: Uint8Array, count: number, width: number): readonly HexLine[] {
  const lines: HexLine[] = []
  for (let line = 0; line < Math.min(count, Math.ceil(bytes.length / width)); line++) {
    const part = bytes.subarray(line * width, (line + 1) * width)
    lines.push({
      offset: (line * width).toString(16).padStart(8, '0'),
      bytes: [...part].map((byte) => byte.toString(16).padStart(2, '0')),
      characters: [...part].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join(''),
    })
  }
  return lines
}

/** undefined for what is no base 64. */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0))
  } catch {
    return undefined
  }
}

/** Of `value: not JSON at byte 12 (l)`: which side, and where. */
export function wrongByte(error: string): { readonly side: 'key' | 'value'; readonly byte: number } | undefined {
  const match = /^(?:(key|value): )?.*?(?:at byte|after) (\d+)/s.exec(error)
  return match === null ? undefined : { side: match[1] === 'key' ? 'key' : 'value', byte: Number(match[2]) }
}
