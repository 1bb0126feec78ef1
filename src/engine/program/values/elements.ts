/** Elements of arrays and members of structures, as compiled expressions ask for them. NULL in, NULL out. */
import { jsonElement, jsonMember } from '../../../formats/json/text.ts'
import { JsonText } from '../../../lib/json-text.ts'
import type { Value } from '../../../types.ts'

/** Zero-based; out of range is NULL. */
export function elementOf(base: Value, index: Value): Value {
  if (base === null || index === null) return null
  if (base instanceof Map) return base.get(String(index)) ?? null
  if (base instanceof JsonText)
    return typeof index === 'string' ? jsonMember(base, index) : jsonElement(base, Number(index))
  if (!Array.isArray(base)) return null
  const i = Number(index)
  return Number.isInteger(i) && i >= 0 && i < base.length ? base[i] : null
}

/** As `elementOf`, of a type that does not tell one value from a list of one. */
export function itemOf(base: Value, index: Value): Value {
  const isList = Array.isArray(base) || (base instanceof JsonText && base.isArray)
  return isList || typeof index === 'string'
    ? elementOf(base, index)
    : index !== null && Number(index) === 0
      ? base
      : null
}

/** A member of a structure, a Map or a JSON text; NULL where there is none. */
export function memberOf(base: Value, name: string): Value {
  if (base instanceof Map) return base.get(name) ?? null
  return base instanceof JsonText ? jsonMember(base, name) : null
}
