/**
 * What writing a facet is to the rest: one value of a known type to bytes. The formats implement it in their folders;
 * conversion to the type is the caller's.
 */
import type { DataType, Value } from '../types.ts'

/** Writes the values of one type as the bytes of one format. */
export interface FacetEncoder {
  /**
   * What `encode` takes: values exactly of this type (`types.ts`). With the json kind the value's own shape decides.
   */
  readonly type: DataType
  /**
   * Never called with null: a facet without a value has no bytes. Throws an EncodeError. Without the framing of a
   * registry.
   */
  encode(value: Value): Uint8Array
}

/** A value that the format cannot hold. `path` leads to the field inside the facet; empty for the facet itself. */
export class EncodeError extends Error {
  readonly path: readonly (string | number)[]
  constructor(message: string, path: readonly (string | number)[] = []) {
    super(message)
    this.name = 'EncodeError'
    this.path = path
  }
}
