/** EXPLAIN: the plan as indented text, what was pushed down and what was not and why. Reads nothing itself. */
import type { Aggregate, BoundExpr, Output, OutputColumn, Plan, Scan } from '../plan.ts'
import { inputs } from '../inputs.ts'
import { visit } from '../expressions/children.ts'
import { visitExpressions } from '../rewrite.ts'
import { conjuncts } from '../expressions/conjuncts.ts'
import { estimatedRows } from '../estimate.ts'
import { isExact, offsetIntervals, timestampBounds } from '../pushdown.ts'
import { printBound, quoteName } from './print-bound.ts'

/** `ranges`: the text of a scan's offsets once they are known. */
export function explainPlan(output: Output, ranges: (scan: Scan) => string): string[] {
  const used = new Set<string>()
  collectPaths(output, used)
  return lines(output, 0, ranges, used)
}

function lines(plan: Plan, depth: number, ranges: (scan: Scan) => string, used: ReadonlySet<string>): string[] {
  const text = nodeText(plan, ranges, used)
  // The output is shown as a projection below its limit and sort: as a statement is usually read.
  if (plan.kind === 'output') {
    const above: string[] = []
    let input = plan.input
    while (input.kind === 'limit' || input.kind === 'sort') {
      above.push(nodeText(input, ranges, used))
      input = input.input
    }
    const shown = [...above, text].map((line, i) => '  '.repeat(depth + i) + line)
    return [...shown, ...lines(input, depth + shown.length, ranges, used)]
  }
  // What a lowered plan projects between its operators is said by the scans already.
  if (plan.kind === 'project') return lines(plan.input, depth, ranges, used)
  if (plan.kind === 'scan' && plan.where !== undefined)
    return [`${'  '.repeat(depth)}Filter ${printBound(plan.where)}`, '  '.repeat(depth + 1) + text]
  const children =
    plan.kind === 'join' ? [plan.left, plan.right] : plan.kind === 'setOperation' ? plan.sides : inputs(plan)
  return ['  '.repeat(depth) + text, ...children.flatMap((child) => lines(child, depth + 1, ranges, used))]
}

function nodeText(plan: Plan, ranges: (scan: Scan) => string, used: ReadonlySet<string>): string {
  switch (plan.kind) {
    case 'scan':
      return scanText(plan, ranges, used)
    case 'values':
      return `Values ${plan.title} rows=${plan.rows.length}`
    case 'filter':
      return `Filter ${printBound(plan.predicate)}`
    case 'project':
      return `Project ${plan.columns.map((c) => c.name).join(', ')}`
    case 'aggregate':
      return aggregateText(plan)
    case 'sort':
      return `Sort ${plan.by.map((b) => printBound(b.expr) + (b.descending ? ' DESC' : '')).join(', ')}`
    case 'limit':
      if (plan.implied) return `Limit ${plan.count} (the server's cap; no LIMIT was written)`
      return limitText(plan)
    case 'join':
      return joinText(plan)
    case 'unnest':
      return `Lateral ${printBound(plan.array)} AS ${quoteName(plan.name)}`
    case 'latest':
      return 'Latest of each key'
    case 'share':
      return (
        'Keep rows, with the different values of ' +
        `${plan.sets.map((set) => set.map((e) => printBound(e)).join(', ')).join(' and of ')}`
      )
    case 'kept':
      return plan.set === undefined ? 'Kept rows' : 'Kept values'
    case 'setOperation':
      return `${plan.op.charAt(0).toUpperCase()}${plan.op.slice(1)}${plan.all ? ' all' : ''}`
    case 'foreign':
      return `Flink ${plan.title}`
    case 'output':
      return outputText(plan)
  }
}

function outputText(plan: Output): string {
  switch (plan.shape.kind) {
    case 'record':
      return 'Project *'
    case 'bare':
      return `Project ${printBound(plan.shape.value)}`
    case 'columns':
      return `Project ${plan.shape.columns.map(columnText).join(', ')}`
  }
}

function columnText(c: OutputColumn): string {
  const text = c.spread === true ? `${printBound(c.expr)}.*` : printBound(c.expr)
  const name = c.path.map(quoteName).join('.')
  return c.spread === true || text === name || text.endsWith(`.${name}`) ? text : `${text} AS ${name}`
}

function aggregateText(plan: Aggregate): string {
  const what = plan.aggregates.map((a) => a.text).join(', ')
  const taken = plan.taken === undefined ? '' : ` (${plan.taken.join('; ')})`
  return plan.keys.length === 0
    ? `Aggregate ${what}${taken}`
    : `Aggregate ${what || 'nothing'} by ${plan.keys.map((k) => printBound(k)).join(', ')}${taken}`
}

function limitText({ each, skip, count }: Extract<Plan, { kind: 'limit' }>): string {
  const rows = count === Number.MAX_SAFE_INTEGER ? 'all' : count
  return `Limit ${each === undefined ? '' : 'of each '}${skip > 0 ? `${skip}, ` : ''}${rows}`
}

function joinText(plan: Extract<Plan, { kind: 'join' }>): string {
  const value = plan.mark?.value
  const terms = [
    ...plan.keys.map((k) => `${printBound(k.left)} = ${printBound(k.right)}`),
    ...(plan.residual === undefined ? [] : [printBound(plan.residual)]),
    ...(value === undefined ? [] : [`${printBound(value.left)} IN ${printBound(value.right)}`]),
  ]
  const type = plan.type.charAt(0).toUpperCase() + plan.type.slice(1)
  return `${type} join${terms.length === 0 ? '' : ` on ${terms.join(' AND ')}`}`
}

function scanText(scan: Scan, ranges: (scan: Scan) => string, used: ReadonlySet<string>): string {
  const parts = [`Scan ${quoteName(scan.table.name)}`, ranges(scan)]
  if (scan.captured !== undefined)
    parts.push(`records=${scan.captured.bounds === undefined ? 'unknown' : estimatedRows(scan)}`)
  if (scan.keyPartition !== undefined)
    parts.push(`partition=${scan.keyPartition.partition} (of key ${scan.keyPartition.text})`)
  if (scan.headersOnly === true) parts.push('headers only')
  if (scan.badRecords === true) parts.push('bad records as rows')
  if (scan.backward !== undefined)
    parts.push(
      `backwards by ${scan.backward.by} until ${scan.backward.rows} ` +
        `rows${scan.backward.by === 'offset' ? ' of each partition' : ''}`,
    )
  const prefix = `${scan.source} `
  const paths = [...used]
    .filter((u) => u.startsWith(prefix))
    .map((u) => u.slice(prefix.length))
    .sort()
  if (paths.length > 0) parts.push(`paths=${paths.join(' ')}`)
  return parts.filter((p) => p !== '').join(' ')
}

function collectPaths(plan: Plan, into: Set<string>): void {
  const add = (e: BoundExpr): void =>
    visit(e, (x) => {
      // Whether there is a value at all is seen without reading it.
      if (
        (x.kind === 'path' || (x.kind === 'presence' && x.path.steps.length > 0)) &&
        (x.path.facet === 'key' || x.path.facet === 'value')
      )
        into.add(`${x.source} ${[x.path.facet, ...x.path.steps].join('.')}`)
    })
  for (const e of expressions(plan)) add(e)
  for (const input of inputs(plan)) collectPaths(input, into)
}

function expressions(plan: Plan): BoundExpr[] {
  const found: BoundExpr[] = []
  // The pushed condition of a scan is no longer read from the record.
  visitExpressions(plan.kind === 'scan' ? { ...plan, pushed: undefined } : plan, (e) => found.push(e))
  return found
}

/** What of WHERE became a position, and why the rest did not. */
export function explainPushdown(plan: Plan): string[] {
  return plan.kind === 'scan' ? pushdownOf(plan) : [...new Set(inputs(plan).toReversed().flatMap(explainPushdown))]
}

function pushdownOf(scan: Scan): string[] {
  const pushed = scan.pushed === undefined ? [] : conjuncts(scan.pushed)
  const out = pushed.map((c) => pushedText(c, scan))
  if (scan.keyPartition !== undefined)
    out.push(
      `Pushed down: ${scan.keyPartition.condition} to partition ${scan.keyPartition.partition} ` +
        '(optimize.kafka.partition = true: the statement vouches for the default partitioner; every record is ' +
        'checked again, and records with this key in other partitions are not found)',
    )
  for (const c of scan.where === undefined ? [] : conjuncts(scan.where)) {
    if (!pushed.includes(c) && printBound(c) !== scan.keyPartition?.condition)
      out.push(`Not pushed down: ${printBound(c)} (${reason(c)})`)
  }
  return out
}

function pushedText(c: BoundExpr, scan: Scan): string {
  if (isExact(c)) return `Pushed down: ${printBound(c)} (exact)`
  const bounds = timestampBounds(c)
  if (Number.isFinite(bounds.max) && !Number.isFinite(bounds.min))
    return (
      `Not pushed down: ${printBound(c)} (timestamps set by producers are in no order, and a topic may hold some ` +
      'from a time when producers set them: an upper bound cannot end the scan)'
    )
  if (!Number.isFinite(bounds.min) && !Number.isFinite(bounds.max) && !narrows(c, scan))
    return `Not pushed down: ${printBound(c)} (${reason(c)})`
  return `Pushed down: ${printBound(c)} (narrows the scan; every record is checked again)`
}

/** Is there a partition of which the condition leaves a part out? */
function narrows(c: BoundExpr, scan: Scan): boolean {
  const some = { start: 0, end: 1_000_000 }
  return scan.table.partitions.some((p) => {
    const left = offsetIntervals(c, p, some)
    return left.length !== 1 || left[0].start !== some.start || left[0].end !== some.end
  })
}

function reason(c: BoundExpr): string {
  const facets = new Set<string>()
  visit(c, (e) => {
    if (e.kind === 'path' || e.kind === 'presence') facets.add(e.path.facet)
    if (e.kind === 'header') facets.add('header')
  })
  const of = [...facets].filter((f) => f !== 'meta')
  if (c.kind === 'compare' && c.op === '=' && of.length === 1 && of[0] === 'key')
    return (
      "Kafka has no index on the key, and which partition holds one is the producer's choice; SET " +
      'optimize.kafka.partition = true where all of them use the default partitioner of Java and partitions were ' +
      'never added'
    )
  return of.length === 0 ? 'it gives no range of offsets' : `Kafka has no index on the ${of.join(' and the ')}`
}
