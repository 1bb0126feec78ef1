/** Where the cursor of the grid goes by a key. */

export interface Cursor {
  readonly row: number
  readonly column: number
}

interface Press {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
}

/** undefined for a key that does not move it. `page`: rows that are seen at once. */
export function moved(
  { row, column }: Cursor,
  { key, ctrlKey, metaKey }: Press,
  { rows, columns, page }: { readonly rows: number; readonly columns: number; readonly page: number },
): Cursor | undefined {
  const far = ctrlKey || metaKey
  const within = (r: number, c: number): Cursor => ({
    row: Math.max(0, Math.min(rows - 1, r)),
    column: Math.max(0, Math.min(columns - 1, c)),
  })
  switch (key) {
    case 'ArrowDown':
      return within(far ? rows : row + 1, column)
    case 'ArrowUp':
      return within(far ? 0 : row - 1, column)
    case 'ArrowRight':
      return within(row, far ? columns : column + 1)
    case 'ArrowLeft':
      return within(row, far ? 0 : column - 1)
    case 'PageDown':
      return within(row + page, column)
    case 'PageUp':
      return within(row - page, column)
    case 'Home':
      return within(far ? 0 : row, 0)
    case 'End':
      return within(far ? rows : row, columns)
    default:
      return undefined
  }
}
