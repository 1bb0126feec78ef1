/**
 * What a chart shows, as plain data: chosen by the shape of the result, changed by the user, written into the address.
 */

export type ChartKind = 'line' | 'bars' | 'histogram'
/** `each`: every row is a point; only in lines. */
export type Aggregation = 'each' | 'sum' | 'avg' | 'min' | 'max' | 'count'

/** Columns by their paths. */
export interface ChartSpec {
  readonly kind: ChartKind
  /** Time or number of a line, category of bars, the number of a histogram. */
  readonly x: string
  /** The numbers that are drawn; none with `count`, and none in a histogram. */
  readonly values: readonly string[]
  /** A category whose values are series of their own. */
  readonly split?: string
  readonly aggregation: Aggregation
}

/** What a column holds, as far as its first rows show. */
export type ColumnRole = 'time' | 'number' | 'category' | 'other'

/** What is known of a column. */
export interface ColumnFacts {
  readonly path: string
  readonly role: ColumnRole
  /** Different values among those that were looked at. */
  readonly distinct: number
  /** Values that were looked at. */
  readonly looked: number
}

/** Series that a chart takes by itself. */
const FIRST_VALUES = 3
/** Different values up to which a text splits a line by itself. */
const SPLIT_UP_TO = 8
/** Different values up to which a number names bars. */
const NAMES_UP_TO = 60

/** The chart that fits; undefined where no column can be drawn. */
export function fittingChart(columns: readonly ColumnFacts[]): ChartSpec | undefined {
  const own = columns.filter(({ path, role }) => role !== 'other' && !/^_(meta|key)(\.|$)/.test(path))
  const [times, numbers, categories] = (['time', 'number', 'category'] as const).map((role) =>
    own.filter((column) => column.role === role),
  )
  const values = numbers.slice(0, FIRST_VALUES).map(({ path }) => path)
  if (times.length > 0 && numbers.length > 0) {
    const split = categories.find(({ distinct }) => distinct > 1 && distinct <= SPLIT_UP_TO)?.path
    const shown = split === undefined ? values : values.slice(0, 1)
    return {
      kind: 'line',
      x: times[0].path,
      values: shown,
      aggregation: 'each',
      ...(split === undefined ? {} : { split }),
    }
  }
  if (categories.length > 0) {
    // Of several texts, the one that names the most rows alike says the most.
    const [{ path }] = [...categories].sort((a, b) => a.distinct - b.distinct)
    const isGrouped = categories.length === 1 && numbers.length > 0
    return isGrouped || numbers.length > 0
      ? { kind: 'bars', x: path, values: values.slice(0, isGrouped ? FIRST_VALUES : 1), aggregation: 'sum' }
      : { kind: 'bars', x: path, values: [], aggregation: 'count' }
  }
  if (times.length > 0) return { kind: 'line', x: times[0].path, values: [], aggregation: 'count' }
  const name = numbers[0]
  if (numbers.length > 1 && name.distinct === name.looked && name.looked <= NAMES_UP_TO)
    return { kind: 'bars', x: name.path, values: [numbers[1].path], aggregation: 'sum' }
  return name === undefined ? undefined : { kind: 'histogram', x: name.path, values: [], aggregation: 'count' }
}

/** The spec with another kind, so that it can be drawn: what does not fit is chosen anew. */
export function ofKind(spec: ChartSpec, kind: ChartKind, columns: readonly ColumnFacts[]): ChartSpec {
  const fits = axisColumns(kind, columns)
  const x = fits.some(({ path }) => path === spec.x) ? spec.x : (fits[0]?.path ?? spec.x)
  if (kind === 'histogram') return { kind, x, values: [], aggregation: 'count' }
  const numbers = columns.filter(({ role }) => role === 'number').map(({ path }) => path)
  const values = spec.values.length > 0 ? spec.values : numbers.filter((path) => path !== x).slice(0, 1)
  const isEach = spec.aggregation === 'each' || spec.aggregation === 'count'
  const aggregation = values.length === 0 ? 'count' : isEach ? (kind === 'line' ? 'each' : 'sum') : spec.aggregation
  return { ...spec, kind, x, values, aggregation }
}

/** The columns that can be the axis of a kind. */
export function axisColumns(kind: ChartKind, columns: readonly ColumnFacts[]): readonly ColumnFacts[] {
  return columns.filter(({ role }) =>
    kind === 'bars' ? role !== 'other' : kind === 'line' ? role === 'time' || role === 'number' : role === 'number',
  )
}

/** For the address. */
export function specText({ kind, x, values, split, aggregation }: ChartSpec): string {
  const query = new URLSearchParams([['kind', kind], ['x', x], ...values.map((value) => ['value', value])])
  if (split !== undefined) query.set('split', split)
  query.set('of', aggregation)
  return query.toString()
}

/** undefined when the text is no spec. */
export function specOf(text: string): ChartSpec | undefined {
  const query = new URLSearchParams(text)
  const [kind, x, aggregation] = ['kind', 'x', 'of'].map((name) => query.get(name))
  if (!isKind(kind) || !isAggregation(aggregation) || x === null) return undefined
  const split = query.get('split')
  return { kind, x, values: query.getAll('value'), aggregation, ...(split === null ? {} : { split }) }
}

function isKind(text: string | null): text is ChartKind {
  return text === 'line' || text === 'bars' || text === 'histogram'
}

function isAggregation(text: string | null): text is Aggregation {
  return text !== null && ['each', 'sum', 'avg', 'min', 'max', 'count'].includes(text)
}
