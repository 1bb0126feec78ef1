/**
 * SHOW QUERIES, SHOW ALL QUERIES and KILL QUERY. An account sees and ends its own queries; one with all rights on
 * everything those of others, too.
 */
import type { Administration } from '../../plan/administration.ts'
import type { Output } from '../../plan/plan.ts'
import { rowsOutput } from '../../plan/bind/show.ts'
import type { KillStatement, ShowStatement } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { LONG, STRING, TIMESTAMP } from '../../types.ts'
import type { StatementContext } from '../context.ts'
import type { QueryEntry, QueryRegister } from '../queries.ts'
import { flagAndInfo } from './answer.ts'

export async function showQueries(
  statement: ShowStatement,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const queries = registry(context)
  const seen = (await (statement.what === 'queries' ? queries.running() : queries.all())).filter((q) =>
    visible(q, administration, context),
  )
  // Of several servers.
  const shared = seen.some(({ server }) => server !== undefined)
  const names = [
    'id',
    'sql',
    'user',
    'environment',
    'status',
    'started',
    'finished',
    'recordsScanned',
    'bytesRead',
    'message',
    ...(shared ? ['server'] : []),
  ]
  const types = [
    STRING,
    STRING,
    STRING,
    STRING,
    STRING,
    TIMESTAMP,
    TIMESTAMP,
    LONG,
    LONG,
    STRING,
    ...(shared ? [STRING] : []),
  ]
  const rows = seen.map((q) => [
    q.id,
    q.sql,
    q.user,
    q.environment,
    q.status,
    q.startedAt,
    q.finishedAt ?? null,
    q.recordsScanned,
    q.bytesRead,
    q.message ?? null,
    ...(shared ? [q.server ?? null] : []),
  ])
  const title = statement.what === 'queries' ? 'SHOW QUERIES' : 'SHOW ALL QUERIES'
  return rowsOutput(title, names, rows, types, await queries.missing())
}

export async function killQuery(
  statement: KillStatement,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const queries = registry(context)
  const { id, span } = statement
  const query = (await queries.running()).find((entry) => entry.id === id)
  const account = context.environment.queries?.account ?? ''
  // One that is not in the list may run on another server, which decides who may end it.
  const outcome =
    query === undefined || visible(query, administration, context)
      ? await queries.kill(id, { shown: `"${administration.account}"`, account })
      : 'absent'
  const hint = 'SHOW QUERIES lists those that are.'
  if (outcome === 'absent') throw new SqlError('VALUE', `No query with the id ${id} is running.`, span, hint)
  if (outcome !== 'ended') throw new SqlError('VALUE', outcome.unknown, span)
  return flagAndInfo('KILL QUERY', `Query ${id} has been killed`)
}

function registry(context: StatementContext): QueryRegister {
  const { queries } = context.environment
  if (queries === undefined) throw new SqlError('UNSUPPORTED', 'Queries are not recorded here.')
  return queries.registry
}

function visible(query: QueryEntry, administration: Administration, context: StatementContext): boolean {
  return (
    query.environment === context.environment.queries?.environment &&
    (administration.all || query.account === context.environment.queries.account)
  )
}
