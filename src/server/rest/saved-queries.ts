/**
 * Saved queries: statements kept by a name, in the store beside views and synonyms (in the data folder, if the server has
 * one). A query belongs to the account that saved it. Shared ones are seen by whoever may read all that they name; only
 * the owner changes them, and the owner or somebody with all rights deletes them.
 */
import { systemClock } from '../../lib/clock.ts'
import { isVisible, type ObjectStore, type SavedQuery } from '../../plan/administration.ts'
import { identityOf } from '../access/auth.ts'
import type { NamedTables } from './editor.ts'
import type { Schema } from './openapi.ts'
import { bodyObject, type Call, field, isText, parameter, RestError, type Route } from './route.ts'

/** Limit `saved.queries.per.account` (queries): of one account in one environment. Beyond it: saving is refused. */
const MAX_PER_ACCOUNT = 200
/** Limit `saved.queries` (queries): of all accounts in one environment. Beyond it: saving is refused. */
const MAX_QUERIES = 5000
/** Limit `saved.query.name` (characters): the name of a saved query. Beyond it: saving is refused. */
const MAX_NAME = 100
/** Limit `saved.query.characters` (characters): the statement and its parameters. Beyond it: saving is refused. */
const MAX_CHARACTERS = 100_000
/**
 * Limit `saved.queries.characters.per.account` (characters): of all queries of one account in one environment. Beyond
 * it: saving is refused.
 */
const MAX_CHARACTERS_PER_ACCOUNT = 1_000_000
/**
 * Limit `saved.queries.characters` (characters): of all queries in one environment; they are held in memory. Beyond it:
 * saving is refused.
 */
const MAX_CHARACTERS_OF_ALL = 10_000_000
/**
 * Limit `saved.query.tables` (tables): that a query names which is shared; each reader's rights to them are looked at.
 * Beyond it: saving is refused.
 */
const MAX_TABLES = 100
/** Limit `saved.query.parameters` (parameters): of one query. Beyond it: saving is refused. */
const MAX_PARAMETERS = 50

const QUERY: Schema = {
  type: 'object',
  required: ['name', 'owner', 'mine', 'sql', 'parameters', 'shared', 'savedAt'],
  properties: {
    name: { type: 'string' },
    owner: { type: 'string' },
    mine: { type: 'boolean' },
    sql: { type: 'string' },
    parameters: { type: 'object', additionalProperties: { type: 'string' } },
    shared: { type: 'boolean' },
    savedAt: { type: 'string' },
  },
}

/** The calls about saved queries. */
export const SAVED_QUERY_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/saved-queries',
    id: 'savedQueries',
    about: 'Queries that the account has saved, and shared ones whose tables it may read.',
    answer: { type: 'array', items: QUERY },
    run: async (call) => {
      const { savedQueries } = storeOf(call)
      return {
        json: savedQueries()
          .filter(isSeen(call))
          .map((query) => json(query, call)),
      }
    },
  },
  {
    method: 'PUT',
    path: '/api/v1/saved-queries/{name}',
    id: 'saveQuery',
    about: "Saves a query, or replaces the account's own one of that name.",
    body: {
      type: 'object',
      required: ['sql'],
      properties: {
        sql: { type: 'string' },
        parameters: { type: 'object', additionalProperties: { type: 'string' } },
        shared: { type: 'boolean', description: 'Default: false.' },
      },
    },
    answer: QUERY,
    run: save,
  },
  {
    method: 'DELETE',
    path: '/api/v1/saved-queries/{name}',
    id: 'deleteSavedQuery',
    about: "Deletes one of the account's own queries; with all rights, that of another account.",
    query: [{ name: 'owner', about: 'Whose it is, as the list says.', schema: { type: 'string' } }],
    status: 204,
    run: async (call) => {
      const { removeQuery } = storeOf(call)
      const own = identityOf(call.account)
      const owner = parameter(call, 'owner') ?? own
      if (owner !== own && call.view.administration?.all !== true)
        throw new RestError(403, 'Only the owner, or an account with all rights, deletes a saved query.')
      if (!(await removeQuery(owner, call.params['name'])))
        throw new RestError(404, `There is no saved query ${JSON.stringify(call.params['name'])}.`)
      return {}
    },
  },
]

type Store = Required<Pick<ObjectStore, 'savedQueries' | 'saveQuery' | 'removeQuery'>>

function storeOf({ view }: Call): Store {
  const objects = view.administration?.objects
  const { savedQueries, saveQuery, removeQuery } = objects ?? {}
  if (savedQueries === undefined || saveQuery === undefined || removeQuery === undefined)
    throw new RestError(501, 'This server keeps no saved queries.')
  return {
    savedQueries: savedQueries.bind(objects),
    saveQuery: saveQuery.bind(objects),
    removeQuery: removeQuery.bind(objects),
  }
}

/** A shared query is seen by whoever may read all that it names: its text tells names and values. */
function isSeen(call: Call): (query: SavedQuery) => boolean {
  const own = identityOf(call.account)
  const { administration } = call.view
  return ({ owner, shared, sources }) =>
    owner === own ||
    (shared &&
      administration !== undefined &&
      sources.every((name) => isVisible(name, administration.objects, (topic) => administration.may('read', topic))))
}

function json({ owner, savedAt, sources: _, ...query }: SavedQuery, call: Call): object {
  return { ...query, owner, mine: owner === identityOf(call.account), savedAt: new Date(savedAt).toISOString() }
}

async function save(call: Call): ReturnType<Route['run']> {
  const body = bodyObject(call)
  const sql = field(body, 'sql', isText, 'a statement')
  const parameters = field(body, 'parameters', areParameters, 'an object of texts', {})
  const shared = field(body, 'shared', (v): v is boolean => typeof v === 'boolean', 'true or false', false)
  const { name } = call.params
  const owner = identityOf(call.account)
  const { savedQueries, saveQuery } = storeOf(call)
  bounded(name.length, MAX_NAME, 'The name', 'characters', 'saved.query.name')
  const characters = charactersOf({ sql, parameters })
  bounded(characters, MAX_CHARACTERS, 'The query', 'characters', 'saved.query.characters')
  bounded(Object.keys(parameters).length, MAX_PARAMETERS, 'The query', 'parameters', 'saved.query.parameters')
  const { tables, error } = (await call.ask('tables', { sql })) as NamedTables
  // What is not finished can be kept, but not shared: nobody could say what it reads.
  if (shared && error !== undefined) throw new RestError(400, `A query that is shared has to be SQL: ${error}`)
  bounded(tables.length, shared ? MAX_TABLES : Number.MAX_SAFE_INTEGER, 'The query', 'tables', 'saved.query.tables')
  const others = savedQueries().filter((query) => query.owner !== owner || query.name !== name)
  const own = others.filter((query) => query.owner === owner)
  const inAll = (queries: readonly SavedQuery[]): number =>
    queries.reduce((sum, query) => sum + charactersOf(query), characters)
  bounded(own.length + 1, MAX_PER_ACCOUNT, 'The account', 'saved queries', 'saved.queries.per.account')
  bounded(inAll(own), MAX_CHARACTERS_PER_ACCOUNT, 'The account', 'characters', 'saved.queries.characters.per.account')
  bounded(others.length + 1, MAX_QUERIES, 'The environment', 'saved queries', 'saved.queries')
  bounded(inAll(others), MAX_CHARACTERS_OF_ALL, 'The environment', 'characters', 'saved.queries.characters')
  const query = { name, owner, sql, parameters, shared, sources: shared ? tables : [], savedAt: systemClock.now() }
  await saveQuery(query)
  return { json: json(query, call) }
}

function charactersOf({ sql, parameters }: Pick<SavedQuery, 'sql' | 'parameters'>): number {
  return Object.entries(parameters).reduce((sum, [key, value]) => sum + key.length + value.length, sql.length)
}

function areParameters(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((v) => typeof v === 'string')
  )
}

function bounded(count: number, most: number, what: string, of: string, limit: string): void {
  if (count > most) throw new RestError(400, `${what} would have ${count} ${of}; ${limit} is ${most}.`)
}
