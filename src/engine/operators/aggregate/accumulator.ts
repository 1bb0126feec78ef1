/**
 * What every aggregate offers to the operator above it. Types only: the aggregates are in `accumulators`, `held-values`
 * and `sketches`.
 */
import type { Value } from '../../../types.ts'
import type { PartialState } from './partial.ts'

/**
 * The state of one aggregate over all groups, as columns indexed by group number. `add` is called once per record and
 * group; the generated code has already evaluated the argument and left NULLs to `add` (they never count). `result` may
 * be asked for at any time (live partial results).
 */
export interface Accumulator {
  /** Makes room for groups below `groups`. */
  grow(groups: number): void
  add(group: number, value: Value): void
  result(group: number): Value
  /**
   * The states of the groups below `groups` as plain data. It may share memory with the state: what is added later may
   * show in it. The buffers that may be transferred, which ends the state, are put into `transfer`.
   */
  partial(groups: number, transfer: ArrayBuffer[]): PartialState
  /**
   * As if the values behind entries `from` … `until` - 1 of a partial state of the same aggregate had come after all
   * values so far. `to`: the group here, which there is room for, by the group there. Every entry is merged once, in
   * order.
   */
  merge(partial: PartialState, to: Int32Array, from: number, until: number): void
}
