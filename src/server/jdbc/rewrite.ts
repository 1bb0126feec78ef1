/** The JSON of a row brought in line with the schema that was sent: names mapped, what the schema does not know left out, values in the form that the schema names. */
import { compactJson, forEachMember, skipSpace, valueEnd } from '../../lib/json-read.ts'
import type { RecordShape, Shape } from './shape.ts'

/** A value that does not fit the schema any more; the message is for the user. */
export class ShapeError extends Error {}

/** `text` holds one JSON value between `from` and `to`. */
export function rewrite(text: string, from: number, to: number, shape: Shape): string {
  return shape.kind === 'record' && shape.verbatim ? text.slice(from, to) : value(text, from, to, shape, '')
}

function value(text: string, from: number, to: number, shape: Shape, place: string): string {
  const first = text.charCodeAt(from)
  if (first === NULL) return 'null'
  switch (shape.kind) {
    case 'scalar':
      // An object would make the driver fail, whatever the schema says.
      return first === OBJECT || first === ARRAY ? JSON.stringify(compactJson(text.slice(from, to))) : text.slice(from, to)
    case 'text':
      return first === STRING ? text.slice(from, to) : JSON.stringify(compactJson(text.slice(from, to)))
    case 'decimal':
      return first === STRING ? text.slice(from, to) : `"${text.slice(from, to)}"`
    case 'time':
      return WHOLE.test(text.slice(from, to)) ? String(floorDivide(BigInt(text.slice(from, to)) * shape.times, shape.per)) : text.slice(from, to)
    case 'array': {
      if (first !== ARRAY) throw mismatch(place, 'an array')
      const items: string[] = []
      forEachMember(text, from, (_key, start, end) => items.push(value(text, start, end, shape.element, place)))
      return `[${items.join(',')}]`
    }
    case 'record':
      return record(text, from, shape, place)
  }
}

function record(text: string, from: number, shape: RecordShape, place: string): string {
  if (text.charCodeAt(from) !== OBJECT) throw mismatch(place, 'an object')
  // Of repeated names the last counts, as it does for the driver's parser.
  const members = new Map<string, string>()
  forEachMember(text, from, (key, start, end) => {
    const name = JSON.parse(key ?? '""') as string
    const field = shape.fields.get(name)
    if (field === undefined) return
    const json = value(text, start, end, field.shape, place === '' ? name : `${place}.${name}`)
    // The driver takes a structure that is not there for one whose fields are null; a null it takes for a single column.
    if (json === 'null' && field.shape.kind === 'record') members.delete(field.name)
    else members.set(field.name, json)
  })
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

function mismatch(place: string, expected: string): ShapeError {
  return new ShapeError(
    `The column ${JSON.stringify(place)} was ${expected} in the first rows and is something else here; JDBC columns cannot change. Select the fields that you need by name, with CAST(… AS string) where they vary.`,
  )
}

/** Where `data.value` stands in a RECORD frame as the engine writes it. */
export function valueSpan(frame: string): { readonly from: number; readonly to: number } {
  let at = RECORD_HEAD.length
  if (frame.startsWith(KEY, at)) at = valueEnd(frame, at + KEY.length) + 1
  const from = skipSpace(frame, at + VALUE.length)
  return { from, to: valueEnd(frame, from) }
}

export const RECORD_HEAD = '{"type":"RECORD","data":{'
const KEY = '"key":'
const VALUE = '"value":'
