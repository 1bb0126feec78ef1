/** DISTINCT inside an aggregate. */
import type { Value } from '../../../types.ts'
import { decodeValue, type Encoded, encodeValue } from '../../exchange/value-codec.ts'
import { KeyColumn, operatorLimits, PairIndex } from '../keys/group-index.ts'
import { KeyReader, type PartialKeys, type PartialPairs } from '../keys/partial-keys.ts'
import type { MemoryBudget } from '../memory.ts'
import { PAGE_BITS, PAGE_MASK } from '../pages.ts'
import type { Accumulator } from './accumulator.ts'
import type { PartialState } from './partial.ts'

/** The values that a filter has let through. */
export interface DistinctPartial extends PartialState {
  readonly values: PartialKeys
  /** Group and number of the value, in the order in which they were let through. */
  readonly pairs: PartialPairs
  /** By pair: see `DistinctFilter`. */
  readonly asMet: ReadonlyMap<number, Encoded>
}

/** Lets each value of a group through once. */
export class DistinctFilter {
  readonly #values = new KeyColumn(operatorLimits('DISTINCT inside an aggregate'))
  readonly #pairs = new PairIndex(operatorLimits('DISTINCT inside an aggregate'))
  /** By pair the value, where that of the column is equal and not the same: 1.50 for 1.5, -0 for 0. */
  readonly #asMet = new Map<number, Value>()
  readonly #budget: MemoryBudget
  constructor(budget: MemoryBudget) {
    this.#budget = budget
  }
  first(g: number, v: Value): boolean {
    if (v === null) return false
    const known = this.#pairs.size
    if (this.#pairs.find(g, this.#values.findValue(v)) !== known) return false
    this.#added(known, v)
    return true
  }
  /** What is done for a new pair only; apart, so that `first` stays small enough to be put in line. */
  #added(pair: number, v: Value): void {
    this.#budget.takeRow([v])
    const isWrittenOnce =
      typeof v === 'number' ? v !== 0 && !this.#values.hasExactNumbers : typeof v !== 'object' && typeof v !== 'bigint'
    if (isWrittenOnce) return
    if (!Object.is(this.#values.value(this.#pairs.second(pair)), v)) this.#asMet.set(pair, v)
  }

  /** As `Accumulator.partial`. An entry is a value of a group. */
  partial(transfer: ArrayBuffer[]): DistinctPartial {
    const asMet = new Map<number, Encoded>()
    for (const [pair, v] of this.#asMet) asMet.set(pair, encodeValue(v))
    const pairs = this.#pairs.partial(transfer)
    return { entries: pairs.size, values: this.#values.partial(transfer), pairs, asMet }
  }

  /** As `Accumulator.merge`: what is let through goes into the aggregate. */
  mergeInto(
    into: Accumulator,
    { values, pairs, asMet }: DistinctPartial,
    to: Int32Array,
  ): (from: number, until: number) => void {
    const reader = new KeyReader(values)
    return (from, until) => {
      for (let i = from; i < until; i++) {
        const page = pairs.pages[i >>> PAGE_BITS]
        const at = (i & PAGE_MASK) * 2
        const met = asMet.get(i)
        const v = met === undefined ? reader.value(page[at + 1]) : decodeValue(met)
        if (this.first(to[page[at]], v)) into.add(to[page[at]], v)
      }
    }
  }
}
