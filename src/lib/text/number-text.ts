/**
 * Floating-point numbers as text: the shortest that reads back as the same number, and visibly floating-point
 * (`-128.0`, never `-128`). NaN and the infinities are written by their names; the writer of JSON decides about them
 * first.
 */
import { Decimal } from '../decimal.ts'

/** A 64-bit float: `12.5`, `-128.0`, `1e+21`, `NaN`. */
export function doubleText(value: number): string {
  if (Number.isInteger(value)) {
    if (Object.is(value, -0)) return '-0.0'
    const text = String(value)
    return text.includes('e') ? text : `${text}.0`
  }
  return String(value)
}

/** A 32-bit float held in a number: `0.1` and not `0.10000000149011612`, `1e-45` for the smallest. */
export function floatText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 16_777_216) return doubleText(value)
  if (!Number.isFinite(value)) return String(value)
  // Six digits always come back from a normal float, so that fewer of them show as zeros at the end; subnormal ones
  // have fewer.
  const fewest = Math.abs(value) < SMALLEST_NORMAL ? 1 : 6
  for (let digits = fewest; digits < 9; digits++) {
    const text = value.toExponential(digits - 1)
    const short = Number(text)
    if (readsBack(short, value)) return doubleText(short)
    // Of a power of two the floats above are twice as far away as those below: what is a little more may do where what
    // is a little less does not.
    if (isPowerOfTwo(value)) {
      const more = Number(oneMore(text))
      if (readsBack(more, value)) return doubleText(more)
    }
  }
  return doubleText(Number(value.toPrecision(9)))
}

/**
 * The float or the double for a number without a fraction, if that is the same number: exactly, or as it is printed.
 * 37089255939288570 is how everybody writes 37089255939288568, the nearest double; 9007199254740993 would come back as
 * 9007199254740992. Undefined where it would be another one.
 */
export function sameAsFloating(whole: number | bigint | Decimal, kind: 'float' | 'double'): number | undefined {
  const number = whole instanceof Decimal ? whole.toNumber() : Number(whole)
  const nearest = kind === 'float' ? Math.fround(number) : number
  if (nearest === whole) return nearest
  if (!Number.isFinite(nearest)) return undefined
  const exact = whole instanceof Decimal ? whole : Decimal.fromInteger(whole)
  if (exact.compare(Decimal.fromInteger(nearest)) === 0) return nearest
  const printed = Decimal.parse(kind === 'float' ? floatText(nearest) : doubleText(nearest))
  return printed?.compare(exact) === 0 ? nearest : undefined
}

const SMALLEST_NORMAL = 2 ** -126

/** Every reader takes the nearest float, and of two that are as near the even one (IEEE 754). */
function readsBack(short: number, value: number): boolean {
  return Math.fround(short) === value
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(Math.abs(value)))
}

/** `1.2621774e-29` → `1.2621775e-29`, away from zero; digits that are all nines stay. */
function oneMore(text: string): string {
  const [number, exponent] = text.split('e')
  const sign = number.startsWith('-') ? '-' : ''
  const digits = number.replace(/\D/g, '')
  const next = String(Number(digits) + 1)
  return next.length > digits.length ? text : `${sign}${next[0]}.${next.slice(1)}e${exponent}`
}
