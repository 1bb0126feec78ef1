/** Checks of what the code believes, where a wrong belief would give a wrong answer. */

/** Thrown when a belief was wrong: a fault of ours, whatever the user wrote. */
export class BeliefError extends Error {}

/** Throws with what was believed, in words, when it does not hold. */
export function believe(holds: boolean, belief: string): asserts holds {
  if (!holds) throw new BeliefError(`this should hold, and does not: ${belief}`)
}

/** A value that is there by what was checked before; `what` names it. */
export function there<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new BeliefError(`${what} should be there, and is not`)
  return value
}

/** For places that cannot be reached, as far as the code believes; `what` says what came there. */
export function unexpected(what: string): never {
  throw new BeliefError(`unexpected: ${what}`)
}
