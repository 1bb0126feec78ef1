/** Makes the data of a chart from the rows of a result. Runs in the worker. */
import type { Result } from '../../rows/result.ts'
import type { ChartData } from '../data.ts'
import type { ChartSpec } from '../spec.ts'
import { eachRow, Gatherings } from './gather.ts'
import { histogram } from './histogram.ts'
import { points, timeline } from './lines.ts'
import { keyOf, type Named, namedOf, toldApart } from './names.ts'

/** Limit `studio.chart.bars` (bars): bars beside each other. Beyond it: the largest are drawn, and the chart says so. */
export const MAX_BARS = 60
/**
 * Limit `studio.chart.groups` (groups): different values of an axis that are told apart. Beyond it: rows with further
 * ones are left out, and the chart says so.
 */
export const MAX_GROUPS = 100_000
/**
 * Limit `studio.chart.texts` (characters): of all the different values of an axis. Beyond it: rows with further ones are
 * left out, and the chart says so.
 */
export const MAX_TEXTS = 16_000_000

/** The data of a chart. */
export async function chartData(result: Result, spec: ChartSpec): Promise<ChartData> {
  if (spec.kind === 'histogram') return await histogram(result, spec)
  if (spec.kind === 'bars') return await bars(result, spec)
  return spec.aggregation === 'each' ? await points(result, spec) : await timeline(result, spec)
}

async function bars(result: Result, spec: ChartSpec): Promise<ChartData> {
  const known = new Map<string, number>()
  const named: Named[] = []
  const gatherings = new Gatherings(spec)
  let [characters, beyond] = [0, 0]
  const rows = await eachRow(result, spec, (_, x, split, values) => {
    const key = keyOf(x)
    let group = known.get(key)
    if (group === undefined) {
      if (known.size >= MAX_GROUPS || characters + key.length > MAX_TEXTS) return void beyond++
      characters += key.length
      known.set(key, (group = named.length))
      named.push(namedOf(x))
    }
    gatherings.add(group, split, values)
  })
  const first = [...gatherings.series.values()][0]
  const size = (group: number): number => Math.abs(first?.groups.get(group)?.value ?? 0)
  const all = named.map((_, group) => group)
  const kept = all.length <= MAX_BARS ? all : new Set([...all].sort((a, b) => size(b) - size(a)).slice(0, MAX_BARS))
  const groups = all.filter((group) => Array.isArray(kept) || kept.has(group))
  const notes = gatherings.notes()
  if (groups.length < all.length)
    notes.push(`The ${MAX_BARS} largest of ${all.length.toLocaleString('en')} values are drawn (studio.chart.bars).`)
  if (beyond > 0)
    notes.push(`${beyond.toLocaleString('en')} rows have further values (studio.chart.groups, studio.chart.texts).`)
  return {
    spec,
    x: groups.map((_, i) => i),
    labels: toldApart(groups.map((group) => named[group])),
    isTime: false,
    series: gatherings.over(groups),
    rows,
    notes,
  }
}
