/**
 * Order and LIKE of texts as bytes, without making strings of them: for literals in ASCII, where the order of UTF-8
 * bytes against the literal is the order of UTF-16 code units. Whatever is longer, not ASCII, or has `_` in its pattern
 * is compared as a string elsewhere.
 */

/** Not a limit: longer literals are compared as strings. */
const MAX_LITERAL = 256

/** The literal's bytes, or undefined when it cannot be compared so. */
export function asciiBytes(literal: string): Uint8Array | undefined {
  if (literal.length > MAX_LITERAL) return undefined
  for (let i = 0; i < literal.length; i++) if (literal.charCodeAt(i) > 127) return undefined
  return Uint8Array.from(literal, (c) => c.charCodeAt(0))
}

/** Negative, 0 or positive: the text at [from, to) of `b` against the literal. */
export function byteOrder(b: Uint8Array, from: number, to: number, literal: Uint8Array): number {
  const length = to - from
  const both = Math.min(length, literal.length)
  for (let i = 0; i < both; i++) {
    const difference = b[from + i] - literal[i]
    if (difference !== 0) return difference
  }
  return length - literal.length
}

/** Whether the text at [from, to) of `b` is like the pattern. */
export type ByteMatcher = (b: Uint8Array, from: number, to: number) => boolean

/** For a LIKE pattern of ASCII characters and `%`; undefined for any other. */
export function likeBytes(pattern: string): ByteMatcher | undefined {
  if (pattern.includes('_') || asciiBytes(pattern) === undefined) return undefined
  const pieces = pattern.split('%').map((piece) => Uint8Array.from(piece, (c) => c.charCodeAt(0)))
  const head = pieces[0]
  if (pieces.length === 1) return (b, from, to) => to - from === head.length && stands(b, from, head)
  const tail = pieces[pieces.length - 1]
  const inner = pieces.slice(1, -1).filter((piece) => piece.length > 0)
  return (b, from, to) => {
    if (to - from < head.length + tail.length || !stands(b, from, head) || !stands(b, to - tail.length, tail))
      return false
    const end = to - tail.length
    let p = from + head.length
    for (const piece of inner) {
      p = find(b, p, end, piece)
      if (p < 0) return false
      p += piece.length
    }
    return true
  }
}

function stands(b: Uint8Array, at: number, piece: Uint8Array): boolean {
  for (let i = 0; i < piece.length; i++) if (b[at + i] !== piece[i]) return false
  return true
}

/** The first place of the piece within [from, to), or -1. */
function find(b: Uint8Array, from: number, to: number, piece: Uint8Array): number {
  const first = piece[0]
  const last = to - piece.length
  for (let p = from; p <= last; p++) if (b[p] === first && stands(b, p, piece)) return p
  return -1
}
