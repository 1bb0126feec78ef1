/**
 * What the address says after `#`: environment, view, statement, parameters, time range, panel, open record. The part
 * behind `#` is never sent to a server. Pure: text in, plain data out, and back; what it does not know it drops.
 *
 * `#/demo/query?sql=SELECT+1&p.from=2026-01-01&range=15m&panel=rows&record=orders/0/4711`, `#/demo/topic/orders`.
 */

/** A place on the page. */
export interface Route {
  readonly environment?: string
  /** `query`, `topic`, or what another view is called. */
  readonly view: string
  /** What the view shows, e.g. the name of a topic. */
  readonly subject?: string
  readonly sql?: string
  /** Values of `:name` in the statement. */
  readonly parameters: Readonly<Record<string, string>>
  /** `15m`, or `from..to` in epoch milliseconds. */
  readonly range?: string
  readonly panel?: string
  /** What the chart shows, where it was chosen. */
  readonly chart?: string
  readonly record?: RecordPlace
}

/** Where a record stands. The offset is text: it may be beyond 2⁵³. */
export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: string
}

/**
 * Limit `studio.url.characters` (characters): the address behind `#`. Beyond it: the statement is left out of it, and the
 * values of its parameters where that is not enough; a link does not hold them, Back keeps those of the tab.
 */
export const MAX_URL = 32_000

const PARAMETER = 'p.'

/** The fragment, with its `#`. */
export function encodeRoute(route: Route): string {
  const { sql: _sql, ...withoutText } = route
  const shorter = [route, withoutText, { ...withoutText, parameters: {} }].map(written)
  return shorter.find(({ length }) => length <= MAX_URL) ?? shorter[2]
}

/** Whether the fragment holds all of it. */
export function isWhole(route: Route): boolean {
  return written(route).length <= MAX_URL
}

function written(route: Route): string {
  const query = new URLSearchParams()
  if (route.sql !== undefined && route.sql !== '') query.set('sql', route.sql)
  for (const [name, value] of Object.entries(route.parameters)) query.set(PARAMETER + name, value)
  if (route.range !== undefined) query.set('range', route.range)
  if (route.panel !== undefined) query.set('panel', route.panel)
  if (route.chart !== undefined) query.set('chart', route.chart)
  if (route.record !== undefined) query.set('record', recordText(route.record))
  const path = [route.environment ?? '', route.view, ...(route.subject === undefined ? [] : [route.subject])]
  const head = `#/${path.map(encodeURIComponent).join('/')}`
  const text = query.toString()
  return text === '' ? head : `${head}?${text}`
}

/** undefined when the fragment names no place. */
export function decodeRoute(fragment: string): Route | undefined {
  const match = /^#\/([^/?]*)\/([^/?]+)(?:\/([^/?]*))?(?:\?(.*))?$/s.exec(fragment)
  if (match === null) return undefined
  const [environment, view, subject] = match.slice(1, 4).map(decoded)
  if (view === undefined) return undefined
  const query = new URLSearchParams(match[4] ?? '')
  const given = (name: string): string | undefined => query.get(name) ?? undefined
  return {
    ...(environment === undefined || environment === '' ? {} : { environment }),
    view,
    ...(subject === undefined || subject === '' ? {} : { subject }),
    ...optional('sql', given('sql')),
    parameters: Object.fromEntries(
      [...query].flatMap(([name, value]) =>
        name.startsWith(PARAMETER) && name !== PARAMETER ? [[name.slice(PARAMETER.length), value]] : [],
      ),
    ),
    ...optional('range', given('range')),
    ...optional('panel', given('panel')),
    ...optional('chart', given('chart')),
    ...optional('record', recordOf(given('record') ?? '')),
  }
}

/** `topic/partition/offset`. */
export function recordText({ topic, partition, offset }: RecordPlace): string {
  return `${topic}/${partition}/${offset}`
}

/** undefined when the text is no such place. */
export function recordOf(text: string): RecordPlace | undefined {
  const match = /^(.+)\/(\d{1,9})\/(\d{1,19})$/s.exec(text)
  return match === null ? undefined : { topic: match[1], partition: Number(match[2]), offset: match[3] }
}

/** The code of a one-time link, `#code=…`. */
export function codeOf(fragment: string): string | undefined {
  return /^#code=([\w-]{1,200})$/.exec(fragment)?.[1]
}

function optional<K extends string, V>(name: K, value: V | undefined): { [N in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [N in K]?: V }
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
