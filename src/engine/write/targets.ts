/**
 * First step of an INSERT: which column goes where (key, value, headers, a field inside of them). It knows nothing of
 * rows but how wide they are.
 */
import { didYouMean } from '../../lib/suggest.ts'
import { leaves } from '../../plan/bind/virtual-tables.ts'
import type { Table, TableFacet } from '../../plan/catalog.ts'
import type { OutputColumn } from '../../plan/plan.ts'
import type { InsertStatement, Name, Span } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import type { DataType, StructType } from '../../types.ts'

/** Where a column goes: `path` inside the facet, empty for the whole of it; of a header the path is its name. */
export interface Target {
  readonly facet: 'key' | 'value' | 'header'
  readonly path: readonly string[]
  /** As the user wrote it. */
  readonly title: string
  readonly span?: Span
}

/** Of VALUES: the columns that are listed, or those of the table in order for rows of this width. */
export function targetsOfValues(statement: InsertStatement, width: number, table: Table): readonly Target[] {
  return statement.targets === undefined ? positional(table, width, statement) : listed(statement.targets, table)
}

/** Of SELECT: the columns that are listed, one for each output column; or those of the output columns' names. */
export function targetsOfColumns(
  statement: InsertStatement,
  columns: readonly OutputColumn[],
  table: Table,
): readonly Target[] {
  return statement.targets === undefined ? columns.map((c) => byName(c, table)) : byPosition(statement, columns, table)
}

/** The table's columns in order; the key's only where the row is long enough for them. */
function positional(table: Table, count: number, statement: InsertStatement): readonly Target[] {
  const { key, value } = tableTargets(table)
  if (isOpen(table.value.declared ?? table.value.type) && count > 0) {
    throw new SqlError(
      'ARGUMENTS',
      `The columns of ${table.name} are not known, as its values are JSON.`,
      statement.span,
      `Name them: INSERT INTO ${table.name} (a, b) VALUES …`,
    )
  }
  if (count === value.length) return value
  if (count === key.length + value.length) return [...key, ...value]
  const names = value.map((t) => t.title).join(', ')
  throw new SqlError(
    'ARGUMENTS',
    `Row 1 has ${count} values, and ${table.name} has ${value.length} columns${value.length > 20 ? '' : ` (${names})`}, or ${key.length + value.length} with the key.`,
    statement.span,
  )
}

/** Values whose columns are not known. */
export function isOpen(type: DataType): boolean {
  return type.kind === 'json' || type.kind === 'map'
}

function listed(paths: readonly (readonly Name[])[], table: Table): Target[] {
  const targets = paths.map((path) => targetOf(path, table))
  const seen = new Set<string>()
  for (const target of targets) {
    const id = JSON.stringify([target.facet, ...target.path])
    if (seen.has(id) && target.facet !== 'header')
      throw new SqlError('ARGUMENTS', `"${target.title}" is named twice.`, target.span)
    seen.add(id)
  }
  return targets
}

function byName(column: OutputColumn, table: Table): Target {
  if (column.spread === true)
    throw new SqlError(
      'UNSUPPORTED',
      'Fields of JSON whose shape is not known cannot be mixed with other columns in an INSERT.',
      column.expr.span,
      'SELECT * alone copies whole values; otherwise name the columns.',
    )
  const span = column.expr.span ?? { start: 0, end: 0 }
  const path = column.path.flatMap((step) => step.split('.')).map((text) => ({ text, quoted: false, span }))
  const target = targetOf(path, table)
  return column.expr.span === undefined ? { ...target, span: undefined } : target
}

function byPosition(statement: InsertStatement, columns: readonly OutputColumn[], table: Table): Target[] {
  const targets = listed(statement.targets ?? [], table)
  if (columns.some((c) => c.spread === true))
    throw new SqlError(
      'ARGUMENTS',
      '"*" over JSON has no fixed number of columns.',
      statement.query?.span,
      'Name the columns.',
    )
  if (targets.length !== columns.length)
    throw new SqlError(
      'ARGUMENTS',
      `The SELECT gives ${columns.length} columns for ${targets.length} targets.`,
      statement.query?.span,
    )
  return targets
}

// ---------------------------------------------------------------------------------------------- names

/** The target that a name in the column list means. */
function targetOf(path: readonly Name[], table: Table): Target {
  const title = path.map((n) => n.text).join('.')
  const span: Span = { start: path[0].span.start, end: path[path.length - 1].span.end }
  const rest = path.slice(1).map((n) => n.text)
  switch (path[0].text) {
    case '_key':
      return checked({ facet: 'key', path: rest, title, span }, table)
    case '_value':
      return checked({ facet: 'value', path: rest, title, span }, table)
    case '_headers':
    case '_header':
      if (rest.length === 0)
        throw new SqlError('UNKNOWN_COLUMN', 'A header needs a name.', span, 'Write _headers.name.')
      return { facet: 'header', path: [rest.join('.')], title, span }
    case '_meta':
    case '_metadata':
      throw new SqlError('UNKNOWN_COLUMN', 'Metadata is given by Kafka; it cannot be inserted.', span)
    default:
      return checked(
        { facet: 'value', path: wholeValue(path, table) ? [] : [path[0].text, ...rest], title, span },
        table,
      )
  }
}

/** A single value is also called `value`, as in CREATE TABLE. */
function wholeValue(path: readonly Name[], table: Table): boolean {
  return path.length === 1 && path[0].text === 'value' && isSingle(table.value)
}

function isSingle(facet: TableFacet): boolean {
  const { kind } = columnsType(facet)
  return kind !== 'struct' && kind !== 'json' && kind !== 'map'
}

/** What may be named inside the facet. */
function columnsType(facet: TableFacet): DataType {
  return facet.declared ?? facet.type
}

function checked(target: Target, table: Table): Target {
  let type = columnsType(table[target.facet === 'key' ? 'key' : 'value'])
  target.path.forEach((step, i) => {
    if (type.kind === 'json') return
    if (type.kind === 'map') {
      type = type.value
      return
    }
    const field = type.kind === 'struct' ? type.fields.find((f) => f.name === step) : undefined
    if (field === undefined) throw unknownTarget(target, i, type, table)
    type = field.type
  })
  return target
}

function unknownTarget(target: Target, at: number, type: DataType, table: Table): SqlError {
  const prefix = target.facet === 'key' ? '_key.' : ''
  if (type.kind !== 'struct') {
    const whole = target.facet === 'key' ? '_key' : '_value'
    const where =
      at === 0
        ? `The ${target.facet} of ${table.name} is a single value`
        : `"${prefix}${target.path.slice(0, at).join('.')}" is a single value`
    return new SqlError(
      'UNKNOWN_COLUMN',
      `${where}; it has no "${target.path[at]}".`,
      target.span,
      at === 0 ? `Write ${whole}.` : undefined,
    )
  }
  const names = leaves(type).map(([path]) => `${prefix}${[...target.path.slice(0, at), path].join('.')}`)
  const hint =
    didYouMean(`${prefix}${target.path.join('.')}`, names) ?? `DESCRIBE TABLE ${table.name} lists the columns.`
  return new SqlError('UNKNOWN_COLUMN', `Unknown column "${target.title}" in ${table.name}.`, target.span, hint)
}

/** The columns of a table in order, the key's first: what an INSERT without a column list means. */
function tableTargets(table: Table): { readonly key: readonly Target[]; readonly value: readonly Target[] } {
  const of = (facet: 'key' | 'value'): Target[] => {
    const type = columnsType(table[facet])
    if (type.kind === 'struct')
      return leaves(type).map(([path]) => ({
        facet,
        path: pathOf(type, path),
        title: facet === 'key' ? `_key.${path}` : path,
      }))
    return [{ facet, path: [], title: `_${facet}` }]
  }
  return { key: of('key'), value: of('value') }
}

/** A dotted path as steps: names of fields may hold dots themselves. */
function pathOf(type: StructType, dotted: string): string[] {
  for (const field of type.fields) {
    if (field.name === dotted) return [field.name]
    if (field.type.kind === 'struct' && dotted.startsWith(`${field.name}.`))
      return [field.name, ...pathOf(field.type, dotted.slice(field.name.length + 1))]
  }
  return [dotted]
}
