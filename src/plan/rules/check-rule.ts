/**
 * What a rule of the optimizer must leave as it was: the plan is still an output with the same columns of the same
 * types, and every reference is to a source below it. A plan that is wrong here would give wrong rows, silently; so it
 * ends the query as an internal error.
 */
import { believe } from '../../lib/assert.ts'
import { sameType } from '../expressions/type-parts.ts'
import { sourcesOf } from '../lower/lower.ts'
import type { BoundExpr, Output, OutputShape, Plan } from '../plan.ts'
import { inputs } from '../inputs.ts'
import { visit } from '../expressions/children.ts'
import { visitExpressions } from '../rewrite.ts'

/** Gives the plan back that the rule made of `before`. Throws when it cannot be a plan for the same question. */
export function checkRule(rule: string, before: Output, after: Plan): Output {
  believe(after.kind === 'output', `the rule ${rule} leaves the output an output`)
  const [was, is] = [columnsOf(before.shape), columnsOf(after.shape)]
  const changed = is.findIndex(({ name, expr }, i) => name !== was[i]?.name || !sameOrNull(expr, was[i].expr))
  believe(
    was.length === is.length && changed < 0,
    `the rule ${rule} leaves the columns of the output as they are (column ${Math.max(0, changed)})`,
  )
  checkReferences(rule, after)
  return after
}

/** A constant NULL has lost its type when it was folded. */
function sameOrNull(a: BoundExpr, b: BoundExpr): boolean {
  return sameType(a.type, b.type) || (a.kind === 'constant' && a.value === null)
}

function columnsOf(shape: OutputShape): { readonly name: string; readonly expr: BoundExpr }[] {
  const key = shape.kind !== 'bare' && shape.key !== undefined ? [{ name: '(key)', expr: shape.key }] : []
  if (shape.kind === 'columns')
    return [...key, ...shape.columns.map(({ path, expr }) => ({ name: path.join('.'), expr }))]
  return [...key, { name: '(value)', expr: shape.value }]
}

/** Every path and column is one of a source that the node's inputs bring. */
function checkReferences(rule: string, node: Plan): void {
  const below = inputs(node)
  for (const input of below) checkReferences(rule, input)
  if (below.length === 0) return
  const brought = new Set(below.flatMap(sourcesOf))
  const look = (e: BoundExpr): void => {
    if (e.kind === 'path' || e.kind === 'column')
      believe(
        brought.has(e.source),
        `after the rule ${rule}, a ${node.kind} refers to sources below it only (${e.source})`,
      )
  }
  visitExpressions(node, (e) => visit(e, look))
}
