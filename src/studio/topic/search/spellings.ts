/**
 * How a text may stand in JSON. A value is looked through as the text that it came in, where producers escape what they
 * like: quotes and backslashes always, some of them slashes, letters beyond ASCII, or what HTML would read as its own.
 */

/** What each kind of producer escapes beside quotes, backslashes and control characters. */
const ESCAPED: readonly RegExp[] = [
  /(?!)/g,
  // PHP's slashes.
  /\//g,
  // Python, and others that write ASCII only; with slashes PHP.
  /[\u007f-\uffff]/g,
  /[/\u007f-\uffff]/g,
  // Go, and Gson of texts with such a sign.
  /[<>&\u2028\u2029]/g,
  /[<>&='\u2028\u2029]/g,
]

/** The text as it is, then its spellings in JSON; each once. */
export function spellings(text: string): readonly string[] {
  const plain = JSON.stringify(text).slice(1, -1)
  // A text with nothing but an apostrophe would be looked for twice by everybody, for one library.
  const kinds = /[<>&\u2028\u2029]/.test(text) ? ESCAPED : ESCAPED.slice(0, -1)
  const all = kinds.map((escaped) => plain.replace(escaped, (c) => (c === '/' ? '\\/' : unicode(c))))
  // Jackson and .NET write the digits of an escape in upper case.
  const upper = all.map((spelling) => spelling.replace(/\\u[0-9a-f]{4}/g, (c) => `\\u${c.slice(2).toUpperCase()}`))
  return [...new Set([text, ...all, ...upper])]
}

function unicode(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}
