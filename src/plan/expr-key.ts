/** When two bound expressions are the same one. */
import type { ScalarFunction } from '../functions/registry.ts'
import { type DataType, typeName } from '../types.ts'
import type { BoundExpr } from './plan.ts'

/** Equal for expressions that mean the same, wherever they stand. */
export function exprKey(expr: BoundExpr): string {
  return JSON.stringify(expr, (k, v: unknown) => {
    if (k === 'span' || k === 'text') return undefined
    if (k === 'type') return typeName(v as DataType)
    if (k === 'fn') return (v as ScalarFunction).name
    if (typeof v === 'bigint') return `${v}n`
    return v instanceof Map || v instanceof Uint8Array ? [...v] : v
  })
}
