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

/** Leaf fields with their dotted paths; a structure met inside itself is not entered again. */
export function leaves(type: StructType, prefix = '', inside: readonly StructType[] = []): [string, DataType][] {
  if (inside.includes(type) || inside.length > 32) return []
  return type.fields.flatMap((f): [string, DataType][] => {
    const path = `${prefix}${f.name}`
    return f.type.kind === 'struct' ? leaves(f.type, `${path}.`, [...inside, type]) : [[path, f.type]]
  })
}
