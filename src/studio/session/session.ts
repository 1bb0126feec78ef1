/** The way in and out: what the page does at its start, at a login and at a logout. */
import { systemClock } from '../../lib/clock.ts'
import { keepNothing } from '../kept.ts'
import { forgetTopics } from '../explorer/topics-store.ts'
import { exportsStore } from '../export/exports.ts'
import { closeRuns } from '../run/runs.ts'
import { codeOf, decodeRoute } from '../route.ts'
import { atRoute, isBack, loggedOut, studio, withTab } from '../store.ts'
import { stopAddress } from '../shell/address.ts'
import { type Credentials, environmentNames, logIn, logOut, onceReady, RestFailure, whoAmI } from './server.ts'

/** A link with a one-time code is used up and taken out of the address; then the server says who is logged in. */
export async function enter(): Promise<void> {
  hearOtherTabs()
  const code = codeOf(location.hash)
  let message: string | undefined
  if (code !== undefined) {
    history.replaceState(null, '', '#')
    message = await logIn({ code }).then(
      () => undefined,
      (cause: Error) => cause.message,
    )
  }
  await look(message)
}

/** Rejects in words when the credentials are not good. */
export async function enterWith(credentials: Credentials): Promise<void> {
  await logIn(credentials)
  await look()
}

/** Between questions to a server that is not ready. */
const PAUSE_MS = 3000
const pause = (): Promise<void> => new Promise((resolve) => void systemClock.after(PAUSE_MS, resolve))

/** Where nobody is shown yet, the page says what it waits for. */
function waiting(words: string): void {
  studio.set((state) =>
    state.session.kind === 'unknown' ? { ...state, session: { kind: 'unknown', message: words } } : state,
  )
}

async function look(message?: string): Promise<void> {
  try {
    const who = await onceReady(whoAmI, waiting, pause)
    if (who === undefined) return studio.set((state) => loggedOut(state, message))
    const session = { kind: 'in' as const, user: who.user, permissions: who.permissions }
    if (isBack(studio.get(), who.user)) return studio.set((state) => ({ ...state, session }))
    // What another user had open is not for this one.
    if (studio.get().tabs.length > 0) forgetAll()
    const environments = await environmentNames()
    studio.set((state) => {
      const there = {
        ...state,
        session,
        environments,
        environment: environments[0],
      }
      const route = decodeRoute(location.hash)
      return route === undefined ? withTab(there, {}) : atRoute(there, route)
    })
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    studio.set((state) => loggedOut(state, `The server does not answer: ${text}`))
  }
}

/** Ends the session on the server and forgets everything here; also where the server does not answer. */
export async function leave(): Promise<void> {
  const failed = await logOut().then(
    () => undefined,
    // Nobody was logged in any more.
    (cause: Error) => (cause instanceof RestFailure && cause.status === 401 ? undefined : cause.message),
  )
  otherTabs?.postMessage('left')
  forgetAll()
  studio.set((state) => loggedOut(state, leftText(failed)))
}

/** Tabs of the same browser have one session: a logout in one is that of all. */
let otherTabs: BroadcastChannel | undefined

function hearOtherTabs(): void {
  otherTabs = new BroadcastChannel('sluice-session')
  otherTabs.addEventListener('message', () => {
    forgetAll()
    studio.set((state) => loggedOut(state, 'You are logged out.'))
  })
}

/** Where the server knows nothing of a logout, the cookie still logs in, and no script can take it away. */
export function leftText(failure: string | undefined): string {
  if (failure === undefined) return 'You are logged out.'
  return (
    `This page has forgotten everything, but the server did not end the session (${failure}): whoever loads the page ` +
    'again in this browser is logged in. Load it when the server answers, and log out again.'
  )
}

function forgetAll(): void {
  stopAddress()
  closeRuns()
  forgetTopics()
  exportsStore.set(() => [])
  keepNothing()
  history.replaceState(null, '', '#')
  studio.set((state) => loggedOut(state))
}
