/**
 * Second step of an INSERT: the rows of VALUES, or of a SELECT while it runs. Errors of a row, those of its encoding
 * too, name the row's number.
 */
import { bindExpr } from '../../plan/bind/expressions/bind-expression.ts'
import { Scope } from '../../plan/bind/names/scope.ts'
import type { Output, OutputColumn } from '../../plan/plan.ts'
import type { Expr, InsertStatement, Query } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import type { DataType, Value } from '../../types.ts'
import type { StatementContext } from '../context.ts'
import { nothingHeld, type Operator, type Row } from '../operators/operator.ts'
import { evaluateConstant } from '../program/expression/constant.ts'
import { runInto } from '../run-plan.ts'
import { isOpen } from './targets.ts'

/** One value of a row with its type; `text` is a number as it was typed. */
export interface Cell {
  readonly value: Value
  readonly type: DataType
  readonly text?: string
}

// ---------------------------------------------------------------------------------------------- VALUES

/**
 * Every row of the list, encoded. Throws for the first one that is not as wide as it should be, or that cannot be
 * encoded.
 */
export function valueRows<T>(
  statement: InsertStatement,
  width: number,
  context: StatementContext,
  encode: (cells: readonly Cell[]) => T,
): T[] {
  const rows = statement.rows ?? []
  const scope = new Scope([])
  return rows.map((row, i) => {
    if (row.length !== width)
      throw new SqlError(
        'ARGUMENTS',
        `Row ${i + 1} has ${row.length} values for ${width} columns.`,
        row.length === 0 ? statement.span : { start: row[0].span.start, end: row[row.length - 1].span.end },
      )
    return atRow(rows.length === 1 ? undefined : i, () => encode(row.map((e) => cellOf(e, scope, context))))
  })
}

function cellOf(e: Expr, scope: Scope, context: StatementContext): Cell {
  const bound = bindExpr(e, { scope, clause: 'VALUES', subqueries: new Map() })
  if (bound.kind === 'constant') return { value: bound.value, type: bound.type, text: bound.text }
  const { value } = evaluateConstant(bound, { ...context.functions, folding: context.folding }) as {
    value: Cell['value']
  }
  return { value, type: bound.type }
}

// ---------------------------------------------------------------------------------------------- SELECT

/** The SELECT of an INSERT: its plan, and the columns that it gives. */
export interface SelectedRows {
  readonly plan: Output
  readonly columns: readonly OutputColumn[]
}

/** Plans the SELECT; its output is columns, whatever was selected. */
export async function planRows(
  statement: InsertStatement,
  query: Query,
  context: StatementContext,
): Promise<SelectedRows> {
  const plan = await context.plan(query, context, {
    defaultLimit: Number.MAX_SAFE_INTEGER,
    reshape: (bound) => asColumns(bound, statement.targets !== undefined),
  })
  return { plan, columns: plan.shape.kind === 'columns' ? plan.shape.columns : [] }
}

/** Who takes encoded rows, and holds the reading back while it has enough. */
export interface RowReceiver<T> {
  add(encoded: T): void
  /** Throws what has gone wrong with rows that were added before. */
  failIfFailed(): void
  readonly full: boolean
  /** Whether it wants no more rows; without it, it wants all. */
  readonly done?: boolean
  drained(): Promise<void> | undefined
}

/**
 * Runs the SELECT, and hands its rows on, encoded. Gives the number of records that could not be read and were left
 * out.
 */
export async function selectedRows<T>(
  { plan, columns }: SelectedRows,
  context: StatementContext,
  encode: (cells: readonly Cell[]) => T,
  to: RowReceiver<T>,
): Promise<number> {
  const types = columns.map((c) => c.expr.type)
  let rows = 0
  const take: Operator = {
    push: (row: Row) => {
      to.failIfFailed()
      to.add(atRow(rows, () => encode(types.map((type, i) => ({ value: row[i] ?? null, type })))))
      rows++
    },
    finish: nothingHeld,
    get done() {
      return to.done === true
    },
    get full() {
      return to.full
    },
  }
  const leftOut = (): number => context.statistics.badRecords - context.statistics.badAsRows
  const badBefore = leftOut()
  await runInto(
    plan,
    take,
    { ...context, sink: { send: () => undefined, drained: () => to.drained() } },
    { who: 'The SELECT' },
  )
  return leftOut() - badBefore
}

/**
 * The output as columns. Without a list of targets `SELECT *` alone means the whole value and the key with it, and a
 * star among others brings the key along; with a list it stands for the columns of the value.
 */
function asColumns(plan: Output, listed: boolean): Output {
  const { shape } = plan
  if (shape.kind === 'columns') {
    const key: OutputColumn[] =
      listed || shape.key === undefined || shape.columns.some((c) => c.path[0] === '_key')
        ? []
        : [{ path: ['_key'], expr: shape.key }]
    return { ...plan, shape: { kind: 'columns', columns: [...key, ...shape.columns] } }
  }
  if (shape.kind !== 'record') return plan
  const { key, value } = shape
  if (!listed)
    return {
      ...plan,
      shape: {
        kind: 'columns',
        columns: [
          { path: ['_key'], expr: key },
          { path: ['_value'], expr: value },
        ],
      },
    }
  const type = value.type
  if (type.kind !== 'struct' || value.kind !== 'path')
    return { ...plan, shape: { kind: 'columns', columns: [{ path: ['_value'], expr: value, spread: isOpen(type) }] } }
  const columns = type.fields.map(
    (f): OutputColumn => ({
      path: [f.name],
      expr: { ...value, path: { ...value.path, steps: [...value.path.steps, f.name] }, type: f.type },
    }),
  )
  return { ...plan, shape: { kind: 'columns', columns } }
}

// ---------------------------------------------------------------------------------------------- both

/** Adds the row's number to what is wrong with it. `row`: 0-based, undefined where there is only one. */
function atRow<T>(row: number | undefined, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (row === undefined || !(error instanceof SqlError)) throw error
    throw new SqlError(error.code, `Row ${row + 1}: ${error.message}`, error.span, error.hint)
  }
}
