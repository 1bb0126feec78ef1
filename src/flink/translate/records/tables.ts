/**
 * Topics as tables of Flink: the DDL of a scan, and what references to its records are over that table. Plain formats
 * are read as raw bytes, so that what leaves Flink as a record is what Kafka had; JSON values are taken out of them path
 * by path.
 */
import type { Reference } from '../expressions/expression.ts'
import type { ScanRanges } from '../../../engine/scan/ranges.ts'
import { canonicalJson, isAlone, isDoubleWrapped, isJsonRecord, type JsonLook, wrappedAt } from '../json.ts'
import { unexpected } from '../../../lib/assert.ts'
import { exprKey } from '../../../plan/expressions/expr-key.ts'
import type { BoundExpr, PathRef, Scan } from '../../../plan/plan.ts'
import { BOOLEAN, JSON_TYPE, LONG, META_FIELDS } from '../../../types.ts'
import type { Made } from '../aggregates.ts'
import { AvroReader } from './avro.ts'
import { columnOf, type FacetName, facetValue, rawType, type Taken, wholeJson } from './facets.ts'
import { bigEndian, HEADERS, headerOf } from './headers.ts'
import {
  barrier,
  between,
  type FlinkSql,
  list,
  name,
  once,
  plainSql,
  sql,
  staged,
  standingFor,
  text,
} from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { carrierOf, decoded, guard, type Term } from '../terms.ts'

/** How Flink reaches a topic: properties of its Kafka connector without their prefix, secrets included. */
export interface FlinkKafka {
  readonly properties: Readonly<Record<string, string>>
  /** Those whose values are not shown. */
  readonly secrets: ReadonlySet<string>
  /** Options of the format `avro-confluent`, without their prefix. */
  readonly registry?: Pick<FlinkKafka, 'properties' | 'secrets'>
}

/** How tables are declared. `shown`: for people, without secrets. `streaming`: without an end. */
export interface TableOptions {
  readonly kafka: FlinkKafka
  readonly isolation: string
  readonly shown?: boolean
  readonly streaming?: boolean
}

/** One scan of a statement as a table of Flink. References are collected as they are asked for. */
export class FlinkTable {
  readonly scan: Scan
  /** Its name in Flink. */
  readonly id: string
  readonly name: FlinkSql
  readonly #ranges: ScanRanges
  readonly #look: JsonLook
  /** A reference → the column that it is, below the canonical ones. */
  readonly #columns = new Map<string, Required<Omit<Taken, 'type'>> & { readonly term: Term }>()
  /** Names of columns whose numbers are looked at as they are written → the columns that say it (`Term.mark`). */
  readonly #marks = new Map<string, FlinkSql>()
  readonly #facets = new Set<FacetName>()
  /** Facets that are looked at as a whole. */
  readonly #wholes = new Set<FacetName>()
  /** Facets whose number is looked at. */
  readonly #numbers = new Set<FacetName>()
  #withHeaders = false
  /** Fields of an Avro value, which Flink decodes. */
  #avro: AvroReader | undefined
  /** Facets that are JSON, and looked into: records that are none are passed over. */
  readonly checked = new Set<FacetName>()

  constructor(scan: Scan, ranges: ScanRanges, number: number, look: JsonLook) {
    if (scan.badRecords === true)
      throw new Refusal('A statement that looks at bad records (_bad, _error, _raw) is not handed over to Flink.')
    this.scan = scan
    this.id = `sluice_${number}`
    this.name = name(this.id)
    this.#ranges = ranges
    this.#look = look
  }

  /** What a reference to a record is, over `rows`. */
  readonly reference = (e: Reference): Term => {
    switch (e.kind) {
      case 'path':
        return this.#column(JSON.stringify(e.path), () => this.#path(e))
      case 'lastOffset':
        return this.#column('last', () => ({ taken: this.#lastOffset(), type: LONG }))
      case 'header':
        this.#withHeaders = true
        return this.#column(exprKey(e), () => headerOf(e))
      case 'presence':
        if (e.path.facet === 'value' && e.path.steps.length === 0 && this.scan.table.value.format !== 'AVRO')
          return this.#column('alive', () => ({ taken: sql`(sluice_value IS NOT NULL)`, type: BOOLEAN }))
        throw new Refusal(
          'Whether a field is there at all is not handed over to Flink, which cannot tell it from NULL.',
          e.span,
        )
      case 'slot':
      case 'column':
        throw new Refusal('A column of other rows stands in a scan.')
    }
  }

  /**
   * A whole JSON key or value that only goes through Flink, as the text that the record has; undefined for anything else.
   * What is looked into there is a `reference`, whose text is another one.
   */
  readonly whole = (e: BoundExpr): Made | undefined => {
    if (e.kind !== 'path' || e.path.steps.length > 0 || e.type.kind !== 'json') return undefined
    const { facet } = e.path
    if (facet !== 'key' && facet !== 'value') return undefined
    if (this.scan.table[facet].format !== 'JSON' || this.scan.table[facet].framing !== 'none') return undefined
    this.#facets.add(facet)
    this.checked.add(facet)
    this.#wholes.add(facet)
    const { sql: taken, type } = this.#column(`whole ${facet}`, () => ({
      taken: decoded(sql`CAST(${columnOf(facet)} AS STRING)`),
      type: JSON_TYPE,
    }))
    return {
      type,
      columns: [taken],
      term: { type },
      carrier: (column) => canonicalJson(once(wrappedAt(column, []))),
      read: ([said]) => (said === null ? null : wholeJson(said)),
    }
  }

  #column(key: string, make: () => Taken): Term {
    const known = this.#columns.get(key)
    if (known !== undefined) return known.term
    const { taken, type, isJson = false, isField = false, ofBytes = false, ofNewest = false } = make()
    const column = standingFor(name(`r${this.#columns.size}`), isJson ? canonicalJson(once(taken)) : taken)
    const term: Term = isJson ? { sql: column, type, mark: () => this.#mark(column) } : { sql: column, type }
    this.#columns.set(key, { taken, term, isJson, isField, ofBytes, ofNewest })
    return term
  }

  #mark(column: FlinkSql): FlinkSql {
    const known = this.#marks.get(column.text) ?? name(`m${this.#marks.size}`)
    this.#marks.set(column.text, known)
    return known
  }

  /** Every column that was asked for, of every record: to be taken once all references are known. */
  rows(further: readonly FlinkSql[] = []): FlinkSql {
    const columns = [...this.#columns.values()]
    const own = columns.map(({ taken, term }) => sql`${barrier(taken)} AS ${term.sql}`)
    const taken = [...own, ...further]
    const checks = [...this.checked].map((facet) => {
      const bytes = columnOf(facet)
      const record = sql`CAST(${bytes} AS STRING)`
      const isJson = isJsonRecord(record, this.#look)
      const isGood = this.#wholes.has(facet) ? sql`(${isJson} AND ${isAlone(record)})` : isJson
      return sql`CASE WHEN ${bytes} IS NULL THEN TRUE ELSE ${isGood} END`
    })
    checks.push(...this.#gaps())
    const where = checks.length === 0 ? sql`` : sql` WHERE ${list(checks, ' AND ')}`
    const given = sql`SELECT ${taken.length === 0 ? sql`1 AS ${NOTHING}` : list(taken, ', ')} FROM ${this.name}${where}`
    const bare = this.#avro === undefined ? given : this.#withAvro(own, further, where)
    if (!columns.some(({ isJson }) => isJson)) return bare
    const canonical = columns.map(({ term, isJson }) => (isJson ? barrier(canonicalJson(term.sql)) : term.sql))
    const named = [
      ...canonical.map((made, i) => sql`${made} AS ${columns[i].term.sql}`),
      ...columns.flatMap(({ term }) => {
        const mark = this.#marks.get(term.sql.text)
        return mark === undefined ? [] : [sql`${barrier(isDoubleWrapped(term.sql))} AS ${mark}`]
      }),
      ...further.map((_, i) => FURTHER[i]),
    ]
    const chosen = list(named, ', ')
    return plainSql(sql`SELECT ${chosen} FROM (${staged(bare, [chosen], 'q', sql``)})`)
  }

  /**
   * Rows of fields that Flink decodes, and of the records without a value, which its Avro passes over. `further` are the
   * records as they are, and so is what is said of their bytes: read once more, as bytes that nobody decodes, and found
   * by partition and offset.
   */
  #withAvro(own: readonly FlinkSql[], further: readonly FlinkSql[], where: FlinkSql): FlinkSql {
    const columns = [...this.#columns.values()]
    const decoded = own.filter((_, i) => !columns[i].ofBytes)
    if (further.length === 0 && decoded.length === own.length && !columns.some(({ ofNewest }) => ofNewest))
      return sql`SELECT ${list(own, ', ')} FROM ${this.name}${where} UNION ALL ${this.#tombstones(where)}`
    const place = [sql`sluice_partition AS p`, sql`sluice_offset AS o`]
    const fields = sql`SELECT ${list([...decoded, ...place], ', ')} FROM ${this.name}${where}`
    const all = sql`${fields} UNION ALL ${this.#tombstones(where, place)}`
    const wanted = columns.map(({ ofBytes, ofNewest, term }, i) =>
      ofBytes ? own[i] : ofNewest ? sql`${barrier(this.#asNewest(term))} AS ${term.sql}` : term.sql,
    )
    return sql`SELECT ${list([...wanted, ...further], ', ')} FROM (${all}) AS f JOIN ${this.#bytesName} AS b ON f.p = b.sluice_partition AND f.o = b.sluice_offset`
  }

  /** A record of another subject, or of a version that is not known yet, is what its own schema says: it ends the job. */
  #asNewest(term: Term): FlinkSql {
    const id = this.#schemaId('value')
    const ids = list(
      (this.scan.table.value.asNewest ?? []).map((one) => sql`${one}`),
      ', ',
    )
    const said = sql`COALESCE(CAST(${id} AS STRING), '?')`
    const none = (as: FlinkSql) => guard('a record of another schema than those of the topic', said, as)
    // No number becomes bytes, but a text does.
    const other = term.type.kind === 'bytes' ? sql`CAST(${none(sql`STRING`)} AS BYTES)` : none(carrierOf(term.type))
    return sql`CASE WHEN sluice_value IS NULL OR ${id} IN (${ids}) THEN ${term.sql} ELSE ${other} END`
  }

  #tombstones(where: FlinkSql, further: readonly FlinkSql[] = []): FlinkSql {
    const decoded = [...this.#columns.values()].filter(({ ofBytes }) => further.length === 0 || !ofBytes)
    const columns = decoded.map(({ taken, term, isField }) =>
      isField ? sql`CAST(NULL AS ${carrierOf(term.type)}) AS ${term.sql}` : sql`${barrier(taken)} AS ${term.sql}`,
    )
    const dead = sql`sluice_value IS NULL`
    return sql`SELECT ${list([...columns, ...further], ', ')} FROM ${this.#bytesName}${where.text === '' ? sql` WHERE ${dead}` : sql`${where} AND ${dead}`}`
  }

  /** The table of an Avro topic whose values are bytes. */
  get #bytesName(): FlinkSql {
    return name(`${this.id}_bytes`)
  }

  /** The columns of `rows`. */
  names(further: readonly FlinkSql[] = []): FlinkSql {
    const own = [...[...this.#columns.values()].map(({ term }) => term.sql), ...this.#marks.values()]
    const all = [...own, ...further.map((_, i) => FURTHER[i])]
    return all.length === 0 ? NOTHING : list(all, ', ')
  }

  #path(e: PathRef): Taken {
    const { facet, steps } = e.path
    if (facet === 'meta') {
      const ofBytes = steps[0] === '__valuesize' || steps[0] === 'valueSchemaId'
      return { taken: this.#meta(String(steps[0])), type: META_FIELDS[steps[0]] ?? e.type, ofBytes }
    }
    if (facet === 'header') unexpected('headers are header references')
    const table = this.scan.table[facet]
    if (facet === 'value' && table.format === 'AVRO') {
      const reader = this.#avro ?? new AvroReader(table)
      const field = reader.field(e)
      this.#avro = reader
      return field
    }
    this.#facets.add(facet)
    if (rawType(table) !== undefined) this.#numbers.add(facet)
    if (steps.length === 0) this.#wholes.add(facet)
    return facetValue(table, facet, steps, e, this.checked)
  }

  #meta(field: string): FlinkSql {
    switch (field) {
      case 'partition':
        return sql`CAST(sluice_partition AS BIGINT)`
      case 'offset':
        return sql`sluice_offset`
      case 'timestamp':
        return sql`NULLIF(${MILLIS}, -1)`
      case 'topic':
        return text(this.scan.table.topic)
      case '__keysize':
      case '__valuesize':
        return this.#size(field === '__keysize' ? 'key' : 'value')
      case 'keySchemaId':
      case 'valueSchemaId':
        return this.#schemaId(field === 'keySchemaId' ? 'key' : 'value')
      default:
        throw new Refusal(`The metadata field ${field} is not handed over to Flink.`)
    }
  }

  /** Bytes of a facet, 0 without one: as many as characters of an encoding of one byte each. */
  #size(facet: FacetName): FlinkSql {
    this.#facets.add(facet)
    const column = columnOf(facet)
    if (rawType(this.scan.table[facet]) !== undefined)
      throw new Refusal('The size of a number is not handed over to Flink.')
    return sql`CAST(COALESCE(CHAR_LENGTH(${charactersOf(column)}), 0) AS BIGINT)`
  }

  /** Behind a byte of zero; NULL for what is too short. */
  #schemaId(facet: FacetName): FlinkSql {
    if (this.scan.table[facet].framing !== 'confluent') return sql`CAST(NULL AS BIGINT)`
    this.#facets.add(facet)
    const bytes = charactersOf(columnOf(facet))
    return bigEndian(sql`CASE WHEN CHAR_LENGTH(${bytes}) >= 5 THEN SUBSTRING(${bytes} FROM 2 FOR 4) END`, 4)
  }

  #lastOffset(): FlinkSql {
    const whens = this.#ranges.bounds.map(
      ({ partition, end }) => sql`WHEN ${partition} THEN CAST(${end - 1} AS BIGINT)`,
    )
    return whens.length === 0 ? sql`CAST(NULL AS BIGINT)` : sql`CASE sluice_partition ${list(whens, ' ')} END`
  }

  /** Records as Kafka has them, as further columns of `rows`; `headers`: with the last of each name. */
  raw(headers: boolean): FlinkSql[] {
    this.#facets.add('key').add('value')
    this.#withHeaders ||= headers
    return [
      sql`sluice_partition AS x0`,
      sql`sluice_offset AS x1`,
      sql`${MILLIS} AS x2`,
      sql`sluice_key AS x3`,
      sql`sluice_value AS x4`,
      ...(headers ? [sql`MAP_KEYS(${HEADERS}) AS x5`, sql`MAP_VALUES(${HEADERS}) AS x6`] : []),
    ]
  }

  /** A key or value that a job copies, as the bytes that Kafka has; a JSON value that is none is no record. */
  copy(facet: FacetName): FlinkSql {
    const table = this.scan.table[facet]
    if (this.#numbers.has(facet))
      throw new Refusal(`A job looks at the number that a ${facet} is, or copies it, and not both.`)
    this.#facets.add(facet)
    if (table.format === 'JSON' && table.framing === 'none') this.checked.add(facet)
    this.#wholes.add(facet)
    return columnOf(facet)
  }

  /** Key and value, read back from the columns of `raw`. */
  get rawTypes(): { readonly key: 'bytes' | 'number'; readonly value: 'bytes' | 'number' } {
    const kind = (facet: FacetName) => (rawType(this.scan.table[facet]) === undefined ? 'bytes' : 'number')
    return { key: kind('key'), value: kind('value') }
  }

  /** The temporary tables that `rows` reads, with exactly the captured offsets. */
  ddl(options: TableOptions): FlinkSql[] {
    const { registry } = options.kafka
    if (this.#avro === undefined)
      return [this.#table(this.name, [sql`sluice_value ${this.#typed('value', options)}`], RAW_VALUE, options)]
    if (registry === undefined)
      throw new Refusal('Avro is decoded in Flink with the schema registry, and there is none.')
    const format: [string, string][] = [
      ['value.format', 'avro-confluent'],
      ['value.avro-confluent.schema', this.#avro.schema()],
      ...Object.entries(registry.properties).map(([key, value]): [string, string] => [
        `value.avro-confluent.${key}`,
        options.shown === true && registry.secrets.has(key) ? '***' : value,
      ]),
    ]
    return [
      this.#table(this.name, this.#avro.columns(), format, options),
      this.#table(this.#bytesName, [sql`sluice_value BYTES`], RAW_VALUE, options),
    ]
  }

  /** A job copies numbers as the bytes that they are. */
  #typed(facet: FacetName, { streaming = false }: TableOptions): FlinkSql {
    return (streaming && !this.#numbers.has(facet) ? undefined : rawType(this.scan.table[facet])) ?? sql`BYTES`
  }

  #table(
    called: FlinkSql,
    values: readonly FlinkSql[],
    format: readonly (readonly [string, string])[],
    how: TableOptions,
  ): FlinkSql {
    const { kafka, isolation, shown = false, streaming = false } = how
    const hasKey = this.#facets.has('key')
    const columns = [
      ...(hasKey ? [sql`sluice_key ${this.#typed('key', how)}`] : []),
      ...values,
      sql`sluice_partition INT METADATA FROM 'partition' VIRTUAL`,
      sql`sluice_offset BIGINT METADATA FROM 'offset' VIRTUAL`,
      sql`sluice_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL`,
      ...(this.#withHeaders ? [sql`${HEADERS} MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL`] : []),
    ]
    const places = (of: 'start' | 'end'): string =>
      this.hulls.map((hull) => `partition:${hull.partition},offset:${hull[of]}`).join(';')
    const options: (readonly [string, string])[] = [
      ['connector', 'kafka'],
      ['topic', this.scan.table.topic],
      ...shownProperties(kafka, shown),
      ['properties.isolation.level', isolation],
      // Reading makes no topic, whatever the brokers would do.
      ['properties.allow.auto.create.topics', 'false'],
      ['scan.startup.mode', 'specific-offsets'],
      ['scan.startup.specific-offsets', places('start')],
      ...(streaming ? [] : BOUNDED),
      ...(streaming ? [] : [['scan.bounded.specific-offsets', places('end')] as const]),
      ...(hasKey ? RAW_KEY : []),
      ...format,
    ]
    const written = options.map(([key, value]) => sql`${text(key)} = ${text(value)}`)
    return sql`CREATE TEMPORARY TABLE ${called} (\n  ${list(columns, ',\n  ')}\n) WITH (\n  ${list(written, ',\n  ')}\n)`
  }

  /** Start and end of the partitions as they were captured. */
  get bounds() {
    return this.#ranges.bounds
  }

  /** Offsets between the ranges of a partition, which Flink reads on its way, are not wanted. */
  #gaps(): FlinkSql[] {
    const { ranges } = this.#ranges
    return ranges.slice(1).flatMap(({ partition, start }, i) => {
      const before = ranges[i]
      if (before.partition !== partition || before.end >= start) return []
      return [
        sql`(sluice_partition <> ${partition} OR NOT ${between(sql`sluice_offset`, sql`${before.end}`, sql`${start - 1}`)})`,
      ]
    })
  }

  /** For each partition from the first to the last offset that is wanted; those of which nothing is wanted are empty. */
  get hulls(): readonly { readonly partition: number; readonly start: number; readonly end: number }[] {
    const own = Map.groupBy(this.#ranges.ranges, ({ partition }) => partition)
    const ends = new Map(this.#ranges.bounds.map(({ partition, end }) => [partition, end]))
    return this.scan.table.partitions.map((partition) => {
      const ranges = own.get(partition) ?? []
      const end = ends.get(partition) ?? 0
      return ranges.length === 0
        ? { partition, start: end, end }
        : { partition, start: ranges[0].start, end: ranges[ranges.length - 1].end }
    })
  }
}

const NOTHING = name('nothing')
const FURTHER = Array.from({ length: 7 }, (_, i) => name(`x${i}`))

const MILLIS = sql`(EXTRACT(EPOCH FROM CAST(sluice_time AS TIMESTAMP(3))) * 1000 + EXTRACT(MILLISECOND FROM CAST(sluice_time AS TIMESTAMP(3))))`

const BOUNDED = [['scan.bounded.mode', 'specific-offsets']] as const
const RAW_KEY = [
  ['key.format', 'raw'],
  ['key.fields', 'sluice_key'],
  ['value.fields-include', 'EXCEPT_KEY'],
] as const
const RAW_VALUE = [['value.format', 'raw']] as const

/** Options of the connector; `shown`: without secrets. */
export function shownProperties({ properties, secrets }: FlinkKafka, shown: boolean): [string, string][] {
  return Object.entries(properties).map(([key, value]) => [
    `properties.${key}`,
    shown && secrets.has(key) ? '***' : value,
  ])
}

/** A character for each byte. */
function charactersOf(column: FlinkSql): FlinkSql {
  return sql`DECODE(${column}, 'ISO-8859-1')`
}
