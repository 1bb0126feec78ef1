/** The text by which groups, sets and joins find equal values. */
import { Decimal } from '../../../lib/decimal.ts'
import type { JsonText } from '../../../lib/json-text.ts'
import type { Value } from '../../../types.ts'
import { isWholeDouble, plain } from './whole-double.ts'

/**
 * A text that is the same for equal values and different for different ones: the key of groups, sets and joins. Numbers
 * of every kind meet by value.
 */
export function canonical(v: Value): string {
  if (v === null) return 'z'
  switch (typeof v) {
    case 'string':
      return `s${v}`
    case 'number':
      if (Number.isInteger(v)) return Math.abs(v) > Number.MAX_SAFE_INTEGER ? `n${BigInt(v)}` : `n${v === 0 ? 0 : v}`
      // As a decimal of that value is written.
      return Math.abs(v) < 1e-6 ? `n${Decimal.fromNumber(v) ?? v}` : `n${v}`
    case 'bigint':
      return `n${v}`
    case 'boolean':
      return v ? 't' : 'f'
  }
  if (isWholeDouble(v)) return canonical(plain(v))
  if (v instanceof Decimal) return `n${v.normalize()}`
  if (v instanceof Uint8Array) return `b${Buffer.from(v).toString('base64')}`
  if (Array.isArray(v)) return `[${v.map((i) => lengthened(canonical(i))).join('')}]`
  if (v instanceof Map) return members([...v].map(([k, i]) => [k, canonical(i)]))
  return canonicalJson(v)
}
function lengthened(s: string): string {
  return `${s.length}:${s}`
}

/** As arrays and structures: white space, the order of members and the way a number is written do not count. */
function canonicalJson(v: JsonText): string {
  return canonicalParsed(JSON.parse(v.text, exactNumber as (key: string, value: unknown) => unknown))
}

/**
 * The digits of a whole number that is too long for a number: JSON has one way to write them, and no bigint is made of
 * what a record may make very long.
 */
class Digits {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

function exactNumber(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return /^-?\d+$/.test(context.source ?? '') ? new Digits(context.source as string) : value
}

function canonicalParsed(v: unknown): string {
  if (v instanceof Digits) return `n${v.text}`
  if (Array.isArray(v)) return `[${v.map((i) => lengthened(canonicalParsed(i))).join('')}]`
  if (typeof v === 'object' && v !== null) return members(Object.entries(v).map(([k, i]) => [k, canonicalParsed(i)]))
  return canonical(v as Value)
}

function members(entries: readonly (readonly [string, string])[]): string {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${sorted.map(([k, text]) => lengthened(`s${k}`) + lengthened(text)).join('')}}`
}
