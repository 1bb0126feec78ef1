/** The condition that reads on behind the rows that are there, made of their own partitions and offsets. */
import type { Result } from './result.ts'

type Positions = Pick<Result, 'positions' | 'inOrder' | 'hasPositions'>

/**
 * undefined where rows say nothing of where they stood, or did not come in order: then rows could be missing or come
 * twice.
 */
export function positionsAfter({ positions, inOrder, hasPositions }: Positions): string | undefined {
  if (!hasPositions || !inOrder || positions.size === 0) return undefined
  const sorted = [...positions].sort(([a], [b]) => a - b)
  const seen = sorted.map(([partition, offset]) => `(_meta.partition = ${partition} AND _meta.offset > ${offset})`)
  return `${seen.join(' OR ')} OR _meta.partition NOT IN (${sorted.map(([partition]) => partition).join(', ')})`
}
