/** The error for a table that is not there, with the nearest name that is. */
import { didYouMean } from '../../lib/suggest.ts'
import type * as ast from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { type Catalog, SUGGESTIONS, type TableSummary } from '../catalog.ts'

/** The SqlError UNKNOWN_TABLE, for the caller to throw; its hint names the nearest table that the account may see. */
export async function unknownTable(name: ast.Name, catalog: Catalog): Promise<SqlError> {
  const known = await catalog.tables(SUGGESTIONS)
  const dual = /^(?:dual|sysdummy1)$/i.test(name.text) ? 'Write FROM __dual, or leave FROM out.' : undefined
  const hint =
    dual ??
    didYouMean(name.text, namesOf(known)) ??
    (known.length === 0 ? 'There are no tables that this account may see.' : 'SHOW TABLES lists the tables.')
  return new SqlError('UNKNOWN_TABLE', `Unknown table "${name.text}".`, name.span, hint)
}

function* namesOf(tables: readonly TableSummary[]): Generator<string> {
  for (const { name } of tables) yield name
}
