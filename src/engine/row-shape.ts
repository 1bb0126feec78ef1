/**
 * What a result's rows look like before the first of them is there: the type of `data.value`, with what is known about
 * NULLs. For sinks that have to announce their columns.
 */
import type { BoundExpr, Output, OutputColumn, Plan } from '../plan/plan.ts'
import { inputs, scansOf } from '../plan/inputs.ts'
import { type DataType, type Field, JSON_TYPE, RECORD_FIELDS, type StructType } from '../types.ts'

/** The type of the rows of one statement, as far as the plan tells it. */
export interface RowShape {
  /** Kind `json` when it is known per row only. */
  readonly type: DataType
  /** Columns that a table without a shape of its own was declared with; rows may hold others. */
  readonly declared?: StructType
  /**
   * Paths of the columns of the SELECT list, where there is one: structures above their last steps are made by it
   * (`SELECT x AS a.x, y AS a.y`).
   */
  readonly paths?: readonly (readonly string[])[]
  /** As in the frames: null for the only statement of a request. */
  readonly statementIndex: number | null
}

/** The shape of the rows that `plan` gives. `statementIndex`: null where a request has one statement. */
export function rowShape(plan: Output, statementIndex: number | null): RowShape {
  const { shape } = plan
  if (shape.kind === 'columns') {
    if (shape.columns.some((c) => c.spread === true)) return { type: JSON_TYPE, statementIndex }
    return { type: struct(shape.columns, 0, plan), paths: shape.columns.map((c) => c.path), statementIndex }
  }
  const scans = scansOf(plan)
  // A bad record stands there with what is known of it.
  if (scans.some((s) => s.badRecords === true)) return { type: JSON_TYPE, statementIndex }
  const declared =
    shape.kind === 'record' && scans.length === 1 && shape.value.type.kind === 'json'
      ? scans[0].table.value.declared
      : undefined
  return { type: shape.value.type, statementIndex, ...(declared === undefined ? {} : { declared }) }
}

/** As the output lays them out: columns that share a first step make one structure. */
function struct(columns: readonly OutputColumn[], depth: number, plan: Output): StructType {
  const groups = new Map<string, OutputColumn[]>()
  for (const c of columns) groups.set(c.path[depth], [...(groups.get(c.path[depth]) ?? []), c])
  const fields = [...groups].map(([name, group]): Field => {
    const leaf = group.find((c) => c.path.length === depth + 1)
    if (leaf === undefined) return { name, type: struct(group, depth + 1, plan), nullable: false }
    return { name, type: leaf.expr.type, nullable: mayBeNull(leaf.expr, plan) }
  })
  return { kind: 'struct', fields }
}

function mayBeNull(e: BoundExpr, plan: Output): boolean {
  if (e.kind === 'constant') return e.value === null
  if (e.kind === 'path') return pathMayBeNull(e, plan)
  if (e.kind === 'slot') return slotMayBeNull(e.index, plan.input, plan)
  return true
}

/** As the writer's schema says it; a tombstone is not counted. Below an outer join everything may be missing. */
function pathMayBeNull(e: Extract<BoundExpr, { kind: 'path' }>, plan: Output): boolean {
  if (hasJoin(plan)) return true
  if (e.path.facet === 'meta') return Object.hasOwn(RECORD_FIELDS, e.path.steps[0]) && e.path.steps[0] !== '_bad'
  const scan = scansOf(plan).find((s) => s.source === e.source)
  const table = scan?.table
  if (table === undefined || scan?.badRecords === true || e.path.facet === 'header') return true
  let type: DataType = table[e.path.facet].type
  for (const step of e.path.steps) {
    const field: Field | undefined = type.kind === 'struct' ? type.fields.find((f) => f.name === step) : undefined
    if (field === undefined || field.nullable) return true
    type = field.type
  }
  return false
}

function hasJoin(plan: Plan): boolean {
  return plan.kind === 'join' || inputs(plan).some(hasJoin)
}

/** Constant rows are looked at; counts are never NULL; group keys are what they were before. */
function slotMayBeNull(index: number, input: Plan, plan: Output): boolean {
  switch (input.kind) {
    case 'values':
      return input.of !== undefined || input.rows.some((row) => row[index] === null)
    case 'aggregate':
      if (index < input.keys.length) return mayBeNull(input.keys[index], { ...plan, input: input.input })
      return input.aggregates[index - input.keys.length]?.name !== 'count'
    case 'limit':
    case 'filter':
    case 'sort':
      return slotMayBeNull(index, input.input, plan)
    default:
      return true
  }
}
