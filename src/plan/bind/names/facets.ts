/** The names of the facets (`_key`, `_meta`, …) and of the metadata fields, with their other spellings. */
import type { Name } from '../../../sql/ast.ts'
import { META_FIELDS, RECORD_FIELDS } from '../../../types.ts'

export const FACETS: Readonly<Record<string, 'key' | 'value' | 'header' | 'meta'>> = {
  _key: 'key',
  _value: 'value',
  _headers: 'header',
  _header: 'header',
  _meta: 'meta',
  _metadata: 'meta',
}

/** Spellings of metadata fields that documents and clients use beside the one in RECORD frames. */
const META_ALIASES: Readonly<Record<string, string>> = {
  __keysize: '__keysize',
  __valuesize: '__valuesize',
  __valsize: '__valuesize',
  keyschemaid: 'keySchemaId',
  valueschemaid: 'valueSchemaId',
  keysize: '__keysize',
  valuesize: '__valuesize',
}

/** The facet that a name stands for: `_key`, `_meta`, …; undefined for any other name. */
export function facetOf(name: Name): 'key' | 'value' | 'header' | 'meta' | undefined {
  return Object.hasOwn(FACETS, name.text) ? FACETS[name.text] : undefined
}

export function metaField(name: string): string | undefined {
  if (Object.hasOwn(META_FIELDS, name) || Object.hasOwn(RECORD_FIELDS, name)) return name
  const lower = name.toLowerCase()
  if (Object.hasOwn(META_FIELDS, lower)) return lower
  return Object.hasOwn(META_ALIASES, lower) ? META_ALIASES[lower] : undefined
}
