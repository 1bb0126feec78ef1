/** One row of the grid; drawn again only when something of it is another one. */
import { Component } from 'preact'
import type { Cell } from '../rows/result.ts'
import type { Placed } from './layout.ts'
import { timeText, type TimeStyle } from './timestamps.ts'

/** Pixels of the column of numbers. */
export const NUMBER_PIXELS = 64

export interface RowProps {
  /** Place on the page, from 0. */
  readonly place: number
  /** Number in the result; undefined until the answer is there. */
  readonly number: number | undefined
  readonly cells: readonly (Cell | undefined)[] | undefined
  readonly places: ReadonlyMap<number, number>
  readonly pinned: readonly Placed[]
  readonly across: readonly Placed[]
  /** Column of the cursor, where it stands in this row; -1 elsewhere. */
  readonly current: number
  /** Columns that are selected, ends included; -1 for none. */
  readonly from: number
  readonly to: number
  readonly changed: ReadonlySet<number> | undefined
  readonly time: TimeStyle
  readonly isOpen: boolean
}

export class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    const { props } = this
    for (const name of Object.keys(next) as (keyof RowProps)[]) if (props[name] !== next[name]) return true
    return false
  }

  override render() {
    const { place, number, pinned, across, isOpen } = this.props
    return (
      <div class={isOpen ? 'grid-row open' : 'grid-row'} role="row" aria-rowindex={place + 2} data-place={place}>
        <div class="fixed" role="presentation">
          {/* A header without a text is none: until the number is there, a cell. */}
          <span class="row-number" role={number === undefined ? 'gridcell' : 'rowheader'}>
            {number === undefined ? '' : (number + 1).toLocaleString('en')}
          </span>
          {pinned.map((column) => this.#cell(column))}
        </div>
        {across.map((column) => this.#cell(column))}
      </div>
    )
  }

  #cell(column: Placed) {
    const { place, cells, places, current, from, to, changed, time } = this.props
    const at = places.get(column.index)
    const cell = cells === undefined || at === undefined ? 'waiting' : cells[at]
    const isCurrent = column.at === current
    const isSelected = column.at >= from && column.at <= to
    const classes = ['cell', kindOf(cell)]
    if (column.numeric) classes.push('numeric')
    if (isCurrent) classes.push('current')
    if (isSelected) classes.push('selected')
    if (changed?.has(column.index) === true) classes.push('changed')
    const text = cellText(cell, time)
    return (
      <span
        key={column.index}
        id={isCurrent ? `cell-${place}-${column.at}` : undefined}
        class={classes.join(' ')}
        role="gridcell"
        aria-colindex={column.at + 2}
        aria-selected={isSelected || isCurrent}
        aria-label={cell === undefined ? 'absent' : cell !== 'waiting' && cell.text === '' ? 'empty text' : undefined}
        title={cell === undefined ? 'absent' : cell === 'waiting' ? undefined : cell.text}
        data-column={column.at}
        style={edges(column)}
      >
        {text}
        {typeof cell === 'object' && cell.kind === 'json' && cell.text.length > 2 && (
          <span class="expand" data-expand="true" aria-hidden="true">
            ▸
          </span>
        )}
      </span>
    )
  }
}

/** Where a column stands. */
export function edges({ left, width, pinned }: Placed): Record<string, string> {
  return pinned ? { width: `${width}px` } : { left: `${left + NUMBER_PIXELS}px`, width: `${width}px` }
}

function kindOf(cell: Cell | undefined | 'waiting'): string {
  if (cell === undefined) return 'absent'
  if (cell === 'waiting') return cell
  return cell.text === '' ? 'blank' : cell.kind
}

function cellText(cell: Cell | undefined | 'waiting', time: TimeStyle): string {
  if (cell === undefined) return '·'
  if (cell === 'waiting') return ''
  if (cell.text === '') return '""'
  const text = cell.kind === 'text' ? timeText(cell.text, time) : cell.text
  return cell.cutFrom === undefined ? text : `${text}…`
}
