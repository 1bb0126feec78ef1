/** A key or value of a format that Flink reads as bytes or numbers: what it is over the table of its topic. */
import { parseJson } from '../../../formats/json/text.ts'
import { numberWithoutValue } from '../../../formats/json/values.ts'
import type { TableFacet } from '../../../plan/catalog.ts'
import type { PathRef } from '../../../plan/plan.ts'
import { type DataType, JSON_TYPE, STRING, typeName, type Value } from '../../../types.ts'
import { type FlinkSql, sql } from '../flink-sql.ts'
import { wrappedAt } from '../json.ts'
import { Refusal } from '../refusal.ts'
import { decoded, GivenBack } from '../terms.ts'

/** Formats that Flink's raw format reads as one value, by the type that it has there. */
const RAW: Readonly<Record<string, FlinkSql>> = {
  INT: sql`INT`,
  LONG: sql`BIGINT`,
  FLOAT: sql`FLOAT`,
  DOUBLE: sql`DOUBLE`,
}

export type FacetName = 'key' | 'value'

/**
 * What a reference is over a table. `isJson`: wrapped JSON text; `isField`: of an Avro value that Flink decodes;
 * `ofBytes`: of the bytes of the value; `ofNewest`: right only for records that are read as the newest schema says.
 */
export interface Taken {
  readonly taken: FlinkSql
  readonly type: DataType
  readonly isJson?: boolean
  readonly isField?: boolean
  readonly ofBytes?: boolean
  readonly ofNewest?: boolean
}

export function columnOf(facet: FacetName): FlinkSql {
  return facet === 'key' ? sql`sluice_key` : sql`sluice_value`
}

export function rawType({ format, framing }: TableFacet): FlinkSql | undefined {
  return framing === 'none' && Object.hasOwn(RAW, format) ? RAW[format] : undefined
}

export function facetValue(
  table: TableFacet,
  facet: FacetName,
  steps: readonly (string | number)[],
  e: PathRef,
  checked: Set<FacetName>,
): Taken {
  const column = columnOf(facet)
  const raw = rawType(table)
  if (raw !== undefined && steps.length === 0) return { taken: scalar(table, column), type: e.type }
  if (table.framing === 'none' && steps.length === 0) {
    if (table.format === 'STRING') return { taken: decoded(sql`CAST(${column} AS STRING)`), type: STRING }
    if (table.format === 'BYTES') return { taken: column, type: e.type }
  }
  if (table.format === 'JSON' && table.framing === 'none') {
    if (e.type.kind !== 'json')
      throw new Refusal(`A column that was declared as ${typeName(e.type)} is not handed over to Flink.`, e.span)
    checked.add(facet)
    return { taken: wrappedAt(sql`CAST(${column} AS STRING)`, steps), type: JSON_TYPE, isJson: true }
  }
  throw new Refusal(
    `Fields of a ${facet} in the format ${table.format} are not handed over to Flink.`,
    e.span,
    'Leave the statement to Sluice: SET engine = sluice.',
  )
}

/** A whole key or value as the reading here makes it of the text of a record. */
export function wholeJson(said: string): Value {
  const value = numberWithoutValue(said) === undefined ? parseJson(said.trim()) : undefined
  if (value === undefined) throw new GivenBack(`a JSON value that is none here: ${said.slice(0, 100)}`)
  return value
}

/** Whole numbers and doubles of other widths are carried as wide ones. */
function scalar({ format }: TableFacet, column: FlinkSql): FlinkSql {
  if (format === 'INT') return sql`CAST(${column} AS BIGINT)`
  return format === 'FLOAT' ? sql`CAST(${column} AS DOUBLE)` : column
}
