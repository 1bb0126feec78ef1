/** What a chart is drawn from: doubles for the eye, texts for what is said. Types, and the words of a chart. */
import type { ChartSpec } from './spec.ts'

/** A line, or the bars of one colour. Both lists are as long as the chart's `x`. */
export interface ChartSeries {
  readonly name: string
  readonly values: readonly (number | null)[]
  /** The exact value of each point; '' where there is none. */
  readonly texts: readonly string[]
}

/** One chart. */
export interface ChartData {
  readonly spec: ChartSpec
  /** Epoch milliseconds or numbers of a line, ascending; positions 0, 1, … of bars. */
  readonly x: readonly number[]
  /** What stands at each `x`, exactly. */
  readonly labels: readonly string[]
  readonly isTime: boolean
  readonly series: readonly ChartSeries[]
  /** Rows that were looked at. */
  readonly rows: number
  /** What was left out, in sentences. */
  readonly notes: readonly string[]
}

/** The chart in a sentence, for those who do not see it. */
export function chartSummary({ spec, x, series, labels }: ChartData): string {
  const of = series.map(({ name }) => name).join(', ')
  const what = { line: 'Line', bars: 'Bars', histogram: 'Histogram' }[spec.kind]
  const first = series[0]
  if (first === undefined || x.length === 0) return `${what}: nothing to draw.`
  const by = spec.kind === 'histogram' ? `of ${spec.x}` : `of ${of} by ${spec.x}`
  const highest = first.values.reduce<number>(
    (at, value, i) => ((value ?? -Infinity) > (first.values[at] ?? -Infinity) ? i : at),
    0,
  )
  const most = `highest: ${first.texts[highest]} at ${labels[highest]}`
  return `${what} ${by}, ${x.length.toLocaleString('en')} ${spec.kind === 'line' ? 'points' : 'bars'}, ${most}.`
}
