/** Which query may run beside those that do: of an account and in all. It ends a forgotten one to make room. */
import { type Account, identityOf } from '../access/auth.ts'
import type { ServerLimits } from '../limits.ts'
import type { Conversation } from './conversation.ts'

/**
 * A place for one more query of an account; a string is the refusal, for the user. `sessions`: all of the server, the
 * oldest first. `elsewhere`: how many queries of the account run on other servers, as last heard.
 *
 * Queries whose clients have stopped reading do not keep others from running, as their users may have forgotten them:
 * with one query too many, the oldest such one of the same account is ended. Results that wait for their readers count
 * with them: of those an account has twice as many at most.
 */
export function admit(
  account: Account,
  sessions: Iterable<Conversation>,
  limits: ServerLimits,
  elsewhere = 0,
): string | undefined {
  const all = limits['max.concurrent.queries']
  const own = account.limits?.queries ?? limits['max.concurrent.queries.per.user']
  const ours = [...sessions].filter((session) => session.account !== undefined && isOf(session.account, account))
  const running = [...sessions].filter((session) => session.state === 'running')
  const runningOurs = ours.filter((session) => session.state === 'running')
  const reading = running.filter((session) => own === 0 || !session.abandoned)
  const forgotten = runningOurs.find((session) => session.abandoned)
  const end = (name: string, limit: number): void =>
    forgotten?.stop(
      `The query was ended: nothing of it was read for a while, and another query of ${JSON.stringify(account.name)} needed its place: the limit ${name} is ${limit}.`,
    )
  if (reading.length >= all) {
    if (forgotten === undefined || own > 0)
      return `Too many queries are running on this server: the limit max.concurrent.queries is ${all}. Try again later.`
    end('max.concurrent.queries', all)
    return undefined
  }
  if (own === 0 || runningOurs.length + elsewhere < own) return undefined
  const name = account.limits?.queries === undefined ? 'max.concurrent.queries.per.user' : 'max.concurrent.queries'
  if (forgotten === undefined)
    return `Too many queries of ${JSON.stringify(account.name)} are running${elsewhere === 0 ? '' : `, ${elsewhere} of them on other servers`}: the limit ${name} is ${own}. Wait for one to end, or close its connection.`
  end(name, own)
  const held = ours.filter((session) => session.holds)
  if (held.length >= 2 * own) held.find((session) => session.abandoned)?.destroy()
  return undefined
}

function isOf(account: Account, other: Account): boolean {
  return identityOf(account) === identityOf(other)
}
