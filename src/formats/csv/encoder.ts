/**
 * Writes one record of CSV, without a line end: by the names of the header, or by members `c0`, `c1`, … where there is
 * none. Values are quoted where they need it. NULLs at the end are left out; before another value there is no way to
 * write one.
 */
import { jsonMembers, jsonValue } from '../../lib/json-read.ts'
import { JsonText } from '../../lib/json-text.ts'
import { type DataType, JSON_TYPE, type Value } from '../../types.ts'
import { EncodeError, type FacetEncoder } from '../encoder.ts'
import { DEFAULT_RENDER, renderValue } from '../text/render.ts'
import { CSV_LIMIT_COLUMNS, type CsvOptions } from './decoder.ts'

/** Writes what `csvDecoder` reads with the same settings. */
export function csvEncoder({ header, delimiter = ',', quote = '"' }: CsvOptions = {}): FacetEncoder {
  const type: DataType =
    header === undefined
      ? JSON_TYPE
      : { kind: 'struct', fields: header.map((name) => ({ name, type: { kind: 'string' }, nullable: true })) }
  const cell = (text: string): string =>
    text.includes(delimiter) || text.includes(quote) || /[\r\n\ufeff]/.test(text)
      ? quote + text.replaceAll(quote, quote + quote) + quote
      : text
  return {
    type,
    encode(value) {
      const texts = header === undefined ? numbered(value) : named(value, header)
      const last = texts.findLastIndex(({ text }) => text !== null)
      const gap = texts.slice(0, Math.max(0, last)).find(({ text }) => text === null)
      if (last < 0) throw new EncodeError('takes at least one value that is not NULL')
      if (gap !== undefined)
        throw new EncodeError("has no value, and CSV has no NULL before a value; write ''", [gap.name])
      return Buffer.from(
        texts
          .slice(0, last + 1)
          .map(({ text }) => cell(text ?? ''))
          .join(delimiter),
      )
    },
  }
}

interface Cell {
  readonly name: string
  readonly text: string | null
}

function named(value: Value, header: readonly string[]): Cell[] {
  if (!(value instanceof Map)) throw new EncodeError('takes the columns of the header')
  return header.map((name) => ({ name, text: (value.get(name) ?? null) as string | null }))
}

function numbered(value: Value): Cell[] {
  const json = jsonValue(renderValue(value, JSON_TYPE, DEFAULT_RENDER))
  const members = json instanceof JsonText && !json.isArray ? jsonMembers(json) : undefined
  if (members === undefined || members.size === 0)
    throw new EncodeError('takes columns c0, c1, …, or those of a configured header')
  const cells: Cell[] = []
  for (const [name, member] of members) {
    const at = /^c(0|[1-9]\d{0,4})$/.exec(name)?.[1]
    if (at === undefined || Number(at) >= CSV_LIMIT_COLUMNS)
      throw new EncodeError('is no column of CSV without a header: these are c0, c1 and so on', [name])
    if (member instanceof JsonText) throw new EncodeError('takes a single value', [name])
    cells[Number(at)] = { name, text: member === null ? null : String(member) }
  }
  return Array.from(cells, (found, i) => found ?? { name: `c${i}`, text: null })
}
