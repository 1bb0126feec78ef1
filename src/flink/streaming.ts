/**
 * A statement as a job that goes on: what was found by asking becomes a pipeline. Records of one topic, filtered and
 * projected, go into another topic as they come; the job begins at the offsets where the question would.
 */
import type { ScanRanges } from '../engine/scan/ranges.ts'
import type { Table } from '../plan/catalog.ts'
import type { BoundExpr, Output, Scan } from '../plan/plan.ts'
import { canonicalOf } from './translate/carriers.ts'
import { type Columns, translate, translateCondition } from './translate/expressions/expression.ts'
import { type FlinkSql, list, once, plainSql, sql, staged, text } from './translate/flink-sql.ts'
import { Refusal } from './translate/refusal.ts'
import { filtered } from './translate/rows/slots.ts'
import { type FlinkKafka, FlinkTable, shownProperties } from './translate/records/tables.ts'
import { guard, jacksonText } from './translate/terms.ts'

/** The statements: runtime mode, both tables, INSERT. Throws a Refusal. */
export function streamingJob(
  plan: Output,
  ranges: ReadonlyMap<Scan, ScanRanges>,
  into: Table,
  { kafka, isolation }: { readonly kafka: FlinkKafka; readonly isolation: string },
): string[] {
  const { scan, columns } = projected(plan)
  const resolved = ranges.get(scan)
  if (resolved === undefined) throw new Refusal('The bounds of the topic are not known.')
  const table = new FlinkTable(scan, resolved, 0)
  const reference: Columns = (e) => table.reference(e)
  const value = columns === undefined ? sql`x4` : jsonOf(columns, reference, into)
  if (columns === undefined) sameFormats(scan.table, into)
  // A job without an end goes beyond the offsets that are known now: what they were narrowed by is a condition of it.
  const conditions = [scan.where, scan.pushed].filter((e) => e !== undefined)
  const all = conditions.map((e) => translateCondition(e, reference))
  const condition = all.length === 0 ? undefined : list(all, ' AND ')
  const raw = table.raw(false)
  const rows = table.rows(raw)
  const kept = condition === undefined ? rows : filtered(rows, condition, table.names(raw))
  const query = plainSql(sql`INSERT INTO sluice_target\nSELECT x3, ${value} FROM (${staged(kept, [value])})`)
  return [
    "SET 'execution.runtime-mode' = 'streaming'",
    "SET 'table.local-time-zone' = 'UTC'",
    ...table.ddl({ kafka, isolation, shown: true, streaming: true }).map(({ text: ddl }) => ddl),
    target(into, kafka).text,
    query.text,
  ]
}

/** The one scan of a plan, and the columns that are made of its records; none: records stay what they are. */
function projected({ input, shape }: Output): {
  scan: Scan
  columns?: readonly { readonly name: string; readonly expr: BoundExpr }[]
} {
  if (input.kind !== 'scan')
    throw new Refusal('A job that goes on is made of one topic, WHERE and columns.', undefined, REMEDY)
  if (shape.kind === 'record') return { scan: input }
  if (shape.kind !== 'columns' || shape.columns.some(({ spread, path }) => spread === true || path.length !== 1))
    throw new Refusal('Columns that make structures are not written by a job.', undefined, REMEDY)
  return { scan: input, columns: shape.columns.map(({ path, expr }) => ({ name: path[0], expr })) }
}

const REMEDY = 'SELECT * or plain columns of one topic, with a WHERE.'

function sameFormats(from: Table, into: Table): void {
  for (const facet of ['key', 'value'] as const)
    if (from[facet].format !== into[facet].format)
      throw new Refusal(
        `Records stay what they are, and the ${facet} of ${into.name} is ${into[facet].format}, not ${from[facet].format}.`,
      )
}

/** A JSON object of canonical texts. */
function jsonOf(
  columns: readonly { readonly name: string; readonly expr: BoundExpr }[],
  reference: Columns,
  into: Table,
): FlinkSql {
  if (into.value.format !== 'JSON')
    throw new Refusal(`Columns are written as JSON, and the value of ${into.name} is ${into.value.format}.`)
  const members = columns.map(({ name, expr }, i) => {
    const before = text(`${i === 0 ? '' : ','}${jacksonText(name)}:`)
    return sql`${before}, COALESCE(${written(once(canonicalOf(translate(expr, reference))))}, 'null')`
  })
  return sql`ENCODE(CONCAT('{', ${list(members, ', ')}, '}'), 'UTF-8')`
}

/** A canonical text as JSON: that of an odd number begins with a mark, and NaN is no JSON at all. */
function written(canonical: FlinkSql): FlinkSql {
  const bare = sql`SUBSTRING(${canonical} FROM 2)`
  const none = guard('a number that JSON has no word for is written', canonical, sql`STRING`)
  return sql`CASE WHEN SUBSTRING(${canonical} FROM 1 FOR 1) <> '!' THEN ${canonical} WHEN REGEXP(${bare}, '^-?[0-9]') THEN ${bare} ELSE ${none} END`
}

function target(into: Table, kafka: FlinkKafka): FlinkSql {
  const options: [string, string][] = [
    ['connector', 'kafka'],
    ['topic', into.topic],
    ...shownProperties(kafka, true),
    ['key.format', 'raw'],
    ['key.fields', 'k'],
    ['value.format', 'raw'],
    ['value.fields-include', 'EXCEPT_KEY'],
  ]
  const written = options.map(([key, value]) => sql`${text(key)} = ${text(value)}`)
  return sql`CREATE TEMPORARY TABLE sluice_target (\n  k BYTES,\n  v BYTES\n) WITH (\n  ${list(written, ',\n  ')}\n)`
}
