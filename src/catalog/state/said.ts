/** What the author of a change in the state topic is told where it does not count, or nobody knows. */
import { UserError } from '../../lib/user-error.ts'
import { ChangeConflict } from '../../plan/administration.ts'
import type { ObjectKind, StoredObject } from '../store.ts'
import { MAX_OBJECT_BYTES } from './entry.ts'
import { MAX_BYTES, MAX_OBJECTS, MAX_REVOCATIONS, type StateLog } from './state-log.ts'

const TITLES = {
  view: 'view',
  synonym: 'synonym',
  table: 'declaration of topic',
  note: 'description of topic',
  query: 'saved query',
  revocation: 'end of a login',
}

/** Somebody else was first. */
export function conflict({ kind, name }: StoredObject): ChangeConflict {
  const shown = JSON.stringify(kind === 'query' ? name.slice(name.indexOf('\n') + 1) : name)
  return new ChangeConflict(
    `The ${TITLES[kind]} ${shown} was changed from elsewhere at the same time, and that change came first. Look at what it is now, and repeat yours if it is still wanted.`,
  )
}

export function tooLarge(kind: ObjectKind, bytes: number): UserError {
  return new UserError(
    `The ${kind} takes ${bytes} bytes in the state topic, the limit is ${MAX_OBJECT_BYTES} (state.object.bytes).`,
  )
}

/** `limits`: where they are not those of servers. */
export function full(kind: ObjectKind, limits: ConstructorParameters<typeof StateLog>[0] = {}): UserError {
  const { objects = MAX_OBJECTS, bytes = MAX_BYTES, revocations = MAX_REVOCATIONS } = limits
  if (kind === 'revocation')
    return new UserError(`The state topic holds ${revocations} ended logins, the limit (state.revocations).`)
  return new UserError(
    `The state topic is full: ${objects} objects (state.objects) or ${bytes} bytes (state.bytes). Remove views, synonyms or saved queries that nobody needs.`,
  )
}

export function refused(topic: string, reason: string): UserError {
  return new UserError(`The topic "${topic}" (state.topic) takes no change: ${reason.replace(/\.$/, '')}.`)
}

export function unknown(topic: string, reason: string): UserError {
  return new UserError(
    `It is not known whether the change counts: ${reason} (topic "${topic}", state.topic). Look before it is made again.`,
  )
}
