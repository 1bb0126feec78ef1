/** The condition that reads on behind the rows that are there, made of their own partitions and offsets. */
import type { Result } from './result.ts'

type Positions = Pick<Result, 'positions' | 'inOrder' | 'hasPositions'>

/** Where a following query stood in each partition: `begin` is where its reading began. */
export type Begins = ReadonlyMap<number, number>

/**
 * The condition that follows on without a gap: behind the rows that came, and from the beginning of the reading in
 * partitions of which none came. New partitions are read whole. undefined where rows say nothing of where they stood.
 */
export function followAfter({ positions, inOrder, hasPositions }: Positions, begins: Begins): string | undefined {
  if (!hasPositions || !inOrder || begins.size + positions.size === 0) return undefined
  const all = [...new Set([...begins.keys(), ...positions.keys()])].sort((a, b) => a - b)
  const seen = all.map((partition) => {
    const last = positions.get(partition)
    const from = last === undefined ? `>= ${begins.get(partition)}` : `> ${last}`
    return `(_meta.partition = ${partition} AND _meta.offset ${from})`
  })
  return `${seen.join(' OR ')} OR (_meta.partition NOT IN (${all.join(', ')}) AND _meta.offset >= 0)`
}

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
