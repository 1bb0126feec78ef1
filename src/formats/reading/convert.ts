/**
 * From the type that a writer used to the type that the binder gave to a path, for single values: widening of numbers,
 * units of timestamps, decimals. What would lose or invent something is not converted. Used where readers are generated
 * (is there a way?) and by them (take it).
 */
import { Decimal } from '../../lib/decimal.ts'
import { floatText } from '../../lib/text/number-text.ts'
import { integer } from '../../lib/whole-number.ts'
import type { DataType, TimeUnit, Value } from '../../types.ts'

export type Conversion = (value: never) => Value

const UNIT_POWER: Readonly<Record<TimeUnit, number>> = { millis: 0, micros: 1, nanos: 2 }

/** A double for the `json` kind: JSON has no number for infinities and NaN. */
export function jsonDouble(value: number): Value {
  return Number.isFinite(value) ? value : String(value)
}

/** A float for the `json` kind, with the digits that a float has. */
export function jsonFloat(value: number): Value {
  return Number.isFinite(value) ? Number(floatText(value)) : String(value)
}

/** Bytes for the `json` kind: base64. */
export function jsonBytes(value: Uint8Array): Value {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
}

/** `undefined`: cannot be converted; `null`: is the same already. */
export function conversion(from: DataType, to: DataType): Conversion | null | undefined {
  if (from.kind === to.kind) return sameKind(from, to)
  switch (from.kind) {
    case 'int':
      return fromInteger(to) ?? (to.kind === 'long' || isMoment(to) ? null : undefined)
    case 'long':
      return fromInteger(to) ?? (to.kind === 'timestamp' || to.kind === 'time' ? null : undefined)
    case 'float':
      return to.kind === 'double' ? null : to.kind === 'decimal' ? fromDouble : undefined
    case 'double':
      return to.kind === 'decimal' ? fromDouble : undefined
    case 'decimal':
      return to.kind === 'double' ? (value: Decimal) => value.toNumber() : undefined
    case 'date':
      if (to.kind === 'timestamp') return (days: number) => scaled(days, 86400 * 1000 ** (UNIT_POWER[to.unit] + 1))
      return to.kind === 'int' || to.kind === 'long' ? null : toFloating(to)
    case 'time':
      return to.kind === 'long' || (to.kind === 'int' && from.unit === 'millis') ? null : toFloating(to)
    case 'timestamp':
      return to.kind === 'long' ? null : toFloating(to)
    case 'uuid':
      return to.kind === 'string' ? null : undefined
    case 'string':
      return to.kind === 'uuid' ? null : undefined
    default:
      return undefined
  }
}

function sameKind(from: DataType, to: DataType): Conversion | null | undefined {
  if (from.kind === 'decimal' && to.kind === 'decimal' && to.scale !== undefined && to.scale > (from.scale ?? 0)) {
    const { scale } = to
    return (value: Decimal) => withScale(value, scale)
  }
  if ((from.kind !== 'timestamp' && from.kind !== 'time') || from.kind !== to.kind || from.unit === to.unit) return null
  const steps = UNIT_POWER[to.unit] - UNIT_POWER[from.unit]
  // A coarser unit would drop digits.
  return steps > 0 ? (value: number | bigint) => scaled(value, 1000 ** steps) : undefined
}

/** With zeros behind, so that a column has one form; what has more digits keeps them. */
function withScale(value: Decimal, scale: number): Decimal {
  return value.scale >= scale ? value : new Decimal(value.unscaled * 10n ** BigInt(scale - value.scale), scale)
}

function isMoment({ kind }: DataType): boolean {
  return kind === 'date' || kind === 'time' || kind === 'timestamp'
}

function toFloating({ kind }: DataType): Conversion | undefined {
  return kind === 'double' || kind === 'float' ? (value: number | bigint) => Number(value) : undefined
}

function fromInteger(to: DataType): Conversion | undefined {
  return to.kind === 'decimal' ? (value: number | bigint) => Decimal.fromInteger(value) : toFloating(to)
}

function fromDouble(value: number): Value {
  return Decimal.fromNumber(value) ?? null
}

function scaled(value: number | bigint, factor: number): number | bigint {
  const product = Number(value) * factor
  return typeof value === 'number' && Number.isSafeInteger(product) ? product : integer(BigInt(value) * BigInt(factor))
}

/**
 * From a value of the `json` kind to a declared type; the function returns undefined for a value that does not fit.
 * `null`: nothing to do.
 */
export function fromJson(to: DataType): ((value: Value) => Value | undefined) | null {
  switch (to.kind) {
    case 'json':
      return null
    case 'string':
    case 'uuid':
      return (value) => (typeof value === 'string' ? value : undefined)
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? value : undefined)
    case 'int':
    case 'long':
    case 'date':
    case 'time':
    case 'timestamp':
      return (value) => (typeof value === 'bigint' || Number.isInteger(value) ? value : undefined)
    case 'float':
    case 'double':
      return (value) => (typeof value === 'bigint' || typeof value === 'number' ? Number(value) : undefined)
    case 'decimal':
      return (value) =>
        typeof value === 'bigint' || typeof value === 'number' ? Decimal.parse(String(value)) : undefined
    default:
      return () => undefined
  }
}
