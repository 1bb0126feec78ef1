/**
 * The tables that are no topics: `__dual` (one row) and `__fields` (every known field). Their shapes are the JDBC
 * driver's (dialect reference, 2.4).
 */
import { type DataType, INT, STRING, type StructType, typeName, type Value } from '../../types.ts'
import type { Catalog } from '../catalog.ts'

export interface VirtualTable {
  readonly columns: readonly { readonly name: string; readonly type: DataType }[]
  readonly rows: readonly (readonly Value[])[]
}

/** The rows of SHOW VIRTUAL TABLES. */
export const VIRTUAL_TABLES: readonly { readonly name: string; readonly description: string }[] = [
  { name: '__dual', description: 'A virtual table with a single row and field' },
  { name: '__fields', description: 'Lists all fields known to this connection' },
]

/** Limit `fields.max.tables` (topics): topics whose fields `__fields` lists. Beyond it: further ones are left out. */
const MAX_TABLES = 2000

/** The table of that name with its rows; undefined where it is none of them. */
export async function virtualTable(name: string, catalog: Catalog): Promise<VirtualTable | undefined> {
  if (name === '__dual') return { columns: [{ name: 'dummy', type: INT }], rows: [[1]] }
  if (name !== '__fields') return undefined
  const columns = ['name', 'table', 'type', 'remarks'].map((n) => ({ name: n, type: STRING }))
  const rows: Value[][] = []
  for (const summary of (await catalog.tables()).filter((t) => t.type === 'USER').slice(0, MAX_TABLES)) {
    const table = await catalog.table(summary.name).catch(() => undefined)
    const t = table?.value.declared ?? table?.value.type
    if (table === undefined || t === undefined) continue
    if (t.kind === 'struct')
      for (const [path, type] of leaves(t)) rows.push([path, table.name, typeName(type).toUpperCase(), ''])
    else if (t.kind !== 'json') rows.push(['_value', table.name, typeName(t).toUpperCase(), ''])
  }
  return { columns, rows }
}

/**
 * Limit `fields.max.per.table` (fields): those of one table that are listed. Beyond it: the rest is left out. A schema
 * of a few lines may stand for any number: structures that refer to one another are fields wherever they are used.
 */
export const MAX_FIELDS = 10_000
/** Limit `fields.max.depth` (levels): structures within structures that are listed. Beyond it: they are left out. */
const MAX_DEPTH = 32

/**
 * Leaf fields with their dotted paths, the first `MAX_FIELDS` of them; a structure met inside itself is not entered
 * again. `nullable`: it or a structure around it may be null.
 */
export function leaves(type: StructType): [path: string, type: DataType, nullable: boolean][] {
  const found: [string, DataType, boolean][] = []
  // Structures may have no fields at all: places are counted, too.
  let places = 0
  const walk = (struct: StructType, prefix: string, nullable: boolean, inside: readonly StructType[]): void => {
    if (inside.includes(struct) || inside.length > MAX_DEPTH) return
    const around = [...inside, struct]
    for (const field of struct.fields) {
      if (++places > 10 * MAX_FIELDS || found.length === MAX_FIELDS) return
      const path = `${prefix}${field.name}`
      const may = nullable || field.nullable
      if (field.type.kind === 'struct') walk(field.type, `${path}.`, may, around)
      else found.push([path, field.type, may])
    }
  }
  walk(type, '', false, [])
  return found
}
