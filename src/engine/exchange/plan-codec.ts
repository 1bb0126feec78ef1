/**
 * Parts of a plan as plain data, for another thread, and back. Everything in a plan is data but three kinds of things:
 * functions are known by their names, tables by their topics, and values with a class of their own by `value-codec`.
 */
import { createHash } from 'node:crypto'
import { findFunction } from '../../functions/all-functions.ts'
import type { ScalarFunction } from '../../functions/function.ts'
import { unexpected } from '../../lib/assert.ts'
import { Decimal } from '../../lib/decimal.ts'
import { JsonText } from '../../lib/json-text.ts'
import type { Table, TableFacet } from '../../plan/catalog.ts'
import type { Value } from '../../types.ts'
import { WholeDouble } from '../program/values/whole-double.ts'
import { decodeValue, type Encoded, encodeValue } from './value-codec.ts'

/**
 * Not a limit: objects and items of a plan that goes to other threads. A larger one (a list of constants, as a
 * subquery's answer can be) costs more to copy than reading together saves: the scan is read by one thread.
 */
const PLAN_NODES = 50_000

/** What stands in place of something that is not data. */
class Placeholder {
  readonly $: 'function' | 'table' | 'value'
  readonly of: unknown
  constructor(kind: 'function' | 'table' | 'value', of: unknown) {
    this.$ = kind
    this.of = of
  }
}

/** A table by its topic, and how its facets are read, so that the other thread can see whether it reads them alike. */
export interface TableName {
  readonly topic: string
  readonly topicId: string | undefined
  readonly name: string
  /** Digests. */
  readonly key: string
  readonly value: string
}

/**
 * The name of a table. Two threads whose names of it are equal read its records in the same way: they may have learned
 * of a changed declaration or of a new schema at different times.
 */
export function tableName({ topic, topicId, name, key, value }: Table): TableName {
  return { topic, topicId, name, key: readingOf(key), value: readingOf(value) }
}

const readings = new WeakMap<TableFacet, string>()

/** Digest of everything that decides how bytes of the facet are read. */
function readingOf(facet: TableFacet): string {
  const known = readings.get(facet)
  if (known !== undefined) return known
  const { format, framing, reading, declared, unreadable } = facet
  const text = JSON.stringify([format, framing, reading, unreadable, withoutCycles(declared)])
  const digest = createHash('sha256').update(text).digest('base64')
  readings.set(facet, digest)
  return digest
}

/** Plain data in which a part that was met before is its number: types name themselves. */
function withoutCycles(part: unknown, met = new Map<object, number>()): unknown {
  if (typeof part !== 'object' || part === null) return part
  const number = met.get(part)
  if (number !== undefined) return { $: number }
  met.set(part, met.size)
  return Array.isArray(part)
    ? part.map((item) => withoutCycles(item, met))
    : Object.entries(part).map(([name, value]) => [name, withoutCycles(value, met)])
}

/**
 * Plain data in place of a part of a plan; undefined where it holds something that another thread cannot make (a
 * function that no name stands for), or is too large to be worth a copy.
 */
export function encodePlan(part: unknown): unknown {
  try {
    return new Encoder().encode(part)
  } catch (cause) {
    if (cause instanceof NotPlain) return undefined
    throw cause
  }
}

/** The part of a plan that was encoded; `table` gives the table of a name. */
export function decodePlan<T>(data: unknown, table: (name: TableName) => Table): T {
  return new Decoder(table).decode(data) as T
}

class NotPlain extends Error {}

class Encoder {
  /** What is named twice, and what names itself (types of recursive schemas), is encoded once. */
  readonly #made = new Map<object, unknown>()
  #nodes = 0

  encode(part: unknown): unknown {
    if (++this.#nodes > PLAN_NODES) throw new NotPlain()
    if (typeof part === 'function') throw new NotPlain()
    if (typeof part !== 'object' || part === null) return part
    const known = this.#made.get(part)
    if (known !== undefined) return known
    if (Array.isArray(part))
      return this.#keep(part, [] as unknown[], (made) => {
        for (const item of part) made.push(this.encode(item))
      })
    if (part instanceof Map || isValueObject(part)) return { ...new Placeholder('value', encodeValue(part)) }
    if (part instanceof Set || part instanceof RegExp || part instanceof Uint8Array) return part
    if (isFunction(part)) {
      if (findFunction(part.name) !== part) throw new NotPlain()
      return { ...new Placeholder('function', part.name) }
    }
    if (isTable(part)) return { ...new Placeholder('table', tableName(part)) }
    return this.#keep(part, {} as Record<string, unknown>, (made) => {
      for (const [name, value] of Object.entries(part)) made[name] = this.encode(value)
    })
  }

  #keep<T extends object>(part: object, made: T, fill: (made: T) => void): T {
    this.#made.set(part, made)
    fill(made)
    return made
  }
}

class Decoder {
  readonly #table: (name: TableName) => Table
  readonly #made = new Map<object, unknown>()

  constructor(table: (name: TableName) => Table) {
    this.#table = table
  }

  decode(data: unknown): unknown {
    if (typeof data !== 'object' || data === null) return data
    if (data instanceof Map || data instanceof Set || data instanceof RegExp || data instanceof Uint8Array) return data
    const known = this.#made.get(data)
    if (known !== undefined) return known
    if (Array.isArray(data)) {
      const made: unknown[] = []
      this.#made.set(data, made)
      for (const item of data) made.push(this.decode(item))
      return made
    }
    if ('$' in data) return this.#placed(data as Placeholder)
    const made: Record<string, unknown> = {}
    this.#made.set(data, made)
    for (const [name, value] of Object.entries(data)) made[name] = this.decode(value)
    return made
  }

  #placed({ $: kind, of }: Placeholder): unknown {
    switch (kind) {
      case 'function':
        return findFunction(of as string) ?? unexpected(`the function ${of} on one side of an exchange only`)
      case 'table':
        return this.#table(of as TableName)
      case 'value':
        return decodeValue(of as Encoded)
    }
  }
}

function isValueObject(part: unknown): part is Value {
  return part instanceof Decimal || part instanceof JsonText || part instanceof WholeDouble
}

function isFunction(part: object): part is ScalarFunction {
  return 'kind' in part && part.kind === 'scalar' && 'make' in part
}

function isTable(part: object): part is Table {
  return 'topic' in part && 'partitions' in part && 'key' in part && 'value' in part
}
