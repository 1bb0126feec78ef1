/**
 * DELETE, both ways. `_meta.offset <= n [AND _meta.partition = p]` removes the beginning of logs at once, as Kafka does
 * it. Any other condition finds records and writes their keys once more with no value (tombstones), into the same
 * partition; the records themselves go when Kafka compacts the topic.
 */
import { createHash } from 'node:crypto'
import type { OffsetRange } from '../../kafka/log.ts'
import { KafkaError } from '../../kafka/log.ts'
import { UserError } from '../../lib/user-error.ts'
import { readRecords } from '../../kafka/read/record-batch.ts'
import { type Administration, ProduceError, type RecordToProduce } from '../../plan/administration.ts'
import type { Table } from '../../plan/catalog.ts'
import { MIRRORED } from '../../plan/expressions/compare-op.ts'
import type { Output } from '../../plan/plan.ts'
import type { ColumnRef, DeleteStatement, Expr, Name, Query } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import type { StatementContext } from '../context.ts'
import { nothingHeld, type Operator } from '../operators/operator.ts'
import { runInto } from '../run-plan.ts'
import { Turns } from '../turns.ts'
import { andUnknown, counted, produced } from '../write/send.ts'
import { flagAndInfo } from './answer.ts'
import { writableTable } from './lookup.ts'

/**
 * Limit `delete.max.records` (records): matching records of one DELETE, whose positions are held in memory. Beyond it:
 * an error, and nothing is deleted.
 */
const MAX_RECORDS = 5_000_000
/**
 * Limit `delete.batch.records` (records): tombstones of a DELETE that are gathered before they are sent. Beyond it:
 * they are sent.
 */
const BATCH_RECORDS = 5000
/**
 * Limit `delete.batch.bytes` (bytes): keys and headers of tombstones of a DELETE that are gathered before they are sent.
 * Beyond it: they are sent.
 */
const BATCH_BYTES = 1_000_000

export async function deleteRecords(
  statement: DeleteStatement,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const { where } = statement
  const table = await writableTable(statement.table, 'delete', administration, context)
  if (where === undefined)
    throw new SqlError(
      'UNSUPPORTED',
      'DELETE needs a WHERE.',
      statement.span,
      `TRUNCATE TABLE ${statement.table.text} removes all records.`,
    )
  const names = [statement.table.text]
  const range = rangeOf(where, names)
  if (range !== undefined) return deleteRange(range, table, administration, context)
  if (onlyMetadata(where, names))
    throw new SqlError(
      'UNSUPPORTED',
      'Kafka removes records from the beginning of a partition only.',
      where.span,
      'Write _meta.offset <= n, with AND _meta.partition = p for one partition; or a condition on key or value.',
    )
  return writeTombstones(statement, where, table, administration, context)
}

// ---------------------------------------------------------------------------------------------- ranges

interface Range {
  /** First offset that stays. */
  readonly before: number
  readonly partitions: readonly number[] | undefined
}

/** undefined when the condition is not `_meta.offset <= n [AND _meta.partition = p]`. */
function rangeOf(where: Expr, names: readonly string[]): Range | undefined {
  let before: number | undefined
  let partitions: number[] | undefined
  for (const term of conjuncts(where)) {
    const found = comparison(term, names)
    if (found?.field === 'offset' && found.op === '<=' && before === undefined) before = found.value + 1
    else if (found?.field === 'offset' && found.op === '<' && before === undefined) before = found.value
    else if (found?.field === 'partition' && found.op === '=' && partitions === undefined) partitions = [found.value]
    else return undefined
  }
  return before === undefined ? undefined : { before, partitions }
}

function conjuncts(e: Expr): Expr[] {
  return e.kind === 'binary' && e.op === 'and' ? [...conjuncts(e.left), ...conjuncts(e.right)] : [e]
}

/** A metadata field against a whole number. */
function comparison(e: Expr, names: readonly string[]): { field: string; op: string; value: number } | undefined {
  if (e.kind !== 'binary') return undefined
  const mirrored = (MIRRORED as Readonly<Record<string, string | undefined>>)[e.op]
  if (mirrored === undefined) return undefined
  const [left, right] = [metaField(e.left, names), metaField(e.right, names)]
  const [field, literal, op] = left !== undefined ? [left, e.right, e.op] : [right, e.left, mirrored]
  if (
    field === undefined ||
    literal.kind !== 'number' ||
    !/^\d+$/.test(literal.text) ||
    !Number.isSafeInteger(Number(literal.text))
  )
    return undefined
  return { field, op, value: Number(literal.text) }
}

function metaField(e: Expr, names: readonly string[]): string | undefined {
  if (e.kind !== 'column') return undefined
  const parts = unqualified(e, names)
  return parts.length === 2 && /^_meta(data)?$/.test(parts[0]) ? parts[1].toLowerCase() : undefined
}

function unqualified(e: ColumnRef, names: readonly string[]): string[] {
  const parts = e.parts.map((p) => p.text)
  return parts.length > 2 && names.includes(parts[0]) ? parts.slice(1) : parts
}

/** A condition on nothing but metadata would be a range that Kafka cannot remove. */
function onlyMetadata(where: Expr, names: readonly string[]): boolean {
  return conjuncts(where).every(
    (term) =>
      term.kind === 'binary' &&
      (metaField(term.left, names) !== undefined || metaField(term.right, names) !== undefined),
  )
}

async function deleteRange(
  range: Range,
  table: Table,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  const partitions = range.partitions ?? table.partitions
  const there = new Set(table.partitions)
  const missing = partitions.find((p) => !there.has(p))
  if (missing !== undefined)
    throw new SqlError(
      'VALUE',
      `${table.name} has no partition ${missing}.`,
      undefined,
      `It has ${table.partitions.length}.`,
    )
  const bounds = await boundsOf(table, partitions, context)
  const wanted = bounds.filter((b) => range.before > b.start && b.end > b.start)
  const before = new Map(wanted.map((b) => [b.partition, Math.min(range.before, b.end)]))
  try {
    if (before.size > 0) await administration.deleteRecords(table.topic, before, context.signal)
  } catch (error) {
    if (!(error instanceof KafkaError) || error.errorName !== 'POLICY_VIOLATION') throw error
    throw new SqlError(
      'UNSUPPORTED',
      `${table.name} is compacted; Kafka removes no ranges of such a topic.`,
      undefined,
      'DELETE by a condition on key or value, or TRUNCATE TABLE.',
    )
  }
  const count = wanted.reduce((n, b) => n + Math.min(range.before, b.end) - b.start, 0)
  return flagAndInfo('DELETE', `${count} records deleted`)
}

function boundsOf(table: Table, partitions: readonly number[], context: StatementContext): Promise<OffsetRange[]> {
  return context.environment.log.bounds(table.topic, partitions, {
    isolation: 'read_uncommitted',
    timeoutMs: context.settings['kafka.offset.timeout'],
    signal: context.signal,
  })
}

// ---------------------------------------------------------------------------------------------- tombstones

async function writeTombstones(
  statement: DeleteStatement,
  where: Expr,
  table: Table,
  administration: Administration,
  context: StatementContext,
): Promise<Output> {
  if (!administration.may('insert', table.topic))
    throw new SqlError(
      'FORBIDDEN',
      `The account "${administration.account}" may not insert into ${statement.table.text}, and DELETE by key or value writes records.`,
      statement.table.span,
    )
  const places = await matching(statement, where, context)
  let written = 0
  let keyless = 0
  const done = new Set<string>()
  try {
    for await (const records of tombstones(table, places, context)) {
      const wanted: RecordToProduce[] = []
      for (const record of records) {
        const id = record.key === null ? undefined : `${record.partition} ${nameOf(record.key)}`
        if (id === undefined) keyless++
        else if (!done.has(id)) {
          done.add(id)
          wanted.push(record)
        }
      }
      if (wanted.length === 0) continue
      await produced(wanted, table.topic, administration, context)
      written += wanted.length
    }
  } catch (error) {
    if (context.signal.aborted || !(error instanceof UserError)) throw error
    throw counted(...whatBecame(error, written))
  }
  const skipped = keyless === 0 ? '' : `, ${keyless} records without a key skipped`
  return flagAndInfo('DELETE', `${written} records deleted${skipped}`)
}

/** Of a DELETE that ended after so many tombstones: the error, and how many were written. */
function whatBecame(error: UserError, before: number): [UserError, string] {
  if (!(error instanceof ProduceError)) return [error, `${before} tombstones were written.`]
  const { reason, isUnknown, written, unknown } = error
  const what = isUnknown ? 'It is not known whether a tombstone was written' : 'A tombstone was not written'
  return [
    new SqlError('WRITE', `${what}: ${reason}`),
    `${before + written} tombstones were written${andUnknown(unknown)}.`,
  ]
}

/** A key, or its hash where that is shorter: as many as positions may be held. */
function nameOf(key: Uint8Array): string {
  return key.length <= 32
    ? Buffer.from(key).toString('latin1')
    : `sha256 ${createHash('sha256').update(key).digest('base64')}`
}

/** Offsets of the matching records by partition, ascending. */
async function matching(
  statement: DeleteStatement,
  where: Expr,
  context: StatementContext,
): Promise<Map<number, number[]>> {
  const places = new Map<number, number[]>()
  let count = 0
  const take: Operator = {
    push: ([partition, offset]) => {
      if (++count > MAX_RECORDS)
        throw new SqlError(
          'MEMORY_LIMIT',
          `The DELETE meets more than ${MAX_RECORDS.toLocaleString('en')} records (delete.max.records). Nothing was deleted.`,
          where.span,
          'Narrow the condition.',
        )
      const offsets = places.get(Number(partition))
      if (offsets === undefined) places.set(Number(partition), [Number(offset)])
      else offsets.push(Number(offset))
    },
    finish: nothingHeld,
    done: false,
    full: false,
  }
  // Records that another partitioner placed have to be found, too.
  const everywhere = { ...context, settings: { ...context.settings, 'optimize.kafka.partition': false } }
  const plan = await context.plan(placesQuery(statement, where), everywhere, { defaultLimit: Number.MAX_SAFE_INTEGER })
  await runInto(plan, take, everywhere, { who: 'The DELETE' })
  for (const offsets of places.values()) offsets.sort((a, b) => a - b)
  return places
}

/** SELECT _meta.partition, _meta.offset FROM t WHERE … */
function placesQuery(statement: DeleteStatement, where: Expr): Query {
  const { span, table } = statement
  const name = (text: string): Name => ({ text, quoted: false, span })
  const item = (field: string) => ({
    kind: 'expr' as const,
    expr: { kind: 'column' as const, parts: [name('_meta'), name(field)], span },
    alias: [name(field)],
    span,
  })
  return {
    kind: 'query',
    with: [],
    orderBy: [],
    span,
    body: {
      kind: 'select',
      distinct: false,
      items: [item('partition'), item('offset')],
      from: { kind: 'table', name: table, span: table.span },
      where,
      groupBy: [],
      span,
    },
  }
}

/** Reads the matching records again, for the bytes of their keys. */
async function* tombstones(
  table: Table,
  places: ReadonlyMap<number, readonly number[]>,
  context: StatementContext,
): AsyncGenerator<RecordToProduce[]> {
  if (places.size === 0) return
  const ranges: OffsetRange[] = [...places].map(([partition, offsets]) => ({
    partition,
    start: offsets[0],
    end: offsets[offsets.length - 1] + 1,
  }))
  const source = context.environment.log.scan(
    { topic: table.topic, topicId: table.topicId, ranges, isolation: context.settings['isolation.level'] },
    context.signal,
  )
  const turns = new Turns()
  let records: RecordToProduce[] = []
  let bytes = 0
  const wanted = new Map([...places].map(([partition, offsets]) => [partition, new Set(offsets)]))
  try {
    for (;;) {
      const batch = await source.next()
      if (batch === undefined) break
      const offsets = wanted.get(batch.partition)
      if (batch.fault !== undefined || offsets === undefined) continue
      for (const { offset, key, headers } of readRecords(batch)) {
        if (!offsets.has(offset)) continue
        // Headers may say with which schema the key was written.
        const kept =
          table.key.framing === 'own'
            ? headers.map((h) => ({ key: h.key, value: h.value === null ? null : Buffer.from(h.value) }))
            : []
        const tombstone = { key: key === null ? null : Buffer.from(key), value: null, partition: batch.partition }
        records.push(kept.length === 0 ? tombstone : { ...tombstone, headers: kept })
        bytes += (key?.length ?? 0) + kept.reduce((n, header) => n + header.key.length + (header.value?.length ?? 0), 0)
        if (records.length < BATCH_RECORDS && bytes < BATCH_BYTES) continue
        yield records
        records = []
        bytes = 0
      }
      await turns.due()
    }
  } finally {
    source.close()
  }
  if (records.length > 0) yield records
}
