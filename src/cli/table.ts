/**
 * Rows as a table for the terminal. Widths come from the rows seen first; a longer text later just pushes its line.
 * Cells are the JSON text as it came, strings without quotes.
 */
import { memberText } from '../lib/text/lossless-json.ts'
import { harmlessLine } from './terminal.ts'

/** Rows looked at before the first line is printed, by default. */
const SAMPLE = 200
/** Not a limit: the layout of a printed table: a wider column is cut. */
const MAX_WIDTH = 60

function isObject(json: string): boolean {
  return json.startsWith('{')
}

function memberNames(json: string): string[] {
  return Object.keys(JSON.parse(json) as object)
}

/** One line of text for a cell: no line ends, no escape sequences that could command the terminal. */
function cell(json: string | undefined): string {
  if (json === undefined) return ''
  const text = json.startsWith('"') ? String(JSON.parse(json)) : json
  return harmlessLine(text)
}

/**
 * Columns that a text takes on a terminal, nearly: wide East Asian letters and emoji count two, marks that combine
 * count none.
 */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    if (/\p{Mn}/u.test(character)) continue
    const wide =
      (code >= 0x1100 && code <= 0x115f) ||
      (code >= 0x2e80 && code <= 0xa4cf) ||
      (code >= 0xac00 && code <= 0xd7a3) ||
      (code >= 0xf900 && code <= 0xfaff) ||
      (code >= 0xff00 && code <= 0xff60) ||
      code >= 0x1f300
    width += wide ? 2 : 1
  }
  return width
}

function isNumber(json: string | undefined): boolean {
  return json === undefined || json === 'null' || /^-?\d/.test(json)
}

export class Table {
  readonly #print: (line: string) => Promise<void> | undefined
  #waiting: string[] = []
  #columns: string[] | undefined
  #widths: number[] = []
  #right: boolean[] = []

  readonly #sample: number

  /** `sample`: rows that are looked at before the first line is printed. */
  constructor(print: (line: string) => Promise<void> | undefined, sample = SAMPLE) {
    this.#print = print
    this.#sample = sample
  }

  /** `value` is the JSON text of a row. */
  async row(value: string): Promise<void> {
    if (this.#columns === undefined) {
      this.#waiting.push(value)
      if (this.#waiting.length >= this.#sample) await this.flush()
      return
    }
    const names = isObject(value) ? memberNames(value) : ['value']
    // Another statement, or a row of another shape: a new head.
    if (names.some((name) => !this.#columns?.includes(name))) {
      await this.end()
      this.#waiting.push(value)
      return
    }
    await this.#line(this.#cells(value))
  }

  /** Prints what waits, with a head if there was none. */
  async flush(): Promise<void> {
    if (this.#columns !== undefined || this.#waiting.length === 0) return
    const rows = this.#waiting
    this.#waiting = []
    const columns = [...new Set(rows.flatMap((row) => (isObject(row) ? memberNames(row) : ['value'])))]
    this.#columns = columns
    const head = columns.map(harmlessLine)
    const texts = rows.map((row) => this.#cells(row))
    this.#widths = head.map((name, i) =>
      Math.min(MAX_WIDTH, Math.max(displayWidth(name), ...texts.map((t) => displayWidth(t[i])))),
    )
    this.#right = columns.map((name) =>
      rows.every((row) => isNumber(isObject(row) ? memberText(row, name) : name === 'value' ? row : undefined)),
    )
    await this.#line(head)
    await this.#line(this.#widths.map((width) => '─'.repeat(width)))
    for (const text of texts) await this.#line(text)
  }

  /** Ends this table; a later row begins a new one. */
  async end(): Promise<void> {
    await this.flush()
    if (this.#columns === undefined) return
    this.#columns = undefined
    await this.#print('')
  }

  #cells(value: string): string[] {
    const whole = !isObject(value)
    return (this.#columns ?? []).map((name) =>
      cell(whole ? (name === 'value' ? value : undefined) : memberText(value, name)),
    )
  }

  #line(cells: readonly string[]): Promise<void> | undefined {
    const parts = cells.map((text, i) => {
      const pad = ' '.repeat(Math.max(0, this.#widths[i] - displayWidth(text)))
      return this.#right[i] ? pad + text : text + pad
    })
    return this.#print(parts.join('  ').trimEnd())
  }
}
