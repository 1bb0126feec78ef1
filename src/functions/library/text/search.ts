/** Functions that look for a text within another. */
import { findText } from '../../../lib/text/find-text.ts'
import { BOOLEAN, INT } from '../../../types.ts'
import { define } from '../../define.ts'
import type { ScalarFunction } from '../../function.ts'
import { TEXT, textAndText } from './text-row.ts'

export const SEARCH_ROWS: readonly ScalarFunction[] = [
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
