/**
 * SHOW … and DESCRIBE … as plans over constant rows. Shapes and texts are the JDBC driver's and the documentation's
 * (dialect reference, 2.5; clients, section 2).
 */
import { AGGREGATE_DOCS, returnText, SCALAR_FUNCTIONS } from '../../functions/all-functions.ts'
import type { DescribeStatement, ShowStatement } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { parseQuery } from '../../sql/parse.ts'
import { type DataType, STRING, type StructType, typeName, type Value } from '../../types.ts'
import { bindQuery } from './bind.ts'
import { unknownTable } from './unknown-table.ts'
import type { Catalog, TableFacet, TableSummary } from '../catalog.ts'
import type { Output } from '../plan.ts'
import { SETTINGS, type SettingName, type Settings } from '../settings.ts'
import { leaves, MAX_FIELDS, VIRTUAL_TABLES, virtualTable } from './virtual-tables.ts'

/** A result made of texts, one row each. `missing`: what it lacks, in sentences for the user. */
export function rowsOutput(
  title: string,
  names: readonly string[],
  rows: readonly (readonly Value[])[],
  types: readonly DataType[] = names.map(() => STRING),
  missing: readonly string[] = [],
): Output {
  return {
    kind: 'output',
    metadata: false,
    input: { kind: 'values', source: 0, title, rows, types, missing },
    shape: {
      kind: 'columns',
      columns: names.map((name, index) => ({ path: [name], expr: { kind: 'slot', index, name, type: types[index] } })),
    },
  }
}

/** Made once for each list: very many may be asked for by very many at once. */
const rowsOfTables = new WeakMap<readonly TableSummary[], readonly (readonly Value[])[]>()

function tableRows(tables: readonly TableSummary[]): readonly (readonly Value[])[] {
  const known = rowsOfTables.get(tables)
  if (known !== undefined) return known
  const rows = tables.map((t) => [t.name, t.type, String(t.partitions), String(t.replicas)])
  rowsOfTables.set(tables, rows)
  return rows
}

/** SHOW as a plan of constant rows. Throws a SqlError for a name that does not exist. */
export async function show(statement: ShowStatement, catalog: Catalog, settings: Settings): Promise<Output> {
  switch (statement.what) {
    case 'tables': {
      const tables = await catalog.tables()
      return rowsOutput('SHOW TABLES', ['name', 'type', 'partitions', 'replicas'], tableRows(tables))
    }
    case 'table types':
      return rowsOutput('SHOW TABLE TYPES', ['type'], [['SYSTEM'], ['USER']])
    case 'virtual tables':
      return rowsOutput(
        'SHOW VIRTUAL TABLES',
        ['name', 'description'],
        VIRTUAL_TABLES.map((t) => [t.name, t.description]),
      )
    case 'functions':
      return rowsOutput('SHOW FUNCTIONS', ['name', 'description', 'return_type'], functionRows())
    case 'settings':
      return rowsOutput(
        'SHOW SETTINGS',
        ['name', 'value', 'meaning'],
        (Object.keys(SETTINGS) as SettingName[]).map((name) => [
          name,
          String(settings[name] ?? ''),
          SETTINGS[name].meaning,
        ]),
      )
    default:
      throw new SqlError(
        'UNSUPPORTED',
        `SHOW ${statement.what.toUpperCase()} is not offered yet.`,
        statement.span,
        'SHOW TABLES, SHOW TABLE TYPES, SHOW VIRTUAL TABLES, SHOW FUNCTIONS and SHOW SETTINGS are.',
      )
  }
}

function functionRows(): Value[][] {
  const rows: Value[][] = [
    ...SCALAR_FUNCTIONS.flatMap((f) =>
      [f.name, ...(f.aliases ?? [])].map((name) => [name, f.description, returnText(f)]),
    ),
    ...AGGREGATE_DOCS.filter((a) => !SCALAR_FUNCTIONS.some((f) => f.name === a.name)).map((a) => [
      a.name,
      a.description,
      a.returns,
    ]),
  ]
  return rows.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
}

/** DESCRIBE as a plan of constant rows. Throws a SqlError (UNKNOWN_TABLE). */
export async function describe(statement: DescribeStatement, catalog: Catalog): Promise<Output> {
  const name = statement.table.text
  const virtual = await virtualTable(name, catalog)
  if (virtual !== undefined)
    return rowsOutput(
      `DESCRIBE ${name}`,
      ['key', 'value'],
      virtual.columns.map((c) => [`_value.${c.name}`, typeName(c.type)]),
    )
  const view = await catalog.view?.(name)
  if (view !== undefined) return describeView(name, view, catalog)
  const table = await catalog.table(name)
  if (table === undefined) throw await unknownTable(statement.table, catalog)
  const rows: Value[][] = [
    ...fieldRows('_key', table.key),
    ...fieldRows('_value', table.value),
    ['Key', table.key.format],
    ['Value', table.value.format],
    ['Key format from', origin(table.key)],
    ['Value format from', origin(table.value)],
    ['Partitions', String(table.partitions.length)],
    ['Timestamps', table.timestampType],
    ...(await catalog.configuration(name)).map((c) => [c.name, c.value]),
  ]
  return rowsOutput(`DESCRIBE ${name}`, ['key', 'value'], rows)
}

/**
 * The columns that the SELECT of the view gives, and its text. Of JSON whose shape is not known there is nothing to
 * list.
 */
async function describeView(name: string, text: string, catalog: Catalog): Promise<Output> {
  const { shape } = await bindQuery(parseQuery(text), { catalog, defaultLimit: Number.MAX_SAFE_INTEGER })
  const columns =
    shape.kind === 'columns'
      ? shape.columns.filter((c) => c.spread !== true).map((c) => [`_value.${c.path.join('.')}`, typeName(c.expr.type)])
      : []
  const whole =
    shape.kind === 'record' && shape.value.type.kind === 'struct' ? leafRows(shape.value.type, '_value') : []
  return rowsOutput(`DESCRIBE ${name}`, ['key', 'value'], [...columns, ...whole, ['View', text]])
}

function leafRows(struct: StructType, prefix: string): Value[][] {
  const found = leaves(struct)
  const rows = found.map(([path, type]): Value[] => [`${prefix}.${path}`, typeName(type)])
  return found.length < MAX_FIELDS
    ? rows
    : [...rows, [`${prefix}.…`, `there are more fields than ${MAX_FIELDS} (fields.max.per.table)`]]
}

function fieldRows(prefix: string, facet: TableFacet): Value[][] {
  const t = facet.declared ?? facet.type
  if (t.kind === 'struct') return leafRows(t, prefix)
  return t.kind === 'json' ? [] : [[prefix, typeName(t)]]
}

function origin(facet: TableFacet): string {
  const words = {
    configured: 'the configuration',
    declared: 'CREATE TABLE',
    registry: 'the schema registry',
    sampled: 'a look at some records',
    default: 'a default',
  }
  return facet.detail === '' ? words[facet.origin] : `${words[facet.origin]}: ${facet.detail}`
}
