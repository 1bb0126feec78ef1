/** EXPLAIN: the plan as indented text, what was pushed down and what was not and why. Reads nothing itself. */
import type { Aggregate, BoundExpr, Output, OutputColumn, Plan, Scan } from './plan.ts'
import { visit } from './plan.ts'
import { conjuncts } from './conjuncts.ts'
import { isExact, timestampBounds } from './pushdown.ts'
import { printBound, quoteName } from './print-bound.ts'

/** `ranges`: the text of a scan's offsets once they are known. */
export function explainPlan(output: Output, ranges: (scan: Scan) => string): string[] {
  const used = new Set<string>()
  collectPaths(output, used)
  return lines(output, 0, ranges, used)
}

function lines(plan: Plan, depth: number, ranges: (scan: Scan) => string, used: ReadonlySet<string>): string[] {
  const indent = '  '.repeat(depth)
  const text = nodeText(plan, ranges, used)
  const rest = 'input' in plan ? lines(plan.input, depth + (text === undefined ? 0 : 1), ranges, used) : []
  // The output is shown as a projection below its limit: the order in which people think of them.
  if (plan.kind === 'output' && plan.input.kind === 'limit') {
    const limit = nodeText(plan.input, ranges, used)
    const below = depth + (limit === undefined ? 0 : 1)
    return [...(limit === undefined ? [] : [indent + limit]), '  '.repeat(below) + text, ...lines(plan.input.input, below + 1, ranges, used)]
  }
  return text === undefined ? rest : [indent + text, ...rest]
}

function nodeText(plan: Plan, ranges: (scan: Scan) => string, used: ReadonlySet<string>): string | undefined {
  switch (plan.kind) {
    case 'scan': return scanText(plan, ranges, used)
    case 'values': return `Values ${plan.title} rows=${plan.rows.length}`
    case 'filter': return `Filter ${printBound(plan.predicate)}`
    case 'project': return `Project ${plan.columns.map((c) => c.name).join(', ')}`
    case 'aggregate': return aggregateText(plan)
    case 'sort': return `Sort ${plan.by.map((b) => printBound(b.expr) + (b.descending ? ' DESC' : '')).join(', ')}`
    case 'limit':
      if (plan.implied) return `Limit ${plan.count} (the server's cap; no LIMIT was written)`
      return `Limit ${plan.skip > 0 ? `${plan.skip}, ` : ''}${plan.count === Number.MAX_SAFE_INTEGER ? 'all' : plan.count}`
    case 'distinct': return 'Distinct'
    case 'output': return outputText(plan)
  }
}

function outputText(plan: Output): string {
  switch (plan.shape.kind) {
    case 'record': return 'Project *'
    case 'bare': return `Project ${printBound(plan.shape.value)}`
    case 'columns': return `Project ${plan.shape.columns.map(columnText).join(', ')}`
  }
}

function columnText(c: OutputColumn): string {
  const text = c.spread === true ? `${printBound(c.expr)}.*` : printBound(c.expr)
  const name = c.path.map(quoteName).join('.')
  return c.spread === true || text === name || text.endsWith(`.${name}`) ? text : `${text} AS ${name}`
}

function aggregateText(plan: Aggregate): string {
  const what = plan.aggregates.map((a) => a.text).join(', ')
  return plan.keys.length === 0 ? `Aggregate ${what}` : `Aggregate ${what || 'nothing'} by ${plan.keys.map(printBound).join(', ')}`
}

function scanText(scan: Scan, ranges: (scan: Scan) => string, used: ReadonlySet<string>): string {
  const parts = [`Scan ${quoteName(scan.table.name)}`, ranges(scan)]
  if (scan.keyPartition !== undefined) parts.push(`partition=${scan.keyPartition.partition} (of key ${scan.keyPartition.text})`)
  if (scan.headersOnly === true) parts.push('headers only')
  const paths = [...used].sort()
  if (paths.length > 0) parts.push(`paths=${paths.join(' ')}`)
  return parts.filter((p) => p !== '').join(' ')
}

function collectPaths(plan: Plan, into: Set<string>): void {
  const add = (e: BoundExpr): void =>
    visit(e, (x) => {
      if ((x.kind === 'path' || x.kind === 'presence') && (x.path.facet === 'key' || x.path.facet === 'value')) into.add([x.path.facet, ...x.path.steps].join('.'))
    })
  for (const e of expressions(plan)) add(e)
  if ('input' in plan) collectPaths(plan.input, into)
}

function expressions(plan: Plan): BoundExpr[] {
  switch (plan.kind) {
    case 'filter': return [plan.predicate]
    case 'project': return plan.columns.map((c) => c.expr)
    case 'aggregate': return [...plan.keys, ...plan.aggregates.flatMap((a) => [a.arg, a.filter].filter((e) => e !== undefined))]
    case 'output': return plan.shape.kind === 'record' ? [plan.shape.key, plan.shape.value] : plan.shape.kind === 'bare' ? [plan.shape.value] : [...plan.shape.columns.map((c) => c.expr), ...(plan.shape.key === undefined ? [] : [plan.shape.key])]
    default: return []
  }
}

/** What of WHERE became a position, and why the rest did not. */
export function explainPushdown(plan: Plan): string[] {
  const scan = findScan(plan)
  if (scan === undefined) return []
  const out: string[] = []
  for (const c of scan.pushed === undefined ? [] : conjuncts(scan.pushed)) {
    const bounds = timestampBounds(c)
    const timed = Number.isFinite(bounds.min) || Number.isFinite(bounds.max)
    if (isExact(c)) out.push(`Pushed down: ${printBound(c)} (exact)`)
    else if (timed && !Number.isFinite(bounds.min) && scan.table.timestampType !== 'LogAppendTime') out.push(`Not pushed down: ${printBound(c)} (timestamps set by producers are in no order: an upper bound cannot end the scan)`)
    else out.push(`Pushed down: ${printBound(c)} (narrows the scan; every record is checked again)`)
  }
  if (scan.keyPartition !== undefined) out.push(`Pushed down: _key = '${scan.keyPartition.text}' to partition ${scan.keyPartition.partition} (default partitioner; every record is checked again; SET optimize.kafka.partition = false switches it off)`)
  const filter = findFilter(plan)
  for (const c of filter === undefined ? [] : conjuncts(filter)) {
    if (scan.pushed !== undefined && conjuncts(scan.pushed).includes(c)) continue
    out.push(`Not pushed down: ${printBound(c)} (${reason(c)})`)
  }
  return out
}

function reason(c: BoundExpr): string {
  const facets = new Set<string>()
  visit(c, (e) => {
    if (e.kind === 'path' || e.kind === 'presence') facets.add(e.path.facet)
    if (e.kind === 'header') facets.add('header')
  })
  const of = [...facets].filter((f) => f !== 'meta')
  return of.length === 0 ? 'it gives no range of offsets' : `Kafka has no index on the ${of.join(' and the ')}`
}

export function findScan(plan: Plan): Scan | undefined {
  if (plan.kind === 'scan') return plan
  return 'input' in plan ? findScan(plan.input) : undefined
}

function findFilter(plan: Plan): BoundExpr | undefined {
  if (plan.kind === 'filter' && plan.input.kind === 'scan') return plan.predicate
  return 'input' in plan ? findFilter(plan.input) : undefined
}
