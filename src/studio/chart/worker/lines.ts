/** Lines: every row a point, or rows put together by pieces of time. Runs in the worker. */
import type { Cell, Result } from '../../rows/result.ts'
import type { ChartData, ChartSeries } from '../data.ts'
import { doubleOf, isTimeText, looksLikeTime, timeOf } from '../numbers.ts'
import { eachRow, Gatherings, MAX_SERIES, seriesOf } from './gather.ts'
import { type Named, toldApart } from './names.ts'
import type { ChartSpec } from '../spec.ts'
import { step, timeStep } from '../ticks.ts'

/**
 * Limit `studio.chart.points` (points): of one line. Beyond it: of neighbours the lowest and the highest is drawn, and
 * the chart says so.
 */
export const MAX_POINTS = 2000
/** Not a limit: about so many pieces of time. */
const PIECES = 120

interface Point {
  readonly x: number
  readonly row: number
  readonly y: number
}

/** The axis of a line: what its first value is, the others are. */
class Axis {
  isTime: boolean | undefined
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  of(cell: Cell | undefined): number | undefined {
    if (cell === undefined || cell.kind === 'null') return undefined
    this.isTime ??= isTimeText(cell.text) || looksLikeTime(this.#path, cell.text)
    return this.isTime ? timeOf(cell.text) : cell.kind === 'number' ? doubleOf(cell.text) : undefined
  }
}

/** Every row a point. */
export async function points(result: Result, spec: ChartSpec): Promise<ChartData> {
  const axis = new Axis(spec.x)
  const series = new Map<string, { named: Named; points: Point[]; value: number }>()
  let [skipped, left] = [0, 0]
  const rows = await eachRow(result, spec, (row, at, split, values) => {
    const x = axis.of(at)
    for (const [i, path] of spec.values.entries()) {
      const cell = values[i]
      const y = cell?.kind === 'number' ? doubleOf(cell.text) : undefined
      if (x === undefined || y === undefined) {
        skipped++
        continue
      }
      const { key, named } = seriesOf(spec, split, path)
      let of = series.get(key)
      if (of === undefined) {
        if (series.size >= MAX_SERIES) {
          left++
          continue
        }
        series.set(key, (of = { named, points: [], value: i }))
      }
      of.points.push({ x, row, y })
    }
  })
  const notes: string[] = []
  let isThinned = false
  const names = toldApart([...series.values()].map(({ named }) => named))
  const kept = [...series.values()].map(({ points: all, value }, i) => {
    all.sort((a, b) => a.x - b.x || a.row - b.row)
    const points = thinned(all, MAX_POINTS)
    isThinned ||= points.length < all.length
    return { name: names[i], points, path: spec.values[value] }
  })
  if (isThinned)
    notes.push(`Of neighbours the lowest and the highest is drawn (${MAX_POINTS} points, studio.chart.points).`)
  if (left > 0) notes.push(`${MAX_SERIES} series are drawn (studio.chart.series); rows of others are left out.`)
  if (skipped > 0) notes.push(`${skipped.toLocaleString('en')} points without a number are left out.`)
  return { spec, ...aligned(result, spec, kept), isTime: axis.isTime === true, rows, notes }
}

/** Not more than `most` points: of each run of neighbours the lowest and the highest, in their order. */
export function thinned<P extends { readonly y: number }>(all: readonly P[], most: number): readonly P[] {
  if (all.length <= most) return all
  const runs = most / 2
  const kept: P[] = []
  for (let i = 0; i < runs; i++) {
    const run = all.slice(Math.floor((i * all.length) / runs), Math.floor(((i + 1) * all.length) / runs))
    let [low, high] = [0, 0]
    for (const [at, { y }] of run.entries()) {
      if (y < run[low].y) low = at
      if (y > run[high].y) high = at
    }
    kept.push(run[Math.min(low, high)])
    if (low !== high) kept.push(run[Math.max(low, high)])
  }
  return kept
}

interface Line {
  readonly name: string
  readonly path: string
  readonly points: readonly Point[]
}

/** Lines over one axis: points at the same place share it, a line that has none there has a gap. */
function aligned(result: Result, spec: ChartSpec, lines: readonly Line[]): Pick<ChartData, 'x' | 'labels' | 'series'> {
  const all = lines.flatMap(({ points: of }, line) => of.map((point) => ({ ...point, line })))
  all.sort((a, b) => a.x - b.x || a.row - b.row)
  const x: number[] = []
  const rowsAt: number[] = []
  const places: (Point | undefined)[][] = []
  for (const point of all) {
    const last = places.length - 1
    if (last < 0 || x[last] !== point.x || places[last][point.line] !== undefined) {
      x.push(point.x)
      rowsAt.push(point.row)
      places.push([])
    }
    places[places.length - 1][point.line] = point
  }
  const at = (path: string): number => result.columns.list.findIndex((column) => column.path === path)
  const text = (row: number, column: number): string =>
    result.cells(row, [column], Number.MAX_SAFE_INTEGER)[0]?.text ?? ''
  const axis = at(spec.x)
  const series = lines.map(({ name, path }, line): ChartSeries => {
    const column = at(path)
    return {
      name,
      values: places.map((place) => place[line]?.y ?? null),
      texts: places.map((place) => (place[line] === undefined ? '' : text(place[line].row, column))),
    }
  })
  return { x, labels: rowsAt.map((row) => text(row, axis)), series }
}

/** Rows put together by pieces of the axis. */
export async function timeline(result: Result, spec: ChartSpec): Promise<ChartData> {
  const axis = new Axis(spec.x)
  let [low, high, skipped] = [Infinity, -Infinity, 0]
  await eachRow(result, { ...spec, values: [] }, (_, cell) => {
    const x = axis.of(cell)
    if (x === undefined) return void skipped++
    low = Math.min(low, x)
    high = Math.max(high, x)
  })
  const isTime = axis.isTime === true
  const width = (isTime ? timeStep : step)((high - low) / PIECES) || 1
  const gatherings = new Gatherings(spec)
  const groups = new Set<number>()
  const rows = await eachRow(result, spec, (_, cell, split, values) => {
    const x = axis.of(cell)
    if (x === undefined) return
    const group = Math.floor(x / width)
    groups.add(group)
    gatherings.add(group, split, values)
  })
  const order = [...groups].sort((a, b) => a - b)
  const start = (group: number): number => Number((group * width).toPrecision(15))
  const notes = gatherings.notes()
  if (skipped > 0) notes.push(`${skipped.toLocaleString('en')} rows have no ${spec.x} and are left out.`)
  return {
    spec,
    x: order.map(start),
    labels: order.map((group) => (isTime ? new Date(start(group)).toISOString() : String(start(group)))),
    isTime,
    series: gatherings.over(order),
    rows,
    notes,
  }
}
