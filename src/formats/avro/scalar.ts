/**
 * Single values: code that reads one as its writer's type says, and how it is shown where the newest version of the
 * schema has another type for it.
 */
import { type Code, js } from '../../codegen/emitter.ts'
import type { DataType, Value } from '../../types.ts'
import type { RenderOptions } from '../format.ts'
import { conversion } from '../reading/convert.ts'
import { bytesAt, decimalAt, durationAt, uuidAt } from '../reading/reader-runtime.ts'
import { renderValue } from '../text/render.ts'
import { type Lines, need, readCheckedLength, readInt, readLong, stringCode } from './lines.ts'
import type { ArrayNode, AvroNode, Logical, MapNode } from './schema.ts'
import { avroType } from './types.ts'

/** The value as the writer's own type says; `after` or `size` moves the position once the value has been taken. */
export function rawScalar(out: Lines, node: AvroNode): { value: Code; after?: Code; size?: number } {
  const { frame } = out
  const { e, p, bad, to } = frame
  const logical = 'logical' in node ? node.logical : undefined
  switch (node.kind) {
    case 'boolean':
      return { value: js`b[${p}++] === 1` }
    case 'int':
      return { value: readInt(out) }
    case 'long':
      return { value: readLong(out) }
    case 'float':
      need(out, 4)
      return { value: js`view.getFloat32(${p}, true)`, size: 4 }
    case 'double':
      need(out, 8)
      return { value: js`view.getFloat64(${p}, true)`, size: 8 }
    case 'enum': {
      const x = readInt(out)
      out.add(js`if (${x} < 0 || ${x} >= ${node.symbols.length}) ${bad}`)
      return { value: js`${e.constant(node.symbols, 'symbols')}[${x}]` }
    }
    case 'fixed':
      out.add(js`if (${p} + ${node.size} > ${to}) ${bad}`)
      return { value: bytesValue(out, js`${node.size}`, logical, bad), size: node.size }
    default: {
      const n = readCheckedLength(out)
      const after = js`${p} += ${n}`
      return {
        value: node.kind === 'string' ? stringCode(frame, p, js`${p} + ${n}`) : bytesValue(out, n, logical, bad),
        after,
      }
    }
  }
}

function bytesValue(out: Lines, size: Code, logical: Logical | undefined, bad: Code): Code {
  const { e, p } = out.frame
  if (logical?.kind === 'uuid') return js`${e.constant(uuidAt, 'uuidAt')}(b, ${p})`
  if (logical?.kind === 'duration') return js`${e.constant(durationAt, 'durationAt')}(b, ${p})`
  if (logical?.kind !== 'decimal') return js`${e.constant(bytesAt, 'bytesAt')}(b, ${p}, ${p} + ${size})`
  const x = e.name('decimal')
  out.add(
    js`const ${x} = ${e.constant(decimalAt, 'decimalAt')}(b, ${p}, ${p} + ${size}, ${logical.scale}); if (${x} === undefined) ${bad}`,
  )
  return x
}

/**
 * The JSON text (ASCII) of a value of the node as the type shows it; undefined where the node's own text is that, or
 * where there is no way to the type.
 */
export function shownAs(node: AvroNode, type: DataType, render: RenderOptions): ((value: never) => string) | undefined {
  const own = avroType(node)
  if (!isShownOtherwise(own, type)) return undefined
  const convert = conversion(own, type)
  if (convert === undefined) return undefined
  return (value: never) => renderValue(convert === null ? (value as Value) : convert(value), type, render)
}

const MOMENTS: ReadonlySet<string> = new Set(['date', 'time', 'timestamp'])
const FRACTIONAL: ReadonlySet<string> = new Set(['float', 'double'])

function isShownOtherwise(own: DataType, type: DataType): boolean {
  if (own.kind === 'decimal' && type.kind === 'decimal') return own.scale !== type.scale
  if (own.kind !== type.kind)
    return [own.kind, type.kind].some((kind) => MOMENTS.has(kind) || FRACTIONAL.has(kind)) && type.kind !== 'json'
  return (own.kind === 'time' || own.kind === 'timestamp') && 'unit' in type && own.unit !== type.unit
}

/** The types of a struct's fields, by name; none for any other type. */
export function fieldTypes(type: DataType | undefined): ReadonlyMap<string, DataType> {
  return new Map(type?.kind === 'struct' ? type.fields.map((field) => [field.name, field.type]) : [])
}

/** The type of what an array or map of the type holds. */
export function itemType(node: ArrayNode | MapNode, type: DataType | undefined): DataType | undefined {
  if (node.kind === 'array') return type?.kind === 'array' ? type.element : undefined
  return type?.kind === 'map' ? type.value : undefined
}

/** The type, where some part of a value of the node is shown otherwise by it than as the node says; else undefined. */
export function typeForText(node: AvroNode, type: DataType): DataType | undefined {
  const seen = new Map<AvroNode, Set<DataType>>()
  const open: [AvroNode, DataType][] = [[node, type]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [at, as] = next
    if (at.kind === 'default') open.push([at.node, as])
    else if (at.kind === 'union') for (const branch of at.branches) open.push([branch, as])
    else if (at.kind === 'record') {
      let types = seen.get(at)
      if (types === undefined) seen.set(at, (types = new Set()))
      if (types.has(as)) continue
      types.add(as)
      const known = fieldTypes(as)
      for (const field of at.fields) {
        const fieldType = known.get(field.name)
        if (fieldType !== undefined) open.push([field.node, fieldType])
      }
    } else if (at.kind === 'array' || at.kind === 'map') {
      const inner = itemType(at, as)
      if (inner !== undefined) open.push([at.kind === 'array' ? at.items : at.values, inner])
    } else if (isShownOtherwise(avroType(at), as)) return type
  }
  return undefined
}
