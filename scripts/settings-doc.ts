/**
 * Writes the table of settings into `docs/sql.md` from `src/plan/settings.ts`: `node scripts/settings-doc.ts`.
 * A test compares the page with what this would write.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALIASES, CONSUMER, REFUSED, SETTINGS } from '../src/plan/settings.ts'

/** Where the table is, between two comments. */
export const PAGE = join(import.meta.dirname, '..', 'docs', 'sql.md')

/** `209715200` → `200m`, `3600000` → `1h`. */
function shown(value: number | boolean | string | undefined, unit: string): string {
  if (value === undefined) return 'unset'
  if (typeof value !== 'number') return String(value)
  if (unit === 'size') return value % 1048576 === 0 ? `${value / 1048576}m` : String(value)
  if (unit === 'duration') return value % 3_600_000 === 0 ? `${value / 3_600_000}h` : `${value / 1000}s`
  return String(value)
}

const code = (text: string) => `\`${text}\``

/** The page with the table of now. */
export function withSettings(page: string): string {
  const rows = Object.entries(SETTINGS).map(([name, s]) => {
    const others = Object.entries(ALIASES).flatMap(([alias, target]) => (target === name ? [code(alias)] : []))
    return `| ${code(name)} | ${shown(s.fallback, s.unit)} | ${s.meaning}${others.length > 0 ? ` (also ${others.join(', ')})` : ''} |`
  })
  const text = [
    '| setting | default | meaning |',
    '|---|---|---|',
    ...rows,
    '',
    `Settings of Kafka consumers that people pass along are taken and do nothing: ${[...CONSUMER].map(code).join(', ')}.`,
    '',
    'Refused, with a reason:',
    '',
    ...Object.entries(REFUSED).map(([name, reason]) => `- ${code(name)}: ${reason}`),
    '',
    'Every other name is an error.',
  ]
  return page.replace(/<!-- settings -->[\s\S]*?<!-- \/settings -->/, () => `<!-- settings -->\n${text.join('\n')}\n<!-- /settings -->`)
}

if (import.meta.main) writeFileSync(PAGE, withSettings(readFileSync(PAGE, 'utf8')))
