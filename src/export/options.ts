/** What can be asked of an export: the formats, and what each lets one choose. Plain data. */

/** The formats, with their content types and the usual ending of a file's name. */
export const EXPORT_FORMATS = {
  csv: { type: 'text/csv; charset=utf-8; header=present', ending: 'csv' },
  ndjson: { type: 'application/x-ndjson', ending: 'ndjson' },
  json: { type: 'application/json; charset=utf-8', ending: 'json' },
  parquet: { type: 'application/vnd.apache.parquet', ending: 'parquet' },
  arrow: { type: 'application/vnd.apache.arrow.stream', ending: 'arrows' },
} as const

/** The name of a format. */
export type ExportFormat = keyof typeof EXPORT_FORMATS

/** An export, as it was asked for. */
export interface ExportOptions {
  readonly format: ExportFormat
  /** CSV: `escape` puts an apostrophe before texts that a spreadsheet would take for a formula. */
  readonly formulas: 'keep' | 'escape'
  /** CSV: the text of NULL, without quotes. An equal text of a column stands in quotes. */
  readonly nullText: string
  /** NDJSON and JSON: when the last line, or the last element, is `{"$sluice": …}`. */
  readonly outcome: 'incomplete' | 'always' | 'never'
}
