/**
 * Goes through the rows of a result for a chart, and gathers values by group. In slices, so that rows come in and other
 * questions are answered meanwhile.
 */
import { systemClock } from '../../../lib/clock.ts'
import type { Cell, Result } from '../../rows/result.ts'
import type { ChartSeries } from '../data.ts'
import { addTo, compareNumbers, doubleOf, emptySum, type Sum, sumText } from '../numbers.ts'
import type { Aggregation, ChartSpec } from '../spec.ts'
import { keyOf, type Named, namedOf, toldApart } from './names.ts'

/** Limit `studio.chart.series` (series): of one chart. Beyond it: further ones are left out, and the chart says so. */
export const MAX_SERIES = 12

const SLICE_MS = 20
const ROWS_A_LOOK = 500

/** What is read of a row: the axis, the split, the values. */
export type Look = (
  row: number,
  x: Cell | undefined,
  split: Cell | undefined,
  values: readonly (Cell | undefined)[],
) => void

/** Goes through the rows of a result, and lets others in between. Gives how many there were. */
export async function eachRow(result: Result, spec: ChartSpec, look: Look): Promise<number> {
  const at = (path: string): number => result.columns.list.findIndex((column) => column.path === path)
  const wanted = [at(spec.x), spec.split === undefined ? -1 : at(spec.split), ...spec.values.map(at)]
  let until = systemClock.monotonic() + SLICE_MS
  let row = 0
  for (; row < result.rows; row++) {
    const [x, split, ...values] = result.cells(row, wanted, Number.MAX_SAFE_INTEGER)
    look(row, x, split, values)
    if (row % ROWS_A_LOOK !== 0 || systemClock.monotonic() < until) continue
    await new Promise<void>((resolve) => void systemClock.after(0, resolve))
    until = systemClock.monotonic() + SLICE_MS
  }
  return row
}

/** The value of one bar or one piece of a line, while rows come. */
export class Gathered {
  count = 0
  #only = ''
  #best = ''
  readonly #sum: Sum = emptySum()
  readonly #aggregation: Aggregation

  constructor(aggregation: Aggregation) {
    this.#aggregation = aggregation
  }

  /** `text`: a number. */
  add(text: string): void {
    this.count++
    this.#only = text
    if (this.#aggregation === 'sum' || this.#aggregation === 'avg') addTo(this.#sum, text)
    else if (this.#aggregation === 'min' || this.#aggregation === 'max') {
      const by = this.count === 1 ? 0 : compareNumbers(text, this.#best)
      if (this.count === 1 || (this.#aggregation === 'min' ? by < 0 : by > 0)) this.#best = text
    }
  }

  /** Of one number it is that number, as it was written. */
  get text(): string {
    if (this.#aggregation === 'count') return String(this.count)
    if (this.count === 1) return this.#only
    if (this.#aggregation === 'sum') return sumText(this.#sum)
    if (this.#aggregation === 'avg') return `≈ ${this.value}`
    return this.#best
  }

  get value(): number {
    if (this.#aggregation === 'count') return this.count
    if (this.count === 1) return Number(this.#only)
    if (this.#aggregation === 'sum') return this.#sum.rough
    return this.#aggregation === 'avg' ? this.#sum.rough / this.count : Number(this.#best)
  }
}

/** What the series is called that has this value of the split, and this column. */
export function seriesOf(
  spec: ChartSpec,
  split: Cell | undefined,
  path: string,
): { readonly key: string; readonly named: Named } {
  if (spec.split === undefined) return { key: path, named: { name: path, quoted: path } }
  const { name, quoted } = namedOf(split)
  if (spec.values.length < 2) return { key: keyOf(split), named: { name, quoted } }
  return { key: `${path}\n${keyOf(split)}`, named: { name: `${name} ${path}`, quoted: `${quoted} ${path}` } }
}

interface Series {
  readonly named: Named
  readonly groups: Map<number, Gathered>
}

/** Series, and in each what was gathered by group. */
export class Gatherings {
  readonly series = new Map<string, Series>()
  left = 0
  skipped = 0
  readonly #spec: ChartSpec

  constructor(spec: ChartSpec) {
    this.#spec = spec
  }

  add(group: number, split: Cell | undefined, values: readonly (Cell | undefined)[]): void {
    const { aggregation, values: paths } = this.#spec
    if (aggregation === 'count' || paths.length === 0) {
      this.#gathered({ ...this.#spec, values: [] }, split, 'rows', group)?.add('1')
      return
    }
    for (const [i, path] of paths.entries()) {
      const cell = values[i]
      if (cell?.kind !== 'number' || doubleOf(cell.text) === undefined) this.skipped++
      else this.#gathered(this.#spec, split, path, group)?.add(cell.text)
    }
  }

  #gathered(spec: ChartSpec, split: Cell | undefined, path: string, group: number): Gathered | undefined {
    const { key, named } = seriesOf(spec, split, path)
    let series = this.series.get(key)
    if (series === undefined) {
      if (this.series.size >= MAX_SERIES) {
        this.left++
        return undefined
      }
      this.series.set(key, (series = { named, groups: new Map() }))
    }
    let gathered = series.groups.get(group)
    if (gathered === undefined) series.groups.set(group, (gathered = new Gathered(this.#spec.aggregation)))
    return gathered
  }

  /** The series over the groups in this order. */
  over(groups: readonly number[]): ChartSeries[] {
    const all = [...this.series.values()]
    const names = toldApart(all.map(({ named }) => named))
    return all.map(({ groups: of }, i) => ({
      name: names[i],
      values: groups.map((group) => of.get(group)?.value ?? null),
      texts: groups.map((group) => of.get(group)?.text ?? ''),
    }))
  }

  notes(): string[] {
    const notes: string[] = []
    if (this.left > 0) notes.push(`${MAX_SERIES} series are drawn (studio.chart.series); rows of others are left out.`)
    if (this.skipped > 0) notes.push(`${this.skipped.toLocaleString('en')} values are no number and are left out.`)
    return notes
  }
}
