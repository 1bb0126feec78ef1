/** When two bound expressions are the same one. */
import type { ScalarFunction } from '../../functions/function.ts'
import { type DataType, typeName } from '../../types.ts'
import type { BoundExpr } from '../plan.ts'

/** Equal for expressions that mean the same, wherever they stand and however their functions were spelt. */
export function exprKey(expr: BoundExpr): string {
  return JSON.stringify(expr, part)
}

/**
 * Equal for expressions that have one value in one row: as `exprKey`, but each call of a volatile function (RANDINT)
 * is different from every other call.
 */
export function evaluationKey(expr: BoundExpr): string {
  return JSON.stringify(expr, function (this: unknown, k: string, v: unknown): unknown {
    return k === 'span' && isVolatileCall(this as BoundExpr) ? v : part.call(this, k, v)
  })
}

/**
 * Numbers of expressions, to be found by others that mean the same: best the very same one, else the first of those
 * that are written alike.
 */
export class ExprNumbers {
  readonly #own = new Map<string, number>()
  readonly #alike = new Map<string, number>()

  /** Whether a volatile expression was added: for all others the two keys are the same. */
  #hasVolatile = false

  add(expr: BoundExpr, number: number): void {
    const [own, alike] = [evaluationKey(expr), exprKey(expr)]
    this.#hasVolatile ||= own !== alike
    this.#own.set(own, number)
    if (!this.#alike.has(alike)) this.#alike.set(alike, number)
  }
  of(expr: BoundExpr): number | undefined {
    return (this.#hasVolatile ? this.#own.get(evaluationKey(expr)) : undefined) ?? this.#alike.get(exprKey(expr))
  }
  /** The number of the very same expression. */
  ofSame(expr: BoundExpr): number | undefined {
    return this.#own.get(evaluationKey(expr))
  }
}

function isVolatileCall(e: BoundExpr): boolean {
  return e.kind === 'function' && e.fn.deterministic === false
}

function part(this: unknown, k: string, v: unknown): unknown {
  switch (k) {
    case 'span':
    case 'text':
      return undefined
    case 'type':
      return typeName(v as DataType)
    case 'fn':
      return functionKey(v as ScalarFunction)
    case 'name':
      return isLabel(this as BoundExpr) ? undefined : v
  }
  if (typeof v === 'bigint') return `${v}n`
  // JSON writes 0 for -0 and null for what is not finite.
  if (typeof v === 'number' && (Object.is(v, -0) || !Number.isFinite(v))) return Object.is(v, -0) ? '-0' : String(v)
  return v instanceof Map || v instanceof Uint8Array ? [...v] : v
}

/**
 * A name for display: as the function was typed, what a slot or a column holds. Which function, slot or column it is
 * stands beside it.
 */
function isLabel({ kind }: BoundExpr): boolean {
  return kind === 'function' || kind === 'slot' || kind === 'column'
}

/** `||` is CONCAT that gives NULL for NULL. */
function functionKey({ name, nullable }: ScalarFunction): string {
  return nullable === true ? `${name}?` : name
}
