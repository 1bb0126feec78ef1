/**
 * Writes `docs/functions.md` from the function registry: `node scripts/functions-doc.ts`. With `--check` it only says
 * whether the page is up to date. The text comes from `functionsPage`, which a test compares with the page.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AGGREGATE_DOCS, returnText, SCALAR_FUNCTIONS, signature } from '../src/functions/all-functions.ts'
import { MAX_ARRAY_ITEMS, MAX_PATTERN_CHARS, MAX_STRING_BYTES } from '../src/functions/define.ts'
import { MAX_JSON_PLACES } from '../src/functions/support/json-path.ts'
import { MAX_LIKE_STEPS } from '../src/functions/support/like.ts'
import { MAX_DECIMAL_DIGITS } from '../src/lib/decimal.ts'
import type { ScalarFunction } from '../src/functions/function.ts'

/** Where the page is. */
export const PAGE = join(import.meta.dirname, '..', 'docs', 'functions.md')

const FAMILIES: readonly (readonly [ScalarFunction['family'], string, string])[] = [
  [
    'string',
    'Text',
    'Lengths and positions count UTF-16 code units, but a character outside the basic plane is never cut in half. Counts below zero act as zero.',
  ],
  [
    'numeric',
    'Numbers',
    'Integers are exact within 64 bits and an error beyond, decimals are exact, everything else is double arithmetic.',
  ],
  [
    'datetime',
    'Dates and times',
    "Everything is UTC. A *moment* is a date, a time, a timestamp, a text such as `'2024-03-09 06:15:00'` or milliseconds since the epoch. Patterns are those of Java's `DateTimeFormatter`, with English names; a day beyond the end of its month (31 February) is the last day of the month, as there. In the examples it is 2024-02-29T07:05:05.410Z.",
  ],
  ['array', 'Arrays', 'Indexes count from 0.'],
  [
    'json',
    'JSON',
    "Paths are JsonPath: `$.a[*].b`, `$..b`, `[0]`, `[-1]`, `[1:3]`, `['x','y']`, `[?(@.n > 1 && @.s == 'x')]`. Results are JSON text, with every digit of the original; of duplicate keys the last one counts.",
  ],
  ['null', 'NULL', 'All other functions give NULL when an argument is NULL, unless they say otherwise.'],
  ['conditional', 'Presence', 'EXISTS is also a keyword, so the function is written in back-ticks.'],
  ['conversion', 'Conversion', 'See also the date functions.'],
  ['obfuscation', 'Masking', 'A text that is shorter than the part to be kept is hidden wholly.'],
  ['headers', 'Headers', 'They read the headers of a record. A header that is not there is NULL.'],
  ['schema', 'Types of records', 'Only formats that carry a name have one to show.'],
  ['offsets', 'Offsets', 'They speak of the partition of the record at hand.'],
]

/** The whole page as Markdown. */
export function functionsPage(): string {
  const parts = [INTRODUCTION]
  for (const [family, title, note] of FAMILIES) {
    parts.push(`## ${title}\n\n${note}\n`)
    for (const fn of SCALAR_FUNCTIONS.filter((f) => f.family === family)) parts.push(section(fn))
  }
  parts.push('## Aggregates\n\nThey speak of all records of a group, or of the whole result without GROUP BY.\n')
  for (const doc of AGGREGATE_DOCS)
    parts.push(`### ${doc.signature}\n\n${doc.description} Returns \`${doc.returns}\`.\n`)
  parts.push(limits())
  return `${parts.join('\n')}`
}

const INTRODUCTION = `# Functions

<!-- Written by scripts/functions-doc.ts from the function registry. Change the registry, then run it. -->

Names may be written in upper or lower case. \`[…]\` marks what may be left out, \`…\` what may be repeated. \`SHOW FUNCTIONS\` lists the same functions.
An argument from a JSON document is checked row by row: a value of the wrong kind ends the query with an error that names the function.
Texts are shown without quotes in the results here.
`

function section(fn: ScalarFunction): string {
  const lines = [`### ${signature(fn)}`, '', `${fn.description} Returns \`${returnText(fn)}\`.`]
  if (fn.aliases !== undefined)
    lines.push('', `Also: ${fn.aliases.map((alias) => `\`${alias.toUpperCase()}\``).join(', ')}.`)
  if (fn.usage !== undefined) lines.push('', '```sql', fn.usage, '```')
  if (fn.examples.length > 0) {
    lines.push('', '| Example | Result |', '|---|---|')
    for (const { sql, result } of fn.examples)
      lines.push(`| ${code(sql)} | ${result === '' ? '(empty)' : code(result)} |`)
  }
  return `${lines.join('\n')}\n`
}

/** Inline code inside a table cell. */
function code(text: string): string {
  const safe = text.replace(/\|/g, '\\|')
  return safe.includes('`') ? `\`\` ${safe} \`\`` : `\`${safe}\``
}

function limits(): string {
  const rows: readonly (readonly [string, number, string])[] = [
    ['function.max.string.bytes', MAX_STRING_BYTES, 'bytes of a text that a function makes'],
    ['function.max.array.items', MAX_ARRAY_ITEMS, 'elements of an array that a function makes'],
    ['function.max.pattern.chars', MAX_PATTERN_CHARS, 'characters of a regular expression, date pattern or JsonPath'],
    [
      'function.max.like.steps',
      MAX_LIKE_STEPS,
      'characters that LIKE may compare in vain in one text, for pieces with `_` between two `%`',
    ],
    ['function.max.json.places', MAX_JSON_PLACES, 'values that a JsonPath may visit in one document'],
    [
      'function.max.decimal.digits',
      MAX_DECIMAL_DIGITS,
      'digits of a decimal or a whole number that is written or computed; of a type decimal(p, s) both numbers',
    ],
  ]
  return [
    '## Limits',
    '',
    'They keep one row from using up the server; going beyond ends the query with an error that names the limit.',
    '',
    '| Limit | Default | Meaning |',
    '|---|---|---|',
    ...rows.map(([name, value, meaning]) => `| \`${name}\` | ${value} | ${meaning} |`),
    '',
  ].join('\n')
}

if (import.meta.main) {
  const page = functionsPage()
  const known = process.argv.includes('--check') ? readFileSync(PAGE, 'utf8') : undefined
  if (known === undefined) writeFileSync(PAGE, page)
  else if (known !== page) {
    console.error('docs/functions.md is not what the registry says; run: node scripts/functions-doc.ts')
    process.exitCode = 1
  }
}
