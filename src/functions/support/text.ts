/**
 * String mechanics under the string functions, without SQL: cuts that never leave half of a surrogate pair, padding,
 * word walks. Lengths and positions are UTF-16 code units, as in Java.
 */

/** `text.slice(from, to)` for 0 ≤ from, to; a half of a surrogate pair at either edge is left out. */
export function cut(text: string, from: number, to: number): string {
  const start = splitsPair(text, from) ? from + 1 : from
  const end = splitsPair(text, to) ? to - 1 : to
  return start >= end ? '' : text.slice(start, end)
}

function splitsPair(text: string, at: number): boolean {
  if (at <= 0 || at >= text.length) return false
  return (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800
}

/** `length` code units of `pad`, repeated and cut. An empty pad counts as a blank. */
export function padding(pad: string, length: number): string {
  if (length <= 0) return ''
  const unit = pad === '' ? ' ' : pad
  return cut(unit.repeat(Math.ceil(length / unit.length)), 0, length)
}

/** Reversed by code points, so that surrogate pairs stay in order. */
export function reversed(text: string): string {
  return piecewise(
    text,
    (piece) =>
      isAscii(piece) ? Buffer.from(piece, 'latin1').reverse().toString('latin1') : Array.from(piece).reverse().join(''),
    true,
  )
}

/** Each character in the other case. */
export function swappedCase(text: string): string {
  return piecewise(text, (piece) =>
    isAscii(piece) ? asciiInOtherCase(piece) : Array.from(piece, inOtherCase).join(''),
  )
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text)
}

function asciiInOtherCase(text: string): string {
  const bytes = Buffer.from(text, 'latin1')
  for (let i = 0; i < bytes.length; i++) {
    // The two cases of a letter differ in one bit.
    const letter = bytes[i] | 0x20
    if (letter >= 0x61 && letter <= 0x7a) bytes[i] ^= 0x20
  }
  return bytes.toString('latin1')
}

function inOtherCase(char: string): string {
  const upper = char.toUpperCase()
  return upper === char ? char.toLowerCase() : upper
}

const AT_ONCE = 4096

/**
 * What `change` makes of each piece of a text, put together, or put together from the end: an array of all characters,
 * or a text made of single ones, would take some ten times the memory of the text. Pieces hold no half of a pair.
 */
function piecewise(text: string, change: (piece: string) => string, backwards = false): string {
  if (text.length <= AT_ONCE) return change(text)
  const pieces: string[] = []
  for (let end = text.length; end > 0; ) {
    const from = Math.max(0, end - AT_ONCE)
    const start = splitsPair(text, from) ? from + 1 : from
    pieces.push(change(text.slice(start, end)))
    end = start
  }
  return (backwards ? pieces : pieces.reverse()).join('')
}

/** The first letter of every word in lower case; words are separated by white space. */
export function uncapitalizedWords(text: string): string {
  return text.replace(/(^|\s)(\S)/gu, (_all, before: string, first: string) => before + first.toLowerCase())
}

/** The first letter of the text in upper case. */
export function capitalized(text: string): string {
  const first = text.codePointAt(0)
  if (first === undefined) return text
  const letter = String.fromCodePoint(first)
  return letter.toUpperCase() + text.slice(letter.length)
}

/** The first letters of the words, put together: `Mara Holt` → `MH`. */
export function initials(text: string): string {
  let out = ''
  for (const word of text.split(/\s+/u)) {
    const first = word.codePointAt(0)
    if (first !== undefined) out += String.fromCodePoint(first)
  }
  return out
}

/**
 * Letters without their diacritics: `Ålesund café` → `Alesund cafe`; the stroke of ł goes too. Letters of their own (ø,
 * ß) stay.
 */
export function withoutAccents(text: string): string {
  return normalized(
    normalized(text, 'NFD')
      .replace(/\p{Mn}+/gu, '')
      .replace(/ł/g, 'l')
      .replace(/Ł/g, 'L'),
    'NFC',
  ).replaceAll(JOINER, '')
}

/**
 * It has no place among the marks around it, and is a mark itself (Mn), so that no text has it once its marks are taken
 * away.
 */
const JOINER = '\u034f'

/**
 * Normalizing puts runs of marks in order, in quadratic time: a joiner behind each 30 of them (Unicode's stream-safe
 * form) ends the run. No letter has as many.
 */
function normalized(text: string, form: 'NFC' | 'NFD'): string {
  return text.replace(/\p{M}{30}/gu, (marks) => marks + JOINER).normalize(form)
}
