/**
 * The controls of a query edit its text: time range, newest first, LIMIT. The syntax tree says what stands where; only
 * the pieces that change are replaced, so that comments and the rest stay as they are. Pure.
 */
import type { Binary, Expr, OrderItem, Query, Select, SelectStatement, Statement } from '../../sql/ast.ts'
import { withPlaceholders } from '../../sql/edit/parameters.ts'
import { tokenize } from '../../sql/lex.ts'
import { parseScript } from '../../sql/parse.ts'
import { printString } from '../../sql/print.ts'

/** A change of the text. Positions in UTF-16 units. */
export interface Edit {
  readonly from: number
  readonly to: number
  readonly insert: string
}

/** How the statement under the caret stands with the controls. */
export interface Controls {
  readonly range: Range | undefined
  readonly newestFirst: boolean
  /** undefined: none is written. */
  readonly limit: number | undefined
  /** Whether newest first can be switched: another order is not taken away. */
  readonly canOrder: boolean
}

/**
 * `last`: from now back, as a duration of SQL (`15m`). Else from a moment to a moment, each as a field shows it: a text
 * without its quotes, anything else (`:from`, `NOW()`, `1700000000000`) as it is written.
 */
export type Range = { readonly last: string } | { readonly from: string | undefined; readonly to: string | undefined }

interface Found {
  readonly query: Query
  readonly select: Select
  readonly text: string
}

/** The SELECT at the caret, if it reads a topic and is no set operation. */
function selectAt(text: string, caret: number): Found | undefined {
  const plain = withPlaceholders(text)
  let statements: readonly Statement[]
  try {
    statements = parseScript(plain)
  } catch {
    return undefined
  }
  const at = statements.findIndex(({ span }) => caret <= span.end + 1)
  const statement = statements[at < 0 ? statements.length - 1 : at]
  const inner = statement?.kind === 'explain' ? statement.statement : statement
  if (inner?.kind !== 'selectStatement') return undefined
  const { query } = inner as SelectStatement
  if (query.body.kind !== 'select' || query.body.from === undefined) return undefined
  return { query, select: query.body, text: plain }
}

/** undefined where the controls do not fit: no SELECT of a topic stands there, or it cannot be parsed. */
export function controlsAt(text: string, caret: number): Controls | undefined {
  const found = selectAt(text, caret)
  if (found === undefined) return undefined
  const { query, select } = found
  const newestFirst = query.orderBy.length === 1 && isNewest(query.orderBy[0])
  return {
    range: rangeOf(select, text),
    newestFirst,
    limit: query.limit?.count,
    canOrder: (query.orderBy.length === 0 || newestFirst) && select.groupBy.length === 0,
  }
}

/** The edits that make it so; empty where nothing changes. */
export function withLimit(text: string, caret: number, limit: number | undefined): readonly Edit[] {
  const found = selectAt(text, caret)
  if (found === undefined) return []
  const { query } = found
  const skip = query.limit?.skip ?? 0
  const written =
    limit === undefined ? (skip === 0 ? '' : `OFFSET ${skip}`) : `LIMIT ${limit}${skip === 0 ? '' : ` OFFSET ${skip}`}`
  if (query.limit !== undefined) return [replaced(text, query.limit.span, written)]
  return written === '' ? [] : [appended(text, endOf(found), written)]
}

/** Adds `ORDER BY _meta.timestamp DESC`, or takes it away. */
export function withNewestFirst(text: string, caret: number, newest: boolean): readonly Edit[] {
  const found = selectAt(text, caret)
  if (found === undefined) return []
  const { query, select } = found
  const [item] = query.orderBy
  if (item === undefined) return newest ? [appended(text, bodyEnd(select), 'ORDER BY _meta.timestamp DESC')] : []
  if (newest || query.orderBy.length > 1 || !isNewest(item)) return []
  const start = clauseStart(found.text, item.span.start, 'ORDER')
  return start === undefined ? [] : [replaced(text, { start, end: item.span.end }, '')]
}

/**
 * The bounds on `_meta.timestamp` that stand alone in WHERE become those of the range. One that the range leaves as it is
 * shown stays as it is written, one that is changed keeps its operator.
 */
export function withRange(text: string, caret: number, range: Range | undefined): readonly Edit[] {
  const found = selectAt(text, caret)
  if (found === undefined) return []
  const { where } = found.select
  const parts = where === undefined ? [] : conjuncts(where)
  const sides = (['from', 'to'] as const).map((side) => changedSide(text, parts, side, range))
  const gone = sides.flatMap((side) => side.gone).sort((a, b) => a.span.start - b.span.start)
  const edits = sides.flatMap((side) => side.edits)
  const added = sides.flatMap((side) => side.added).join(' AND ')
  if (added === '') edits.push(...goneEdits(text, found, parts, gone))
  else if (gone.length > 0)
    edits.push({ ...spanOf(gone[0]), insert: added }, ...goneEdits(text, found, parts, gone.slice(1)))
  else edits.push(...addedEdits(text, found, parts, added))
  edits.sort((a, b) => a.from - b.from)
  // Brackets around one of the conditions: they are not taken apart.
  return parses(edited(text, edits)) ? edits : []
}

/** What becomes of the bounds of one side. */
interface Side {
  readonly gone: readonly Expr[]
  readonly edits: readonly Edit[]
  /** Conditions that are to be written. */
  readonly added: readonly string[]
}

function changedSide(text: string, parts: readonly Expr[], side: 'from' | 'to', range: Range | undefined): Side {
  const bounds = parts.filter((part) => sideOf(part) === side)
  const last = bounds.at(-1)
  const wanted = wantedOf(range, side)
  const kept = { gone: [], edits: [], added: [] }
  if (wanted === undefined) return { ...kept, gone: bounds }
  const [first] = bounds
  const bound = first === undefined ? undefined : boundOf(first)
  if (last === undefined || bound === undefined)
    return { ...kept, added: [`_meta.timestamp ${side === 'from' ? '>=' : '<'} ${wanted.sql}`] }
  if (wanted.shown === shownOf(boundOf(last), text)) return kept
  return { ...kept, gone: bounds.slice(1), edits: [{ ...spanOf(bound.value), insert: wanted.sql }] }
}

/** A bound as a field shows it, and as it is written. */
function wantedOf(
  range: Range | undefined,
  side: 'from' | 'to',
): { readonly shown: string; readonly sql: string } | undefined {
  if (range === undefined) return undefined
  if ('last' in range)
    return side === 'to' ? undefined : { shown: `NOW() - "${range.last}"`, sql: `NOW() - "${range.last}"` }
  const shown = range[side]
  return shown === undefined ? undefined : { shown, sql: boundSql(shown) }
}

/** What was typed: a parameter, milliseconds and what is reckoned from now stay as they are, the rest is a text. */
function boundSql(typed: string): string {
  const isWritten = /^(:[a-z_]\w*|-?\d{9,}|now\s*\(\s*\)(\s*[-+]\s*"[^"]*")*)$/i.test(typed)
  return isWritten && parses(`SELECT * FROM t WHERE _meta.timestamp >= ${typed}`) ? typed : printString(typed)
}

/** Behind the bound of the other side; else first in WHERE. */
function addedEdits(text: string, found: Found, parts: readonly Expr[], added: string): readonly Edit[] {
  const { where } = found.select
  if (where === undefined) return [appended(text, fromEnd(found), `WHERE ${added}`)]
  const insert = (at: number, what: string): Edit => ({ from: at, to: at, insert: what })
  const other = parts.findLast((part) => boundOf(part) !== undefined)
  if (other !== undefined) return [insert(other.span.end, ` AND ${added}`)]
  const { start, end } = where.span
  const loose = where.kind === 'binary' && where.op === 'or'
  return loose ? [insert(start, `${added} AND (`), insert(end, ')')] : [insert(start, `${added} AND `)]
}

/** The conditions of WHERE that are joined by AND, in order. */
export function conditionsAt(
  text: string,
  caret: number,
): readonly { readonly text: string; readonly isTime: boolean }[] {
  const where = selectAt(text, caret)?.select.where
  if (where === undefined) return []
  return conjuncts(where).map((part) => ({
    text: text.slice(part.span.start, part.span.end),
    isTime: boundOf(part) !== undefined,
  }))
}

/** Takes away one of `conditionsAt`; nothing where brackets would have to be taken apart. */
export function withoutCondition(text: string, caret: number, index: number): readonly Edit[] {
  const found = selectAt(text, caret)
  if (found?.select.where === undefined) return []
  const parts = conjuncts(found.select.where)
  const edits = goneEdits(text, found, parts, [parts[index]])
  return parses(edited(text, edits)) ? edits : []
}

function parses(text: string): boolean {
  try {
    parseScript(withPlaceholders(text))
    return true
  } catch {
    return false
  }
}

/** Conditions go with the AND at them; where nothing is left, WHERE goes. */
function goneEdits(text: string, found: Found, parts: readonly Expr[], gone: readonly Expr[]): readonly Edit[] {
  if (gone.length === 0) return []
  const first = parts.find((part) => !gone.includes(part))
  if (first === undefined) {
    const where = found.select.where as Expr
    const start = clauseStart(found.text, where.span.start, 'WHERE')
    return start === undefined ? [] : [replaced(text, { start, end: where.span.end }, '')]
  }
  const edits: Edit[] = []
  // Those before the first that stays go with the AND behind them, the others with the one before.
  if (first !== parts[0]) edits.push({ from: parts[0].span.start, to: first.span.start, insert: '' })
  for (const part of gone) {
    const at = parts.indexOf(part)
    if (at > parts.indexOf(first)) edits.push({ from: parts[at - 1].span.end, to: part.span.end, insert: '' })
  }
  return edits
}

function spanOf({ span }: Expr): { from: number; to: number } {
  return { from: span.start, to: span.end }
}

function conjuncts(expr: Expr): readonly Expr[] {
  return expr.kind === 'binary' && expr.op === 'and' ? [...conjuncts(expr.left), ...conjuncts(expr.right)] : [expr]
}

interface Bound {
  readonly op: Binary['op']
  readonly value: Expr
}

/** A comparison of `_meta.timestamp` with something that is no field. */
function boundOf(expr: Expr | undefined): Bound | undefined {
  if (expr?.kind !== 'binary' || !['<', '<=', '>', '>='].includes(expr.op)) return undefined
  return isTimestamp(expr.left) && !holdsColumn(expr.right) ? { op: expr.op, value: expr.right } : undefined
}

function holdsColumn(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false
  if ((node as { kind?: unknown }).kind === 'column') return true
  return Object.values(node).some(holdsColumn)
}

function isTimestamp(expr: Expr): boolean {
  if (expr.kind !== 'column') return false
  const path = expr.parts.map(({ text }) => text.toLowerCase()).join('.')
  return path === '_meta.timestamp' || path === '_metadata.timestamp' || path === '_ts'
}

function isNewest({ expr, descending }: OrderItem): boolean {
  return descending && isTimestamp(expr)
}

function sideOf(part: Expr): 'from' | 'to' | undefined {
  const bound = boundOf(part)
  return bound === undefined ? undefined : bound.op.startsWith('>') ? 'from' : 'to'
}

function rangeOf({ where }: Select, text: string): Range | undefined {
  const parts = where === undefined ? [] : conjuncts(where)
  const [from, to] = (['from', 'to'] as const).map((side) => boundOf(parts.findLast((part) => sideOf(part) === side)))
  if (from === undefined && to === undefined) return undefined
  const last = from === undefined ? undefined : durationOf(from.value)
  if (last !== undefined && to === undefined) return { last }
  return { from: shownOf(from, text), to: shownOf(to, text) }
}

/** Cut from the text that was written, in which parameters stand. */
function shownOf(bound: Bound | undefined, text: string): string | undefined {
  if (bound === undefined) return undefined
  const { value } = bound
  return value.kind === 'string' ? value.value : text.slice(value.span.start, value.span.end)
}

/** `NOW() - "15m"` → `15m`. */
function durationOf(value: Expr): string | undefined {
  if (value.kind !== 'binary' || value.op !== '-') return undefined
  const isNow = value.left.kind === 'call' && value.left.name.text.toUpperCase() === 'NOW'
  return isNow && value.right.kind === 'string' ? value.right.value : undefined
}

/** Where the FROM of a SELECT without WHERE ends. */
function fromEnd({ select }: Found): number {
  return select.from?.span.end ?? select.span.end
}

function bodyEnd(select: Select): number {
  return select.span.end
}

function endOf({ query, select }: Found): number {
  return query.orderBy.at(-1)?.span.end ?? bodyEnd(select)
}

/** Where the keyword before a position stands. */
function clauseStart(text: string, before: number, word: string): number | undefined {
  return tokenize(text.slice(0, before)).findLast(({ upper }) => upper === word)?.start
}

/** On a line of its own where the statement has several. */
function appended(text: string, at: number, clause: string): Edit {
  const line = text.slice(0, at).split('\n').at(-1) ?? ''
  const several = text.includes('\n') || line.length + clause.length > 88
  return { from: at, to: at, insert: `${several ? '\n' : ' '}${clause}` }
}

/** What is replaced by nothing takes the white space before it along. */
function replaced(text: string, { start, end }: { start: number; end: number }, insert: string): Edit {
  let from = start
  if (insert === '') while (from > 0 && /\s/.test(text[from - 1])) from--
  return { from, to: end, insert }
}

/** The text with edits that do not overlap. */
export function edited(text: string, edits: readonly Edit[]): string {
  let result = text
  for (const { from, to, insert } of edits.toSorted((a, b) => b.from - a.from))
    result = result.slice(0, from) + insert + result.slice(to)
  return result
}
