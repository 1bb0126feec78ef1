/** Attacks by one statement over nothing, or over small topics: what it takes is made by the statement itself. */
import { type Attack, ask, judged, statement } from './attack.ts'

const names = (count: number, make: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => make(n)).join(', ')
const nested = (depth: number, wrap: (inner: string) => string, inner: string): string =>
  depth === 0 ? inner : nested(depth - 1, wrap, wrap(inner))

const MANY = 'Uses of a WITH that double'
const HELD = 'Rows held beyond memory'
const CASTS = 'Texts that make a CAST or LIKE slow'
const TEXTS = 'Texts that grow'
const SLOW = 'Functions over long texts'
const NEST = 'Expressions that nest'
const DIGITS = 'Digits without end'
const VIEWS = 'Views through synonyms'
const SETS = 'SET beyond what there is'

export const BIG_ROWS = 4000

const big: Attack['prepare'] = (world) =>
  world.topic(
    'open_big',
    Array.from({ length: BIG_ROWS }, (_, n) => ({ value: JSON.stringify({ id: `${n}-${'x'.repeat(200)}`, n }) })),
  )

export const STATEMENTS: readonly Attack[] = [
  statement(
    MANY,
    '21 names, each a cross join of the one before',
    `WITH a0 AS (SELECT 1 AS x), ${names(20, (n) => `a${n + 1} AS (SELECT l.x FROM a${n} l CROSS JOIN a${n} r)`)} SELECT * FROM a20`,
  ),
  statement(
    MANY,
    '21 names, each a union of the one before',
    `WITH a0 AS (SELECT 1 AS x), ${names(20, (n) => `a${n + 1} AS (SELECT x FROM a${n} UNION ALL SELECT x FROM a${n})`)} SELECT COUNT(*) FROM a20`,
  ),
  statement(
    MANY,
    '25 names, each twice in a subquery of the one after',
    `WITH a0 AS (SELECT 1 AS x), ${names(24, (n) => `a${n + 1} AS (SELECT (SELECT MAX(x) FROM a${n}) + (SELECT MIN(x) FROM a${n}) AS x FROM a${n})`)} SELECT * FROM a24`,
  ),
  statement(
    MANY,
    '30 names, each the array twice of the one before',
    `WITH a0 AS (SELECT 'xxxxxxxxxx' AS x), ${names(30, (n) => `a${n + 1} AS (SELECT CONCAT(x, x) AS x FROM a${n})`)} SELECT LEN(x) FROM a30`,
  ),
  statement(
    MANY,
    '28 names, each a list of the one before, twice',
    `WITH a0 AS (SELECT 1 AS x), ${names(28, (n) => `a${n + 1} AS (SELECT [x, x] AS x FROM a${n})`)} SELECT x FROM a28`,
  ),
  statement(
    HELD,
    'ORDER BY of a cross join with a limit of 1000 g',
    `SET max.sort.bytes = 1000g; SELECT CONCAT(a.id, b.id) AS x FROM open_big a CROSS JOIN open_big b ORDER BY x`,
    { prepare: big },
  ),
  statement(
    HELD,
    'ORDER BY of a cross join with the largest limit',
    `SET max.sort.bytes = 1g; SELECT CONCAT(a.id, b.id) AS x FROM open_big a CROSS JOIN open_big b ORDER BY x`,
    { long: true },
  ),
  statement(
    HELD,
    'COLLECT of a cross join with the largest limit',
    `SET max.collect.bytes = 1g; SELECT COLLECT(CONCAT(a.id, b.id), 1000000) AS x FROM open_big a CROSS JOIN open_big b`,
    { long: true },
  ),
  statement(
    HELD,
    'DISTINCT of a cross join',
    `SET max.group.bytes = 4g; SELECT DISTINCT CONCAT(a.id, b.id) AS x FROM open_big a CROSS JOIN open_big b`,
    { long: true },
  ),
  statement(
    CASTS,
    'CAST of 300,000 digits and a letter',
    `SELECT CAST(CONCAT(LPAD('', 300000, '1'), 'x') AS double) AS x`,
  ),
  statement(CASTS, 'the same, as decimal', `SELECT CAST(CONCAT(LPAD('', 300000, '1'), 'x') AS decimal(10, 2)) AS x`),
  statement(CASTS, 'the same, as long', `SELECT CAST(CONCAT(LPAD('', 300000, '1'), 'x') AS long) AS x`),
  statement(CASTS, 'the same, as timestamp', `SELECT CAST(CONCAT(LPAD('', 300000, '1'), '-') AS timestamp) AS x`),
  statement(
    CASTS,
    'blanks before nothing, as double',
    `SELECT CAST(CONCAT(LPAD('', 300000, ' '), 'x') AS double) AS x`,
  ),
  statement(
    CASTS,
    'LIKE with a long part',
    `SELECT LPAD('', 1000000, 'a') LIKE CONCAT('%', LPAD('', 100000, 'a'), '_b') AS x`,
  ),
  statement(CASTS, 'LIKE with many parts', `SELECT LPAD('', 1000000, 'a') LIKE CONCAT(LPAD('', 2000, '%a'), 'b') AS x`),
  statement(CASTS, 'PARSE_DATE of a long text', `SELECT PARSE_DATE(LPAD('', 1000000, '1'), 'yyyy-MM-dd') AS x`),
  statement(TEXTS, 'REPEAT of REPEAT', `SELECT REPEAT(REPEAT('x', 20000), 20000) AS x`),
  statement(
    TEXTS,
    'CONCAT of CONCAT',
    `SELECT ${nested(40, (x) => `CONCAT(${x}, ${x.length < 400 ? x : "'y'"})`, `LPAD('', 1000000, 'x')`)} AS x`,
  ),
  statement(
    TEXTS,
    'REPLACE of each letter by a long text',
    `SELECT LEN(REPLACE(LPAD('', 1000000, 'a'), 'a', LPAD('', 1000000, 'b'))) AS x`,
  ),
  statement(
    TEXTS,
    'BASE64 of BASE64',
    `SELECT LEN(${nested(30, (x) => `BASE64(${x})`, `LPAD('', 1000000, 'x')`)}) AS x`,
  ),
  statement(
    TEXTS,
    'MKSTRING and DUMP of lists of long texts',
    `SELECT LEN(MKSTRING(REPEAT(LPAD('', 10000, 'x'), 10000))) AS x`,
  ),
  statement(
    TEXTS,
    'twenty texts of 5,000,000 in one row',
    `SELECT ${names(20, (n) => `LEN(REVERSE(LPAD('', 5000000, 'ab'))) AS x${n}`)}`,
  ),
  statement(
    TEXTS,
    'twenty such texts for each record',
    `SELECT ${names(20, (n) => `LEN(REVERSE(LPAD(id, 5000000, 'ab'))) AS x${n}`)} FROM open_big`,
  ),
  statement(
    TEXTS,
    'a hundred such texts for each record, in WHERE',
    `SET max.processor.time = 20s; SELECT n FROM open_big WHERE ${Array.from({ length: 100 }, (_, n) => `LEN(SWAPCASE(LPAD(id, 5000000, 'ab'))) > ${n}`).join(' AND ')}`,
  ),
  statement(SLOW, 'STRIPACCENTS of 150,000 marks', `SELECT LEN(STRIPACCENTS(LPAD('', 150000, '\u0307\u0323'))) AS x`),
  statement(
    SLOW,
    'STRIPACCENTS of 16 MB of marks',
    `SELECT LEN(STRIPACCENTS(LPAD('', 16000000, '\u0307\u0323'))) AS x`,
  ),
  statement(SLOW, 'REGEXP over 2 MB', `SELECT REGEXP(LPAD('', 2000000, 'ab'), '(a|b|ab)*c') AS x`),
  statement(
    SLOW,
    'REGEX_MATCHES over 2 MB',
    `SELECT SIZEOF(REGEX_MATCHES(LPAD('', 2000000, 'ab'), '[ab]{1,50}[^c]{0,50}c')) AS x`,
  ),
  statement(
    SLOW,
    'REGEXP with large counts',
    `SELECT REGEXP(LPAD('', 100000, 'a'), '((a{1,100}){1,100}){1,100}b') AS x`,
  ),
  statement(SLOW, 'REPLACE over 16 MB', `SELECT LEN(REPLACE(LPAD('', 16000000, 'ab'), 'b', 'ba')) AS x`),
  statement(SLOW, 'SWAPCASE over 16 MB', `SELECT LEN(SWAPCASE(LPAD('', 16000000, 'ab'))) AS x`),
  statement(SLOW, 'CAPITALIZE, TRIM, SPLIT over 16 MB', `SELECT SIZEOF(SPLIT(LPAD('', 16000000, 'ab'), 'b')) AS x`),
  statement(
    SLOW,
    'JSON_EXTRACT_ALL of 16 MB',
    `SELECT JSON_EXTRACT_ALL(CONCAT('{"a":"', LPAD('', 16000000, 'x'), '"}'), '$..a') AS x`,
  ),
  statement(
    SLOW,
    'JSON_EXTRACT_ALL of 100,000 levels',
    `SELECT JSON_EXTRACT_ALL(CONCAT(LPAD('', 100000, '['), LPAD('', 100000, ']')), '$..[0]') AS x`,
  ),
  statement(
    SLOW,
    'INDEXOF that nearly finds',
    `SELECT INDEXOF(LPAD('', 8000000, 'a'), CONCAT(LPAD('', 4000000, 'a'), 'b')) AS x`,
  ),
  statement(NEST, '21 casts', `SELECT ${nested(21, (x) => `CAST(${x} AS string)`, '1')} AS x`),
  statement(NEST, '60 casts', `SELECT ${nested(60, (x) => `CAST(${x} AS string)`, '1')} AS x`),
  statement(
    NEST,
    '60 casts between types',
    `SELECT ${nested(30, (x) => `CAST(CAST(${x} AS double) AS string)`, "'1'")} AS x`,
  ),
  statement(NEST, '60 times COALESCE', `SELECT ${nested(60, (x) => `COALESCE(${x}, NULL)`, 'n')} AS x FROM small`),
  statement(
    NEST,
    '40 times CASE',
    `SELECT ${nested(40, (x) => `CASE WHEN ${x} > 1 THEN 1 ELSE 2 END`, 'n')} AS x FROM small`,
  ),
  statement(NEST, '2,000 brackets', () => `SELECT ${'('.repeat(2000)}1${')'.repeat(2000)} AS x`),
  statement(NEST, '100,000 terms', () => `SELECT ${Array.from({ length: 100_000 }, () => '1').join('+')} AS x`),
  statement(NEST, '30 subqueries in FROM', `SELECT * FROM ${nested(30, (x) => `(SELECT * FROM ${x})`, 'small')}`),
  statement(DIGITS, 'decimal(20000000, 20000000)', 'SELECT CAST(1 AS decimal(20000000, 20000000)) AS x'),
  statement(
    DIGITS,
    'decimal(2^53 - 1, 2^53 - 1)',
    'SELECT CAST(1 AS decimal(9007199254740991, 9007199254740991)) AS x',
  ),
  statement(
    DIGITS,
    'a whole number squared 40 times',
    `SELECT ${nested(12, (x) => `(${x}) * (${x})`, '99999999999999999999')} AS x`,
  ),
  statement(DIGITS, 'POW of POW', `SELECT POW(POW(CAST(9 AS decimal(38, 0)), 999999), 999999) AS x`),
  statement(DIGITS, 'a literal of 900,000 digits', () => `SELECT ${'9'.repeat(900_000)} * 2 AS x`),
  statement(DIGITS, '1e999999999 as decimal', `SELECT CAST('1e999999999' AS decimal(38, 2)) AS x`),
  statement(DIGITS, 'ROUND to 10^9 digits', `SELECT ROUND(CAST('1.5' AS decimal(38, 2)), 1000000000) AS x`),
  {
    kind: VIEWS,
    name: 'nine levels of four views over repointed synonyms',
    run: async (target, patienceMs) => {
      const each = async (sql: (level: number, n: number) => string): Promise<string> => {
        for (let level = 0; level < 9; level++)
          for (let n = 0; n < 4; n++) {
            const answer = await ask(target, sql(level, n), patienceMs)
            if (answer.errors.length > 0) return `; ${judged(answer).text}`
          }
        return ''
      }
      const four = (level: number) => [0, 1, 2, 3].map((n) => `SELECT n FROM s${level}_${n}`).join(' UNION ALL ')
      const trouble =
        (await each((level, n) => `CREATE SYNONYM s${level}_${n} FOR small`)) +
        (await each((level, n) => `CREATE VIEW v${level}_${n} AS ${four(level)}`)) +
        (await each((level, n) =>
          level === 0
            ? 'SELECT 1'
            : `DROP SYNONYM s${level}_${n}; CREATE SYNONYM s${level}_${n} FOR v${level - 1}_${n}`,
        ))
      const shown = judged(await ask(target, 'SHOW VIEWS', patienceMs))
      const described = judged(await ask(target, 'DESCRIBE TABLE v8_0', patienceMs))
      const used = judged(await ask(target, 'SELECT COUNT(*) FROM v8_0', patienceMs))
      await each((level, n) => `DROP VIEW v${8 - level}_${n}; DROP SYNONYM s${8 - level}_${n}`)
      return {
        text: `SHOW VIEWS: ${shown.text}; DESCRIBE: ${described.text}; SELECT: ${used.text}${trouble}`,
        right: shown.right && used.right && described.right,
      }
    },
  },
  statement(SETS, 'SET constructor', 'SET constructor = 1; SELECT 1'),
  statement(SETS, 'SET __proto__', 'SET __proto__ = 1; SELECT 1'),
  statement(
    SETS,
    'SET kafka.offset.timeout = 99999999d',
    'SET kafka.offset.timeout = 99999999d; SELECT COUNT(*) FROM small',
  ),
  statement(
    SETS,
    'SET max.query.time = 9007199254740991',
    'SET max.query.time = 9007199254740991; SELECT COUNT(*) FROM small',
  ),
  {
    kind: 'Rows without end',
    name: 'a cross join of four, left after a while',
    run: async (target, patienceMs) => {
      const four = 'open_big a CROSS JOIN open_big b CROSS JOIN open_big c CROSS JOIN open_big d'
      const told = judged(await ask(target, `SELECT COUNT(*) FROM ${four}`, Math.min(patienceMs / 5, 5000)))
      return { text: told.text, right: true }
    },
  },
]
