/**
 * Parameters of a text: `:name` where an expression may stand. The lexer finds them, so that one inside a string, a
 * back-ticked name or a comment is none, and the `:` of `{a: 1}` is none either. A value is put in as one literal.
 * Servers know no parameters: a text is sent with its values in place.
 */
import { type Token, tokenize } from '../lex.ts'
import { printString } from '../print.ts'

/** One place of a parameter; UTF-16 offsets, the colon included. */
export interface ParameterPlace {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** What a parameter is read as. `time` is a text that the server reads as a moment. */
export type ParameterType = 'text' | 'number' | 'boolean' | 'time' | 'null'

/** Every place of a parameter, in order. */
export function parameterPlaces(text: string): readonly ParameterPlace[] {
  if (!text.includes(':')) return []
  const tokens = tokenize(text).filter(({ kind }) => kind !== 'comment')
  const places: ParameterPlace[] = []
  const open: string[] = []
  for (const [i, token] of tokens.entries()) {
    if (token.kind === 'punctuation' && '([{'.includes(token.text)) open.push(token.text)
    else if (token.kind === 'punctuation' && ')]}'.includes(token.text)) open.pop()
    if (token.text !== ':' || token.kind !== 'punctuation') continue
    const name: Token | undefined = tokens[i + 1]
    const isName = name?.kind === 'identifier' || name?.kind === 'keyword'
    if (!isName || name.start !== token.end || (open.at(-1) === '{' && isField(tokens, i))) continue
    places.push({ name: name.text, start: token.start, end: name.end })
  }
  return places
}

/** Whether the colon at `i` ends the name of a field: `{a: …` or `, a: …`. */
function isField(tokens: readonly Token[], i: number): boolean {
  const before = tokens[i - 2]?.text
  return before === '{' || before === ','
}

/** The names, each once, in the order in which they stand. */
export function parameterNames(text: string): readonly string[] {
  return [...new Set(parameterPlaces(text).map(({ name }) => name))]
}

/** The same length with a number at each place: for what looks at the form alone. */
export function withPlaceholders(text: string): string {
  let result = text
  for (const { start, end } of parameterPlaces(text))
    result = `${result.slice(0, start)}${'1'.padStart(end - start, '0')}${result.slice(end)}`
  return result
}

/** A text with literals in place of parameters, and where positions of it were before. */
export interface Substituted {
  readonly sql: string
  /** Names without a value; `NULL` stands for them. */
  readonly missing: readonly string[]
  /** A position of `sql` as one of the text. */
  back(position: number): number
}

/** `values`: literals of SQL by name, as `literalOf` makes them. What is no literal is put in as a text. */
export function substituted(text: string, values: Readonly<Record<string, string>>): Substituted {
  const places = parameterPlaces(text)
  const missing = new Set<string>()
  const moved: { readonly from: number; readonly to: number; readonly place: ParameterPlace }[] = []
  let sql = ''
  let copied = 0
  for (const place of places) {
    const value = Object.hasOwn(values, place.name) ? values[place.name] : ''
    if (value === '') missing.add(place.name)
    sql += text.slice(copied, place.start)
    const from = sql.length
    sql += value === '' ? 'NULL' : asLiteral(value)
    moved.push({ from, to: sql.length, place })
    copied = place.end
  }
  sql += text.slice(copied)
  return {
    sql,
    missing: [...missing],
    back(position) {
      let shift = 0
      for (const { from, to, place } of moved) {
        if (position < from) break
        if (position < to) return place.start
        shift = place.end - to
      }
      return position + shift
    },
  }
}

/** A literal stays what it is; anything else (`2026-01-01` of a link) becomes a text. */
export function asLiteral(value: string): string {
  return typeOfLiteral(value) === undefined ? printString(value) : value
}

/** What a literal is; undefined for what is no single literal. */
export function typeOfLiteral(value: string): ParameterType | undefined {
  const tokens = tokenize(value)
  const [first, second] = tokens
  if (first === undefined || tokens.length > 2 || value.length !== (tokens.at(-1)?.end ?? 0)) return undefined
  if (tokens.length === 2) return first.text === '-' && second.kind === 'number' ? 'number' : undefined
  if (first.kind === 'number') return 'number'
  if (first.kind === 'string') return isMoment(first.value) ? 'time' : 'text'
  if (first.upper === 'TRUE' || first.upper === 'FALSE') return 'boolean'
  return first.upper === 'NULL' ? 'null' : undefined
}

function isMoment(text: string): boolean {
  return /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)
}

/** What stands in the input of a literal: a text without its quotes. */
export function inputOf(value: string): string {
  const [token] = tokenize(value)
  return token?.kind === 'string' && typeOfLiteral(value) !== undefined ? token.value : value
}

/** The literal of what was typed; undefined where it is none of that type. An empty input is no value: `''`. */
export function literalOf(typed: string, type: ParameterType): string | undefined {
  if (type === 'null') return 'NULL'
  if (type === 'text') return printString(typed)
  const text = typed.trim()
  if (text === '') return ''
  if (type === 'time') return isMoment(text) ? printString(text) : undefined
  if (type === 'boolean') return /^(true|false)$/i.test(text) ? text.toUpperCase() : undefined
  return typeOfLiteral(text) === 'number' ? text : undefined
}
