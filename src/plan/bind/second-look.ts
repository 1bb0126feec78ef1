/**
 * Binds a query; where it names a column that a table does not have, once more after a deeper look at its tables. What
 * a catalog knows of a table is what it has seen of its records, so that a column is refused only after it was looked
 * for. A statement that binds at once is bound as ever: nothing about it changes.
 */
import type { Query } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { type BindContext, bindQuery } from './bind.ts'
import type { Catalog } from '../catalog.ts'
import type { Output } from '../plan.ts'

/**
 * Limit `catalog.deep.tables` (tables): tables of one statement that get a deeper look. Beyond it: further ones are not
 * looked at again.
 */
const MAX_TABLES = 8

/** As `bindQuery`. */
export async function bindWithSecondLook(query: Query, context: BindContext): Promise<Output> {
  const { catalog } = context
  if (catalog.lookDeeper === undefined) return bindQuery(query, context)
  const asked = new Set<string>()
  try {
    return await bindQuery(query, { ...context, catalog: noting(catalog, asked) })
  } catch (e) {
    if (!(e instanceof SqlError) || e.code !== 'UNKNOWN_COLUMN' || asked.size === 0) throw e
  }
  await Promise.all([...asked].slice(0, MAX_TABLES).map((name) => catalog.lookDeeper?.(name)))
  return bindQuery(query, context)
}

/** The catalog, noting which tables are asked for. */
function noting(catalog: Catalog, asked: Set<string>): Catalog {
  return {
    table(name) {
      asked.add(name)
      return catalog.table(name)
    },
    tables: (options) => catalog.tables(options),
    configuration: (name) => catalog.configuration(name),
    ...(catalog.view === undefined ? {} : { view: (name) => catalog.view?.(name) ?? Promise.resolve(undefined) }),
  }
}
