/**
 * Text → tokens, one at a time and without state: `scanToken(text, offset)` gives the token that begins at or after an
 * offset. It never throws:
 * what it cannot read becomes a token of kind `error` that carries its message, so an editor can colour broken text and
 * the parser can report it. It does not know the grammar; whether a word is a keyword or a name is decided by the
 * parser (the kind is a hint for highlighting).
 */
import type { Span } from './ast.ts'
import { position } from './error.ts'
import { KEYWORDS } from './keywords.ts'

export type TokenKind =
  | 'keyword'
  | 'identifier'
  | 'quoted'
  | 'string'
  | 'number'
  | 'operator'
  | 'punctuation'
  | 'comment'
  | 'error'
  | 'end'

/** A token with its place; `start` and `end` are UTF-16 offsets. */
export interface Token extends Span {
  readonly kind: TokenKind
  /** As written, quotes included; empty for `end`. */
  readonly text: string
  /** The upper-case word of a bare ASCII word (what keywords are compared with); empty for everything else. */
  readonly upper: string
  /** The content of a string or of a back-ticked name with its escapes resolved; else the same as `text`. */
  readonly value: string
  /** What is wrong, for kind `error`. */
  readonly problem: { readonly message: string; readonly hint?: string } | undefined
}

/** Every token of the text, comments and error tokens included, white space and the end left out. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  for (let token = scanToken(text, 0); token.kind !== 'end'; token = scanToken(text, token.end)) tokens.push(token)
  return tokens
}

/** The first token that begins at or after `from`, comments included; kind `end` when only white space is left. */
export function scanToken(text: string, from: number): Token {
  let at = from
  while (at < text.length && isSpace(text.charCodeAt(at))) at++
  if (at >= text.length) return plain('end', text, text.length, text.length)
  const c = text[at]
  if (isWordStart(text, at)) return scanWord(text, at)
  if (isDigit(c) || (c === '.' && isDigit(text[at + 1]))) return scanNumber(text, at)
  if (c === "'" || c === '"') return scanString(text, at, c)
  if (c === '`') return scanBackticked(text, at)
  if (text.startsWith('--', at)) return plain('comment', text, at, lineEnd(text, at))
  if (text.startsWith('/*', at)) return scanBlockComment(text, at)
  return scanSymbol(text, at)
}

/**
 * Where a bare name in table position ends: letters, digits, `_`, `.` and `-` without white space (`users-topic`,
 * `_internal.topic-1`, `nyc-2024`).
 * `--` begins a comment and ends the name; a `.` or `-` at the end does not belong to it. Equal to `from` when no name
 * begins there.
 */
export function bareNameEnd(text: string, from: number): number {
  let at = from
  for (;;) {
    if (isWordPart(text, at)) at += isHighSurrogate(text.charCodeAt(at)) ? 2 : 1
    else if (at > from && (text[at] === '.' || (text[at] === '-' && text[at + 1] !== '-'))) at++
    else break
  }
  while (at > from && (text[at - 1] === '.' || text[at - 1] === '-')) at--
  return at
}

/** Where a bare setting value ends (`30s`, `-1`, `1.5`): at white space, a quote, `;`, a comment, or one of `stops`. */
export function bareValueEnd(text: string, from: number, stops: string): number {
  let at = from
  while (at < text.length) {
    const c = text[at]
    if (isSpace(text.charCodeAt(at)) || BARE_VALUE_STOPS.includes(c) || stops.includes(c)) break
    if (text.startsWith('--', at) || text.startsWith('/*', at)) break
    at++
  }
  return at
}
const BARE_VALUE_STOPS = ';\'"`“”‘’'

/** True when the whole text is one bare word, that is, a name that needs no back-ticks after a dot. */
export function isBareWord(text: string): boolean {
  return text !== '' && isWordStart(text, 0) && wordEnd(text, 0) === text.length
}

/** Text of the user for a message: at most 60 characters, without control characters. */
export function excerpt(text: string): string {
  const points = [...text.slice(0, 130)]
  const shown = points.length > 60 || text.length > 130 ? `${points.slice(0, 60).join('')}…` : text
  return shown.replaceAll(/[\p{C}\u2028\u2029]/gu, ' ')
}

function plain(kind: TokenKind, text: string, start: number, end: number): Token {
  const slice = text.slice(start, end)
  return { kind, start, end, text: slice, upper: '', value: slice, problem: undefined }
}

function failed(text: string, start: number, end: number, message: string, hint?: string): Token {
  const slice = text.slice(start, end)
  return { kind: 'error', start, end, text: slice, upper: '', value: slice, problem: { message, hint } }
}

const SPACE = /^\s$/
function isSpace(code: number): boolean {
  if (code <= 32) return code === 32 || (code >= 9 && code <= 13)
  return code >= 128 && SPACE.test(String.fromCharCode(code))
}

function isDigit(c: string | undefined): boolean {
  return c !== undefined && c >= '0' && c <= '9'
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}

const LETTER = /^\p{L}$/u
const LETTER_PART = /^[\p{L}\p{M}\p{N}]$/u

function isWordStart(text: string, at: number): boolean {
  const code = text.codePointAt(at)
  if (code === undefined) return false
  if (code < 128) return code === 95 || (code >= 97 && code <= 122) || (code >= 65 && code <= 90)
  return LETTER.test(String.fromCodePoint(code))
}

function isWordPart(text: string, at: number): boolean {
  const code = text.codePointAt(at)
  if (code === undefined) return false
  if (code < 128)
    return code === 95 || (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57)
  return LETTER_PART.test(String.fromCodePoint(code))
}

function wordEnd(text: string, start: number): number {
  let at = start
  while (isWordPart(text, at)) at += isHighSurrogate(text.charCodeAt(at)) ? 2 : 1
  return at
}

const NOT_ASCII = /[^\x00-\x7f]/

/** word := letter { letter | digit | '_' } */
function scanWord(text: string, start: number): Token {
  const end = wordEnd(text, start)
  const slice = text.slice(start, end)
  // Only ASCII words are keywords: some letters outside of it have ASCII upper-case forms.
  const upper = NOT_ASCII.test(slice) ? '' : slice.toUpperCase()
  return {
    kind: KEYWORDS.has(upper) ? 'keyword' : 'identifier',
    start,
    end,
    text: slice,
    upper,
    value: slice,
    problem: undefined,
  }
}

/** number := digits [ '.' digits ] [ exponent ] | '.' digits [ exponent ]; a letter right behind it is an error. */
function scanNumber(text: string, start: number): Token {
  let at = digitsEnd(text, start)
  if (text[at] === '.' && isDigit(text[at + 1])) at = digitsEnd(text, at + 1)
  if (text[at] === 'e' || text[at] === 'E') {
    const digits = text[at + 1] === '+' || text[at + 1] === '-' ? at + 2 : at + 1
    if (isDigit(text[digits])) at = digitsEnd(text, digits)
  }
  if (!isWordPart(text, at)) return plain('number', text, start, at)
  const end = wordEnd(text, at)
  const written = excerpt(text.slice(start, end))
  const hint = /^[\d.]+(ms|[yMwdhms])$/.test(written)
    ? `A duration is a string: "${written}".`
    : `A name that begins with a digit needs back-ticks: \`${written}\`.`
  return failed(text, start, end, `"${written}" is not a number.`, hint)
}

function digitsEnd(text: string, start: number): number {
  let at = start
  while (isDigit(text[at])) at++
  return at
}

const ESCAPES: Readonly<Record<string, string>> = { "'": "'", '"': '"', '\\': '\\', n: '\n', t: '\t', r: '\r' }

/**
 * string := quote { character | quote quote | '\' character } quote; a backslash before any other character stays
 * (regular expressions).
 */
function scanString(text: string, start: number, quote: string): Token {
  let value = ''
  let copied = start + 1
  let at = start + 1
  while (at < text.length) {
    const c = text[at]
    if (c === '\\' && at + 1 < text.length) {
      const resolved = ESCAPES[text[at + 1]]
      if (resolved !== undefined) {
        value += text.slice(copied, at) + resolved
        copied = at + 2
      }
      at += 2
    } else if (c === quote) {
      if (text[at + 1] !== quote) {
        value += text.slice(copied, at)
        return {
          kind: 'string',
          start,
          end: at + 1,
          text: text.slice(start, at + 1),
          upper: '',
          value,
          problem: undefined,
        }
      }
      value += text.slice(copied, at + 1)
      copied = at + 2
      at += 2
    } else at++
  }
  const escaped = text.indexOf(`\\${quote}`, start)
  if (escaped < 0 && start > 0 && isWordPart(text, start - 1)) {
    return failed(
      text,
      start,
      text.length,
      `The string that begins at ${place(text, start)} is not closed.`,
      `A quote inside a string is doubled: ${quote}it${quote}${quote}s${quote}.`,
    )
  }
  const hint =
    escaped < 0 ? undefined : `A backslash before a quote keeps the string open; a backslash itself is written "\\\\".`
  return failed(text, start, text.length, `The string that begins at ${place(text, start)} is not closed.`, hint)
}

/** quoted := '`' { character | '``' } '`' */
function scanBackticked(text: string, start: number): Token {
  let at = start + 1
  for (;;) {
    at = text.indexOf('`', at)
    if (at < 0)
      return failed(
        text,
        start,
        text.length,
        `The back-ticked name that begins at ${place(text, start)} is not closed.`,
      )
    if (text[at + 1] !== '`') break
    at += 2
  }
  const end = at + 1
  const value = text.slice(start + 1, at).replaceAll('``', '`')
  if (value === '') return failed(text, start, end, 'A name between back-ticks cannot be empty.')
  return { kind: 'quoted', start, end, text: text.slice(start, end), upper: '', value, problem: undefined }
}

function lineEnd(text: string, start: number): number {
  const at = text.indexOf('\n', start)
  return at < 0 ? text.length : at
}

function scanBlockComment(text: string, start: number): Token {
  const close = text.indexOf('*/', start + 2)
  if (close < 0)
    return failed(
      text,
      start,
      text.length,
      `The comment that begins at ${place(text, start)} is not closed.`,
      'Close it with "*/".',
    )
  return plain('comment', text, start, close + 2)
}

function place(text: string, offset: number): string {
  const { line, column } = position(text, offset)
  return `line ${line}, column ${column}`
}

/** Symbols of other languages, longest first, with the remedy. */
const FOREIGN: readonly (readonly [string, string])[] = [
  ['===', 'Use "=".'],
  ['!==', 'Use "!=".'],
  ['==', 'Use "=".'],
  ['=>', 'Use ">=".'],
  ['=<', 'Use "<=".'],
  ['&&', 'Use AND.'],
  ['->', 'A field is a.b; in a JSON text use JSON_EXTRACT_FIRST(a, path).'],
  ['::', 'Use CAST(x AS type).'],
  ['//', 'A comment begins with "--".'],
]
const OPERATORS = ['!=', '<>', '<=', '>=', '||', '=', '<', '>', '+', '-', '*', '/', '%']
/** Symbols that begin no longer one. */
const ALONE = '(),.;[]{}+*%'
const PUNCTUATION = '()[]{},;.:'
const FOREIGN_CHARACTERS: Readonly<Record<string, string>> = {
  '!': 'Use NOT, or "!=" between two values.',
  '|': 'Use "||" to join strings, OR between conditions.',
  '&': 'Use AND.',
  '#': 'A comment begins with "--".',
  '?': 'There are no parameters; write the value itself.',
  $: 'There are no parameters; a name with "$" needs back-ticks.',
  '@': 'A name with "@" needs back-ticks.',
  '^': 'Use POW(x, y).',
  '~': "Use LIKE, or REGEXP(x, '…').",
  '\\': 'A backslash means something only inside a string.',
  '“': 'Use straight quotes: \' or ".',
  '”': 'Use straight quotes: \' or ".',
  '„': 'Use straight quotes: \' or ".',
  '‘': 'Use straight quotes: \' or ".',
  '’': 'Use straight quotes: \' or ".',
  '´': "Use a straight quote ' for a string, or a back-tick ` for a name.",
  '–': 'Use the minus sign "-".',
  '—': 'Use the minus sign "-".',
  '−': 'Use the minus sign "-".',
  '；': 'Use ";".',
  '，': 'Use ",".',
}

/** operator | punctuation, or an error token that says what to write instead. */
function scanSymbol(text: string, start: number): Token {
  if (ALONE.includes(text[start]))
    return plain(PUNCTUATION.includes(text[start]) ? 'punctuation' : 'operator', text, start, start + 1)
  for (const [symbol, hint] of FOREIGN) {
    if (text.startsWith(symbol, start))
      return failed(text, start, start + symbol.length, `"${symbol}" is not an operator.`, hint)
  }
  for (const operator of OPERATORS)
    if (text.startsWith(operator, start)) return plain('operator', text, start, start + operator.length)
  if (PUNCTUATION.includes(text[start])) return plain('punctuation', text, start, start + 1)
  const code = text.codePointAt(start) ?? 0
  const character = String.fromCodePoint(code)
  const shown = /^[\p{C}\p{Z}\p{M}]$/u.test(character)
    ? `The invisible character U+${code.toString(16).toUpperCase().padStart(4, '0')}`
    : `The character "${character}"`
  return failed(text, start, start + character.length, `${shown} means nothing here.`, FOREIGN_CHARACTERS[character])
}
