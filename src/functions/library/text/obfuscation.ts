/**
 * Functions that hide data. They err on the side of hiding: a text shorter than the part that would be kept is replaced
 * wholly, and a value that cannot be hidden is an error, never shown.
 */
import { Decimal } from '../../../lib/decimal.ts'
import type { DataType, Value } from '../../../types.ts'
import { STRING, typeName } from '../../../types.ts'
import { define, describe } from '../../define.ts'
import { isNumericType } from '../../support/numbers.ts'
import type { ScalarFunction } from '../../function.ts'
import { ValueError } from '../../function.ts'
import { cut, initials } from '../../support/text.ts'

const STARS = '*****'

function masked(text: string): string {
  return '*'.repeat(text.length)
}

function anonymizedType([type, replacement]: readonly DataType[]): DataType {
  const text = type.kind === 'string' || type.kind === 'uuid'
  if (!text && !isNumericType(type) && type.kind !== 'json' && type.kind !== 'null')
    throw new Error(`ANONYMIZE hides strings and numbers, not ${typeName(type)}.`)
  if (replacement === undefined || replacement.kind === 'null') return text ? STRING : type
  const dynamic = type.kind === 'json' || type.kind === 'null' || replacement.kind === 'json'
  if (!dynamic && text !== (replacement.kind === 'string'))
    throw new Error(`ANONYMIZE: a ${typeName(type)} cannot be replaced by a ${typeName(replacement)}.`)
  return replacement
}

function anonymized(value: Value, replacement?: Value): Value {
  if (replacement !== undefined) return replacement
  if (typeof value === 'string') return masked(value)
  if (value instanceof Decimal) return new Decimal(0n, value.scale)
  if (typeof value === 'number' || typeof value === 'bigint') return 0
  throw new ValueError(`ANONYMIZE hides strings and numbers, not ${describe(value)}`)
}

/** First character, five asterisks, domain; a text without @ keeps its first character only. */
function maskedEmail(text: string): string {
  if (text === '') return ''
  const at = text.lastIndexOf('@')
  const name = at < 0 ? text : text.slice(0, at)
  const first = name === '' ? '' : String.fromCodePoint(name.codePointAt(0) as number)
  return first + STARS + (at < 0 ? '' : text.slice(at))
}

function keepFirst(text: string, count: number): string {
  return text.length < count ? STARS : cut(text, 0, count) + STARS
}

function keepLast(text: string, count: number): string {
  return text.length < count ? STARS : STARS + cut(text, text.length - count, text.length)
}

const COUNTS = [1, 2, 3, 4] as const
const WORDS = ['', 'character', '2 characters', '3 characters', '4 characters']

function textRow(
  name: string,
  description: string,
  sql: string,
  result: string,
  call: (text: string) => string,
): ScalarFunction {
  return define({
    name,
    family: 'obfuscation',
    parameters: [{ name: 'text', accept: 'string' }],
    description,
    examples: [{ sql, result }],
    returns: () => STRING,
    make: () => call,
  })
}

/** Functions that hide a value or a part of it. */
export const OBFUSCATION_FUNCTIONS: readonly ScalarFunction[] = [
  define({
    name: 'anonymize',
    aliases: ['mask'],
    family: 'obfuscation',
    parameters: [
      { name: 'value', accept: 'any' },
      { name: 'replacement', accept: 'any', optional: true },
    ],
    description: 'Replaces every character by an asterisk and a number by 0, or the whole value by a replacement.',
    examples: [
      { sql: "ANONYMIZE('Mara')", result: '****' },
      { sql: 'MASK(1234)', result: '0' },
      { sql: "ANONYMIZE('Mara', 'hidden')", result: 'hidden' },
    ],
    returnText: 'any',
    returns: anonymizedType,
    make: () => anonymized,
  }),
  textRow(
    'email',
    'Hides the name in an e-mail address but for its first character.',
    "EMAIL('mara@quay.example')",
    'm*****@quay.example',
    maskedEmail,
  ),
  ...COUNTS.map((n) =>
    textRow(
      `first${n}`,
      `Keeps the first ${WORDS[n]} and hides the rest behind five asterisks; a shorter text is hidden wholly.`,
      `FIRST${n}('Mara Holt')`,
      `${'Mara'.slice(0, n)}${STARS}`,
      (text) => keepFirst(text, n),
    ),
  ),
  ...COUNTS.map((n) =>
    textRow(
      `last${n}`,
      `Keeps the last ${WORDS[n]} and hides the rest behind five asterisks; a shorter text is hidden wholly.`,
      `LAST${n}('Mara Holt')`,
      `${STARS}${'Holt'.slice(4 - n)}`,
      (text) => keepLast(text, n),
    ),
  ),
  textRow('initials', 'The first letters of the words, put together.', "INITIALS('Mara Holt')", 'MH', initials),
]
