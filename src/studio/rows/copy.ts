/** Cells as text for the clipboard: TSV, JSON, a condition of SQL. Every digit as it came. */
import { isReserved } from '../../sql/keywords.ts'
import { printName, printString } from '../../sql/print.ts'
import { rowAt } from './arrange.ts'
import type { Column } from './columns.ts'
import type { Cell, Result } from './result.ts'
import { inSlices } from './slices.ts'

export type CopyFormat = 'tsv' | 'json' | 'sql' | 'text'

/** Rows `from` up to `to` of those to be seen. */
export interface CopyInput {
  readonly from: number
  readonly to: number
  readonly columns: readonly number[]
  readonly format: CopyFormat
  readonly arranged: boolean
}

/** `rows`: how many are in the text; fewer than were asked for where it became too long. */
export interface Copied {
  readonly text: string
  readonly rows: number
}

/** Limit `studio.copy.characters` (characters): what is copied at once. Beyond it: further rows are left out, and said. */
export const MAX_COPY = 32_000_000
/** Limit `studio.copy.conditions` (rows): rows of a copied SQL condition. Beyond it: further rows are left out, and said. */
export const MAX_CONDITIONS = 1000

export async function copied(result: Result, { from, to, columns, format, arranged }: CopyInput): Promise<Copied> {
  const all = result.columns.list
  const shown = columns.map((column) => all[column])
  const pieces: string[] = format === 'tsv' ? [shown.map(({ path }) => tsvCell(path)).join('\t')] : []
  let rows = 0
  let length = 0
  const last = format === 'sql' ? Math.min(to, from + MAX_CONDITIONS) : to
  await inSlices(
    from,
    last,
    (place) => {
      const row = rowAt(result, place, arranged)
      if (row < 0 || row >= result.rows || length > MAX_COPY) return
      const cells = result.cells(row, columns, Number.MAX_SAFE_INTEGER)
      const piece =
        format === 'tsv'
          ? cells.map((cell) => tsvCell(cellText(cell))).join('\t')
          : format === 'text'
            ? cells.map(cellText).join('\t')
            : format === 'json'
              ? jsonOf(shown, cells)
              : conditionOf(shown, cells)
      pieces.push(piece)
      length += piece.length
      rows++
    },
    () => length <= MAX_COPY,
  )
  return { text: joined(pieces, format, shown), rows }
}

function joined(pieces: readonly string[], format: CopyFormat, columns: readonly Column[]): string {
  if (format === 'json') return pieces.length === 1 ? pieces[0] : `[\n${pieces.join(',\n')}\n]`
  if (format !== 'sql') return pieces.join('\n')
  const single = [...new Set(pieces)]
  if (single.length === 1) return single[0]
  const prefix = columns.length === 1 ? `${columnSql(columns[0])} = ` : undefined
  if (prefix !== undefined && single.every((piece) => piece.startsWith(prefix)))
    return `${columnSql(columns[0])} IN (${single.map((piece) => piece.slice(prefix.length)).join(', ')})`
  return single.map((piece) => `(${piece})`).join(' OR ')
}

function cellText(cell: Cell | undefined): string {
  return cell === undefined ? '' : cell.text
}

/** Spreadsheets read a field in quotes where it holds what parts fields. */
function tsvCell(text: string): string {
  return /[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** An object with the paths of the columns as names; what is absent is left out. */
function jsonOf(columns: readonly Column[], cells: readonly (Cell | undefined)[]): string {
  const members = cells.flatMap((cell, i) =>
    cell === undefined ? [] : [`${JSON.stringify(columns[i].path)}: ${jsonText(cell)}`],
  )
  return `{${members.join(', ')}}`
}

function jsonText({ kind, text }: Cell): string {
  return kind === 'text' ? JSON.stringify(text) : text
}

function conditionOf(columns: readonly Column[], cells: readonly (Cell | undefined)[]): string {
  return columns.map((column, i) => cellCondition(column, cells[i])).join(' AND ')
}

/** The condition that holds where this value stands. Lists and structures compare as their text. */
export function cellCondition(column: Pick<Column, 'path' | 'names'>, cell: Cell | undefined): string {
  const name = columnSql(column)
  if (cell === undefined || cell.kind === 'null') return `${name} IS NULL`
  if (cell.kind === 'json') return `CAST(${name} AS string) = ${printString(cell.text)}`
  return cell.kind === 'text' ? textCondition(name, cell.text) : `${name} = ${cell.text}`
}

/** JSON has no NaN and no infinities: they come as texts, and a double is not compared with a text. */
export function textCondition(name: string, text: string): string {
  const isOfNumbers = text === 'NaN' || text === 'Infinity' || text === '-Infinity'
  return `${isOfNumbers ? `CAST(${name} AS string)` : name} = ${printString(text)}`
}

/** A column as SQL writes it. */
export function columnSql({ path, names }: Pick<Column, 'path' | 'names'>): string {
  return (names ?? path.split('.'))
    .map((name, at) => (at === 0 && isReserved(name) ? `\`${name}\`` : printName(name)))
    .join('.')
}
