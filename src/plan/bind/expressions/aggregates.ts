/** The names of the aggregates, from the one registry. */
import { AGGREGATE_DOCS, SCALAR_NAMES } from '../../../functions/all-functions.ts'
import type { AggregateName } from '../../operators.ts'

const BY_NAME = new Map<string, AggregateName>(
  AGGREGATE_DOCS.flatMap((a) => [a.name, ...(a.aliases ?? [])].map((n) => [n, a.name as AggregateName] as const)),
)

/** The aggregate that a call means: `max` and `min` of several arguments are scalar. */
export function aggregateName(name: string, args: number): AggregateName | undefined {
  const found = BY_NAME.get(name.toLowerCase())
  return (found === 'max' || found === 'min') && args > 1 ? undefined : found
}

/** Everything that can be called, for "Did you mean …?". */
export const CALLABLE: readonly string[] = [...new Set([...SCALAR_NAMES, ...BY_NAME.keys()])].sort()
