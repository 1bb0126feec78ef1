/** One record beside the rows: its value, key, headers, metadata and bytes; what is near it, and what is like it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { stringText } from '../../lib/text/json-walk.ts'
import { memberText } from '../../lib/text/lossless-json.ts'
import { copyText } from '../clipboard.ts'
import { gridOf } from '../grid/grid-state.ts'
import type { PanelProps } from '../registry.ts'
import { recordText } from '../route.ts'
import type { Run } from '../run/run.ts'
import { runInNewTab } from '../run/runs.ts'
import { changedTab, studio, type Tab } from '../store.ts'
import { useStore } from '../use-store.ts'
import { Differences } from './differences-view.tsx'
import { HexView } from './hex-view.tsx'
import { JsonView } from './json-view.tsx'
import { firstRow, wholeRow } from './record-query.ts'
import {
  aroundSql,
  type Detail,
  detailOf,
  detailOfRow,
  detailSql,
  elsewhereSql,
  placeOf,
  sameKeySql,
  topicOf,
  wholeSql,
} from './record-source.ts'
import { comparable, known, NO_RECORD, opened, type RecordState, type Side } from './record-state.ts'
import { TreeView } from './tree-view.tsx'

const SIDES: readonly (readonly [Side, string])[] = [
  ['value', 'Value'],
  ['json', 'JSON'],
  ['key', 'Key'],
  ['headers', 'Headers'],
  ['metadata', 'Metadata'],
  ['hex', 'Hex'],
  ['differences', 'Differences'],
]

export default function RecordPanel({ tab, run }: PanelProps) {
  const [state, set] = useState<RecordState>(NO_RECORD)
  const store = gridOf(run)
  const open = useStore(store, (s) => s.open)
  const compared = useStore(store, (s) => s.compared)
  useRecord(tab, run, set)
  useDetail(state, set)
  const detail = known(state)
  const { place } = state
  const sides = SIDES.filter(([side]) => side !== 'differences' || compared !== undefined)
  const side = sides.some(([id]) => id === state.side) ? state.side : 'value'
  const show = (next: Side): void => set((s) => ({ ...s, side: next }))
  const close = (): void => {
    store.set((s) => ({ ...s, open: undefined }))
    studio.set((s) => changedTab(s, tab.id, { record: undefined }))
    // Unless somebody has gone on meanwhile.
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) document.querySelector<HTMLElement>('.grid')?.focus()
    })
  }
  const ref = useRef<HTMLElement>(null)
  useEffect(() => ref.current?.querySelector<HTMLElement>('.sides [aria-selected="true"]')?.focus(), [open])
  const press = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return
    event.preventDefault()
    close()
  }
  const title = place === undefined ? `Row ${((open ?? 0) + 1).toLocaleString('en')}` : recordText(place)
  return (
    <aside class="record" aria-label="Record" ref={ref} onKeyDown={press}>
      <header>
        <h3 title={title}>{title}</h3>
        <button type="button" class="quiet" aria-label="Close the record" onClick={close}>
          ✕
        </button>
      </header>
      <Actions run={run} place={place} detail={detail} title={title} ask={runInNewTab} />
      <Sides sides={sides} side={side} show={show} />
      <div class="side" id="record-side" role="tabpanel" aria-labelledby={`side-${side}`}>
        {state.failure !== undefined && <p class="notice failure">{state.failure}</p>}
        {detail?.error !== undefined && (
          <p class="notice failure" role="alert">
            It cannot be read: {detail.error}
          </p>
        )}
        {detail === undefined ? (
          state.failure === undefined && <p class="notice">Loading …</p>
        ) : (
          <SideView
            side={side}
            state={state}
            detail={detail}
            set={set}
            compared={compared}
            ask={runInNewTab}
            title={title}
          />
        )}
      </div>
    </aside>
  )
}

interface ActionsProps {
  readonly run: Run
  readonly place: RecordState['place']
  readonly detail: Detail | undefined
  readonly title: string
  ask(sql: string): void
}

/** What is near a record, and what is like it. */
function Actions({ run, place, detail, title, ask }: ActionsProps) {
  const store = gridOf(run)
  const compared = useStore(store, (s) => s.compared)
  const key = detail?.key
  const compare = (): void => {
    if (detail === undefined) return
    const next = compared === undefined ? { title, json: comparable(detail) } : undefined
    store.set((s) => ({ ...s, compared: next }))
  }
  return (
    <>
      <div class="record-actions" role="toolbar" aria-label="Record">
        {place !== undefined && (
          <button type="button" onClick={() => ask(aroundSql(place))}>
            Around it
          </button>
        )}
        {place !== undefined && key !== undefined && (
          <button type="button" onClick={() => ask(sameKeySql(place.topic, key))}>
            Same key over time
          </button>
        )}
        {key !== undefined && key !== 'null' && (
          <button type="button" onClick={() => ask(elsewhereSql(key))}>
            Key in other topics
          </button>
        )}
        {detail !== undefined && (
          <button type="button" onClick={compare}>
            {compared === undefined ? 'Compare with …' : `Stop comparing with ${compared.title}`}
          </button>
        )}
      </div>
      {compared?.title === title && (
        <p class="notice" role="status">
          Open another record: what is different from this one is marked.
        </p>
      )}
    </>
  )
}

interface SidesProps {
  readonly sides: typeof SIDES
  readonly side: Side
  show(side: Side): void
}

function Sides({ sides, side, show }: SidesProps) {
  const move = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    if (by === 0) return
    event.preventDefault()
    const at = sides.findIndex(([id]) => id === side)
    const [next] = sides[(at + by + sides.length) % sides.length]
    show(next)
    requestAnimationFrame(() => document.getElementById(`side-${next}`)?.focus())
  }
  return (
    <div class="sides" role="tablist" aria-label="Sides of the record" onKeyDown={move}>
      {sides.map(([id, name]) => (
        <button
          key={id}
          id={`side-${id}`}
          type="button"
          role="tab"
          aria-selected={id === side}
          aria-controls="record-side"
          tabIndex={id === side ? 0 : -1}
          onClick={() => show(id)}
        >
          {name}
        </button>
      ))}
    </div>
  )
}

type SetState = (change: (state: RecordState) => RecordState) => void

/** The row that was opened, or the place that the address names. */
function useRecord(tab: Tab, run: Run, set: SetState): void {
  const open = useStore(gridOf(run), (s) => s.open)
  const shown = useRef<string | undefined>(undefined)
  const place = tab.record === undefined ? undefined : recordText(tab.record)
  useEffect(() => {
    if (open === undefined) return
    let isWanted = true
    run.ask('record', { row: open }).then(
      (data) => {
        if (!isWanted || data === undefined) return
        const { sql, stats } = run.state.get()
        const at = placeOf(data, topicOf(sql, stats))
        shown.current = at === undefined ? undefined : recordText(at)
        set((s) => opened(s, { place: at, row: detailOfRow(data) }))
        studio.set((s) => changedTab(s, tab.id, { record: at }))
      },
      () => undefined,
    )
    return () => {
      isWanted = false
    }
  }, [open])
  useEffect(() => {
    if (place === shown.current) return
    // Back, or a link: another record than the one of the row.
    shown.current = place
    gridOf(run).set((s) => (s.open === undefined ? s : { ...s, open: undefined }))
    if (tab.record !== undefined) set((s) => opened(s, { place: tab.record, row: undefined }))
  }, [place])
}

const MISSING = 'There is no such record any more: it was deleted, or compacted away.'

function useDetail({ place, row }: RecordState, set: SetState): void {
  useEffect(() => {
    if (place === undefined) return
    const abort = new AbortController()
    firstRow(detailSql(place), abort.signal).then(
      (data) => {
        if (abort.signal.aborted) return
        if (data === 'missing')
          set((s) => ({ ...s, isLoading: false, failure: row === undefined ? MISSING : undefined }))
        else set((s) => ({ ...s, isLoading: false, detail: detailOf(data) }))
      },
      (cause: Error) => {
        if (!abort.signal.aborted) set((s) => ({ ...s, isLoading: false, failure: cause.message }))
      },
    )
    return () => abort.abort()
  }, [place])
}

interface SideProps {
  readonly side: Side
  readonly state: RecordState
  readonly detail: Detail
  readonly set: SetState
  readonly compared: { readonly title: string; readonly json: string } | undefined
  readonly title: string
  ask(sql: string): void
}

/** In place of what a bad record has no value of: null would look like one. */
function Unreadable({ what }: { readonly what: 'key' | 'value' }) {
  return <p class="notice">Its {what} cannot be read, for the reason above. The bytes are under Hex.</p>
}

function SideView({ side, state, detail, set, compared, ask, title }: SideProps) {
  const act = (what: 'copy' | 'elsewhere', _path: string, json: string): void => {
    if (what === 'elsewhere') return ask(elsewhereSql(json))
    void copyText(json.startsWith('"') ? stringText(json) : json, 'copied')
  }
  const tree = (label: string, json: string | undefined) =>
    json === undefined ? (
      <p class="notice">{state.isLoading ? 'Loading …' : `This row has no ${label}: it is not of one record.`}</p>
    ) : (
      <TreeView key={label + title} label={label} json={json} act={act} />
    )
  const isUnreadable = (what: 'key' | 'value'): boolean => detail.error?.startsWith(`${what}: `) === true
  switch (side) {
    case 'value':
      if (isUnreadable('value')) return <Unreadable what="value" />
      return detail.preview === undefined ? (
        tree('value', detail.value)
      ) : (
        <Large {...{ state, detail, set }} what="value" />
      )
    case 'json':
      if (isUnreadable('value')) return <Unreadable what="value" />
      return detail.preview === undefined ? (
        <JsonView json={detail.value ?? 'null'} />
      ) : (
        <Large {...{ state, detail, set }} what="value" />
      )
    case 'key':
      return isUnreadable('key') ? <Unreadable what="key" /> : tree('key', detail.key)
    case 'headers':
      return detail.headers === '[]' ? <p class="notice">It has no headers.</p> : tree('headers', detail.headers)
    case 'metadata':
      return tree('metadata', detail.metadata)
    case 'hex':
      return (
        <>
          <HexView label="value" base64={detail.bytes} error={detail.error} />
          {detail.preview !== undefined && <Large {...{ state, detail, set }} what="bytes" />}
          <HexView label="key" base64={detail.keyBytes} error={detail.error} />
        </>
      )
    case 'differences':
      return compared === undefined ? null : <Differences left={compared} right={{ title, json: comparable(detail) }} />
  }
}

/** The beginning of a large value, and a button for all of it. */
function Large({
  state,
  detail,
  set,
  what,
}: Pick<SideProps, 'state' | 'detail' | 'set'> & { readonly what: 'value' | 'bytes' }) {
  const [isLoading, load] = useState(false)
  const { place, whole } = state
  const bytes = Number(memberText(detail.metadata ?? '{}', '__valuesize') ?? 0)
  const all = (): void => {
    if (place === undefined) return
    load(true)
    wholeRow(wholeSql(place, what))
      .then((row) => {
        if (row === 'missing') return { failure: MISSING }
        if (what === 'value') return { value: memberText(row, 'v') ?? 'null' }
        return { bytes: JSON.parse(memberText(row, 'r') ?? '""') as string }
      })
      .catch((cause: Error) => ({ failure: cause.message }))
      .then((answer) => {
        load(false)
        set((s) => (s.place === place ? { ...s, whole: { ...s.whole, ...answer } } : s))
      })
  }
  if (what === 'bytes' && whole.bytes !== undefined) return null
  return (
    <>
      <p class="notice">
        The value has {bytes.toLocaleString('en')} bytes.{' '}
        {what === 'value' ? 'This is its beginning.' : 'Its bytes are loaded when you ask for them.'}{' '}
        <button type="button" disabled={isLoading} onClick={all}>
          {isLoading ? 'Loading …' : what === 'value' ? 'Load the whole value' : 'Load all bytes'}
        </button>
      </p>
      {whole.failure !== undefined && <p class="notice failure">{whole.failure}</p>}
      {what === 'value' && <pre class="json">{detail.preview}</pre>}
    </>
  )
}
