/**
 * INSERT … VALUES and INSERT … SELECT: rows to records, records to the topic in batches. All rows of a VALUES list are checked before the first is sent; of a SELECT what is
 * complete is sent while the rest is read. Errors name the row, and say how many records were written.
 */
import type { Administration, RecordToProduce } from '../../plan/administration.ts'
import { ProduceError } from '../../plan/administration.ts'
import { bindExpr } from '../../plan/bind/bind-expression.ts'
import type { Table } from '../../plan/catalog.ts'
import type { Output, OutputColumn } from '../../plan/plan.ts'
import { Scope } from '../../plan/bind/scope.ts'
import type { Expr, InsertStatement, Name, Query } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import type { DataType } from '../../types.ts'
import type { StatementContext } from '../context.ts'
import { evaluateConstant } from '../program/expression.ts'
import type { Operator, Row } from '../operators/operator.ts'
import { runInto } from '../run-plan.ts'
import { flagAndInfo } from './answer.ts'
import { writableTable } from './lookup.ts'
import { type Cell, RecordWriter, type Target, tableTargets, targetOf } from './record-writer.ts'

/** Bytes of records that are gathered before they are sent (`insert.batch.bytes`). */
const BATCH_BYTES = 1_000_000
const BATCH_RECORDS = 10_000

export async function insert(statement: InsertStatement, administration: Administration, context: StatementContext): Promise<Output> {
  const table = await writableTable(statement.table, 'insert', administration, context)
  const info =
    statement.query === undefined
      ? await insertValues(statement, table, administration, context)
      : await insertSelect(statement, statement.query, table, administration, context)
  return flagAndInfo('INSERT', info)
}

// ---------------------------------------------------------------------------------------------- VALUES

async function insertValues(statement: InsertStatement, table: Table, administration: Administration, context: StatementContext): Promise<string> {
  const rows = statement.rows ?? []
  const targets = statement.targets === undefined ? positional(table, rows[0].length, statement) : listed(statement.targets, table)
  const writer = new RecordWriter(table, targets)
  const scope = new Scope([])
  const records = rows.map((row, i) => {
    if (row.length !== targets.length)
      throw new SqlError(
        'ARGUMENTS',
        `Row ${i + 1} has ${row.length} values for ${targets.length} columns.`,
        row.length === 0 ? statement.span : { start: row[0].span.start, end: row[row.length - 1].span.end },
      )
    return atRow(rows.length === 1 ? undefined : i, () => writer.record(row.map((e) => cellOf(e, scope, context))))
  })
  await send(records, 0, table, administration, context)
  return `${records.length} records inserted`
}

function cellOf(e: Expr, scope: Scope, context: StatementContext): Cell {
  const bound = bindExpr(e, { scope, clause: 'VALUES', subqueries: new Map() })
  if (bound.kind === 'constant') return { value: bound.value, type: bound.type, text: bound.text }
  const { value } = evaluateConstant(bound, { ...context.functions, folding: context.folding }) as { value: Cell['value'] }
  return { value, type: bound.type }
}

/** The table's columns in order; the key's only where the row is long enough for them. */
function positional(table: Table, count: number, statement: InsertStatement): readonly Target[] {
  const { key, value } = tableTargets(table)
  if (isOpen(table.value.declared ?? table.value.type) && count > 0) {
    throw new SqlError(
      'ARGUMENTS',
      `The columns of ${table.name} are not known, as its values are JSON.`,
      statement.span,
      `Name them: INSERT INTO ${table.name} (a, b) VALUES …`,
    )
  }
  if (count === value.length) return value
  if (count === key.length + value.length) return [...key, ...value]
  const names = value.map((t) => t.title).join(', ')
  throw new SqlError(
    'ARGUMENTS',
    `Row 1 has ${count} values, and ${table.name} has ${value.length} columns${value.length > 20 ? '' : ` (${names})`}, or ${key.length + value.length} with the key.`,
    statement.span,
  )
}

function isOpen(type: DataType): boolean {
  return type.kind === 'json' || type.kind === 'map'
}

function listed(paths: readonly (readonly Name[])[], table: Table): Target[] {
  const targets = paths.map((path) => targetOf(path, table))
  const seen = new Set<string>()
  for (const target of targets) {
    const id = JSON.stringify([target.facet, ...target.path])
    if (seen.has(id) && target.facet !== 'header') throw new SqlError('ARGUMENTS', `"${target.title}" is named twice.`, target.span)
    seen.add(id)
  }
  return targets
}

// ---------------------------------------------------------------------------------------------- SELECT

async function insertSelect(
  statement: InsertStatement,
  query: Query,
  table: Table,
  administration: Administration,
  context: StatementContext,
): Promise<string> {
  const plan = await context.plan(query, context, {
    defaultLimit: Number.MAX_SAFE_INTEGER,
    reshape: (bound) => asColumns(bound, statement.targets !== undefined),
  })
  const columns = plan.shape.kind === 'columns' ? plan.shape.columns : []
  const targets = statement.targets === undefined ? columns.map((c) => byName(c, table)) : byPosition(statement, columns, table)
  const writer = new RecordWriter(table, targets)
  const types = columns.map((c) => c.expr.type)
  const sender = new Sender(table, administration, context)
  const take: Operator = {
    push: (row: Row) => {
      sender.failIfFailed()
      sender.add(atRow(sender.rows, () => writer.record(types.map((type, i) => ({ value: row[i] ?? null, type })))))
    },
    *finish() {
      // nothing is held back
    },
    done: false,
    get full() {
      return sender.full
    },
  }
  const leftOut = (): number => context.statistics.badRecords - context.statistics.badAsRows
  const badBefore = leftOut()
  try {
    await runInto(plan, take, { ...context, sink: { send: () => undefined, drained: () => sender.drained() } }, { who: 'The SELECT' })
    await sender.end()
  } catch (error) {
    throw await sender.withCount(error)
  }
  const bad = leftOut() - badBefore
  return bad === 0 ? `${sender.written} records inserted` : `${sender.written} records inserted, ${bad} records could not be read and were left out`
}

/**
 * The output as columns. Without a list of targets `SELECT *` alone means the whole value and the key with it, and a star among others brings the key along;
 * with a list it stands for the columns of the value.
 */
function asColumns(plan: Output, listed: boolean): Output {
  const { shape } = plan
  if (shape.kind === 'columns') {
    const key: OutputColumn[] =
      listed || shape.key === undefined || shape.columns.some((c) => c.path[0] === '_key') ? [] : [{ path: ['_key'], expr: shape.key }]
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
    (f): OutputColumn => ({ path: [f.name], expr: { ...value, path: { ...value.path, steps: [...value.path.steps, f.name] }, type: f.type } }),
  )
  return { ...plan, shape: { kind: 'columns', columns } }
}

function byName(column: OutputColumn, table: Table): Target {
  if (column.spread === true)
    throw new SqlError(
      'UNSUPPORTED',
      'Fields of JSON whose shape is not known cannot be mixed with other columns in an INSERT.',
      column.expr.span,
      'SELECT * alone copies whole values; otherwise name the columns.',
    )
  const span = column.expr.span ?? { start: 0, end: 0 }
  const path = column.path.flatMap((step) => step.split('.')).map((text) => ({ text, quoted: false, span }))
  const target = targetOf(path, table)
  return column.expr.span === undefined ? { ...target, span: undefined } : target
}

function byPosition(statement: InsertStatement, columns: readonly OutputColumn[], table: Table): Target[] {
  const targets = listed(statement.targets ?? [], table)
  if (columns.some((c) => c.spread === true))
    throw new SqlError('ARGUMENTS', '"*" over JSON has no fixed number of columns.', statement.query?.span, 'Name the columns.')
  if (targets.length !== columns.length)
    throw new SqlError('ARGUMENTS', `The SELECT gives ${columns.length} columns for ${targets.length} targets.`, statement.query?.span)
  return targets
}

/** Gathers records and sends them while more are made. */
class Sender {
  readonly #table: Table
  readonly #administration: Administration
  readonly #context: StatementContext
  #records: RecordToProduce[] = []
  #bytes = 0
  #sending: Promise<void> | undefined
  #failure: unknown
  rows = 0
  written = 0

  constructor(table: Table, administration: Administration, context: StatementContext) {
    this.#table = table
    this.#administration = administration
    this.#context = context
  }

  add(record: RecordToProduce): void {
    this.rows++
    this.#records.push(record)
    this.#bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + 32
    if (this.#sending === undefined && this.#complete) this.#send()
  }

  get #complete(): boolean {
    return this.#bytes >= BATCH_BYTES || this.#records.length >= BATCH_RECORDS
  }
  /** One batch is under way and the next is complete. */
  get full(): boolean {
    return this.#sending !== undefined && this.#complete
  }
  drained(): Promise<void> | undefined {
    return this.full ? this.#sending : undefined
  }
  failIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  async end(): Promise<void> {
    while (this.#sending !== undefined || this.#records.length > 0) {
      if (this.#sending === undefined) this.#send()
      await this.#sending
      this.failIfFailed()
    }
  }

  #send(): void {
    const batch = this.#records
    const firstRow = this.rows - batch.length
    this.#records = []
    this.#bytes = 0
    this.#sending = send(batch, firstRow, this.#table, this.#administration, this.#context)
      .then(
        () => {
          this.written += batch.length
        },
        (error: unknown) => {
          if (error instanceof Partial) this.written += error.written
          this.#failure ??= error
        },
      )
      .then(() => {
        this.#sending = undefined
      })
  }

  /** Waits for what is under way, and adds to an error how much was written. */
  async withCount(error: unknown): Promise<unknown> {
    await this.#sending
    if (this.#context.signal.aborted || !(error instanceof SqlError)) return error
    const said = /^\d+ records? were written/m.test(error.message) ? error.message : `${error.message} ${this.written} records were inserted before.`
    return new SqlError(error.code, said, error.span, error.hint)
  }
}

// ---------------------------------------------------------------------------------------------- both

/** A failed batch: the message is whole but for the count. */
class Partial extends SqlError {
  readonly written: number
  constructor(message: string, written: number) {
    super('WRITE', message)
    this.written = written
  }
}

async function send(
  records: readonly RecordToProduce[],
  firstRow: number,
  table: Table,
  administration: Administration,
  context: StatementContext,
): Promise<void> {
  try {
    await administration.produce(table.topic, records, context.signal)
  } catch (error) {
    if (!(error instanceof ProduceError)) throw error
    const end = /[.?!]$/.test(error.message) ? '' : '.'
    const count = firstRow === 0 && records.length === error.index ? '' : ` ${error.written} of ${records.length} records of its batch were written.`
    throw new Partial(`Row ${firstRow + error.index + 1} was not written: ${error.message}${end}${count}`, error.written)
  }
}

/** Adds the row's number to what is wrong with it. `row`: 0-based, undefined where there is only one. */
function atRow<T>(row: number | undefined, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (row === undefined || !(error instanceof SqlError)) throw error
    throw new SqlError(error.code, `Row ${row + 1}: ${error.message}`, error.span, error.hint)
  }
}
