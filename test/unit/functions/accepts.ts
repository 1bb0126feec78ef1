/** Which static types an argument takes: the binder's rule, for tests that call functions without it. */
import type { Accept } from '../../../src/functions/function.ts'
import type { DataType } from '../../../src/types.ts'

/** May an argument of this type stand there? json (checked per value) and NULL may stand anywhere. */
export function accepts(accept: Accept, type: DataType): boolean {
  const { kind } = type
  if (kind === 'json' || kind === 'null' || accept === 'any') return true
  switch (accept) {
    case 'string':
    case 'constant-string':
      return kind === 'string' || kind === 'uuid'
    case 'number':
      return kind === 'int' || kind === 'long' || kind === 'float' || kind === 'double' || kind === 'decimal'
    case 'integer':
      return kind === 'int' || kind === 'long'
    case 'datetime':
      return (
        kind === 'date' ||
        kind === 'time' ||
        kind === 'timestamp' ||
        kind === 'int' ||
        kind === 'long' ||
        kind === 'string'
      )
    case 'json':
      return kind === 'string' || kind === 'struct' || kind === 'map' || kind === 'array'
    default:
      return kind === accept
  }
}
