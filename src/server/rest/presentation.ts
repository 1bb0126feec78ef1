/**
 * Help for editors and shells: what is wrong with a text, what its words are, what could stand at the caret; and the
 * older question whether a text is valid at all. The form comes from the lexer and the parser (`sql/editor-help`),
 * names from the catalog as the account sees it.
 */
import { rowShape } from '../../engine/row-shape.ts'
import { AGGREGATE_DOCS, SCALAR_NAMES } from '../../functions/all-functions.ts'
import { isVisible } from '../../plan/administration.ts'
import { bindQuery, DEFAULT_LIMIT } from '../../plan/bind/bind.ts'
import { type Catalog, SUGGESTIONS } from '../../plan/catalog.ts'
import { SETTINGS } from '../../plan/settings.ts'
import { describe } from '../../plan/bind/show.ts'
import { leaves, VIRTUAL_TABLES, virtualTable } from '../../plan/bind/virtual-tables.ts'
import type { Statement } from '../../sql/ast.ts'
import { position, SqlError } from '../../sql/error.ts'
import { PARSE_LIMITS, parseQuery, parseScript } from '../../sql/parse.ts'
import {
  errorLint,
  highlights,
  type Known,
  type Mark,
  type Place,
  placeAt,
  suggest,
  syntaxLints,
} from '../../sql/editor-help.ts'
import type { DataType } from '../../types.ts'
import type { Schema } from './openapi.ts'
import { bodyObject, type Call, field, isText, parameter, RestError, type Route } from './route.ts'

/**
 * Limit `rest.suggestions.tables` (tables): tables of a statement whose fields are looked up for one answer. Beyond it:
 * fields of further ones are not suggested.
 */
const MAX_SOURCES = 8
/**
 * Limit `rest.max.highlighted` (characters): text that gets highlights and suggestions. Beyond it: it gets lints only.
 */
const MAX_TYPED = 100_000
const NOWHERE: Place = { kind: 'nothing', word: '', path: [], sources: [] }
const FUNCTIONS = [...new Set([...SCALAR_NAMES, ...AGGREGATE_DOCS.map((a) => a.name)])].sort()

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
      const { catalog } = call.view
      // A text of this size comes from a file: highlights would be many times as large, and are of no use there.
      const typed = sql.length <= MAX_TYPED
      const place = typed ? placeAt(sql, caret) : NOWHERE
      const lints = syntaxLints(sql)
      const [found, known] = await Promise.all([
        lints.length > 0 ? lints : meaningLints(sql, catalog),
        knownAt(place, call),
      ])
      return {
        json: {
          input: sql,
          caret,
          lints: found,
          highlights: typed ? highlights(sql) : [],
          suggestions: suggest(place, known),
        },
      }
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
  const lints = syntaxLints(sql)
  const [first] = lints.length > 0 ? lints : await meaningLints(sql, call.view.catalog)
  if (first === undefined) return { json: { isValid: true, line: 0, column: 0, message: '' } }
  const { line, column } = position(sql, first.start)
  return { json: { isValid: false, line, column, message: first.text } }
}

function checkLength(sql: string): void {
  if (sql.length > PARSE_LIMITS.maxLength)
    throw new RestError(
      400,
      `The text is ${sql.length} characters long; sql.max.length is ${PARSE_LIMITS.maxLength}.`,
      [{ field: 'sql', error: 'too long' }],
    )
}

/** What the binder says about statements whose form is good. Trouble with the cluster is no fault of the text. */
async function meaningLints(sql: string, catalog: Catalog): Promise<Mark[]> {
  if (sql.trim() === '') return []
  const lints: Mark[] = []
  let makesTables = false
  for (const statement of parseScript(sql)) {
    try {
      await check(statement, catalog)
    } catch (cause) {
      // A table that an earlier statement of the text makes is not there yet.
      if (cause instanceof SqlError && !(makesTables && cause.code === 'UNKNOWN_TABLE'))
        lints.push(errorLint(cause, sql))
    }
    makesTables ||= statement.kind.startsWith('create')
  }
  return lints
}

async function check(statement: Statement, catalog: Catalog): Promise<void> {
  if (statement.kind === 'selectStatement') await bindQuery(statement.query, { catalog, defaultLimit: DEFAULT_LIMIT })
  else if (statement.kind === 'describe') await describe(statement, catalog)
}

async function knownAt(place: Place, call: Call): Promise<Known> {
  const { catalog } = call.view
  const tables = place.kind === 'table' ? await tableNames(call) : []
  const columns = new Map<string, readonly string[]>()
  if (place.kind === 'column') {
    await Promise.all(
      place.sources.slice(0, MAX_SOURCES).map(async ({ name, alias }) => {
        columns.set(alias ?? name, await fieldsOf(name, catalog))
      }),
    )
  }
  return { tables, columns, functions: FUNCTIONS, settings: Object.keys(SETTINGS) }
}

/** Topics, views and synonyms that may be seen, and the virtual tables. */
async function tableNames(call: Call): Promise<string[]> {
  const { catalog, administration } = call.view
  const topics = (await catalog.tables(SUGGESTIONS).catch(() => [])).map((t) => t.name)
  const objects =
    administration === undefined ? [] : [...administration.objects.views(), ...administration.objects.synonyms()]
  const seen = objects.filter(
    ({ name }) =>
      administration !== undefined &&
      isVisible(name, administration.objects, (topic) => administration.may('read', topic)),
  )
  return [...new Set([...topics, ...seen.map((o) => o.name)])].sort().concat(VIRTUAL_TABLES.map((t) => t.name))
}

async function fieldsOf(name: string, catalog: Catalog): Promise<readonly string[]> {
  try {
    const type = await typeOf(name, catalog)
    return type?.kind === 'struct' ? leaves(type).map(([path]) => path) : []
  } catch {
    // A table that cannot be looked at offers no names.
    return []
  }
}

async function typeOf(name: string, catalog: Catalog): Promise<DataType | undefined> {
  const virtual = await virtualTable(name, catalog)
  if (virtual !== undefined) return { kind: 'struct', fields: virtual.columns.map((c) => ({ ...c, nullable: true })) }
  const view = await catalog.view?.(name)
  if (view !== undefined)
    return rowShape(await bindQuery(parseQuery(view), { catalog, defaultLimit: DEFAULT_LIMIT }), null).type
  const value = (await catalog.table(name))?.value
  return value?.type.kind === 'json' ? value.declared : value?.type
}
