/**
 * Types as a whole, with all that they hold. A type may hold itself (a recursive Avro schema), and may be used very
 * many times over: each is looked at once.
 */
import type { DataType } from '../../types.ts'

/** Whether two types have the same values, units and fields. */
export function sameType(a: DataType, b: DataType): boolean {
  return same(a, b, new Map())
}

/** Whether values of two types are the same in all that they can be asked: `sameType`, and the places of decimals, too. */
export function sameForm(a: DataType, b: DataType): boolean {
  return same(a, b, new Map(), (x, y) => {
    if (x.kind === 'decimal') return x.precision === (y as typeof x).precision && x.scale === (y as typeof x).scale
    if (x.kind === 'timestamp') return (x.local ?? false) === ((y as typeof x).local ?? false)
    return x.kind !== 'json' || (x.oneIsList ?? false) === ((y as typeof x).oneIsList ?? false)
  })
}

/** `before`: pairs that are being compared, or were: one that differs ends it all. `leaf`: what else is asked of types of one kind. */
function same(
  a: DataType,
  b: DataType,
  before: Map<DataType, Set<DataType>>,
  leaf: (a: DataType, b: DataType) => boolean = () => true,
): boolean {
  if (a === b) return true
  if (a.kind !== b.kind || !leaf(a, b)) return false
  switch (a.kind) {
    case 'array':
      return same(a.element, (b as typeof a).element, before, leaf)
    case 'map':
      return same(a.value, (b as typeof a).value, before, leaf)
    case 'timestamp':
    case 'time':
      return a.unit === (b as typeof a).unit
    case 'struct': {
      const { fields } = b as typeof a
      if (a.fields.length !== fields.length) return false
      const known = before.get(a) ?? new Set()
      if (known.has(b)) return true
      before.set(a, known.add(b))
      return a.fields.every(({ name, type }, i) => name === fields[i].name && same(type, fields[i].type, before, leaf))
    }
    default:
      return true
  }
}

function partsOf(type: DataType): readonly DataType[] {
  if (type.kind === 'array') return [type.element]
  if (type.kind === 'map') return [type.value]
  return type.kind === 'struct' ? type.fields.map((field) => field.type) : []
}

/** A type and all that it holds, each of them once. */
export function allOf(type: DataType): readonly DataType[] {
  const seen = new Set([type])
  // A set gives what is added while it is walked, too.
  for (const t of seen) for (const part of partsOf(t)) seen.add(part)
  return [...seen]
}

/** The types without parts that a type is or holds, each of them once. */
export function leavesOf(type: DataType): readonly DataType[] {
  return allOf(type).filter((t) => t.kind !== 'array' && t.kind !== 'map' && t.kind !== 'struct')
}

/** The type with `change` of each of its leaves; undefined for one that holds itself. */
export function withLeaves(
  type: DataType,
  change: (leaf: DataType) => DataType,
  made = new Map<DataType, DataType | undefined>(),
): DataType | undefined {
  if (made.has(type)) return made.get(type)
  made.set(type, undefined)
  const inner = (of: DataType): DataType | undefined => withLeaves(of, change, made)
  const changed = rebuilt(type, inner) ?? (partsOf(type).length === 0 ? change(type) : undefined)
  made.set(type, changed)
  return changed
}

function rebuilt(type: DataType, inner: (of: DataType) => DataType | undefined): DataType | undefined {
  if (type.kind === 'array') {
    const element = inner(type.element)
    return element && { ...type, element }
  }
  if (type.kind === 'map') {
    const value = inner(type.value)
    return value && { ...type, value }
  }
  if (type.kind !== 'struct') return undefined
  const fields = type.fields.flatMap((field) => {
    const of = inner(field.type)
    return of === undefined ? [] : [{ ...field, type: of }]
  })
  return fields.length < type.fields.length ? undefined : { ...type, fields }
}
