/**
 * Regular expressions in linear time: Java's syntax as far as RE2 has it (no back references, no look-around), through
 * re2js, which is loaded on first use.
 */
import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'
import type { Value } from '../../../types.ts'
import { STRING } from '../../../types.ts'
import { checkItems, checkPattern, define, memo } from '../../define.ts'
import type { ScalarFunction } from '../../function.ts'
import { ValueError } from '../../function.ts'

let library: typeof import('re2js') | undefined

function compile(what: string): (pattern: string) => RE2JS {
  return (pattern) => {
    checkPattern(pattern, what)
    library ??= createRequire(import.meta.url)('re2js') as typeof import('re2js')
    try {
      return library.RE2JS.compile(pattern)
    } catch (error) {
      const beyond = /\(\?<?[=!]|\\[1-9]|\\k</.test(pattern)
      throw new ValueError(
        beyond
          ? `${what}: ${JSON.stringify(pattern)} looks around or back, which is not offered: texts are matched ` +
              'in one pass.'
          : `${what}: ${JSON.stringify(pattern)} is not a regular expression: ${(error as Error).message}`,
      )
    }
  }
}

type Matcher = ReturnType<RE2JS['matcher']>

/** By pattern one matcher, which is given text after text: to make one costs about as much as to match a short text. */
function matchers(what: string): (pattern: string) => { readonly matcher: Matcher; readonly count: number } {
  const compiled = compile(what)
  return memo((pattern) => {
    const regex = compiled(pattern)
    return { matcher: regex.matcher(''), count: regex.groupCount() }
  })
}

/** Not a limit: characters of the longest text that a matcher keeps until its next one. */
const KEPT_CHARACTERS = 65_536

function release(matcher: Matcher, text: string): void {
  if (text.length > KEPT_CHARACTERS) matcher.resetMatcherInput('')
}

/** The groups of the current match; the whole match when the pattern has none. A group that took no part is NULL. */
function groups(matcher: Matcher, count: number): Value[] {
  if (count === 0) return [matcher.group(0)]
  const out: Value[] = []
  for (let i = 1; i <= count; i++) out.push(matcher.group(i))
  return out
}

const PARAMETERS = [
  { name: 'text', accept: 'string' },
  { name: 'pattern', accept: 'string' },
] as const

/** REGEXP and REGEX_MATCHES. */
export const REGEX_ROWS: readonly ScalarFunction[] = [
  define({
    name: 'regexp',
    aliases: ['regex'],
    family: 'string',
    parameters: PARAMETERS,
    description:
      'The groups of the first match of a regular expression (the whole match when it has no groups), or an ' +
      'empty array.',
    examples: [
      { sql: "REGEXP('berth-42', '([a-z]+)-(\\d+)')", result: '["berth","42"]' },
      { sql: "REGEXP('berth', '\\d+')", result: '[]' },
      { sql: "REGEXP('berth-42', '\\d+')", result: '["42"]' },
    ],
    returns: () => ({ kind: 'array', element: STRING }),
    make: () => {
      const matcherOf = matchers('REGEXP')
      return (text: string, pattern: string) => {
        const { matcher, count } = matcherOf(pattern)
        const found = matcher.resetMatcherInput(text).find() ? groups(matcher, count) : []
        release(matcher, text)
        return found
      }
    },
  }),
  define({
    name: 'regex_matches',
    family: 'string',
    parameters: PARAMETERS,
    description:
      'The groups of every match of a regular expression (the whole match when it has no groups), one array ' +
      'for each match.',
    examples: [{ sql: "REGEX_MATCHES('a1 b22', '([a-z])(\\d+)')", result: '[["a","1"],["b","22"]]' }],
    returns: () => ({ kind: 'array', element: { kind: 'array', element: STRING } }),
    make: () => {
      const matcherOf = matchers('REGEX_MATCHES')
      return (text: string, pattern: string) => {
        const { matcher, count } = matcherOf(pattern)
        matcher.resetMatcherInput(text)
        const out: Value[] = []
        while (matcher.find()) {
          out.push(groups(matcher, count))
          checkItems(out.length * (count + 1), 'REGEX_MATCHES')
        }
        release(matcher, text)
        return out
      }
    },
  }),
]
