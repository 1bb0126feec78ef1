/** Memory that operators may hold, counted roughly, with the name of the setting that limits it. */
import { JsonText } from '../../lib/json-text.ts'
import { SqlError } from '../../sql/error.ts'
import type { Value } from '../../types.ts'
import type { Row } from './operator.ts'

export type MemorySetting = 'max.collect.bytes' | 'max.join.bytes' | 'max.sort.bytes'

/**
 * The estimated bytes that an operator holds under one setting. `take…` adds and throws a SqlError
 * (MEMORY_LIMIT) beyond the limit; `give…` subtracts.
 */
export class MemoryBudget {
  readonly #setting: MemorySetting
  readonly #limit: number
  #used = 0
  constructor(setting: MemorySetting, limit: number) {
    this.#setting = setting
    this.#limit = limit
  }
  /** Bytes, estimated. */
  get used(): number {
    return this.#used
  }
  take(value: Value): void {
    this.#add(sizeOf(value))
  }
  give(value: Value): void {
    this.#used -= sizeOf(value)
  }
  takeRow(row: Row): void {
    this.#add(sizeOfRow(row))
  }
  giveRow(row: Row): void {
    this.#used -= sizeOfRow(row)
  }
  #add(bytes: number): void {
    this.#used += bytes
    if (this.#used > this.#limit) throw this.#exceeded()
  }
  #exceeded(): SqlError {
    const what = {
      'max.collect.bytes': 'The values that its aggregates hold',
      'max.join.bytes': 'The rows that its joins, subqueries, set operations and LATEST hold',
      'max.sort.bytes': 'The rows that it sorts',
    }[this.#setting]
    const remedy = {
      'max.collect.bytes': 'Ask for fewer values',
      'max.join.bytes': 'Put the smaller source on the right, name fewer columns',
      'max.sort.bytes': 'Write a LIMIT',
    }[this.#setting]
    return new SqlError(
      'MEMORY_LIMIT',
      `${what} take more than ${this.#limit.toLocaleString('en')} bytes (${this.#setting}).`,
      undefined,
      `${remedy}, filter more with WHERE, or SET ${this.#setting}.`,
    )
  }
}

/**
 * Limit `operator.max.keys` (keys): different keys that one hash table of an operator holds. Beyond it: an error that
 * names the operator.
 */
export const MAX_KEYS = 16_000_000

/** `who`: as in "A join". */
export function tooManyKeys(who: string): SqlError {
  return new SqlError(
    'LIMIT',
    `${who} would hold more than ${MAX_KEYS.toLocaleString('en')} different keys (operator.max.keys).`,
    undefined,
    'Filter more with WHERE, or read a part of the topic at a time.',
  )
}

/**
 * The platform joins texts of this length and more lazily: the text holds its pieces, several times its own size and
 * many objects, until one of its characters is asked for.
 */
const LAZY = 13
/** The last character that was read to flatten a text; stored, because a read without effect is optimized away. */
const flattened = { lastCharacter: 0 }

/** A rough size in bytes of a row with its values. */
export function sizeOfRow(row: Row): number {
  let size = 64
  for (const value of row) size += sizeOf(value)
  return size
}

/** A rough size in bytes: what a limit needs. A lazily joined text is flattened by it, as it is going to be kept. */
function sizeOf(v: Value): number {
  if (typeof v === 'string') {
    if (v.length >= LAZY) flattened.lastCharacter = v.charCodeAt(v.length - 1)
    return 32 + v.length
  }
  if (v === null || typeof v !== 'object') return 16
  if (Array.isArray(v)) return v.reduce<number>((n, i) => n + sizeOf(i), 48)
  if (v instanceof Map) return [...v].reduce((n, [k, i]) => n + 64 + k.length + sizeOf(i), 64)
  if (v instanceof Uint8Array) return 64 + v.length
  return v instanceof JsonText ? 64 + v.text.length : 64
}
