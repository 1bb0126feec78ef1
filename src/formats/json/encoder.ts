/**
 * Writes JSON: typed values by the rules of `render` (int64 and decimals with every digit, dates and times as ISO text,
 * bytes as base64).
 */
import type { DataType } from '../../types.ts'
import type { FacetEncoder } from '../encoder.ts'
import { DEFAULT_RENDER, renderValue } from '../text/render.ts'

/** For values of this type. */
export function jsonEncoder(type: DataType): FacetEncoder {
  return { type, encode: (value) => Buffer.from(renderValue(value, type, DEFAULT_RENDER)) }
}
