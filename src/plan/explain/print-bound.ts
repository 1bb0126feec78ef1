/** A bound expression as SQL-like text, for EXPLAIN. */
import { isoDate, isoTime, isoTimestamp } from '../../lib/text/datetime-text.ts'
import { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import { type Path, RECORD_FIELDS, typeName, type Value } from '../../types.ts'
import type { BoundExpr } from '../plan.ts'

const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/

export function quoteName(name: string): string {
  return PLAIN.test(name) ? name : `\`${name.replaceAll('`', '``')}\``
}

/** What sources are called, where references are to be distinguished. */
export type SourceNames = ReadonlyMap<number, string>

function qualifier(source: number, names: SourceNames | undefined): string {
  const name = names?.get(source)
  return name === undefined ? '' : `${quoteName(name)}.`
}

/** `names`: references are written with the name of their source. */
export function printBound(e: BoundExpr, names?: SourceNames): string {
  switch (e.kind) {
    case 'constant':
      return timeText(e) ?? valueText(e.value)
    case 'path':
      return qualifier(e.source, names) + pathText(e.path)
    case 'column':
      return qualifier(e.source, names) + e.name
    case 'slot':
      return e.name
    case 'not':
      return `NOT ${nested(e.operand, names)}`
    case 'and':
      return e.operands.map((o) => (o.kind === 'or' ? `(${printBound(o, names)})` : printBound(o, names))).join(' AND ')
    case 'or':
      return e.operands.map((o) => (o.kind === 'and' ? `(${printBound(o, names)})` : printBound(o, names))).join(' OR ')
    case 'compare':
    case 'arithmetic':
      return `${nested(e.left, names)} ${e.op} ${nested(e.right, names)}`
    case 'negate':
      return `-${nested(e.operand, names)}`
    case 'isNull':
      return `${nested(e.operand, names)} IS ${e.negated ? 'NOT ' : ''}NULL`
    case 'in': {
      const items = e.items.map((x) => printBound(x, names)).join(', ')
      return `${nested(e.operand, names)} ${e.negated ? 'NOT ' : ''}IN (${items})`
    }
    case 'like':
      return `${nested(e.operand, names)} ${e.negated ? 'NOT ' : ''}LIKE ${nested(e.pattern, names)}`
    case 'case': {
      const whens = e.whens.map((w) => `WHEN ${printBound(w.when, names)} THEN ${printBound(w.then, names)}`)
      return `CASE ${whens.join(' ')} ELSE ${printBound(e.otherwise, names)} END`
    }
    case 'cast':
      return e.implicit ? printBound(e.operand, names) : `CAST(${printBound(e.operand, names)} AS ${typeName(e.type)})`
    case 'function':
      return `${e.name}(${e.args.map((x) => printBound(x, names)).join(', ')})`
    case 'element':
      return `${nested(e.operand, names)}[${printBound(e.index, names)}]`
    case 'member':
      return `${nested(e.operand, names)}.${quoteName(e.name)}`
    case 'array':
      return `[${e.items.map((x) => printBound(x, names)).join(', ')}]`
    case 'struct':
      return `{${e.fields.map((f) => `${quoteName(f.name)}: ${printBound(f.value, names)}`).join(', ')}}`
    case 'presence':
      return `EXISTS(${pathText(e.path)})`
    case 'header':
      if (e.as === 'map') return '_headers'
      if (e.name === undefined) return e.as === 'list' ? 'HEADERS()' : 'HEADERKEYS()'
      if (e.as === 'strings' || e.as === 'blobs')
        return `HEADERSAS${e.as === 'blobs' ? 'BYTES' : 'STRING'}(${printBound(e.name, names)})`
      return `_headers[${printBound(e.name, names)}]`
    case 'lastOffset':
      return 'LAST_OFFSET()'
    case 'subquery':
      return '(SELECT …)'
  }
}

function nested(e: BoundExpr, names: SourceNames | undefined): string {
  const text = printBound(e, names)
  return e.kind === 'and' ||
    e.kind === 'or' ||
    e.kind === 'compare' ||
    e.kind === 'arithmetic' ||
    e.kind === 'not' ||
    e.kind === 'in' ||
    e.kind === 'like' ||
    e.kind === 'isNull'
    ? `(${text})`
    : text
}

export function pathText(path: Path): string {
  if (path.facet === 'meta' && Object.hasOwn(RECORD_FIELDS, path.steps[0])) return String(path.steps[0])
  const prefix = { key: '_key', value: '', header: '_headers', meta: '_meta' }[path.facet]
  let out = prefix
  for (const step of path.steps)
    out += typeof step === 'number' ? `[${step}]` : out === '' ? quoteName(step) : `.${quoteName(step)}`
  return out === '' ? '_value' : out
}

/** A date or time as a literal: `'2024-02-29T00:00:00Z'`. */
function timeText({ value, type, text }: Extract<BoundExpr, { kind: 'constant' }>): string | undefined {
  if (
    (type.kind === 'timestamp' || type.kind === 'time') &&
    text !== undefined &&
    typeof value !== 'bigint' &&
    !Number.isInteger(value)
  )
    return text
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  if (type.kind === 'timestamp') return `'${isoTimestamp(value, type.unit, type.local === true)}'`
  if (type.kind === 'date') return `'${isoDate(Number(value))}'`
  return type.kind === 'time' ? `'${isoTime(value, type.unit)}'` : undefined
}

function valueText(v: Value): string {
  if (v === null) return 'NULL'
  if (typeof v === 'string') return `'${v.replaceAll("'", "''")}'`
  if (v instanceof Uint8Array) return `0x${Buffer.from(v).toString('hex')}`
  if (Array.isArray(v)) return `[${v.map(valueText).join(', ')}]`
  if (v instanceof Map) return `{${[...v].map(([k, x]) => `${quoteName(k)}: ${valueText(x)}`).join(', ')}}`
  return v instanceof Decimal || v instanceof JsonText ? v.toString() : String(v)
}
