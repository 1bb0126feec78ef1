/** A chart drawn: canvas, legend with the values at the cursor, files, and the same values as a table. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { studio } from '../store.ts'
import { type ChartData, chartSummary } from './data.ts'
import { type Colours, DASHES } from './look.ts'
import { picture, placeOf, plotData, plotOptions, pointAt } from './plot.ts'
import { saveFile } from './save.ts'
import { chartSvg } from './svg.ts'

const COLOURS = 6
/** Not a limit: rows of the table; the export has all. */
const TABLE_ROWS = 500

interface Props {
  readonly data: ChartData
  /** Another text: colours are looked up anew. */
  readonly look: string
}

export function Drawing({ data, look }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const legend = useRef<HTMLUListElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const latest = useRef(data)
  const [at, move] = useState<number | undefined>(undefined)
  latest.current = data
  const shape = JSON.stringify([data.spec, data.isTime, data.series.map(({ name }) => name), look, shapeOfBars(data)])
  useLayoutEffect(() => {
    const element = place.current
    if (element === null) return
    const size = (): { width: number; height: number } => ({ width: element.clientWidth, height: element.clientHeight })
    const moved = (index: number | undefined): void =>
      move(index === undefined ? undefined : pointAt(latest.current, index))
    const own = new uPlot(plotOptions(data, size(), coloursOf(legend.current), moved), plotData(data), element)
    plot.current = own
    const observer = new ResizeObserver(() => own.setSize(size()))
    observer.observe(element)
    return () => {
      observer.disconnect()
      own.destroy()
    }
  }, [shape])
  useEffect(() => plot.current?.setData(plotData(data)), [data])
  const point = at !== undefined && at < data.x.length ? at : undefined
  const press = (event: KeyboardEvent): void => {
    const by = { ArrowRight: 1, ArrowLeft: -1, Home: -data.x.length, End: data.x.length }[event.key]
    if (by === undefined) return
    event.preventDefault()
    const next = Math.max(0, Math.min(data.x.length - 1, (point ?? (by > 0 ? -1 : data.x.length)) + by))
    const own = plot.current
    if (own !== undefined) own.setCursor({ left: own.valToPos(plotData(data)[0][placeOf(data, next)], 'x'), top: 0 })
    move(next)
    const values = data.series.map(({ name, texts }) => `${name} ${texts[next] || 'none'}`).join(', ')
    studio.set((state) => ({ ...state, announcement: `${data.labels[next]}: ${values}` }))
  }
  return (
    <>
      <Legend data={data} point={point} hold={legend} />
      <div
        class="chart-place"
        ref={place}
        role="img"
        aria-label={`${chartSummary(data)} Arrow keys go through the points.`}
        tabIndex={0}
        onKeyDown={press}
      />
      <p class="chart-says">
        {data.spec.x} {point === undefined ? '' : `= ${labelOf(data, point)}`}
        {data.notes.map((note) => ` ${note}`)}
      </p>
      <Files data={data} plot={plot} legend={legend} />
      <Table data={data} />
    </>
  )
}

/** The exact text, and beside a number of seconds or less the time that it is. */
function labelOf({ isTime, labels, x }: ChartData, point: number): string {
  return isTime && /^\d+$/.test(labels[point])
    ? `${labels[point]} (${new Date(x[point]).toISOString()})`
    : labels[point]
}

/** Bars have their axis in the options, so another number of them is another plot. */
function shapeOfBars({ spec, labels }: ChartData): readonly string[] {
  return spec.kind === 'line' ? [] : labels
}

function coloursOf(legend: HTMLElement | null): Colours {
  const of = (name: string): string => {
    const probe = legend?.querySelector(`.${name}`)
    return probe === null || probe === undefined ? 'gray' : getComputedStyle(probe).color
  }
  return {
    ink: of('ink'),
    soft: of('soft'),
    line: of('rule'),
    paper: getComputedStyle(document.body).backgroundColor,
    series: Array.from({ length: COLOURS }, (_, i) => of(`chart-${i + 1}`)),
  }
}

interface LegendProps {
  readonly data: ChartData
  readonly point: number | undefined
  readonly hold: { current: HTMLUListElement | null }
}

function Legend({ data, point, hold }: LegendProps) {
  return (
    <ul class="chart-legend" ref={hold} aria-label="Series">
      {data.series.map(({ name, texts }, s) => (
        <li key={name}>
          <svg class={`chart-swatch chart-${(s % COLOURS) + 1}`} viewBox="0 0 20 8" aria-hidden="true">
            <line x1="0" y1="4" x2="20" y2="4" stroke-dasharray={dashes(data, s)} />
          </svg>
          <span>{name}</span>
          {point !== undefined && <span class="value">{texts[point] === '' ? '–' : texts[point]}</span>}
        </li>
      ))}
      <Probes />
    </ul>
  )
}

function dashes({ spec }: ChartData, series: number): string {
  return spec.kind === 'line' ? DASHES[series % DASHES.length].join(' ') : ''
}

/** Elements whose colours a canvas is drawn with: a custom property alone does not say which of the two themes it is. */
function Probes() {
  const names = ['ink', 'soft', 'rule', ...Array.from({ length: COLOURS }, (_, i) => `chart-${i + 1}`)]
  return (
    <li class="chart-probes" aria-hidden="true" hidden>
      {names.map((name) => (
        <span key={name} class={name} />
      ))}
    </li>
  )
}

interface FilesProps {
  readonly data: ChartData
  readonly plot: { readonly current: uPlot | undefined }
  readonly legend: { readonly current: HTMLElement | null }
}

function Files({ data, plot, legend }: FilesProps) {
  const png = (): void => {
    if (plot.current === undefined) return
    picture(plot.current, data, coloursOf(legend.current)).toBlob((blob) => {
      if (blob !== null) saveFile('chart.png', blob)
    }, 'image/png')
  }
  const svg = (): void => {
    saveFile('chart.svg', new Blob([chartSvg(data, coloursOf(legend.current))], { type: 'image/svg+xml' }))
  }
  return (
    <div class="chart-controls">
      <button type="button" onClick={png}>
        Download PNG
      </button>
      <button type="button" onClick={svg}>
        Download SVG
      </button>
    </div>
  )
}

function Table({ data }: { readonly data: ChartData }) {
  const [isOpen, open] = useState(false)
  const shown = data.x.slice(0, TABLE_ROWS)
  return (
    <details class="chart-table" onToggle={(event) => open(event.currentTarget.open)}>
      <summary>Values as a table</summary>
      {isOpen && (
        <table>
          <caption>
            {shown.length < data.x.length &&
              `The first ${TABLE_ROWS} of ${data.x.length.toLocaleString('en')} points are here.`}
          </caption>
          <thead>
            <tr>
              <th scope="col">{data.spec.x}</th>
              {data.series.map(({ name }) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((_, i) => (
              <tr key={i}>
                <th scope="row">{data.labels[i]}</th>
                {data.series.map(({ name, texts }) => (
                  <td key={name}>{texts[i]}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  )
}
