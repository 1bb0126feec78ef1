/**
 * The string functions. Lengths and positions count UTF-16 code units; counts below zero act as zero; positions beyond
 * the end are the end. Regular expressions are in regex.ts. Masking functions are in obfuscation.ts.
 */
import { STRING } from '../../../types.ts'
import { checkLength, checkString, define, toCount } from '../../define.ts'
import { REGEX_ROWS } from './regex.ts'
import type { ScalarFunction } from '../../function.ts'
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
import { type Count, TEXT, type TextRow, textAndCount, textToText } from './text-row.ts'
import { SEARCH_ROWS } from './search.ts'
import { BUILDING_ROWS } from './building.ts'

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
      description: 'Drops the given number of characters at the start.',
      examples: [{ sql: "DROPLEFT('ferry', 2)", result: 'rry' }],
    },
    (text, n) => cut(text, Math.max(0, n), text.length),
  ),
  textAndCount(
    {
      name: 'dropright',
      description: 'Drops the given number of characters at the end.',
      examples: [{ sql: "DROPRIGHT('ferry', 2)", result: 'fer' }],
    },
    (text, n) => cut(text, 0, text.length - Math.max(0, n)),
  ),
  textAndCount(
    {
      name: 'takeleft',
      description: 'Keeps the given number of characters at the start.',
      examples: [{ sql: "TAKELEFT('ferry', 2)", result: 'fe' }],
    },
    (text, n) => cut(text, 0, Math.max(0, n)),
  ),
  textAndCount(
    {
      name: 'takeright',
      description: 'Keeps the given number of characters at the end.',
      examples: [{ sql: "TAKERIGHT('ferry', 2)", result: 'ry' }],
    },
    (text, n) => cut(text, text.length - Math.min(text.length, Math.max(0, n)), text.length),
  ),
  textAndCount(
    {
      name: 'truncate',
      description: 'Keeps at most the given number of characters at the start.',
      examples: [{ sql: "TRUNCATE('lighthouse', 5)", result: 'light' }],
    },
    (text, n) => cut(text, 0, Math.max(0, n)),
  ),
  textAndCount(
    {
      name: 'abbreviate',
      description:
        'Cuts the text to the given number of characters, of which the last three are dots; the count is 4 or more.',
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
      'The part from start (0-based) up to, not including, end; without end to the end of the text; positions ' +
      'below zero count from the end.',
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

/** Functions of text. */
export const STRING_FUNCTIONS: readonly ScalarFunction[] = [
  ...CASE_ROWS,
  ...CLEANING_ROWS,
  ...CUTTING_ROWS,
  ...PADDING_ROWS,
  ...SEARCH_ROWS,
  ...BUILDING_ROWS,
  ...REGEX_ROWS,
]
