/** The type that a name in CAST or CREATE TABLE means. */
import { castType, decimalProblem } from '../../../functions/support/cast.ts'
import { didYouMean } from '../../../lib/suggest.ts'
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import type { DataType } from '../../../types.ts'

export function dataType(t: ast.TypeName): DataType {
  let type = castType(t.name, t.precision, t.scale)
  if (type === undefined)
    throw new SqlError(
      'TYPE',
      `Unknown type "${t.name}".`,
      t.span,
      didYouMean(t.name, [
        'int',
        'long',
        'float',
        'double',
        'decimal',
        'string',
        'boolean',
        'bytes',
        'date',
        'time',
        'timestamp',
        'uuid',
      ]),
    )
  const problem = decimalProblem(t.precision, t.scale)
  if (problem !== undefined) throw new SqlError('TYPE', problem, t.span)
  for (let i = 0; i < t.arrayDepth; i++) type = { kind: 'array', element: type }
  return type
}
