/**
 * CSV readers: one record of RFC 4180 in each facet, with or without the line end behind it. All values are strings.
 * With a header the columns have its names, else they are `c0`, `c1`, … It reads no files and infers no types.
 */
import { type Code, js, NOTHING } from '../../codegen/emitter.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { DataType, Value } from '../../types.ts'
import { conversion } from '../reading/convert.ts'
import type { FacetDecoder, Want } from '../format.ts'
import { jsonDecoder } from '../json/decoder.ts'
import { convertedDecoder } from '../reading/relay.ts'
import { jsonString } from '../text/render.ts'
import { type RawBuffer, stringAt } from '../reading/reader-runtime.ts'
import { existsNames, isWanted } from '../reading/want.ts'

/** What a topic of CSV is written with. */
export interface CsvOptions {
  /** Names of the columns, in order. */
  readonly header?: readonly string[]
  /** One ASCII character; default a comma. */
  readonly delimiter?: string
  /** One ASCII character; default `"`. */
  readonly quote?: string
}

/** Limit `csv.columns` (columns): columns of one record. Beyond it: the record is bad. */
export const CSV_LIMIT_COLUMNS = 10_000

/** The decoder. Throws for a delimiter or quote that is not one ASCII character, or the same as the other. */
export function csvDecoder(options: CsvOptions = {}): FacetDecoder {
  const delimiter = asciiCode(options.delimiter ?? ',', 'delimiter')
  const quote = asciiCode(options.quote ?? '"', 'quote')
  if (delimiter === quote) throw new Error('The delimiter and the quote of CSV are the same character.')
  const { header } = options
  const split = (b: RawBuffer, from: number, to: number): string[] | undefined =>
    splitRecord(b, from, to, delimiter, quote)
  if (header !== undefined) return withHeader(header, split)
  return convertedDecoder('csv', jsonDecoder(), (b, from, to) => {
    const values = split(b, from, to)
    return values === undefined
      ? undefined
      : Buffer.from(`{${values.map((value, i) => `"c${i}":${jsonString(value)}`).join(',')}}`)
  })
}

function asciiCode(text: string, what: string): number {
  const code = text.charCodeAt(0)
  if (text.length !== 1 || code > 126 || code === 10 || code === 13)
    throw new Error(`The ${what} of CSV must be one ASCII character, not ${JSON.stringify(text)}.`)
  return code
}

/**
 * The values of one record; undefined when it is not one. A quote inside of a value that does not begin with one is an
 * ordinary character.
 */
export function splitRecord(
  b: RawBuffer,
  from: number,
  to: number,
  delimiter: number,
  quote: number,
): string[] | undefined {
  let p = b[from] === 239 && b[from + 1] === 187 && b[from + 2] === 191 && to - from >= 3 ? from + 3 : from
  if (to > p && b[to - 1] === 10) to--
  if (to > p && b[to - 1] === 13) to--
  const values: string[] = []
  for (;;) {
    if (values.length === CSV_LIMIT_COLUMNS) return undefined
    const start = p
    if (p < to && b[p] === quote) {
      const end = quotedEnd(b, p + 1, to, quote)
      if (end < 0) return undefined
      const text = stringAt(b, p + 1, end - 1)
      const mark = String.fromCharCode(quote)
      values.push(text.includes(mark) ? text.replaceAll(mark + mark, mark) : text)
      p = end
    } else {
      while (p < to && b[p] !== delimiter && b[p] !== 10 && b[p] !== 13) p++
      values.push(stringAt(b, start, p))
    }
    if (p >= to) return values
    // A line end, or something behind a closing quote: not one record.
    if (b[p] !== delimiter) return undefined
    p++
  }
}

/** The position behind the closing quote, or -1. */
function quotedEnd(b: Uint8Array, p: number, to: number, quote: number): number {
  for (; p < to; p++) {
    if (b[p] !== quote) continue
    if (p + 1 >= to || b[p + 1] !== quote) return p + 1
    p++
  }
  return -1
}

function withHeader(
  header: readonly string[],
  splitAny: (b: RawBuffer, from: number, to: number) => string[] | undefined,
): FacetDecoder {
  const type: DataType = {
    kind: 'struct',
    fields: header.map((name) => ({ name, type: { kind: 'string' }, nullable: true })),
  }
  const columnText = (value: string | undefined): string => (value === undefined ? 'null' : jsonString(value))
  const text = (values: readonly string[]): string =>
    `{${header.map((name, i) => `${jsonString(name)}:${columnText(values[i])}`).join(',')}}`
  const split = (b: RawBuffer, from: number, to: number): string[] | undefined => {
    const values = splitAny(b, from, to)
    return values === undefined || values.length > header.length ? undefined : values
  }
  const struct = (values: readonly string[], names: readonly string[]): Value =>
    new Map(names.map((name) => [name, header.includes(name) ? (values[header.indexOf(name)] ?? null) : null]))
  return {
    title: 'csv',
    type,
    emit(want, { emitter: e, from, to, bad, validate }) {
      if (!isWanted(want) && !validate) return NOTHING
      const values = e.name('values')
      const parts: Code[] = [
        js`const ${values} = ${e.constant(split, 'split')}(b, ${from}, ${to}); if (${values} === undefined) ${bad}`,
      ]
      parts.push(js`${existsNames(want).map((flag) => js`${flag} = false`)}`)
      if (want.exists !== undefined) parts.push(js`${want.exists} = true`)
      if (want.text !== undefined) parts.push(js`${want.text} = ${e.constant(text, 'text')}(${values})`)
      if (want.value !== undefined && want.type.kind === 'json') {
        parts.push(js`${want.value} = new ${e.constant(JsonText, 'JsonText')}(${e.constant(text, 'text')}(${values}))`)
      } else if (want.value !== undefined) {
        const names = want.type.kind === 'struct' ? want.type.fields.map((field) => field.name) : undefined
        parts.push(
          names === undefined
            ? bad
            : js`${want.value} = ${e.constant(struct, 'struct')}(${values}, ${e.constant(names, 'names')})`,
        )
      }
      for (const child of want.children) {
        const index = typeof child.step === 'string' ? header.indexOf(child.step) : -1
        if (index >= 0) parts.push(column(child, js`${values}[${index}]`, bad))
      }
      return js`{ ${parts} }`
    },
  }
}

/** One column: a string, or absent. */
function column(want: Want, value: Code, bad: Code): Code {
  const parts: Code[] = []
  if (want.exists !== undefined) parts.push(js`${want.exists} = true`)
  if (want.text !== undefined) parts.push(js`${want.text} = JSON.stringify(${value})`)
  if (want.value !== undefined) {
    if (want.type.kind === 'json' || conversion({ kind: 'string' }, want.type) === null)
      parts.push(js`${want.value} = ${value}`)
    else parts.push(bad)
    if (want.slice !== undefined) parts.push(js`${want.slice.from} = -2`)
  }
  return js`if (${value} !== undefined) { ${parts} }`
}
