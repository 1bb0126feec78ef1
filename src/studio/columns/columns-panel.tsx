/** The columns of a result: of each how full it is, its range, its shape, its most frequent values. */
import { useEffect, useState } from 'preact/hooks'
import { arrangementFor, gridOf, withFilter } from '../grid/grid-state.ts'
import { timeStyle, timeText } from '../grid/timestamps.ts'
import type { PanelProps } from '../registry.ts'
import type { Column } from '../rows/columns.ts'
import { cellCondition } from '../rows/copy.ts'
import type { Cell } from '../rows/result.ts'
import type { Summary } from '../rows/summary.ts'
import type { Run } from '../run/run.ts'
import { isActive } from '../run/run-state.ts'
import { changedTab, studio, type Tab, withTab } from '../store.ts'
import { useStore } from '../use-store.ts'
import { withCondition, withConditionIn } from './add-condition.ts'

/** Not a limit: columns that are looked at before one asks for more. */
const SHOWN = 24
/** Not a limit: columns in one pass over the rows. */
const AT_ONCE = 12
/** Not a limit: rows of the first look, which comes at once. */
const FIRST_LOOK = 20_000

export default function ColumnsPanel({ tab, run }: PanelProps) {
  const columns = useStore(run.state, (state) => state.columns)
  const received = useStore(run.state, (state) => state.rows)
  const grid = useStore(gridOf(run), (state) => state)
  const [typed, type] = useState('')
  const [most, more] = useState(SHOWN)
  const [refusal, refuse] = useState<string | undefined>(undefined)
  const arranged = arrangementFor(grid, columns) === undefined ? undefined : grid.arranged
  const rows = arranged === undefined ? received : arranged.rows
  const fitting = columns.filter(({ path }) => path.toLowerCase().includes(typed.toLowerCase()))
  const shown = fitting.slice(0, most)
  const all = useSummaries(run, shown, rows, arranged?.key)
  if (received === 0) return <p class="notice">No rows yet: columns are known by their rows.</p>
  return (
    <div class="columns-panel">
      <div class="grid-bar" role="toolbar" aria-label="Columns">
        <input
          type="search"
          aria-label="Search the columns"
          placeholder="Search columns"
          value={typed}
          onInput={(event) => type(event.currentTarget.value)}
        />
        <span class="soft">
          {columns.length.toLocaleString('en')} columns of {rows.toLocaleString('en')} rows
          {arranged === undefined ? ' received' : ' that pass the filters, of those received'}
        </span>
        {refusal !== undefined && (
          <span class="failure" role="alert">
            {refusal}
          </span>
        )}
      </div>
      <ul class="summaries">
        {shown.map((column) => (
          <SummaryCard
            key={column.path}
            column={column}
            summary={all.get(column.path)}
            whole={rows}
            filter={(cell) => filterRows(tab, run, column, cell)}
            where={(cell) => refuse(writeCondition(tab, run, column, cell))}
          />
        ))}
      </ul>
      {fitting.length > most && (
        <button type="button" class="more-columns" onClick={() => more(most + SHOWN)}>
          {Math.min(SHOWN, fitting.length - most)} more of {(fitting.length - most).toLocaleString('en')}
        </button>
      )}
    </div>
  )
}

/** A first look at some rows, then at all of them. `arrangement`: another one is looked at anew. */
function useSummaries(
  run: Run,
  columns: readonly Column[],
  rows: number,
  arrangement: string | undefined,
): ReadonlyMap<string, Summary> {
  const phase = useStore(run.state, (state) => state.phase)
  const [all, set] = useState<ReadonlyMap<string, Summary>>(new Map())
  const paths = columns.map(({ path }) => path)
  const number = useStore(run.state, (state) => state.run)
  const ended = !isActive({ phase })
  useEffect(() => {
    let isWanted = true
    const look = async (): Promise<void> => {
      for (const limit of rows > FIRST_LOOK ? [FIRST_LOOK, rows] : [rows]) {
        // While rows come in, the first look is enough.
        if (limit > FIRST_LOOK && !ended) return
        for (let at = 0; at < paths.length && isWanted; at += AT_ONCE) {
          const input = { paths: paths.slice(at, at + AT_ONCE), arranged: arrangement !== undefined, most: limit }
          const answer = await run.ask('summaries', input)
          if (isWanted) set((before) => new Map([...before, ...answer.map((s) => [s.path, s] as const)]))
        }
      }
    }
    look().catch(() => undefined)
    return () => {
      isWanted = false
    }
  }, [run, number, paths.join(), ended, ended ? rows : Math.min(rows, FIRST_LOOK), arrangement])
  return all
}

/** Shows the rows with this value, of those that were received. */
function filterRows(tab: Tab, run: Run, { path }: Column, { kind, text }: Cell): void {
  gridOf(run).set((s) => withFilter(s, path, { path, test: '=', text, kind }))
  const announcement = `Rows with ${path} = ${text}`
  studio.set((s) => ({ ...changedTab(s, tab.id, { panel: 'rows' }), announcement }))
}

/** Writes the condition into the statement; gives why not, where that cannot be. */
function writeCondition(tab: Tab, run: Run, column: Column, cell: Cell): string | undefined {
  const { asked } = run.state.get()
  const condition = cellCondition(column, cell)
  const there = withConditionIn(tab.sql, tab.parameters, asked, condition)
  const edited = there ?? withCondition(asked, condition)
  if ('refused' in edited) return edited.refused
  const { sql } = edited
  // What was run stands in the editor no more: what was written since is left alone.
  if (there === undefined) studio.set((s) => withTab(s, { sql }))
  else studio.set((s) => changedTab(s, tab.id, { sql }))
  const where = there === undefined ? 'the statement that was run, in a tab of its own' : 'the statement'
  studio.set((s) => ({ ...s, announcement: s.notice ?? `The condition stands in ${where}.` }))
  return undefined
}

interface CardProps {
  readonly column: Column
  readonly summary: Summary | undefined
  /** Rows that there are; the summary may be of fewer. */
  readonly whole: number
  filter(cell: Cell): void
  where(cell: Cell): void
}

function SummaryCard({ column, summary, whole, filter, where }: CardProps) {
  const time = useStore(timeStyle, (style) => style)
  const shownText = (cell: Cell): string =>
    cell.text === '' ? '""' : cell.kind === 'text' ? timeText(cell.text, time) : cell.text
  return (
    <li class="summary" aria-busy={summary === undefined}>
      <h3 title={column.path}>{column.path}</h3>
      {summary === undefined ? (
        <p class="soft">…</p>
      ) : (
        <>
          {summary.rows < whole && <p class="soft">of the first {summary.rows.toLocaleString('en')} rows</p>}
          <dl>
            <Fact
              name="values"
              text={`${summary.count.toLocaleString('en')} (${share(summary.count, summary.rows)})`}
            />
            <Fact name="null" text={share(summary.nulls, summary.rows)} />
            <Fact name="absent" text={share(summary.absent, summary.rows)} />
            <Fact
              name="distinct"
              text={`${summary.approximate ? 'about ' : ''}${summary.distinct.toLocaleString('en')}`}
            />
            {summary.least !== undefined && <Fact name="min" text={shownText(summary.least)} />}
            {summary.greatest !== undefined && <Fact name="max" text={shownText(summary.greatest)} />}
          </dl>
          {summary.bars.length > 0 && <Histogram summary={summary} />}
          <Top column={column} summary={summary} shownText={shownText} filter={filter} where={where} />
        </>
      )}
    </li>
  )
}

function Fact({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd title={text}>{text}</dd>
    </>
  )
}

/** `12.5 %`; never 0 % of what is there, nor 100 % of what is not all. */
export function share(count: number, of: number): string {
  if (of === 0 || count === 0) return '0 %'
  const percent = (count / of) * 100
  if (percent < 0.1) return '< 0.1 %'
  if (percent > 99.9 && count < of) return '> 99.9 %'
  return `${Number(percent.toFixed(1))} %`
}

const BAR_PIXELS = 8
const HEIGHT = 32

function Histogram({ summary: { bars, path } }: { readonly summary: Summary }) {
  const most = Math.max(...bars.map(({ count }) => count))
  const words = `${bars.length} bars from ${bars[0].from} to ${bars.at(-1)?.to}, the highest has ${most} rows`
  return (
    <svg
      class="histogram"
      role="img"
      aria-label={`Histogram of ${path}: ${words}`}
      viewBox={`0 0 ${bars.length * BAR_PIXELS} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      {bars.map(({ from, to, count }, i) => {
        const height = count === 0 ? 0 : Math.max(1, (count / most) * HEIGHT)
        return (
          <rect key={i} x={i * BAR_PIXELS} y={HEIGHT - height} width={BAR_PIXELS - 1} height={height}>
            <title>{`${from} to ${to}: ${count.toLocaleString('en')}`}</title>
          </rect>
        )
      })}
    </svg>
  )
}

interface TopProps extends Pick<CardProps, 'column' | 'filter' | 'where'> {
  readonly summary: Summary
  shownText(cell: Cell): string
}

function Top({ column, summary, shownText, filter, where }: TopProps) {
  if (summary.top.length === 0 || summary.top[0].count === 1) return null
  return (
    <table class="top-values">
      <caption class="unseen">Most frequent values of {column.path}</caption>
      <tbody>
        {summary.top.map(({ cell, count }) => (
          <tr key={`${cell.kind} ${cell.text}`}>
            <th scope="row" title={cell.text}>
              {shownText(cell)}
            </th>
            <td>{share(count, summary.rows)}</td>
            <td class="filter-by">
              <button
                type="button"
                class="quiet"
                aria-label={`Filter the rows by ${column.path} = ${cell.text}`}
                title="Filter the rows received"
                disabled={cell.cutFrom !== undefined}
                onClick={() => filter(cell)}
              >
                Filter
              </button>
              <button
                type="button"
                class="quiet"
                aria-label={`Put ${column.path} = ${cell.text} into WHERE`}
                title="Write the condition into the statement"
                disabled={cell.cutFrom !== undefined}
                onClick={() => where(cell)}
              >
                WHERE
              </button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
