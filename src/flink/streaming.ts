/**
 * A statement as a job that goes on: what was found by asking becomes a pipeline. Records of one topic, filtered and
 * projected, go into another topic as they come; the job begins at the offsets where the question would.
 */
import type { WrittenTo } from '../engine/host.ts'
import type { ScanRanges } from '../engine/scan/ranges.ts'
import { windowedParts } from '../formats/format.ts'
import type { Table } from '../plan/catalog.ts'
import { type DataType, typeName } from '../types.ts'
import type { BoundExpr, Output, Scan } from '../plan/plan.ts'
import { namesOf } from './names.ts'
import { canonicalOf } from './translate/carriers.ts'
import { type Columns, translate, translateCondition } from './translate/expressions/expression.ts'
import { type FlinkSql, list, name, once, plainSql, sql, staged, text } from './translate/flink-sql.ts'
import { Refusal } from './translate/refusal.ts'
import { filtered } from './translate/rows/slots.ts'
import { type FlinkKafka, FlinkTable, shownProperties } from './translate/records/tables.ts'
import { guard, jacksonText, type Term } from './translate/terms.ts'

/** The statements: runtime mode, both tables, INSERT. Throws a Refusal. */
export function streamingJob(
  plan: Output,
  ranges: ReadonlyMap<Scan, ScanRanges>,
  into: WrittenTo,
  { kafka, isolation }: { readonly kafka: FlinkKafka; readonly isolation: string },
): string[] {
  const { scan, columns } = projected(plan, into)
  const resolved = ranges.get(scan)
  if (resolved === undefined) throw new Refusal('The bounds of the topic are not known.')
  const table = new FlinkTable(scan, resolved, 0, { divides: false, names: namesOf(plan) })
  const reference: Columns = (e) => table.reference(e)
  // A job without an end goes beyond the offsets that are known now: what they were narrowed by is a condition of it.
  const conditions = [scan.where, scan.pushed].filter((e) => e !== undefined)
  const all = conditions.map((e) => translateCondition(e, reference))
  const condition = all.length === 0 ? undefined : list(all, ' AND ')
  const copied: FlinkSql[] = []
  const bytes = FACETS.map((facet) => {
    const own = columns.filter(({ target }) => target.facet === facet)
    const made = ofFacet(facet, own, into.table, reference)
    if (made !== undefined) return made
    copied.push(sql`${copyOf(facet, own, table, into.table)} AS ${name(`x${copied.length}`)}`)
    return name(`x${copied.length - 1}`)
  })
  const rows = table.rows(copied)
  const kept = condition === undefined ? rows : filtered(rows, condition, table.names(copied))
  const query = plainSql(sql`INSERT INTO sluice_target\nSELECT ${list(bytes, ', ')} FROM (${staged(kept, bytes)})`)
  return [
    "SET 'execution.runtime-mode' = 'streaming'",
    "SET 'table.local-time-zone' = 'UTC'",
    ...table.ddl({ kafka, isolation, shown: true, streaming: true }).map(({ text: ddl }) => ddl),
    target(into.table, kafka).text,
    query.text,
  ]
}

const FACETS = ['key', 'value'] as const
type FacetName = (typeof FACETS)[number]

/** A column, and what it is in the records that are written. */
interface Column {
  readonly target: WrittenTo['targets'][number]
  readonly expr: BoundExpr
}

/** The one scan of a plan, and the columns that are made of its records. */
function projected({ input, shape }: Output, { targets }: WrittenTo): { scan: Scan; columns: readonly Column[] } {
  if (input.kind !== 'scan')
    throw new Refusal('A job that goes on is made of one topic, WHERE and columns.', undefined, REMEDY)
  if (shape.kind !== 'columns' || shape.columns.length !== targets.length)
    throw new Refusal('Columns that are not known are not written by a job.', undefined, REMEDY)
  const columns = shape.columns.map(({ expr }, i) => ({ target: targets[i], expr }))
  const header = columns.find(({ target }) => target.facet === 'header')
  if (header !== undefined) throw new Refusal('Headers are not written by a job.', header.expr.span, REMEDY)
  return { scan: input, columns }
}

const REMEDY = 'SELECT * or plain columns of one topic, with a WHERE.'

/**
 * The bytes of a key or value that is made of columns, as INSERT makes them; undefined for one that is copied. Throws a
 * Refusal.
 */
function ofFacet(facet: FacetName, columns: readonly Column[], into: Table, reference: Columns): FlinkSql | undefined {
  const none = sql`CAST(NULL AS BYTES)`
  const [first] = columns
  if (columns.length === 0 || (isWhole(first) && isNull(first.expr))) {
    if (facet === 'key' && into.compacted)
      throw new Refusal(`${into.name} is compacted: every record needs a key.`, first?.expr.span, 'SELECT _key, …')
    return none
  }
  const { format, framing } = into[facet]
  if (isWhole(first)) {
    const { expr } = first
    if (expr.kind === 'path' && expr.path.facet === facet && expr.path.steps.length === 0) return undefined
    if (format !== 'STRING' || framing !== 'none' || (expr.type.kind !== 'string' && expr.type.kind !== 'uuid'))
      throw new Refusal(
        `A whole ${facet} is copied, NULL or a text for a topic of texts, and here a ${expr.type.kind} for a ${facet} that is ${format}.`,
        expr.span,
      )
    return sql`ENCODE(${once(translate(expr, reference).sql)}, 'UTF-8')`
  }
  if (facet === 'key') throw new Refusal('Fields of keys are not written by a job.', first.expr.span, REMEDY)
  return jsonOf(columns, reference, into)
}

function isWhole({ target }: Column): boolean {
  return target.path.length === 0
}

function isNull(e: BoundExpr): boolean {
  return e.kind === 'constant' && e.value === null
}

/** The bytes of a key or value that stays what it is: it has to be of the same format there. */
function copyOf(facet: FacetName, [{ expr }]: readonly Column[], table: FlinkTable, into: Table): FlinkSql {
  const from = table.scan.table[facet]
  const to = into[facet]
  if (from.format !== to.format || from.framing !== to.framing)
    throw new Refusal(
      `A ${facet} that is copied stays what it is, and that of ${into.name} is ${to.format}, not ${from.format}.`,
      expr.span,
    )
  if (from.framing !== 'none' && (to.writer === undefined || from.writer?.id !== to.writer.id))
    throw new Refusal(
      `A ${facet} that is copied keeps its schema, and that of ${into.name} is written with another one.`,
      expr.span,
    )
  if (from.reading !== to.reading || to.declared !== undefined)
    throw new Refusal(
      `A ${facet} that is copied stays what it is, and that of ${into.name} has settings or columns of its own.`,
      expr.span,
    )
  // Kafka Streams puts all windows of a key into one partition, which a job of Flink does not.
  if (facet === 'key' && windowedParts(to.format) !== undefined)
    throw new Refusal('Windowed keys are not written by a job.', expr.span)
  return table.copy(facet)
}

/** A JSON object of canonical texts. */
function jsonOf(columns: readonly Column[], reference: Columns, into: Table): FlinkSql {
  const { format, framing, declared } = into.value
  if (format !== 'JSON' || framing !== 'none')
    throw new Refusal(`Columns are written as JSON, and the value of ${into.name} is ${format}.`)
  const members = columns.map(({ target: { path, title }, expr }) => {
    if (path.length !== 1)
      throw new Refusal('Columns that make structures are not written by a job.', expr.span, REMEDY)
    return { name: path[0], title, expr, at: declared?.fields.findIndex((field) => field.name === path[0]) ?? 0 }
  })
  const twice = members.find((one, i) => members.findIndex((other) => other.name === one.name) < i)
  if (twice !== undefined) throw new Refusal(`"${twice.title}" is given twice.`, twice.expr.span)
  // INSERT writes them in that order, too.
  members.sort((a, b) => a.at - b.at)
  const texts = members.map((member, i) => {
    const term = translate(member.expr, reference)
    if (declared !== undefined) sameType(term, declared.fields[member.at].type, member.title, member.expr)
    const before = text(`${i === 0 ? '' : ','}${jacksonText(member.name)}:`)
    return sql`${before}, COALESCE(${written(once(canonicalOf(term)))}, 'null')`
  })
  return sql`ENCODE(CONCAT('{', ${list(texts, ', ')}, '}'), 'UTF-8')`
}

/** A declared column takes values of other types by rules that are not those of Flink. */
function sameType({ type }: Term, wanted: DataType, title: string, { span }: BoundExpr): void {
  const isPlain = type.kind === 'string' || type.kind === 'boolean' || type.kind === 'int' || type.kind === 'long'
  if (!isPlain || type.kind !== wanted.kind)
    throw new Refusal(`"${title}" was declared as ${typeName(wanted)}, and is a ${typeName(type)} here.`, span)
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
