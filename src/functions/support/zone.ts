/**
 * Time zones by IANA name or fixed offset, with the zone data that Node carries. It only turns local times into
 * instants.
 */
import { offsetSeconds } from './datemath.ts'

const CLOCKS = new Map<string, Intl.DateTimeFormat | undefined>()
/**
 * Limit `function.zones` (zones): spellings of time zones whose clocks are kept. Beyond it: all are dropped and made
 * again. There are fewer zones than this.
 */
const MAX_CLOCKS = 700

function clock(zone: string): Intl.DateTimeFormat | undefined {
  if (CLOCKS.has(zone)) return CLOCKS.get(zone)
  if (CLOCKS.size >= MAX_CLOCKS) CLOCKS.clear()
  let made: Intl.DateTimeFormat | undefined
  try {
    made = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset', year: 'numeric' })
  } catch {
    made = undefined // RangeError: no such zone
  }
  CLOCKS.set(zone, made)
  return made
}

/** Is it `UTC`, an offset such as `+02:00`, or an IANA name such as `Europe/Warsaw`? */
export function isZone(zone: string): boolean {
  return offsetSeconds(zone) !== undefined || clock(zone) !== undefined
}

/** Seconds east of Greenwich in a zone at an instant. */
function offsetAt(zone: Intl.DateTimeFormat, epochSeconds: number): number {
  const name = zone.formatToParts(epochSeconds * 1000).find((p) => p.type === 'timeZoneName')?.value ?? ''
  const m = /^GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(name)
  if (m?.[1] === undefined) return 0
  const seconds = Number(m[2]) * 3600 + Number(m[3]) * 60 + Number(m[4] ?? 0)
  return m[1] === '-' ? -seconds : seconds
}

const DAY = 86_400
/** Not a limit: Intl knows no moments beyond, in seconds. */
const LIMIT = 8.64e12

/**
 * The instant, in seconds since the epoch, at which clocks in the zone show a local time (given as seconds since the
 * epoch as if it were UTC). A time that occurs twice means the first; one that is skipped moves on by the gap, as in
 * Java. undefined when there is no such zone.
 */
export function localToInstant(localSeconds: number, zone: string): number | undefined {
  const fixed = offsetSeconds(zone)
  if (fixed !== undefined) return localSeconds - fixed
  const shown = clock(zone)
  if (shown === undefined || Math.abs(localSeconds) > LIMIT - 2 * DAY) return undefined
  const before = offsetAt(shown, localSeconds - DAY)
  const after = offsetAt(shown, localSeconds + DAY)
  if (before === after || offsetAt(shown, localSeconds - before) === before) return localSeconds - before
  return offsetAt(shown, localSeconds - after) === after ? localSeconds - after : localSeconds - before
}
