/** Time range, newest first and LIMIT of the statement under the caret: what they change is seen in the text. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Controls as State, Edit, Range } from './edits.ts'
import { withLimit, withNewestFirst, withRange } from './edits.ts'

interface Props {
  readonly controls: State
  /** The text and the caret, as they are now. */
  read(): { readonly text: string; readonly caret: number }
  change(edits: readonly Edit[]): void
}

const LASTS: readonly (readonly [string, string])[] = [
  ['5m', 'last 5 min'],
  ['15m', 'last 15 min'],
  ['1h', 'last hour'],
  ['6h', 'last 6 hours'],
  ['1d', 'last day'],
  ['7d', 'last 7 days'],
]
const LIMITS = [10, 100, 1000, 10_000, 100_000]

export function Controls({ controls, read, change }: Props) {
  const [custom, setCustom] = useState(false)
  const { range, newestFirst, limit, canOrder } = controls
  const setRange = (next: Range | undefined): void => {
    const { text, caret } = read()
    change(withRange(text, caret, next))
  }
  const chosen = range === undefined ? '' : 'last' in range ? range.last : 'custom'
  const pick = (value: string): void => {
    setCustom(value === 'custom')
    if (value !== 'custom') setRange(value === '' ? undefined : { last: value })
  }
  const known = LASTS.some(([value]) => value === chosen)
  return (
    <div class="controls" role="group" aria-label="Reads">
      <select aria-label="Time range" value={custom ? 'custom' : chosen} onChange={(e) => pick(e.currentTarget.value)}>
        <option value="">all times</option>
        {LASTS.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
        {chosen !== '' && chosen !== 'custom' && !known && <option value={chosen}>last {chosen}</option>}
        <option value="custom">from … to …</option>
      </select>
      {(custom || chosen === 'custom') && <Custom range={range} set={setRange} focus={custom} />}
      <label class="check">
        <input
          type="checkbox"
          checked={newestFirst}
          disabled={!canOrder}
          onChange={(e) => {
            const { text, caret } = read()
            change(withNewestFirst(text, caret, e.currentTarget.checked))
          }}
        />
        newest first
      </label>
      <label class="check">
        LIMIT
        <select
          aria-label="LIMIT"
          value={limit === undefined ? '' : String(limit)}
          onChange={(e) => {
            const { text, caret } = read()
            const { value } = e.currentTarget
            change(withLimit(text, caret, value === '' ? undefined : Number(value)))
          }}
        >
          <option value="">10,000 (implied)</option>
          {(limit === undefined || LIMITS.includes(limit) ? LIMITS : [...LIMITS, limit].sort((a, b) => a - b)).map(
            (count) => (
              <option key={count} value={String(count)}>
                {count.toLocaleString('en')}
              </option>
            ),
          )}
        </select>
      </label>
    </div>
  )
}

/** Two moments, in UTC; an empty one is no bound. */
function Custom({
  range,
  set,
  focus,
}: {
  readonly range: Range | undefined
  set(range: Range | undefined): void
  readonly focus: boolean
}) {
  const first = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (focus) first.current?.focus()
  }, [focus])
  const bounds = range === undefined || 'last' in range ? { from: undefined, to: undefined } : range
  const given = (value: string): string | undefined => (value.trim() === '' ? undefined : value.trim())
  const change = (which: 'from' | 'to', value: string): void => {
    const next = { ...bounds, [which]: given(value) }
    set(next.from === undefined && next.to === undefined ? undefined : next)
  }
  return (
    <span class="custom-range">
      <input
        ref={first}
        type="text"
        aria-label="From, UTC"
        placeholder="2026-01-01T00:00"
        value={bounds.from ?? ''}
        onChange={(e) => change('from', e.currentTarget.value)}
      />
      –
      <input
        type="text"
        aria-label="To, UTC"
        placeholder="now"
        value={bounds.to ?? ''}
        onChange={(e) => change('to', e.currentTarget.value)}
      />
    </span>
  )
}
