/** The same chart as SVG text, for a file: no browser. What stands in records is text in it, never markup. */
import type { ChartData } from './data.ts'
import { axisNumber, type Colours, DASHES } from './look.ts'
import { ticks, timeStep } from './ticks.ts'

const [WIDTH, HEIGHT] = [960, 540]
const EDGE = { left: 72, right: 24, top: 48, bottom: 96 }
const LABEL_CHARACTERS = 18

interface Frame {
  readonly x: (value: number) => number
  readonly y: (value: number) => number
}

/** A whole document. */
export function chartSvg(data: ChartData, colours: Colours): string {
  const { spec, x, series } = data
  const values = series.flatMap((one) => one.values.filter((value) => value !== null))
  const isLine = spec.kind === 'line'
  let low = values.reduce((a, b) => Math.min(a, b), isLine ? Infinity : 0)
  let high = values.reduce((a, b) => Math.max(a, b), isLine ? -Infinity : 0)
  if (!(low < high)) [low, high] = Number.isFinite(low) ? [low - 1, low + 1] : [0, 1]
  const first = isLine ? (x[0] ?? 0) : -0.5
  const last = isLine ? (x.at(-1) ?? 1) : Math.max(1, x.length) - 0.5
  const across = WIDTH - EDGE.left - EDGE.right
  const down = HEIGHT - EDGE.top - EDGE.bottom
  const frame: Frame = {
    x: (value) => EDGE.left + (last === first ? across / 2 : ((value - first) / (last - first)) * across),
    y: (value) => EDGE.top + down - ((value - low) / (high - low)) * down,
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif"`,
    ` font-size="12">\n<rect width="${WIDTH}" height="${HEIGHT}" fill="${colours.paper}"/>\n`,
    legend(data, colours),
    valueAxis(frame, ticks(low, high, 6), colours),
    isLine ? lineAxis(data, frame, [first, last], colours) : barAxis(data, frame, colours),
    isLine ? lines(data, frame, colours) : bars(data, frame, colours),
    '</svg>\n',
  ].join('')
}

function escaped(text: string): string {
  // Characters that XML 1.0 cannot hold.
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
}

function written(text: string, x: number, y: number, fill: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" fill="${fill}"${more}>${escaped(text)}</text>\n`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function short(text: string): string {
  return text.length > LABEL_CHARACTERS ? `${text.slice(0, LABEL_CHARACTERS - 1)}…` : text
}

function legend({ series }: ChartData, { ink, series: colours }: Colours): string {
  let left = EDGE.left
  return series
    .map(({ name }, s) => {
      const at = left
      left += 40 + name.length * 7
      const box = `<rect x="${at}" y="18" width="12" height="8" fill="${colours[s % colours.length]}"/>\n`
      return box + written(name, at + 18, 26, ink)
    })
    .join('')
}

function valueAxis({ y }: Frame, at: readonly number[], { line, soft }: Colours): string {
  return at
    .map((value) => {
      const rule = `<path d="M${EDGE.left} ${round(y(value))}H${WIDTH - EDGE.right}" stroke="${line}"/>\n`
      return rule + written(axisNumber(value), EDGE.left - 8, y(value) + 4, soft, ' text-anchor="end"')
    })
    .join('')
}

function lineAxis(
  { isTime }: ChartData,
  { x }: Frame,
  [first, last]: readonly [number, number],
  { soft }: Colours,
): string {
  return ticks(first, last, 6, isTime ? timeStep : undefined)
    .map((at) => {
      const text = isTime ? timeLabel(at, last - first) : axisNumber(at)
      return written(text, x(at), HEIGHT - EDGE.bottom + 20, soft, ' text-anchor="middle"')
    })
    .join('')
}

/** UTC, as precise as the whole axis needs. */
function timeLabel(ms: number, whole: number): string {
  const iso = new Date(ms).toISOString()
  return whole > 3 * 86_400_000
    ? iso.slice(0, 10)
    : whole > 120_000
      ? iso.slice(5, 16).replace('T', ' ')
      : iso.slice(11, 23)
}

function barAxis({ x, labels }: ChartData, frame: Frame, { soft }: Colours): string {
  const every = Math.max(1, Math.ceil(x.length / 40))
  return x
    .filter((i) => i % every === 0)
    .map((i) => {
      const [left, top] = [round(frame.x(i)), HEIGHT - EDGE.bottom + 16]
      return written(short(labels[i]), left, top, soft, ` text-anchor="end" transform="rotate(-45 ${left} ${top})"`)
    })
    .join('')
}

function lines({ x, series }: ChartData, frame: Frame, { series: colours }: Colours): string {
  return series
    .map(({ values }, s) => {
      const path = values.flatMap((value, i) =>
        value === null ? [] : [`${round(frame.x(x[i]))} ${round(frame.y(value))}`],
      )
      const dash = DASHES[s % DASHES.length].join(' ')
      const more = dash === '' ? '' : ` stroke-dasharray="${dash}"`
      return `<path d="M${path.join('L')}" fill="none" stroke="${colours[s % colours.length]}" stroke-width="1.5"${more}/>\n`
    })
    .join('')
}

function bars({ spec, x, series, labels }: ChartData, frame: Frame, { series: colours }: Colours): string {
  const whole = frame.x(1) - frame.x(0)
  const width = (whole * (spec.kind === 'histogram' ? 0.96 : 0.8)) / Math.max(1, series.length)
  return series
    .flatMap(({ values, texts, name }, s) =>
      x.map((i) => {
        const value = values[i]
        if (value === null || value === undefined) return ''
        const left = frame.x(i) + (s - series.length / 2) * width
        const [top, bottom] = [frame.y(Math.max(0, value)), frame.y(Math.min(0, value))]
        const place = `x="${round(left)}" y="${round(top)}" width="${round(width)}" height="${round(bottom - top)}"`
        const title = escaped(`${labels[i]}, ${name}: ${texts[i]}`)
        return `<rect ${place} fill="${colours[s % colours.length]}"><title>${title}</title></rect>\n`
      }),
    )
    .join('')
}
