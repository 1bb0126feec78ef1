/** A bound expression as SQL-like text, for EXPLAIN. */
import { Decimal } from '../lib/decimal.ts'
import { JsonText } from '../lib/json-text.ts'
import { type Path, typeName, type Value } from '../types.ts'
import type { BoundExpr } from './plan.ts'

const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/

export function quoteName(name: string): string {
  return PLAIN.test(name) ? name : `\`${name.replaceAll('`', '``')}\``
}

export function printBound(e: BoundExpr): string {
  switch (e.kind) {
    case 'constant':
      return valueText(e.value)
    case 'path':
      return pathText(e.path)
    case 'slot':
    case 'column':
      return e.name
    case 'not':
      return `NOT ${nested(e.operand)}`
    case 'and':
      return e.operands.map((o) => (o.kind === 'or' ? `(${printBound(o)})` : printBound(o))).join(' AND ')
    case 'or':
      return e.operands.map((o) => (o.kind === 'and' ? `(${printBound(o)})` : printBound(o))).join(' OR ')
    case 'compare':
    case 'arithmetic':
      return `${nested(e.left)} ${e.op} ${nested(e.right)}`
    case 'negate':
      return `-${nested(e.operand)}`
    case 'isNull':
      return `${nested(e.operand)} IS ${e.negated ? 'NOT ' : ''}NULL`
    case 'in':
      return `${nested(e.operand)} ${e.negated ? 'NOT ' : ''}IN (${e.items.map(printBound).join(', ')})`
    case 'like':
      return `${nested(e.operand)} ${e.negated ? 'NOT ' : ''}LIKE ${nested(e.pattern)}`
    case 'case':
      return `CASE ${e.whens.map((w) => `WHEN ${printBound(w.when)} THEN ${printBound(w.then)}`).join(' ')} ELSE ${printBound(e.otherwise)} END`
    case 'cast':
      return e.implicit ? printBound(e.operand) : `CAST(${printBound(e.operand)} AS ${typeName(e.type)})`
    case 'function':
      return `${e.name}(${e.args.map(printBound).join(', ')})`
    case 'element':
      return `${nested(e.operand)}[${printBound(e.index)}]`
    case 'member':
      return `${nested(e.operand)}.${quoteName(e.name)}`
    case 'array':
      return `[${e.items.map(printBound).join(', ')}]`
    case 'struct':
      return `{${e.fields.map((f) => `${quoteName(f.name)}: ${printBound(f.value)}`).join(', ')}}`
    case 'presence':
      return `EXISTS(${pathText(e.path)})`
    case 'header':
      if (e.as === 'map') return '_headers'
      return e.name === undefined ? 'HEADERKEYS()' : `_headers[${printBound(e.name)}]`
    case 'lastOffset':
      return 'LAST_OFFSET()'
    case 'subquery':
      return '(SELECT …)'
  }
}

function nested(e: BoundExpr): string {
  const text = printBound(e)
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
  const prefix = { key: '_key', value: '', header: '_headers', meta: '_meta' }[path.facet]
  let out = prefix
  for (const step of path.steps) out += typeof step === 'number' ? `[${step}]` : out === '' ? quoteName(step) : `.${quoteName(step)}`
  return out === '' ? '_value' : out
}

function valueText(v: Value): string {
  if (v === null) return 'NULL'
  if (typeof v === 'string') return `'${v.replaceAll("'", "''")}'`
  if (v instanceof Uint8Array) return `0x${Buffer.from(v).toString('hex')}`
  if (Array.isArray(v)) return `[${v.map(valueText).join(', ')}]`
  if (v instanceof Map) return `{${[...v].map(([k, x]) => `${quoteName(k)}: ${valueText(x)}`).join(', ')}}`
  return v instanceof Decimal || v instanceof JsonText ? v.toString() : String(v)
}
