/** Whether a call has as many arguments as its function takes, and of the kinds that it takes. */
import { signature } from '../../../functions/all-functions.ts'
import type { Accept, ScalarFunction } from '../../../functions/function.ts'
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { isDatetime, isInteger, isNumeric } from '../../expressions/common-type.ts'
import { aType, convert } from './coerce.ts'
import type { BoundExpr } from '../../plan.ts'

export function checkCount(e: ast.Call, fn: ScalarFunction): void {
  const least = fn.parameters.filter((p) => p.optional !== true).length
  const most = fn.parameters.some((p) => p.variadic) ? Number.POSITIVE_INFINITY : fn.parameters.length
  if (e.args.length >= least && e.args.length <= most) return
  const wanted =
    least === most ? `${least}` : most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`
  throw new SqlError(
    'ARGUMENTS',
    `${e.name.text} takes ${wanted} argument${most === 1 || wanted === 'at least 1' ? '' : 's'}, not ${e.args.length}.`,
    e.span,
    `It is written ${signature(fn)}.`,
  )
}

export function argument(arg: BoundExpr, fn: ScalarFunction, index: number, e: ast.Call): BoundExpr {
  const parameter = fn.parameters[Math.min(index, fn.parameters.length - 1)]
  if (parameter.accept === 'datetime' && arg.kind === 'constant' && typeof arg.value === 'string')
    return convert(arg, { kind: 'timestamp', unit: 'millis' })
  if (accepts(parameter.accept, arg)) return arg
  throw new SqlError(
    'ARGUMENTS',
    `${e.name.text} takes ${wantedWord(parameter.accept)} as "${parameter.name}", not ${aType(arg.type)}.`,
    arg.span ?? e.span,
    `It is written ${signature(fn)}.`,
  )
}

function accepts(accept: Accept, arg: BoundExpr): boolean {
  const t = arg.type
  if (t.kind === 'null') return true
  if (accept === 'constant-string') return arg.kind === 'constant' && typeof arg.value === 'string'
  if (t.kind === 'json' || accept === 'any') return true
  switch (accept) {
    case 'string':
      return t.kind === 'string' || t.kind === 'uuid'
    case 'number':
      return isNumeric(t)
    case 'integer':
      return isInteger(t)
    case 'boolean':
      return t.kind === 'boolean'
    case 'array':
      return t.kind === 'array'
    case 'datetime':
      return isDatetime(t) || t.kind === 'time'
    case 'bytes':
      return t.kind === 'bytes'
    case 'json':
      return t.kind === 'string' || t.kind === 'struct' || t.kind === 'map' || t.kind === 'array'
  }
}

function wantedWord(accept: Accept): string {
  if (accept === 'constant-string') return 'a literal text'
  if (accept === 'datetime') return 'a date, time or timestamp'
  if (accept === 'json') return 'JSON'
  return accept === 'any'
    ? 'anything'
    : accept === 'integer' || accept === 'array'
      ? `an ${accept}`
      : accept === 'bytes'
        ? 'bytes'
        : `a ${accept}`
}
