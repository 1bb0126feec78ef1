/**
 * Record headers: how their bytes decode. The binder turns HEADERAS…('name') into a read of that header; it may pass
 * the header's bytes to `make(…)(bytes)`. Numbers are fixed-width and big-endian, as Kafka's serializers write them.
 */
import type { DataType, Value } from '../../types.ts'
import { DOUBLE, FLOAT, INT, LONG, STRING } from '../../types.ts'
import { define } from '../define.ts'
import { toLong } from '../support/numbers.ts'
import type { ScalarFunction } from '../function.ts'
import { ValueError } from '../function.ts'

function view(bytes: Uint8Array, width: number, what: string): DataView {
  if (bytes.length !== width)
    throw new ValueError(
      `${what}: the header holds ${bytes.length} bytes, and ${width} are needed; HEADERASSTRING reads text`,
    )
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** UTF-8 text; bytes that are none become U+FFFD. */
export function headerAsString(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

/** 4 bytes, else a ValueError. */
export function headerAsInt(bytes: Uint8Array): number {
  return view(bytes, 4, 'HEADERASINT').getInt32(0)
}

/** 8 bytes, else a ValueError. */
export function headerAsLong(bytes: Uint8Array): number | bigint {
  return toLong(view(bytes, 8, 'HEADERASLONG').getBigInt64(0), 'HEADERASLONG')
}

/** 4 bytes, else a ValueError. */
export function headerAsFloat(bytes: Uint8Array): number {
  return view(bytes, 4, 'HEADERASFLOAT').getFloat32(0)
}

/** 8 bytes, else a ValueError. */
export function headerAsDouble(bytes: Uint8Array): number {
  return view(bytes, 8, 'HEADERASDOUBLE').getFloat64(0)
}

/** Of `HEADERS()`. */
export const HEADER_LIST: DataType = {
  kind: 'array',
  element: {
    kind: 'struct',
    fields: [
      { name: 'key', type: STRING, nullable: false },
      { name: 'text', type: STRING, nullable: true },
      { name: 'bytes', type: { kind: 'bytes' }, nullable: true },
    ],
  },
}

/** Every value of a name, in order. */
function headers(kind: 'string' | 'bytes'): ScalarFunction {
  return define({
    name: `headersas${kind}`,
    family: 'headers',
    parameters: [{ name: 'name', accept: 'string' }],
    description:
      `All headers of this name as ${kind === 'string' ? 'texts' : 'bytes'}, in their order; an empty array ` +
      'where there is none. A header without a value is NULL in it.',
    examples: [],
    usage: `SELECT HEADERSAS${kind.toUpperCase()}('trace-id') AS all_of_them FROM payments`,
    special: true,
    returns: () => ({ kind: 'array', element: kind === 'string' ? STRING : { kind: 'bytes' } }),
    make: () => (values: Value[]) => values,
  })
}

function header(kind: string, type: DataType, decode: (bytes: Uint8Array) => Value): ScalarFunction {
  return define({
    name: `headeras${kind}`,
    family: 'headers',
    parameters: [{ name: 'name', accept: 'string' }],
    description:
      kind === 'string'
        ? 'The header of this name as text, the last one of several, or NULL. Bytes that are no UTF-8 become U+FFFD.'
        : kind === 'bytes'
          ? 'The bytes of the header of this name, of the last one of several, or NULL.'
          : `The header of this name as ${kind === 'int' ? 'an int' : `a ${kind}`} (big-endian bytes, as Kafka's ` +
            'serializers write it), or NULL.',
    examples: [],
    usage: `SELECT HEADERAS${kind.toUpperCase()}('${kind === 'string' ? 'trace-id' : 'attempt'}') AS h FROM payments`,
    special: true,
    returns: () => type,
    make: () => decode,
  })
}

/** Functions of the headers of a record. */
export const HEADER_FUNCTIONS: readonly ScalarFunction[] = [
  header('string', STRING, headerAsString),
  header('bytes', { kind: 'bytes' }, (bytes) => bytes),
  headers('string'),
  headers('bytes'),
  define({
    name: 'headers',
    family: 'headers',
    parameters: [],
    description:
      'All headers of a record in their order, those of one name too: the name, the value as text, and its bytes.',
    examples: [],
    usage: 'SELECT HEADERS() AS all_of_them FROM payments',
    special: true,
    returns: () => HEADER_LIST,
    make: () => (list: Value[]) => list,
  }),
  header('int', INT, headerAsInt),
  header('long', LONG, headerAsLong),
  header('float', FLOAT, headerAsFloat),
  header('double', DOUBLE, headerAsDouble),
  define({
    name: 'headerkeys',
    family: 'headers',
    parameters: [],
    description: 'The names of the headers of a record.',
    examples: [],
    usage: 'SELECT HEADERKEYS() AS names FROM payments',
    special: true,
    returns: () => ({ kind: 'array', element: STRING }),
    make: () => (names: Value[]) => names,
  }),
]
