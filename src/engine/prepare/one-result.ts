/**
 * Results whose rows are taken as values: which statements have one, and the columns that every shape of output
 * becomes. It runs nothing.
 */
import { outputColumns } from '../../plan/bind/select/output-columns.ts'
import type { Output, OutputColumn } from '../../plan/plan.ts'
import type { Statement } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'

/** Statements that answer nothing. */
const SILENT: ReadonlySet<Statement['kind']> = new Set(['set', 'use'])
/** Statements whose answer is a result and that change nothing. */
const READING: ReadonlySet<Statement['kind']> = new Set(['selectStatement', 'show', 'describe', 'explain'])

/** Refuses a text that does not have exactly one result, at its end, or that changes something. */
export function checkOneResult(statements: readonly Statement[]): void {
  const changing = statements.find(({ kind }) => !SILENT.has(kind) && !READING.has(kind))
  if (changing !== undefined)
    throw new SqlError(
      'UNSUPPORTED',
      'An export takes statements that read: SET … and one SELECT, SHOW, DESCRIBE or EXPLAIN.',
      changing.span,
      'Run this statement as a query.',
    )
  const results = statements.filter(({ kind }) => READING.has(kind))
  if (results.length === 1 && results[0] === statements.at(-1)) return
  throw new SqlError(
    'UNSUPPORTED',
    results.length === 0 ? 'There is no result to export.' : 'An export has one result, and this text has more.',
    results[1]?.span,
    'Write one SELECT, after any SET.',
  )
}

/**
 * The output as columns. A bare star over records gives the key as `_key`, unless a column has that name, and the
 * columns of the value.
 */
export function asColumns(plan: Output): Output {
  const { shape } = plan
  const columns = shape.kind === 'record' ? valueColumns(plan) : outputColumns(shape)
  const key = shape.kind === 'bare' ? undefined : shape.key
  const withKey: readonly OutputColumn[] =
    key === undefined || columns.some(({ path }) => path[0] === '_key')
      ? columns
      : [{ path: ['_key'], expr: key }, ...columns]
  return { ...plan, metadata: false, facts: undefined, shape: { kind: 'columns', columns: withKey } }
}

function valueColumns({ shape }: Output): readonly OutputColumn[] {
  const columns = outputColumns(shape)
  // A structure without fields has no columns to lay out.
  return columns.length > 0 || shape.kind !== 'record' ? columns : [{ path: ['_value'], expr: shape.value }]
}
