/** REST calls of the page to its own server: who is logged in, login, logout, environments. The cookie goes by itself. */

/** What stands before `/api` in the server's addresses, with a slash at its end: the folder above the page's own files. */
export function serverUrl(): string {
  const entry = document.getElementById('studio-entry') as HTMLScriptElement | null
  return new URL('..', entry?.src ?? location.href).href
}

/** An answer of the server that is no success, in its words. */
export class RestFailure extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The JSON of an answer; undefined for an answer without one. Rejects with a RestFailure, or with what fetch says. */
export async function rest<T>(path: string, init: RequestInit = {}): Promise<T> {
  const text = await restText(path, init)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

/** The same, with what the server says that the answer lacks. */
export async function restMissing<T>(path: string): Promise<{ readonly value: T; readonly missing?: string }> {
  const { text, headers } = await answerOf(path, {})
  const missing = headers.get('sluice-incomplete')
  return { value: JSON.parse(text) as T, ...(missing === null ? {} : { missing }) }
}

/** The same as text. */
export async function restText(path: string, init: RequestInit = {}): Promise<string> {
  return (await answerOf(path, init)).text
}

let lookAgain: (() => void) | undefined

/** Calls back when an answer says that nobody is logged in, wherever it was asked for. */
export function whenUnknown(heard: () => void): void {
  lookAgain = heard
}

async function answerOf(path: string, init: RequestInit): Promise<Answer> {
  try {
    return await fetched(path, init)
  } catch (cause) {
    if (cause instanceof RestFailure && cause.status === 401) lookAgain?.()
    throw cause
  }
}

interface Answer {
  readonly text: string
  readonly headers: Headers
}

async function fetched(path: string, init: RequestInit): Promise<Answer> {
  const answer = await fetch(serverUrl() + path, { ...init, credentials: 'same-origin', cache: 'no-store' })
  const text = await answer.text()
  if (!answer.ok) throw new RestFailure(answer.status, failureText(text) ?? `The server answered ${answer.status}.`)
  return { text, headers: answer.headers }
}

function failureText(body: string): string | undefined {
  try {
    const { error, title } = JSON.parse(body) as { error?: unknown; title?: unknown }
    return typeof title === 'string' ? title : typeof error === 'string' ? error : undefined
  } catch {
    return undefined
  }
}

/** `api/…` of one environment. */
export function behind(environment: string, path: string): string {
  return `api/v1/environments/${encodeURIComponent(environment)}/proxy/${path}`
}

/** What opens a session. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly token: string }
  | { readonly code: string }

export async function logIn(credentials: Credentials): Promise<void> {
  await fetched('api/v1/login', { method: 'POST', body: JSON.stringify(credentials) })
}

export async function logOut(): Promise<void> {
  await fetched('api/v1/logout', { method: 'POST' })
}

export interface Who {
  readonly user: string
  readonly permissions: readonly string[]
}

/** undefined when nobody is logged in. */
export async function whoAmI(): Promise<Who | undefined> {
  try {
    return JSON.parse((await fetched('api/auth', {})).text) as Who
  } catch (cause) {
    if (cause instanceof RestFailure && cause.status === 401) return undefined
    throw cause
  }
}

/**
 * What `question` answers once the server can: 503 says nothing about a login, and is asked again after a `pause`.
 * `waiting` hears the server's words. Rejects as `question` does with anything else.
 */
export async function onceReady<T>(
  question: () => Promise<T>,
  waiting: (words: string) => void,
  pause: () => Promise<void>,
): Promise<T> {
  for (;;) {
    try {
      return await question()
    } catch (cause) {
      if (!(cause instanceof RestFailure && cause.status === 503)) throw cause
      waiting(cause.message)
      await pause()
    }
  }
}

export async function environmentNames(): Promise<readonly string[]> {
  const { items } = await rest<{ items: readonly { readonly name: string }[] }>('api/v1/environments')
  return items.map(({ name }) => name)
}
