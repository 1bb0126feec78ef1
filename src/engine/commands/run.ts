/** Dispatches the statements that change or show objects (topics, views, queries) to the functions that run them. */
import { unexpected } from '../../lib/assert.ts'
import type { Administration } from '../../plan/administration.ts'
import type { Output } from '../../plan/plan.ts'
import type { ShowWhat, Statement } from '../../sql/ast.ts'
import type { StatementContext } from '../context.ts'
import { deleteRecords } from './delete.ts'
import { insert } from './insert.ts'
import { readingOnly } from './lookup.ts'
import { createSynonym, createView, dropObject, showSynonyms, showViews } from './objects.ts'
import { killQuery, showQueries } from './queries.ts'
import { dropTable, truncate } from './drop.ts'
import { createTable, showCreateTable } from './tables.ts'

const KINDS: ReadonlySet<Statement['kind']> = new Set([
  'insert',
  'createTable',
  'createView',
  'createSynonym',
  'drop',
  'truncate',
  'delete',
  'kill',
])
const SHOWN: ReadonlySet<ShowWhat> = new Set(['views', 'view', 'synonyms', 'queries', 'all queries', 'create table'])

/** Statements for `runCommand`; all others are plans. */
export function isCommand(statement: Statement): boolean {
  return KINDS.has(statement.kind) || (statement.kind === 'show' && SHOWN.has(statement.what))
}

/**
 * Does what the statement says, and gives its answer as a plan over constant rows. Everything is done when it resolves.
 */
export async function runCommand(statement: Statement, context: StatementContext): Promise<Output> {
  const { administration } = context.environment
  if (administration === undefined) throw readingOnly(statement.span)
  switch (statement.kind) {
    case 'insert':
      return insert(statement, administration, context)
    case 'createTable':
      return createTable(statement, administration, context)
    case 'createView':
      return createView(statement, administration, context)
    case 'createSynonym':
      return createSynonym(statement, administration, context)
    case 'drop':
      return statement.what === 'table'
        ? dropTable(statement, administration, context)
        : dropObject(statement, administration, context)
    case 'truncate':
      return truncate(statement, administration, context)
    case 'delete':
      return deleteRecords(statement, administration, context)
    case 'kill':
      return killQuery(statement, administration, context)
    case 'show':
      return shown(statement, administration, context)
    default:
      unexpected(`${statement.kind} is no command`)
  }
}

async function shown(
  statement: Extract<Statement, { kind: 'show' }>,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  switch (statement.what) {
    case 'views':
    case 'view':
      return showViews(statement, administration)
    case 'synonyms':
      return showSynonyms(administration)
    case 'create table':
      return showCreateTable(statement, administration, context)
    default:
      return showQueries(statement, administration, context)
  }
}
