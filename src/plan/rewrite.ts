/** Walks a plan bottom-up, to make another of it (rules are written with that) or to look at it. */
import type { BoundExpr, OutputShape, Plan } from './plan.ts'

/** Applies `f` to every node, inputs first. */
export function rewrite(plan: Plan, f: (node: Plan) => Plan): Plan {
  if (plan.kind === 'join') return f({ ...plan, left: rewrite(plan.left, f), right: rewrite(plan.right, f) })
  if (plan.kind === 'share') return f({ ...plan, input: rewrite(plan.input, f), body: rewrite(plan.body, f) })
  if (plan.kind === 'setOperation') return f({ ...plan, sides: plan.sides.map((s) => rewrite(s, f)) })
  return 'input' in plan ? f({ ...plan, input: rewrite(plan.input, f) } as Plan) : f(plan)
}

/** Calls `look` with every node, inputs first, in the order of `rewrite`. */
export function visitPlan(plan: Plan, look: (node: Plan) => void): void {
  if (plan.kind === 'join') {
    visitPlan(plan.left, look)
    visitPlan(plan.right, look)
  } else if (plan.kind === 'share') {
    visitPlan(plan.input, look)
    visitPlan(plan.body, look)
  } else if (plan.kind === 'setOperation') for (const side of plan.sides) visitPlan(side, look)
  else if ('input' in plan) visitPlan(plan.input, look)
  look(plan)
}

/** The expressions of one node, without those inside of them, in the order of `mapExpressions`. */
export function expressionsOf(plan: Plan): BoundExpr[] {
  const found: BoundExpr[] = []
  mapExpressions(plan, (e) => {
    found.push(e)
    return e
  })
  return found
}

/** Calls `look` with every expression of one node, but not with what is inside of them. */
export function visitExpressions(plan: Plan, look: (e: BoundExpr) => void): void {
  for (const e of expressionsOf(plan)) look(e)
}

/** Applies `f` to every expression of one node. */
export function mapExpressions(plan: Plan, f: (e: BoundExpr) => BoundExpr): Plan {
  switch (plan.kind) {
    case 'scan':
      return plan.pushed === undefined && plan.where === undefined
        ? plan
        : { ...plan, pushed: plan.pushed && f(plan.pushed), where: plan.where && f(plan.where) }
    case 'filter':
      return { ...plan, predicate: f(plan.predicate) }
    case 'project':
      return { ...plan, columns: plan.columns.map((c) => ({ ...c, expr: f(c.expr) })) }
    case 'aggregate':
      return {
        ...plan,
        keys: plan.keys.map(f),
        aggregates: plan.aggregates.map((a) => ({ ...a, arg: a.arg && f(a.arg), filter: a.filter && f(a.filter) })),
      }
    case 'sort':
      return { ...plan, by: plan.by.map((b) => ({ ...b, expr: f(b.expr) })) }
    case 'output':
      return { ...plan, shape: mapShape(plan.shape, f), facts: plan.facts?.map((x) => ({ ...x, expr: f(x.expr) })) }
    case 'join':
      return {
        ...plan,
        keys: plan.keys.map((k) => ({ ...k, left: f(k.left), right: f(k.right) })),
        residual: plan.residual && f(plan.residual),
        mark:
          plan.mark?.value === undefined
            ? plan.mark
            : {
                ...plan.mark,
                value: { ...plan.mark.value, left: f(plan.mark.value.left), right: f(plan.mark.value.right) },
              },
      }
    case 'unnest':
      return { ...plan, array: f(plan.array) }
    case 'latest':
      return { ...plan, key: f(plan.key), partition: f(plan.partition), alive: f(plan.alive) }
    case 'limit':
      return plan.each === undefined ? plan : { ...plan, each: f(plan.each) }
    case 'share':
      return { ...plan, sets: plan.sets.map((set) => set.map(f)) }
    case 'values':
    case 'kept':
    case 'foreign':
    case 'setOperation':
      return plan
  }
}

export function mapShape(shape: OutputShape, f: (e: BoundExpr) => BoundExpr): OutputShape {
  switch (shape.kind) {
    case 'record':
      return { ...shape, key: f(shape.key), value: f(shape.value) }
    case 'bare':
      return { ...shape, value: f(shape.value) }
    case 'columns':
      return {
        ...shape,
        columns: shape.columns.map((c) => ({ ...c, expr: f(c.expr) })),
        key: shape.key && f(shape.key),
      }
  }
}
