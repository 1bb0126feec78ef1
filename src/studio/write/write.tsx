/**
 * Writing to a topic: a new record from a form, a record again, a tombstone. The statement is shown as it grows, and is
 * checked by the server (EXPLAIN INSERT writes nothing) before it can be run.
 */
import { useMemo, useState } from 'preact/hooks'
import { ask } from '../session/ask.ts'
import type { Store } from '../observable.ts'
import { type RecordPlace, recordOf, recordText } from '../route.ts'
import { runInNewTab } from '../run/runs.ts'
import { changedTab, studio } from '../store.ts'
import type { TopicPartProps } from '../topic/part.ts'
import { useLoaded } from '../topic/use-topic.ts'
import { useStore } from '../use-store.ts'
import {
  draftSql,
  emptyDraft,
  formFields,
  type HeaderNames,
  headerNames,
  headersSql,
  keyTombstoneSql,
  latestSql,
  type MadeInsert,
  replaySql,
  tombstoneSql,
} from './form.ts'
import { Form } from './form-view.tsx'
import { type Outcome, runWrite, type WriteState, writingOf } from './write-state.ts'

type Mode = 'new' | 'replay' | 'tombstone'
const MODES: readonly { readonly id: Mode; readonly title: string }[] = [
  { id: 'new', title: 'New record' },
  { id: 'replay', title: 'Replay a record' },
  { id: 'tombstone', title: 'Tombstone a key' },
]

export default function Write({ tab, topic, environment, details }: TopicPartProps) {
  const fields = useMemo(() => formFields(details), [details])
  const store = writingOf(tab.id, environment, topic)
  const draft = useStore(store, (state) => state.draft) ?? emptyDraft(fields)
  const mode = MODES.find(({ id }) => id === tab.parameters['write'])?.id ?? 'new'
  const give = (given: Readonly<Record<string, string>>): void =>
    studio.set((s) => changedTab(s, tab.id, { parameters: { ...tab.parameters, ...given } }))
  const open = tab.record === undefined ? '' : recordText(tab.record)
  const placeText = tab.parameters['from'] ?? open
  const place = recordOf(placeText)
  const [round, again] = useState(0)
  const headers = useHeaders(environment, mode === 'replay' ? place : undefined, round)
  const made = ((): MadeInsert => {
    if (mode === 'new') return draftSql(topic, fields, draft)
    if (placeText !== '' || mode === 'replay') {
      if (place === undefined) return { wrong: 'Which record? Write topic/partition/offset, such as orders/0/4711.' }
      if (mode === 'tombstone') return { sql: tombstoneSql(topic, place) }
      if (headers === undefined) return { wrong: 'Reading its headers …' }
      return 'wrong' in headers ? headers : { sql: replaySql(topic, place, headers.names) }
    }
    return keyTombstoneSql(topic, fields, draft)
  })()
  return (
    <div class="write">
      <fieldset class="write-modes">
        <legend class="unseen">What to write</legend>
        {MODES.map(({ id, title }) => (
          <label key={id} class="check">
            <input type="radio" name={`write-${tab.id}`} checked={mode === id} onChange={() => give({ write: id })} />
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
              onInput={(event) => give({ from: event.currentTarget.value })}
            />
          </label>
        )}
        {mode === 'replay' && headers !== undefined && 'names' in headers && headers.names.length > 0 && (
          <p class="soft">With its headers: {headers.names.join(', ')} (of several of one name the last).</p>
        )}
        {mode === 'replay' && headers !== undefined && 'wrong' in headers && (
          <button type="button" onClick={() => again((n) => n + 1)}>
            Read its headers again
          </button>
        )}
        {(mode === 'new' || (mode === 'tombstone' && placeText === '')) && (
          <Form
            fields={mode === 'new' ? fields : fields.filter(({ steps }) => steps[0] === '_key')}
            draft={draft}
            withHeaders={mode === 'new'}
            wrong={'wrong' in made ? made.path : undefined}
            change={(next) => store.set((s) => ({ ...s, draft: next }))}
          />
        )}
      </div>
      <Statement made={made} topic={topic} environment={environment} store={store} />
    </div>
  )
}

/** Names of the headers of a record that is to be written again; undefined while they are on their way. */
function useHeaders(environment: string, place: RecordPlace | undefined, round: number): HeaderNames | undefined {
  const key = place === undefined ? '' : recordText(place)
  const { value, failure } = useLoaded(`${environment} ${key} ${round}`, round, async (signal) => {
    if (place === undefined) return { names: [] }
    const sql = headersSql(place)
    const answer = await ask<Readonly<Record<string, readonly string[] | null>>>(sql, { environment, signal })
    return headerNames(answer.rows, answer.incomplete, place)
  })
  return failure === undefined ? value : { wrong: `The headers of ${key} are not known: ${failure}` }
}

interface StatementProps {
  readonly made: MadeInsert
  readonly topic: string
  readonly environment: string
  readonly store: Store<WriteState>
}

function Statement({ made, topic, environment, store }: StatementProps) {
  const { outcome, isBusy } = useStore(store, (state) => state)
  const sql = 'sql' in made ? made.sql : undefined
  const current = outcome?.sql === sql ? outcome : undefined
  const run = (kind: 'checked' | 'written') => (): void => {
    if (sql !== undefined) void runWrite(store, sql, kind, environment)
  }
  return (
    <section class="write-statement" aria-label="The statement">
      {sql === undefined ? (
        <p class="failure">{'wrong' in made ? made.wrong : ''}</p>
      ) : (
        <pre class="write-sql">{sql}</pre>
      )}
      <div class="search-line">
        <button type="button" disabled={sql === undefined || isBusy} onClick={run('checked')}>
          Dry run
        </button>
        <button
          type="button"
          class="primary"
          disabled={sql === undefined || isBusy || current?.kind !== 'checked'}
          title="After a dry run without an error"
          onClick={run('written')}
        >
          Write
        </button>
        {isBusy && <span class="soft">Under way …</span>}
        {!isBusy && current === undefined && sql !== undefined && (
          <span class="soft">A dry run first; it writes nothing.</span>
        )}
      </div>
      {outcome !== undefined && (outcome === current || outcome.kind === 'unknown') && (
        <Report outcome={outcome} topic={topic} />
      )}
    </section>
  )
}

function Report({ outcome, topic }: { readonly outcome: Outcome; readonly topic: string }) {
  const text = outcome.lines.join('\n')
  switch (outcome.kind) {
    case 'failed':
      return (
        <pre class="error" role="alert">
          {text}
        </pre>
      )
    case 'unknown':
      return (
        <>
          <pre class="error" role="alert">
            {text}
          </pre>
          <button type="button" onClick={() => runInNewTab(latestSql(topic))}>
            Look for it among the newest records
          </button>
        </>
      )
    case 'checked':
      return <pre class="write-report">{text}</pre>
    case 'written':
      return <pre class="write-report written">✓ {text}</pre>
  }
}
