/**
 * What an editor can offer beyond the text: functions with their signature, settings, and the fields of tables with
 * their types and, where a schema lists them, their values. It knows no HTTP; what asks the catalog runs on a worker.
 */
import type { QueryEnvironment } from '../../engine/host.ts'
import { rowShape } from '../../engine/row-shape.ts'
import { AGGREGATE_DOCS, SCALAR_FUNCTIONS, signature } from '../../functions/all-functions.ts'
import { bindQuery, DEFAULT_LIMIT } from '../../plan/bind/bind.ts'
import { leaves, virtualTable } from '../../plan/bind/virtual-tables.ts'
import type { Catalog, TableFacet } from '../../plan/catalog.ts'
import { SETTINGS } from '../../plan/settings.ts'
import { parseQuery } from '../../sql/parse.ts'
import { type DataType, typeName } from '../../types.ts'

/**
 * Limit `rest.fields.tables` (tables): tables of one question for fields. Beyond it: further ones are left out of the
 * answer.
 */
const MAX_TABLES = 8
/** Limit `rest.fields.listed` (fields): fields of one table in an answer. Beyond it: further ones are left out. */
const MAX_FIELDS = 5000
/** Limit `rest.fields.values` (values): values of one field that a schema lists. Beyond it: further ones are left out. */
const MAX_VALUES = 200

/** A field as an editor offers it. Fields of the key begin with `_key`. */
export interface FieldWords {
  readonly path: string
  readonly type: string
  /** The values that the schema allows. */
  readonly values?: readonly string[]
}

/** The answer of `/api/v1/sql/vocabulary`: the same for everybody. */
export function vocabulary(): object {
  const scalar = SCALAR_FUNCTIONS.flatMap((f) =>
    [f.name, ...(f.aliases ?? [])].map((name) => ({
      name,
      signature: signature(f).replace(/^\w+/, name.toUpperCase()),
      about: firstSentence(f.description),
    })),
  )
  const aggregates = AGGREGATE_DOCS.flatMap((a) =>
    [a.name, ...(a.aliases ?? [])].map((name) => ({
      name,
      signature: a.signature.replace(/^\w+/, name.toUpperCase()),
      about: firstSentence(a.description),
    })),
  )
  const functions = new Map([...scalar, ...aggregates].map((f) => [f.name, f]))
  return {
    functions: [...functions.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    settings: Object.entries(SETTINGS).map(([name, { meaning }]) => ({ name, about: meaning })),
  }
}

function firstSentence(text: string): string {
  return /^[\s\S]*?\.(?= [A-Z]|$)/.exec(text)?.[0] ?? text
}

/** The answer of `/api/v1/sql/fields`. Tables that are not there, or may not be seen, have no fields. */
export async function fields(
  { catalog }: QueryEnvironment,
  { tables }: { tables: readonly string[] },
): Promise<object> {
  const asked = tables.slice(0, MAX_TABLES)
  const found = await Promise.all(asked.map((name) => fieldsOf(name, catalog).catch(() => [])))
  return { tables: asked.map((name, i) => ({ name, fields: found[i].slice(0, MAX_FIELDS) })) }
}

async function fieldsOf(name: string, catalog: Catalog): Promise<FieldWords[]> {
  const virtual = await virtualTable(name, catalog)
  if (virtual !== undefined) return virtual.columns.map((c) => ({ path: c.name, type: typeName(c.type) }))
  const view = await catalog.view?.(name)
  if (view !== undefined)
    return listed(rowShape(await bindQuery(parseQuery(view), { catalog, defaultLimit: DEFAULT_LIMIT }), null).type, '')
  const table = await catalog.table(name)
  if (table === undefined) return []
  return [...facetFields(table.value, ''), ...facetFields(table.key, '_key')]
}

function facetFields(facet: TableFacet, prefix: string): FieldWords[] {
  const type = facet.type.kind === 'json' ? (facet.declared ?? facet.type) : facet.type
  const values = facet.writer === undefined ? new Map<string, readonly string[]>() : listedValues(facet.writer.text)
  return listed(type, prefix).map((field) => {
    const own = values.get(prefix === '' ? field.path : field.path.slice(prefix.length + 1))
    return own === undefined ? field : { ...field, values: own }
  })
}

function listed(type: DataType, prefix: string): FieldWords[] {
  if (type.kind !== 'struct') return prefix === '' ? [] : [{ path: prefix, type: typeName(type) }]
  return leaves(type).map(([path, of]) => ({ path: prefix === '' ? path : `${prefix}.${path}`, type: typeName(of) }))
}

/** Values by path of an Avro schema (`enum` with `symbols`) or a JSON schema (`enum`); none of any other text. */
export function listedValues(schema: string): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  let whole: unknown
  try {
    whole = JSON.parse(schema)
  } catch {
    return found
  }
  const named = new Map<string, readonly string[]>()
  const walk = (node: unknown, path: string, depth: number): void => {
    if (depth > 20 || found.size > MAX_FIELDS) return
    if (typeof node === 'string') {
      const values = named.get(node)
      if (values !== undefined) found.set(path, values)
    } else if (Array.isArray(node)) for (const branch of node) walk(branch, path, depth + 1)
    else if (typeof node === 'object' && node !== null) walkObject(node as Record<string, unknown>, path, depth)
  }
  const walkObject = (node: Record<string, unknown>, path: string, depth: number): void => {
    const { type, symbols, name, fields: members, properties } = node
    const values = type === 'enum' ? symbols : node['enum']
    if (Array.isArray(values)) {
      const texts = values.filter((value) => typeof value === 'string').slice(0, MAX_VALUES)
      found.set(path, texts)
      if (typeof name === 'string') named.set(name, texts)
    }
    const below = (step: string): string => (path === '' ? step : `${path}.${step}`)
    if (Array.isArray(members))
      for (const field of members as Record<string, unknown>[])
        walk(field['type'], below(String(field['name'])), depth + 1)
    if (typeof properties === 'object' && properties !== null)
      for (const [step, of] of Object.entries(properties)) walk(of, below(step), depth + 1)
    if (typeof type === 'object') walk(type, path, depth + 1)
  }
  walk(whole, '', 0)
  return found
}
