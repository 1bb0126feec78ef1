/** What the author of a change is told where it does not count, or nobody knows; in the state topic, or in the file. */
import { UserError } from '../../lib/user-error.ts'
import { ChangeConflict, notReadable } from '../../plan/administration.ts'
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

/** What users call the object. */
function shown({ kind, name }: Pick<StoredObject, 'kind' | 'name'>): string {
  return kind === 'query' ? name.slice(name.indexOf('\n') + 1) : name
}

/** A newer version of Sluice made it. */
export function opaque(object: Pick<StoredObject, 'kind' | 'name'>): ChangeConflict {
  return notReadable(TITLES[object.kind], shown(object))
}

/** Somebody else was first. */
export function conflict(object: Pick<StoredObject, 'kind' | 'name'>): ChangeConflict {
  return new ChangeConflict(
    `The ${TITLES[object.kind]} ${JSON.stringify(shown(object))} was changed from elsewhere at the same time, and that change came first. Look at what it is now, and repeat yours if it is still wanted.`,
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

/** Of several changes: `cause` says why the first `made` are all that were made. */
export function unfinished(made: number, of: number, cause: unknown): UserError {
  const reason = cause instanceof UserError ? cause.message : 'there was an error inside.'
  return new UserError(`${made} of ${of} objects were written, then it ended: ${reason}`)
}

export function refused(topic: string, reason: string): UserError {
  return new UserError(`The topic "${topic}" (state.topic) takes no change: ${reason.replace(/\.$/, '')}.`)
}

export function unknown(topic: string, reason: string): UserError {
  return new UserError(
    `It is not known whether the change counts: ${reason} (topic "${topic}", state.topic). Look before it is made again.`,
  )
}
