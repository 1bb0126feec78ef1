/**
 * Writing to a topic: a new record from a form, a record again, a tombstone. The statement is shown as it grows, and is
 * checked by the server (EXPLAIN INSERT writes nothing) before it can be run.
 */
import { useMemo, useState } from 'preact/hooks'
import { ask } from '../session/ask.ts'
import { type RecordPlace, recordOf, recordText } from '../route.ts'
import { changedTab, studio } from '../store.ts'
import type { TopicPartProps } from '../topic/part.ts'
import { useLoaded } from '../topic/use-topic.ts'
import {
  type Draft,
  draftSql,
  emptyDraft,
  formFields,
  headersSql,
  keyTombstoneSql,
  type MadeInsert,
  replaySql,
  tombstoneSql,
} from './form.ts'
import { Form } from './form-view.tsx'

type Mode = 'new' | 'replay' | 'tombstone'
const MODES: readonly { readonly id: Mode; readonly title: string }[] = [
  { id: 'new', title: 'New record' },
  { id: 'replay', title: 'Replay a record' },
  { id: 'tombstone', title: 'Tombstone a key' },
]

export default function Write({ tab, topic, environment, details }: TopicPartProps) {
  const fields = useMemo(() => formFields(details), [details])
  const [draft, setDraft] = useState<Draft>(() => emptyDraft(fields))
  const mode = MODES.find(({ id }) => id === tab.parameters['write'])?.id ?? 'new'
  const choose = (next: Mode): void =>
    studio.set((s) => changedTab(s, tab.id, { parameters: { ...tab.parameters, write: next } }))
  const open = tab.record === undefined ? '' : recordText(tab.record)
  const [placeText, setPlace] = useState(tab.parameters['from'] ?? open)
  const place = recordOf(placeText)
  const headers = useHeaders(environment, mode === 'replay' ? place : undefined)
  const made = ((): MadeInsert => {
    if (mode === 'new') return draftSql(topic, fields, draft)
    if (placeText !== '' || mode === 'replay') {
      if (place === undefined) return { wrong: 'Which record? Write topic/partition/offset, such as orders/0/4711.' }
      if (mode === 'tombstone') return { sql: tombstoneSql(topic, place) }
      return headers === undefined ? { wrong: 'Reading its headers …' } : { sql: replaySql(topic, place, headers) }
    }
    return keyTombstoneSql(topic, fields, draft)
  })()
  return (
    <div class="write">
      <fieldset class="write-modes">
        <legend class="unseen">What to write</legend>
        {MODES.map(({ id, title }) => (
          <label key={id} class="check">
            <input type="radio" name={`write-${tab.id}`} checked={mode === id} onChange={() => choose(id)} />
            {title}
          </label>
        ))}
      </fieldset>
      <div class="write-form">
        {mode !== 'new' && (
          <label class="write-place">
            {mode === 'replay' ? 'The record' : 'Of the record, or below a key'}
            <input
              type="text"
              placeholder={`${topic}/0/4711`}
              spellcheck={false}
              value={placeText}
              onInput={(event) => setPlace(event.currentTarget.value)}
            />
          </label>
        )}
        {mode === 'replay' && headers !== undefined && headers.length > 0 && (
          <p class="soft">With its headers: {headers.join(', ')} (of several of one name the last).</p>
        )}
        {(mode === 'new' || (mode === 'tombstone' && placeText === '')) && (
          <Form
            fields={mode === 'new' ? fields : fields.filter(({ steps }) => steps[0] === '_key')}
            draft={draft}
            withHeaders={mode === 'new'}
            wrong={'wrong' in made ? made.path : undefined}
            change={setDraft}
          />
        )}
      </div>
      <Statement made={made} environment={environment} />
    </div>
  )
}

/** Names of the headers of a record that is to be written again; undefined while they are on their way. */
function useHeaders(environment: string, place: RecordPlace | undefined): readonly string[] | undefined {
  const key = place === undefined ? '' : recordText(place)
  const { value, failure } = useLoaded(`${environment} ${key}`, 0, async (signal) => {
    if (place === undefined) return []
    const sql = headersSql(place)
    const { rows } = await ask<Readonly<Record<string, readonly string[] | null>>>(sql, { environment, signal })
    return rows.length === 0 ? [] : (Object.values(rows[0])[0] ?? [])
  })
  // The dry run says what is wrong with the record.
  return failure === undefined ? value : []
}

type Outcome =
  | { readonly kind: 'checked' | 'written'; readonly sql: string; readonly lines: readonly string[] }
  | { readonly kind: 'failed'; readonly sql: string; readonly message: string }

function Statement({ made, environment }: { readonly made: MadeInsert; readonly environment: string }) {
  const [outcome, set] = useState<Outcome | undefined>(undefined)
  const [isBusy, busy] = useState(false)
  const sql = 'sql' in made ? made.sql : undefined
  const current = outcome?.sql === sql ? outcome : undefined
  const run = async (text: string, kind: 'checked' | 'written'): Promise<void> => {
    busy(true)
    const asked = kind === 'checked' ? `EXPLAIN ${text}` : text
    const next = await ask<Readonly<Record<string, unknown>>>(asked, { environment }).then(
      ({ rows }): Outcome => ({ kind, sql: text, lines: rows.map((row) => String(row['plan'] ?? row['info'] ?? '')) }),
      (cause: Error): Outcome => ({ kind: 'failed', sql: text, message: cause.message }),
    )
    busy(false)
    set(next)
    const announcement = next.kind === 'failed' ? `Error: ${next.message}` : next.lines[0]
    studio.set((s) => ({ ...s, announcement }))
  }
  return (
    <section class="write-statement" aria-label="The statement">
      {sql === undefined ? (
        <p class="failure">{'wrong' in made ? made.wrong : ''}</p>
      ) : (
        <pre class="write-sql">{sql}</pre>
      )}
      <div class="search-line">
        <button
          type="button"
          disabled={sql === undefined || isBusy}
          onClick={() => sql !== undefined && void run(sql, 'checked')}
        >
          Dry run
        </button>
        <button
          type="button"
          class="primary"
          disabled={sql === undefined || isBusy || current?.kind !== 'checked'}
          title="After a dry run without an error"
          onClick={() => sql !== undefined && void run(sql, 'written')}
        >
          Write
        </button>
        {current === undefined && sql !== undefined && <span class="soft">A dry run first; it writes nothing.</span>}
      </div>
      {current?.kind === 'failed' && (
        <pre class="error" role="alert">
          {current.message}
        </pre>
      )}
      {current !== undefined && current.kind !== 'failed' && (
        <pre class={current.kind === 'written' ? 'write-report written' : 'write-report'}>
          {current.kind === 'written' ? '✓ ' : ''}
          {current.lines.join('\n')}
        </pre>
      )}
    </section>
  )
}
