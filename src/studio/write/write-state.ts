/**
 * What one has typed and done on the Write part of a topic: the draft, and what became of the statement. One store for
 * each tab and topic, so that it is there again when one comes back to the tab, and what is written is not forgotten.
 */
import { ConnectionError } from '../../client/connect.ts'
import { createStore, type Store } from '../observable.ts'
import { ask, type Answered } from '../session/ask.ts'
import { studio } from '../store.ts'
import type { Draft } from './form.ts'

/** `unknown`: the connection ended behind a statement that writes. */
export interface Outcome {
  readonly kind: 'checked' | 'written' | 'failed' | 'unknown'
  readonly sql: string
  readonly lines: readonly string[]
}

export interface WriteState {
  /** undefined until something was typed. */
  readonly draft: Draft | undefined
  readonly outcome: Outcome | undefined
  /** Whether a statement is under way. */
  readonly isBusy: boolean
}

const NOTHING: WriteState = { draft: undefined, outcome: undefined, isBusy: false }
const stores = new Map<string, { readonly tab: number; readonly store: Store<WriteState> }>()

// Those of closed tabs go, and all of them after a logout.
studio.subscribe(() => {
  const { tabs } = studio.get()
  for (const [key, { tab }] of [...stores]) if (!tabs.some(({ id }) => id === tab)) stores.delete(key)
})

/** Of a topic in a tab; made when it is asked for first. */
export function writingOf(tab: number, environment: string, topic: string): Store<WriteState> {
  const key = JSON.stringify([tab, environment, topic])
  let found = stores.get(key)
  if (found === undefined) {
    found = { tab, store: createStore(NOTHING) }
    stores.set(key, found)
  }
  return found.store
}

type Row = Readonly<Record<string, unknown>>
type Ask = (sql: string, options: { readonly environment: string }) => Promise<Answered<Row>>

/** Runs the statement, or (`checked`) says what it would write; one at a time. */
export async function runWrite(
  store: Store<WriteState>,
  sql: string,
  kind: 'checked' | 'written',
  environment: string,
  server: Ask = ask,
): Promise<void> {
  if (store.get().isBusy) return
  store.set((state) => ({ ...state, isBusy: true }))
  const outcome = await server(kind === 'checked' ? `EXPLAIN ${sql}` : sql, { environment }).then(
    (answer) => answered(answer, kind, sql),
    (cause: Error) => failed(cause, kind, sql),
  )
  store.set((state) => ({ ...state, outcome, isBusy: false }))
  const said = outcome.kind === 'failed' ? `Error: ${outcome.lines[0]}` : outcome.lines[0]
  studio.set((state) => ({ ...state, announcement: said ?? '' }))
}

function answered({ rows, incomplete }: Answered<Row>, kind: 'checked' | 'written', sql: string): Outcome {
  const lines = rows.map((row) => String(row['plan'] ?? row['info'] ?? ''))
  if (incomplete === undefined) return { kind, sql, lines }
  // What a limit cut off is not what was wanted, and a dry run of a part says nothing of the rest.
  return { kind: 'failed', sql, lines: [incomplete, ...lines] }
}

function failed(cause: Error, kind: 'checked' | 'written', sql: string): Outcome {
  if (kind === 'checked' || !(cause instanceof ConnectionError)) return { kind: 'failed', sql, lines: [cause.message] }
  const unknown = 'It is not known whether it was written: the connection ended before the answer was there.'
  return { kind: 'unknown', sql, lines: [unknown, `Look for it before you write it again. (${cause.message})`] }
}
