/**
 * `INTERVAL '90' MINUTE` and its relatives, as other dialects write durations: turned into the dialect's own text
 * (`90m`). Knows no tokens.
 */

/** By the name in the singular, as `INTERVAL` takes it: a unit of the dialect and how many of it. */
const UNITS: ReadonlyMap<string, readonly [number, string]> = new Map([
  ['year', [1, 'y']],
  ['quarter', [3, 'M']],
  ['month', [1, 'M']],
  ['week', [1, 'w']],
  ['day', [1, 'd']],
  ['hour', [1, 'h']],
  ['minute', [1, 'm']],
  ['min', [1, 'm']],
  ['second', [1, 's']],
  ['sec', [1, 's']],
])

/** For messages. */
export const INTERVAL_UNITS = 'YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND'

/** Whether a word is a unit, in the singular or the plural. */
export function isIntervalUnit(word: string): boolean {
  return unitOf(word) !== undefined
}

/** The duration `amount unit` as the dialect writes it, or undefined when it is none. `amount`: digits. */
export function intervalText(amount: string, unit: string): string | undefined {
  const found = unitOf(unit)
  const count = Number(amount)
  return found === undefined || !/^\s*\d+\s*$/.test(amount) || !Number.isSafeInteger(count * found[0])
    ? undefined
    : `${count * found[0]}${found[1]}`
}

/** A whole text such as `1 day 2 hours`, or one in the dialect's own writing (`1d 2h`), as the dialect writes it. */
export function intervalsText(text: string): string | undefined {
  if (/^(\s*\d+\s*[yMwdhms])+\s*$/.test(text)) return text.trim()
  // One part after the other, each from where the one before ended: a search would start over at each digit of a long
  // number.
  const parts = [...text.matchAll(/\s*(\d+)\s*([A-Za-z]+)/gy)]
  const length = parts.reduce((sum, [whole]) => sum + whole.length, 0)
  if (parts.length === 0 || text.slice(length).trim() !== '') return undefined
  const written = parts.map(([, amount, unit]) => intervalText(amount, unit))
  return written.includes(undefined) ? undefined : written.join(' ')
}

function unitOf(word: string): readonly [number, string] | undefined {
  const name = word.toLowerCase()
  return UNITS.get(name) ?? (name.endsWith('s') ? UNITS.get(name.slice(0, -1)) : undefined)
}
