/** Moments as a field of a form has them (local time without a zone), and as the address does (epoch milliseconds). */

/** Epoch milliseconds as text; '' for what is no moment. */
export function momentOf(local: string): string {
  const ms = local === '' ? Number.NaN : new Date(local).getTime()
  return Number.isNaN(ms) ? '' : String(ms)
}

/** `2026-01-31T08:15:00` in local time; '' for what is no moment. */
export function localText(epochMs: string): string {
  const date = new Date(epochMs === '' ? Number.NaN : Number(epochMs))
  if (Number.isNaN(date.getTime())) return ''
  const two = (n: number): string => String(n).padStart(2, '0')
  const day = [String(date.getFullYear()).padStart(4, '0'), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day}T${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
}
