/** The parts of a bound expression: to look at all of them, or to make another expression of it. */
import type { BoundExpr } from '../plan.ts'

/** Every direct sub-expression. */
export function children(expr: BoundExpr): readonly BoundExpr[] {
  switch (expr.kind) {
    case 'constant':
    case 'path':
    case 'column':
    case 'slot':
    case 'presence':
    case 'lastOffset':
      return []
    case 'not':
    case 'negate':
    case 'isNull':
    case 'cast':
    case 'member':
      return [expr.operand]
    case 'and':
    case 'or':
      return expr.operands
    case 'compare':
    case 'arithmetic':
      return [expr.left, expr.right]
    case 'in':
      return [expr.operand, ...expr.items]
    case 'like':
      return [expr.operand, expr.pattern]
    case 'case':
      return [...expr.whens.flatMap((w) => [w.when, w.then]), expr.otherwise]
    case 'function':
      return expr.args
    case 'element':
      return [expr.operand, expr.index]
    case 'array':
      return expr.items
    case 'struct':
      return expr.fields.map((f) => f.value)
    case 'subquery':
      return [...(expr.operand === undefined ? [] : [expr.operand]), ...expr.outer.map((o) => o.value)]
    case 'header':
      return expr.name === undefined ? [] : [expr.name]
  }
}

/** Rebuilds an expression with each direct sub-expression replaced. */
export function mapChildren(expr: BoundExpr, f: (child: BoundExpr) => BoundExpr): BoundExpr {
  switch (expr.kind) {
    case 'constant':
    case 'path':
    case 'column':
    case 'slot':
    case 'presence':
    case 'lastOffset':
      return expr
    case 'not':
    case 'negate':
    case 'isNull':
    case 'cast':
    case 'member':
      return { ...expr, operand: f(expr.operand) }
    case 'and':
    case 'or':
      return { ...expr, operands: expr.operands.map(f) }
    case 'compare':
    case 'arithmetic':
      return { ...expr, left: f(expr.left), right: f(expr.right) }
    case 'in':
      return { ...expr, operand: f(expr.operand), items: expr.items.map(f) }
    case 'like':
      return { ...expr, operand: f(expr.operand), pattern: f(expr.pattern) }
    case 'case':
      return {
        ...expr,
        whens: expr.whens.map((w) => ({ when: f(w.when), then: f(w.then) })),
        otherwise: f(expr.otherwise),
      }
    case 'function':
      return { ...expr, args: expr.args.map(f) }
    case 'element':
      return { ...expr, operand: f(expr.operand), index: f(expr.index) }
    case 'array':
      return { ...expr, items: expr.items.map(f) }
    case 'subquery':
      return {
        ...expr,
        operand: expr.operand && f(expr.operand),
        outer: expr.outer.map((o) => ({ ...o, value: f(o.value) })),
      }
    case 'struct':
      return { ...expr, fields: expr.fields.map((x) => ({ name: x.name, value: f(x.value) })) }
    case 'header':
      return expr.name === undefined ? expr : { ...expr, name: f(expr.name) }
  }
}

/** Depth-first visit of an expression and all below it. */
export function visit(expr: BoundExpr, f: (e: BoundExpr) => void): void {
  f(expr)
  for (const child of children(expr)) visit(child, f)
}

/** Could the expression change its value from record to record? */
export function isConstant(expr: BoundExpr): boolean {
  let constant = true
  visit(expr, (e) => {
    if (
      e.kind === 'path' ||
      e.kind === 'column' ||
      e.kind === 'slot' ||
      e.kind === 'presence' ||
      e.kind === 'header' ||
      e.kind === 'lastOffset' ||
      e.kind === 'subquery'
    )
      constant = false
    if (e.kind === 'function' && e.fn.deterministic === false) constant = false
  })
  return constant
}
