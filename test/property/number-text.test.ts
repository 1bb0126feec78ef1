/**
 * Floating-point numbers as text, against exact fractions: the text reads back as the number that it was made of, and
 * no text of fewer digits does.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { writeDouble, writeFloat } from '../../src/formats/text/number-writer.ts'
import { doubleText, floatText } from '../../src/lib/text/number-text.ts'

const RUNS = { numRuns: 3000, seed: 20261128 }

/** A fraction of whole numbers, the lower one positive. */
interface Fraction {
  readonly over: bigint
  readonly under: bigint
}
const scaled = (n: bigint, base: bigint, exponent: number): Fraction =>
  exponent >= 0 ? { over: n * base ** BigInt(exponent), under: 1n } : { over: n, under: base ** BigInt(-exponent) }
const compare = (a: Fraction, b: Fraction): number => {
  const difference = a.over * b.under - b.over * a.under
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** A positive number as mantissa and power of two, with so many bits and so small a power at the least. */
function parts(x: number, bits: number, smallest: number): { readonly mantissa: bigint; readonly power: number } {
  let power = Math.max(Math.floor(Math.log2(x)) - bits + 1, smallest)
  if (x / 2 ** power >= 2 ** bits) power++
  if (power > smallest && x / 2 ** power < 2 ** (bits - 1)) power--
  return { mantissa: BigInt(x / 2 ** power), power }
}

/**
 * Between which fractions everything is nearest to a positive number, and whether its ends are: an even mantissa wins
 * them.
 */
function nearest(
  x: number,
  bits: number,
  smallest: number,
): { readonly low: Fraction; readonly high: Fraction; readonly ends: boolean } {
  const { mantissa, power } = parts(x, bits, smallest)
  const narrow = mantissa === 2n ** BigInt(bits - 1) && power > smallest
  return {
    low: narrow ? scaled(4n * mantissa - 1n, 2n, power - 2) : scaled(2n * mantissa - 1n, 2n, power - 1),
    high: scaled(2n * mantissa + 1n, 2n, power - 1),
    ends: mantissa % 2n === 0n,
  }
}

/** The fewest digits of a decimal that lies between; `ends`: or at one of the ends. */
function fewestDigits(low: Fraction, high: Fraction, ends: boolean): number {
  for (let exponent = 40; ; exponent--) {
    const unit = scaled(1n, 10n, exponent)
    // The smallest whole number of units above `low`, or at it.
    const whole = (low.over * unit.under) / (low.under * unit.over)
    const n = ends && compare({ over: whole * unit.over, under: unit.under }, low) === 0 ? whole : whole + 1n
    const above = compare({ over: n * unit.over, under: unit.under }, high)
    if (n > 0n && (above < 0 || (ends && above === 0))) return String(n).replace(/0+$/, '').length
  }
}

/** A text as a fraction, and its digits without zeros at either end. */
function read(text: string): { readonly value: Fraction; readonly digits: number } {
  const [, whole, fraction = '', exponent = '0'] =
    /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(text) ?? assert.fail(`not a number: ${text}`)
  const digits = (whole + fraction).replace(/^0+/, '').replace(/0+$/, '')
  return { value: scaled(BigInt(whole + fraction), 10n, Number(exponent) - fraction.length), digits: digits.length }
}

const view = new DataView(new ArrayBuffer(8))
function floatOf(bits: number): number {
  view.setUint32(0, bits)
  return view.getFloat32(0)
}
function doubleOf(bits: bigint): number {
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}

function written(write: (o: Uint8Array, w: number, value: number) => number, value: number): string {
  const out = Buffer.alloc(64)
  return out.toString('latin1', 0, write(out, 0, value))
}

function checkFloat(x: number): void {
  if (!Number.isFinite(x) || x === 0) return
  const text = floatText(Math.abs(x))
  const { low, high, ends } = nearest(Math.abs(x), 24, -149)
  const { value, digits } = read(text)
  const [below, above] = [compare(value, low), compare(value, high)]
  assert.ok((below > 0 && above < 0) || (ends && below >= 0 && above <= 0), `${text} is not nearest to ${x}`)
  assert.equal(Math.fround(Number(text)), Math.abs(x))
  assert.equal(digits, fewestDigits(low, high, ends), `${text} for ${x}`)
  assert.equal(floatText(-Math.abs(x)), `-${text}`)
  assert.equal(written(writeFloat, x), floatText(x))
  assert.match(text, /[.e]/, 'visibly a float')
}

test('the smallest floats, and all powers of two', () => {
  assert.equal(floatText(2 ** -149), '1e-45')
  assert.equal(floatText(2 ** -148), '3e-45')
  assert.equal(floatText(3 * 2 ** -149), '4e-45')
  assert.equal(floatText(2 ** -126), '1.1754944e-38')
  assert.equal(floatText(2 ** -96), '1.2621775e-29')
  assert.equal(floatText(2 ** 128 - 2 ** 104), '3.4028235e+38')
  for (let k = -149; k < 128; k++) checkFloat(2 ** k)
  for (let n = 1; n < 2000; n++) checkFloat(n * 2 ** -149)
})

test('floats of all sizes', () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), (bits) => checkFloat(floatOf(bits))),
    RUNS,
  )
  fc.assert(
    fc.property(fc.nat(99_999), fc.integer({ min: -45, max: 38 }), (digits, exponent) =>
      checkFloat(Math.fround(Number(`${digits}e${exponent}`))),
    ),
    RUNS,
  )
})

test('doubles of all sizes', () => {
  const check = (x: number): void => {
    if (!Number.isFinite(x) || x === 0) return
    const text = doubleText(Math.abs(x))
    const { value } = read(text)
    const { low, high, ends } = nearest(Math.abs(x), 53, -1074)
    const [below, above] = [compare(value, low), compare(value, high)]
    assert.ok((below > 0 && above < 0) || (ends && below >= 0 && above <= 0), `${text} is not nearest to ${x}`)
    assert.equal(Number(text), Math.abs(x))
    assert.equal(written(writeDouble, x), doubleText(x))
  }
  for (let k = -1074; k < 1024; k++) check(2 ** k)
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (bits) => check(doubleOf(bits))),
    RUNS,
  )
  fc.assert(
    fc.property(fc.nat(999_999), fc.integer({ min: -12, max: 12 }), (digits, exponent) =>
      check(Number(`${digits}e${exponent}`)),
    ),
    RUNS,
  )
})
