/**
 * The frames of the JDBC dialect, which is not v2: SCHEMA first (or END alone when there is no result set, or ERROR),
 * then RECORD and END, and nothing else, ever. Pure: text in, text out. Source: the driver `lenses-jdbc` 3.0.2, which
 * looks at `type`, `data.valueSchema` and `data.value` alone.
 */

/** `avroSchema`: the JSON text of an Avro schema; sent as a string, which the driver parses. */
export function jdbcSchema(avroSchema: string): string {
  return JSON.stringify({ type: 'SCHEMA', data: { valueSchema: avroSchema } })
}

/** `value`: the JSON text of the row's value; `null` is a row of nulls. */
export function jdbcRecord(value: string): string {
  return `{"type":"RECORD","data":{"value":${value}}}`
}
