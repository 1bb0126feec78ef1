/**
 * The words of the dialect: which ones an editor colours, and which ones cannot stand as a bare name where they would
 * be ambiguous. Everything that is not listed as reserved is an ordinary name (`key`, `value`, `date`, `left`,
 * `offset`, `order`, …). After a dot every word is a name.
 */

/** Words that mean something in some statement; upper case. For highlighting and completion. */
export const KEYWORDS: ReadonlySet<string> = new Set(
  `ALL AND AS ASC BETWEEN BY CASE CAST CODE CREATE CROSS CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DELETE DESC
  DESCRIBE DISTINCT DROP ELSE END EXCEPT EXISTS EXPLAIN FALSE FILTER FIRST FOR FORMAT FORMATTED FROM FULL FUNCTIONS
  GROUP HAVING IF IN INNER INSERT INTERSECT INTO IS JOIN KILL LAST LATERAL LEFT LIKE LIMIT NOT NULL NULLS OFFSET ON OR
  ORDER OUTER PROPERTIES QUERIES QUERY RIGHT SELECT SET SETTINGS SHOW SYNONYM SYNONYMS TABLE TABLES THEN TRUE TRUNCATE
  TYPES UNION UNKNOWN USE VALUES VIEW VIEWS VIRTUAL WHEN WHERE WITH`.split(/\s+/),
)

/**
 * Values that the standard and its neighbours write without brackets: the moment of the query in UTC, and what type it
 * has here.
 */
export const MOMENTS: ReadonlyMap<string, 'timestamp' | 'date' | 'time'> = new Map([
  ['CURRENT_DATE', 'date'],
  ['CURRENT_TIME', 'time'],
  ['CURRENT_TIMESTAMP', 'timestamp'],
  ['LOCALTIME', 'time'],
  ['LOCALTIMESTAMP', 'timestamp'],
  ['SYSDATE', 'timestamp'],
  ['SYSTIMESTAMP', 'timestamp'],
  ['UTC_DATE', 'date'],
  ['UTC_TIME', 'time'],
  ['UTC_TIMESTAMP', 'timestamp'],
])

const WHO = 'Who asks is not a value of a query.'
const NOT_NULL = 'Write IS NULL or IS NOT NULL.'
const LIMIT = 'Use LIMIT n.'
/**
 * Words that mean something in SQL and nothing here. As columns they would be fields that no record has; each with what
 * to write instead.
 */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['ALL', 'Name the columns, or write * for all.'],
  ['ANY', 'Use IN (SELECT …), or MAX and MIN in the query.'],
  ['COLLATE', 'Texts are compared by their characters; use LOWER(x) to pass over letter case.'],
  ['CURRENT_CATALOG', WHO],
  ['CURRENT_ROLE', WHO],
  ['CURRENT_SCHEMA', WHO],
  ['CURRENT_USER', WHO],
  ['ILIKE', "Use LOWER(x) LIKE '…'."],
  ['ISNULL', NOT_NULL],
  ['NATURAL', 'Write the condition: JOIN … ON ….'],
  ['NOTNULL', NOT_NULL],
  ['QUALIFY', 'Use a query in FROM, and WHERE around it.'],
  ['ROWNUM', LIMIT],
  ['SESSION_USER', WHO],
  ['SIMILAR', "Use LIKE, or REGEXP(x, '…')."],
  ['SOME', 'Use IN (SELECT …), or MAX and MIN in the query.'],
  ['SYSTEM_USER', WHO],
  ['TABLESAMPLE', LIMIT],
  ['USING', 'Write the condition: JOIN … ON a.id = b.id.'],
])

/** Words of this dialect's own syntax. */
const SYNTAX =
  `AND AS BETWEEN CASE DISTINCT ELSE EXCEPT FALSE FROM HAVING IN INTERSECT IS JOIN LATERAL LIKE NOT NULL ON OR SELECT
  THEN TRUE UNION WHEN WHERE`.split(/\s+/)

/**
 * Words that cannot begin an expression as a bare column name: they are syntax, a value, or refused. Back-ticks make
 * names of them.
 */
export const RESERVED: ReadonlySet<string> = new Set([...SYNTAX, ...MOMENTS.keys(), ...REFUSED.keys()])

/** True for a bare word, in any letter case, that is reserved. Only ASCII letters and "_" make keywords. */
export function isReserved(word: string): boolean {
  return /^[A-Za-z_]+$/.test(word) && RESERVED.has(word.toUpperCase())
}

/** What to write instead of a word, in upper case, that means something in SQL and nothing here. */
export function insteadOfWord(word: string): string | undefined {
  return REFUSED.get(word)
}

/**
 * Words that end a SELECT item, so that they are no alias unless AS stands before them (GROUP, ORDER, LIMIT and END may
 * be columns, but not bare aliases).
 */
export const NOT_AN_ITEM_ALIAS: ReadonlySet<string> = new Set([...RESERVED, 'GROUP', 'ORDER', 'LIMIT', 'END'])

/** Words that follow a source, so that they are no alias of it unless back-ticked. */
export const NOT_A_SOURCE_ALIAS: ReadonlySet<string> = new Set([
  ...NOT_AN_ITEM_ALIAS,
  ...'CROSS FULL INNER LEFT NATURAL OUTER RIGHT SET USING VALUES'.split(' '),
])

/** The words that may follow a complete expression or clause; for "did you mean". */
export const CONTINUATIONS: readonly string[] =
  `AND AS ASC BETWEEN CROSS DESC EXCEPT FROM FULL GROUP HAVING IN INNER INTERSECT IS JOIN LATERAL LEFT LIKE LIMIT NOT
  NULLS OFFSET ON OR ORDER OUTER RIGHT UNION WHERE`.split(/\s+/)

/** The words that may follow a source; for "did you mean". */
export const AFTER_SOURCE: readonly string[] =
  'WHERE GROUP HAVING ORDER LIMIT OFFSET JOIN INNER LEFT RIGHT FULL OUTER CROSS LATERAL UNION EXCEPT INTERSECT'.split(
    ' ',
  )

/** The first words of statements. */
export const STATEMENTS: readonly string[] =
  'SELECT WITH SET USE INSERT CREATE DROP TRUNCATE DELETE SHOW DESCRIBE KILL EXPLAIN'.split(' ')

/** Type names in their canonical spelling, lower case, and the aliases that are accepted. */
export const TYPE_NAMES: ReadonlySet<string> = new Set(
  'boolean int integer long bigint float double decimal string text bytes uuid date time timestamp'.split(' '),
)

/** What types of standard SQL are called here. REAL is a double: its users do not expect fewer digits. */
export const SAME_TYPES: ReadonlyMap<string, string> = new Map([
  ['real', 'double'],
  ['smallint', 'int'],
  ['tinyint', 'int'],
  ['numeric', 'decimal'],
  ['dec', 'decimal'],
  ['varchar', 'string'],
  ['char', 'string'],
])

/**
 * Words that a person from another dialect types, and what to write here instead. Used as hints where such a word is
 * not understood.
 */
export const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['FETCH', 'Use LIMIT n.'],
  ['ILIKE', "Use LOWER(x) LIKE '…'."],
  ['NOT', 'Write IS NOT NULL, NOT IN, NOT LIKE or NOT BETWEEN.'],
  ['MINUS', 'Use EXCEPT.'],
  ['NATURAL', 'Write the condition: JOIN … ON ….'],
  ['OVER', 'There are no window functions; use GROUP BY.'],
  ['REGEXP', "Use the function: SIZEOF(REGEXP(x, '…')) > 0."],
  ['RLIKE', "Use the function: SIZEOF(REGEXP(x, '…')) > 0."],
  ['TOP', 'Use LIMIT n at the end.'],
  ['USING', 'Write the condition: JOIN … ON a.id = b.id.'],
  ['ESCAPE', 'LIKE has no ESCAPE clause; use CONTAINS, STARTSWITH or REGEXP.'],
])
