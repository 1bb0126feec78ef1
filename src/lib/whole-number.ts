/** Whole numbers as values: a number where it is exact, a bigint beyond. */

/** A number inside ±(2^53-1), else the bigint itself. */
export function integer(n: bigint): number | bigint {
  return n >= -9007199254740991n && n <= 9007199254740991n ? Number(n) : n
}
