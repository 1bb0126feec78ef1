/**
 * Writes the primitive formats as Kafka's own serializers do: big-endian numbers of fixed width, UTF-8 text, bytes as
 * they are.
 */
import { BYTES, type DataType, DOUBLE, FLOAT, INT, LONG, STRING, UUID, type Value } from '../../types.ts'
import type { FacetEncoder } from '../encoder.ts'
import type { FormatName } from '../format.ts'

type Write = (value: Value) => Uint8Array

function fixed(size: number, write: (bytes: Buffer, value: Value) => void): Write {
  return (value) => {
    const bytes = Buffer.alloc(size)
    write(bytes, value)
    return bytes
  }
}

const ENCODERS: { readonly [F in FormatName]?: { readonly type: DataType; readonly encode: Write } } = {
  STRING: { type: STRING, encode: (value) => Buffer.from(String(value)) },
  UUID: { type: UUID, encode: (value) => Buffer.from(String(value)) },
  BYTES: { type: BYTES, encode: (value) => value as Uint8Array },
  INT: { type: INT, encode: fixed(4, (bytes, value) => bytes.writeInt32BE(Number(value))) },
  LONG: { type: LONG, encode: fixed(8, (bytes, value) => bytes.writeBigInt64BE(BigInt(value as number | bigint))) },
  FLOAT: { type: FLOAT, encode: fixed(4, (bytes, value) => bytes.writeFloatBE(Number(value))) },
  DOUBLE: { type: DOUBLE, encode: fixed(8, (bytes, value) => bytes.writeDoubleBE(Number(value))) },
}

/** undefined for a format that is no primitive one. */
export function primitiveEncoder(format: FormatName): FacetEncoder | undefined {
  return ENCODERS[format]
}
