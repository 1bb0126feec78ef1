/**
 * Where a record is found: its place in what a row says, the statements that ask for it, for those around it, for the
 * same key and the same value elsewhere. Pure.
 */
import { memberText } from '../../lib/text/lossless-json.ts'
import type { Stats } from '../../protocol/frames.ts'
import { parseScript } from '../../sql/parse.ts'
import { printName, printString } from '../../sql/print.ts'
import type { RecordPlace } from '../route.ts'
import { textCondition } from '../rows/copy.ts'
import { childrenOf, leafText, rootOf } from './json-tree.ts'
import { spellings } from '../topic/search/spellings.ts'
import { topicSql } from './topic-sql.ts'

/**
 * Limit `studio.preview.bytes` (bytes): of a value that is shown at once. Beyond it: the beginning is shown, the whole
 * when it is asked for.
 */
export const PREVIEW_BYTES = 65_536

/** The topic that a statement reads, where it reads one; of a pattern, what the statistics say that it was. */
export function topicOf(sql: string, stats: Pick<Stats, 'sources'> | undefined): string | undefined {
  const written = writtenTopic(sql)
  if (written !== undefined && !written.includes('*')) return written
  const sources = [...new Set(Object.values(stats?.sources ?? {}))]
  return sources.length === 1 ? sources[0] : undefined
}

function writtenTopic(sql: string): string | undefined {
  try {
    const selects = parseScript(sql).flatMap((s) => (s.kind === 'selectStatement' ? [s.query] : []))
    const [only] = selects
    if (selects.length !== 1 || only.body.kind !== 'select' || only.with.length > 0) return undefined
    return only.body.from?.kind === 'table' ? only.body.from.name.text : undefined
  } catch {
    return undefined
  }
}

/** Where the record of a row stands; undefined where its metadata does not say it. `data`: of a RECORD, as JSON. */
export function placeOf(data: string, topic: string | undefined): RecordPlace | undefined {
  const metadata = memberText(data, 'metadata')
  if (topic === undefined || metadata === undefined) return undefined
  const [partition, offset] = [memberText(metadata, 'partition'), memberText(metadata, 'offset')]
  if (partition === undefined || offset === undefined || !/^\d{1,9}$/.test(partition) || !/^\d{1,19}$/.test(offset))
    return undefined
  return { topic, partition: Number(partition), offset }
}

function at({ partition, offset }: RecordPlace): string {
  return `_meta.partition = ${partition} AND _meta.offset = ${offset}`
}

/**
 * The whole of a record with its bytes: `k`, `v`, `h` (headers), `e` (why it cannot be read), `r` and `rk` (base 64);
 * `p` instead of `v` and `r`: the beginning of a value beyond the preview.
 */
export function detailSql(place: RecordPlace): string {
  const small = (what: string): string => `CASE WHEN _meta.__valuesize <= ${PREVIEW_BYTES} THEN ${what} END`
  return [
    `SELECT _key AS k, ${small('_value')} AS v, ${small('_raw')} AS r, _raw_key AS rk, HEADERS() AS h, _error AS e,`,
    `CASE WHEN _meta.__valuesize > ${PREVIEW_BYTES} THEN TAKELEFT(CAST(_value AS string), ${PREVIEW_BYTES}) END AS p`,
    `FROM ${topicSql(place.topic)} WHERE ${at(place)} LIMIT 1`,
  ].join(' ')
}

/** The value of a large record alone, or its bytes. */
export function wholeSql(place: RecordPlace, what: 'value' | 'bytes'): string {
  const column = what === 'value' ? '_value AS v' : '_raw AS r'
  return `SELECT ${column} FROM ${topicSql(place.topic)} WHERE ${at(place)} LIMIT 1`
}

const AROUND = 50n

/** The records before and behind, of the same partition. */
export function aroundSql({ topic, partition, offset }: RecordPlace): string {
  const here = BigInt(offset)
  const from = here > AROUND ? here - AROUND : 0n
  const within = `_meta.partition = ${partition} AND _meta.offset BETWEEN ${from} AND ${here + AROUND}`
  return `SELECT * FROM ${topicSql(topic)} WHERE ${within} LIMIT ${2n * AROUND + 1n}`
}

/** A condition on a key, which is JSON. Structures are compared field by field. */
export function keyCondition(keyJson: string, name = '_key'): string {
  const root = rootOf(keyJson)
  if (root.kind === 'null') return `${name} IS NULL`
  if (root.kind === 'text') return textCondition(name, leafText(keyJson, root))
  if (root.kind !== 'object')
    return root.kind === 'array' ? `CAST(${name} AS string) = ${printString(keyJson)}` : `${name} = ${keyJson}`
  const { children } = childrenOf(keyJson, root)
  if (children.length === 0) return `${name} IS NOT NULL`
  return children
    .map((child) => keyCondition(keyJson.slice(child.start, child.end), `${name}.${printName(String(child.name))}`))
    .join(' AND ')
}

/** All records of a key, as time passed. */
export function sameKeySql(topic: string, keyJson: string): string {
  return `SELECT * FROM ${topicSql(topic)} WHERE ${keyCondition(keyJson)} ORDER BY _meta.timestamp LIMIT 1000`
}

/** Where else a value is: as a key, or anywhere in a value. `json`: of a leaf. */
export function elsewhereSql(json: string): string {
  const root = rootOf(json)
  const text = leafText(json, root)
  const found = spellings(text).map((spelling) => `CONTAINS(CAST(_value AS string), ${printString(spelling)})`)
  return [
    'SELECT _meta.topic AS topic, _meta.partition AS `partition`, _meta.offset AS `offset`,',
    '_meta.timestamp AS `time`, _key AS `key`, _value AS `value`',
    `FROM \`*\` WHERE CAST(_key AS string) = ${printString(text)} OR ${found.join(' OR ')} LIMIT 100`,
  ].join(' ')
}

/** What the server says of a record, as JSON text. */
export interface Detail {
  readonly key: string | undefined
  readonly value: string | undefined
  readonly metadata: string | undefined
  readonly headers: string | undefined
  /** Base 64. */
  readonly bytes: string | undefined
  readonly keyBytes: string | undefined
  readonly error: string | undefined
  /** The beginning of a value that is too large to be shown at once. */
  readonly preview: string | undefined
}

/** Of the data of a RECORD that answers `detailSql`. */
export function detailOf(data: string): Detail {
  const row = memberText(data, 'value') ?? '{}'
  const text = (name: string): string | undefined => {
    const json = memberText(row, name)
    return json === undefined || json === 'null' ? undefined : (JSON.parse(json) as string)
  }
  return {
    key: memberText(row, 'k'),
    value: memberText(row, 'v'),
    metadata: memberText(data, 'metadata'),
    headers: memberText(row, 'h'),
    bytes: text('r'),
    keyBytes: text('rk'),
    error: text('e'),
    preview: text('p'),
  }
}

/** Of the data of a row that was received: what it has of a record. */
export function detailOfRow(data: string): Detail {
  return {
    key: memberText(data, 'key'),
    value: memberText(data, 'value'),
    metadata: memberText(data, 'metadata'),
    headers: undefined,
    bytes: undefined,
    keyBytes: undefined,
    error: undefined,
    preview: undefined,
  }
}
