/** Queries that run: whose, how long, how much was read; K kills one. The list is read every two seconds while it is seen. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { systemClock } from '../../lib/clock.ts'
import { shortBytes } from '../explorer/topics.ts'
import { createStore } from '../observable.ts'
import { behind, rest, restMissing } from '../session/server.ts'
import { studio } from '../store.ts'
import { useStore } from '../use-store.ts'
import {
  elapsedText,
  killFailed,
  killPressed,
  MAX_SHOWN,
  NO_QUERIES,
  type QueriesState,
  type QueryRow,
  refreshed,
  shownQueries,
} from './queries.ts'

const EVERY_MS = 2000

export default function QueriesView() {
  const environment = useStore(studio, (state) => state.environment) ?? ''
  const store = useMemo(() => createStore(NO_QUERIES), [environment])
  const state = useStore(store, (s) => s)
  const [round, again] = useState(0)
  const list = useRef<HTMLTableSectionElement>(null)
  useRefresh(environment, round, (heard, failure) =>
    store.set((s) => (heard === undefined ? { ...s, failure } : refreshed(s, heard.value, heard.missing))),
  )
  const kill = (id: string): void => {
    const { state: next, kill: now } = killPressed(store.get(), id)
    store.set(() => next)
    if (!now) return
    rest(behind(environment, `api/v1/sql/execution/${encodeURIComponent(id)}`), { method: 'DELETE' }).then(
      () => {
        studio.set((s) => ({ ...s, announcement: 'The query was killed.' }))
        again((n) => n + 1)
      },
      (cause: Error) => store.set((s) => killFailed(s, id, cause.message)),
    )
  }
  const press = (event: KeyboardEvent): void => {
    const buttons = [...(list.current?.querySelectorAll<HTMLElement>('tr[tabindex]') ?? [])]
    const at = buttons.findIndex((row) => row === document.activeElement || row.contains(document.activeElement))
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (by !== 0) buttons[Math.max(0, Math.min(buttons.length - 1, at + by))]?.focus()
    else if ((event.key === 'k' || event.key === 'Delete') && at >= 0) kill(buttons[at].dataset['id'] ?? '')
    else if (event.key === 'Escape' && state.asked !== undefined) store.set((s) => ({ ...s, asked: undefined }))
    else return
    event.preventDefault()
  }
  const all = shownQueries(state)
  const shown = all.slice(0, MAX_SHOWN)
  const hasServers = state.rows.some(({ server }) => server !== undefined)
  return (
    <div class="queries" onKeyDown={press}>
      <Head state={state} change={(part) => store.set((s) => ({ ...s, ...part }))} />
      <Said text={state.failure} isFailure />
      <Said text={state.missing} />
      <div class="query-list">
        <table aria-label="Running queries">
          <TableHead hasServers={hasServers} />
          <tbody ref={list}>
            {shown.map((row, i) => (
              <Row
                key={row.id}
                row={row}
                hasServers={hasServers}
                isFirst={i === 0}
                isAsked={state.asked === row.id}
                isKilling={state.killing.has(row.id)}
                kill={() => kill(row.id)}
              />
            ))}
          </tbody>
        </table>
        {shown.length === 0 && <p class="notice">Nothing runs.</p>}
        {all.length > MAX_SHOWN && (
          <p class="notice">
            The first {MAX_SHOWN} of {all.length.toLocaleString('en')} are shown (studio.queries).
          </p>
        )}
      </div>
      <p class="hint soft">
        ↑ ↓ choose, <kbd>K</kbd> kills: your own at once, somebody else’s when pressed again.
      </p>
    </div>
  )
}

function Said({ text, isFailure = false }: { readonly text: string | undefined; readonly isFailure?: boolean }) {
  if (text === undefined) return null
  return (
    <p class={isFailure ? 'failure' : 'notice'} role={isFailure ? 'alert' : 'status'}>
      {text}
    </p>
  )
}

interface HeadProps {
  readonly state: QueriesState
  change(part: Partial<QueriesState>): void
}

function Head({ state, change }: HeadProps) {
  const others = state.rows.some(({ isMine }) => !isMine)
  return (
    <header class="topic-title">
      <h1>Running queries</h1>
      <span class="space" />
      {others && (
        <Check checked={state.everybody} change={(everybody) => change({ everybody })}>
          of everybody
        </Check>
      )}
      <Check checked={state.ended} change={(ended) => change({ ended })}>
        those that ended
      </Check>
    </header>
  )
}

function TableHead({ hasServers }: { readonly hasServers: boolean }) {
  return (
    <thead>
      <tr>
        <th>Statement</th>
        <th>User</th>
        {hasServers && <th>Server</th>}
        <th>Status</th>
        <th class="numeric">Time</th>
        <th class="numeric">Records</th>
        <th class="numeric">Read</th>
        <th>
          <span class="unseen">Kill</span>
        </th>
      </tr>
    </thead>
  )
}

function listOf(environment: string) {
  return restMissing<readonly QueryRow[]>(behind(environment, 'api/v1/sql/queries'))
}

/** Reads the list, and again two seconds after each answer while the page is seen. */
function useRefresh(
  environment: string,
  round: number,
  heard: (list: Awaited<ReturnType<typeof listOf>> | undefined, failure?: string) => void,
): void {
  useEffect(() => {
    let isShown = true
    let timer: { cancel(): void } | undefined
    const look = async (): Promise<void> => {
      if (document.visibilityState === 'visible') {
        await listOf(environment).then(
          (list) => isShown && heard(list),
          (cause: Error) => isShown && heard(undefined, cause.message),
        )
      }
      if (isShown) timer = systemClock.after(EVERY_MS, () => void look())
    }
    void look()
    return () => {
      isShown = false
      timer?.cancel()
    }
  }, [environment, round])
}

interface CheckProps {
  readonly checked: boolean
  readonly children: string
  change(checked: boolean): void
}

function Check({ checked, children, change }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => change(event.currentTarget.checked)} />
      {children}
    </label>
  )
}

interface RowProps {
  readonly row: QueryRow
  readonly hasServers: boolean
  readonly isFirst: boolean
  readonly isAsked: boolean
  readonly isKilling: boolean
  kill(): void
}

function Row({ row, hasServers, isFirst, isAsked, isKilling, kill }: RowProps) {
  const { id, sql, username, status, durationMs, recordsScanned, bytesRead, isMine, message, server } = row
  const runs = status === 'Running'
  const label = isKilling ? 'Killing …' : isAsked ? `Kill ${username}’s query?` : 'Kill'
  return (
    <tr data-id={id} data-status={status} tabIndex={isFirst ? 0 : -1} aria-label={sql.slice(0, 200)}>
      <td class="sql">
        <code title={sql}>{sql.slice(0, 300)}</code>
        {message !== null && <span class="soft"> {message.slice(0, 300)}</span>}
      </td>
      <td>
        {username}
        {isMine && <span class="soft"> (you)</span>}
      </td>
      {hasServers && <td>{server}</td>}
      <td class="status">{status.toLowerCase()}</td>
      <td class="numeric">{elapsedText(durationMs)}</td>
      <td class="numeric">{recordsScanned.toLocaleString('en')}</td>
      <td class="numeric" title={`${bytesRead.toLocaleString('en')} bytes`}>
        {shortBytes(bytesRead)}
      </td>
      <td>
        {runs && (
          <button type="button" tabIndex={-1} class={isAsked ? 'danger' : ''} disabled={isKilling} onClick={kill}>
            {label}
          </button>
        )}
      </td>
    </tr>
  )
}
