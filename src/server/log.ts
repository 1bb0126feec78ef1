/**
 * Structured logs, one JSON object a line. What is never in them: passwords, tokens, headers, record contents, and the
 * literals of a statement. A statement appears at level `info` as length and hash (so that equal statements can be
 * found), at level `debug` as text with its literals replaced by `?`.
 */
import { createHash } from 'node:crypto'
import { type DestinationStream, type Logger, pino } from 'pino'
import { PARSE_LIMITS } from '../sql/parse.ts'

/** The logger that the server's parts share. */
export type Log = Logger
/** From the most to the least that is written. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
/** One of `LOG_LEVELS`. */
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Writes to standard error by default: standard output belongs to the commands. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const options = {
    level,
    base: { name: 'sluice' },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return pino(options, destination ?? pino.destination({ dest: 2, sync: true }))
}

/** 12 hex digits that stand for a statement. */
export function statementHash(sql: string): string {
  return createHash('sha256').update(sql).digest('hex').slice(0, 12)
}

/** The statement without comments, and with every string and number replaced by `?`. Quoted names stay. */
export function withoutLiterals(sql: string): string {
  // A longer statement is refused anyway; the pattern keeps a mark for each character of a string.
  const text = sql
    .slice(0, PARSE_LIMITS.maxLength)
    .replace(
      /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^'\\]|\\[\s\S]?|'')*(?:'|$)|"(?:[^"\\]|\\[\s\S]?|"")*(?:"|$)|`[^`]*`|[\p{L}_$][\p{L}\p{N}_$]*|\d[\w.]*/gu,
      (token) => {
        if (token.startsWith('--') || token.startsWith('/*')) return ' '
        return /^['"\d]/.test(token) ? '?' : token
      },
    )
  return text.replace(/\s+/g, ' ').trim().slice(0, 2000)
}
