/**
 * The queries that run and ran, and ending one: as the newer clients ask for it, and as those of the 2.x generation
 * did. Somebody without all rights sees and ends his own only.
 */
import type { QueryEntry } from '../../engine/queries.ts'
import { systemClock } from '../../lib/clock.ts'
import { identityOf } from '../access/auth.ts'
import type { Schema } from './openapi.ts'
import { type Call, RestError, type Route } from './route.ts'

const QUERY: Schema = {
  type: 'object',
  required: ['id', 'started', 'sql', 'username', 'status'],
  properties: {
    id: { type: 'string' },
    started: { type: 'string' },
    finished: { type: ['string', 'null'] },
    sql: { type: 'string' },
    username: { type: 'string' },
    status: { type: 'string', enum: ['Running', 'Completed', 'Killed', 'Error'] },
    message: { type: ['string', 'null'] },
    recordsScanned: { type: 'integer' },
    bytesRead: { type: 'integer' },
    durationMs: { type: 'integer' },
    isMine: { type: 'boolean' },
    server: { type: 'string', description: 'Of several servers the one that runs it.' },
  },
}

function visible(call: Call): (entry: QueryEntry) => boolean {
  const all = call.view.administration?.all === true
  return (entry) => entry.environment === call.environment.name && (all || entry.account === identityOf(call.account))
}

async function entries(call: Call): Promise<QueryEntry[]> {
  return (await all(call)).filter(visible(call))
}

/**
 * Limit `rest.incomplete.characters` (characters): what a list of queries lacks, as a field of HTTP, of which clients take
 * 8 to 16 KiB. Beyond it: the text is cut there; SHOW QUERIES says all of it.
 */
const MAX_MISSING = 4000

/** What the list may lack, as a field of the answer, whose body has no place for it. */
async function missing(call: Call): Promise<{ readonly headers: Readonly<Record<string, string>> }> {
  const sentences = (await call.view.queries?.registry.missing()) ?? []
  if (sentences.length === 0) return { headers: {} }
  const all = sentences.map(asciiText).join(' ')
  const said = all.length > MAX_MISSING ? `${all.slice(0, MAX_MISSING)} ...` : all
  return { headers: { 'sluice-incomplete': said } }
}

/** Fields of HTTP are ASCII; the name of a server may be anything. */
function asciiText(text: string): string {
  return text.replace(/[^ -~]/g, '?')
}

async function all(call: Call): Promise<readonly QueryEntry[]> {
  return (await call.view.queries?.registry.all()) ?? []
}

/** False: there is none, or none that the account sees. Rejects with 504 when its server does not answer. */
async function kill(call: Call, id: string | undefined, entry: QueryEntry | undefined): Promise<boolean> {
  if (id === undefined || (entry !== undefined && (entry.status !== 'Running' || !visible(call)(entry)))) return false
  const by = { shown: call.account.name, account: identityOf(call.account) }
  const outcome = (await call.view.queries?.registry.kill(id, by)) ?? 'absent'
  if (typeof outcome === 'object') throw new RestError(504, outcome.unknown)
  return outcome === 'ended'
}

/** The older clients know a query by a number: the first 48 bits of its id. */
function numberOf(entry: QueryEntry): number {
  return Number.parseInt(entry.id.replaceAll('-', '').slice(0, 12), 16)
}

/** The calls about queries that run or ran. */
export const QUERY_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v1/sql/queries',
    id: 'queries',
    about:
      'Queries that run, and the last ones that ran. Of several servers the field Sluice-Incomplete says what is missing.',
    answer: { type: 'array', items: QUERY },
    run: async (call) => ({
      ...(await missing(call)),
      json: (await entries(call)).map((q) => ({
        id: q.id,
        started: new Date(q.startedAt).toISOString(),
        finished: q.finishedAt === undefined ? null : new Date(q.finishedAt).toISOString(),
        sql: q.sql,
        username: q.user,
        status: q.status,
        message: q.message ?? null,
        recordsScanned: q.recordsScanned,
        bytesRead: q.bytesRead,
        durationMs: (q.finishedAt ?? systemClock.now()) - q.startedAt,
        isMine: q.account === identityOf(call.account),
        ...(q.server === undefined ? {} : { server: q.server }),
      })),
    }),
  },
  {
    method: 'DELETE',
    path: '/api/v1/sql/execution/{id}',
    id: 'killQuery',
    about: 'Ends a running query.',
    status: 204,
    run: async (call) => {
      const { id } = call.params
      const entry = (await all(call)).find((q) => q.id === id)
      if (!(await kill(call, id, entry))) throw new RestError(404, `No query ${JSON.stringify(id)} is running.`)
      return {}
    },
  },
  {
    method: 'GET',
    path: '/api/sql/queries',
    id: 'runningQueries',
    about: 'Running queries, as the 2.x clients read them.',
    answer: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'sql', 'user', 'ts'],
        properties: {
          id: { type: 'integer' },
          sql: { type: 'string' },
          user: { type: 'string' },
          ts: { type: 'integer' },
        },
      },
    },
    run: async (call) => ({
      ...(await missing(call)),
      json: (await entries(call))
        .filter((q) => q.status === 'Running')
        .map((q) => ({ id: numberOf(q), sql: q.sql, user: q.user, ts: q.startedAt })),
    }),
  },
  {
    method: 'DELETE',
    path: '/api/sql/queries/{id}',
    id: 'killRunningQuery',
    about: 'Ends a running query by its number; the answer says whether there was one.',
    answer: { type: 'boolean' },
    run: async (call) => {
      const entry = (await entries(call)).find((q) => String(numberOf(q)) === call.params['id'])
      return { json: await kill(call, entry?.id, entry) }
    },
  },
]
