/**
 * Help for editors and shells: what is wrong with a text, what its words are, what could stand at the caret; and the
 * older question whether a text is valid at all. What is said is found out in `editor.ts`, on a worker.
 */
import { PARSE_LIMITS } from '../../sql/parse.ts'
import type { Schema } from './openapi.ts'
import { bodyObject, type Call, field, isText, parameter, RestError, type Route } from './route.ts'

const MARK: Schema = {
  type: 'object',
  required: ['start', 'end', 'text', 'type'],
  properties: {
    start: { type: 'integer' },
    end: { type: 'integer' },
    text: { type: 'string' },
    type: { type: 'string' },
  },
}
const PRESENTATION: Schema = {
  type: 'object',
  required: ['input', 'caret', 'lints', 'highlights', 'suggestions'],
  properties: {
    input: { type: 'string' },
    caret: { type: 'integer' },
    lints: { type: 'array', items: MARK },
    highlights: { type: 'array', items: MARK },
    suggestions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['display', 'text'],
        properties: { display: { type: 'string' }, text: { type: 'string' } },
      },
    },
  },
}

/** The calls that help editors. */
export const PRESENTATION_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/v1/sql/presentation',
    id: 'sqlPresentation',
    about: 'Lints, highlights and suggestions for a text and the position of the caret in it (UTF-16 units).',
    body: {
      type: 'object',
      required: ['sql'],
      properties: { sql: { type: 'string' }, caret: { type: 'integer', minimum: 0 } },
    },
    answer: PRESENTATION,
    readsOnly: true,
    run: async (call) => {
      const body = bodyObject(call)
      const sql = field(body, 'sql', (v): v is string => typeof v === 'string', 'a string')
      const caret = field(
        body,
        'caret',
        (v): v is number => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0,
        'a whole number, 0 or more',
        sql.length,
      )
      checkLength(sql)
      return { json: await call.ask('presentation', { sql, caret }) }
    },
  },
  {
    method: 'GET',
    path: '/api/sql/validation',
    id: 'sqlValidation',
    about: 'Whether a text can be run, and where the first mistake is.',
    query: [{ name: 'sql', about: 'The text.', schema: { type: 'string' } }],
    answer: {
      type: 'object',
      required: ['isValid', 'line', 'column', 'message'],
      properties: {
        isValid: { type: 'boolean' },
        line: { type: 'integer' },
        column: { type: 'integer' },
        message: { type: 'string' },
      },
    },
    run: validation,
  },
]

async function validation(call: Call): ReturnType<Route['run']> {
  const sql = field({ sql: parameter(call, 'sql') }, 'sql', isText, 'a string')
  checkLength(sql)
  return { json: await call.ask('validation', { sql }) }
}

function checkLength(sql: string): void {
  if (sql.length > PARSE_LIMITS.maxLength)
    throw new RestError(
      400,
      `The text is ${sql.length} characters long; sql.max.length is ${PARSE_LIMITS.maxLength}.`,
      [{ field: 'sql', error: 'too long' }],
    )
}
