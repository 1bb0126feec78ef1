/** How times are shown: in UTC, in the time of this machine, or as they came. One switch for the page. */
import { createStore, type Store } from '../observable.ts'

export type TimeStyle = 'utc' | 'local' | 'raw'

/** The switch. */
export const timeStyle: Store<TimeStyle> = createStore<TimeStyle>('utc')

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(\.\d+)?Z$/

/** Whether a text is a time as the server writes it. */
export function isTimestamp(text: string): boolean {
  return text.length >= 17 && text.length <= 30 && TIME.test(text)
}

/** The text to show; a fraction keeps its digits. Text that is no time stays as it is. */
export function timeText(raw: string, style: TimeStyle): string {
  if (style === 'raw' || raw.length < 17 || raw.length > 30) return raw
  const match = TIME.exec(raw)
  if (match === null) return raw
  const [, seconds, fraction = ''] = match
  if (style === 'utc') return `${seconds.replace('T', ' ')}${fraction} Z`
  const date = new Date(`${seconds}Z`)
  if (Number.isNaN(date.getTime())) return raw
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return `${day} ${time}${fraction} ${offsetText(-date.getTimezoneOffset())}`
}

/** `+05:30`, of minutes east of Greenwich. */
export function offsetText(minutes: number): string {
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
