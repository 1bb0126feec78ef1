/** Colours, dashes and numbers of a chart, on the page and in a file. No browser. */
import { shortNumber } from '../explorer/topics.ts'

/** Colours as the browser has resolved them. */
export interface Colours {
  readonly ink: string
  readonly soft: string
  readonly line: string
  readonly paper: string
  /** Of the series, in their order; repeated beyond. */
  readonly series: readonly string[]
}

/** Lines differ in their dashes, too. */
export const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 2]]

/** A number of an axis, short. */
export function axisNumber(value: number): string {
  const size = Math.abs(value)
  if (size >= 10_000) return `${value < 0 ? '-' : ''}${shortNumber(size)}`
  return String(Number(value.toPrecision(6)))
}
