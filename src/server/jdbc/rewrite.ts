/**
 * The JSON of a row brought in line with the schema that was sent: names mapped, what the schema does not know left
 * out, values in the form that the schema names.
 */
import { forEachMember } from '../../lib/json-read.ts'
import { compactJson, skipSpace, skipValue } from '../../lib/text/json-walk.ts'
import type { ColumnShape, Members, RecordShape, Shape } from './shape.ts'

/** A value that does not fit the schema any more; the message is for the user. */
export class ShapeError extends Error {}

/** `text` holds one JSON value between `from` and `to`. */
export function rewrite(text: string, from: number, to: number, shape: Shape): string {
  if (shape.kind !== 'record') return value(text, from, to, shape)
  // A tombstone, for instance: a row of nulls.
  if (text.charCodeAt(from) === NULL) return 'null'
  return shape.verbatim ? text.slice(from, to) : record(text, from, shape)
}

function value(text: string, from: number, to: number, shape: ColumnShape): string {
  const first = text.charCodeAt(from)
  if (first === NULL) return 'null'
  switch (shape.kind) {
    case 'scalar':
      // An object would make the driver fail, whatever the schema says.
      return first === OBJECT || first === ARRAY
        ? JSON.stringify(compactJson(text.slice(from, to)))
        : text.slice(from, to)
    case 'text':
      return first === STRING ? text.slice(from, to) : JSON.stringify(compactJson(text.slice(from, to)))
    case 'decimal':
      return first === STRING ? text.slice(from, to) : `"${text.slice(from, to)}"`
    case 'time':
      return WHOLE.test(text.slice(from, to))
        ? String(floorDivide(BigInt(text.slice(from, to)) * shape.times, shape.per))
        : text.slice(from, to)
  }
}

function record(text: string, from: number, shape: RecordShape): string {
  if (text.charCodeAt(from) !== OBJECT) throw mismatch()
  // Of repeated names the last counts, as it does for the driver's parser.
  const members = new Map<string, string>()
  const take = (at: number, { fields }: Members): void => {
    forEachMember(text, at, (key, start, end) => {
      const field = fields.get(JSON.parse(key ?? '""') as string)
      if (field === undefined) return
      if ('fields' in field) take(start, field)
      else members.set(field.name, value(text, start, end, field.shape))
    })
  }
  take(from, shape)
  return `{${[...members].map(([name, json]) => `"${name}":${json}`).join(',')}}`
}

const WHOLE = /^-?\d{1,40}$/
const NULL = 110
const OBJECT = 123
const ARRAY = 91
const STRING = 34

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b !== 0n && a < 0n ? quotient - 1n : quotient
}

function mismatch(): ShapeError {
  return new ShapeError(
    'The first rows were records and this one is none; JDBC columns cannot change. Select the fields that you need by name, or the whole value as a text with CAST(_value AS string).',
  )
}

/** Where `data.value` stands in a RECORD frame as the engine writes it. */
export function valueSpan(frame: string): { readonly from: number; readonly to: number } {
  let at = RECORD_HEAD.length
  if (frame.startsWith(KEY, at)) at = skipValue(frame, at + KEY.length) + 1
  const from = skipSpace(frame, at + VALUE.length)
  return { from, to: skipValue(frame, from) }
}

/** How the engine begins a RECORD frame. */
export const RECORD_HEAD = '{"type":"RECORD","data":{'
const KEY = '"key":'
const VALUE = '"value":'
