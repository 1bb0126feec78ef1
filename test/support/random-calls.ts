/**
 * Random expressions over awkward values: functions, casts, operators and conditions over one row, as text, and the two
 * topics that hold the values (`odd_avro`, `odd_json`). Whether an answer is right is not known here: the same is asked
 * of two engines.
 */
import type { ExactJson } from './exact-json.ts'
import type { WorldTopic } from './memory-world.ts'
import { jsonText, type Random } from './random-tables.ts'

/** What an expression gives. `any`: a JSON value of a kind that only rows say. */
export type Kind = 'text' | 'whole' | 'number' | 'decimal' | 'truth' | 'moment' | 'date' | 'any'

const ALL_TEXTS: readonly string[] = [
  ...['', ' ', 'a', 'Ab c', '  pad\t', 'x\ny', "it's", '%_\\', 'a%b', '"q"', 'null', 'true', 'FALSE', '[1]', '{"a":1}'],
  ...['ß', 'İ', 'ﬁt', 'Σίσυφος', '日本語', 'a\u0301', '\u00a0x\u2003', '\ufeffb', '\uffff', '😀x', 'ab😀', '٣4'],
  ...['0', '-1', '+5', '007', '1e3', '1.50', '-0', ' 12 ', '9223372036854775807', '99999999999999999999', '0x1F', '1.'],
  ...['2024-02-29', '2023-02-29', '2024-02-29T12:34:56.789Z', '1969-12-31 23:59:59.999', '0001-01-01', '12:30'],
  ...['2024-02-29T12:34:56+02:00', '2024-1-5', '-0001-01-01', '10000-01-01', 'abcabcabc', 'aAbBcC'],
]
const ALL_INTS: readonly number[] = [0, 1, -1, 2, 3, 7, -7, 10, 60, 100, 2147483647, -2147483648]
const ALL_LONGS: readonly bigint[] = [
  ...[0n, 1n, -1n, 5n, -3n, 86_400_000n, 1_709_210_096_789n, -1n, -86_400_001n, 9007199254740991n, 9007199254740993n],
  ...[-9007199254740993n, 4611686018427387905n, 9223372036854775807n, -9223372036854775808n],
]
const ALL_DOUBLES: readonly number[] = [
  ...[0, -0, 0.1, 0.5, -0.5, 1, 1.5, 2.5, -2.5, -7, 3.14, 1e15, 9007199254740992, 1e16, -1e18, 1e22, 1e300],
  ...[5e-324, 1e-7, 0.30000000000000004, 123456789.125, 4.35],
]
const MOMENTS: readonly number[] = [
  ...[0, -1, 1, 999, 86_399_999, -86_400_000, 951_782_400_000, 1_709_210_096_789, 1_735_689_599_999],
  ...[-62_135_596_800_000, -2_208_988_800_001, 253_402_300_799_999, 4_102_444_800_000],
]

/** What a broker takes as the time of a record. */
const OF_RECORDS = MOMENTS.filter((ms) => ms >= 0 && ms < 1_735_689_599_999)

/** Rows of each topic. */
const ROWS = 40

const SCHEMA = JSON.stringify({
  type: 'record',
  name: 'Odd',
  fields: [
    ...['s', 't'].map((name) => ({ name, type: ['null', 'string'] })),
    { name: 'i', type: ['null', 'int'] },
    { name: 'n', type: 'int' },
    { name: 'l', type: ['null', 'long'] },
    { name: 'd', type: ['null', 'double'] },
    { name: 'f', type: ['null', 'float'] },
    { name: 'b', type: ['null', 'boolean'] },
    { name: 'c', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 18, scale: 2 }] },
    { name: 'q', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 4 }] },
    { name: 'ms', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }] },
    { name: 'us', type: ['null', { type: 'long', logicalType: 'timestamp-micros' }] },
    { name: 'w', type: ['null', { type: 'int', logicalType: 'date' }] },
  ],
})

/** The columns of a topic, by what they give. */
type Table = Readonly<Record<Kind, readonly string[]>>
const AVRO: Table = {
  text: ['s', 't', '_key'],
  whole: ['i', 'n', 'l', '_meta.offset', '_meta.partition'],
  number: ['d', 'f'],
  decimal: ['c', 'q'],
  truth: ['b'],
  moment: ['ms', 'us', '_meta.timestamp'],
  date: ['w'],
  any: [],
}
const JSON_TABLE: Table = {
  text: ['s', 't', '_key'],
  whole: ['i', 'n', 'l', '_meta.offset'],
  number: ['d'],
  decimal: [],
  truth: ['b'],
  moment: ['_meta.timestamp'],
  date: [],
  any: ['x', 'y', 'o.x', 'o.s', 'a[0]', 'o'],
}

export const CALL_TABLES: Readonly<Record<string, Table>> = { odd_avro: AVRO, odd_json: JSON_TABLE }

/**
 * Both topics, with rows of the seed. What Flink always gives back (characters beyond the basic plane, long digits) is in
 * some rounds only, so that the others get to an answer.
 */
export function oddTopics(random: Random): WorldTopic[] {
  const [astral, long] = [random.chance(0.2), random.chance(0.3)]
  const some = <T>(of: readonly T[]): T[] => of.filter((value) => random.chance(0.6) && (long || !isLong(value)))
  const TEXTS = some(ALL_TEXTS).filter((text) => astral || !/[^\0-\uffff]/u.test(text))
  const [INTS, LONGS, DOUBLES] = [some(ALL_INTS), some(ALL_LONGS), some(ALL_DOUBLES)]
  const maybe = <T>(of: readonly T[]): T | null => (random.chance(0.12) ? null : random.pick(of))
  const record = (value: Record<string, ExactJson>) => ({
    partition: random.int(0, 1),
    timestampMs: random.pick(OF_RECORDS),
    key: random.chance(0.1) ? null : { json: random.pick(TEXTS) },
    value: { json: value, text: jsonText(value) },
  })
  const ofBoth = () => ({ s: maybe(TEXTS), t: maybe(TEXTS), i: maybe(INTS), n: random.pick(INTS), l: maybe(LONGS) })
  const avro = Array.from({ length: ROWS }, () =>
    record({
      ...ofBoth(),
      d: maybe([...DOUBLES, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
      f: maybe([0, -0, 0.5, 1.5, -2.25, 1024.125, 16777216, 3]),
      b: maybe([true, false]),
      c: maybe(['0.00', '1.25', '-2.50', '10.00', '0.10', '-0.01', '9999999999999.99']),
      q: maybe(['0.0000', '1.2500', '-2.5000', '0.0001', '12345678.9999']),
      ms: maybe(MOMENTS),
      us: maybe(MOMENTS.map((ms) => BigInt(ms) * 1000n + 7n)),
      w: maybe(MOMENTS.map((ms) => Math.floor(ms / 86_400_000))),
    }),
  )
  // A zero with a sign is known to lose it (docs/flink.md).
  const fractions = DOUBLES.filter((value) => !Object.is(value, -0))
  const json = Array.from({ length: ROWS }, () => {
    const any = (): ExactJson =>
      random.pick<ExactJson>([
        random.pick(TEXTS),
        random.pick(INTS),
        random.pick(LONGS),
        random.pick(fractions),
        true,
        null,
      ])
    return record({
      ...ofBoth(),
      d: maybe(fractions),
      b: maybe([true, false]),
      x: any(),
      y: any(),
      o: random.chance(0.2) ? any() : { x: any(), s: maybe(TEXTS) },
      a: random.chance(0.2) ? any() : [any(), any()],
    })
  })
  return [
    { name: 'odd_avro', partitions: 2, value: { name: 'AVRO', schemas: [SCHEMA] }, records: avro },
    { name: 'odd_json', partitions: 2, value: { name: 'JSON' }, records: json },
  ]
}

/** More digits than a double has. */
function isLong(value: unknown): boolean {
  if (typeof value === 'bigint') return value > 9_007_199_254_740_991n || value < -9_007_199_254_740_991n
  return typeof value === 'number' && (Math.abs(value) > 1e15 || (value !== 0 && Math.abs(value) < 1e-7))
}

/** A random expression over the columns of a topic, as SQL. */
export function randomCall(table: Table, random: Random): string {
  const kinds: readonly Kind[] = ['text', 'text', 'whole', 'whole', 'number', 'truth', 'truth', 'moment', 'date']
  const more: readonly Kind[] = table === AVRO ? ['decimal'] : ['any']
  return new Calls(table, random).of(random.pick([...kinds, ...more]), random.int(1, 3))
}

/** A random expression of that kind. */
export function callOf(kind: Kind, table: string, random: Random, depth: number): string {
  return new Calls(CALL_TABLES[table], random).of(kind, depth)
}

/** A random statement in which awkward values of two topics meet: joined, looked for, in sets, in groups. */
export function randomMeeting(random: Random): string {
  const [left, right] = [0, 1].map(() => random.pick(Object.keys(CALL_TABLES)))
  const kind = random.pick<Kind>(['text', 'whole', 'number', 'number', 'moment', 'date', 'any', 'decimal', 'truth'])
  const side = (table: string, alias: string): string => {
    const columns = CALL_TABLES[table]
    const own = random.chance(0.7) ? kind : random.pick<Kind>(['text', 'whole', 'number', 'any'])
    const column = random.pick([...columns[own], ...(columns[own].length === 0 ? columns.whole : [])])
    const at = `${alias}.${column}`
    if (random.chance(0.75) || own === 'any') return at
    return own === 'text' ? `LOWER(${at})` : own === 'whole' || own === 'number' ? `(${at} * 2)` : at
  }
  const [x, y, z] = [side(left, 'a'), side(right, 'b'), side(left, 'a')]
  const op = random.pick(['=', '=', '=', '<>', '<', '>='])
  const place = 'a._meta.partition AS p, a._meta.offset AS o'
  const by = 'GROUP BY a._meta.partition, a._meta.offset'
  return random.pick([
    () => `SELECT ${place}, COUNT(*) AS n FROM ${left} a JOIN ${right} b ON ${x} ${op} ${y} ${by}`,
    () =>
      `SELECT ${place}, COUNT(b._meta.offset) AS n FROM ${left} a ${random.pick(['LEFT', 'FULL'])} JOIN ${right} b ON ${x} = ${y} ${by}`,
    () =>
      `SELECT ${place}, COUNT(*) AS n FROM ${left} a WHERE ${x} ${random.pick(['', 'NOT '])}IN (SELECT ${y} FROM ${right} b WHERE b.n > ${random.int(-8, 8)}) ${by}`,
    () =>
      `SELECT ${place}, COUNT(*) AS n FROM ${left} a WHERE ${random.pick(['', 'NOT '])}EXISTS (SELECT 1 FROM ${right} b WHERE ${y} ${op} ${x}) ${by}`,
    () =>
      `SELECT ${x} AS x FROM ${left} a ${random.pick(['UNION', 'EXCEPT', 'INTERSECT', 'EXCEPT ALL'])} SELECT ${y} FROM ${right} b`,
    () =>
      `SELECT ${x} AS x, COUNT(*) AS n, MIN(${z}) AS l, MAX(${z}) AS m, COUNT(DISTINCT ${z}) AS d FROM ${left} a GROUP BY ${x}`,
    () => `SELECT ${x} AS x, SUM(${z}) AS s, AVG(${z}) AS v, SUM(DISTINCT ${z}) AS d FROM ${left} a GROUP BY ${x}`,
    () =>
      `SELECT COUNT(*) AS n, MAX(${x}) AS m FROM ${left} a WHERE ${x} ${op} (SELECT ${random.pick(['MAX', 'MIN'])}(${y}) FROM ${right} b)`,
    () =>
      `SELECT ${place}, (SELECT COUNT(*) FROM ${right} b WHERE ${y} = ${x}) AS n, COUNT(*) AS c FROM ${left} a ${by}, ${x}`,
  ])()
}

class Calls {
  readonly #table: Table
  readonly #random: Random
  constructor(table: Table, random: Random) {
    this.#table = table
    this.#random = random
  }

  of(kind: Kind, depth: number): string {
    const random = this.#random
    if (depth <= 0) return this.#leaf(kind)
    const roll = random.next()
    const again = (): string => this.of(kind, depth - 1)
    if (roll < 0.06) return `CASE WHEN ${this.of('truth', depth - 1)} THEN ${again()} ELSE ${again()} END`
    if (roll < 0.1) return `COALESCE(${again()}, ${again()})`
    if (roll < 0.13) return `NULLIF(${again()}, ${this.#leaf(kind)})`
    return random.pick(this.#rows(kind, depth - 1))()
  }

  #leaf(kind: Kind): string {
    const random = this.#random
    const columns = this.#table[kind]
    if (columns.length > 0 && random.chance(0.75)) return random.pick(columns)
    if (kind === 'text' && this.#table.any.length > 0 && random.chance(0.2)) return random.pick(['o.s'])
    return this.#literal(kind)
  }

  #literal(kind: Kind): string {
    const random = this.#random
    switch (kind) {
      case 'text':
        return quoted(random.pick(ALL_TEXTS))
      case 'whole':
        return random.chance(0.8) ? number(random.pick(ALL_INTS)) : number(random.pick(ALL_LONGS))
      case 'number':
      case 'any':
        return number(random.pick(ALL_DOUBLES))
      case 'decimal':
        return `CAST('${random.pick(['0', '1.25', '-2.5', '10.00', '0.125'])}' AS decimal)`
      case 'truth':
        return random.pick(['true', 'false', 'NULL'])
      case 'moment':
        return `TIMESTAMP '${new Date(random.pick(MOMENTS.filter((ms) => ms > -2e12 && ms < 4e12))).toISOString()}'`
      case 'date':
        return `DATE '${random.pick(['2024-02-29', '1969-12-31', '1970-01-01', '2000-03-01'])}'`
    }
  }

  /** What gives the kind, each with its arguments. */
  #rows(kind: Kind, depth: number): readonly (() => string)[] {
    const [random, of] = [this.#random, (wanted: Kind) => this.of(wanted, depth)]
    const size = (): number => random.pick([0, 1, 2, 3, 5, 12])
    const column = (): string => this.#leaf(kind)
    switch (kind) {
      case 'text': {
        const one = [
          'LOWER',
          'UPPER',
          'TRIM',
          'LTRIM',
          'RTRIM',
          'REVERSE',
          'CHOP',
          'DELETEWHITESPACE',
          'DIGITS',
          'BASE64',
        ]
        const cut = ['TAKELEFT', 'TAKERIGHT', 'DROPLEFT', 'DROPRIGHT', 'TRUNCATE']
        return [
          () => `${random.pick(one)}(${of('text')})`,
          () => `${random.pick(one)}(${of('text')})`,
          () => `${random.pick(cut)}(${of('text')}, ${size()})`,
          () => `SUBSTR(${of('text')}, ${size()})`,
          () => {
            const from = size()
            return `SUBSTR(${of('text')}, ${from}, ${from + size()})`
          },
          () =>
            `${random.pick(['LPAD', 'RPAD'])}(${of('text')}, ${size()}, ${quoted(random.pick(['-', 'ab', ' ', 'ü']))})`,
          () => `REPLACE(${of('text')}, ${quoted(random.pick(['a', 'b', ' ', '0', '-', '\\', '.']))}, ${of('text')})`,
          () => `CONCAT(${of('text')}, ${of(random.pick(['text', 'whole', 'truth'] as const))})`,
          () => `(${of('text')} || ${of('text')})`,
          () => `CAST(${of(random.pick(['whole', 'truth', 'text', 'moment', 'date', 'decimal'] as const))} AS string)`,
          column,
        ]
      }
      case 'whole':
        return [
          () => `(${of('whole')} ${random.pick(['+', '-', '*'])} ${of('whole')})`,
          () => `(${of('whole')} ${random.pick(['/', '%'])} ${of('whole')})`,
          () => `-(${of('whole')})`,
          () => `ABS(${of('whole')})`,
          () => `LEN(${of('text')})`,
          () => `${random.pick(['FLOOR', 'CEIL', 'ROUND'])}(${of('number')})`,
          () => `INDEXOF(${of('text')}, ${of('text')})`,
          () => `POSITION(${quoted(random.pick(['a', 'b', '', '1']))}, ${of('text')})`,
          () =>
            `${random.pick(['YEAR', 'MONTH', 'DAY', 'HOUR', 'MINUTE', 'SECOND'])}(${of(random.pick(['moment', 'moment', 'date'] as const))})`,
          () => `${random.pick(['MAX', 'MIN'])}(${of('whole')}, ${of('whole')})`,
          () =>
            `CAST(${of(random.pick(['text', 'number', 'truth', 'whole', 'decimal'] as const))} AS ${random.pick(['long', 'int'])})`,
          () => `(${of('moment')} - ${of('moment')})`,
          column,
        ]
      case 'number':
        return [
          () =>
            `(${of('number')} ${random.pick(['+', '-', '*', '/', '%'])} ${of(random.pick(['number', 'whole'] as const))})`,
          () => `(${of('whole')} ${random.pick(['+', '-', '*', '/', '%'])} ${of('number')})`,
          () => `-(${of('number')})`,
          () => `ABS(${of('number')})`,
          () => `SQRT(${of(random.pick(['number', 'whole'] as const))})`,
          () =>
            `CAST(${of(random.pick(['text', 'whole', 'number', 'decimal', 'truth'] as const))} AS ${random.pick(['double', 'double', 'float'])})`,
          column,
        ]
      case 'decimal':
        return [
          () => `(${of('decimal')} ${random.pick(['+', '-', '*'])} ${of(random.pick(['decimal', 'whole'] as const))})`,
          () => `-(${of('decimal')})`,
          () => `ABS(${of('decimal')})`,
          () => `CAST(${of('whole')} AS decimal)`,
          column,
        ]
      case 'moment':
        return [
          () => `CAST(${of(random.pick(['text', 'whole', 'date', 'moment'] as const))} AS timestamp)`,
          () => `(${of('moment')} ${random.pick(['+', '-'])} "${random.pick(['1d', '90m', '36h 1s', '2w', '1s'])}")`,
          () => `TUMBLE(${of('moment')}, '${random.pick(['1h', '15m', '1d', '1w', '1M', '10s', '1y'])}')`,
          column,
        ]
      case 'date':
        return [() => `CAST(${of(random.pick(['text', 'date', 'moment'] as const))} AS date)`, column]
      case 'any':
        return [
          column,
          () => `(${column()} ${random.pick(['+', '-', '*', '/', '%'])} ${of('whole')})`,
          () => `ABS(${column()})`,
        ]
      case 'truth':
        return this.#conditions(depth)
    }
  }

  #conditions(depth: number): readonly (() => string)[] {
    const [random, of] = [this.#random, (wanted: Kind) => this.of(wanted, depth)]
    const op = (): string => random.pick(['=', '<>', '<', '<=', '>', '>='])
    const json: readonly Kind[] = this.#table.any.length > 0 ? ['any', 'any'] : ['decimal']
    const kind = (): Kind => random.pick(['text', 'whole', 'number', 'moment', 'date', ...json] as const)
    const partner = (of: Kind): Kind => {
      if (of === 'any') return random.pick(['any', 'text', 'whole', 'number', 'truth'] as const)
      const numbers: readonly Kind[] = json.includes('any') ? ['whole', 'number'] : ['whole', 'number', 'decimal']
      return numbers.includes(of) ? random.pick(numbers) : of
    }
    const together = (make: (a: string, b: () => string) => string): string => {
      const a = kind()
      return make(of(a), () => of(partner(a)))
    }
    return [
      () => together((a, b) => `(${a} ${op()} ${b()})`),
      () => together((a, b) => `(${a} ${op()} ${b()})`),
      () => together((a, b) => `(${a} ${random.pick(['', 'NOT '])}IN (${b()}, ${b()}, ${b()}))`),
      () => together((a, b) => `(${a} ${random.pick(['', 'NOT '])}BETWEEN ${b()} AND ${b()})`),
      () => `(${of(kind())} IS ${random.pick(['', 'NOT '])}NULL)`,
      () =>
        `(${of('text')} ${random.pick(['', 'NOT '])}LIKE ${quoted(random.pick(['%', 'a%', '%b%', '_', '%_b', 'A%c', '', '1.%', '%\\%%', '__%']))})`,
      () => `${random.pick(['CONTAINS', 'STARTSWITH', 'ENDSWITH'])}(${of('text')}, ${of('text')})`,
      () => `(${of('truth')} ${random.pick(['AND', 'OR'])} ${of('truth')})`,
      () => `(NOT ${of('truth')})`,
      () => this.#leaf('truth'),
    ]
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function number(value: number | bigint): string {
  const digits = typeof value === 'bigint' || Number.isInteger(value) ? String(BigInt(value)) : String(value)
  return value < 0 || Object.is(value, -0) ? `(-${digits.replace('-', '')})` : digits
}
