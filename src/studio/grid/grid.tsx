/**
 * The rows of a run: a grid that draws what is seen and asks the worker for just that. Arrows move the cursor, Shift
 * selects, Enter opens the record; sorting, filters and search look at what was received.
 */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Part } from '../lazy.tsx'
import type { PanelProps } from '../registry.ts'
import type { Run } from '../run/run.ts'
import { isActive } from '../run/run-state.ts'
import { useStore } from '../use-store.ts'
import { cellCount } from './cursor.ts'
import { copySelection, findCell, handsOf } from './grid-hands.ts'
import { arrangementFor, gridOf, isArrangementDue, withNewResult } from './grid-state.ts'
import { ColumnMenu } from './head/column-menu.tsx'
import { Head } from './head/head.tsx'
import { Toolbar } from './head/toolbar.tsx'
import { wholeWidth } from './layout.ts'
import { RECORD } from './record-part.ts'
import { NUMBER_PIXELS, Row } from './row.tsx'
import { timeStyle } from './timestamps.ts'
import { type GridView, HEAD_PIXELS, useGrid } from './use-grid.ts'

export default function RowsPanel({ tab, run }: PanelProps) {
  const store = gridOf(run)
  const open = useStore(store, (state) => state.open)
  const rows = useStore(run.state, (state) => state.rows)
  const phase = useStore(run.state, (state) => state.phase)
  const number = useStore(run.state, (state) => state.run)
  useEffect(() => {
    if (run.state.get().rows === 0) store.set(withNewResult)
  }, [number])
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
  const { rows, replaced, dropped, phase, columns } = useStore(run.state, (s) => s)
  const wanted = arrangementFor(state, columns)
  const key = wanted === undefined ? '' : JSON.stringify([wanted, replaced, dropped])
  useEffect(() => {
    if (wanted === undefined) {
      if (state.arranged !== undefined) store.set((s) => ({ ...s, arranged: undefined, isArranging: false }))
      return
    }
    const ended = !isActive({ phase })
    if (!isArrangementDue(state.arranged, key, { rows, ended, sorts: wanted.sorts.length > 0 })) return
    // The same one, of more rows, comes without a word.
    if (state.arranged?.key !== key) store.set((s) => ({ ...s, isArranging: true }))
    run.ask('arrange', wanted).then(
      (arranged) => {
        if (arranged !== undefined) store.set((s) => ({ ...s, arranged: { ...arranged, key }, isArranging: false }))
      },
      () => store.set((s) => ({ ...s, isArranging: false })),
    )
  }, [key, rows, phase])
}

/** Pixels that the menu of a column takes. */
const MENU_PIXELS = 240

function Grid({ run }: Pick<PanelProps, 'run'>) {
  const store = gridOf(run)
  const ref = useRef<HTMLDivElement>(null)
  const grid = useGrid(run, ref)
  const [menu, openMenu] = useState<string | undefined>(undefined)
  const columns = useStore(run.state, (state) => state.columns)
  const hands = handsOf(grid, openMenu)
  const { all, view, rows, received, seen, selection } = grid
  const { cursor } = grid.state
  const menuColumn = all.find(({ path }) => path === menu)
  const focus = (): void => ref.current?.focus()
  return (
    <div class="grid-frame">
      <Toolbar
        store={store}
        columns={columns}
        rows={received}
        cells={cellCount(selection)}
        copy={(format, wholeRow) => copySelection(grid, format, wholeRow)}
        find={(text, backwards) => findCell(grid, text, backwards)}
        focusGrid={focus}
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
        onKeyDown={hands.press}
        onPointerDown={hands.point}
        onPointerMove={hands.drag}
        onClick={hands.click}
      >
        <div
          class="grid-whole"
          role="presentation"
          style={size(wholeWidth(all) + NUMBER_PIXELS, seen.height + HEAD_PIXELS)}
        >
          <Head store={store} grid={grid} openMenu={openMenu} />
          <Body grid={grid} />
        </div>
      </div>
      {menuColumn !== undefined && (
        <ColumnMenu
          store={store}
          column={menuColumn}
          columns={all}
          left={Math.max(0, Math.min(view.width - MENU_PIXELS, NUMBER_PIXELS + menuColumn.left - view.left))}
          close={() => {
            openMenu(undefined)
            focus()
          }}
        />
      )}
    </div>
  )
}

function Body({ grid }: { readonly grid: GridView }) {
  const { seen, cells, selection, pinned, across } = grid
  const { cursor, open } = grid.state
  const time = useStore(timeStyle, (style) => style)
  const isSelected = cellCount(selection) > 1
  const drawn = Array.from({ length: seen.last - seen.first }, (_, i) => seen.first + i)
  return (
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
  )
}

function size(width: number, height: number): Record<string, string> {
  return { width: `${width}px`, height: `${height}px` }
}
