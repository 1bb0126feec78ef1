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

/** `last`: from now back, as a duration of SQL (`15m`). Else from a moment to a moment, each as SQL reads it. */
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
    range: rangeOf(select, found.text),
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

/** The conditions on `_meta.timestamp` that stand alone in WHERE are replaced by those of the range. */
export function withRange(text: string, caret: number, range: Range | undefined): readonly Edit[] {
  const found = selectAt(text, caret)
  if (found === undefined) return []
  const { select } = found
  const wanted = conditionText(range)
  if (select.where === undefined) {
    if (wanted === '') return []
    return [appended(text, fromEnd(found), `WHERE ${wanted}`)]
  }
  const parts = conjuncts(select.where)
  const bounds = parts.filter((part) => boundOf(part) !== undefined)
  const { start, end } = select.where.span
  if (bounds.length === 0) {
    if (wanted === '') return []
    const loose = select.where.kind === 'binary' && select.where.op === 'or'
    const insert = (at: number, what: string): Edit => ({ from: at, to: at, insert: what })
    return loose ? [insert(start, `${wanted} AND (`), insert(end, ')')] : [insert(start, `${wanted} AND `)]
  }
  const edits = boundEdits(text, found, parts, bounds, wanted)
  // Brackets around one of the conditions: they are not taken apart.
  return parses(edited(text, edits)) ? edits : []
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
  const edits = boundEdits(text, found, parts, [parts[index]], '')
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

/** The first bound is replaced, the others go with the AND at them; where nothing is left, WHERE goes. */
function boundEdits(
  text: string,
  found: Found,
  parts: readonly Expr[],
  bounds: readonly Expr[],
  wanted: string,
): readonly Edit[] {
  if (wanted === '' && bounds.length === parts.length) {
    const where = found.select.where as Expr
    const start = clauseStart(found.text, where.span.start, 'WHERE')
    return start === undefined ? [] : [replaced(text, { start, end: where.span.end }, '')]
  }
  const gone = wanted === '' ? bounds : bounds.slice(1)
  const edits: Edit[] = wanted === '' ? [] : [{ ...spanOf(bounds[0]), insert: wanted }]
  for (const part of gone) {
    const at = parts.indexOf(part)
    const next = parts.slice(at + 1).find((other) => !gone.includes(other))
    const before = at > 0 ? parts[at - 1] : undefined
    // With the AND behind it where it is the first, else with the one before it.
    if (before !== undefined) edits.push({ from: before.span.end, to: part.span.end, insert: '' })
    else if (next !== undefined) edits.push({ from: part.span.start, to: parts[at + 1].span.start, insert: '' })
  }
  return edits.sort((a, b) => a.from - b.from)
}

function spanOf({ span }: Expr): { from: number; to: number } {
  return { from: span.start, to: span.end }
}

/** `_meta.timestamp >= NOW() - "15m"`, or bounds by moments. Empty without a range. */
export function conditionText(range: Range | undefined): string {
  if (range === undefined) return ''
  if ('last' in range) return `_meta.timestamp >= NOW() - "${range.last}"`
  const bounds = [
    ...(range.from === undefined ? [] : [`_meta.timestamp >= ${printString(range.from)}`]),
    ...(range.to === undefined ? [] : [`_meta.timestamp < ${printString(range.to)}`]),
  ]
  return bounds.join(' AND ')
}

function conjuncts(expr: Expr): readonly Expr[] {
  return expr.kind === 'binary' && expr.op === 'and' ? [...conjuncts(expr.left), ...conjuncts(expr.right)] : [expr]
}

interface Bound {
  readonly op: Binary['op']
  readonly value: Expr
}

/** A comparison of `_meta.timestamp` with something that is no field. */
function boundOf(expr: Expr): Bound | undefined {
  if (expr.kind !== 'binary' || !['<', '<=', '>', '>='].includes(expr.op)) return undefined
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

function rangeOf({ where }: Select, text: string): Range | undefined {
  if (where === undefined) return undefined
  let [from, to]: (string | undefined)[] = []
  for (const part of conjuncts(where)) {
    const bound = boundOf(part)
    if (bound === undefined) continue
    const { value, op } = bound
    const last = durationOf(value)
    if (last !== undefined && op.startsWith('>')) return { last }
    const moment = value.kind === 'string' ? value.value : undefined
    if (op.startsWith('>')) from = moment ?? text.slice(value.span.start, value.span.end)
    else to = moment ?? text.slice(value.span.start, value.span.end)
  }
  return from === undefined && to === undefined ? undefined : { from, to }
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
