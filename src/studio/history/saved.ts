/** Saved queries: what the server's calls say, as data, and the calls. */
import { parameterNames } from '../../sql/edit/parameters.ts'
import { behind, rest } from '../session/server.ts'

export interface SavedQuery {
  readonly name: string
  readonly owner: string
  readonly mine: boolean
  readonly sql: string
  readonly parameters: Readonly<Record<string, string>>
  readonly shared: boolean
  readonly savedAt: string
}

/** Those whose name, text or owner holds every word; the user's own first. */
export function found(queries: readonly SavedQuery[], search: string): readonly SavedQuery[] {
  const words = search.toLowerCase().split(/\s+/)
  return queries
    .filter(({ name, sql, owner }) => {
      const text = `${name} ${sql} ${owner}`.toLowerCase()
      return words.every((word) => text.includes(word))
    })
    .toSorted((a, b) => Number(b.mine) - Number(a.mine) || (a.name < b.name ? -1 : 1))
}

/** Only values of parameters that stand in the text. */
export function ownParameters(sql: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    parameterNames(sql).flatMap((name) => (Object.hasOwn(values, name) ? [[name, values[name]]] : [])),
  )
}

export function savedQueries(environment: string): Promise<readonly SavedQuery[]> {
  return rest(behind(environment, 'api/v1/saved-queries'))
}

/** Rejects in the server's words. */
export function saveQuery(
  environment: string,
  { name, ...body }: Pick<SavedQuery, 'name' | 'sql' | 'parameters' | 'shared'>,
): Promise<SavedQuery> {
  const path = behind(environment, `api/v1/saved-queries/${encodeURIComponent(name)}`)
  return rest(path, { method: 'PUT', body: JSON.stringify(body) })
}

export function deleteQuery(environment: string, { name, owner }: SavedQuery): Promise<void> {
  const of = `api/v1/saved-queries/${encodeURIComponent(name)}?owner=${encodeURIComponent(owner)}`
  return rest(behind(environment, of), { method: 'DELETE' })
}
