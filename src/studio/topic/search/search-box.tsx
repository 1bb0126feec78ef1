/** The search: lines of conditions, time, partition and offsets, and the statement that they make. */
import type { ComponentChildren } from 'preact'
import { useId, useState } from 'preact/hooks'
import { ANYWHERE, type Condition, type Made, OPERATORS, type Place, RANGES, type Search } from './search.ts'
import { localText, momentOf } from './moments.ts'

interface Props {
  readonly search: Search
  readonly made: Made
  readonly places: readonly Place[]
  readonly partitions: number
  readonly isRunning: boolean
  change(search: Search): void
  start(): void
  cancel(): void
  open(): void
}

const EMPTY: Condition = { on: ANYWHERE, operator: 'contains', value: '' }
/** Not a limit: more than that no list of a browser shows well; other fields are typed. */
const MAX_SUGGESTED = 2000

export function SearchBox({ search, made, places, partitions, isRunning, change, start, cancel, open }: Props) {
  const id = useId()
  const conditions = shownConditions(search)
  const put = (at: number, condition: Condition | undefined): void =>
    change({ ...search, conditions: conditions.flatMap((c, i) => (i === at ? (condition ?? []) : c)) })
  const wrong = 'wrong' in made ? made : undefined
  return (
    <form
      class="search-box"
      role="search"
      aria-label="Search in the topic"
      onSubmit={(event) => {
        event.preventDefault()
        start()
      }}
    >
      <datalist id={`${id}-fields`}>
        <option value="_key" />
        {places.slice(0, MAX_SUGGESTED).map(({ path }) => (
          <option key={path} value={path} />
        ))}
        <option value="_headers." />
      </datalist>
      {conditions.map((condition, at) => (
        <ConditionLine
          key={at}
          condition={condition}
          fields={`${id}-fields`}
          number={at + 1}
          wrong={wrong?.at === at}
          change={(next) => put(at, next)}
          remove={search.conditions.length === 0 ? undefined : () => put(at, undefined)}
        />
      ))}
      <Bar search={search} partitions={partitions} change={change}>
        {isRunning ? (
          <button type="button" class="primary" onClick={cancel}>
            ■ Cancel
          </button>
        ) : (
          <button type="submit" class="primary" disabled={wrong !== undefined}>
            Search <kbd>⏎</kbd>
          </button>
        )}
      </Bar>
      <MadeSql made={made} open={open} />
    </form>
  )
}

/** There is always a line to type in. */
function shownConditions({ conditions }: Search): readonly Condition[] {
  return conditions.length === 0 ? [EMPTY] : conditions
}

interface BarProps {
  readonly search: Search
  readonly partitions: number
  readonly children: ComponentChildren
  change(search: Search): void
}

/** Time, partition, offsets and how many; `children` end the line. */
function Bar({ search, partitions, children, change }: BarProps) {
  return (
    <div class="search-line">
      <button type="button" onClick={() => change({ ...search, conditions: [...shownConditions(search), EMPTY] })}>
        + Condition
      </button>
      <TimeRange search={search} change={change} />
      <label>
        Partition
        <input
          type="text"
          inputMode="numeric"
          class="short"
          placeholder="all"
          title={`0 to ${partitions - 1}`}
          value={search.partition}
          onInput={(event) => change({ ...search, partition: event.currentTarget.value })}
        />
      </label>
      <label>
        Offset
        <input
          type="text"
          class="offset"
          placeholder="4711, 4711.., 1..9"
          value={search.offsets}
          onInput={(event) => change({ ...search, offsets: event.currentTarget.value })}
        />
      </label>
      <label>
        Newest
        <select
          value={search.limit}
          onChange={(event) => change({ ...search, limit: Number(event.currentTarget.value) })}
        >
          {[...new Set([50, 100, 500, 1000, 10_000, search.limit])]
            .sort((a, b) => a - b)
            .map((limit) => (
              <option key={limit} value={limit}>
                {limit.toLocaleString('en')}
              </option>
            ))}
        </select>
      </label>
      <span class="space" />
      {children}
    </div>
  )
}

function MadeSql({ made, open }: Pick<Props, 'made' | 'open'>) {
  return (
    <div class="search-sql">
      {'sql' in made ? (
        <>
          <code>{made.sql}</code>
          <button type="button" class="quiet" onClick={open}>
            Open in editor
          </button>
        </>
      ) : (
        <p class="failure" role="alert">
          {made.wrong}
        </p>
      )}
    </div>
  )
}

interface LineProps {
  readonly condition: Condition
  readonly fields: string
  readonly number: number
  readonly wrong: boolean
  change(condition: Condition): void
  readonly remove: (() => void) | undefined
}

function ConditionLine({ condition, fields, number, wrong, change, remove }: LineProps) {
  const { on, operator, value } = condition
  const [isField, choose] = useState(on !== ANYWHERE && on !== '_key')
  const what = isField ? 'field' : on === '_key' ? '_key' : ANYWHERE
  return (
    <div class="search-line condition">
      <select
        aria-label={`Condition ${number}: where`}
        value={what}
        onChange={(event) => {
          const chosen = event.currentTarget.value
          choose(chosen === 'field')
          const place = chosen === 'field' ? '' : chosen
          change({ ...condition, on: place, operator: place === ANYWHERE ? 'contains' : 'is' })
        }}
      >
        <option value={ANYWHERE}>anywhere</option>
        <option value="_key">key</option>
        <option value="field">field</option>
      </select>
      {isField && (
        <input
          type="text"
          class="field"
          list={fields}
          aria-label={`Condition ${number}: field`}
          placeholder="customer.id, _headers.trace"
          spellcheck={false}
          autocomplete="off"
          value={on}
          onInput={(event) => change({ ...condition, on: event.currentTarget.value })}
        />
      )}
      <select
        aria-label={`Condition ${number}: comparison`}
        value={operator}
        onChange={(event) => {
          const chosen = OPERATORS.find(({ id }) => id === event.currentTarget.value)
          if (chosen !== undefined) change({ ...condition, operator: chosen.id })
        }}
      >
        {OPERATORS.filter(({ id }) => on !== ANYWHERE || id === 'contains').map(({ id, title }) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
      {OPERATORS.find(({ id }) => id === operator)?.takesValue === true && (
        <input
          type="text"
          class="value"
          aria-label={`Condition ${number}: value`}
          aria-invalid={wrong}
          placeholder={on === '_key' ? 'a key' : on === ANYWHERE ? 'text in key or value' : 'a value'}
          spellcheck={false}
          autocomplete="off"
          value={value}
          onInput={(event) => change({ ...condition, value: event.currentTarget.value })}
        />
      )}
      {remove !== undefined && (
        <button type="button" class="quiet" aria-label={`Remove condition ${number}`} onClick={remove}>
          ✕
        </button>
      )}
    </div>
  )
}

function TimeRange({ search, change }: { readonly search: Search; change(search: Search): void }) {
  const isOwn = search.range.includes('..')
  const [from = '', to = ''] = isOwn ? search.range.split('..') : []
  const own = (part: 'from' | 'to', local: string): void => {
    const ms = momentOf(local)
    change({ ...search, range: part === 'from' ? `${ms}..${to}` : `${from}..${ms}` })
  }
  return (
    <>
      <label>
        Time
        <select
          value={isOwn ? '..' : search.range}
          onChange={(event) => change({ ...search, range: event.currentTarget.value })}
        >
          {RANGES.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
          <option value="..">from … to …</option>
        </select>
      </label>
      {isOwn && (
        <>
          <input
            type="datetime-local"
            step="1"
            aria-label="From (local time)"
            value={localText(from)}
            onChange={(event) => own('from', event.currentTarget.value)}
          />
          <input
            type="datetime-local"
            step="1"
            aria-label="To (local time)"
            value={localText(to)}
            onChange={(event) => own('to', event.currentTarget.value)}
          />
        </>
      )}
    </>
  )
}
