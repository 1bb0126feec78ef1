/**
 * Regular expressions in linear time: Java's syntax as far as RE2 has it (no back references, no look-around), through
 * re2js, which is loaded on first use.
 */
import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'
import type { Value } from '../../../types.ts'
import { STRING } from '../../../types.ts'
import { systemClock } from '../../../lib/clock.ts'
import { statesAbout } from '../../support/regex-states.ts'
import { checkItems, checkPattern, define, memo } from '../../define.ts'
import type { ScalarFunction } from '../../function.ts'
import { ValueError } from '../../function.ts'

/**
 * Limit `function.max.regex.states` (states): of a compiled pattern; `{n}` has those of its item n times. Beyond it: an
 * error.
 */
const MAX_STATES = 10_000
/**
 * Limit `function.max.regex.steps` (steps): states of a pattern times characters of a text. Beyond it: an error. A pass
 * through the text may take that many, and nothing ends it.
 */
const MAX_STEPS = 50_000_000
/** Limit `function.max.regex.time` (ms): how long REGEX_MATCHES looks for matches in one text. Beyond it: an error. */
const MAX_MS = 2000

function checkStates(states: number, what: string): void {
  if (states > MAX_STATES)
    throw new ValueError(
      `${what}: the pattern has more states than function.max.regex.states (default ${MAX_STATES}): a repetition {n} ` +
        'has those of its item n times',
    )
}

let library: typeof import('re2js') | undefined

function compile(what: string): (pattern: string) => RE2JS {
  return (pattern) => {
    checkPattern(pattern, what)
    checkStates(statesAbout(pattern), what)
    library ??= createRequire(import.meta.url)('re2js') as typeof import('re2js')
    try {
      const compiled = library.RE2JS.compile(pattern)
      checkStates(compiled.programSize(), what)
      return compiled
    } catch (error) {
      if (error instanceof ValueError) throw error
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

interface Compiled {
  /** Set to the text, at its start. */
  readonly matcher: Matcher
  /** Of groups. */
  readonly count: number
}

/** By pattern one matcher, which is given text after text: to make one costs about as much as to match a short text. */
function matchers(what: string): (text: string, pattern: string) => Compiled {
  const compiled = compile(what)
  const of = memo((pattern) => {
    const regex = compiled(pattern)
    return { matcher: regex.matcher(''), count: regex.groupCount(), states: regex.programSize() }
  })
  return (text, pattern) => {
    const known = of(pattern)
    if (known.states * text.length > MAX_STEPS)
      throw new ValueError(
        `${what}: the states of the pattern times the characters of the text are more than function.max.regex.steps ` +
          `(default ${MAX_STEPS})`,
      )
    known.matcher.resetMatcherInput(text)
    return known
  }
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
        const { matcher, count } = matcherOf(text, pattern)
        const found = matcher.find() ? groups(matcher, count) : []
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
        const { matcher, count } = matcherOf(text, pattern)
        const out: Value[] = []
        // Each match may have been looked for up to the end of the text.
        const until = systemClock.monotonic() + MAX_MS
        while (matcher.find()) {
          if (systemClock.monotonic() > until)
            throw new ValueError(
              `REGEX_MATCHES: to find the matches in one text takes longer than function.max.regex.time (default ${MAX_MS} ms)`,
            )
          out.push(groups(matcher, count))
          checkItems(out.length * (count + 1), 'REGEX_MATCHES')
        }
        release(matcher, text)
        return out
      }
    },
  }),
]
