/** What is to be said of a run: how it ended and why, bad records with their place, how far partitions were read, limits. */
import { useState } from 'preact/hooks'
import { incompleteText } from '../../client/incomplete.ts'
import { shortBytes } from '../explorer/topics.ts'
import type { PanelProps } from '../registry.ts'
import { topicSql } from '../record/topic-sql.ts'
import { ceiling, runInNewTab } from '../run/runs.ts'
import { isActive, MAX_BAD_PLACES, progressOf, type RunState } from '../run/run-state.ts'
import { changedTab, studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import { durationText, partitionsOf } from './partitions.ts'

export default function MessagesPanel({ tab, run }: PanelProps) {
  const state = useStore(run.state, (s) => s)
  const [refusal, refuse] = useState<string | undefined>(undefined)
  return (
    <div class="messages-panel">
      <section aria-label="Outcome">
        <h3>Outcome</h3>
        <Outcome state={state} />
        {state.resume !== undefined && (
          <p>
            <button type="button" onClick={() => refuse(run.goOn())}>
              Continue from here
            </button>{' '}
            <code>{state.resume}</code>
          </p>
        )}
        {refusal !== undefined && (
          <p class="failure" role="alert">
            {refusal}
          </p>
        )}
      </section>
      <BadRecords
        state={state}
        open={(record) => {
          studio.set((s) => changedTab(s, tab.id, { panel: 'rows', record }))
        }}
      />
      <Statistics state={state} />
      <Ceiling state={state} />
    </div>
  )
}

function Outcome({ state }: { readonly state: RunState }) {
  if (state.phase === 'idle') return <p class="soft">Nothing was run.</p>
  if (isActive(state)) return <p>It runs.</p>
  return (
    <>
      {state.phase === 'complete' && <p>✓ Complete: everything was read that the statement asks for.</p>}
      {state.phase === 'cancelled' && <p>■ Cancelled: what was found until then is kept.</p>}
      {state.error !== undefined && <pre class="error">{state.error.message}</pre>}
      {state.reasons.map((reason) => (
        <p key={`${reason.type} ${reason.sourceId}`}>⚠ {incompleteText({ ...reason, resume: undefined })}</p>
      ))}
      {state.reasons.length === 0 && state.why !== undefined && <p>⚠ {state.why}</p>}
    </>
  )
}

interface BadProps {
  readonly state: RunState
  open(record: { topic: string; partition: number; offset: string }): void
}

function BadRecords({ state, open }: BadProps) {
  const { badRecords, badPlaces } = state
  if (badRecords === 0) return null
  const why = (topic: string): void => {
    const columns =
      '_meta.partition AS `partition`, _meta.offset AS `offset`, _error AS reason, _key AS `key`, _raw AS raw'
    const sql = `SELECT ${columns} FROM ${topicSql(topic)} WHERE _bad LIMIT 1000`
    runInNewTab(sql)
  }
  const topics = [...new Set(badPlaces.map(({ table }) => table))]
  return (
    <section aria-label="Bad records">
      <h3>{badRecords.toLocaleString('en')} bad records, left out of the rows</h3>
      {topics.map((topic) => (
        <p key={topic}>
          <button type="button" onClick={() => why(topic)}>
            Why: all bad records of {topic}
          </button>
        </p>
      ))}
      <div class="scrolled" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">topic</th>
              <th scope="col">partition</th>
              <th scope="col">offset</th>
              <th scope="col">time</th>
              <th scope="col">why</th>
              <th scope="col" aria-label="record" />
            </tr>
          </thead>
          <tbody>
            {badPlaces.map(({ table, partition, offset, timestamp, frameBytes, limit }) => (
              <tr key={`${table} ${partition} ${offset}`}>
                <td>{table}</td>
                <td class="numeric">{partition}</td>
                <td class="numeric">{offset}</td>
                <td>{timestamp < 0 ? '' : new Date(timestamp).toISOString()}</td>
                <td>
                  {frameBytes === undefined
                    ? 'cannot be read'
                    : `too large for a message: about ${shortBytes(frameBytes)} (${limit})`}
                </td>
                <td>
                  <button
                    type="button"
                    class="quiet"
                    onClick={() => open({ topic: table, partition, offset: String(offset) })}
                  >
                    Open
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {badRecords > badPlaces.length && (
        <p class="soft">Places are kept of the first {MAX_BAD_PLACES.toLocaleString('en')} (studio.bad.places).</p>
      )}
    </section>
  )
}

function Statistics({ state }: { readonly state: RunState }) {
  const progress = progressOf(state)
  const partitions = partitionsOf(state.stats)
  if (progress === undefined) return null
  const left = isActive(state) && progress.secondsLeft !== undefined ? progress.secondsLeft : undefined
  return (
    <section aria-label="Statistics">
      <h3>Statistics</h3>
      <p>
        {progress.scanned.toLocaleString('en')} records and {shortBytes(progress.bytesRead)} read,{' '}
        {Math.round(progress.perSecond).toLocaleString('en')} records/s
        {left !== undefined && `, ${durationText(left)} left`}
      </p>
      {partitions.length > 0 && (
        <div class="scrolled" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">topic</th>
                <th scope="col">partition</th>
                <th scope="col">from</th>
                <th scope="col">read to</th>
                <th scope="col">end</th>
                <th scope="col">records</th>
                <th scope="col">bytes</th>
                <th scope="col">share</th>
              </tr>
            </thead>
            <tbody>
              {partitions.map((p) => (
                <tr key={`${p.topic} ${p.partition}`}>
                  <td>{p.topic}</td>
                  <td class="numeric">{p.partition}</td>
                  <td class="numeric">{p.begin.toLocaleString('en')}</td>
                  <td class="numeric">{p.at < p.begin ? 'nothing' : p.at.toLocaleString('en')}</td>
                  <td class="numeric">{p.last.toLocaleString('en')}</td>
                  <td class="numeric">{p.records.toLocaleString('en')}</td>
                  <td class="numeric">{shortBytes(p.bytes)}</td>
                  <td>
                    <progress value={p.share} max={1} aria-label={`Partition ${p.partition} of ${p.topic}`} />{' '}
                    {Math.floor(p.share * 100)} %
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

const MIB = 1024 * 1024
/** Not a limit: what a tab of a browser holds in any case. */
const MOST = { rows: 20_000_000, mib: 2048 }

function Ceiling({ state }: { readonly state: RunState }) {
  const now = useStore(ceiling, (c) => c)
  const change = (event: Event, what: 'rows' | 'bytes'): void => {
    const value = Math.floor(Number((event.currentTarget as HTMLInputElement).value))
    if (!Number.isFinite(value) || value < 1) return
    const next = what === 'rows' ? Math.min(value, MOST.rows) : Math.min(value, MOST.mib) * MIB
    ceiling.set((c) => ({ ...c, [what]: next }))
  }
  return (
    <section aria-label="Memory">
      <h3>Memory</h3>
      <p>
        {state.rows.toLocaleString('en')} rows, {shortBytes(state.bytes)} are kept. Beyond the ceiling a query is ended
        and says so; an export takes all. It counts from the next run on.
      </p>
      <p class="ceiling">
        <label>
          Rows (studio.result.rows){' '}
          <input type="number" min={1} max={MOST.rows} value={now.rows} onChange={(event) => change(event, 'rows')} />
        </label>
        <label>
          MiB (studio.result.bytes){' '}
          <input
            type="number"
            min={1}
            max={MOST.mib}
            value={Math.round(now.bytes / MIB)}
            onChange={(event) => change(event, 'bytes')}
          />
        </label>
      </p>
    </section>
  )
}
