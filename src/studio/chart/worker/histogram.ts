/** How often the numbers of a column occur, by ranges of equal width. Runs in the worker. */
import type { Result } from '../../rows/result.ts'
import type { ChartData } from '../data.ts'
import { doubleOf } from '../numbers.ts'
import { eachRow } from './gather.ts'
import type { ChartSpec } from '../spec.ts'
import { edgeTexts } from '../../rows/values.ts'
import { step } from '../ticks.ts'

/** Not a limit: about so many ranges. */
const RANGES = 30

export async function histogram(result: Result, spec: ChartSpec): Promise<ChartData> {
  const found: number[] = []
  let skipped = 0
  const rows = await eachRow(result, spec, (_, cell) => {
    const value = cell?.kind === 'number' ? doubleOf(cell.text) : undefined
    if (value === undefined) skipped++
    else found.push(value)
  })
  const notes = skipped === 0 ? [] : [`${skipped.toLocaleString('en')} values are no number and are left out.`]
  const whole = { spec, isTime: false, rows, notes }
  if (found.length === 0) return { ...whole, x: [], labels: [], series: [] }
  const low = found.reduce((a, b) => Math.min(a, b))
  const high = found.reduce((a, b) => Math.max(a, b))
  const isWhole = found.every(Number.isInteger)
  const width = Math.max(step((high - low) / RANGES), isWhole ? 1 : 0) || 1
  const first = Math.floor(low / width)
  const counts = new Array<number>(Math.floor(high / width) - first + 1).fill(0)
  for (const value of found) counts[Math.floor(value / width) - first]++
  const edges = edgeTexts(
    Array.from({ length: counts.length + 1 }, (_, i) => (first + i) * width),
    12,
  )
  return {
    ...whole,
    x: counts.map((_, i) => i),
    labels: counts.map((_, i) => (isWhole && width === 1 ? edges[i] : `${edges[i]} to ${edges[i + 1]}`)),
    series: [{ name: 'rows', values: counts, texts: counts.map(String) }],
  }
}
