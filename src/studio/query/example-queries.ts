/** Queries that can be asked of the topics that are there: one of each kind, for the topics that say the most. */
import { printName } from '../../sql/print.ts'
import { firstQuery } from '../explorer/first-query.ts'
import type { Topic } from '../explorer/topics.ts'

export interface Example {
  readonly title: string
  readonly sql: string
}

/** At most five. */
export function exampleQueries(topics: readonly Topic[]): readonly Example[] {
  const known = topics.filter(({ details }) => (details?.records ?? 0) > 0)
  const best = known.find(({ details }) => (details?.fields.length ?? 0) > 2) ?? known[0]
  if (best === undefined) return topics.length === 0 ? [] : [{ title: 'Which topics are there?', sql: 'SHOW TABLES' }]
  const name = quoted(best.name)
  const fields = best.details?.fields.filter(({ path }) => !path.startsWith('_key')) ?? []
  const category =
    fields.find(
      ({ path, type }) => /string|enum/.test(type) && /status|type|currency|country|kind|state/i.test(path),
    ) ?? fields.find(({ type }) => type === 'string')
  const amount =
    fields.find(({ type }) => /double|decimal|float/.test(type)) ?? fields.find(({ type }) => /int|long/.test(type))
  return [
    { title: `The first records of ${best.name}`, sql: firstQuery(best.name) },
    ...(category === undefined
      ? []
      : [
          {
            title: `Count by ${category.path}`,
            sql: `SELECT ${quoted(category.path)}, count(*) AS n FROM ${name} GROUP BY ${quoted(category.path)}`,
          },
        ]),
    ...(amount === undefined
      ? []
      : [
          {
            title: `The largest ${amount.path}`,
            sql: `SELECT * FROM ${name} ORDER BY ${quoted(amount.path)} DESC LIMIT 20`,
          },
        ]),
    { title: `How ${best.name} is written`, sql: `DESCRIBE TABLE ${name}` },
    { title: 'Which topics are there?', sql: 'SHOW TABLES' },
  ]
}

function quoted(path: string): string {
  return path.split('.').map(printName).join('.')
}
