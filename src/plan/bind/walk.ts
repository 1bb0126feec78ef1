/** Walks the syntax tree of expressions. Names mean nothing here. */
import type * as ast from '../../sql/ast.ts'

/** The direct sub-expressions; queries inside are not entered. */
export function parts(e: ast.Expr): readonly ast.Expr[] {
  switch (e.kind) {
    case 'array':
      return e.items
    case 'struct':
      return e.fields.map((f) => f.value)
    case 'index':
      return [e.base, e.index]
    case 'member':
      return [e.base]
    case 'unary':
    case 'cast':
    case 'isNull':
    case 'isTruth':
      return [e.operand]
    case 'isDistinct':
      return [e.operand, e.from]
    case 'binary':
      return [e.left, e.right]
    case 'between':
      return [e.operand, e.low, e.high]
    case 'in':
      return [e.operand, ...(e.items ?? [])]
    case 'like':
      return [e.operand, e.pattern]
    case 'case':
      return [
        ...(e.operand === undefined ? [] : [e.operand]),
        ...e.whens.flatMap((w) => [w.when, w.then]),
        ...(e.otherwise === undefined ? [] : [e.otherwise]),
      ]
    case 'call':
      return e.filter === undefined ? e.args : [...e.args, e.filter]
    default:
      return []
  }
}

/** Every query inside an expression. Long chains are left-deep and are walked without recursion. */
export function queriesIn(e: ast.Expr, found: ast.Query[] = []): ast.Query[] {
  const todo: ast.Expr[] = [e]
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (at.kind === 'exists' || at.kind === 'subquery') found.push(at.query)
    else if (at.kind === 'in' && at.query !== undefined) found.push(at.query)
    todo.push(...parts(at))
  }
  return found
}
