/**
 * Headers of records in Flink: its Kafka connector has them as a map of bytes, with the last header of each name. That is
 * the one that counts here, too; what asks for all of a name, or for their order, is refused.
 */
import { children } from '../../../plan/expressions/children.ts'
import type { BoundExpr, HeaderRef, Plan } from '../../../plan/plan.ts'
import { expressionsOf, visitPlan } from '../../../plan/rewrite.ts'
import { type DataType, STRING } from '../../../types.ts'
import { type FlinkSql, list, ordering, sql, text } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { decoded } from '../terms.ts'

/** The column of a table that has headers. */
export const HEADERS = sql`sluice_headers`

const ALL =
  'Several headers of a name, and the order of headers, are not handed over to Flink, which keeps the last of each name.'

/**
 * The one header that an expression over all of them wants: an element of the map, or whether there is one of a name, which
 * the binder writes as a search among the names (`as: 'keys'` with a name).
 */
export function headerWithin(e: BoundExpr): HeaderRef | undefined {
  if (e.kind === 'function' && e.fn.name === 'in_array') {
    const [wanted, keys] = e.args
    return keys.kind === 'header' && keys.as === 'keys' ? { ...keys, name: wanted, type: e.type } : undefined
  }
  if ((e.kind !== 'member' && e.kind !== 'element') || e.operand.kind !== 'header' || e.operand.as !== 'map')
    return undefined
  const name: BoundExpr = e.kind === 'element' ? e.index : { kind: 'constant', value: e.name, type: STRING }
  return { ...e.operand, name, as: 'string', type: STRING }
}

/** Whether a plan looks at headers. Throws a Refusal where it looks at more than the last of a name. */
export function looksAtHeaders(plan: Plan): boolean {
  let found = false
  const look = (e: BoundExpr): void => {
    const one = headerWithin(e)
    if (one?.name !== undefined) {
      found = true
      return look(one.name)
    }
    if (e.kind === 'header') {
      if (e.name === undefined || e.as === 'strings' || e.as === 'blobs') throw new Refusal(ALL, e.span, NAME_ONE)
      found = true
    }
    for (const child of children(e)) look(child)
  }
  visitPlan(plan, (node) => {
    for (const e of expressionsOf(node)) look(e)
  })
  return found
}

const NAME_ONE = 'Name one header: _headers.trace.'

/** What a reference to a header is, over the records. Throws a Refusal. */
export function headerOf(e: HeaderRef): { readonly taken: FlinkSql; readonly type: DataType } {
  const { as, name, type, span } = e
  if (name === undefined || as === 'strings' || as === 'blobs') throw new Refusal(ALL, span, NAME_ONE)
  if (name.kind !== 'constant' || typeof name.value !== 'string')
    throw new Refusal('A header whose name the records say is not handed over to Flink.', span, NAME_ONE)
  const called = text(name.value)
  if (as === 'keys') return { taken: sql`ARRAY_CONTAINS(MAP_KEYS(${HEADERS}), ${called})`, type }
  const bytes = sql`${HEADERS}[${called}]`
  switch (as) {
    case 'string':
      return { taken: decoded(sql`DECODE(${bytes}, 'UTF-8')`), type }
    case 'bytes':
      return { taken: bytes, type }
    case 'int':
    case 'long':
      return { taken: bigEndian(sql`DECODE(${bytes}, 'ISO-8859-1')`, as === 'int' ? 4 : 8), type }
    default:
      throw new Refusal(`A header as ${as} is not handed over to Flink.`, span)
  }
}

/** All characters of one byte, in order. */
const BYTES = text(String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i)))

/**
 * Big-endian bytes as a whole number; NULL for more or fewer. Flink has no function for it: a byte is its place in a text.
 * `characters`: one for each byte.
 */
export function bigEndian(characters: FlinkSql, length: 4 | 8): FlinkSql {
  const byte = (i: number): FlinkSql =>
    sql`CAST(POSITION(SUBSTRING(${characters} FROM ${i + 1} FOR 1) IN ${BYTES}) - 1 AS BIGINT)`
  const sum = list(
    Array.from({ length }, (_, i) => sql`${byte(i)} * ${2n ** BigInt(8 * (length - 1 - i))}`),
    ' + ',
  )
  // The highest byte of eight runs over into the sign by itself.
  const said =
    length === 8
      ? sql`(${sum})`
      : sql`(${sum} - CASE WHEN ${ordering(byte(0), '>', sql`127`)} THEN 4294967296 ELSE 0 END)`
  return sql`CASE WHEN CHAR_LENGTH(${characters}) = ${length} THEN ${said} END`
}
