/** A table of any number of rows of one height, of which those are drawn that are seen. Arrows and pages scroll it. */
import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { seenRows } from './rows.ts'
import { useViewport } from './virtual-list.tsx'

/** A column: `width` is a track of a CSS grid. */
export interface TableColumn<T> {
  readonly title: string
  readonly width: string
  readonly numeric?: boolean
  cell(row: T): ComponentChildren
}

interface Props<T> {
  readonly label: string
  readonly columns: readonly TableColumn<T>[]
  readonly rows: readonly T[]
  readonly empty: string
  /** What marks a row beside its text. */
  look?(row: T): string
}

const ROW_PIXELS = 28

export function VirtualTable<T>({ label, columns, rows, empty, look }: Props<T>) {
  const ref = useRef<HTMLDivElement>(null)
  const { top, height, onScroll } = useViewport(ref)
  const seen = seenRows(rows.length, ROW_PIXELS, top, height - ROW_PIXELS)
  const tracks = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') }
  const shown = rows.slice(seen.first, seen.last)
  if (rows.length === 0) return <p class="notice">{empty}</p>
  return (
    <div
      class="virtual-table"
      ref={ref}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      onScroll={onScroll}
    >
      <div class="table-head" role="row" aria-rowindex={1} style={tracks}>
        {columns.map(({ title, numeric }) => (
          <span key={title} role="columnheader" class={numeric === true ? 'numeric' : ''}>
            {title}
          </span>
        ))}
      </div>
      <div class="virtual-whole" role="presentation" style={{ height: `${seen.height}px` }}>
        <div class="virtual-seen" role="presentation" style={{ transform: `translateY(${seen.offset}px)` }}>
          {shown.map((row, i) => (
            <div
              key={seen.first + i}
              class={look === undefined ? 'table-row' : `table-row ${look(row)}`}
              role="row"
              aria-rowindex={seen.first + i + 2}
              style={tracks}
            >
              {columns.map(({ title, numeric, cell }) => (
                <span key={title} role="cell" class={numeric === true ? 'numeric' : ''}>
                  {cell(row)}
                </span>
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}
