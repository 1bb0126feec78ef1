/**
 * Functions about where a record stands and what it is: the binder answers them from the record and the partition; this
 * file documents them.
 */
import { LONG, STRING } from '../../types.ts'
import { define } from '../define.ts'
import type { ScalarFunction } from '../function.ts'

/** Functions that say what a record is made of. */
export const SCHEMA_FUNCTIONS: readonly ScalarFunction[] = [
  define({
    name: 'typeof',
    family: 'schema',
    parameters: [{ name: 'value', accept: 'any', optional: true }],
    description:
      'The name of the type of the record, or of a value of it, where the format carries one (an Avro record name).',
    examples: [],
    usage: 'SELECT TYPEOF() AS type FROM payments',
    special: true,
    nullable: true,
    returns: () => STRING,
    make: () => (name: string) => name,
  }),
  define({
    name: 'last_offset',
    family: 'offsets',
    parameters: [],
    description: "The last offset of the record's partition, as it was when the query started.",
    examples: [],
    usage: 'SELECT * FROM payments WHERE _meta.offset >= LAST_OFFSET() - 24',
    special: true,
    returns: () => LONG,
    make: () => (offset: number | bigint) => offset,
  }),
]
