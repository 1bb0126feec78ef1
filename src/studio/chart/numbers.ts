/**
 * Numbers of a result for a chart: the text is what counts, the double is for drawing only. Sums are exact where all
 * their numbers are written without an exponent.
 */

const PLAIN = /^-?\d+(?:\.\d+)?$/
/** Not a limit: digits of a number that count exactly; a sum of longer ones is marked as rounded. */
const EXACT_DIGITS = 1000
const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/

function isExact(text: string): boolean {
  return text.length <= EXACT_DIGITS && PLAIN.test(text)
}

/** The double next to a number's text; undefined where it is none. */
export function doubleOf(text: string): number | undefined {
  if (!NUMBER.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** A sum that grows. `units` counts steps of 10⁻ˢᶜᵃˡᵉ. */
export interface Sum {
  units: bigint
  scale: number
  rough: number
  isExact: boolean
}

export function emptySum(): Sum {
  return { units: 0n, scale: 0, rough: 0, isExact: true }
}

/** Adds the number that a text writes. */
export function addTo(sum: Sum, text: string): void {
  sum.rough += Number(text)
  if (!sum.isExact) return
  if (!isExact(text)) {
    sum.isExact = false
    return
  }
  const point = text.indexOf('.')
  const scale = point < 0 ? 0 : text.length - point - 1
  const units = BigInt(point < 0 ? text : text.slice(0, point) + text.slice(point + 1))
  if (scale <= sum.scale) sum.units += units * 10n ** BigInt(sum.scale - scale)
  else {
    sum.units = sum.units * 10n ** BigInt(scale - sum.scale) + units
    sum.scale = scale
  }
}

/** The sum as text; `≈` where it is not exact. */
export function sumText({ units, scale, rough, isExact }: Sum): string {
  if (!isExact) return `≈ ${rough}`
  if (scale === 0) return units.toString()
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, '0')
  const whole = `${digits.slice(0, -scale)}.${digits.slice(-scale)}`.replace(/\.?0+$/, '')
  return units < 0n && whole !== '0' ? `-${whole}` : whole
}

/** Negative where `a` is the smaller number, also beyond what a double can tell apart. */
export function compareNumbers(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)]
  if (x !== y || !isExact(a) || !isExact(b)) return x - y
  const difference = emptySum()
  addTo(difference, a)
  addTo(difference, b.startsWith('-') ? b.slice(1) : `-${b}`)
  return difference.units < 0n ? -1 : difference.units > 0n ? 1 : 0
}

const ISO = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/

/**
 * Epoch milliseconds of a time: an ISO text (UTC where it names no zone), or a whole number since 1970 in seconds,
 * milliseconds, microseconds or nanoseconds, which its size tells.
 */
export function timeOf(text: string): number | undefined {
  if (ISO.test(text)) {
    const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/.test(text.slice(10))
    const ms = Date.parse(text.length === 10 ? text : `${text.replace(' ', 'T')}${hasZone ? '' : 'Z'}`)
    return Number.isNaN(ms) ? undefined : ms
  }
  const value = doubleOf(text)
  if (value === undefined) return undefined
  const size = Math.abs(value)
  if (size >= 1e17) return value / 1e6
  if (size >= 1e14) return value / 1e3
  return size >= 1e11 ? value : value * 1e3
}

const TIME_NAME =
  /(?:^|[._])(?:time|timestamp|date|ts|at|day|hour|minute|month|start|end|window)$|(?:[Tt]ime|[Dd]ate|[Tt]imestamp|[a-z]At|stamp)$/
const EARLIEST_SECONDS = 3e8
const LATEST_NANOSECONDS = 4e18

/** Whether a number may be a time, as its column is called. */
export function looksLikeTime(path: string, text: string): boolean {
  if (!TIME_NAME.test(path)) return false
  const value = Number(text)
  return /^\d+$/.test(text) && value >= EARLIEST_SECONDS && value <= LATEST_NANOSECONDS
}

/** Whether a text is a time as ISO 8601 writes it. */
export function isTimeText(text: string): boolean {
  return ISO.test(text)
}
