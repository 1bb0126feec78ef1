/** How values are compared without losing digits: numbers by what their text says, texts by their characters. */
import type { Cell } from './result.ts'

/** Below 0, 0, above 0. Exact for whole numbers and decimals of any length; of exponents what a double holds. */
export function compareNumbers(a: string, b: string): number {
  if (a === b) return 0
  const [x, y] = [Number(a), Number(b)]
  if (x !== y) return x < y ? -1 : 1
  const [p, q] = [parts(a), parts(b)]
  if (p === undefined || q === undefined) return 0
  const digits = Math.max(p.fraction.length, q.fraction.length)
  const [m, n] = [scaled(p, digits), scaled(q, digits)]
  return m < n ? -1 : m > n ? 1 : 0
}

interface Parts {
  readonly sign: string
  readonly whole: string
  readonly fraction: string
}

function parts(text: string): Parts | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)
  return match === null ? undefined : { sign: match[1], whole: match[2], fraction: match[3] ?? '' }
}

function scaled({ sign, whole, fraction }: Parts, digits: number): bigint {
  const size = BigInt(whole + fraction.padEnd(digits, '0'))
  return sign === '-' ? -size : size
}

const RANK: Readonly<Record<Cell['kind'], number>> = { number: 0, boolean: 1, text: 2, json: 3, null: 4 }
const ABSENT_RANK = 5

/** Kinds in this order where a column mixes them: numbers, booleans, texts, JSON, null, absent. */
export function rankOf(cell: Cell | undefined): number {
  return cell === undefined ? ABSENT_RANK : RANK[cell.kind]
}

/** Whether there is a value at all. */
export function isThere(cell: Cell | undefined): cell is Cell {
  return cell !== undefined && cell.kind !== 'null'
}

/** The order of two values of one kind. */
export function compareTexts(kind: Cell['kind'], a: string, b: string): number {
  if (kind === 'number') return compareNumbers(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

/** Edges of ranges, ascending: with as few digits as tell neighbours apart, `digits` at least. */
export function edgeTexts(edges: readonly number[], digits: number): readonly string[] {
  const texts = edges.map((value) => String(Number(value.toPrecision(digits))))
  const areApart = texts.every((text, i) => i === 0 || text !== texts[i - 1])
  return areApart || digits >= 17 ? texts : edgeTexts(edges, digits + 1)
}
