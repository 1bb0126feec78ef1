/**
 * Floating-point numbers as text: the shortest that reads back as the same number, and visibly floating-point (`-128.0`, never `-128`).
 * NaN and the infinities come out by their names; whoever writes JSON decides about them first.
 */

/** A 64-bit float: `12.5`, `-128.0`, `1e+21`, `NaN`. */
export function doubleText(value: number): string {
  if (Number.isInteger(value)) {
    if (Object.is(value, -0)) return '-0.0'
    const text = String(value)
    return text.includes('e') ? text : `${text}.0`
  }
  return String(value)
}

/** A 32-bit float held in a number: `0.1` and not `0.10000000149011612`. */
export function floatText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 16_777_216) return doubleText(value)
  if (!Number.isFinite(value)) return String(value)
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return doubleText(short)
  }
  return doubleText(Number(value.toPrecision(9)))
}
