/**
 * The last step before the engine: where rows of several sources meet (joins, unnested arrays, derived tables),
 * references to records and relations become slots of rows. A scan takes the filter above it along (`Scan.where`): the
 * engine reads paths straight out of the records for it, and for the output, aggregation or projection above.
 */
import { unexpected } from '../../lib/assert.ts'
import { exprKey } from '../expressions/expr-key.ts'
import type { BoundExpr, Join, Kept, Output, Plan, Scan, Share, Sort } from '../plan.ts'
import { children, mapChildren, visit } from '../expressions/children.ts'
import { expressionsOf, mapExpressions, visitPlan } from '../rewrite.ts'

/** Source numbers of the relations that a plan brings. */
export function sourcesOf(plan: Plan): number[] {
  switch (plan.kind) {
    case 'scan':
    case 'values':
      return [plan.source]
    case 'project':
      return plan.source === undefined ? [] : [plan.source]
    case 'unnest':
      return [...sourcesOf(plan.input), plan.source]
    case 'share':
      return sourcesOf(plan.body)
    case 'kept':
      return [...plan.sources, plan.source]
    case 'join':
      return [...sourcesOf(plan.left), ...(plan.mark === undefined ? sourcesOf(plan.right) : [plan.mark.source])]
    case 'setOperation':
    case 'foreign':
      return []
    default:
      return sourcesOf(plan.input)
  }
}

/**
 * One scan with at most a filter, as a scan that tests the filter itself; undefined where anything else stands between.
 * The only place that decides this.
 */
function scanOfRecords(plan: Plan): Scan | undefined {
  if (plan.kind === 'scan') return plan
  return plan.kind === 'filter' && plan.input.kind === 'scan' ? { ...plan.input, where: plan.predicate } : undefined
}

/** The plan in the form that is run: references become slots, filters above scans part of them. */
export function lower(output: Output): Output {
  const limit = output.input.kind === 'limit' ? output.input : undefined
  const below = limit?.input ?? output.input
  const sort = below.kind === 'sort' ? below : undefined
  const base = sort?.input ?? below
  const onto = (input: Plan, by: Sort['by']): Plan => {
    const sorted = sort === undefined ? input : { ...sort, input, by }
    return limit === undefined ? sorted : { ...limit, input: sorted }
  }
  const scan = scanOfRecords(base)
  // A record that is written straight into its frame carries its own metadata.
  if (scan !== undefined) return { ...output, input: onto(scan, sort?.by ?? []), facts: undefined }
  const exprs = expressionsOf(output)
  if (sort !== undefined) exprs.push(...sort.by.map((b) => b.expr))
  const { plan, slots } = rows(base, exprs, new Map())
  const input = onto(
    plan,
    (sort?.by ?? []).map((b) => ({ ...b, expr: toSlots(b.expr, slots) })),
  )
  return mapExpressions({ ...output, input }, (e) => toSlots(e, slots)) as Output
}

interface Rows {
  readonly plan: Plan
  /** Key of a reference → its slot. */
  readonly slots: ReadonlyMap<string, number>
  readonly width: number
}

const REFERENCES: ReadonlySet<string> = new Set(['path', 'column', 'presence', 'header', 'lastOffset'])

/** The references in expressions, each once, by key. A header with a computed name is a reference as a whole. */
function references(exprs: readonly BoundExpr[]): Map<string, BoundExpr> {
  const found = new Map<string, BoundExpr>()
  const walk = (e: BoundExpr): void => {
    if (REFERENCES.has(e.kind)) found.set(refKey(e), e)
    else for (const child of children(e)) walk(child)
  }
  for (const e of exprs) walk(e)
  return found
}

function toSlots(expr: BoundExpr, slots: ReadonlyMap<string, number>): BoundExpr {
  if (REFERENCES.has(expr.kind)) {
    const index = slots.get(refKey(expr))
    if (index === undefined) unexpected(`a reference without a slot: ${exprKey(expr)}`)
    return { kind: 'slot', index, name: nameOf(expr), type: expr.type, span: expr.span }
  }
  return mapChildren(expr, (c) => toSlots(c, slots))
}

function nameOf(e: BoundExpr): string {
  if (e.kind === 'path')
    return [...(e.path.facet === 'value' ? [] : [`_${e.path.facet}`]), ...e.path.steps].join('.') || '_value'
  return e.kind === 'column' ? e.name : e.kind
}

/** The rows of the shares around a plan, by their ids. */
type Shared = ReadonlyMap<number, Rows>

/** Rewrites a plan to one over rows that hold at least what `exprs` refer to. */
function rows(plan: Plan, exprs: readonly BoundExpr[], shared: Shared): Rows {
  const scan = scanOfRecords(plan)
  if (scan !== undefined) return scanRows(scan, exprs)
  switch (plan.kind) {
    case 'values':
      return relation(plan, plan.source, plan.types.length)
    case 'project':
      return projectRows(plan, exprs, shared)
    case 'aggregate':
      return aggregateRows(plan, shared)
    case 'filter': {
      const below = rows(plan.input, [...exprs, plan.predicate], shared)
      return { ...below, plan: { ...plan, input: below.plan, predicate: toSlots(plan.predicate, below.slots) } }
    }
    case 'sort': {
      const below = rows(plan.input, [...exprs, ...plan.by.map((b) => b.expr)], shared)
      return {
        ...below,
        plan: { ...plan, input: below.plan, by: plan.by.map((b) => ({ ...b, expr: toSlots(b.expr, below.slots) })) },
      }
    }
    case 'limit': {
      const below = rows(plan.input, plan.each === undefined ? exprs : [...exprs, plan.each], shared)
      return { ...below, plan: mapExpressions({ ...plan, input: below.plan }, (e) => toSlots(e, below.slots)) }
    }
    case 'unnest': {
      const below = rows(plan.input, [...exprs, plan.array], shared)
      const slots = new Map(below.slots)
      slots.set(columnKey(plan.source, 0), below.width)
      return {
        plan: { ...plan, input: below.plan, array: toSlots(plan.array, below.slots) },
        slots,
        width: below.width + 1,
      }
    }
    case 'latest': {
      const below = rows(plan.input, [...exprs, plan.key, plan.partition, plan.alive], shared)
      return { ...below, plan: mapExpressions({ ...plan, input: below.plan }, (e) => toSlots(e, below.slots)) }
    }
    case 'join':
      return joinRows(plan, exprs, shared)
    case 'setOperation': {
      const sides = plan.sides.map((s) => rows(s, [], shared))
      return { plan: { ...plan, sides: sides.map((s) => s.plan) }, slots: new Map(), width: sides[0].width }
    }
    case 'share':
      return shareRows(plan, exprs, shared)
    case 'kept':
      return keptRows(plan, shared)
    default:
      unexpected(`no rows of ${plan.kind}`)
  }
}

/** The same place has the same key, whatever type a context gave to the reference. */
function refKey(e: BoundExpr): string {
  return e.kind === 'column' ? columnKey(e.source, e.index) : exprKey(e)
}

function columnKey(source: number, index: number): string {
  return `column ${source} ${index}`
}

function scanRows(plan: Scan, exprs: readonly BoundExpr[]): Rows {
  const wanted = [...references(exprs)].filter(([, e]) => 'source' in e && e.source === plan.source)
  const slots = new Map(wanted.map(([key], i) => [key, i]))
  return {
    plan: { kind: 'project', input: plan, columns: wanted.map(([, expr]) => ({ name: nameOf(expr), expr })) },
    slots,
    width: wanted.length,
  }
}

function relation(plan: Plan, source: number, width: number): Rows {
  const slots = new Map<string, number>()
  for (let i = 0; i < width; i++) slots.set(columnKey(source, i), i)
  return { plan, slots, width }
}

type Project = Extract<Plan, { kind: 'project' }>

function projectRows(whole: Project, above: readonly BoundExpr[], shared: Shared): Rows {
  const plan = pruned(whole, above)
  const exprs = plan.columns.map((c) => c.expr)
  const scan = scanOfRecords(plan.input)
  const lowered = scan === undefined ? project(plan, exprs, shared) : { ...plan, input: scan }
  return plan.source === undefined
    ? { plan: lowered, slots: new Map(), width: plan.columns.length }
    : relation(lowered, plan.source, plan.columns.length)
}

/**
 * Columns of a relation that are never referenced are not computed; those of a UNION ALL not in its sides either. They
 * keep their slots.
 */
function pruned(plan: Project, above: readonly BoundExpr[]): Project {
  if (plan.source === undefined) return plan
  const used = new Set<number>()
  for (const e of above) visit(e, (x) => x.kind === 'column' && x.source === plan.source && used.add(x.index))
  const kept = <C extends { readonly expr: BoundExpr }>(columns: readonly C[], wanted: ReadonlySet<number>): C[] =>
    columns.map((c, i) => (wanted.has(i) ? c : { ...c, expr: { kind: 'constant', value: null, type: c.expr.type } }))
  // Those behind the last one that is named need no slot, either.
  const columns = kept(plan.columns, used).slice(0, [...used].reduce((last, i) => Math.max(last, i), -1) + 1)
  const { input } = plan
  if (input.kind !== 'setOperation' || input.op !== 'union' || !input.all) return { ...plan, columns }
  const slots = new Set<number>()
  for (const c of columns) visit(c.expr, (x) => x.kind === 'slot' && slots.add(x.index))
  const sides = input.sides.map((side) =>
    side.kind === 'project' && side.source === undefined ? { ...side, columns: kept(side.columns, slots) } : side,
  )
  return { ...plan, columns, input: { ...input, sides } }
}

function project(plan: Project, exprs: readonly BoundExpr[], shared: Shared): Plan {
  const below = rows(plan.input, exprs, shared)
  return {
    ...plan,
    input: below.plan,
    columns: plan.columns.map((c) => ({ ...c, expr: toSlots(c.expr, below.slots) })),
  }
}

/** Everything above an aggregation refers to its slots already. */
function aggregateRows(plan: Extract<Plan, { kind: 'aggregate' }>, shared: Shared): Rows {
  const width = plan.keys.length + plan.aggregates.length
  const scan = scanOfRecords(plan.input)
  // Groups of windows that close are made of rows.
  if (scan !== undefined && plan.windows === undefined)
    return { plan: { ...plan, input: scan }, slots: new Map(), width }
  const below = rows(plan.input, expressionsOf(plan), shared)
  const lowered = mapExpressions({ ...plan, input: below.plan }, (e) => toSlots(e, below.slots))
  return { plan: lowered, slots: new Map(), width }
}

function joinRows(plan: Join, exprs: readonly BoundExpr[], shared: Shared): Rows {
  const all = [...exprs, ...expressionsOf(plan)]
  const left = rows(plan.left, all, shared)
  const right = rows(plan.right, all, shared)
  const slots = new Map(left.slots)
  for (const [key, slot] of right.slots) slots.set(key, slot + left.width)
  const { mark } = plan
  const above = mark === undefined ? slots : new Map([...left.slots, [columnKey(mark.source, 0), left.width]])
  return {
    plan: {
      ...plan,
      mark:
        mark?.value === undefined
          ? mark
          : {
              ...mark,
              value: {
                ...mark.value,
                left: toSlots(mark.value.left, left.slots),
                right: toSlots(mark.value.right, right.slots),
              },
            },
      left: left.plan,
      right: right.plan,
      keys: plan.keys.map((k) => ({ ...k, left: toSlots(k.left, left.slots), right: toSlots(k.right, right.slots) })),
      residual: plan.residual === undefined ? undefined : toSlots(plan.residual, slots),
    },
    slots: above,
    width: left.width + (mark === undefined ? right.width : 1),
  }
}

/** Of its input a share keeps what its sets, its body and all above look at. */
function shareRows(plan: Share, exprs: readonly BoundExpr[], shared: Shared): Rows {
  const all = [...exprs, ...plan.sets.flat()]
  visitPlan(plan.body, (node) => {
    all.push(...expressionsOf(node))
  })
  const input = rows(plan.input, all, shared)
  const body = rows(plan.body, exprs, new Map(shared).set(plan.id, input))
  return {
    ...body,
    plan: {
      ...plan,
      input: input.plan,
      sets: plan.sets.map((set) => set.map((e) => toSlots(e, input.slots))),
      body: body.plan,
    },
  }
}

function keptRows(plan: Kept, shared: Shared): Rows {
  const input = plan.set === undefined ? shared.get(plan.share) : { slots: new Map(), width: 0 }
  if (input === undefined) unexpected('kept rows outside of their share')
  const slots = new Map(input.slots)
  for (let i = 0; i < plan.columns; i++) slots.set(columnKey(plan.source, i), input.width + i)
  const width = input.width + plan.columns
  return { plan: { ...plan, width }, slots, width }
}

/** Number of columns of a lowered plan's rows. */
export function widthOf(plan: Plan): number {
  switch (plan.kind) {
    case 'values':
      return plan.types.length
    case 'project':
      return plan.columns.length
    case 'aggregate':
      return plan.keys.length + plan.aggregates.length
    case 'join':
      return widthOf(plan.left) + (plan.mark === undefined ? widthOf(plan.right) : 1)
    case 'unnest':
      return widthOf(plan.input) + 1
    case 'setOperation':
      return widthOf(plan.sides[0])
    case 'share':
      return widthOf(plan.body)
    case 'kept':
      return plan.width ?? 0
    case 'foreign':
      return plan.types.length
    case 'scan':
    case 'output':
      return 0
    default:
      return widthOf(plan.input)
  }
}
