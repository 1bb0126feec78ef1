/**
 * Help for editors and shells: what is wrong with a text, what its words are, what could stand at the caret; and the
 * older question whether a text is valid at all. What is said is found out in `editor.ts`, on a worker.
 */
import { PARSE_LIMITS } from '../../sql/parse.ts'
import type { Schema } from './openapi.ts'
import { bodyObject, type Call, field, isText, parameter, RestError, type Route } from './route.ts'
import { vocabulary } from './words.ts'

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

const WORD: Schema = {
  type: 'object',
  required: ['name', 'about'],
  properties: { name: { type: 'string' }, signature: { type: 'string' }, about: { type: 'string' } },
}
const FIELDS: Schema = {
  type: 'object',
  required: ['tables'],
  properties: {
    tables: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'fields'],
        properties: {
          name: { type: 'string' },
          fields: {
            type: 'array',
            items: {
              type: 'object',
              required: ['path', 'type'],
              properties: {
                path: { type: 'string' },
                type: { type: 'string' },
                values: { type: 'array', items: { type: 'string' } },
              },
            },
          },
        },
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
      properties: {
        sql: { type: 'string' },
        caret: { type: 'integer', minimum: 0 },
        lintsOnly: { type: 'boolean', description: 'Without highlights and suggestions. Default: false.' },
      },
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
      const isBoolean = (v: unknown): v is boolean => typeof v === 'boolean'
      const lintsOnly = field(body, 'lintsOnly', isBoolean, 'true or false', false)
      checkLength(sql)
      return { json: await call.ask('presentation', { sql, caret, lintsOnly }) }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/sql/vocabulary',
    id: 'sqlVocabulary',
    about: 'Functions with signature and first sentence, and settings: what an editor offers.',
    answer: {
      type: 'object',
      required: ['functions', 'settings'],
      properties: {
        functions: { type: 'array', items: { ...WORD, required: ['name', 'signature', 'about'] } },
        settings: { type: 'array', items: WORD },
      },
    },
    run: async () => ({ json: vocabulary() }),
  },
  {
    method: 'POST',
    path: '/api/v1/sql/fields',
    id: 'sqlFields',
    about: 'Fields of some tables with their types, and the values that their schemas list.',
    body: {
      type: 'object',
      required: ['tables'],
      properties: { tables: { type: 'array', items: { type: 'string' } } },
    },
    answer: FIELDS,
    readsOnly: true,
    run: async (call) => {
      const areTexts = (v: unknown): v is string[] => Array.isArray(v) && v.every(isText)
      const tables = field(bodyObject(call), 'tables', areTexts, 'a list of names')
      return { json: await call.ask('fields', { tables }) }
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
