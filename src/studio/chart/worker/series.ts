/** Makes the data of a chart from the rows of a result. Runs in the worker. */
import type { Result } from '../../rows/result.ts'
import type { ChartData } from '../data.ts'
import type { ChartSpec } from '../spec.ts'
import { eachRow, Gatherings, nameOf } from './gather.ts'
import { histogram } from './histogram.ts'
import { points, timeline } from './lines.ts'

/** Limit `studio.chart.bars` (bars): bars beside each other. Beyond it: the largest are drawn, and the chart says so. */
export const MAX_BARS = 60
/**
 * Limit `studio.chart.groups` (groups): different values of an axis that are told apart. Beyond it: rows with further
 * ones are left out, and the chart says so.
 */
export const MAX_GROUPS = 100_000

/** The data of a chart. */
export async function chartData(result: Result, spec: ChartSpec): Promise<ChartData> {
  if (spec.kind === 'histogram') return await histogram(result, spec)
  if (spec.kind === 'bars') return await bars(result, spec)
  return spec.aggregation === 'each' ? await points(result, spec) : await timeline(result, spec)
}

async function bars(result: Result, spec: ChartSpec): Promise<ChartData> {
  const names = new Map<string, number>()
  const gatherings = new Gatherings(spec)
  let beyond = 0
  const rows = await eachRow(result, spec, (_, x, split, values) => {
    const name = nameOf(x)
    let group = names.get(name)
    if (group === undefined) {
      if (names.size >= MAX_GROUPS) return void beyond++
      names.set(name, (group = names.size))
    }
    gatherings.add(group, split, values)
  })
  const labels = [...names.keys()]
  const first = [...gatherings.series.values()][0]
  const size = (group: number): number => Math.abs(first?.get(group)?.value ?? 0)
  const all = labels.map((_, group) => group)
  const kept = all.length <= MAX_BARS ? all : new Set([...all].sort((a, b) => size(b) - size(a)).slice(0, MAX_BARS))
  const groups = all.filter((group) => Array.isArray(kept) || kept.has(group))
  const notes = gatherings.notes()
  if (groups.length < all.length)
    notes.push(`The ${MAX_BARS} largest of ${all.length.toLocaleString('en')} values are drawn (studio.chart.bars).`)
  if (beyond > 0) notes.push(`${beyond.toLocaleString('en')} rows have further values (studio.chart.groups).`)
  return {
    spec,
    x: groups.map((_, i) => i),
    labels: groups.map((group) => labels[group]),
    isTime: false,
    series: gatherings.over(groups),
    rows,
    notes,
  }
}
