/**
 * The states of an aggregation as plain data that crosses a thread and is merged there: columns over all groups, no
 * object per group. What an aggregate gives is its own; it is read by another one of the same kind.
 */
import { believe } from '../../../lib/assert.ts'
import type { Value } from '../../../types.ts'
import { type Encoded, encodeValue } from '../../exchange/value-codec.ts'
import type { PartialKeys, PartialPairs } from '../keys/partial-keys.ts'
import type { PartialSpellings } from '../keys/spellings.ts'
import type { NumberPages, ValuePages } from '../pages.ts'

/** Everything that an `AggregateState` holds. */
export interface PartialGroups {
  readonly groups: number
  /** By GROUP BY expression. */
  readonly keys: readonly PartialKeys[]
  /** As `AggregateState.pairs`. */
  readonly pairs: readonly PartialPairs[]
  /** By GROUP BY expression. */
  readonly spellings: readonly PartialSpellings[]
  /** By aggregate; of one with DISTINCT the values that its filter let through. */
  readonly aggregates: readonly PartialState[]
}

/** The state of one aggregate. */
export interface PartialState {
  /** The steps of merging it, about equally long: groups, values, sketches. */
  readonly entries: number
}

/** Some numbers for each group, in pages of PAGE_ENTRIES. */
export interface NumbersPartial extends PartialState {
  readonly pages: readonly Float64Array<ArrayBuffer>[]
}

/** What a sum holds besides its numbers, by group, where it holds something. */
export interface CarriedPartial extends NumbersPartial {
  readonly carried: ReadonlyMap<number, bigint>
}

/** A value for each group; undefined where none was met. */
export interface ValuesPartial extends PartialState {
  readonly values: readonly (Encoded | undefined)[]
}

/** Values of groups, those of one group in their order. */
export interface ListsPartial extends PartialState {
  /** By value its group. */
  readonly owners: Int32Array<ArrayBuffer>
  readonly values: readonly Encoded[]
}

/** The numbers of all groups. They share memory with the state. */
export function numbersOf(
  groups: number,
  { pages }: NumberPages<Float64Array<ArrayBuffer>>,
  transfer: ArrayBuffer[],
): NumbersPartial {
  for (const page of pages) transfer.push(page.buffer)
  return { entries: groups, pages: [...pages] }
}

/** The values of all groups. */
export function valuesOf(groups: number, values: ValuePages<Value | undefined>): ValuesPartial {
  const encoded: (Encoded | undefined)[] = []
  for (let g = 0; g < groups; g++) {
    const v = values.get(g)
    encoded.push(v === undefined ? undefined : encodeValue(v))
  }
  return { entries: groups, values: encoded }
}

/** The values in the lists of all groups. */
export function listsOf(groups: number, listOf: (g: number) => Iterable<Value>, transfer: ArrayBuffer[]): ListsPartial {
  const owners: number[] = []
  const values: Encoded[] = []
  for (let g = 0; g < groups; g++)
    for (const v of listOf(g)) {
      owners.push(g)
      values.push(encodeValue(v))
    }
  const held = Int32Array.from(owners)
  transfer.push(held.buffer)
  return { entries: values.length, owners: held, values }
}

/** Groups, keys or values that are merged before others are to get a turn. */
const MERGED_AT_ONCE = 1024

/** Runs `merge` over 0 … `entries` in stretches. */
export function* inStretches(entries: number, merge: (from: number, until: number) => void): Generator<void> {
  for (let from = 0; from < entries; from += MERGED_AT_ONCE) {
    merge(from, Math.min(entries, from + MERGED_AT_ONCE))
    yield
  }
}

/** Two states of one plan have as many columns. */
export function believeSamePlan(own: readonly unknown[], other: readonly unknown[]): void {
  believe(own.length === other.length, 'partial states are merged into a state of the same plan')
}
