/**
 * Questions of REST calls that are answered on a worker, as how long they take depends on what is asked: by name, each
 * with what it is asked with. Both sides are plain data.
 */
import type { QueryEnvironment } from '../../engine/host.ts'
import { UserError } from '../../lib/user-error.ts'
import { presentation, tables, validation } from '../rest/editor.ts'
import { fields } from '../rest/words.ts'

/** What can be asked. */
export const CALLS = { presentation, validation, fields, tables } as const

export type CallName = keyof typeof CALLS
export type CallInput<N extends CallName> = Parameters<(typeof CALLS)[N]>[1]

/** Answers on this thread. */
export function answerCall<N extends CallName>(
  name: N,
  input: CallInput<N>,
  environment: QueryEnvironment,
): Promise<object> {
  const answer = CALLS[name] as (environment: QueryEnvironment, input: CallInput<N>) => Promise<object>
  return answer(environment, input)
}

/** A question that was not answered, with the status of HTTP that says so. */
export class CallError extends UserError {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
