/**
 * INSERT … VALUES and INSERT … SELECT, step by step: targets, rows, encoding, sending. All rows of a VALUES list are
 * checked before the first is sent; of a SELECT what is complete is sent while the rest is read. Errors name the row,
 * and say how many records were written.
 */
import type { Administration } from '../../plan/administration.ts'
import type { Table } from '../../plan/catalog.ts'
import type { Output } from '../../plan/plan.ts'
import type { InsertStatement, Query } from '../../sql/ast.ts'
import type { StatementContext } from '../context.ts'
import { RecordWriter } from '../write/record-writer.ts'
import { planRows, selectedRows, valueRows } from '../write/rows.ts'
import { Sender, sendRecords } from '../write/send.ts'
import { targetsOfColumns, targetsOfValues } from '../write/targets.ts'
import { flagAndInfo } from './answer.ts'
import { writableTable } from './lookup.ts'

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
  await sendRecords(records, 0, table, administration, context)
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
