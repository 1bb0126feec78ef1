/** What a chart shows can be changed here: its kind, axis, values, split and aggregation. */
import { type Aggregation, axisColumns, type ChartKind, type ChartSpec, type ColumnFacts, ofKind } from './spec.ts'

const KINDS: readonly (readonly [ChartKind, string])[] = [
  ['line', 'Line'],
  ['bars', 'Bars'],
  ['histogram', 'Histogram'],
]
const AGGREGATIONS: readonly (readonly [Aggregation, string])[] = [
  ['each', 'every row'],
  ['count', 'count of rows'],
  ['sum', 'sum'],
  ['avg', 'average'],
  ['min', 'minimum'],
  ['max', 'maximum'],
]

interface Props {
  readonly spec: ChartSpec
  readonly columns: readonly ColumnFacts[]
  change(spec: ChartSpec): void
}

export function Controls({ spec, columns, change }: Props) {
  const numbers = columns.filter(({ role }) => role === 'number').map(({ path }) => path)
  const categories = columns.filter(({ role }) => role === 'category').map(({ path }) => path)
  const axis = axisColumns(spec.kind, columns).map(({ path }) => path)
  const { kind, values, aggregation } = spec
  const possible = AGGREGATIONS.filter(([name]) => (name === 'each' ? kind === 'line' : true))
  const aggregate = (next: Aggregation): void => {
    const taken =
      next === 'count' ? [] : values.length > 0 ? values : numbers.filter((path) => path !== spec.x).slice(0, 1)
    change({ ...spec, aggregation: taken.length === 0 ? 'count' : next, values: taken })
  }
  return (
    <div class="chart-controls" role="group" aria-label="Chart">
      <Choice label="Show" value={kind} options={KINDS} choose={(next) => change(ofKind(spec, next, columns))} />
      <Choice
        label={kind === 'histogram' ? 'of' : 'by'}
        value={spec.x}
        options={named(axis, spec.x)}
        choose={(x) => change({ ...spec, x })}
      />
      {kind !== 'histogram' && (
        <>
          <Choice label="as" value={aggregation} options={possible} choose={aggregate} />
          {aggregation !== 'count' && <Values spec={spec} numbers={numbers} change={change} />}
          <Choice
            label="split by"
            value={spec.split ?? ''}
            options={[['', 'nothing'], ...named(categories, spec.split)]}
            choose={(split) => change({ ...spec, split: split === '' ? undefined : split })}
          />
        </>
      )}
    </div>
  )
}

/** The one that is chosen stays, even where the columns no longer have it. */
function named(paths: readonly string[], chosen: string | undefined): readonly (readonly [string, string])[] {
  const all = chosen === undefined || paths.includes(chosen) ? paths : [chosen, ...paths]
  return all.map((path) => [path, path])
}

interface ChoiceProps<T extends string> {
  readonly label: string
  readonly value: T
  readonly options: readonly (readonly [T, string])[]
  choose(value: T): void
}

function Choice<T extends string>({ label, value, options, choose }: ChoiceProps<T>) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => choose(event.currentTarget.value as T)}>
        {options.map(([id, title]) => (
          <option key={id} value={id} selected={id === value}>
            {title}
          </option>
        ))}
      </select>
    </label>
  )
}

function Values({ spec, numbers, change }: Pick<Props, 'spec' | 'change'> & { readonly numbers: readonly string[] }) {
  const rest = numbers.filter((path) => !spec.values.includes(path))
  return (
    <div class="chart-values" role="group" aria-label="Values">
      {spec.values.map((path) => (
        <button
          key={path}
          type="button"
          aria-label={`Leave out ${path}`}
          disabled={spec.values.length === 1}
          onClick={() => change({ ...spec, values: spec.values.filter((other) => other !== path) })}
        >
          {path} ✕
        </button>
      ))}
      {rest.length > 0 && (
        <select
          aria-label="Add a value"
          value=""
          onChange={(event) => change({ ...spec, values: [...spec.values, event.currentTarget.value] })}
        >
          <option value="">+ value</option>
          {rest.map((path) => (
            <option key={path} value={path}>
              {path}
            </option>
          ))}
        </select>
      )}
    </div>
  )
}
