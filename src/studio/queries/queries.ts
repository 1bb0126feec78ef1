/** Queries that run and ran, as the server lists them: which are shown, in which order, and what killing one asks first. */

/** One query of `GET /api/v1/sql/queries`. `durationMs` is by the server's clock, so the browser's does not matter. */
export interface QueryRow {
  readonly id: string
  readonly sql: string
  readonly username: string
  readonly status: 'Running' | 'Completed' | 'Killed' | 'Error'
  readonly started: string
  readonly message: string | null
  readonly recordsScanned: number
  readonly bytesRead: number
  readonly durationMs: number
  readonly isMine: boolean
  /** Of several servers the one that runs it. */
  readonly server?: string
}

export interface QueriesState {
  readonly rows: readonly QueryRow[]
  readonly failure: string | undefined
  /** What the list lacks, as the server says it. */
  readonly missing?: string
  /** Whether those of others are shown, where the account sees any. */
  readonly everybody: boolean
  /** Whether those that ended are shown. */
  readonly ended: boolean
  /** The query of somebody else that is to be killed once it is said again. */
  readonly asked: string | undefined
  /** Those whose killing is under way. */
  readonly killing: ReadonlySet<string>
}

export const NO_QUERIES: QueriesState = {
  rows: [],
  failure: undefined,
  everybody: true,
  ended: false,
  asked: undefined,
  killing: new Set(),
}

/** Limit `studio.queries` (queries): that the list shows. Beyond it: the oldest are left out, and said. */
export const MAX_SHOWN = 200

/** Running ones first, the longest on top; below them what ended, the newest on top. */
export function shownQueries({ rows, everybody, ended }: QueriesState): readonly QueryRow[] {
  return rows
    .filter(({ isMine, status }) => (everybody || isMine) && (ended || status === 'Running'))
    .sort((a, b) => Number(b.status === 'Running') - Number(a.status === 'Running') || order(a, b))
}

function order(a: QueryRow, b: QueryRow): number {
  return a.status === 'Running' ? b.durationMs - a.durationMs : b.started < a.started ? -1 : 1
}

/** A new list came; what is gone is neither asked for nor being killed any more. */
export function refreshed(state: QueriesState, rows: readonly QueryRow[], missing?: string): QueriesState {
  const running = new Set(rows.filter(({ status }) => status === 'Running').map(({ id }) => id))
  return {
    ...state,
    missing,
    rows,
    failure: undefined,
    asked: state.asked !== undefined && running.has(state.asked) ? state.asked : undefined,
    killing: new Set([...state.killing].filter((id) => running.has(id))),
  }
}

/** What pressing the key does: one's own query ends at once, somebody else's when it is pressed again. */
export function killPressed(state: QueriesState, id: string): { readonly state: QueriesState; readonly kill: boolean } {
  const row = state.rows.find((r) => r.id === id)
  if (row === undefined || row.status !== 'Running' || state.killing.has(id)) return { state, kill: false }
  if (!row.isMine && state.asked !== id) return { state: { ...state, asked: id }, kill: false }
  return { state: { ...state, asked: undefined, killing: new Set(state.killing).add(id) }, kill: true }
}

/** The killing failed: it can be tried again. */
export function killFailed(state: QueriesState, id: string, failure: string): QueriesState {
  return { ...state, failure, killing: new Set([...state.killing].filter((other) => other !== id)) }
}

/** 0.4 s, 12 s, 3 min 5 s, 2 h 10 min. */
export function elapsedText(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.floor(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
