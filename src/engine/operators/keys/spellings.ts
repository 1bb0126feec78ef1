/**
 * How the keys of groups are written. A column of keys keeps each value once, as it was met first; a value that is equal
 * may be written in another way elsewhere (1.50 and 1.5, `5` and `5.0` of JSON, `{"a": 1}` and `{"a":1}`, maps in another
 * order, zeros within lists). A group shows its keys as its own first row has them.
 */
import { Decimal } from '../../../lib/decimal.ts'
import { JsonText } from '../../../lib/json-text.ts'
import type { Value } from '../../../types.ts'
import { decodeValue, type Encoded, encodeValue } from '../../exchange/value-codec.ts'
import { asWholeDouble, isWholeDouble, plain } from '../../program/values/whole-double.ts'
import { sizeOfRow } from '../memory.ts'
import type { KeyLimits } from './group-index.ts'

/** By group how its key is written. */
export type PartialSpellings = ReadonlyMap<number, Encoded>

/** Of one column of keys, where there are several columns: with one, each group has the key that was met first. */
export class Spellings {
  readonly #limits: KeyLimits
  /** By group; those that are written as the column has them are not here. */
  readonly #others = new Map<number, Value>()
  /** Bytes that are held, about. */
  bytes = 0

  constructor(limits: KeyLimits) {
    this.#limits = limits
  }

  /** Whether every group has its key as the column has it. */
  get isEmpty(): boolean {
    return this.#others.size === 0
  }

  /** The key of a new group, which its column keeps as `kept`, an equal value. Throws where the groups hold too much. */
  add(group: number, kept: Value, given: Value): void {
    // Zero has no sign as a key.
    const own = plain(given) !== 0 ? given : isWholeDouble(given) ? asWholeDouble(0) : 0
    if (isWrittenAlike(kept, own)) return
    this.bytes += sizeOfRow([own])
    if (this.bytes > this.#limits.textBytes) throw this.#limits.tooLong(this.#limits.textBytes)
    this.#others.set(group, own)
  }

  /** As the group has it; undefined: as the column has it. */
  get(group: number): Value | undefined {
    return this.#others.get(group)
  }

  partial(): PartialSpellings {
    return new Map([...this.#others].map(([group, value]) => [group, encodeValue(value)]))
  }
}

/** How the group of a partial state has its key. */
export function spelledThere(of: PartialSpellings, group: number): Value | undefined {
  const encoded = of.get(group)
  return encoded === undefined ? undefined : decodeValue(encoded)
}

/** Of values that are equal. */
export function isWrittenAlike(a: Value, b: Value): boolean {
  if (Object.is(a, b)) return true
  if (a instanceof Decimal && b instanceof Decimal) return a.scale === b.scale
  if (a instanceof JsonText || b instanceof JsonText)
    return a instanceof JsonText && b instanceof JsonText && a.text === b.text
  if (Array.isArray(a) && Array.isArray(b)) return a.every((item, i) => isWrittenAlike(item, b[i]))
  if (a instanceof Map && b instanceof Map) {
    const others = [...b]
    return [...a].every(([name, v], i) => name === others[i][0] && isWrittenAlike(v, others[i][1]))
  }
  if (isWholeDouble(a) && isWholeDouble(b)) return Object.is(plain(a), plain(b))
  return isWholeDouble(a) === isWholeDouble(b) && typeof a === typeof b && typeof a !== 'number'
}
