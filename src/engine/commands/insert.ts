/**
 * INSERT … VALUES and INSERT … SELECT, step by step: targets, rows, encoding, sending. All rows of a VALUES list are
 * checked before the first is sent; of a SELECT what is complete is sent while the rest is read. Errors name the row,
 * and say how many records were written.
 */
import type { Administration } from '../../plan/administration.ts'
import type { Table } from '../../plan/catalog.ts'
import type { Output } from '../../plan/plan.ts'
import type { InsertStatement, Query } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import type { StatementContext } from '../context.ts'
import { DryRun, MAX_CHECKED_RECORDS } from '../write/dry-run.ts'
import { RecordWriter } from '../write/record-writer.ts'
import { planRows, selectedRows, valueRows } from '../write/rows.ts'
import { sendAll, Sender } from '../write/send.ts'
import { targetsOfColumns, targetsOfValues } from '../write/targets.ts'
import { flagAndInfo } from './answer.ts'
import { readingOnly, writableTable } from './lookup.ts'

/** Everything is written when it resolves. */
export async function insert(
  statement: InsertStatement,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const table = await writableTable(statement.table, 'insert', administration, context)
  const info =
    statement.query === undefined
      ? await insertValues(statement, table, administration, context)
      : await insertSelect(statement, statement.query, table, administration, context)
  return flagAndInfo('INSERT', info)
}

async function insertValues(
  statement: InsertStatement,
  table: Table,
  administration: Administration,
  context: StatementContext,
): Promise<string> {
  const targets = targetsOfValues(statement, statement.rows?.[0].length ?? 0, table)
  const writer = new RecordWriter(table, targets)
  const records = valueRows(statement, targets.length, context, (cells) => writer.record(cells))
  await sendAll(records, table, administration, context)
  return `${records.length} records inserted`
}

async function insertSelect(
  statement: InsertStatement,
  query: Query,
  table: Table,
  administration: Administration,
  context: StatementContext,
): Promise<string> {
  const selected = await planRows(statement, query, context)
  const targets = targetsOfColumns(statement, selected.columns, table)
  const writer = new RecordWriter(table, targets)
  const sender = new Sender(table, administration, context)
  try {
    const bad = await selectedRows(selected, context, (cells) => writer.record(cells), sender)
    await sender.end()
    return bad === 0
      ? `${sender.written} records inserted`
      : `${sender.written} records inserted, ${bad} records could not be read and were left out`
  } catch (error) {
    throw await sender.withCount(error)
  }
}

/** What INSERT would do: the lines of the report, and the plan of its SELECT. */
export interface CheckedInsert {
  readonly lines: readonly string[]
  readonly plan: Output | undefined
}

/**
 * Everything that INSERT does but the sending: rights, targets, and each row against the formats and schemas of the
 * table. Throws the error that INSERT would throw, with the number of the row.
 */
export async function checkInsert(statement: InsertStatement, context: StatementContext): Promise<CheckedInsert> {
  const { administration } = context.environment
  if (administration === undefined) throw readingOnly(statement.span)
  const table = await writableTable(statement.table, 'insert', administration, context)
  const dry = new DryRun(table)
  const [plan, remarks] =
    statement.query === undefined
      ? [undefined, checkValues(statement, table, context, dry)]
      : await checkSelect(statement, statement.query, table, context, dry)
  const limit = (await context.environment.catalog.configuration(table.name)).find(
    ({ name }) => name === 'max.message.bytes',
  )
  const maxBytes = limit === undefined ? undefined : Number(limit.value)
  return { lines: [...dry.lines(maxBytes), ...remarks], plan }
}

function checkValues(statement: InsertStatement, table: Table, context: StatementContext, dry: DryRun): string[] {
  const targets = targetsOfValues(statement, statement.rows?.[0].length ?? 0, table)
  const writer = new RecordWriter(table, targets)
  // One after the other: none has to be kept.
  valueRows(statement, targets.length, context, (cells) => dry.add(writer.record(cells)))
  return []
}

async function checkSelect(
  statement: InsertStatement,
  query: Query,
  table: Table,
  context: StatementContext,
  dry: DryRun,
): Promise<[Output, string[]]> {
  const selected = await planRows(statement, query, context)
  const writer = new RecordWriter(table, targetsOfColumns(statement, selected.columns, table))
  try {
    const bad = await selectedRows(selected, context, (cells) => writer.record(cells), dry)
    const remarks = bad === 0 ? [] : [`Records that cannot be read, and would be left out: ${bad}`]
    if (dry.done)
      remarks.push(
        `Only the first ${MAX_CHECKED_RECORDS.toLocaleString('en')} rows were checked (explain.insert.records)`,
      )
    return [selected.plan, remarks]
  } catch (error) {
    if (context.signal.aborted || !(error instanceof SqlError)) throw error
    const { records } = dry
    const before = records === 1 ? 'The one row before it' : `The ${records.toLocaleString('en')} rows before it`
    const said = records === 0 ? error.message : `${error.message} ${before} can be written.`
    throw new SqlError(error.code, said, error.span, error.hint)
  }
}
