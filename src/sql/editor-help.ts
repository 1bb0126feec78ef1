/**
 * What an editor wants to know about a text that is being typed: which word is what (highlights), what is wrong with
 * its form (lints), and what could stand at the caret (a place to complete, filled in by a caller that knows the
 * tables). Pure: it reads the text alone, never throws, and does not know whether a table exists.
 */
import type { Span } from './ast.ts'
import { SqlError } from './error.ts'
import { STATEMENTS } from './keywords.ts'
import { bareNameEnd, isBareWord, type Token, tokenize } from './lex.ts'
import { parseScript } from './parse.ts'

/** UTF-16 offsets, end exclusive. `text` is the message of a lint, the text itself of a highlight. */
export interface Mark {
  readonly start: number
  readonly end: number
  readonly text: string
  readonly type: string
}

/** `display` replaces the word before the caret; `text` is the same word. */
export interface Suggestion {
  readonly display: string
  readonly text: string
}

/**
 * What could stand at the caret. `path`: the names before the last dot, resolved from their quotes. `word`: what is
 * typed of the last name.
 */
export interface Place {
  readonly kind: 'statement' | 'table' | 'column' | 'setting' | 'show' | 'nothing'
  readonly word: string
  readonly path: readonly string[]
  /** The sources of the statement around the caret, with their aliases. */
  readonly sources: readonly { readonly name: string; readonly alias?: string }[]
}

/** A name that may be suggested, and whether it is written as it is or needs back-ticks. */
export interface Known {
  readonly tables: readonly string[]
  /** Dotted paths of the fields of the sources, by the name or alias they are reached by. */
  readonly columns: ReadonlyMap<string, readonly string[]>
  readonly functions: readonly string[]
  readonly settings: readonly string[]
}

/**
 * Limit `editor.max.sources` (tables): sources of one statement that are looked at for suggestions. Beyond it: further
 * ones are ignored.
 */
const MAX_SOURCES = 100
/** Limit `server.max.suggestions` (suggestions): suggestions in one answer. Beyond it: further ones are left out. */
export const MAX_SUGGESTIONS = 200

const FACETS = [
  '_key',
  '_value',
  '_meta.offset',
  '_meta.partition',
  '_meta.timestamp',
  '_meta.__keysize',
  '_meta.__valuesize',
  '_bad',
  '_error',
  '_raw',
  '_raw_key',
]
const SHOWABLE = ['TABLES', 'TABLE TYPES', 'VIRTUAL TABLES', 'FUNCTIONS', 'SETTINGS', 'VIEWS', 'SYNONYMS', 'QUERIES']
const CLAUSES =
  `AND,AS,ASC,BETWEEN,CASE,CAST,DESC,DISTINCT,FROM,GROUP BY,HAVING,IN,INNER JOIN,IS NOT NULL,IS NULL,JOIN,LEFT JOIN,
  LIKE,LIMIT,NOT,OFFSET,OR,ORDER BY,SELECT,UNION,VALUES,WHERE`.split(/,\s*/)
/** Words after which a table is named. */
const BEFORE_TABLE = new Set([
  'FROM',
  'JOIN',
  'INTO',
  'DESCRIBE',
  'DESC',
  'TRUNCATE',
  'TABLE',
  'VIEW',
  'SYNONYM',
  'FOR',
])
/** Words that end the list of sources. */
const AFTER_SOURCES = new Set([
  'WHERE',
  'GROUP',
  'HAVING',
  'ORDER',
  'LIMIT',
  'OFFSET',
  'UNION',
  'EXCEPT',
  'INTERSECT',
  'ON',
  'SELECT',
  'VALUES',
  'SET',
])

/**
 * Every word with what it is: keyword, function, identifier, quoted, string, number, operator, punctuation, comment,
 * error.
 */
export function highlights(sql: string): Mark[] {
  const tokens = tokenize(sql)
  return tokens.map((token, i) => {
    const called = token.kind === 'identifier' && tokens[i + 1]?.text === '('
    return { start: token.start, end: token.end, text: token.text, type: called ? 'function' : token.kind }
  })
}

/**
 * What is wrong with the form of the text: every character that means nothing, then the first thing that the parser
 * does not understand.
 */
export function syntaxLints(sql: string): Mark[] {
  if (sql.trim() === '') return []
  const lints = tokenize(sql)
    .filter((token) => token.problem !== undefined)
    .map((token) => lint(token, token.problem?.message ?? '', token.problem?.hint))
  if (lints.length > 0) return lints
  try {
    parseScript(sql)
    return []
  } catch (cause) {
    if (!(cause instanceof SqlError)) throw cause
    return [errorLint(cause, sql)]
  }
}

/** A SqlError as a lint; without a place of its own it covers the whole text. */
export function errorLint(error: SqlError, sql: string): Mark {
  return lint(error.span ?? { start: 0, end: sql.length }, error.message, error.hint)
}

function lint(span: Span, message: string, hint: string | undefined): Mark {
  return { start: span.start, end: span.end, text: hint === undefined ? message : `${message} ${hint}`, type: 'error' }
}

/** What could stand at the caret (a UTF-16 offset; beyond the text counts as its end). */
export function placeAt(sql: string, caret: number): Place {
  const at = Math.min(Math.max(0, Math.trunc(caret)), sql.length)
  const tokens = statementAround(tokenize(sql), at)
  const inside = tokens.find((t) => t.start < at && (at < t.end || (at === t.end && t.kind === 'error')))
  const nothing: Place = { kind: 'nothing', word: '', path: [], sources: [] }
  if (
    inside?.kind === 'comment' ||
    inside?.kind === 'string' ||
    (inside?.kind === 'error' && /^['"/]/.test(inside.text))
  )
    return nothing
  const before = tokens.filter((t) => t.start < at && t.kind !== 'comment')
  const { word, path, rest } = typedName(sql, before, at)
  const kind = kindOf(rest)
  return { kind, word, path, sources: sourcesOf(sql, tokens) }
}

/** Tokens between the semicolons around the caret. */
function statementAround(tokens: readonly Token[], at: number): Token[] {
  let first = 0
  for (const [i, token] of tokens.entries()) {
    if (token.text !== ';' || token.kind !== 'punctuation') continue
    if (token.end <= at) first = i + 1
    else return tokens.slice(first, i)
  }
  return tokens.slice(first)
}

/** The dotted name that ends at the caret, taken off the tokens before it. */
function typedName(
  sql: string,
  before: readonly Token[],
  at: number,
): { word: string; path: string[]; rest: readonly Token[] } {
  const rest = [...before]
  let word = ''
  const last = rest.at(-1)
  const isName =
    last !== undefined &&
    (last.kind === 'identifier' || last.kind === 'keyword' || last.kind === 'quoted' || last.text.startsWith('`'))
  if (last !== undefined && isName && last.end >= at) {
    word = sql.slice(last.start, at).replace(/^`/, '')
    rest.pop()
  }
  const path: string[] = []
  while (rest.at(-1)?.text === '.' && rest.length > 1) {
    rest.pop()
    path.unshift(rest.pop()?.value ?? '')
  }
  // A name in table position may hold dashes, which are tokens of their own.
  const start = bareStart(sql, at)
  if (
    start !== undefined &&
    sql.slice(start, at).includes('-') &&
    BEFORE_TABLE.has(rest.filter((t) => t.end <= start).at(-1)?.upper ?? '')
  )
    return { word: sql.slice(start, at), path: [], rest: rest.filter((t) => t.end <= start) }
  return { word, path, rest }
}

function bareStart(sql: string, at: number): number | undefined {
  // From the end: a regular expression would look for the end of each run of such characters from each of its places.
  let start = at
  while (start > 0 && /[\w.-]/.test(sql[start - 1])) start--
  return start === at ? undefined : start
}

function kindOf(rest: readonly Token[]): Place['kind'] {
  const last = rest.at(-1)
  if (last === undefined) return 'statement'
  if (last.upper === 'SHOW') return 'show'
  if (last.upper === 'SET' && rest.length === 1) return 'setting'
  if (last.upper === 'EXPLAIN') return 'statement'
  if (BEFORE_TABLE.has(last.upper)) return last.upper === 'DESC' && rest.length > 1 ? 'column' : 'table'
  if (last.text === ',' && inSources(rest)) return 'table'
  return 'column'
}

/** Whether a comma stands in a list of sources: the clause it belongs to began with FROM. */
function inSources(rest: readonly Token[]): boolean {
  const lists = new SourceLists()
  for (const token of rest) lists.pass(token)
  return lists.inside
}

/**
 * Follows a statement token by token: is the place behind it inside a list of sources? Parentheses have lists of their
 * own.
 */
class SourceLists {
  #open: boolean[] = [false]
  get inside(): boolean {
    return this.#open[this.#open.length - 1]
  }
  pass(token: Token): void {
    if (token.text === '(') this.#open.push(false)
    else if (token.text === ')') {
      this.#open.pop()
      if (this.#open.length === 0) this.#open.push(false)
    } else if (token.upper === 'FROM') this.#open[this.#open.length - 1] = true
    else if (AFTER_SOURCES.has(token.upper)) this.#open[this.#open.length - 1] = false
  }
}

/** Tables named behind FROM, JOIN, INTO and the like, wherever they stand in the statement. */
function sourcesOf(sql: string, tokens: readonly Token[]): { name: string; alias?: string }[] {
  const sources: { name: string; alias?: string }[] = []
  const lists = new SourceLists()
  for (let i = 0; i < tokens.length && sources.length < MAX_SOURCES; i++) {
    lists.pass(tokens[i])
    if (!(tokens[i].text === ',' && lists.inside) && !BEFORE_TABLE.has(tokens[i].upper)) continue
    const source = sourceAt(sql, tokens, i + 1)
    if (source !== undefined) sources.push(source)
  }
  return sources
}

function sourceAt(sql: string, tokens: readonly Token[], at: number): { name: string; alias?: string } | undefined {
  const first = tokens[at]
  if (first === undefined || (first.kind !== 'quoted' && first.kind !== 'identifier' && first.kind !== 'keyword'))
    return undefined
  const end = first.kind === 'quoted' ? first.end : bareNameEnd(sql, first.start)
  const name = first.kind === 'quoted' ? first.value : sql.slice(first.start, end)
  if (name === '') return undefined
  let next = at
  while (tokens[next] !== undefined && tokens[next].start < end) next++
  if (tokens[next]?.upper === 'AS') next++
  const alias = tokens[next]
  return alias?.kind === 'identifier' || alias?.kind === 'quoted' ? { name, alias: alias.value } : { name }
}

/** What fits at the place, best first: names of the user's own, then functions, then words. */
export function suggest(place: Place, known: Known): Suggestion[] {
  const words = candidates(place, known)
  const lower = place.word.toLowerCase()
  const fitting = [...new Set(words)].filter((w) => w.replace(/^`/, '').toLowerCase().startsWith(lower))
  return fitting.slice(0, MAX_SUGGESTIONS).map((word) => ({ display: word, text: word }))
}

/** Whether the name of a table fits at the place, if tables do: for a caller that knows very many. */
export function couldStand({ word, path }: Pick<Place, 'word' | 'path'>): (name: string) => boolean {
  const head = path.map((step) => `${step}.`).join('')
  const typed = word.toLowerCase()
  return (name) =>
    name.length > head.length &&
    name.startsWith(head) &&
    name
      .slice(head.length, head.length + typed.length)
      .toLowerCase()
      .startsWith(typed)
}

function candidates(place: Place, known: Known): string[] {
  switch (place.kind) {
    case 'nothing':
      return []
    case 'statement':
      return [...STATEMENTS]
    case 'show':
      return SHOWABLE
    case 'setting':
      return known.settings
        .map((name) => (place.path.length > 0 ? within(name, place.path) : name))
        .filter((n) => n !== '')
    case 'table':
      return known.tables
        .map((name) => tableName(place.path.length > 0 ? within(name, place.path) : name))
        .filter((n) => n !== '')
    case 'column':
      return place.path.length > 0
        ? fieldsBelow(place.path, known)
        : [...columnNames(known), ...known.functions.map((f) => f.toUpperCase()), ...CLAUSES]
  }
}

/** The part of a dotted table name behind what is typed already. */
function within(name: string, path: readonly string[]): string {
  const prefix = `${path.join('.')}.`
  return name.startsWith(prefix) ? name.slice(prefix.length) : ''
}

/** A table as it is written: plain, or between back-ticks. */
function tableName(name: string): string {
  return name === '' || bareNameEnd(name, 0) === name.length ? name : `\`${name.replaceAll('`', '``')}\``
}

function columnNames(known: Known): string[] {
  const names: string[] = []
  for (const fields of known.columns.values()) names.push(...fields.map(fieldName))
  return [...names, ...[...known.columns.keys()].filter((name) => isBareWord(name)), ...FACETS]
}

function fieldName(path: string): string {
  return path
    .split('.')
    .map((step) => (isBareWord(step) ? step : `\`${step.replaceAll('`', '``')}\``))
    .join('.')
}

/** Fields behind `alias.`, `table.`, `_value.`, `_meta.` or the beginning of a dotted field. */
function fieldsBelow(path: readonly string[], known: Known): string[] {
  const all = [...known.columns.values()].flat()
  const [first, ...more] = path
  const roots =
    first === '_meta'
      ? ['offset', 'partition', 'timestamp', '__keysize', '__valuesize', 'keySchemaId', 'valueSchemaId']
      : (known.columns.get(first) ?? (first === '_value' ? all : undefined))
  const below = (fields: readonly string[], steps: readonly string[]) => {
    const prefix = steps.map((step) => `${step}.`).join('')
    return fields.filter((f) => f.startsWith(prefix)).map((f) => fieldName(f.slice(prefix.length)))
  }
  return roots === undefined ? below(all, path) : below(roots, more)
}
