/** What a server says of itself: built from what runs and ran, within the bytes of a record. */
import type { QueryEntry } from '../../engine/queries.ts'
import { identityOf } from '../access/auth.ts'
import { accountId } from '../access/signed-logins.ts'
import type { Conversation } from '../socket/conversation.ts'
import { MAX_ACCOUNTS, MAX_RECORD_BYTES, MAX_TEXT, type Presence } from './messages.ts'

/** Queries that ended are told, too, as long as there is room; of many the newest. */
const ENDED_TOLD = 50

/** What of a presence changes by itself. */
export type Work = Pick<Presence, 'accounts' | 'failures' | 'queries' | 'left'>

/** Queries of each account that use a place of it; a client that has stopped reading gives way. */
export function accountsOf(sessions: Iterable<Conversation>): Presence['accounts'] {
  const counts = new Map<string, number>()
  for (const { account, state, abandoned } of sessions) {
    if (account === undefined || state !== 'running' || abandoned) continue
    const identity = identityOf(account)
    counts.set(identity, (counts.get(identity) ?? 0) + 1)
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MAX_ACCOUNTS)
    .map(([identity, count]) => [accountId(identity), count])
}

/** The list of queries, running ones first, as far as they fit beside the counts. `all`: oldest first. */
export function workOf(
  all: readonly QueryEntry[],
  accounts: Presence['accounts'],
  failures: Presence['failures'] = [],
): Work {
  const running = all.filter(({ status }) => status === 'Running')
  const ended = all.filter(({ status }) => status !== 'Running').slice(-ENDED_TOLD)
  // What else is in a record, names included, is small.
  let room = MAX_RECORD_BYTES - 2048 - Buffer.byteLength(JSON.stringify([accounts, failures]))
  const queries: QueryEntry[] = []
  const take = (entry: QueryEntry): boolean => {
    const told = shortened(entry)
    room -= Buffer.byteLength(JSON.stringify(told)) + 1
    if (room >= 0) queries.push(told)
    return room >= 0
  }
  let listed = 0
  while (listed < running.length && take(running[listed])) listed++
  for (const entry of ended.reverse()) if (!take(entry)) break
  return { accounts, failures, queries, left: running.length - listed }
}

function shortened({ server: _, ...entry }: QueryEntry): QueryEntry {
  const { sql, message } = entry
  return { ...entry, sql: cut(sql), ...(message === undefined ? {} : { message: cut(message) }) }
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
}
