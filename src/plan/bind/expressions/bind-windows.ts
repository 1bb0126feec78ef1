/**
 * TUMBLE and HOP: their sizes are checked, ends become a start plus a size, and HOP an unnested array below the
 * grouping.
 */
import { unexpected } from '../../../lib/assert.ts'
import { findFunction } from '../../../functions/all-functions.ts'
import { MAX_OVERLAP, overlap, parseWindow } from '../../../functions/library/time/windows.ts'
import type { Duration } from '../../../functions/support/datemath.ts'
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { type DataType, STRING, TIMESTAMP } from '../../../types.ts'
import { exprKey } from '../../expressions/expr-key.ts'
import type { BoundExpr, FunctionExpr } from '../../plan.ts'
import { parts } from '../walk.ts'

/** `TUMBLE(moment, size)` and `TUMBLE_END(…)`. `bound`: the moment. */
export function bindTumble(e: ast.Call, bound: BoundExpr): BoundExpr {
  const size = sizeOf(e, 1)
  const start = call('tumble', e, [bound, size.text], TIMESTAMP)
  return endOr(start, e, size.text)
}

/** The array of windows behind a HOP call, to be unnested. */
export function hopWindows(e: ast.Call, bound: BoundExpr): FunctionExpr {
  const [size, slide] = [sizeOf(e, 1), sizeOf(e, 2)]
  if (size.value.months > 0 !== slide.value.months > 0)
    throw new SqlError(
      'ARGUMENTS',
      'Size and slide of HOP are both of calendar months (M, y), or both of fixed time.',
      e.span,
    )
  const times = overlap(size.value, slide.value)
  if (times < 1)
    throw new SqlError(
      'ARGUMENTS',
      'The slide of HOP is not longer than its size.',
      e.args[2].span,
      'Records between two windows would be lost.',
    )
  if (times > MAX_OVERLAP)
    throw new SqlError(
      'LIMIT',
      `HOP puts a record into ${MAX_OVERLAP} windows at most (window.max.overlap).`,
      e.span,
      'Use a longer slide.',
    )
  return call('hop', e, [bound, size.text, slide.text], { kind: 'array', element: TIMESTAMP })
}

/** HOP or HOP_END over the unnested window, found by its array. */
export function bindHop(e: ast.Call, bound: BoundExpr, windows: ReadonlyMap<string, BoundExpr> | undefined): BoundExpr {
  const start = windows?.get(exprKey(hopWindows(e, bound)))
  if (start === undefined)
    throw new SqlError(
      'GROUPING',
      `${e.name.text} puts a record into several windows; it cannot stand here.`,
      e.span,
      'Write GROUP BY HOP(moment, size, slide), and the same in SELECT, HAVING or ORDER BY.',
    )
  return endOr({ ...start, span: e.span }, e, sizeOf(e, 1).text)
}

function endOr(start: BoundExpr, e: ast.Call, size: BoundExpr): BoundExpr {
  if (!e.name.text.toLowerCase().endsWith('_end')) return start
  return { kind: 'arithmetic', op: '+', by: 'date', left: start, right: size, type: TIMESTAMP, span: e.span }
}

function call(name: string, e: ast.Call, args: readonly BoundExpr[], type: DataType): FunctionExpr {
  const fn = findFunction(name)
  if (fn === undefined) unexpected(`the registry has no ${name}`)
  try {
    fn.returns(args.map((a) => a.type))
  } catch (error) {
    throw new SqlError('ARGUMENTS', error instanceof Error ? error.message : String(error), e.span)
  }
  return { kind: 'function', fn, name: name.toUpperCase(), args, type, span: e.span }
}

function sizeOf(e: ast.Call, index: number): { readonly value: Duration; readonly text: BoundExpr } {
  const arg = e.args[index]
  const value = arg.kind === 'string' ? parseWindow(arg.value) : undefined
  if (arg.kind !== 'string' || value === undefined)
    throw new SqlError(
      'ARGUMENTS',
      `${e.name.text} takes the ${index === 1 ? 'size' : 'slide'} of its windows as a literal duration.`,
      arg.span,
      'Write a number and a unit: "30s", "5m", "1h", "1d", "1w", or in calendar months "1M", "1y".',
    )
  return { value, text: { kind: 'constant', value: arg.value, type: STRING, span: arg.span } }
}

/** Every HOP and HOP_END call in these expressions. */
export function hopCalls(exprs: readonly (ast.Expr | undefined)[]): ast.Call[] {
  const found: ast.Call[] = []
  const todo = exprs.filter((e) => e !== undefined)
  for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
    if (at.kind === 'call' && /^hop(_end)?$/i.test(at.name.text) && at.args.length === 3) found.push(at)
    todo.push(...parts(at))
  }
  return found
}
