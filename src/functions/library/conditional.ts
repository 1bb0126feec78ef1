/**
 * `EXISTS`(field): the binder turns the call into a test of the record; this file documents it. CASE and the operators
 * are syntax.
 */
import { BOOLEAN } from '../../types.ts'
import { define } from '../define.ts'
import type { ScalarFunction } from '../function.ts'

/** Functions that choose by a condition. */
export const CONDITIONAL_FUNCTIONS: readonly ScalarFunction[] = [
  define({
    name: 'exists',
    family: 'conditional',
    parameters: [{ name: 'field', accept: 'any' }],
    description: 'Returns true if the given field is present in the payload or false otherwise.',
    examples: [],
    usage: 'SELECT * FROM payments WHERE `EXISTS`(merchantId)',
    special: true,
    nullable: true,
    returns: () => BOOLEAN,
    make: () => (present: boolean) => present,
  }),
]
