/**
 * The numeric functions. Integers stay exact (64 bits, a ValueError beyond), decimals stay decimals, everything else is
 * IEEE double arithmetic (SQRT(-1) is NaN, LN(0) is -Infinity). Dynamic (json) arguments keep what they are.
 */
import { Decimal, MAX_DECIMAL_DIGITS } from '../../lib/decimal.ts'
import type { DataType, Value } from '../../types.ts'
import { DOUBLE, INT, JSON_TYPE, LONG, typeName } from '../../types.ts'
import { define, describe, sameType } from '../define.ts'
import type { Numeric } from '../support/numbers.ts'
import {
  checkInt,
  compareNumeric,
  finite,
  isIntegerType,
  isNumeric,
  isNumericType,
  toDecimal,
  toDouble,
  toLong,
  wholeToLong,
  widen,
  widest,
} from '../support/numbers.ts'
import type { Parameter, ScalarFunction } from '../function.ts'
import { ValueError } from '../function.ts'

const X: Parameter = { name: 'x', accept: 'number' }

interface Row {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly description: string
  readonly examples: ScalarFunction['examples']
}

/** A function of one number with a double result. */
function double(
  name: string,
  description: string,
  call: (x: number) => number,
  example: readonly [string, string],
  aliases?: readonly string[],
): ScalarFunction {
  const what = name.toUpperCase()
  return define({
    name,
    aliases,
    family: 'numeric',
    parameters: [X],
    description,
    examples: [{ sql: example[0], result: example[1] }],
    returns: () => DOUBLE,
    make: () => (x: Numeric) => {
      const result = call(toDouble(x))
      if (Number.isNaN(result) && x instanceof Decimal) throw new ValueError(`${what}: not defined for ${x}`)
      return result
    },
  })
}

const MATH_ROWS: readonly ScalarFunction[] = [
  double('acos', 'The arc cosine, in radians.', Math.acos, ['ACOS(1)', '0.0']),
  double('asin', 'The arc sine, in radians.', Math.asin, ['ASIN(0)', '0.0']),
  double('atan', 'The arc tangent, in radians.', Math.atan, ['ATAN(0)', '0.0']),
  double('cos', 'The cosine of an angle in radians.', Math.cos, ['COS(0)', '1.0']),
  double('sin', 'The sine of an angle in radians.', Math.sin, ['SIN(0)', '0.0']),
  double('tan', 'The tangent of an angle in radians.', Math.tan, ['TAN(0)', '0.0']),
  double('cosh', 'The hyperbolic cosine.', Math.cosh, ['COSH(0)', '1.0']),
  double('sinh', 'The hyperbolic sine.', Math.sinh, ['SINH(0)', '0.0']),
  double('tanh', 'The hyperbolic tangent.', Math.tanh, ['TANH(0)', '0.0']),
  double('cbrt', 'The cube root.', Math.cbrt, ['CBRT(27)', '3.0']),
  double('sqrt', 'The square root.', Math.sqrt, ['SQRT(2.25)', '1.5']),
  double('exp', 'The number e to the power of x.', Math.exp, ['EXP(0)', '1.0']),
  double('ln', 'The natural logarithm.', Math.log, ['LN(1)', '0.0'], ['log']),
  double('log10', 'The logarithm to base 10.', Math.log10, ['LOG10(1000)', '3.0']),
  double('degrees', 'An angle in radians as degrees.', (x) => (x * 180) / Math.PI, [
    'ROUND(DEGREES(3.141592653589793))',
    '180',
  ]),
  double('radians', 'An angle in degrees as radians.', (x) => (x / 180) * Math.PI, [
    'RADIANS(180)',
    '3.141592653589793',
  ]),
]

function whole(row: Row, ofDouble: (x: number) => number, ofDecimal: (x: Decimal) => bigint): ScalarFunction {
  const what = row.name.toUpperCase()
  return define({
    ...row,
    family: 'numeric',
    parameters: [X],
    returnText: 'long',
    returns: ([type]) =>
      type.kind === 'float' || type.kind === 'double'
        ? LONG
        : type.kind === 'decimal'
          ? { ...type, scale: type.precision === undefined ? undefined : 0 }
          : type,
    make: () => (x: Numeric) => {
      if (x instanceof Decimal) return new Decimal(ofDecimal(x), 0)
      return typeof x === 'bigint' || Number.isSafeInteger(x) ? x : wholeToLong(ofDouble(x), what)
    },
  })
}

/** The largest integer that is not above the decimal. */
function floorDecimal(x: Decimal): bigint {
  const towardsZero = x.truncate()
  return x.unscaled < 0n && new Decimal(towardsZero, 0).compare(x) !== 0 ? towardsZero - 1n : towardsZero
}

const HALF = new Decimal(5n, 1)

const WHOLE_ROWS: readonly ScalarFunction[] = [
  whole(
    {
      name: 'round',
      description: 'The nearest integer; a tie goes up.',
      examples: [
        { sql: 'ROUND(2.5)', result: '3' },
        { sql: 'ROUND(-2.5)', result: '-2' },
      ],
    },
    Math.round,
    (x) => floorDecimal(x.add(HALF)),
  ),
  whole(
    {
      name: 'floor',
      description: 'The largest integer that is not above x.',
      examples: [
        { sql: 'FLOOR(19.7)', result: '19' },
        { sql: 'FLOOR(-2.1)', result: '-3' },
      ],
    },
    Math.floor,
    floorDecimal,
  ),
  whole(
    {
      name: 'ceil',
      aliases: ['ceiling'],
      description: 'The smallest integer that is not below x.',
      examples: [
        { sql: 'CEIL(2.1)', result: '3' },
        { sql: 'CEIL(-2.1)', result: '-2' },
      ],
    },
    Math.ceil,
    (x) => -floorDecimal(x.negate()),
  ),
]

/** x with the other sign or without one, in its own type. */
function signed(row: Row, call: (x: Numeric) => Numeric): ScalarFunction {
  const what = row.name.toUpperCase()
  return define({
    ...row,
    family: 'numeric',
    parameters: [X],
    returnText: 'number',
    double: 'any',
    returns: ([type]) => type,
    make:
      ([type]) =>
      (x: Numeric) => {
        const result = call(x)
        if (typeof result === 'bigint') return toLong(result, what)
        return type.kind === 'int' ? checkInt(result as number, what) : result
      },
  })
}

const SIGN_ROWS: readonly ScalarFunction[] = [
  signed(
    {
      name: 'abs',
      description: 'The number without its sign.',
      examples: [
        { sql: 'ABS(-7)', result: '7' },
        { sql: 'ABS(-1.5)', result: '1.5' },
      ],
    },
    (x) =>
      typeof x === 'number'
        ? Math.abs(x)
        : typeof x === 'bigint'
          ? x < 0n
            ? -x
            : x
          : x.unscaled < 0n
            ? x.negate()
            : x,
  ),
  signed(
    { name: 'neg', description: 'The number with the opposite sign.', examples: [{ sql: 'NEG(7)', result: '-7' }] },
    (x) => (typeof x === 'number' ? 0 - x : typeof x === 'bigint' ? -x : x.negate()),
  ),
  define({
    name: 'sign',
    family: 'numeric',
    parameters: [X],
    description: '-1 below zero, 0 for zero, 1 above zero.',
    examples: [
      { sql: 'SIGN(-2.5)', result: '-1' },
      { sql: 'SIGN(0)', result: '0' },
    ],
    returns: () => INT,
    make: () => (x: Numeric) => {
      const result = typeof x === 'number' ? Math.sign(x) : compareNumeric(x, 0)
      if (Number.isNaN(result)) throw new ValueError('SIGN: NaN has no sign')
      return result === 0 ? 0 : result
    },
  }),
]

function resultType(types: readonly DataType[]): DataType {
  return widest(types)
}

/** Remainder with the sign of the dividend, as in Java. */
export function modulo(a: Numeric, b: Numeric, type: DataType): Value {
  if (a instanceof Decimal || b instanceof Decimal || type.kind === 'decimal') {
    const divisor = toDecimal(b, 'MOD')
    if (divisor.isZero) throw new ValueError('MOD: division by zero')
    return widen(toDecimal(a, 'MOD').remainder(divisor), type, 'MOD')
  }
  if (type.kind === 'double' || type.kind === 'float') return toDouble(a) % toDouble(b)
  if (isWhole(a) && isWhole(b)) {
    if (Number(b) === 0) throw new ValueError('MOD: division by zero')
    if (typeof a === 'number' && typeof b === 'number') return (a % b) + 0
    return toLong(BigInt(a) % BigInt(b), 'MOD')
  }
  return finite(toDouble(a) % toDouble(b), 'MOD')
}

function isWhole(x: number | bigint): boolean {
  return typeof x === 'bigint' || Number.isSafeInteger(x)
}

function power(type: DataType): (base: Numeric, exponent: Numeric) => Value {
  if (type.kind === 'double') return (base, exponent) => toDouble(base) ** toDouble(exponent)
  if (type.kind === 'decimal')
    return (base, exponent) => decimalPower(toDecimal(base, 'POW'), BigInt(exponent as number))
  return (base, exponent) => {
    if (base instanceof Decimal || exponent instanceof Decimal || !isWhole(base) || !isWhole(exponent))
      return finite(toDouble(base) ** toDouble(exponent), 'POW')
    if (exponent >= 0) return integerPower(BigInt(base), BigInt(exponent))
    if (type.kind === 'json') return finite(toDouble(base) ** toDouble(exponent), 'POW')
    throw new ValueError(`POW: integers have no power of ${exponent}; make one of them a double, as in POW(2.0, -1)`)
  }
}

function integerPower(base: bigint, exponent: bigint): number | bigint {
  if (base >= -1n && base <= 1n) return exponent === 0n ? 1 : Number(exponent % 2n === 0n ? base * base : base)
  if (exponent > 63n)
    throw new ValueError(`POW: ${base} to the power of ${exponent} does not fit a long; make one of them a double`)
  return toLong(base ** exponent, 'POW')
}

function decimalPower(base: Decimal, exponent: bigint): Decimal {
  if (exponent < 0n) throw new ValueError(`POW: a decimal has no exact power of ${exponent}; cast it to double`)
  const digits = BigInt(base.unscaled.toString().length + base.scale)
  if (digits * exponent > MAX_DECIMAL_DIGITS)
    throw new ValueError(
      `POW: the result has more digits than function.max.decimal.digits (default ${MAX_DECIMAL_DIGITS})`,
    )
  return new Decimal(base.unscaled ** exponent, base.scale * Number(exponent))
}

const POWER_ROWS: readonly ScalarFunction[] = [
  define({
    name: 'mod',
    family: 'numeric',
    parameters: [
      { name: 'dividend', accept: 'number' },
      { name: 'divisor', accept: 'number' },
    ],
    description: 'The remainder of a division, with the sign of the dividend; the same as %.',
    examples: [
      { sql: 'MOD(17, 5)', result: '2' },
      { sql: 'MOD(-7, 3)', result: '-1' },
    ],
    returnText: 'number',
    double: 'any',
    returns: resultType,
    make: (types) => {
      const type = resultType(types)
      return (a: Numeric, b: Numeric) => modulo(a, b, type)
    },
  }),
  define({
    name: 'pow',
    aliases: ['power'],
    family: 'numeric',
    parameters: [
      { name: 'base', accept: 'number' },
      { name: 'exponent', accept: 'number' },
    ],
    description:
      'A power: exact for integers (an error beyond a long) and for decimals with an integer exponent, else a double.',
    examples: [
      { sql: 'POW(2, 10)', result: '1024' },
      { sql: 'POW(3, 39)', result: '4052555153018976267' },
      { sql: 'POW(2.0, -1)', result: '0.5' },
    ],
    returnText: 'number',
    double: 'any',
    returns: powerType,
    make: (types) => power(powerType(types)),
  }),
  define({
    name: 'distance',
    family: 'numeric',
    parameters: ['lat1', 'lon1', 'lat2', 'lon2'].map((name) => ({ name, accept: 'number' })),
    description: 'The great-circle distance in metres between two places given by latitude and longitude in degrees.',
    examples: [{ sql: 'ROUND(DISTANCE(41.15, -8.61, 41.16, -8.61))', result: '1112' }],
    returns: () => DOUBLE,
    make: () => distance,
  }),
  define({
    name: 'randint',
    family: 'numeric',
    parameters: [],
    description: 'A random int, from -2147483648 to 2147483647, another one for each row.',
    examples: [{ sql: 'MAX(RANDINT(), 2147483647)', result: '2147483647' }],
    deterministic: false,
    returns: () => INT,
    make: () => () => Math.floor(Math.random() * 4294967296) - 2147483648,
  }),
]

function powerType([base, exponent]: readonly DataType[]): DataType {
  if (base.kind === 'json' || exponent.kind === 'json') return JSON_TYPE
  if (isIntegerType(base) && isIntegerType(exponent)) return LONG
  return base.kind === 'decimal' && isIntegerType(exponent) ? { kind: 'decimal' } : DOUBLE
}

const EARTH_RADIUS_METRES = 6_371_000

function distance(lat1: Numeric, lon1: Numeric, lat2: Numeric, lon2: Numeric): number {
  const radians = (x: number): number => (x / 180) * Math.PI
  const [a, b] = [radians(toDouble(lat1)), radians(toDouble(lat2))]
  const sinLat = Math.sin((b - a) / 2)
  const sinLon = Math.sin(radians(toDouble(lon2) - toDouble(lon1)) / 2)
  const h = sinLat * sinLat + Math.cos(a) * Math.cos(b) * sinLon * sinLon
  return 2 * EARTH_RADIUS_METRES * Math.asin(Math.min(1, Math.sqrt(h)))
}

function extremeType(what: string): (types: readonly DataType[]) => DataType {
  return (types) => {
    const known = types.filter((t) => t.kind !== 'null')
    if (known.length > 0 && known.every((t) => isNumericType(t) || t.kind === 'json')) return widest(known)
    const same = sameType(types)
    if (same === undefined)
      throw new Error(`${what} compares values of one type, not ${[...new Set(known.map(typeName))].join(' and ')}.`)
    if (same.kind === 'array' || same.kind === 'map' || same.kind === 'struct' || same.kind === 'bytes')
      throw new Error(`${what} cannot compare values of type ${typeName(same)}.`)
    return same
  }
}

/** MAX and MIN with several arguments: sign 1 keeps the greatest, -1 the least. */
function extreme(
  name: string,
  alias: string,
  sign: 1 | -1,
  description: string,
  examples: ScalarFunction['examples'],
): ScalarFunction {
  const what = name.toUpperCase()
  const typeOf = extremeType(what)
  return define({
    name,
    aliases: [alias],
    family: 'numeric',
    parameters: [
      { name: 'first', accept: 'any' },
      { name: 'other', accept: 'any', variadic: true },
    ],
    description,
    examples,
    returnText: 'any',
    double: 'any',
    returns: typeOf,
    make: (types) => {
      const type = typeOf(types)
      return (...values: Value[]) => {
        let best = values[0]
        for (const value of values) if (compareValues(value, best, what) * sign > 0) best = value
        return isNumeric(best) ? widen(best, type, what) : best
      }
    },
  })
}

function compareValues(a: Value, b: Value, what: string): number {
  if (isNumeric(a) && isNumeric(b)) return compareNumeric(a, b)
  if (typeof a === typeof b && (typeof a === 'string' || typeof a === 'boolean'))
    return a === b ? 0 : (a as string) < (b as string) ? -1 : 1
  throw new ValueError(`${what} cannot compare ${describe(a)} with ${describe(b)}`)
}

const EXTREME_ROWS: readonly ScalarFunction[] = [
  extreme(
    'max',
    'greatest',
    1,
    'The greatest of two or more values; NULL when one of them is NULL. With one argument MAX is the aggregate.',
    [
      { sql: 'MAX(3, 8, 5)', result: '8' },
      { sql: 'GREATEST(3, 8.5)', result: '8.5' },
    ],
  ),
  extreme(
    'min',
    'least',
    -1,
    'The least of two or more values; NULL when one of them is NULL. With one argument MIN is the aggregate.',
    [
      { sql: 'MIN(3, 8, 5)', result: '3' },
      { sql: "LEAST('b', 'a')", result: 'a' },
    ],
  ),
]

/** Functions of numbers. */
export const NUMERIC_FUNCTIONS: readonly ScalarFunction[] = [
  ...SIGN_ROWS,
  ...WHOLE_ROWS,
  ...MATH_ROWS,
  ...POWER_ROWS,
  ...EXTREME_ROWS,
]
