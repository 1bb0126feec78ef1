/**
 * What every aggregate offers to the operator above it. Types only: the aggregates are in `accumulators` and
 * `sketches`.
 */
import type { Value } from '../../../types.ts'

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
}
