/** The tables that a text names, read from its syntax tree: what is read, and what is written. Parameters may stand in it. */
import type { Name } from '../ast.ts'
import { parseScript } from '../parse.ts'
import { withPlaceholders } from './parameters.ts'

/** Each once, as they are written; names that WITH gives are none. Throws a SqlError for a text that is no SQL. */
export function tablesOf(sql: string): readonly string[] {
  const found = new Set<string>()
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    if (Array.isArray(node)) return node.forEach(walk)
    const { kind, name, table, target } = node as Record<string, unknown>
    if (kind === 'table' || kind === 'createTable' || kind === 'drop' || kind === 'show') add(name)
    if (kind === 'insert' || kind === 'delete' || kind === 'truncate' || kind === 'describe') add(table)
    if (kind === 'createSynonym') add(target)
    for (const value of Object.values(node)) walk(value)
  }
  const add = (name: unknown): void => {
    if (name !== undefined) found.add((name as Name).text)
  }
  const statements = parseScript(withPlaceholders(sql))
  statements.forEach(walk)
  const given = new Set<string>()
  const withs = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    const { with: ctes } = node as { with?: unknown }
    if (Array.isArray(ctes)) for (const { name } of ctes as { name: Name }[]) given.add(name.text)
    for (const value of Object.values(node)) withs(value)
  }
  statements.forEach(withs)
  return [...found].filter((name) => !given.has(name))
}
