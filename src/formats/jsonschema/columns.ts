/**
 * The columns that a JSON Schema names: for completion, DESCRIBE and INSERT. The records are JSON and are read as JSON:
 * the schema is not enforced, and members that it does not know are there. Where it is not plain (several types,
 * `oneOf`, references to other files) a column is of the json type.
 */
import type { DataType, Field, StructType } from '../../types.ts'

/**
 * Limit `json.schema.depth` (levels): nesting of properties in a JSON schema. Beyond it: what is below has the type
 * json.
 */
const MAX_DEPTH = 16
/**
 * Limit `json.schema.fields` (fields): columns that one JSON schema gives, nested ones included. Beyond it: further
 * properties are no columns.
 */
const MAX_FIELDS = 10_000

/** The properties of the schema's object; undefined when the text is no schema of an object with properties. */
export function jsonSchemaColumns(text: string): StructType | undefined {
  let root: unknown
  try {
    root = JSON.parse(text)
  } catch {
    return undefined // not JSON: the records are read all the same
  }
  const type = new Reader(root).type(root, 0)
  return type.kind === 'struct' && type.fields.length > 0 ? type : undefined
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

class Reader {
  readonly #root: unknown
  #fields = 0
  constructor(root: unknown) {
    this.#root = root
  }

  type(schema: unknown, depth: number): DataType {
    if (!isObject(schema) || depth > MAX_DEPTH) return { kind: 'json' }
    if (typeof schema.$ref === 'string') return this.type(this.#local(schema.$ref), depth + 1)
    const branches = [schema.oneOf, schema.anyOf].find(Array.isArray) as unknown[] | undefined
    const others = branches?.filter((branch) => !isObject(branch) || branch.type !== 'null')
    if (others?.length === 1) return this.type(others[0], depth + 1)
    switch (this.#kind(schema)) {
      case 'string':
        return { kind: 'string' }
      case 'integer':
        return { kind: 'long' }
      case 'number':
        return { kind: 'double' }
      case 'boolean':
        return { kind: 'boolean' }
      case 'array':
        return { kind: 'array', element: this.type(schema.items, depth + 1) }
      case 'object':
        return isObject(schema.properties) ? this.#struct(schema, schema.properties, depth) : { kind: 'json' }
      default:
        return { kind: 'json' }
    }
  }

  /** The only type beside null. */
  #kind(schema: Record<string, unknown>): string | undefined {
    const types = (
      Array.isArray(schema.type) ? schema.type : [schema.type ?? (isObject(schema.properties) ? 'object' : undefined)]
    ).filter((type) => type !== 'null')
    return types.length === 1 && typeof types[0] === 'string' ? types[0] : undefined
  }

  #struct(schema: Record<string, unknown>, properties: Record<string, unknown>, depth: number): DataType {
    const required = Array.isArray(schema.required) ? schema.required : []
    const fields: Field[] = []
    for (const [name, property] of Object.entries(properties)) {
      if (++this.#fields > MAX_FIELDS) break
      const doc = isObject(property) && typeof property.description === 'string' ? { doc: property.description } : {}
      const nullable =
        !required.includes(name) ||
        (isObject(property) && Array.isArray(property.type) && property.type.includes('null'))
      fields.push({ name, type: this.type(property, depth + 1), nullable, ...doc })
    }
    return typeof schema.title === 'string'
      ? { kind: 'struct', name: schema.title, fields }
      : { kind: 'struct', fields }
  }

  /** What a reference inside of the schema points at. */
  #local(reference: string): unknown {
    if (!reference.startsWith('#')) return undefined
    let at: unknown = this.#root
    for (const part of reference.split('/').slice(1)) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
      at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
    }
    return at
  }
}
