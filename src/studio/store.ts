/**
 * What the views of the page share: who is logged in, environments, tabs, the open dialog, the look. Plain data and pure
 * transitions; what belongs to one view alone stands beside that view.
 */
import { createStore, type Store } from './observable.ts'
import type { RecordPlace, Route } from './route.ts'

export type Theme = 'system' | 'light' | 'dark'

/** Who is logged in. `unknown` until the server has said so; `message`: why it has not. */
export type Session =
  | { readonly kind: 'unknown'; readonly message?: string }
  /** `user`: whose tabs are still there. */
  | { readonly kind: 'out'; readonly message?: string; readonly user?: string }
  | { readonly kind: 'in'; readonly user: string; readonly permissions: readonly string[] }

/** A tab: what it shows is the part of a route that belongs to it. */
export interface Tab {
  readonly id: number
  readonly view: string
  readonly subject?: string
  readonly sql: string
  readonly parameters: Readonly<Record<string, string>>
  readonly range?: string
  readonly panel?: string
  /** What the chart shows, where it was chosen; `chart/spec.ts` writes it. */
  readonly chart?: string
  readonly record?: RecordPlace
  /** Whether something was run in it: one that is empty and in which nothing was run can go. */
  readonly hasRun?: boolean
}

export interface StudioState {
  readonly session: Session
  readonly environments: readonly string[]
  readonly environment: string | undefined
  /** What the environment of a link is called that is not here: nothing is run until one was chosen. */
  readonly missing: string | undefined
  readonly tabs: readonly Tab[]
  readonly active: number
  readonly nextTab: number
  /** Which dialog is open: `palette`, `keys`, `connect`, or one of another view. */
  readonly dialog: string | undefined
  /** Whether the explorer is open where it is a drawer. */
  readonly drawer: boolean
  readonly theme: Theme
  /** What the live region says. */
  readonly announcement: string
  /** What everybody has to read, until it is put away. */
  readonly notice: string | undefined
}

/** Limit `studio.tabs` (tabs): open tabs. Beyond it: an empty one makes room; without one, no further tab is opened. */
export const MAX_TABS = 30

export const INITIAL: StudioState = {
  session: { kind: 'unknown' },
  environments: [],
  environment: undefined,
  missing: undefined,
  tabs: [],
  active: 0,
  nextTab: 1,
  dialog: undefined,
  drawer: false,
  theme: 'system',
  announcement: '',
  notice: undefined,
}

/** The one store of the page. */
export const studio: Store<StudioState> = createStore(INITIAL)

/** The tab that is shown. */
export function activeTab(state: StudioState): Tab | undefined {
  return state.tabs.find((tab) => tab.id === state.active)
}

/** A new tab behind the others, shown; its id was `nextTab`. Where there is no room for one, the page says so. */
export function withTab(state: StudioState, tab: Partial<Omit<Tab, 'id'>>): StudioState {
  const added: Tab = { view: 'query', sql: '', parameters: {}, ...tab, id: state.nextTab }
  const kept = withRoom(state.tabs)
  if (kept === undefined) return { ...state, drawer: false, notice: FULL, announcement: FULL }
  return { ...state, tabs: [...kept, added], active: added.id, nextTab: state.nextTab + 1, drawer: false }
}

const FULL = `${MAX_TABS} tabs are open, and there are no more (studio.tabs). Close one first, by its ✕ or by Alt+W.`

/** Those that stay when one more comes: what somebody wrote or runs is not closed for it. */
function withRoom(tabs: readonly Tab[]): readonly Tab[] | undefined {
  if (tabs.length < MAX_TABS) return tabs
  const empty = tabs.find(({ view, sql, hasRun }) => view === 'query' && sql.trim() === '' && hasRun !== true)
  return empty === undefined ? undefined : tabs.filter((tab) => tab !== empty)
}

/** The tab goes; its neighbour is shown where it was the one. */
export function withoutTab(state: StudioState, id: number): StudioState {
  const at = state.tabs.findIndex((tab) => tab.id === id)
  if (at < 0) return state
  const tabs = state.tabs.filter((tab) => tab.id !== id)
  const active = state.active === id ? (tabs[Math.min(at, tabs.length - 1)]?.id ?? 0) : state.active
  return { ...state, tabs, active, notice: undefined }
}

/** A tab with changes. */
export function changedTab(state: StudioState, id: number, change: Partial<Omit<Tab, 'id'>>): StudioState {
  return { ...state, tabs: state.tabs.map((tab) => (tab.id === id ? { ...tab, ...change } : tab)) }
}

/** Shows the topic in a tab: the one that it has, or a new one. */
export function shownTopic(state: StudioState, topic: string): StudioState {
  const open = state.tabs.find((tab) => tab.view === 'topic' && tab.subject === topic)
  return open === undefined
    ? withTab(state, { view: 'topic', subject: topic })
    : { ...state, active: open.id, drawer: false }
}

/** Shows a view without a subject in a tab: the one that it has, or a new one. */
export function shownView(state: StudioState, view: string): StudioState {
  const open = state.tabs.find((tab) => tab.view === view)
  return open === undefined ? withTab(state, { view }) : { ...state, active: open.id, drawer: false }
}

/** The next or the previous tab, around the ends. */
export function steppedTab(state: StudioState, by: number): StudioState {
  const at = state.tabs.findIndex((tab) => tab.id === state.active)
  if (at < 0) return state
  const count = state.tabs.length
  return { ...state, active: state.tabs[(at + by + count) % count].id }
}

/** Where the page is, for the address. */
export function routeOf(state: StudioState): Route | undefined {
  const tab = activeTab(state)
  if (tab === undefined) return undefined
  const { view, subject, sql, parameters, range, panel, chart, record } = tab
  return {
    environment: state.missing ?? state.environment,
    view,
    subject,
    sql,
    parameters,
    range,
    panel,
    chart,
    record,
  }
}

/** What is known of an address beside its text: the tab that wrote it, and whether all of it found room there. */
export interface WrittenBy {
  readonly tab: number
  readonly isWhole: boolean
}

/**
 * The state at an address. `by`: who wrote it, where that is known (Back); the tab is shown again if it still exists,
 * otherwise a tab is made. What found no room in the address, the tab still has.
 */
export function atRoute(state: StudioState, route: Route, by?: WrittenBy): StudioState {
  const { view, subject, sql, parameters, range, panel, chart, record } = route
  const there = { ...state, ...environmentOf(state, route) }
  const own = state.tabs.find((t) => (by === undefined ? isSame(t, route) : t.id === by.tab && t.view === view))
  const text = own !== undefined && by?.isWhole === false ? own : { sql: sql ?? '', parameters }
  const tab = { view, subject, sql: text.sql, parameters: text.parameters, range, panel, chart, record }
  return own === undefined ? withTab(there, tab) : { ...changedTab(there, own.id, tab), active: own.id }
}

/** A link to an environment that is not here is opened in no other one before somebody has chosen it. */
function environmentOf(
  { environments, environment }: StudioState,
  { environment: wanted }: Route,
): Pick<StudioState, 'environment' | 'missing'> {
  if (wanted === undefined) return { environment, missing: undefined }
  return environments.includes(wanted) ? { environment: wanted, missing: undefined } : { environment, missing: wanted }
}

/** The user has chosen. */
export function inEnvironment(state: StudioState, environment: string): StudioState {
  return { ...state, environment, missing: undefined }
}

function isSame(tab: Tab, { view, subject, sql }: Route): boolean {
  return tab.view === view && tab.subject === subject && tab.sql === (sql ?? '')
}

/**
 * The server knows the session no more (it has ended, or the server began anew): what is open stays behind the login, for
 * the same user.
 */
export function sessionEnded(state: StudioState): StudioState {
  if (state.session.kind !== 'in') return state
  const message = 'Your session has ended. Log in again: what you had open is still there.'
  return { ...state, dialog: undefined, session: { kind: 'out', message, user: state.session.user } }
}

/** Who is logged in again finds what was open. */
export function isBack(state: StudioState, user: string): boolean {
  return state.session.kind === 'out' && state.session.user === user
}

/** After a logout: nothing of what was seen is left. */
export function loggedOut(state: StudioState, message?: string): StudioState {
  return { ...INITIAL, theme: state.theme, nextTab: state.nextTab, session: { kind: 'out', message } }
}
