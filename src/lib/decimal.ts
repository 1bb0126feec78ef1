/**
 * Limit `function.max.decimal.digits` (digits): digits of a decimal or a whole number that is computed, those after the
 * point included. Beyond it: an error. Time and memory grow with them, and chains of `*` would double them each time.
 */
export const MAX_DECIMAL_DIGITS = 1000

const BEYOND = 10n ** BigInt(MAX_DECIMAL_DIGITS)

/** Whether a whole number has more digits than are computed with. */
export function hasTooManyDigits(n: bigint): boolean {
  return n >= BEYOND || n <= -BEYOND
}

/** Exact decimals: an unscaled bigint and a scale (digits after the point). No rounding happens unless asked for. */
export class Decimal {
  readonly unscaled: bigint
  readonly scale: number
  constructor(unscaled: bigint, scale: number) {
    this.unscaled = unscaled
    this.scale = scale
  }

  /** Parses `-12.50`, `3`, `1e-3`, `.5`; undefined when it is not a number. */
  static parse(text: string): Decimal | undefined {
    const m = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text.trim())
    if (m === null || (m[2] === '' && (m[3] ?? '') === '')) return undefined
    const fraction = m[3] ?? ''
    const exponent = Number(m[4] ?? 0)
    let unscaled = BigInt(m[2] + fraction || '0')
    if (m[1] === '-') unscaled = -unscaled
    const scale = fraction.length - exponent
    return scale >= 0 ? new Decimal(unscaled, scale) : new Decimal(unscaled * 10n ** BigInt(-scale), 0)
  }

  /** The shortest decimal that reads back as the double; undefined for NaN and the infinities. */
  static fromNumber(value: number): Decimal | undefined {
    return Number.isFinite(value) ? Decimal.parse(String(value)) : undefined
  }

  static fromInteger(value: number | bigint): Decimal {
    return new Decimal(BigInt(value), 0)
  }

  #at(scale: number): bigint {
    return scale === this.scale ? this.unscaled : this.unscaled * 10n ** BigInt(scale - this.scale)
  }
  add(other: Decimal): Decimal {
    const scale = Math.max(this.scale, other.scale)
    return new Decimal(this.#at(scale) + other.#at(scale), scale)
  }
  subtract(other: Decimal): Decimal {
    return this.add(other.negate())
  }
  multiply(other: Decimal): Decimal {
    return new Decimal(this.unscaled * other.unscaled, this.scale + other.scale)
  }
  /** Quotient with at least `digits` digits after the point, rounded half up. The divisor must not be zero. */
  divide(other: Decimal, digits = 18): Decimal {
    const scale = Math.max(digits, this.scale, other.scale)
    const numerator = this.unscaled * 10n ** BigInt(scale + other.scale - this.scale + 1)
    return new Decimal(numerator / other.unscaled, scale + 1).round(scale)
  }
  remainder(other: Decimal): Decimal {
    const scale = Math.max(this.scale, other.scale)
    return new Decimal(this.#at(scale) % other.#at(scale), scale)
  }
  negate(): Decimal {
    return new Decimal(-this.unscaled, this.scale)
  }
  compare(other: Decimal): number {
    const scale = Math.max(this.scale, other.scale)
    const a = this.#at(scale)
    const b = other.#at(scale)
    return a < b ? -1 : a > b ? 1 : 0
  }
  get isZero(): boolean {
    return this.unscaled === 0n
  }
  /** Half away from zero. */
  round(scale: number): Decimal {
    if (scale >= this.scale) return new Decimal(this.#at(scale), scale)
    const divisor = 10n ** BigInt(this.scale - scale)
    const quotient = this.unscaled / divisor
    const rest = this.unscaled % divisor
    const twice = (rest < 0n ? -rest : rest) * 2n
    return new Decimal(twice >= divisor ? quotient + (this.unscaled < 0n ? -1n : 1n) : quotient, scale)
  }
  /** Towards zero. */
  truncate(): bigint {
    return this.scale === 0 ? this.unscaled : this.unscaled / 10n ** BigInt(this.scale)
  }
  /** Without trailing zeros after the point. Equal decimals have equal normal forms. */
  normalize(): Decimal {
    let { unscaled, scale } = this
    while (scale > 0 && unscaled % 10n === 0n) {
      unscaled /= 10n
      scale--
    }
    return scale === this.scale ? this : new Decimal(unscaled, scale)
  }
  /** The nearest double. */
  toNumber(): number {
    return Number(this.toString())
  }
  toString(): string {
    if (this.scale === 0) return this.unscaled.toString()
    const negative = this.unscaled < 0n
    const digits = (negative ? -this.unscaled : this.unscaled).toString().padStart(this.scale + 1, '0')
    return `${negative ? '-' : ''}${digits.slice(0, -this.scale)}.${digits.slice(-this.scale)}`
  }
}

/** How many digits decimals of a type have, and how many of them behind the point; any number where it is not said. */
export interface DecimalDigits {
  readonly precision?: number
  readonly scale?: number
}

/** The digits of both on either side of the point; none said where one of them says none. */
export function digitsOfBoth(a: DecimalDigits, b: DecimalDigits): DecimalDigits {
  if (a.precision === undefined || b.precision === undefined) return {}
  const scale = Math.max(a.scale ?? 0, b.scale ?? 0)
  return { precision: Math.max(a.precision - (a.scale ?? 0), b.precision - (b.scale ?? 0)) + scale, scale }
}
