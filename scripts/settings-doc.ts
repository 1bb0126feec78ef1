/**
 * Writes the table of settings into `docs/sql.md` from `src/plan/settings.ts`: `node scripts/settings-doc.ts`.
 * A test compares the page with what this would write.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ALIASES, CONSUMER, REFUSED, SETTINGS, shownValue } from '../src/plan/settings.ts'

/** Where the table is, between two comments. */
export const PAGE = join(import.meta.dirname, '..', 'docs', 'sql.md')

const code = (text: string) => `\`${text}\``

/** The page with the table of now. */
export function withSettings(page: string): string {
  const rows = Object.entries(SETTINGS).map(([name, s]) => {
    const others = Object.entries(ALIASES).flatMap(([alias, target]) => (target === name ? [code(alias)] : []))
    const most = 'max' in s ? shownValue(s.max, s.unit) : ''
    return `| ${code(name)} | ${shownValue(s.fallback, s.unit)} | ${most} | ${s.meaning}${others.length > 0 ? ` (also ${others.join(', ')})` : ''} |`
  })
  const text = [
    '| setting | default | at most | meaning |',
    '|---|---|---|---|',
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
  return page.replace(
    /<!-- settings -->[\s\S]*?<!-- \/settings -->/,
    () => `<!-- settings -->\n${text.join('\n')}\n<!-- /settings -->`,
  )
}

if (import.meta.main) writeFileSync(PAGE, withSettings(readFileSync(PAGE, 'utf8')))
