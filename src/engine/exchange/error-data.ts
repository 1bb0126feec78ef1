/** Errors for users on their way to another thread: structured clone would keep their messages only. */
import { KafkaError } from '../../kafka/log.ts'
import { UserError } from '../../lib/user-error.ts'
import { SqlError } from '../../sql/error.ts'
import { BadRecordError } from '../scan/bad-records.ts'
import type { ErrorData } from './messages.ts'

export function encodeError(cause: unknown): ErrorData {
  if (cause instanceof SqlError) {
    const { message, code, span, hint } = cause
    return { kind: cause instanceof BadRecordError ? 'bad record' : 'sql', message, code, span, hint }
  }
  if (cause instanceof KafkaError) {
    const { message, code, errorName, retriable } = cause
    return { kind: 'kafka', message, kafka: { code, errorName, retriable } }
  }
  if (cause instanceof UserError) return { kind: 'user', message: cause.message }
  return { kind: 'fault', message: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause) }
}

export function decodeError({ kind, message, code, span, hint, kafka }: ErrorData): Error {
  if (kind === 'bad record') return new BadRecordError(code ?? 'VALUE', message, span, hint)
  if (kind === 'sql') return new SqlError(code ?? 'VALUE', message, span, hint)
  if (kind === 'kafka' && kafka !== undefined)
    return new KafkaError(kafka.code, kafka.errorName, message, kafka.retriable)
  return kind === 'user' ? new UserError(message) : new Error(`a helper failed: ${message}`)
}
