/** What keys and pointer do in the grid. */
import { copyText, sayNotCopied } from '../clipboard.ts'
import type { CopyFormat } from '../rows/copy.ts'
import type { Run } from '../run/run.ts'
import { scrollFor } from '../virtual/rows.ts'
import { cellCount, type Cursor, moved, selected } from './cursor.ts'
import { gridOf, sortedBy } from './grid-state.ts'
import { wholeWidth } from './layout.ts'
import { NUMBER_PIXELS } from './row.tsx'
import { type GridView, HEAD_PIXELS, ROW_PIXELS } from './use-grid.ts'

/** The cursor goes there and is seen; `extend` selects up to there. */
export function goTo(grid: GridView, next: Cursor, extend = false): void {
  gridOf(grid.run).set((s) => ({ ...s, cursor: next, anchor: extend ? s.anchor : next }))
  const { view, all, pinned, rows } = grid
  const element = grid.element.current
  if (element === null) return
  const row = Math.max(0, next.row)
  element.scrollTop = scrollFor(row, rows, ROW_PIXELS, element.scrollTop, view.height - HEAD_PIXELS)
  const column = all[next.column]
  if (column === undefined || column.pinned) return
  const fixed = wholeWidth(pinned)
  const room = view.width - NUMBER_PIXELS
  if (column.left - fixed < element.scrollLeft) element.scrollLeft = column.left - fixed
  else if (column.left + column.width > element.scrollLeft + room)
    element.scrollLeft = Math.min(column.left - fixed, column.left + column.width - room)
}

/** Copies what is selected, or its rows. */
export function copySelection({ run, all, selection, state }: GridView, format: CopyFormat, wholeRow = false): void {
  const { top, bottom, left, right } = selection
  const chosen = wholeRow ? all : all.slice(left, right + 1)
  const input = { from: top, to: bottom + 1, columns: chosen.map(({ index }) => index), format }
  // Rejects when another run begins before the rows have come.
  copyCells(run, { ...input, arranged: state.arranged !== undefined }).catch((cause: Error) =>
    sayNotCopied(cause.message),
  )
}

async function copyCells(run: Run, input: Parameters<typeof run.ask<'copy'>>[1]): Promise<void> {
  const { text, rows } = await run.ask('copy', input)
  const wanted = input.to - input.from
  const copiedRows = `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}`
  const words = `${rows < wanted ? `the first ${copiedRows} of ${wanted}` : copiedRows} copied as ${input.format}`
  await copyText(text, words)
}

/** Goes to the next cell with a text. False when there is none, or another run has begun meanwhile. */
export async function findCell(grid: GridView, text: string, backwards: boolean): Promise<boolean> {
  const { run, all, state } = grid
  const from = { row: Math.max(0, state.cursor.row), column: state.cursor.column }
  const columns = all.map(({ index }) => index)
  const input = { text, backwards, from, columns, arranged: state.arranged !== undefined }
  const found = await run.ask('find', input).catch(() => undefined)
  if (found !== undefined) goTo(grid, found)
  return found !== undefined
}

function openRow({ run, cells, state }: GridView, place: number): void {
  // Rows that have not been drawn yet have the numbers of their places, unless they are in another order.
  const isInOrder = state.arranged === undefined && !run.state.get().follow
  const number = cells.numbers[place - cells.from] ?? (isInOrder ? place : undefined)
  if (number !== undefined) gridOf(run).set((s) => ({ ...s, open: number }))
}

/** What the grid hears. `openMenu`: of the column with that path. */
export function handsOf(grid: GridView, openMenu: (path: string) => void) {
  const store = gridOf(grid.run)
  const { all, rows, view } = grid
  return {
    press(event: KeyboardEvent): void {
      // As it is now: keys may come faster than the grid is drawn.
      const { cursor, anchor } = store.get()
      const mod = event.ctrlKey || event.metaKey
      const key = event.key.toLowerCase()
      const path = all[cursor.column]?.path
      if (event.target !== grid.element.current || event.altKey || path === undefined) return
      const page = Math.max(1, Math.floor((view.height - HEAD_PIXELS) / ROW_PIXELS) - 1)
      const next = moved(cursor, event, { rows, columns: all.length, page })
      if (next !== undefined) goTo(grid, next, event.shiftKey && next.row >= 0)
      else if (event.key === 'Enter' && cursor.row >= 0) openRow(grid, cursor.row)
      else if (event.key === 'Enter') store.set((s) => sortedBy(s, path, event.shiftKey))
      else if (event.key === 'ContextMenu' || event.key === 'F10' || event.key === ' ') openMenu(path)
      else if (mod && key === 'c') {
        const selection = selected(cursor, anchor)
        copySelection({ ...grid, selection }, cellCount(selection) > 1 ? 'tsv' : 'text')
      } else if (mod && key === 'f') document.getElementById('grid-find')?.focus()
      else if (mod && key === 'a') {
        const end = { row: rows - 1, column: all.length - 1 }
        store.set((s) => ({ ...s, anchor: { row: 0, column: 0 }, cursor: end }))
      } else return
      event.preventDefault()
    },
    point(event: PointerEvent): void {
      const at = placeOf(event.target)
      if (at !== undefined && event.button === 0) goTo(grid, at, event.shiftKey)
    },
    drag(event: PointerEvent): void {
      const at = event.buttons === 1 ? placeOf(event.target) : undefined
      const { cursor } = store.get()
      if (at !== undefined && (at.row !== cursor.row || at.column !== cursor.column))
        store.set((s) => ({ ...s, cursor: at }))
    },
    click(event: MouseEvent): void {
      const at = placeOf(event.target)
      const isExpand = event.target instanceof HTMLElement && event.target.dataset.expand === 'true'
      if (at !== undefined && (isExpand || event.detail === 2)) openRow(grid, at.row)
    },
  }
}

function placeOf(target: EventTarget | null): Cursor | undefined {
  if (!(target instanceof Element)) return undefined
  const cell = target.closest<HTMLElement>('.cell')
  const row = target.closest<HTMLElement>('.grid-row')
  if (row === null || cell === null) return undefined
  return { row: Number(row.dataset.place), column: Number(cell.dataset.column) }
}
