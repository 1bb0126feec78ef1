/**
 * Structured logs, one JSON object a line. What is never in them: passwords, tokens, headers, record contents, and the
 * literals of a statement. A statement appears at level `info` as length and hash (so that equal statements can be
 * found), at level `debug` as text with its literals replaced by `?`.
 */
import { createHash } from 'node:crypto'
import { type DestinationStream, type Logger, pino } from 'pino'
import { scanToken } from '../sql/lex.ts'

/** Limit `log.statement.characters` (characters): the text of a statement without its literals in the log, and in traces. Beyond it: it is cut. */
const MAX_MASKED = 2000

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
  if (destination !== undefined) return pino(options, destination)
  const standardError = pino.destination({ dest: 2, sync: true })
  // A log that cannot be written, as on a full disk, ends nothing.
  standardError.on('error', () => undefined)
  return pino(options, standardError)
}

/** 12 hex digits that stand for a statement. */
export function statementHash(sql: string): string {
  return createHash('sha256').update(sql).digest('hex').slice(0, 12)
}

/**
 * The statement without comments, and with every string and number replaced by `?`. Quoted names stay. The lexer says
 * what is a literal, so that nothing which the parser takes for one is shown; of what it cannot read, and of what
 * stands behind that, nothing is.
 */
export function withoutLiterals(sql: string): string {
  let text = ''
  let end = 0
  for (let token = scanToken(sql, 0); token.kind !== 'end' && text.length < MAX_MASKED; token = scanToken(sql, end)) {
    if (token.start > end || token.kind === 'comment') text += ' '
    if (token.kind !== 'comment') text += /^(?:string|number|error)$/.test(token.kind) ? '?' : token.text
    end = token.kind === 'error' ? sql.length : token.end
  }
  return text.replace(/\s+/g, ' ').trim().slice(0, MAX_MASKED)
}
