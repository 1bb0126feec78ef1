/**
 * Going through the text of JSON without making values of it. White space is skipped where JSON allows it; what stands
 * there is taken as valid, so that nothing is checked twice.
 */

const QUOTE = 34
const BACKSLASH = 92
const OPEN = 123
const CLOSE = 125
const LIST = 91
const LIST_END = 93
const COMMA = 44

/** Whether a UTF-16 unit is what JSON calls white space: space, tab, line feed, carriage return. */
function isSpace(unit: number): boolean {
  return unit === 32 || unit === 10 || unit === 13 || unit === 9
}

/** The position of what stands behind white space, from `at` on. */
export function skipSpace(text: string, at: number): number {
  let i = at
  while (isSpace(text.charCodeAt(i))) i++
  return i
}

/** The position behind the string that begins at `at`. */
export function skipString(text: string, at: number): number {
  let end = text.indexOf('"', at + 1)
  for (;;) {
    if (end < 0) return text.length
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return end + 1
    end = text.indexOf('"', end + 1)
  }
}

/** The position behind the value that begins at `at`; white space behind it is not part of it. */
export function skipValue(text: string, at: number): number {
  const first = text.charCodeAt(at)
  if (first === QUOTE) return skipString(text, at)
  if (first !== OPEN && first !== LIST) {
    let i = at
    for (; i < text.length; i++) {
      const c = text.charCodeAt(i)
      if (c === COMMA || c === CLOSE || c === LIST_END || isSpace(c)) break
    }
    return i
  }
  let depth = 0
  for (let i = at; i < text.length; ) {
    const c = text.charCodeAt(i)
    if (c === QUOTE) {
      i = skipString(text, i)
      continue
    }
    i++
    if (c === OPEN || c === LIST) depth++
    else if ((c === CLOSE || c === LIST_END) && --depth === 0) return i
  }
  return text.length
}

/** The position of the value of a member whose name ends at `nameEnd`. */
export function valueStart(text: string, nameEnd: number): number {
  return skipSpace(text, skipSpace(text, nameEnd) + 1)
}

/** The characters of a JSON string; of one that is not valid, what stands between its quotes. */
export function stringText(source: string): string {
  if (!source.includes('\\')) return source.slice(1, -1)
  try {
    return JSON.parse(source) as string
  } catch {
    return source.slice(1, -1)
  }
}

/** The text without white space between tokens; the same string when there is none. */
export function compactJson(text: string): string {
  let out = ''
  let kept = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = skipString(text, at) - 1
    else if (isSpace(unit)) {
      out += text.slice(kept, at)
      kept = at + 1
    }
  }
  return kept === 0 ? text : out + text.slice(kept)
}

/**
 * The same JSON in one line, for files of which every line is a value. As it is where it has no line break; otherwise
 * without white space between its parts.
 */
export function oneLine(json: string): string {
  if (!json.includes('\n') && !json.includes('\r')) return json
  // A reader that is not strict may have let a break in a string pass.
  return compactJson(json).replace(/[\n\r]/g, (c) => (c === '\n' ? '\\n' : '\\r'))
}
