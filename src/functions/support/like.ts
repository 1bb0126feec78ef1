/**
 * LIKE: `%` is any run of characters, `_` any one character, case counts, and there is no escape character. No regular
 * expression, and no more steps than a limit allows.
 */
import { findText } from '../../lib/text/find-text.ts'
import { ValueError } from '../function.ts'

/**
 * Limit `function.max.like.steps` (comparisons): characters that LIKE compares in vain in one text, where `_` stands
 * between two `%`. Beyond it: an error. Only there a match may begin anywhere and be given up late.
 */
export const MAX_LIKE_STEPS = 50_000_000

/**
 * A matcher for a LIKE pattern. Linear, but for pieces that have `_` and stand between two `%`, which a limit bounds.
 */
export function likeMatcher(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('%')
  if (pattern.includes('_'))
    return pieces.length === 1 ? (text) => forward(text, 0, pattern) === text.length : (text) => matches(text, pieces)
  if (pieces.length === 1) return (text) => text === pattern
  const inner = pieces.slice(1, -1).filter((p) => p !== '')
  const [head, tail] = [pieces[0], pieces[pieces.length - 1]]
  if (inner.length === 0 && tail === '') return (text) => text.startsWith(head)
  if (inner.length === 0 && head === '') return (text) => text.endsWith(tail)
  if (inner.length === 1 && head === '' && tail === '') return (text) => findText(text, inner[0]) >= 0
  return (text) => {
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false
    let at = head.length
    for (const piece of inner) {
      const found = findText(text, piece, at)
      if (found < 0) return false
      at = found + piece.length
    }
    return at <= text.length - tail.length
  }
}

/**
 * The first piece stands at the start, the last one at the end, the others one after the other between them, each as
 * far in front as it can.
 */
function matches(text: string, pieces: readonly string[]): boolean {
  let at = forward(text, 0, pieces[0])
  const end = backward(text, pieces[pieces.length - 1])
  if (at < 0 || end < at) return false
  let steps = 0
  for (let i = 1; i < pieces.length - 1; i++) {
    const piece = pieces[i]
    if (!piece.includes('_')) {
      const found = findText(text, piece, at)
      if (found < 0) return false
      at = found + piece.length
      continue
    }
    let behind = forward(text, at, piece)
    while (behind < 0) {
      // `~behind` is how far the try got.
      steps += ~behind - at
      if (steps > MAX_LIKE_STEPS)
        throw new ValueError(
          'LIKE: the pattern and the text take more comparisons than function.max.like.steps (default ' +
            `${MAX_LIKE_STEPS})`,
        )
      if (at >= end) return false
      at += width(text, at)
      behind = forward(text, at, piece)
    }
    at = behind
  }
  return at <= end
}

/** The end of the piece at `at`; where it does not fit, the complement (below 0) of the place where it ceases to. */
function forward(text: string, at: number, piece: string): number {
  for (let p = 0; p < piece.length; ) {
    if (at >= text.length) return ~at
    const wide = width(text, at)
    if (piece.charCodeAt(p) === UNDERSCORE) p++
    else if (piece.codePointAt(p) === text.codePointAt(at)) p += wide
    else return ~at
    at += wide
  }
  return at
}

/** Where the piece begins that stands at the end of the text, or -1. */
function backward(text: string, piece: string): number {
  let at = text.length
  for (let p = piece.length; p > 0; ) {
    if (at === 0) return -1
    const before = at - widthBefore(text, at)
    if (piece.charCodeAt(p - 1) === UNDERSCORE) p--
    else {
      p -= widthBefore(piece, p)
      if (piece.codePointAt(p) !== text.codePointAt(before)) return -1
    }
    at = before
  }
  return at
}

const UNDERSCORE = 95

/** Code units of the character at `at`: 2 for a surrogate pair. */
function width(text: string, at: number): number {
  return (text.codePointAt(at) as number) > 0xffff ? 2 : 1
}

function widthBefore(text: string, at: number): number {
  return at > 1 && (text.codePointAt(at - 2) as number) > 0xffff ? 2 : 1
}
