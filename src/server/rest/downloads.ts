/**
 * Exports as downloads of a browser: a page leaves what it wants, lets the browser fetch the file from an address of its
 * own, and asks how far it is and what became of it. The account, the rights and the limits are those of an export.
 */
import type { Ticket } from '../export/tickets.ts'
import { identityOf } from '../access/auth.ts'
import { EXPORT_BODY, EXPORT_TYPES, fileHeaders, wantedExport } from './export.ts'
import type { Schema } from './openapi.ts'
import { type Call, RestError, type Route } from './route.ts'

const STATE: Schema = {
  type: 'object',
  required: ['id', 'state', 'bytes'],
  properties: {
    id: { type: 'string' },
    state: { type: 'string', enum: ['waiting', 'running', 'ended'] },
    bytes: { type: 'integer', description: 'Sent so far.' },
    outcome: { type: 'object', description: 'As the trailer Sluice-Outcome says it; absent where the file broke off.' },
    error: { type: 'string', description: 'Why it did not begin.' },
  },
}

const ELSEWHERE =
  'This server knows nothing of the download: another one was asked for it, or this one has started anew since. Only the server that was asked has it. Ask for it again; behind a balancer, keep a browser with its server by a cookie (docs/deployment.md, "Several servers").'

function found(call: Call): Ticket {
  const { id = '' } = call.params
  const ticket = call.tickets.find(id, identityOf(call.account), call.environment.name)
  if (ticket !== undefined) return ticket
  throw new RestError(
    404,
    call.tickets.isOurs(id) === false
      ? ELSEWHERE
      : 'There is no such download: it is older than ten minutes, or of somebody else.',
  )
}

function stateOf({ id, state, running, refusal }: Ticket): object {
  return {
    id,
    state,
    bytes: running?.bytesSent ?? 0,
    ...(running?.outcome === undefined ? {} : { outcome: running.outcome }),
    ...(refusal === undefined ? {} : { error: refusal }),
  }
}

async function sendFile(call: Call, ticket: Ticket): Promise<void> {
  const { sql, options, name } = ticket
  ticket.state = 'running'
  ticket.sql = ''
  try {
    await call.export(sql, options, fileHeaders(options.format, name), (running) => {
      ticket.running = running
    })
  } catch (cause) {
    if (cause instanceof Error) ticket.refusal = cause.message
    throw cause
  } finally {
    ticket.state = 'ended'
    const { running } = ticket
    // What it held is let go; how it ended stays.
    if (running !== undefined)
      ticket.running = { bytesSent: running.bytesSent, outcome: running.outcome, stop: () => undefined }
  }
}

/** The calls about downloads. */
export const DOWNLOAD_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/v1/sql/exports',
    id: 'openDownload',
    about: 'An export that is to be fetched from /api/v1/sql/exports/{id}/file, once, within ten minutes.',
    body: EXPORT_BODY,
    status: 201,
    answer: STATE,
    readsOnly: true,
    run: async (call) => {
      const ticket = call.tickets.open({
        ...wantedExport(call),
        owner: identityOf(call.account),
        environment: call.environment.name,
      })
      if (ticket === undefined) throw new RestError(429, 'Too many downloads run (export.tickets is 50 an account).')
      return { json: stateOf(ticket) }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/sql/exports/{id}',
    id: 'download',
    about: 'How far a download is, and what became of it.',
    answer: STATE,
    run: async (call) => ({ json: stateOf(found(call)) }),
  },
  {
    method: 'GET',
    path: '/api/v1/sql/exports/{id}/file',
    id: 'downloadFile',
    about: 'The file.',
    file: EXPORT_TYPES,
    run: async (call) => {
      const ticket = found(call)
      if (ticket.state !== 'waiting')
        throw new RestError(409, 'This download was fetched already; ask for another one.')
      await sendFile(call, ticket)
      return { sent: true }
    },
  },
  {
    method: 'DELETE',
    path: '/api/v1/sql/exports/{id}',
    id: 'endDownload',
    about: 'Ends a download. The file is whole up to there.',
    readsOnly: true,
    answer: STATE,
    run: async (call) => {
      const ticket = found(call)
      if (ticket.state === 'waiting') ticket.state = 'ended'
      ticket.running?.stop('It was cancelled.')
      return { json: stateOf(ticket) }
    },
  },
]
