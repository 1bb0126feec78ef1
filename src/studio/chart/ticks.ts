/** Round steps of axes, for numbers and for time. */

/** The smallest of 1, 2, 5 × 10ⁿ that is not below `least`; 0 for 0. */
export function step(least: number): number {
  if (!(least > 0)) return 0
  const power = 10 ** Math.floor(Math.log10(least))
  for (const by of [1, 2, 5]) if (by * power >= least * (1 - 1e-9)) return by * power
  return 10 * power
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const TIMES = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 28, 91, 182, 365].map((n) => n * DAY),
]

/** The smallest usual piece of time, in milliseconds, that is not below `least`. */
export function timeStep(least: number): number {
  return TIMES.find((ms) => ms >= least) ?? Math.ceil(least / (365 * DAY)) * 365 * DAY
}

/** About `count` round numbers from `low` to `high`. */
export function ticks(low: number, high: number, count: number, by: (least: number) => number = step): number[] {
  const width = by((high - low) / count) || 1
  const first = Math.ceil(low / width)
  const last = Math.floor(high / width)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * width).toPrecision(12)))
}
