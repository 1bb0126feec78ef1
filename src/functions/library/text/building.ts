/** Functions that make a text of parts, or parts of a text. */
import { findText, splitText } from '../../../lib/text/find-text.ts'
import type { DataType, Value } from '../../../types.ts'
import { STRING, UUID } from '../../../types.ts'
import { MAX_ARRAY_ITEMS, checkItems, checkLength, checkString, define } from '../../define.ts'
import type { ScalarFunction } from '../../function.ts'
import { ValueError } from '../../function.ts'
import { plainText } from '../../support/value-text.ts'
import { TEXT } from './text-row.ts'

export const BUILDING_ROWS: readonly ScalarFunction[] = [
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
