/** Draws a chart's data with uPlot: its options from the data, and the canvas as a picture. */
import uPlot from 'uplot'
import type { ChartData } from './data.ts'
import { axisNumber, type Colours, DASHES } from './look.ts'

const FONT = '12px system-ui, sans-serif'
const LABEL_CHARACTERS = 18

/**
 * The bars of one category stand beside each other, so every one has a place of its own: `at` of series `s` of category
 * `i` is `i * (n + gap) + s`.
 */
export function barPlaces(
  { x, series }: Pick<ChartData, 'x' | 'series'>,
  gap: number,
): { readonly by: number; readonly count: number } {
  const by = series.length + gap
  return { by, count: x.length * by }
}

/** Place of the middle of a category. */
function middle(i: number, by: number, series: number): number {
  return i * by + (series - 1) / 2
}

/** Gap between categories, in bars; the ranges of a histogram touch. */
function gapOf({ spec, series }: ChartData): number {
  return spec.kind === 'histogram' ? 0 : series.length === 1 ? 0 : 1
}

/** What uPlot draws. */
export function plotData(data: ChartData): uPlot.AlignedData {
  const { spec, x, series } = data
  if (spec.kind === 'line') return [[...x], ...series.map(({ values }) => [...values])]
  const { by } = barPlaces(data, gapOf(data))
  const places = x.flatMap((_, i) => series.map((_, s) => i * by + s))
  return [
    places,
    ...series.map((one, s) => x.flatMap((_, i) => series.map((_, other) => (other === s ? one.values[i] : null)))),
  ]
}

/** Which point of the data stands at a place of what uPlot draws. */
export function pointAt({ spec, series }: ChartData, index: number): number {
  return spec.kind === 'line' ? index : Math.floor(index / Math.max(1, series.length))
}

/** And back: the place of a point. */
export function placeOf({ spec, series }: ChartData, point: number): number {
  return spec.kind === 'line' ? point : point * Math.max(1, series.length)
}

/** `moved` hears which point the cursor is at. */
export function plotOptions(
  data: ChartData,
  size: { readonly width: number; readonly height: number },
  colours: Colours,
  moved: (index: number | undefined) => void,
): uPlot.Options {
  const isLine = data.spec.kind === 'line'
  return {
    ...size,
    ms: 1,
    legend: { show: false },
    cursor: { drag: { x: isLine, y: false, setScale: isLine }, y: false, points: { show: isLine } },
    hooks: { setCursor: [({ cursor: { idx } }) => moved(idx ?? undefined)] },
    scales: {
      x: { time: data.isTime, ...(isLine ? {} : { range: barRange(data) }) },
      y: { range: valueRange(isLine) },
    },
    axes: [isLine ? lineAxis(data, colours) : barAxis(data, size.width, colours), valueAxis(colours)],
    series: [
      {},
      ...data.series.map(({ name }, s): uPlot.Series => {
        const colour = colours.series[s % colours.series.length]
        return isLine
          ? {
              label: name,
              stroke: colour,
              width: 1.5,
              dash: [...DASHES[s % DASHES.length]],
              spanGaps: true,
              points: { show: data.x.length <= 60, size: 5 },
            }
          : {
              label: name,
              stroke: colour,
              fill: colour,
              width: 0,
              points: { show: false },
              paths: uPlot.paths.bars?.({ size: [data.spec.kind === 'histogram' ? 0.96 : 0.8, 96, 1] }),
            }
      }),
    ],
  }
}

function barRange(data: ChartData): [number, number] {
  const { by } = barPlaces(data, gapOf(data))
  return [-0.7, Math.max(1, data.x.length) * by - (by - data.series.length) - 0.3]
}

/** Bars stand on zero; a line is seen as a whole. */
function valueRange(isLine: boolean): uPlot.Scale.Range {
  return (_, low, high) => {
    if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1]
    if (isLine) return uPlot.rangeNum(low, high, 0.1, true)
    const room = (Math.max(high, 0) - Math.min(low, 0) || 1) * 0.06
    return [low < 0 ? low - room : 0, high > 0 ? high + room : 0]
  }
}

function drawn({ soft, line }: Colours): uPlot.Axis {
  return { stroke: soft, font: FONT, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } }
}

function valueAxis(colours: Colours): uPlot.Axis {
  return { ...drawn(colours), size: 64, values: (_, splits) => splits.map(axisNumber) }
}

function lineAxis(data: ChartData, colours: Colours): uPlot.Axis {
  return data.isTime ? drawn(colours) : { ...drawn(colours), values: (_, splits) => splits.map(axisNumber) }
}

function barAxis(data: ChartData, width: number, colours: Colours): uPlot.Axis {
  const { x, labels, series } = data
  const { by } = barPlaces(data, gapOf(data))
  const isHistogram = data.spec.kind === 'histogram'
  const texts = labels.map((label) => short(isHistogram ? label.replace(/ to .*/, '') : label))
  const widest = Math.max(1, ...texts.map((text) => text.length)) * 7
  const room = (width - 80) / Math.max(1, x.length)
  const isTilted = !isHistogram && widest + 8 > room
  const every = Math.max(1, Math.ceil((isTilted ? 18 : widest + 12) / room))
  const shown = x.map((_, i) => i).filter((i) => i % every === 0)
  return {
    ...drawn(colours),
    grid: { show: false },
    splits: shown.map((i) => middle(i, by, series.length)),
    values: () => shown.map((i) => texts[i]),
    ...(isTilted ? { rotate: -45, size: Math.min(110, 24 + widest * 0.72) } : {}),
  }
}

function short(text: string): string {
  return text.length > LABEL_CHARACTERS ? `${text.slice(0, LABEL_CHARACTERS - 1)}…` : text
}

/** The canvas on paper, with the names of the series above it. */
export function picture(plot: uPlot, data: ChartData, { paper, ink, series: colours }: Colours): HTMLCanvasElement {
  const from = plot.ctx.canvas
  const scale = from.width / plot.width
  const head = 28 * scale
  const canvas = document.createElement('canvas')
  canvas.width = from.width
  canvas.height = from.height + head
  const pen = canvas.getContext('2d')
  if (pen === null) return canvas
  pen.fillStyle = paper
  pen.fillRect(0, 0, canvas.width, canvas.height)
  pen.font = `${12 * scale}px system-ui, sans-serif`
  let left = 12 * scale
  for (const [s, { name }] of data.series.entries()) {
    pen.fillStyle = colours[s % colours.length]
    pen.fillRect(left, 10 * scale, 12 * scale, 8 * scale)
    pen.fillStyle = ink
    pen.fillText(name, left + 18 * scale, 18 * scale)
    left += pen.measureText(name).width + 36 * scale
  }
  pen.drawImage(from, 0, head)
  return canvas
}
