/**
 * Which parts of a plan Flink runs. From the top down: the largest part that it computes exactly is one query; what
 * stands above stays here, over few rows. A part that Flink could only hand on record by record (an aggregation, a join,
 * a condition) is refused with its reason: to bring all records here is what Sluice does better alone.
 */
import { dividesJson } from '../plan/divides-json.ts'
import type { ScanRanges } from '../engine/scan/ranges.ts'
import { conjuncts } from '../plan/expressions/conjuncts.ts'
import { mapChildren } from '../plan/expressions/children.ts'
import { exprKey } from '../plan/expressions/expr-key.ts'
import { widthOf } from '../plan/lower/lower.ts'
import type { BoundExpr, Foreign, Limit, Output, Plan, Scan, Sort } from '../plan/plan.ts'
import { mapExpressions } from '../plan/rewrite.ts'
import { namesOf } from './names.ts'
import type { Made } from './translate/aggregates.ts'
import { DIVIDED } from './translate/expressions/arithmetic.ts'
import { type Columns, translateAny, translateCondition } from './translate/expressions/expression.ts'
import { type FlinkSql, list, name, plainSql, sql, staged } from './translate/flink-sql.ts'
import type { JsonLook } from './translate/json.ts'
import { type OrderKey, orderKeys } from './translate/order.ts'
import { Refusal } from './translate/refusal.ts'
import { looksAtHeaders } from './translate/records/headers.ts'
import { translateRows } from './translate/rows/translate-rows.ts'
import { DONE_HERE, isInOrder } from './translate/rows/limited.ts'
import { filtered } from './translate/rows/slots.ts'
import { FlinkTable } from './translate/records/tables.ts'
import { toText } from './translate/terms.ts'

/** One query of Flink, and what becomes of its rows. */
export interface FlinkPart {
  readonly tables: readonly FlinkTable[]
  readonly query: FlinkSql
  /** Rows of a part of the plan, or records as Kafka has them. */
  readonly gives:
    | { readonly slots: readonly Made[] }
    /** `most`: no more of them, by the order of the statement. */
    | { readonly recordsOf: FlinkTable; readonly most: number | undefined }
}

/** A plan whose foreign nodes and scans name a part each. */
export interface HandedOver {
  readonly plan: Output
  readonly parts: readonly FlinkPart[]
}

/** Throws a Refusal with the reason. `ranges`: of every scan of the plan. `dividesJson`: as in `HandOverContext`. */
export function handOver(plan: Output, ranges: ReadonlyMap<Scan, ScanRanges>, dividesJson = false): HandedOver {
  return new Division(ranges, dividesJson).output(plan)
}

class Division {
  readonly #ranges: ReadonlyMap<Scan, ScanRanges>
  readonly #parts: FlinkPart[] = []
  readonly #dividesJson: boolean
  /** Records come here with their headers. */
  #headers = false
  #tables = 0
  /** Of all that looks at JSON, there or here. */
  #look: JsonLook = { divides: false, names: new Set() }

  constructor(ranges: ReadonlyMap<Scan, ScanRanges>, dividesJson: boolean) {
    this.#ranges = ranges
    this.#dividesJson = dividesJson
  }

  output(plan: Output): HandedOver {
    this.#headers = looksAtHeaders(plan)
    this.#look = { divides: this.#dividesJson || dividesJson(plan), names: namesOf(plan) }
    const limit = plan.input.kind === 'limit' ? plan.input : undefined
    const below = limit?.input ?? plan.input
    const onto = (input: Plan): Plan => (limit === undefined ? input : { ...limit, input })
    if (below.kind === 'scan') return this.#done({ ...plan, input: onto(this.#records(below, limit)) })
    if (below.kind === 'sort') {
      if (below.input.kind === 'scan')
        return this.#done({ ...plan, input: onto({ ...below, input: this.#records(below.input, limit, below) }) })
      const { above, input } = narrowed([plan, below], below.input)
      const [output, sort] = above as [Output, Sort]
      return this.#done({ ...output, input: onto({ ...sort, input: this.#divide(input, true) }) })
    }
    const { above, input } = narrowed([plan], below)
    return this.#done({ ...(above[0] as Output), input: onto(this.#divide(input, false, limit)) })
  }

  #done(plan: Output): HandedOver {
    return { plan, parts: this.#parts }
  }

  /** `whole`: something above wants all rows, so that records must not be brought here for it. */
  #divide(plan: Plan, whole: boolean, limit?: Limit): Plan {
    try {
      return this.#foreign(plan)
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause
      return this.#inputs(plan, whole, limit, cause)
    }
  }

  /** The node stays here, its inputs are handed over; `why`: it could not be itself. */
  #inputs(plan: Plan, whole: boolean, limit: Limit | undefined, why: Refusal): Plan {
    switch (plan.kind) {
      case 'values':
        return plan
      case 'project':
        if (plan.input.kind !== 'scan') return { ...plan, input: this.#divide(plan.input, whole, limit) }
        if (whole) throw why
        return { ...plan, input: this.#records(plan.input, limit) }
      case 'sort':
        return { ...plan, input: this.#divide(plan.input, true) }
      case 'limit':
        return { ...plan, input: this.#divide(plan.input, whole, plan.each === undefined ? plan : undefined) }
      case 'filter':
      case 'aggregate':
        if (!isReduced(plan.input)) throw why
        return { ...plan, input: this.#divide(plan.input, true) }
      case 'join':
        if (!isReduced(plan.left) || !isReduced(plan.right)) throw why
        return { ...plan, left: this.#divide(plan.left, true), right: this.#divide(plan.right, true) }
      case 'setOperation': {
        const flows = plan.op === 'union' && plan.all
        if (!flows && !plan.sides.every(isReduced)) throw why
        return { ...plan, sides: plan.sides.map((side) => this.#divide(side, whole || !flows)) }
      }
      default:
        throw why
    }
  }

  #foreign(plan: Plan): Foreign {
    if (isInOrder(plan)) throw new Refusal(DONE_HERE)
    const tables: FlinkTable[] = []
    const marks = this.#dividesJson
    const rows = translateRows(plan, { tables: (scan) => this.#table(scan, tables), shares: new Map(), marks })
    if (tables.length === 0) throw new Refusal('No topic is read.')
    // What is divided here has to be known for what it is.
    if (marks && rows.slots.some(({ type, marked }) => type.kind === 'json' && marked !== true))
      throw new Refusal(DIVIDED)
    const query = textColumns(rows.sql, rows.slots)
    this.#parts.push({ tables, query, gives: { slots: rows.slots } })
    return {
      kind: 'foreign',
      number: this.#parts.length - 1,
      title: tables.map(({ scan }) => scan.table.name).join(', '),
      types: rows.slots.map(({ type }) => type),
    }
  }

  /** Records come here as they are; of a condition Flink tests what it can. */
  #records(scan: Scan, limit: Limit | undefined, sort?: Sort): Scan {
    if (scan.backward !== undefined)
      throw new Refusal('Only the newest records are wanted, which are read from the ends of the partitions here.')
    const tables: FlinkTable[] = []
    const table = this.#table(scan, tables)
    const columns: Columns = (e) => table.reference(e)
    const parts = scan.where === undefined ? [] : conjuncts(scan.where)
    let refused: Refusal | undefined
    const tested = parts.flatMap((part) => {
      try {
        return [translateCondition(part, columns)]
      } catch (cause) {
        if (!(cause instanceof Refusal)) throw cause
        refused ??= cause
        return []
      }
    })
    if (refused !== undefined && tested.length === 0) throw refused
    // Without an order the reading here just ends: a record that it cannot read is no row, and another one takes its place.
    const most = sort === undefined || limit === undefined ? undefined : limit.skip + limit.count + 1
    if (sort !== undefined && (refused !== undefined || most === undefined || most > LARGE))
      throw refused ?? new Refusal(SORTED, undefined, 'Write a LIMIT.')
    // All rows that the sorting here could choose: it decides among equal ones as ever.
    const order = sort?.by.flatMap((by) => orderKeys(translateAny(by.expr, columns), by)) ?? []
    const raw = table.raw(this.#headers)
    const rows = table.rows(raw)
    const kept = tested.length === 0 ? rows : filtered(rows, list(tested, ' AND '), table.names(raw))
    const first = most === undefined ? sql`` : sql` LIMIT ${most}`
    const query = sql`SELECT ${list(rawColumns(table, raw), ', ')} FROM (${sortable(kept, order, raw.length)})${orderBy(order)}${first}`
    this.#parts.push({ tables, query, gives: { recordsOf: table, most } })
    return { ...scan, foreign: this.#parts.length - 1, headersOnly: undefined, limit: undefined }
  }

  #table(scan: Scan, tables: FlinkTable[]): FlinkTable {
    const ranges = this.#ranges.get(scan)
    if (ranges === undefined) throw new Refusal('The bounds of a topic are not known.')
    const table = new FlinkTable(scan, ranges, this.#tables++, this.#look)
    tables.push(table)
    return table
  }
}

const SORTED = 'ORDER BY without a LIMIT is not handed over to Flink: every record would come here to be sorted.'

/** A LIMIT of more rows says nothing. */
const LARGE = 1_000_000_000

/** Records with the keys that they are sorted by. */
function sortable(rows: FlinkSql, order: readonly OrderKey[], width: number): FlinkSql {
  if (order.length === 0) return rows
  const keys = list(
    order.map(({ key }, i) => sql`${key} AS ${name(`s${i}`)}`),
    ', ',
  )
  return plainSql(sql`SELECT ${list(furtherColumns(width), ', ')}, ${keys} FROM (${staged(rows, [keys])})`)
}

/** Records that are alike come in the order of their log. */
function orderBy(order: readonly OrderKey[]): FlinkSql {
  if (order.length === 0) return sql``
  const keys = order.map(({ behind }, i) => sql`${name(`s${i}`)}${behind}`)
  return sql` ORDER BY ${list(keys, ', ')}, x0, x1`
}

function furtherColumns(width: number): FlinkSql[] {
  return Array.from({ length: width }, (_, i) => name(`x${i}`))
}

function rawColumns(table: FlinkTable, raw: readonly FlinkSql[]): FlinkSql[] {
  const { key, value } = table.rawTypes
  const shown = (column: FlinkSql, kind: 'bytes' | 'number') =>
    kind === 'bytes' ? column : sql`CAST(${column} AS STRING)`
  const [partition, offset, time, ofKey, ofValue, ...headers] = furtherColumns(raw.length)
  return [partition, offset, time, shown(ofKey, key), shown(ofValue, value), ...headers]
}

/** The columns of rows as texts. */
function textColumns(rows: FlinkSql, slots: readonly Made[]): FlinkSql {
  const columns: FlinkSql[] = []
  for (const slot of slots)
    for (const _ of slot.columns) {
      const column = name(`c${columns.length}`)
      const type = slot.term?.type
      columns.push(type === undefined ? sql`CAST(${column} AS STRING)` : toText({ sql: column, type }))
    }
  return sql`SELECT ${columns.length === 0 ? name('c0') : list(columns, ', ')} FROM (${rows})`
}

/**
 * The nodes above some rows, and below them what they look at: slots and parts of slots, each once. Nothing else comes
 * back from Flink, and no list or structure of which only a part is wanted.
 */
function narrowed(above: readonly Plan[], rows: Plan): { above: readonly Plan[]; input: Plan } {
  const wanted = new Map<string, { readonly index: number; readonly expr: BoundExpr }>()
  const look = (e: BoundExpr): BoundExpr => {
    if (!isPartOfSlot(e)) return mapChildren(e, look)
    const key = exprKey(e)
    const { index } = wanted.get(key) ?? { index: wanted.size }
    if (!wanted.has(key)) wanted.set(key, { index, expr: e })
    return { kind: 'slot', index, name: '', type: e.type, span: e.span }
  }
  const narrow = above.map((node) => mapExpressions(node, look))
  const exprs = [...wanted.values()].map(({ expr }) => expr)
  const isAll = exprs.length === widthOf(rows) && exprs.every(({ kind }) => kind === 'slot')
  if (isAll || rows.kind === 'values') return { above, input: rows }
  return { above: narrow, input: { kind: 'project', input: rows, columns: exprs.map((expr) => ({ name: '', expr })) } }
}

function isPartOfSlot(e: BoundExpr): boolean {
  if (e.kind === 'member') return isPartOfSlot(e.operand)
  if (e.kind === 'element') return e.index.kind === 'constant' && isPartOfSlot(e.operand)
  return e.kind === 'slot'
}

/** Few rows leave it, however many records are read. */
function isReduced(plan: Plan): boolean {
  switch (plan.kind) {
    case 'aggregate':
    case 'values':
      return true
    case 'limit':
      return (plan.each === undefined && plan.count <= FEW) || isReduced(plan.input)
    case 'project':
    case 'filter':
    case 'sort':
      return isReduced(plan.input)
    case 'join':
      return isReduced(plan.left) && isReduced(plan.right)
    case 'setOperation':
      return plan.sides.every(isReduced)
    default:
      return false
  }
}

/** Rows of a LIMIT in a subquery that are few. */
const FEW = 100_000
