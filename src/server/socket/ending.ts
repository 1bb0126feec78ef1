/** Ends what runs as somebody who may not any more: an account that was changed, a login that is over. */
import type { Account, AccountChange } from '../access/auth.ts'
import type { Conversation } from './conversation.ts'

/** Of accounts that were changed; with other permissions they may ask again. */
export function endChanged(sessions: Iterable<Conversation>, changes: readonly AccountChange[]): void {
  for (const session of sessions) {
    const { account } = session
    const change = changes.find((c) => c.name === account?.name && c.kind === account.kind)
    if (change?.what === 'revoked')
      session.stop(`Not authenticated any more: the access of ${JSON.stringify(change.name)} was revoked.`)
    // Where the first message is still to come, rights are checked then.
    else if (change !== undefined && session.state === 'running')
      session.stop(`The permissions of ${JSON.stringify(change.name)} were changed, so its query was ended. Ask again.`)
  }
}

/** Of logins that a logout has ended. */
export function endLogins(sessions: Iterable<Conversation>, isOver: (account: Account) => boolean): void {
  for (const session of sessions)
    if (session.account !== undefined && isOver(session.account))
      session.stop('Not authenticated any more: the login was ended by a logout.')
}
