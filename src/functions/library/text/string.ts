/**
 * The string functions. Lengths and positions count UTF-16 code units; counts below zero act as zero; positions beyond
 * the end are the end. Regular expressions are in regex.ts. Masking functions are in obfuscation.ts.
 */
import { findText, splitText } from '../../../lib/find-text.ts'
import type { DataType, Value } from '../../../types.ts'
import { BOOLEAN, INT, STRING, UUID } from '../../../types.ts'
import { checkItems, checkLength, checkString, define, MAX_ARRAY_ITEMS, toCount } from '../../define.ts'
import { REGEX_ROWS } from './regex.ts'
import type { Parameter, ScalarFunction } from '../../function.ts'
import { ValueError } from '../../function.ts'
import {
  capitalized,
  cut,
  padding,
  reversed,
  swappedCase,
  uncapitalizedWords,
  withoutAccents,
} from '../../support/text.ts'
import { plainText } from '../../support/value-text.ts'

type Count = number | bigint

const TEXT: Parameter = { name: 'text', accept: 'string' }
const COUNT: Parameter = { name: 'count', accept: 'integer' }

interface TextRow {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly description: string
  readonly examples: ScalarFunction['examples']
}

function textToText(row: TextRow, call: (text: string) => string): ScalarFunction {
  const what = row.name.toUpperCase()
  return define({
    ...row,
    family: 'string',
    parameters: [TEXT],
    returns: () => STRING,
    make: () => (text: string) => checkString(call(text), what),
  })
}

function textAndCount(row: TextRow, call: (text: string, count: number) => string): ScalarFunction {
  return define({
    ...row,
    family: 'string',
    parameters: [TEXT, COUNT],
    returns: () => STRING,
    make: () => (text: string, count: Count) => call(text, toCount(count)),
  })
}

function textAndText(
  row: TextRow,
  second: string,
  returns: DataType,
  call: (text: string, other: string) => Value,
): ScalarFunction {
  return define({
    ...row,
    family: 'string',
    parameters: [TEXT, { name: second, accept: 'string' }],
    returns: () => returns,
    make: () => call,
  })
}

const CASE_ROWS: readonly ScalarFunction[] = [
  textToText(
    {
      name: 'capitalize',
      description: 'Puts the first letter of the text in upper case.',
      examples: [{ sql: "CAPITALIZE('otter bay')", result: 'Otter bay' }],
    },
    capitalized,
  ),
  textToText(
    {
      name: 'uncapitalize',
      description: 'Puts the first letter of each word in lower case.',
      examples: [{ sql: "UNCAPITALIZE('Otter Bay')", result: 'otter bay' }],
    },
    uncapitalizedWords,
  ),
  textToText(
    {
      name: 'swapcase',
      description: 'Turns upper case into lower case and the other way round.',
      examples: [{ sql: "SWAPCASE('MvOtter')", result: 'mVoTTER' }],
    },
    swappedCase,
  ),
  textToText(
    {
      name: 'lower',
      aliases: ['lowercase', 'lcase'],
      description: 'Puts the text in lower case.',
      examples: [
        { sql: "LOWER('QuaY')", result: 'quay' },
        { sql: "LOWERCASE('QuaY')", result: 'quay' },
      ],
    },
    (text) => text.toLowerCase(),
  ),
  textToText(
    {
      name: 'upper',
      aliases: ['uppercase', 'ucase'],
      description: 'Puts the text in upper case.',
      examples: [{ sql: "UPPER('QuaY')", result: 'QUAY' }],
    },
    (text) => text.toUpperCase(),
  ),
]

const CLEANING_ROWS: readonly ScalarFunction[] = [
  textToText(
    {
      name: 'deletewhitespace',
      description: 'Removes all white space.',
      examples: [{ sql: "DELETEWHITESPACE(' bay 12 ')", result: 'bay12' }],
    },
    (text) => text.replace(/\s+/gu, ''),
  ),
  textToText(
    { name: 'digits', description: 'Keeps only the digits.', examples: [{ sql: "DIGITS('bay-12/7')", result: '127' }] },
    (text) => text.replace(/\P{Nd}+/gu, ''),
  ),
  textToText(
    {
      name: 'stripaccents',
      description: 'Removes the diacritics of letters.',
      examples: [{ sql: "STRIPACCENTS('Ålesund café')", result: 'Alesund cafe' }],
    },
    withoutAccents,
  ),
  textToText(
    {
      name: 'trim',
      description: 'Removes white space at both ends.',
      examples: [{ sql: "TRIM('  quay ')", result: 'quay' }],
    },
    (text) => text.trim(),
  ),
  textToText(
    {
      name: 'ltrim',
      description: 'Removes white space at the start.',
      examples: [{ sql: "LTRIM('  quay')", result: 'quay' }],
    },
    (text) => text.trimStart(),
  ),
  textToText(
    {
      name: 'rtrim',
      description: 'Removes white space at the end.',
      examples: [{ sql: "RTRIM('quay  ')", result: 'quay' }],
    },
    (text) => text.trimEnd(),
  ),
  textToText(
    {
      name: 'reverse',
      description: 'Puts the characters in the opposite order.',
      examples: [{ sql: "REVERSE('quay')", result: 'yauq' }],
    },
    reversed,
  ),
]

const CUTTING_ROWS: readonly ScalarFunction[] = [
  textToText(
    {
      name: 'chop',
      description: 'Drops the last character.',
      examples: [
        { sql: "CHOP('dock7')", result: 'dock' },
        { sql: "CHOP('')", result: '' },
      ],
    },
    (text) => cut(text, 0, text.length - 1),
  ),
  textAndCount(
    {
      name: 'dropleft',
      description: 'Drops so many characters at the start.',
      examples: [{ sql: "DROPLEFT('ferry', 2)", result: 'rry' }],
    },
    (text, n) => cut(text, Math.max(0, n), text.length),
  ),
  textAndCount(
    {
      name: 'dropright',
      description: 'Drops so many characters at the end.',
      examples: [{ sql: "DROPRIGHT('ferry', 2)", result: 'fer' }],
    },
    (text, n) => cut(text, 0, text.length - Math.max(0, n)),
  ),
  textAndCount(
    {
      name: 'takeleft',
      description: 'Keeps so many characters at the start.',
      examples: [{ sql: "TAKELEFT('ferry', 2)", result: 'fe' }],
    },
    (text, n) => cut(text, 0, Math.max(0, n)),
  ),
  textAndCount(
    {
      name: 'takeright',
      description: 'Keeps so many characters at the end.',
      examples: [{ sql: "TAKERIGHT('ferry', 2)", result: 'ry' }],
    },
    (text, n) => cut(text, text.length - Math.min(text.length, Math.max(0, n)), text.length),
  ),
  textAndCount(
    {
      name: 'truncate',
      description: 'Keeps at most so many characters at the start.',
      examples: [{ sql: "TRUNCATE('lighthouse', 5)", result: 'light' }],
    },
    (text, n) => cut(text, 0, Math.max(0, n)),
  ),
  textAndCount(
    {
      name: 'abbreviate',
      description: 'Cuts the text to so many characters, of which the last three are dots; the count is 4 or more.',
      examples: [
        { sql: "ABBREVIATE('harbourmaster', 9)", result: 'harbou...' },
        { sql: "ABBREVIATE('quay', 9)", result: 'quay' },
      ],
    },
    abbreviate,
  ),
  define({
    name: 'substr',
    aliases: ['substring'],
    family: 'string',
    parameters: [TEXT, { name: 'start', accept: 'integer' }, { name: 'end', accept: 'integer', optional: true }],
    description:
      'The part from start (0-based) up to, not including, end; without end to the end of the text; positions below zero count from the end.',
    examples: [
      { sql: "SUBSTR('lighthouse', 5)", result: 'house' },
      { sql: "SUBSTRING('lighthouse', 0, 5)", result: 'light' },
      { sql: "SUBSTR('lighthouse', -5)", result: 'house' },
      { sql: "SUBSTR('lighthouse', 5, 99)", result: 'house' },
    ],
    returns: () => STRING,
    make:
      () =>
      (text: string, start: Count, end: Count = text.length) =>
        cut(text, position(text, start), position(text, end)),
  }),
]

function position(text: string, at: Count): number {
  const n = toCount(at)
  return n < 0 ? Math.max(0, text.length + n) : Math.min(n, text.length)
}

function abbreviate(text: string, count: number): string {
  if (count < 4)
    throw new ValueError(`ABBREVIATE: the length must be 4 or more (three dots and a character), not ${count}`)
  return text.length <= count ? text : `${cut(text, 0, count - 3)}...`
}

function padRow(row: TextRow, pad: (text: string, size: number, pad: string) => string): ScalarFunction {
  const what = row.name.toUpperCase()
  return define({
    ...row,
    family: 'string',
    parameters: [TEXT, { name: 'length', accept: 'integer' }, { name: 'pad', accept: 'string', optional: true }],
    returns: () => STRING,
    make:
      () =>
      (text: string, length: Count, filler = ' ') => {
        const size = toCount(length)
        checkLength(size, what)
        return checkString(pad(text, size, filler), what)
      },
  })
}

const PADDING_ROWS: readonly ScalarFunction[] = [
  padRow(
    {
      name: 'lpad',
      aliases: ['leftpad'],
      description:
        'Fills the text up to a length at the start; a longer text stays as it is, the pad is a blank by default.',
      examples: [{ sql: "LPAD('7', 3, '0')", result: '007' }],
    },
    (text, size, pad) => padding(pad, size - text.length) + text,
  ),
  padRow(
    {
      name: 'rpad',
      aliases: ['rightpad'],
      description:
        'Fills the text up to a length at the end; a longer text stays as it is, the pad is a blank by default.',
      examples: [{ sql: "RPAD('7', 3, '0')", result: '700' }],
    },
    (text, size, pad) => text + padding(pad, size - text.length),
  ),
  padRow(
    {
      name: 'center',
      description: 'Fills the text up to a length on both sides; what cannot be shared evenly goes to the right.',
      examples: [
        { sql: "CENTER('ab', 6, '*')", result: '**ab**' },
        { sql: "CENTER('a', 4, '*')", result: '*a**' },
      ],
    },
    (text, size, pad) => {
      const room = Math.max(0, size - text.length)
      const left = Math.floor(room / 2)
      return padding(pad, left) + text + padding(pad, room - left)
    },
  ),
]

const SEARCH_ROWS: readonly ScalarFunction[] = [
  textAndText(
    {
      name: 'contains',
      description: 'Tells whether the target occurs in the text; upper and lower case differ.',
      examples: [
        { sql: "CONTAINS('Seagull', 'Gull')", result: 'false' },
        { sql: "CONTAINS('Seagull', 'gull')", result: 'true' },
      ],
    },
    'target',
    BOOLEAN,
    (text, target) => findText(text, target) >= 0,
  ),
  textAndText(
    {
      name: 'startswith',
      description: 'Tells whether the text starts with the target.',
      examples: [{ sql: "STARTSWITH('lighthouse', 'light')", result: 'true' }],
    },
    'target',
    BOOLEAN,
    (text, target) => text.startsWith(target),
  ),
  textAndText(
    {
      name: 'endswith',
      description: 'Tells whether the text ends with the target.',
      examples: [{ sql: "ENDSWITH('lighthouse', 'house')", result: 'true' }],
    },
    'target',
    BOOLEAN,
    (text, target) => text.endsWith(target),
  ),
  textAndText(
    {
      name: 'indexof',
      description: 'The 0-based position of the first occurrence of the target, or -1.',
      examples: [
        { sql: "INDEXOF('lighthouse', 'house')", result: '5' },
        { sql: "INDEXOF('lighthouse', 'boat')", result: '-1' },
      ],
    },
    'target',
    INT,
    (text, target) => findText(text, target),
  ),
  define({
    name: 'len',
    aliases: ['length', 'char_length', 'character_length'],
    family: 'string',
    parameters: [TEXT],
    description: 'The number of UTF-16 code units of the text.',
    examples: [
      { sql: "LEN('quay')", result: '4' },
      { sql: "LEN('🛳')", result: '2' },
    ],
    returns: () => INT,
    make: () => (text: string) => text.length,
  }),
  define({
    name: 'position',
    family: 'string',
    parameters: [
      { name: 'target', accept: 'string' },
      { name: 'text', accept: 'string' },
    ],
    description:
      'The 1-based position of the first occurrence of the target, or 0; also written POSITION(target IN text).',
    examples: [
      { sql: "POSITION('house', 'lighthouse')", result: '6' },
      { sql: "POSITION('boat', 'lighthouse')", result: '0' },
    ],
    returns: () => INT,
    make: () => (target: string, text: string) => findText(text, target) + 1,
  }),
]

const BUILDING_ROWS: readonly ScalarFunction[] = [
  define({
    name: 'concat',
    aliases: ['concatenate'],
    family: 'string',
    parameters: [{ name: 'value', accept: 'any', variadic: true }],
    description: 'Puts the texts of all arguments together; NULLs are left out.',
    examples: [
      { sql: "CONCAT('a', NULL, 'c')", result: 'ac' },
      { sql: "CONCAT('berth ', 42, '/', 1.5)", result: 'berth 42/1.5' },
    ],
    nullable: true,
    returns: () => STRING,
    make: concatOf,
  }),
  define({
    name: 'replace',
    family: 'string',
    parameters: [TEXT, { name: 'target', accept: 'string' }, { name: 'replacement', accept: 'string' }],
    description: 'Replaces every occurrence of the target, taken literally.',
    examples: [{ sql: "REPLACE('a.b.c', '.', '-')", result: 'a-b-c' }],
    returns: () => STRING,
    make: () => replaced,
  }),
  define({
    name: 'split',
    family: 'string',
    parameters: [TEXT, { name: 'separator', accept: 'string' }],
    description:
      'The parts of the text between the separators, taken literally; an empty separator gives the characters.',
    examples: [{ sql: "SPLIT('a,b,,c', ',')", result: '["a","b","","c"]' }],
    returns: () => ({ kind: 'array', element: STRING }),
    make: () => split,
  }),
  define({
    name: 'base64',
    family: 'string',
    parameters: [TEXT],
    description: 'The UTF-8 bytes of the text in base 64.',
    examples: [{ sql: "BASE64('quay')", result: 'cXVheQ==' }],
    returns: () => STRING,
    make: () => (text: string) => checkString(Buffer.from(text).toString('base64'), 'BASE64'),
  }),
  define({
    name: 'decode64',
    family: 'string',
    parameters: [TEXT],
    description: 'The text whose UTF-8 bytes are given in base 64.',
    examples: [{ sql: "DECODE64('cXVheQ==')", result: 'quay' }],
    returns: () => STRING,
    make: () => decode64,
  }),
  define({
    name: 'uuid',
    family: 'string',
    parameters: [],
    description: 'A random UUID, another one for each row.',
    examples: [{ sql: 'LEN(UUID())', result: '36' }],
    deterministic: false,
    returns: () => UUID,
    make: () => () => crypto.randomUUID(),
  }),
]

function concatOf(types: readonly DataType[]): (...values: Value[]) => string {
  return (...values) => {
    let out = ''
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      if (value === null) continue
      const text = typeof value === 'string' ? value : plainText(value, types[i])
      checkLength(out.length + text.length, 'CONCAT')
      out += text
    }
    return checkString(out, 'CONCAT')
  }
}

function split(text: string, separator: string): string[] {
  const parts = separator === '' ? charactersOf(text) : splitText(text, separator, MAX_ARRAY_ITEMS + 1)
  checkItems(parts.length, 'SPLIT')
  return parts
}

function charactersOf(text: string): string[] {
  // A character takes two code units at most.
  checkItems(Math.ceil(text.length / 2), 'SPLIT')
  return Array.from(text)
}

function replaced(text: string, target: string, replacement: string): string {
  if (target === '' || findText(text, target) < 0) return text
  const parts = splitText(text, target)
  checkLength(text.length + (parts.length - 1) * (replacement.length - target.length), 'REPLACE')
  return checkString(parts.join(replacement), 'REPLACE')
}

const BASE64_TEXT = /^[A-Za-z0-9+/_-]*={0,2}$/

function decode64(text: string): string {
  const compact = text.replace(/\s+/g, '')
  if (!BASE64_TEXT.test(compact) || compact.replace(/=+$/, '').length % 4 === 1)
    throw new ValueError('DECODE64: the text is not base 64')
  return Buffer.from(compact, 'base64').toString('utf8')
}

export const STRING_FUNCTIONS: readonly ScalarFunction[] = [
  ...CASE_ROWS,
  ...CLEANING_ROWS,
  ...CUTTING_ROWS,
  ...PADDING_ROWS,
  ...SEARCH_ROWS,
  ...BUILDING_ROWS,
  ...REGEX_ROWS,
]
