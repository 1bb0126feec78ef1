/**
 * The statement that reads on where another one stopped: the same with the condition of `reason.resume` added. Only
 * where its rows come behind the ones that are there; an aggregate of the rest is another answer.
 */
import type { Query, Select, Statement } from '../../sql/ast.ts'
import { SqlError } from '../../sql/error.ts'
import { parseExpression, parseScript } from '../../sql/parse.ts'
import { printStatement } from '../../sql/print.ts'

/** The text to run, or why there is none. */
export type Continuation = { readonly sql: string } | { readonly refused: string }

/** `received`: rows that are there, which a written LIMIT counts. */
export function continuation(sql: string, resume: string, received: number): Continuation {
  let statements: Statement[]
  try {
    statements = parseScript(sql)
  } catch (cause) {
    if (cause instanceof SqlError) return { refused: cause.message }
    throw cause
  }
  const selects = statements.filter((s) => s.kind !== 'set' && s.kind !== 'use')
  const [only] = selects
  if (selects.length !== 1 || only.kind !== 'selectStatement')
    return { refused: 'Only one SELECT can be continued; run the statements one by one.' }
  const { query } = only
  const { body } = query
  const why = obstacle(query)
  if (why !== undefined || body.kind !== 'select')
    return { refused: why ?? 'A combination of queries has no place to read on.' }
  const condition = parseExpression(resume)
  const where: Select['where'] =
    body.where === undefined
      ? condition
      : ({ kind: 'binary', op: 'and', left: body.where, right: condition, span: body.span } as Select['where'])
  const count = query.limit?.count
  if (count !== undefined && count <= received) return { refused: 'All rows of its LIMIT are there.' }
  const limit =
    query.limit === undefined || count === undefined ? undefined : { ...query.limit, skip: 0, count: count - received }
  const next: Statement = { ...only, query: { ...query, body: { ...body, where }, limit } }
  const texts = statements.map((s) => printStatement(s === only ? next : s))
  return { sql: texts.join(';\n') }
}

function obstacle({ body, orderBy, with: ctes, limit }: Query): string | undefined {
  if (body.kind !== 'select') return 'A combination of queries has no place to read on.'
  if (ctes.length > 0) return 'A query with WITH has no place to read on.'
  if (orderBy.length > 0) return 'With ORDER BY, further rows belong between those that are there.'
  if (body.from?.kind !== 'table' || body.from.latest === true) return 'Only a query of one topic can be continued.'
  if (body.groupBy.length > 0 || body.having !== undefined || body.items.some(isAggregate))
    return 'An aggregate of the rest is another answer: raise the limit instead (SET max.size, max.query.time).'
  if (body.distinct) return 'With DISTINCT, the rest would repeat rows.'
  if (limit !== undefined && limit.skip > 0) return 'With OFFSET, rows would be skipped again.'
  return undefined
}

/** Whether rows of a text grow while it is read, so that they are worth seeing before its end. */
export function isAggregation(sql: string): boolean {
  try {
    return parseScript(sql).some(
      (s) =>
        s.kind === 'selectStatement' &&
        s.query.body.kind === 'select' &&
        (s.query.body.groupBy.length > 0 || s.query.body.items.some(isAggregate)),
    )
  } catch {
    return false
  }
}

const READS: ReadonlySet<Statement['kind']> = new Set(['set', 'use', 'selectStatement', 'explain', 'show', 'describe'])

/** Whether a text writes, deletes, makes or ends something; also of one that only the server understands. */
export function changesSomething(sql: string): boolean {
  try {
    return parseScript(sql).some(({ kind }) => !READS.has(kind))
  } catch {
    return !/^\s*(select|show|describe|explain|with)\b/i.test(sql)
  }
}

/** Names of functions that make one row of many; those that the page does not know are refused by the server's answer. */
const AGGREGATES =
  /^(count|sum|avg|min|max|first|last|collect.*|any_value|stddev.*|var.*|approx_.*|percentile.*|median|mode|string_agg|array_agg|min_by|max_by|argmin|argmax|corr.*|covar.*|bool_.*|histogram.*|top.*)$/i

function isAggregate(item: Select['items'][number]): boolean {
  return item.kind === 'expr' && holdsAggregate(item.expr)
}

function holdsAggregate(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(holdsAggregate)
  const node = value as { kind?: string; name?: { text?: string } | string }
  const name = typeof node.name === 'string' ? node.name : node.name?.text
  if (node.kind === 'call' && name !== undefined && AGGREGATES.test(name)) return true
  return Object.values(value).some(holdsAggregate)
}
