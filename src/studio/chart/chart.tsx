/**
 * The panel Chart: the shape of the result chooses, the user changes. It is drawn again while rows come. Values under
 * the cursor are exact, as texts; the same values stand in a table.
 */
import { useEffect, useState } from 'preact/hooks'
import { useStore } from '../use-store.ts'
import { changedTab, studio } from '../store.ts'
import type { PanelProps } from '../registry.ts'
import type { ChartData } from './data.ts'
import { Controls } from './controls.tsx'
import { Drawing } from './drawing.tsx'
import { type ChartSpec, type ColumnFacts, fittingChart, specOf, specText } from './spec.ts'
import { useLatest } from './latest.ts'

export default function Chart(panel: PanelProps) {
  const number = useStore(panel.run.state, (state) => state.run)
  // The columns of another statement say nothing of these.
  return <ChartOfRun key={number} {...panel} />
}

function ChartOfRun({ tab, run }: PanelProps) {
  const rows = useStore(run.state, (state) => state.rows)
  const bytes = useStore(run.state, (state) => state.bytes)
  const version = useStore(run.state, (state) => state.columnsVersion)
  const replaced = useStore(run.state, (state) => state.replaced)
  const phase = useStore(run.state, (state) => state.phase)
  const facts = useLatest<readonly ColumnFacts[]>(
    () => (rows === 0 ? undefined : run.ask('chartColumns', {})),
    [run, version, phase, rows > 0, rows > 500],
  )
  const chosen = tab.chart === undefined ? undefined : specOf(tab.chart)
  const spec = chosen ?? (facts === undefined ? undefined : fittingChart(facts))
  const data = useLatest<ChartData>(
    () => (spec === undefined || rows === 0 ? undefined : run.ask('chart', spec)),
    [run, spec === undefined ? '' : specText(spec), rows, bytes, replaced, version],
  )
  if (rows === 0) return phase === 'complete' ? <p class="notice">No rows, so there is nothing to draw.</p> : null
  if (facts === undefined) return <div class="loading" aria-busy="true" />
  const change = (next: ChartSpec): void => studio.set((state) => changedTab(state, tab.id, { chart: specText(next) }))
  if (spec === undefined)
    return (
      <p class="notice">
        No column of this result can be drawn. Select a number, a time or a text, e.g. SELECT status, count(*) AS n …
        GROUP BY status.
      </p>
    )
  return (
    <div class="chart">
      <Controls spec={spec} columns={facts} change={change} />
      {data !== undefined && <Shown data={data} />}
    </div>
  )
}

function Shown({ data }: { readonly data: ChartData }) {
  const [theme, redraw] = useState(0)
  const chosen = useStore(studio, (state) => state.theme)
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const change = (): void => redraw((n) => n + 1)
    dark.addEventListener('change', change)
    return () => dark.removeEventListener('change', change)
  }, [])
  if (data.x.length === 0) return <p class="notice">None of these rows has a value to draw. Choose another column.</p>
  return <Drawing data={data} look={`${chosen} ${theme}`} />
}
