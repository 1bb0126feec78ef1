/**
 * The rows of a run: a grid that draws what is seen and asks the worker for just that. Arrows move the cursor, Enter
 * opens the record where that view is there.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { Cell } from '../rows/result.ts'
import type { Run } from '../run/run.ts'
import { useStore } from '../use-store.ts'
import { scrollFor, seenRows } from '../virtual/rows.ts'
import { useViewport } from '../virtual/virtual-list.tsx'
import type { PanelProps } from '../registry.ts'
import { moved } from './cursor.ts'
import { type Placed, placed, seenColumns, wholeWidth } from './layout.ts'

const ROW_PIXELS = 28
const HEAD_PIXELS = 28
const NUMBER_PIXELS = 64

export default function Grid({ run }: PanelProps) {
  const ref = useRef<HTMLDivElement>(null)
  const view = useViewport(ref)
  const rows = useStore(run.state, (state) => state.rows)
  const columns = useStore(run.state, (state) => state.columns)
  const bytes = useStore(run.state, (state) => state.bytes)
  const phase = useStore(run.state, (state) => state.phase)
  const [widths, setWidths] = useState<ReadonlyMap<string, number>>(new Map())
  const [cursor, setCursor] = useState({ row: 0, column: 0 })
  const all = useMemo(() => placed(columns, widths), [columns, widths])
  const across = seenColumns(all, view.left, view.width - NUMBER_PIXELS)
  const seen = seenRows(rows, ROW_PIXELS, view.top, view.height - HEAD_PIXELS)
  const cells = useCells(run, seen.first, seen.last, across, bytes)
  const press = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((view.height - HEAD_PIXELS) / ROW_PIXELS) - 1)
    const next = moved(cursor, event, { rows, columns: all.length, page })
    const element = ref.current
    if (next === undefined || element === null) return
    event.preventDefault()
    setCursor(next)
    element.scrollTop = scrollFor(next.row, rows, ROW_PIXELS, element.scrollTop, view.height - HEAD_PIXELS)
    const { left, width } = all[next.column]
    const room = view.width - NUMBER_PIXELS
    if (left < element.scrollLeft) element.scrollLeft = left
    else if (left + width > element.scrollLeft + room) element.scrollLeft = left + width - room
  }
  if (rows === 0) return phase === 'complete' ? <p class="notice">No rows. What was read stands below.</p> : null
  const drawn = Array.from({ length: seen.last - seen.first }, (_, i) => seen.first + i)
  return (
    <div
      class="grid"
      ref={ref}
      role="grid"
      aria-label="Rows"
      aria-rowcount={rows + 1}
      aria-colcount={all.length}
      aria-activedescendant={`cell-${cursor.row}-${cursor.column}`}
      tabIndex={0}
      onScroll={view.onScroll}
      onKeyDown={press}
    >
      <div
        class="grid-whole"
        role="presentation"
        style={size(wholeWidth(all) + NUMBER_PIXELS, seen.height + HEAD_PIXELS)}
      >
        <Head columns={across} all={all} resize={(path, width) => setWidths(new Map(widths).set(path, width))} />
        <div class="grid-seen" role="presentation" style={{ transform: `translateY(${seen.offset}px)` }}>
          {drawn.map((row) => (
            <div key={row} class="grid-row" role="row" aria-rowindex={row + 2}>
              <span class="row-number" role="rowheader">
                {(row + 1).toLocaleString('en')}
              </span>
              {across.map((column) => (
                <CellView
                  key={column.index}
                  id={`cell-${row}-${all.indexOf(column)}`}
                  column={column}
                  cell={cells(row, column.index)}
                  isCurrent={row === cursor.row && all[cursor.column] === column}
                  choose={() => setCursor({ row, column: all.indexOf(column) })}
                />
              ))}
            </div>
          ))}
        </div>
      </div>
    </div>
  )
}

function size(width: number, height: number): Record<string, string> {
  return { width: `${width}px`, height: `${height}px` }
}

function edges({ left, width }: Placed): Record<string, string> {
  return { left: `${left + NUMBER_PIXELS}px`, width: `${width}px` }
}

interface HeadProps {
  readonly columns: readonly Placed[]
  readonly all: readonly Placed[]
  resize(path: string, width: number): void
}

function Head({ columns, all, resize }: HeadProps) {
  const grab = (event: PointerEvent, { path, width }: Placed): void => {
    const handle = event.currentTarget as HTMLElement
    handle.setPointerCapture(event.pointerId)
    const from = event.clientX
    const drag = (move: PointerEvent): void => resize(path, Math.max(40, width + move.clientX - from))
    handle.addEventListener('pointermove', drag)
    handle.addEventListener('lostpointercapture', () => handle.removeEventListener('pointermove', drag), { once: true })
  }
  return (
    <div class="grid-head" role="row" aria-rowindex={1}>
      <span class="row-number" role="columnheader" aria-label="Number" />
      {columns.map((column) => (
        <span
          key={column.index}
          class={column.numeric ? 'head numeric' : 'head'}
          role="columnheader"
          aria-colindex={all.indexOf(column) + 1}
          title={column.path}
          style={edges(column)}
        >
          <span class="name">{column.path}</span>
          <span class="handle" aria-hidden="true" onPointerDown={(event) => grab(event, column)} />
        </span>
      ))}
    </div>
  )
}

interface CellProps {
  readonly id: string
  readonly column: Placed
  readonly cell: Cell | undefined | 'waiting'
  readonly isCurrent: boolean
  choose(): void
}

function CellView({ id, column, cell, isCurrent, choose }: CellProps) {
  const kind = cell === undefined ? 'absent' : cell === 'waiting' ? 'waiting' : cell.text === '' ? 'blank' : cell.kind
  const text = cell === undefined || cell === 'waiting' ? '' : cell.kind === 'null' ? 'null' : cell.text
  return (
    <span
      id={id}
      class={`cell ${kind}${column.numeric ? ' numeric' : ''}${isCurrent ? ' current' : ''}`}
      role="gridcell"
      aria-selected={isCurrent}
      title={text.slice(0, 300)}
      style={edges(column)}
      onPointerDown={choose}
    >
      {kind === 'blank' ? '""' : text}
      {typeof cell === 'object' && cell.cutFrom !== undefined && '…'}
    </span>
  )
}

/** The cells that were asked for; those of before are shown until the answer is there. */
function useCells(
  run: Run,
  first: number,
  last: number,
  columns: readonly Placed[],
  bytes: number,
): (row: number, column: number) => Cell | undefined | 'waiting' {
  const [answer, set] = useState<{
    from: number
    columns: readonly number[]
    rows: readonly (readonly (Cell | undefined)[])[]
  }>({
    from: 0,
    columns: [],
    rows: [],
  })
  const wanted = columns.map(({ index }) => index)
  const key = wanted.join()
  useEffect(() => {
    let isWanted = true
    run.ask('window', { from: first, to: last, columns: wanted }).then(
      (window) => {
        if (isWanted) set({ from: window.from, columns: wanted, rows: window.rows })
      },
      () => undefined,
    )
    return () => {
      isWanted = false
    }
  }, [run, first, last, key, bytes])
  const places = useMemo(() => new Map(answer.columns.map((column, at) => [column, at])), [answer])
  return (row, column) => {
    const cells = answer.rows[row - answer.from]
    const at = places.get(column)
    return cells === undefined || at === undefined ? 'waiting' : cells[at]
  }
}
