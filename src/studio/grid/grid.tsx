/**
 * The rows of a run: a grid that draws what is seen and asks the worker for just that. Arrows move the cursor, Shift
 * selects, Enter opens the record; sorting, filters and search look at what was received.
 */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { Part } from '../lazy.tsx'
import type { PanelProps } from '../registry.ts'
import type { CopyFormat } from '../rows/copy.ts'
import type { Run } from '../run/run.ts'
import { useNewest } from '../follow/use-newest.ts'
import { isActive } from '../run/run-state.ts'
import { studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import { scrollFor, seenRows } from '../virtual/rows.ts'
import { useViewport } from '../virtual/virtual-list.tsx'
import { RECORD } from './record-part.ts'
import { cellCount, type Cursor, moved, selected } from './cursor.ts'
import { arrangementFor, gridOf, isArrangementDue, sortedBy, withNewResult } from './grid-state.ts'
import { ColumnMenu, Head } from './head.tsx'
import { placed, type Placed, seenColumns, wholeWidth } from './layout.ts'
import { NUMBER_PIXELS, Row } from './row.tsx'
import { timeStyle } from './timestamps.ts'
import { Toolbar } from './toolbar.tsx'
import { useCells } from './use-cells.ts'

const ROW_PIXELS = 28
const HEAD_PIXELS = 28
/** Not a limit: up to so many columns are asked for at once, so that moving sideways needs no question. */
const ALL_AT_ONCE = 48

export default function RowsPanel({ tab, run }: PanelProps) {
  const store = gridOf(run)
  const open = useStore(store, (state) => state.open)
  const rows = useStore(run.state, (state) => state.rows)
  const phase = useStore(run.state, (state) => state.phase)
  const startedMs = useStore(run.state, (state) => (state.continued > 0 ? -1 : state.startedMs))
  useEffect(() => {
    if (run.state.get().rows === 0) store.set(withNewResult)
  }, [startedMs])
  useArrangement(run)
  const showsRecord = open !== undefined || tab.record !== undefined
  return (
    <div class={showsRecord ? 'rows-panel with-record' : 'rows-panel'}>
      {rows > 0 ? (
        <Grid run={run} />
      ) : (
        phase === 'complete' && <p class="notice">No rows. What was read stands below.</p>
      )}
      {showsRecord && <Part of={RECORD} props={{ tab, run }} />}
    </div>
  )
}

/** Asks the worker to sort and filter, again when rows came. */
function useArrangement(run: Run): void {
  const store = gridOf(run)
  const state = useStore(store, (s) => s)
  const { rows, replaced, phase, columns } = useStore(run.state, (s) => s)
  const wanted = arrangementFor(state, columns)
  const key = wanted === undefined ? '' : JSON.stringify([wanted, replaced])
  useEffect(() => {
    if (wanted === undefined) {
      if (state.arranged !== undefined) store.set((s) => ({ ...s, arranged: undefined }))
      return
    }
    const ended = !isActive({ phase })
    if (!isArrangementDue(state.arranged, key, { rows, ended, sorts: wanted.sorts.length > 0 })) return
    run.ask('arrange', wanted).then(
      (arranged) => {
        if (arranged !== undefined) store.set((s) => ({ ...s, arranged: { ...arranged, key } }))
      },
      () => undefined,
    )
  }, [key, rows, phase])
}

function Grid({ run }: Pick<PanelProps, 'run'>) {
  const store = gridOf(run)
  const ref = useRef<HTMLDivElement>(null)
  const view = useViewport(ref)
  const received = useStore(run.state, (state) => state.rows)
  const replaced = useStore(run.state, (state) => state.replaced)
  const columns = useStore(run.state, (state) => state.columns)
  const isNewestFirst = useStore(run.state, (state) => state.follow && state.replaced === 0)
  const { columns: choices, cursor, anchor, arranged, open } = useStore(store, (state) => state)
  const time = useStore(timeStyle, (style) => style)
  const [menu, openMenu] = useState<string | undefined>(undefined)
  const pinnedRoom = Math.max(0, view.width - NUMBER_PIXELS - 120)
  const all = useMemo(() => placed(columns, choices, pinnedRoom), [columns, choices, pinnedRoom])
  const pinned = useMemo(() => all.filter((column) => column.pinned), [all])
  const loose = useMemo(() => all.filter((column) => !column.pinned), [all])
  const rows = arranged === undefined ? received : arranged.rows
  const across = useSame(seenColumns(loose, view.left + wholeWidth(pinned), view.width - NUMBER_PIXELS))
  const seen = seenRows(rows, ROW_PIXELS, view.top, view.height - HEAD_PIXELS)
  const wanted = useMemo(
    () => (all.length <= ALL_AT_ONCE ? all : [...pinned, ...across]).map(({ index }) => index),
    [all, pinned, across],
  )
  const version = `${arranged?.key ?? ''} ${arranged?.of ?? ''} ${replaced} ${isNewestFirst ? received : Math.min(received, seen.last + 64)}`
  const wish = { first: seen.first, last: seen.last, columns: wanted, arranged: arranged !== undefined, version }
  const cells = useCells(run, wish, replaced > 0)
  const selection = selected(cursor, anchor)
  useNewest(ref, isNewestFirst && arranged === undefined, received, ROW_PIXELS, (by) =>
    store.set((s) => {
      const down = (at: Cursor): Cursor => (at.row <= 0 ? at : { ...at, row: at.row + by })
      return { ...s, cursor: down(s.cursor), anchor: down(s.anchor) }
    }),
  )

  const scrollTo = (next: Cursor): void => {
    const element = ref.current
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
  const goTo = (next: Cursor, extend = false): void => {
    store.set((s) => ({ ...s, cursor: next, anchor: extend ? s.anchor : next }))
    scrollTo(next)
  }
  const openRow = (place: number): void => {
    const number = cells.numbers[place - cells.from]
    if (number !== undefined) store.set((s) => ({ ...s, open: number }))
  }
  const copy = (format: CopyFormat, wholeRow = false): void => {
    const { top, bottom, left, right } = selection
    const chosen = wholeRow ? all : all.slice(left, right + 1)
    const input = { from: top, to: bottom + 1, columns: chosen.map(({ index }) => index), format }
    void copyText(run, { ...input, arranged: arranged !== undefined })
  }
  const find = async (text: string, backwards: boolean): Promise<boolean> => {
    const from = { row: Math.max(0, cursor.row), column: cursor.column }
    const input = { text, backwards, from, columns: all.map(({ index }) => index), arranged: arranged !== undefined }
    const found = await run.ask('find', input)
    if (found !== undefined) goTo(found)
    return found !== undefined
  }
  const closeMenu = (): void => {
    openMenu(undefined)
    ref.current?.focus()
  }
  const press = (event: KeyboardEvent): void => {
    const mod = event.ctrlKey || event.metaKey
    const key = event.key.toLowerCase()
    const column = all[cursor.column]
    if (event.target !== ref.current || event.altKey) return
    const page = Math.max(1, Math.floor((view.height - HEAD_PIXELS) / ROW_PIXELS) - 1)
    const next = moved(cursor, event, { rows, columns: all.length, page })
    if (next !== undefined) goTo(next, event.shiftKey && next.row >= 0)
    else if (event.key === 'Enter' && cursor.row >= 0) openRow(cursor.row)
    else if (event.key === 'Enter') store.set((s) => sortedBy(s, column.path, event.shiftKey))
    else if (event.key === 'ContextMenu' || event.key === 'F10' || event.key === ' ') openMenu(column.path)
    else if (mod && key === 'c') copy(cellCount(selection) > 1 ? 'tsv' : 'text')
    else if (mod && key === 'f') document.getElementById('grid-find')?.focus()
    else if (mod && key === 'a')
      store.set((s) => ({ ...s, anchor: { row: 0, column: 0 }, cursor: { row: rows - 1, column: all.length - 1 } }))
    else return
    event.preventDefault()
  }
  const point = (event: PointerEvent): void => {
    const at = placeOf(event.target)
    if (at !== undefined && event.button === 0) goTo(at, event.shiftKey)
  }
  const drag = (event: PointerEvent): void => {
    if (event.buttons !== 1) return
    const at = placeOf(event.target)
    if (at !== undefined && (at.row !== cursor.row || at.column !== cursor.column))
      store.set((s) => ({ ...s, cursor: at }))
  }
  const click = (event: MouseEvent): void => {
    const at = placeOf(event.target)
    const isExpand = event.target instanceof HTMLElement && event.target.dataset.expand === 'true'
    if (at !== undefined && (isExpand || event.detail === 2)) openRow(at.row)
  }
  const drawn = Array.from({ length: seen.last - seen.first }, (_, i) => seen.first + i)
  const menuColumn = all.find(({ path }) => path === menu)
  const isSelected = cellCount(selection) > 1
  return (
    <div class="grid-frame">
      <Toolbar
        store={store}
        columns={columns}
        rows={received}
        cells={cellCount(selection)}
        copy={copy}
        find={find}
        focusGrid={() => ref.current?.focus()}
      />
      <div
        class="grid"
        ref={ref}
        role="grid"
        aria-label="Rows"
        aria-multiselectable="true"
        aria-rowcount={rows + 1}
        aria-colcount={all.length + 1}
        aria-activedescendant={`cell-${cursor.row}-${cursor.column}`}
        tabIndex={0}
        onScroll={view.onScroll}
        onKeyDown={press}
        onPointerDown={point}
        onPointerMove={drag}
        onClick={click}
      >
        <div
          class="grid-whole"
          role="presentation"
          style={size(wholeWidth(all) + NUMBER_PIXELS, seen.height + HEAD_PIXELS)}
        >
          <Head
            store={store}
            columns={all}
            pinned={pinned}
            across={across}
            current={cursor.row < 0 ? cursor.column : -1}
            openMenu={openMenu}
          />
          <div class="grid-seen" role="presentation" style={{ transform: `translateY(${seen.offset}px)` }}>
            {drawn.map((place) => {
              const number = cells.numbers[place - cells.from]
              const inSelection = isSelected && place >= selection.top && place <= selection.bottom
              return (
                <Row
                  key={place}
                  place={place}
                  number={number}
                  cells={cells.rows[place - cells.from]}
                  places={cells.places}
                  pinned={pinned}
                  across={across}
                  current={place === cursor.row ? cursor.column : -1}
                  from={inSelection ? selection.left : -1}
                  to={inSelection ? selection.right : -1}
                  changed={number === undefined ? undefined : cells.changed.get(number)}
                  time={time}
                  isOpen={number !== undefined && number === open}
                />
              )
            })}
          </div>
        </div>
      </div>
      {menuColumn !== undefined && (
        <ColumnMenu
          store={store}
          column={menuColumn}
          whole={columns[menuColumn.index]}
          columns={all}
          left={Math.max(0, Math.min(view.width - 240, NUMBER_PIXELS + menuColumn.left - view.left))}
          close={closeMenu}
        />
      )}
    </div>
  )
}

/** The same list where it holds the same columns, so that rows need not be drawn again. */
function useSame(columns: readonly Placed[]): readonly Placed[] {
  const before = useRef(columns)
  const isSame = before.current.length === columns.length && columns.every((c, i) => c === before.current[i])
  if (!isSame) before.current = columns
  return before.current
}

function placeOf(target: EventTarget | null): Cursor | undefined {
  if (!(target instanceof Element)) return undefined
  const cell = target.closest<HTMLElement>('.cell')
  const row = target.closest<HTMLElement>('.grid-row')
  if (row === null || cell === null) return undefined
  return { row: Number(row.dataset.place), column: Number(cell.dataset.column) }
}

async function copyText(run: Run, input: Parameters<typeof run.ask<'copy'>>[1]): Promise<void> {
  const { text, rows } = await run.ask('copy', input)
  const wanted = input.to - input.from
  const copiedRows = `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}`
  const words = `${rows < wanted ? `the first ${copiedRows} of ${wanted}` : copiedRows} copied as ${input.format}`
  const announcement = await navigator.clipboard.writeText(text).then(
    () => words,
    (cause: Error) => `Not copied: ${cause.message}`,
  )
  studio.set((s) => ({ ...s, announcement }))
}

function size(width: number, height: number): Record<string, string> {
  return { width: `${width}px`, height: `${height}px` }
}
