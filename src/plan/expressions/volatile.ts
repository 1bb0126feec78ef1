/**
 * What a volatile function (RANDINT, UUID) gives is one value for each row: where ORDER BY sorts by a column that holds
 * one, row and order get it from one place below both.
 */
import { ExprNumbers } from './expr-key.ts'
import type { BoundExpr, Output, Plan } from '../plan.ts'
import { visit } from './children.ts'

/** Does the expression give a different value at each evaluation? */
export function isVolatile(expr: BoundExpr): boolean {
  let found = false
  visit(expr, (e) => {
    if (e.kind === 'function' && e.fn.deterministic === false) found = true
  })
  return found
}

type Sort = Extract<Plan, { kind: 'sort' }>

/** The relation that is put below; no other has a negative number. */
const SOURCE = -1

/** Columns and sort keys are computed once, in a projection below the sort, where one of the keys is volatile. */
export function computedOnce(output: Output): Output {
  const limit = output.input.kind === 'limit' ? output.input : undefined
  const sort = limit === undefined ? output.input : limit.input
  if (sort.kind !== 'sort' || output.shape.kind !== 'columns' || !sort.by.some((b) => isVolatile(b.expr))) return output
  const columns: { readonly name: string; readonly expr: BoundExpr }[] = []
  const places = new ExprNumbers()
  const held = (expr: BoundExpr, found = places.ofSame(expr)): BoundExpr => {
    if (expr.kind === 'constant') return expr
    const index = found ?? columns.push({ name: `held ${columns.length}`, expr }) - 1
    if (found === undefined) places.add(expr, index)
    return { kind: 'column', source: SOURCE, index, name: columns[index].name, type: expr.type, span: expr.span }
  }
  const shape = {
    ...output.shape,
    columns: output.shape.columns.map((c) => ({ ...c, expr: held(c.expr) })),
    key: output.shape.key && held(output.shape.key),
  }
  const facts = output.facts?.map((f) => ({ ...f, expr: held(f.expr) }))
  const beside = output.beside?.map((c) => ({ ...c, expr: held(c.expr) }))
  const by = sort.by.map((b) => ({ ...b, expr: held(b.expr, places.of(b.expr)) }))
  const sorted: Sort = { ...sort, input: { kind: 'project', source: SOURCE, input: sort.input, columns }, by }
  return { ...output, input: limit === undefined ? sorted : { ...limit, input: sorted }, shape, facts, beside }
}
