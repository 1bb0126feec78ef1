/** What the comparisons become when their sides change places, and when they are negated. Nothing but two tables. */
import type { CompareOp } from '../operators.ts'

/** `a op b` is `b MIRRORED[op] a`. */
export const MIRRORED: Readonly<Record<CompareOp, CompareOp>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}

/** `NOT (a op b)` is `a INVERSE[op] b`, where neither is NULL. */
export const INVERSE: Readonly<Record<CompareOp, CompareOp>> = {
  '=': '!=',
  '!=': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
}
