/**
 * CSV as RFC 4180 has it: CRLF, a header line, quotes around what needs them. NULL is a field without quotes (empty
 * unless the options say otherwise), the empty text is `""`. Structures, lists and maps are JSON text.
 */
import type { ResultColumn } from '../engine/host.ts'
import type { RenderOptions } from '../formats/format.ts'
import { renderValue } from '../formats/text/render.ts'
import type { DataType, Value } from '../types.ts'
import type { ByteOut } from './byte-out.ts'
import { distinctNames } from './columns.ts'
import type { ExportOptions } from './options.ts'
import type { ResultWriter } from './writer.ts'

const NEEDS_QUOTES = /[",\r\n]/
/** What spreadsheets take for the beginning of a formula, in both widths. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/

export class CsvWriter implements ResultWriter {
  readonly #out: ByteOut
  readonly #columns: readonly ResultColumn[]
  readonly #render: RenderOptions
  readonly #options: Pick<ExportOptions, 'formulas' | 'nullText'>

  constructor(
    out: ByteOut,
    columns: readonly ResultColumn[],
    render: RenderOptions,
    options: Pick<ExportOptions, 'formulas' | 'nullText'>,
  ) {
    this.#out = out
    this.#columns = columns
    this.#render = render
    this.#options = options
    const names = distinctNames(columns.map(({ path }) => path.join('.')))
    this.#out.text(`${names.map((name) => this.#field(name)).join(',')}\r\n`)
  }

  row(row: readonly Value[]): void {
    let line = ''
    for (let i = 0; i < this.#columns.length; i++) {
      if (i > 0) line += ','
      line += this.#value(row[i] ?? null, this.#columns[i].type)
    }
    this.#out.text(`${line}\r\n`)
  }

  /** The format has no place for an outcome: it is in the HTTP trailer. */
  finish(): void {
    this.#out.flush()
  }

  #value(value: Value, type: DataType): string {
    if (value === null) return this.#options.nullText
    if (typeof value === 'string') return this.#field(value)
    const text = renderValue(value, type, this.#render)
    // What is in quotes there is no text of a user: it holds nothing that JSON escapes.
    return text.charCodeAt(0) === 34 ? this.#quoted(text.slice(1, -1)) : this.#quoted(text)
  }

  /** A text of a user. */
  #field(text: string): string {
    return this.#quoted(this.#options.formulas === 'escape' && FORMULA.test(text) ? `'${text}` : text)
  }

  #quoted(text: string): string {
    return text === '' || text === this.#options.nullText || NEEDS_QUOTES.test(text)
      ? `"${text.replaceAll('"', '""')}"`
      : text
  }
}
