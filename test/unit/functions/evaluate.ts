/**
 * Evaluates an expression of literals, arrays, casts and function calls through the function registry alone, so that
 * the functions are tested without binder and engine. It checks argument counts and types as a binder has to.
 */
import { equal } from '../../../src/engine/program/values/comparison.ts'
import { castType, castValue } from '../../../src/functions/support/cast.ts'
import { findFunction } from '../../../src/functions/all-functions.ts'
import { parameterAt } from '../../../src/functions/define.ts'
import { accepts } from './accepts.ts'
import type { FunctionContext, ScalarFunction } from '../../../src/functions/function.ts'
import { jsonText } from '../../../src/functions/support/value-text.ts'
import { widest } from '../../../src/functions/support/numbers.ts'
import { jsonValue } from '../../../src/lib/json-read.ts'
import type { Expr } from '../../../src/sql/ast.ts'
import { parseExpression } from '../../../src/sql/parse.ts'
import type { DataType, Value } from '../../../src/types.ts'
import { BOOLEAN, DOUBLE, INT, LONG, NULL_TYPE, STRING } from '../../../src/types.ts'

/** 2024-02-29T07:05:05.410Z, a Thursday. */
export const CONTEXT: FunctionContext = { nowMs: 1709190305410, equal, read: jsonValue }

export interface Typed {
  readonly type: DataType
  readonly value: Value
}

/** Evaluates SQL text; a string or other text result is shown without quotes, everything else as JSON. */
export function show(sql: string): string {
  return shown(evaluate(sql))
}

export function shown({ value, type }: Typed): string {
  const text = jsonText(value, type)
  return text.startsWith('"') ? (JSON.parse(text) as string) : text
}

export function evaluate(sql: string): Typed {
  return walk(parseExpression(sql))
}

function walk(expr: Expr): Typed {
  switch (expr.kind) {
    case 'null':
      return { type: NULL_TYPE, value: null }
    case 'boolean':
      return { type: BOOLEAN, value: expr.value }
    case 'string':
      return { type: STRING, value: expr.value }
    case 'number':
      return number(expr.text)
    case 'array': {
      const items = expr.items.map(walk)
      const element = items.every((i) => i.type.kind === 'int' || i.type.kind === 'double')
        ? widest(items.map((i) => i.type))
        : items[0].type
      return { type: { kind: 'array', element }, value: items.map((i) => i.value) }
    }
    case 'unary': {
      const operand = walk(expr.operand)
      return {
        type: operand.type,
        value: typeof operand.value === 'bigint' ? -operand.value : -(operand.value as number),
      }
    }
    case 'cast': {
      const operand = walk(expr.operand)
      const type = castType(expr.type.name, expr.type.precision, expr.type.scale)
      if (type === undefined) throw new Error(`no type ${expr.type.name}`)
      return { type, value: castValue(operand.value, operand.type, type) }
    }
    case 'call': {
      const fn = findFunction(expr.name.text)
      if (fn === undefined) throw new Error(`no function ${expr.name.text}`)
      return call(fn, expr.args.map(walk))
    }
    default:
      throw new Error(`not evaluated here: ${expr.kind}`)
  }
}

function number(text: string): Typed {
  if (/[.eE]/.test(text)) return { type: DOUBLE, value: Number(text) }
  const exact = BigInt(text)
  if (exact <= 2147483647n) return { type: INT, value: Number(text) }
  return { type: LONG, value: Number.isSafeInteger(Number(text)) ? Number(text) : exact }
}

/** Calls a function as the engine does: arity, static types, NULL in → NULL out. */
export function call(fn: ScalarFunction, args: readonly Typed[]): Typed {
  const required = fn.parameters.filter((p) => p.optional !== true).length
  if (args.length < required) throw new Error(`${fn.name} needs ${required} arguments`)
  args.forEach((arg, i) => {
    const parameter = parameterAt(fn.parameters, i)
    if (parameter === undefined) throw new Error(`${fn.name} takes no argument ${i + 1}`)
    if (!accepts(parameter.accept, arg.type))
      throw new Error(`${fn.name} takes ${parameter.accept}, not ${arg.type.kind}`)
  })
  const types = args.map((a) => a.type)
  const type = fn.returns(types)
  const run = fn.make(types, CONTEXT)
  const hasNull = args.some((a) => a.value === null)
  return { type, value: hasNull && fn.nullable !== true ? null : run(...args.map((a) => a.value)) }
}

/** Calls a function by name with dynamic (json) arguments. */
export function dynamic(name: string, ...values: Value[]): Value {
  const fn = findFunction(name)
  if (fn === undefined) throw new Error(`no function ${name}`)
  return call(
    fn,
    values.map((value) => ({ type: { kind: 'json' }, value })),
  ).value
}
