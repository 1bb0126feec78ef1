/**
 * JSON without loss, for tests: whole numbers beyond ±2^53 are bigint; and the members of an object as the text they
 * were written in.
 */

export type ExactJson = null | boolean | number | bigint | string | ExactJson[] | { [name: string]: ExactJson }

/** Parses a JSON text; throws a SyntaxError like JSON.parse. */
export function parseExact(text: string): ExactJson {
  const reviver = (_: string, value: unknown, context: { source?: string }): unknown => {
    const whole = typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? '')
    return whole ? BigInt(context.source as string) : value
  }
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown) as ExactJson
}

/** The index after the JSON value that starts at `at` (after white space). The text is valid JSON. */
export function valueEnd(text: string, at: number): number {
  let depth = 0
  for (let i = at; i < text.length; i++) {
    const c = text[i]
    if (c === '"') {
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++
    } else if (c === '{' || c === '[') depth++
    else if (c === '}' || c === ']') {
      if (depth === 0) return i
      depth--
    } else if (depth === 0 && (c === ',' || c === ' ' || c === '\n' || c === ':') && i > at) return i
    if (depth === 0 && (c === '"' || c === '}' || c === ']')) return i + 1
  }
  return text.length
}

/** The members of a JSON object, each value as its own text, digits untouched. Later duplicates win. */
export function rawMembers(text: string): Map<string, string> {
  const members = new Map<string, string>()
  let at = text.indexOf('{') + 1
  for (;;) {
    while (at < text.length && /[\s,]/.test(text[at])) at++
    if (text[at] !== '"') return members
    const nameEnd = valueEnd(text, at)
    const name = JSON.parse(text.slice(at, nameEnd)) as string
    at = text.indexOf(':', nameEnd) + 1
    while (/\s/.test(text[at])) at++
    const end = valueEnd(text, at)
    members.set(name, text.slice(at, end))
    at = end
  }
}
