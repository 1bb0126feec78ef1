/**
 * What an alias of the SELECT list means outside of it. A column that a source has for certain wins over an alias of
 * that name; JSON of unknown shape has every name, so there an alias wins in GROUP BY and HAVING, and in WHERE, which
 * cannot see aliases, it is refused: it would be a field that no record has.
 */
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { printExpr, printName } from '../../../sql/print.ts'
import { dotted } from '../names/resolve.ts'
import type { Scope } from '../names/scope.ts'
import { parts } from '../walk.ts'

type Item = Extract<ast.SelectItem, { kind: 'expr' }>

/**
 * Aliases by their dotted names that WHERE must not take for fields. Not among them: names that the SELECT list itself
 * reads as fields.
 */
export function aliasesBefore(select: ast.Select, scope: Scope): ReadonlyMap<string, ast.Expr> {
  const aliases = new Map<string, ast.Expr>()
  if (select.where === undefined) return aliases
  const items = select.items.filter((i): i is Item => i.kind === 'expr')
  if (items.every((i) => i.alias === undefined)) return aliases
  const read = fieldsRead(
    items.map((i) => i.expr),
    scope,
  )
  for (const { alias, expr } of items) {
    if (alias === undefined || read.has(alias[0].text) || scope.knows(alias[0].text) || !varies(expr)) continue
    aliases.set(dotted(alias), expr)
  }
  return aliases
}

/**
 * Does `GROUP BY name` mean the item with that alias, where no source has a column of that name for certain? Not where
 * another item reads a field of that name outside of aggregates, and not where the item is the same for every row:
 * grouping by that has no purpose.
 */
export function groupsByAlias(
  item: Item,
  select: ast.Select,
  scope: Scope,
  aggregate: (e: ast.Expr) => boolean,
): boolean {
  const [name] = item.alias ?? []
  if (name === undefined || !varies(item.expr)) return false
  const others = select.items.filter((i): i is Item => i.kind === 'expr' && i !== item).map((i) => i.expr)
  return !fieldsRead(others, scope, aggregate).has(name.text)
}

/** May it differ from row to row? A call may always, of whatever function. */
function varies(expr: ast.Expr): boolean {
  const todo: ast.Expr[] = [expr]
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (
      at.kind === 'column' ||
      at.kind === 'call' ||
      at.kind === 'subquery' ||
      at.kind === 'exists' ||
      (at.kind === 'in' && at.query !== undefined)
    )
      return true
    todo.push(...parts(at))
  }
  return false
}

/** First names of the fields that the expressions read; `except` leaves out what is in some of them. */
function fieldsRead(exprs: readonly ast.Expr[], scope: Scope, except?: (e: ast.Expr) => boolean): Set<string> {
  const read = new Set<string>()
  const todo: ast.Expr[] = [...exprs]
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (at.kind === 'call' && except?.(at) === true) continue
    todo.push(...parts(at))
    if (at.kind !== 'column') continue
    const [first, second] = at.parts
    read.add(second !== undefined && (first.text === '_value' || scope.names(first.text)) ? second.text : first.text)
  }
  return read
}

/** Raised where WHERE names an alias. */
export function refuseAlias(
  e: ast.ColumnRef,
  aliases: ReadonlyMap<string, ast.Expr>,
  aggregate: (e: ast.Expr) => boolean,
): void {
  if (e.parts[0].quoted) return
  const name = [dotted(e.parts), e.parts[0].text].find((n) => aliases.has(n))
  const meant = name === undefined ? undefined : aliases.get(name)
  if (name === undefined || meant === undefined) return
  const text = printExpr(meant)
  const instead = aggregate(meant)
    ? `HAVING ${name} … filters groups.`
    : text.length <= 60
      ? `Write ${text} there.`
      : 'Write its expression there, or put WHERE around a query in FROM.'
  throw new SqlError(
    'UNKNOWN_COLUMN',
    `"${name}" is an alias of the SELECT list, and WHERE comes before it.`,
    e.span,
    `${instead} A field of that name is written ${backticked(e.parts[0].text)}.`,
  )
}

function backticked(name: string): string {
  const text = printName(name)
  return text.startsWith('`') ? text : `\`${text}\``
}
