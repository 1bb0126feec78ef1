/** The call that answers with the whole result of a query as a file; what is in the file is the business of `src/export`. */
import { EXPORT_FORMATS, type ExportFormat, type ExportOptions } from '../../export/options.ts'
import { OUTCOME_TRAILER } from '../export/export-answer.ts'
import type { Schema } from './openapi.ts'
import { bodyObject, type Call, field, isText, type Route } from './route.ts'

/**
 * Limit `export.name.characters` (characters): the name of the file that an export asks for. Beyond it: HTTP 400.
 */
const MAX_NAME = 200
/**
 * Limit `export.null.characters` (characters): the text that stands for NULL in CSV. Beyond it: HTTP 400.
 */
const MAX_NULL = 20

const FORMATS = Object.keys(EXPORT_FORMATS)
const isFormat = (v: unknown): v is ExportFormat => typeof v === 'string' && Object.hasOwn(EXPORT_FORMATS, v)

function oneOf<T extends string>(...texts: readonly T[]): (v: unknown) => v is T {
  return (v): v is T => texts.includes(v as T)
}
const isNullText = (v: unknown): v is string => typeof v === 'string' && v.length <= MAX_NULL && !/[",\r\n]/.test(v)
const isName = (v: unknown): v is string => typeof v === 'string' && v.length <= MAX_NAME

/** The body of an export. */
export const EXPORT_BODY: Schema = {
  type: 'object',
  required: ['sql', 'format'],
  properties: {
    sql: { type: 'string', description: 'SET statements, then one SELECT, SHOW, DESCRIBE or EXPLAIN.' },
    format: { type: 'string', enum: FORMATS },
    name: { type: 'string', maxLength: MAX_NAME, description: 'Of the file, for browsers; without an ending.' },
    formulas: {
      type: 'string',
      enum: ['keep', 'escape'],
      description: 'CSV: escape puts an apostrophe before texts that a spreadsheet would take for a formula.',
    },
    null: { type: 'string', maxLength: MAX_NULL, description: 'CSV: the text of NULL, without quotes.' },
    outcome: {
      type: 'string',
      enum: ['incomplete', 'always', 'never'],
      description: 'NDJSON and JSON: when the last line, or element, is {"$sluice": …}.',
    },
  },
}

/** The content types of exports. */
export const EXPORT_TYPES: readonly string[] = Object.values(EXPORT_FORMATS).map(({ type }) => type.split(';')[0])

/** What the body of a call wants exported; a RestError where it is not as it should be. */
export function wantedExport(call: Call): {
  readonly sql: string
  readonly options: ExportOptions
  readonly name: string
} {
  const body = bodyObject(call)
  const sql = field(body, 'sql', isText, 'a text of SQL')
  const format = field(body, 'format', isFormat, `one of ${FORMATS.join(', ')}`)
  const options: ExportOptions = {
    format,
    formulas: field(body, 'formulas', oneOf('keep', 'escape'), 'keep or escape', 'keep'),
    nullText: field(
      body,
      'null',
      isNullText,
      `a text of at most ${MAX_NULL} characters without quotes, commas and line breaks`,
      '',
    ),
    outcome: field(
      body,
      'outcome',
      oneOf('incomplete', 'always', 'never'),
      'incomplete, always or never',
      'incomplete',
    ),
  }
  const name = field(body, 'name', isName, `a text of at most ${MAX_NAME} characters`, 'result')
  return { sql, options, name }
}

/** Of a good answer. */
export function fileHeaders(format: ExportFormat, name: string): Readonly<Record<string, string>> {
  const { type, ending } = EXPORT_FORMATS[format]
  return { 'content-type': type, 'content-disposition': disposition(name, ending), trailer: OUTCOME_TRAILER }
}

/** The call that exports. */
export const EXPORT_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/v1/sql/export',
    id: 'sqlExport',
    about:
      'The whole result of a query as a file. What became of it stands in the trailer Sluice-Outcome (JSON): ' +
      'complete, or ended by a limit or an error, with the number of rows and the condition that reads on.',
    body: EXPORT_BODY,
    file: EXPORT_TYPES,
    readsOnly: true,
    run: async (call) => {
      const { sql, options, name } = wantedExport(call)
      await call.export(sql, options, fileHeaders(options.format, name))
      return { sent: true }
    },
  },
]

/** The name of a file as RFC 6266 has it: what would be a path, a control character or a quote is `_`. */
export function disposition(wanted: string, ending: string): string {
  const bare = wanted
    .toWellFormed()
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}"*/:<>?\\|%;]/gu, '_')
    .replace(/^[.\s]+/, '')
    .trim()
  const name = `${bare === '' ? 'result' : bare}.${ending}`
  const ascii = name.replaceAll(/[^\x20-\x7e]/g, '_')
  const encoded = encodeURIComponent(name).replaceAll(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
