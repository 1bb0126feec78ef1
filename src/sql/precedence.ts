/** How tightly the operators bind: one table for the parser and for the printer's parentheses. */
import type { BinaryOp } from './ast.ts'

/** How tightly things bind, loosest first. */
export const PRECEDENCE = {
  or: 1,
  and: 2,
  not: 3,
  comparison: 4,
  concat: 5,
  additive: 6,
  multiplicative: 7,
  sign: 8,
  postfix: 9,
} as const

/** The level of each binary operator. All are left-associative, and comparisons do not chain. */
export const BINARY_PRECEDENCE: Readonly<Record<BinaryOp, number>> = {
  or: PRECEDENCE.or,
  and: PRECEDENCE.and,
  '=': PRECEDENCE.comparison,
  '!=': PRECEDENCE.comparison,
  '<': PRECEDENCE.comparison,
  '<=': PRECEDENCE.comparison,
  '>': PRECEDENCE.comparison,
  '>=': PRECEDENCE.comparison,
  '||': PRECEDENCE.concat,
  '+': PRECEDENCE.additive,
  '-': PRECEDENCE.additive,
  '*': PRECEDENCE.multiplicative,
  '/': PRECEDENCE.multiplicative,
  '%': PRECEDENCE.multiplicative,
}
