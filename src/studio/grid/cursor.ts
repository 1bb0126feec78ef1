/** Where the cursor of the grid goes by a key, and what is selected. Row -1 is the head. Pure. */

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
      // One step above the first row is the head, where columns are sorted and hidden.
      return row <= 0 && !far ? { ...within(0, column), row: -1 } : within(far ? 0 : row - 1, column)
    case 'ArrowRight':
      return { ...within(row, far ? columns : column + 1), row }
    case 'ArrowLeft':
      return { ...within(row, far ? 0 : column - 1), row }
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

/** A rectangle of cells; ends are included. */
export interface Selection {
  readonly top: number
  readonly bottom: number
  readonly left: number
  readonly right: number
}

/** What lies between the cursor and where the selection began. */
export function selected(cursor: Cursor, anchor: Cursor): Selection {
  return {
    top: Math.max(0, Math.min(cursor.row, anchor.row)),
    bottom: Math.max(0, cursor.row, anchor.row),
    left: Math.min(cursor.column, anchor.column),
    right: Math.max(cursor.column, anchor.column),
  }
}

/** How many cells that are. */
export function cellCount({ top, bottom, left, right }: Selection): number {
  return (bottom - top + 1) * (right - left + 1)
}
