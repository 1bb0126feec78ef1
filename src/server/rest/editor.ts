/**
 * What is said of a text of SQL to editors and shells: what is wrong with it, what its words are, what could stand at
 * the caret. The form comes from the lexer and the parser (`sql/editor-help`), names from the catalog as the account
 * sees it. It knows no HTTP, and runs on a worker: how long it takes depends on the text and the tables.
 */
import type { QueryEnvironment } from '../../engine/host.ts'
import { rowShape } from '../../engine/row-shape.ts'
import { AGGREGATE_DOCS, SCALAR_NAMES } from '../../functions/all-functions.ts'
import { isVisible } from '../../plan/administration.ts'
import { bindQuery, DEFAULT_LIMIT } from '../../plan/bind/bind.ts'
import { type Catalog, SUGGESTIONS } from '../../plan/catalog.ts'
import { SETTINGS } from '../../plan/settings.ts'
import { describe } from '../../plan/bind/show.ts'
import { leaves, VIRTUAL_TABLES, virtualTable } from '../../plan/bind/virtual-tables.ts'
import type { Statement } from '../../sql/ast.ts'
import { tablesOf } from '../../sql/edit/tables-of.ts'
import { position, SqlError } from '../../sql/error.ts'
import { parseQuery, parseScript } from '../../sql/parse.ts'
import {
  couldStand,
  errorLint,
  highlights,
  type Known,
  type Mark,
  MAX_SUGGESTIONS,
  type Place,
  placeAt,
  suggest,
  syntaxLints,
} from '../../sql/editor-help.ts'
import type { DataType } from '../../types.ts'

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

/** A text, and the position of the caret in UTF-16 units. */
export interface TypedText {
  readonly sql: string
  readonly caret: number
  /** Only what is wrong with it is asked for. */
  readonly lintsOnly?: boolean
}

/** The answer of `/api/v1/sql/presentation`. */
export async function presentation(
  environment: QueryEnvironment,
  { sql, caret, lintsOnly = false }: TypedText,
): Promise<object> {
  const { catalog } = environment
  // A text of this size comes from a file: highlights would be many times as large, and are of no use there.
  const typed = sql.length <= MAX_TYPED && !lintsOnly
  const place = typed ? placeAt(sql, caret) : NOWHERE
  const lints = syntaxLints(sql)
  const [found, known] = await Promise.all([
    lints.length > 0 ? lints : meaningLints(sql, catalog),
    knownAt(place, environment),
  ])
  return {
    input: sql,
    caret,
    lints: found,
    highlights: typed ? highlights(sql) : [],
    suggestions: suggest(place, known),
  }
}

/** The answer of `/api/sql/validation`. */
export async function validation({ catalog }: QueryEnvironment, { sql }: Pick<TypedText, 'sql'>): Promise<object> {
  const lints = syntaxLints(sql)
  const [first] = lints.length > 0 ? lints : await meaningLints(sql, catalog)
  if (first === undefined) return { isValid: true, line: 0, column: 0, message: '' }
  const { line, column } = position(sql, first.start)
  return { isValid: false, line, column, message: first.text }
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

async function knownAt(place: Place, environment: QueryEnvironment): Promise<Known> {
  const { catalog } = environment
  const tables = place.kind === 'table' ? await tableNames(environment, place) : []
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

/** Topics that could stand at the place, as many as are suggested; views, synonyms, the virtual tables. */
async function tableNames({ catalog, administration }: QueryEnvironment, place: Place): Promise<string[]> {
  const fits = couldStand(place)
  const topics: string[] = []
  // In order of name already: the first ones are those that the answer has room for.
  for (const { name } of await catalog.tables(SUGGESTIONS).catch(() => []))
    if (fits(name) && topics.push(name) >= MAX_SUGGESTIONS) break
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

/** The tables that a text names, or the error of a text that is no SQL. */
export interface NamedTables {
  readonly tables: readonly string[]
  readonly error?: string
}

/** What a saved query names. */
export async function tables(_: QueryEnvironment, { sql }: { readonly sql: string }): Promise<NamedTables> {
  try {
    return { tables: tablesOf(sql) }
  } catch (cause) {
    if (!(cause instanceof SqlError)) throw cause
    return { tables: [], error: cause.message }
  }
}
