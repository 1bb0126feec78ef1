/**
 * Conditions on rows that are there, as one types them above a column: `text`, `=x`, `!=x`, `>5`, `<=5`, `null`,
 * `absent`, `""`. Pure.
 */
import type { Cell } from './result.ts'
import { compareNumbers, isThere } from './values.ts'

export type Test = 'contains' | '=' | '!=' | '<' | '<=' | '>' | '>=' | 'null' | 'absent' | 'there'

/** A condition on one column. `kind` of a value that was picked: `5` the number is not `5` the text. */
export interface Filter {
  readonly path: string
  readonly test: Test
  readonly text: string
  readonly kind?: Cell['kind']
}

/** What was typed; undefined for nothing. */
export function filterOf(path: string, typed: string): Filter | undefined {
  const text = typed.trim()
  if (text === '') return undefined
  const word = text.toLowerCase()
  if (word === 'null' || word === 'absent') return { path, test: word, text: '' }
  if (word === 'not null' || word === '*') return { path, test: 'there', text: '' }
  if (text === '""') return { path, test: '=', text: '', kind: 'text' }
  const [, sign, rest] = /^(!=|<>|<=|>=|=|<|>)\s*(.*)$/s.exec(text) ?? []
  if (sign === undefined) return { path, test: 'contains', text }
  return { path, test: (sign === '<>' ? '!=' : sign) as Test, text: rest }
}

/** As it is typed and shown. */
export function filterText({ test, text, kind }: Filter): string {
  if (test === 'contains') return text
  if (test === 'there') return 'not null'
  if (test === 'null' || test === 'absent') return test
  return kind === 'text' && text === '' ? '=""' : `${test}${text}`
}

/** Whether a cell passes. Numbers compare as numbers, everything else as text. */
export function passes({ test, text, kind }: Filter, cell: Cell | undefined): boolean {
  switch (test) {
    case 'absent':
      return cell === undefined
    case 'null':
      return cell?.kind === 'null'
    case 'there':
      return isThere(cell)
    case 'contains':
      return isThere(cell) && cell.text.toLowerCase().includes(text.toLowerCase())
    case '!=':
      return !passes({ path: '', test: '=', text, kind }, cell)
    default:
      if (!isThere(cell) || (kind !== undefined && cell.kind !== kind)) return false
      return holds(test, compared(cell, text))
  }
}

function compared(cell: Cell, text: string): number | undefined {
  if (cell.kind !== 'number') return cell.text === text ? 0 : cell.text < text ? -1 : 1
  return text.trim() === '' || Number.isNaN(Number(text)) ? undefined : compareNumbers(cell.text, text.trim())
}

function holds(test: Test, order: number | undefined): boolean {
  if (order === undefined) return false
  return (
    (order === 0 && (test === '=' || test === '<=' || test === '>=')) ||
    (order < 0 && (test === '<' || test === '<=')) ||
    (order > 0 && (test === '>' || test === '>='))
  )
}
