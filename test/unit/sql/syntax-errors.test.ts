/** What the parser says about wrong text: the whole message, the hint, and what is marked. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SqlError } from '../../../src/sql/error.ts'
import { parseScript } from '../../../src/sql/parse.ts'

/** The text with the marked piece between « and », the message, the hint, and the code where it is not SYNTAX. */
type Case = readonly [text: string, message: string, hint: string, code?: string]

function check([marked, message, hint, code = 'SYNTAX']: Case): void {
  const text = marked.replace(/[«»]/g, '')
  assert.throws(
    () => parseScript(text),
    (error) => {
      assert.ok(error instanceof SqlError)
      const span = error.span ?? { start: 0, end: 0 }
      const found = `${text.slice(0, span.start)}«${text.slice(span.start, span.end)}»${text.slice(span.end)}`
      assert.deepEqual([found, error.message, error.hint ?? '', error.code], [marked, message, hint, code])
      return true
    },
  )
}

const CASES: readonly Case[] = [
  ['SELECT * «FORM» t', 'Expected FROM, but found "FORM".', 'Did you mean "FROM"?'],
  ['SELECT a «FORM» t', 'Expected FROM, but found "FORM".', 'Did you mean "FROM"?'],
  ['SELECT a b «c» FROM t', 'Expected FROM, but found "c".', ''],
  ['SELECT a, b «FRM» t', 'Expected FROM, but found "FRM".', 'Did you mean "FROM"?'],
  ['SELECT a FROM t «WEHRE» x = 1', 'Expected WHERE, but found "WEHRE".', 'Did you mean "WHERE"?'],
  ['SELECT a FROM t «GRUOP» BY a', 'Expected GROUP, but found "GRUOP".', 'Did you mean "GROUP"?'],
  ['SELECT a FROM t GROUP «a»', 'Expected BY, but found "a".', ''],
  [
    'SELECT a FROM t GROUP BY a «HAVNG» b > 1',
    'Expected the end of the statement, but found "HAVNG".',
    'Did you mean "HAVING"?',
  ],
  ['SELECT a FROM t ORDER BY a «DSC»', 'Expected the end of the statement, but found "DSC".', 'Did you mean "DESC"?'],
  ['SELECT a FROM t ORDER «a»', 'Expected BY, but found "a".', ''],
  ['SELECT a FROM t «LIMTI» 5', 'Expected LIMIT, but found "LIMTI".', 'Did you mean "LIMIT"?'],
  ['SELECT a FROM t LIMIT«»', 'Expected a whole number for LIMIT, but the statement ended.', ''],
  ['SELECT a FROM t LIMIT «five»', 'Expected a whole number for LIMIT, but found "five".', ''],
  ['SELECT a FROM t LIMIT «-»1', 'Expected a whole number for LIMIT, but found "-".', ''],
  ['SELECT a FROM t LIMIT «1.5»', 'Expected a whole number for LIMIT, but found "1.5".', ''],
  [
    'SELECT a FROM t LIMIT «99999999999999999999»',
    'Expected a whole number for LIMIT, but found "99999999999999999999".',
    '',
  ],
  ['SELECT a FROM t LEFT «JION» b ON a = b', 'Expected JOIN after LEFT, but found "JION".', 'Did you mean "JOIN"?'],
  ['SELECT a FROM t JOIN b«»', 'Expected ON and the condition of the join, but the statement ended.', ''],
  [
    'SELECT a FROM t JOIN b «USING» (x)',
    'Expected ON and the condition of the join, but found "USING".',
    'Write the condition: JOIN … ON a.id = b.id.',
  ],
  [
    'SELECT a FROM t «NATURAL» JOIN b',
    'Expected the end of the statement, but found "NATURAL".',
    'Write the condition: JOIN … ON ….',
  ],
  ['SELECT a FROM t CROSS JOIN b «ON» a = b', 'CROSS JOIN takes no ON.', 'Use JOIN … ON ….'],
  [
    "SELECT a FROM «'t'»",
    "Expected a table name, but found the string 't'.",
    'Names stand between back-ticks, not quotes: `t`.',
  ],
  [
    'SELECT a FROM «"t"»',
    'Expected a table name, but found the string "t".',
    'Names stand between back-ticks, not quotes: `t`.',
  ],
  ['SELECT a FROM«»', 'Expected a table name, but the statement ended.', ''],
  ['SELECT a FROM «WHERE» a = 1', 'Expected a table name, but found "WHERE".', ''],
  ['SELECT a,«»', 'Expected an expression after ",", but the statement ended.', ''],
  ['SELECT a, «FROM» t', 'Expected an expression after ",", but found "FROM".', 'Leave out the comma before FROM.'],
  ['SELECT «,» a FROM t', 'Expected an expression after SELECT, but found ",".', ''],
  ['SELECT «FROM» t', 'Expected an expression after SELECT, but found "FROM".', ''],
  ['SELECT«»', 'Expected an expression after SELECT, but the statement ended.', ''],
  ["SELECT a AS «'x'» FROM t", 'An alias is a plain name or a back-ticked one, not a string.', 'Write AS `x`.'],
  ['SELECT a «"x y"» FROM t', 'An alias is a plain name or a back-ticked one, not a string.', 'Write AS `x y`.'],
  ['SELECT a AS «FROM» t', 'Expected an alias after AS, but found "FROM".', ''],
  [
    'SELECT «from», to FROM mails',
    'Expected an expression after SELECT, but found "from".',
    'A column of that name needs back-ticks: `from`.',
  ],
  [
    "SELECT x FROM mails WHERE «from» = 'a'",
    'Expected an expression after WHERE, but found "from".',
    'A column of that name needs back-ticks: `from`.',
  ],
  ['SELECT (a «FROM» t', 'Expected ")", but found "FROM".', ''],
  ['SELECT f(a «FROM» t', 'Expected ")", but found "FROM".', ''],
  ['SELECT a«)» FROM t', 'Expected the end of the statement, but found ")".', ''],
  ['SELECT a[1 «FROM» t', 'Expected "]", but found "FROM".', ''],
  ['SELECT «[]» FROM t', 'An array literal needs at least one element.', ''],
  ['SELECT «{}» FROM t', 'A struct literal needs at least one field.', 'Write {name: value}.'],
  ['SELECT {a «1»} FROM t', 'Expected AS, but found "1".', ''],
  ['SELECT a. «FROM» t', 'Expected a field name after ".", but found "FROM".', ''],
  ['SELECT a.* «+» 1 FROM t', 'Expected FROM, but found "+".', ''],
  ['SELECT count(a.«*») FROM t', 'A star may stand only as an item of the SELECT list.', ''],
  [
    "SELECT a.«'x'» FROM t",
    `Expected a field name after ".", but found the string 'x'.`,
    'Names stand between back-ticks, not quotes: `x`.',
  ],
  ['SELECT a «==» 1 FROM t', '"==" is not an operator.', 'Use "=".'],
  ['SELECT «!»a FROM t', 'The character "!" means nothing here.', 'Use NOT, or "!=" between two values.'],
  ['SELECT a «&&» b FROM t', '"&&" is not an operator.', 'Use AND.'],
  ['SELECT a«::»int FROM t', '"::" is not an operator.', 'Use CAST(x AS type).'],
  [
    'SELECT a «?» b FROM t',
    'The character "?" means nothing here.',
    'There are no parameters; write the value itself.',
  ],
  [
    'SELECT a «|» b FROM t',
    'The character "|" means nothing here.',
    'Use "||" to join strings, OR between conditions.',
  ],
  ['SELECT «“»a” FROM t', 'The character "“" means nothing here.', `Use straight quotes: ' or ".`],
  ['SELECT «‘»a’ FROM t', 'The character "‘" means nothing here.', `Use straight quotes: ' or ".`],
  ['SELECT «1abc» FROM t', '"1abc" is not a number.', 'A name that begins with a digit needs back-ticks: `1abc`.'],
  ['SELECT NOW() - «30s» FROM t', '"30s" is not a number.', 'A duration is a string: "30s".'],
  ["SELECT «'abc»", 'The string that begins at line 1, column 8 is not closed.', ''],
  ['SELECT «`abc»', 'The back-ticked name that begins at line 1, column 8 is not closed.', ''],
  ['SELECT «``» FROM t', 'A name between back-ticks cannot be empty.', ''],
  ['SELECT a «/* never closed»', 'The comment that begins at line 1, column 10 is not closed.', 'Close it with "*/".'],
  ['SELECT a FROM t «#» comment', 'The character "#" means nothing here.', 'A comment begins with "--".'],
  ['SELECT a FROM t «//» comment', '"//" is not an operator.', 'A comment begins with "--".'],
  [
    'SELECT a FROM t WHERE a = 1 «ADN» b = 2',
    'Expected the end of the statement, but found "ADN".',
    'Did you mean "AND"?',
  ],
  [
    "SELECT a FROM t WHERE a «LKIE» 'x'",
    'Expected the end of the statement, but found "LKIE".',
    'Did you mean "LIKE"?',
  ],
  [
    "SELECT a FROM t WHERE a «ILIKE» 'x'",
    'Expected the end of the statement, but found "ILIKE".',
    "Use LOWER(x) LIKE '…'.",
  ],
  [
    'SELECT a FROM t WHERE a < b «<» c',
    'Comparisons cannot be chained.',
    'Join them with AND, or put one of them between parentheses.',
  ],
  [
    'SELECT a FROM t WHERE a IS «5»',
    'Expected NULL, TRUE, FALSE or UNKNOWN, or NOT and one of them, after IS, but found "5".',
    '',
  ],
  [
    'SELECT a FROM t WHERE a IS NOT «5»',
    'Expected NULL, TRUE, FALSE or UNKNOWN after IS NOT, but found "5".',
    'Write IS NOT NULL, NOT IN, NOT LIKE or NOT BETWEEN.',
  ],
  [
    'SELECT a FROM t WHERE a IS NOT «DISTINCT» 5',
    'Expected NULL, TRUE, FALSE or UNKNOWN after IS NOT, but found "DISTINCT".',
    'Write IS DISTINCT FROM, or "!=".',
  ],
  [
    'SELECT a FROM t ORDER BY «ALL»',
    'Expected an expression after "BY", but found "ALL".',
    'Name the columns, or write * for all. A column of that name needs back-ticks: `ALL`.',
  ],
  [
    'SELECT a, count(*) FROM t GROUP BY «all»',
    'Expected an expression after "BY", but found "all".',
    'Name the columns, or write * for all. A column of that name needs back-ticks: `all`.',
  ],
  [
    'SELECT «CURRENT_USER» FROM t',
    'Expected an expression after SELECT, but found "CURRENT_USER".',
    'Who asks is not a value of a query. A column of that name needs back-ticks: `CURRENT_USER`.',
  ],
  [
    'SELECT a FROM t WHERE «ROWNUM» < 10',
    'Expected an expression after WHERE, but found "ROWNUM".',
    'Use LIMIT n. A column of that name needs back-ticks: `ROWNUM`.',
  ],
  [
    'SELECT all «FROM» t',
    'Expected an expression after ALL, but found "FROM".',
    'A column of that name needs back-ticks: `all`.',
  ],
  [
    'SELECT all«.»x FROM t',
    'Expected an expression after ALL, but found ".".',
    'A column of that name needs back-ticks: `all`.',
  ],
  [
    'SELECT COUNT(ALL«)» FROM t',
    'Expected an expression after ALL, but found ")".',
    'A column of that name needs back-ticks: `ALL`.',
  ],
  [
    'SELECT «ISNULL» FROM t',
    'Expected an expression after SELECT, but found "ISNULL".',
    'Write IS NULL or IS NOT NULL. A column of that name needs back-ticks: `ISNULL`.',
  ],
  ['SELECT «UNIQUE» a FROM t', 'Expected an expression after SELECT, but found "UNIQUE".', 'Use SELECT DISTINCT.'],
  [
    'SELECT a FROM t WHERE a = «some»(b)',
    'SOME (…) is not offered.',
    'For an array use IN_ARRAY(x, array).',
    'UNSUPPORTED',
  ],
  [
    'SELECT CURRENT_TIMESTAMP(«3») FROM t',
    'CURRENT_TIMESTAMP takes no number of digits.',
    'Write CURRENT_TIMESTAMP alone: it is in milliseconds.',
  ],
  [
    'SELECT a FROM t WHERE a «NOT» 5',
    'Expected the end of the statement, but found "NOT".',
    'Write IS NOT NULL, NOT IN, NOT LIKE or NOT BETWEEN.',
  ],
  [
    'SELECT a FROM t WHERE a NOT «IS» NULL',
    'Expected IN, LIKE or BETWEEN after NOT, but found "IS".',
    'Write IS NOT NULL.',
  ],
  ['SELECT a FROM t WHERE a BETWEEN 1 «OR» 2', 'Expected AND, but found "OR".', ''],
  [
    'SELECT a FROM t WHERE a IN «tags»',
    'Expected "(" after IN, but found "tags".',
    'For an array use IN_ARRAY(x, array), for a table IN (SELECT * FROM t).',
  ],
  ['SELECT a FROM t WHERE a IN (1, «)»', 'Expected an expression after ",", but found ")".', ''],
  [
    "SELECT a FROM t WHERE a LIKE 'x' «ESCAPE» '!'",
    'Expected the end of the statement, but found "ESCAPE".',
    'LIKE has no ESCAPE clause; use CONTAINS, STARTSWITH or REGEXP.',
  ],
  [
    'SELECT a FROM t WHERE a = «NOT» b',
    'Expected an operand, but found "NOT".',
    'Put NOT and its condition between parentheses.',
  ],
  [
    'SELECT a FROM t WHERE «(a, b)» = 1',
    'A list in parentheses may stand only after IN.',
    'An array is written [a, b].',
  ],
  ['SELECT a FROM t WHERE«»', 'Expected an expression after WHERE, but the statement ended.', ''],
  ['SELECT CASE WHEN a THEN 1 «FROM» t', 'Expected WHEN, ELSE or END, but found "FROM".', ''],
  ['SELECT CASE a «END» FROM t', 'Expected WHEN, but found "END".', ''],
  ['SELECT CASE WHEN a «1» END FROM t', 'Expected THEN, but found "1".', ''],
  ['SELECT CAST(a AS «itn») FROM t', 'Unknown type "itn".', 'Did you mean "int"?'],
  [
    'SELECT CAST(a AS varchar«(»10)) FROM t',
    'The type varchar takes no length.',
    'A text may be of any length; SUBSTRING(x, 0, n) cuts it.',
  ],
  [
    'SELECT CAST(a AS int«(»10)) FROM t',
    'The type int takes no length.',
    'Only decimal takes numbers: decimal(10, 2).',
  ],
  [
    'SELECT CAST(a AS «wibble») FROM t',
    'Unknown type "wibble".',
    'The types are boolean, int, integer, long, bigint, float, double, decimal, string, text, bytes, uuid, date, time, timestamp.',
  ],
  ['SELECT CAST(a«,» int) FROM t', 'Expected AS, but found ",".', ''],
  ['SELECT SUM(a) «OVER» (PARTITION BY b) FROM t', 'Window functions are not offered.', 'Use GROUP BY.', 'UNSUPPORTED'],
  [
    'SELECT COUNT(«SELECT» 1) FROM t',
    'Expected an argument, but found "SELECT".',
    'A query as an argument needs parentheses of its own: f((SELECT …)).',
  ],
  [
    "SELECT a FROM t WHERE at > NOW() - «INTERVAL 'a while'»",
    'This is no interval.',
    `Write INTERVAL '90' MINUTE, or the duration alone: "90m". The units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND.`,
  ],
  [
    'SELECT a FROM t WHERE at > NOW() - «INTERVAL 5» apples',
    'This is no interval.',
    `Write INTERVAL '90' MINUTE, or the duration alone: "90m". The units are YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE, SECOND.`,
  ],
  ['SELECT TOP «10» a FROM t', 'Expected FROM, but found "10".', 'Use LIMIT n at the end.'],
  [
    'SELECT a FROM t «FETCH» FIRST 10 ROWS ONLY',
    'Expected the end of the statement, but found "FETCH".',
    'Use LIMIT n.',
  ],
  ['SELECT a FROM t LATERAL xs«»', 'Expected AS and a name for the elements, but the statement ended.', ''],
  ['SELECT a FROM t FOR «UPDATE»', 'Expected the end of the statement, but found "UPDATE".', ''],
  [
    'SELECT «STREAM» * FROM t',
    'SELECT STREAM is streaming SQL, which is not offered.',
    'Write SELECT without STREAM: it reads what the topics hold now, and after SET follow = true what comes.',
    'UNSUPPORTED',
  ],
  [
    'SELECT «STREAM» a FROM t',
    'SELECT STREAM is streaming SQL, which is not offered.',
    'Write SELECT without STREAM: it reads what the topics hold now, and after SET follow = true what comes.',
    'UNSUPPORTED',
  ],
  [
    'SELECT «TABLE» a FROM t',
    'SELECT TABLE is streaming SQL, which is not offered.',
    'Write SELECT without TABLE: it reads what the topics hold now, and after SET follow = true what comes.',
    'UNSUPPORTED',
  ],
  [
    'SELECT a FROM t «WINDOW BY» TUMBLE 1m',
    'WINDOW BY is streaming SQL, which is not offered.',
    'Group by a part of the time, for example GROUP BY HOUR(_meta.timestamp).',
    'UNSUPPORTED',
  ],
  [
    'SELECT a FROM t JOIN u ON t.a = u.a «WITHIN» 1h',
    'WITHIN is streaming SQL, which is not offered.',
    'Leave it out: a join here needs no window.',
    'UNSUPPORTED',
  ],
  [
    'SELECT a FROM t JOIN u «WITHIN» 1h ON t.a = u.a',
    'WITHIN is streaming SQL, which is not offered.',
    'Leave it out: a join here needs no window.',
    'UNSUPPORTED',
  ],
  [
    'SELECT a FROM t «EMIT CHANGES»',
    'EMIT CHANGES is streaming SQL, which is not offered.',
    'Leave it out; SET follow = true, or "follow": true in the request, goes on with what comes.',
    'UNSUPPORTED',
  ],
  [
    'INSERT INTO t SELECT «STREAM» a FROM u',
    'SELECT STREAM is streaming SQL, which is not offered.',
    'Write SELECT without STREAM: it reads what the topics hold now, and after SET follow = true what comes.',
    'UNSUPPORTED',
  ],
  ['WITH «RECURSIVE» x AS (SELECT 1) SELECT 1', 'WITH RECURSIVE is not offered.', '', 'UNSUPPORTED'],
  ['WITH x «(»SELECT 1) SELECT 1', 'Expected AS, but found "(".', ''],
  ['WITH x AS (SELECT 1)«»', 'Expected SELECT, but the statement ended.', ''],
  ['SELECT a FROM t UNION «a»', 'Expected SELECT, but found "a".', ''],
  ['SELECT a FROM t «MINUS» SELECT b FROM u', 'Expected the end of the statement, but found "MINUS".', 'Use EXCEPT.'],
  ['«SELCT» a FROM t', 'Expected a statement, but found "SELCT".', 'Did you mean "SELECT"?'],
  [
    'SELECT a FROM t «SELECT» b FROM t',
    'Expected the end of the statement, but found "SELECT".',
    'Put ";" between two statements.',
  ],
  ['«foo»', 'Expected a statement, but found "foo".', ''],
  ['«42»', 'Expected a statement, but found "42".', ''],
  ["«'x'»", "Expected a statement, but found the string 'x'.", ''],
  ['«)»', 'Expected a statement, but found ")".', ''],
  ['INSERT «t» VALUES (1)', 'Expected INTO, but found "t".', ''],
  ['INSERT INTO t (a, b) «VALUE» (1)', 'Expected VALUES or SELECT, but found "VALUE".', 'Did you mean "VALUES"?'],
  ['INSERT INTO t (a, b) VALUES «1»', 'Expected "(", but found "1".', ''],
  ['INSERT INTO t (a, b) VALUES («)»', 'Expected an expression after "(", but found ")".', ''],
  ['INSERT INTO t (a, b«»', 'Expected ")", but the statement ended.', ''],
  [
    'CREATE «TABEL» t (a int)',
    'Expected TABLE, VIEW or SYNONYM after CREATE, but found "TABEL".',
    'Did you mean "TABLE"?',
  ],
  ['CREATE «TOPIC» t', 'Expected TABLE, VIEW or SYNONYM after CREATE, but found "TOPIC".', 'A topic is a TABLE here.'],
  [
    'CREATE «OR» REPLACE VIEW v AS SELECT 1',
    'CREATE OR REPLACE is not offered.',
    'DROP the view first, then CREATE it.',
    'UNSUPPORTED',
  ],
  ['CREATE TABLE t (a int)«»', 'Expected FORMAT, but the statement ended.', ''],
  ['CREATE TABLE t (a int) «FORMT» (json, json)', 'Expected FORMAT, but found "FORMT".', 'Did you mean "FORMAT"?'],
  ['CREATE TABLE t (a int) FORMAT (json«)»', 'Expected "," and the format of the value, but found ")".', ''],
  ['CREATE TABLE t (a «itn») FORMAT (json, json)', 'Unknown type "itn".', 'Did you mean "int"?'],
  [
    'CREATE TABLE t «AS» SELECT 1',
    'CREATE TABLE … AS is not offered.',
    'CREATE the table, then INSERT INTO it with SELECT.',
    'UNSUPPORTED',
  ],
  ['CREATE TABLE t (a int) FORMAT (json, json) PROPERTIES (partitions «3»)', 'Expected "=", but found "3".', ''],
  ['CREATE TABLE t (a int) FORMAT (json, json) PROPERTIES (partitions = «)»', 'Expected a value, but found ")".', ''],
  ['CREATE VIEW v «SELECT» 1', 'Expected AS, but found "SELECT".', ''],
  ['CREATE SYNONYM s «TO» t', 'Expected FOR, but found "TO".', ''],
  ['DROP «t»', 'Expected TABLE, VIEW or SYNONYM after DROP, but found "t".', ''],
  ['DROP «TABEL» t', 'Expected TABLE, VIEW or SYNONYM after DROP, but found "TABEL".', 'Did you mean "TABLE"?'],
  ['DROP «TOPIC» t', 'Expected TABLE, VIEW or SYNONYM after DROP, but found "TOPIC".', 'A topic is a TABLE here.'],
  ['DELETE «t» WHERE a = 1', 'Expected FROM, but found "t".', ''],
  ['DELETE FROM t «WEHRE» a = 1', 'Expected the end of the statement, but found "WEHRE".', 'Did you mean "WHERE"?'],
  ['TRUNCATE«»', 'Expected a table name, but the statement ended.', ''],
  ['SHOW «TABELS»', 'Expected what to show, but found "TABELS".', 'Did you mean "TABLES"?'],
  ['SHOW «TOPICS»', 'Expected what to show, but found "TOPICS".', 'Topics are tables: SHOW TABLES.'],
  [
    'SHOW«»',
    'Expected what to show, but the statement ended.',
    'SHOW knows TABLES, TABLE TYPES, VIRTUAL TABLES, FUNCTIONS, VIEWS, VIEW v, SYNONYMS, QUERIES, ALL QUERIES, SETTINGS, CREATE TABLE t.',
  ],
  ['SHOW ALL«»', 'Expected QUERIES, but the statement ended.', ''],
  ['SHOW VIEW«»', 'Expected the name of a view, but the statement ended.', ''],
  [
    'SHOW «WIBBLE»',
    'Expected what to show, but found "WIBBLE".',
    'SHOW knows TABLES, TABLE TYPES, VIRTUAL TABLES, FUNCTIONS, VIEWS, VIEW v, SYNONYMS, QUERIES, ALL QUERIES, SETTINGS, CREATE TABLE t.',
  ],
  ['DESCRIBE«»', 'Expected a table name, but the statement ended.', ''],
  ['DESCRIBE TABLE«»', 'Expected a table name, but the statement ended.', ''],
  ['DESCRIBE TABLE a «b»', 'Expected the end of the statement, but found "b".', ''],
  ['KILL «5»', 'Expected QUERY, but found "5".', ''],
  ['KILL QUERY«»', 'Expected the id of a query, but the statement ended.', ''],
  ['EXPLAIN«»', 'Expected a statement to explain, but the statement ended.', ''],
  ['EXPLAIN «EXPLAIN» SELECT 1', 'Expected a statement to explain, but found "EXPLAIN".', ''],
  ['EXPLAIN CODE«»', 'Expected a statement to explain, but the statement ended.', ''],
  ['EXPLAIN «SELCT» 1', 'Expected a statement, but found "SELCT".', 'Did you mean "SELECT"?'],
  ['USE«»', 'Expected the name of a connection, but the statement ended.', ''],
  [
    "USE «'kafka'»",
    "Expected the name of a connection, but found the string 'kafka'.",
    'Names stand between back-ticks, not quotes: `kafka`.',
  ],
  ['SET«»', 'Expected the name of a setting, but the statement ended.', ''],
  ['SET max.size«»', 'Expected "=" after the name of the setting, but the statement ended.', ''],
  ['SET max.size =«»', 'Expected a value, but the statement ended.', ''],
  ['SET max.size =«» ;', 'Expected a value, but the statement ended.', ''],
  ['SET max.size «5»', 'Expected "=" after the name of the setting, but found "5".', ''],
  [
    'SET max.size = 10 «MB»',
    'Expected ";" after the value of the setting, but found "MB".',
    'A value with white space stands between quotes.',
  ],
  ["SET max.size = «'abc»", 'The string that begins at line 1, column 16 is not closed.', ''],
  [
    'SET max.size = 5 «SELECT» a FROM t',
    'Expected the end of the statement, but found "SELECT".',
    'Put ";" between two statements.',
  ],
  ['SET max.size «5m»', 'Expected "=" after the name of the setting, but found "5m".', 'Write SET max.size = 5m.'],
  ['SET «5» = 5', 'Expected the name of a setting, but found "5".', ''],
  ['SET max.size «==» 5', '"==" is not an operator.', 'Use "=".'],
  [
    '«ALTER» TABLE t ADD COLUMN a int',
    'ALTER is not offered.',
    'DROP the table, view or synonym and CREATE it again.',
    'UNSUPPORTED',
  ],
  [
    '«UPDATE» t SET a = 1',
    'UPDATE is not offered.',
    'INSERT a record with the same _key: in a compacted topic it replaces the older one.',
    'UNSUPPORTED',
  ],
  [
    '«MERGE» INTO t',
    'MERGE is not offered.',
    'INSERT INTO … SELECT … writes records; one with the same _key replaces the older one in a compacted topic.',
    'UNSUPPORTED',
  ],
  [
    'SELECT * FROM a«-»',
    'Expected the end of the statement, but found "-".',
    'A name with such characters stands between back-ticks.',
  ],
  [
    'SELECT * FROM a «-» b',
    'Expected the end of the statement, but found "-".',
    'A name with such characters stands between back-ticks.',
  ],
  [
    'SELECT * FROM a«/»b',
    'Expected the end of the statement, but found "/".',
    'A name with such characters stands between back-ticks.',
  ],
  [
    'SELECT a FROM t LIMIT 5 «ORDER» BY a',
    'Expected the end of the statement, but found "ORDER".',
    'The clauses come in this order: FROM, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT.',
  ],
  [
    'SELECT a FROM t GROUP BY c «WHERE» d = 1',
    'Expected the end of the statement, but found "WHERE".',
    'The clauses come in this order: FROM, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT.',
  ],
  [
    'SELECT a FROM t WHERE b «FROM» u',
    'Expected the end of the statement, but found "FROM".',
    'The clauses come in this order: FROM, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT.',
  ],
  [
    "SELECT 'it's«' FROM t»",
    'The string that begins at line 1, column 13 is not closed.',
    "A quote inside a string is doubled: 'it''s'.",
  ],
  [
    'SELECT a «->» b FROM t',
    '"->" is not an operator.',
    'A field is a.b; in a JSON text use JSON_EXTRACT_FIRST(a, path).',
  ],
  [
    "SELECT a«->»>'b' FROM t",
    '"->" is not an operator.',
    'A field is a.b; in a JSON text use JSON_EXTRACT_FIRST(a, path).',
  ],
  [
    'SELECT a FROM t WHERE a = «ANY» (SELECT 1)',
    'ANY (SELECT …) is not offered.',
    'Use IN (SELECT …), or MAX and MIN in the query.',
    'UNSUPPORTED',
  ],
  [
    'SELECT a FROM t WHERE a IN «1»',
    'Expected "(" after IN, but found "1".',
    'The values stand between parentheses: IN (1, 2).',
  ],
  ['SELECT a FROM t; «SELCT» b', 'Expected a statement, but found "SELCT".', 'Did you mean "SELECT"?'],
  ['SELECT a«@»b FROM t', 'The character "@" means nothing here.', 'A name with "@" needs back-ticks.'],
  [
    'SELECT a FROM t WHERE a IS «NUL»',
    'Expected NULL, TRUE, FALSE or UNKNOWN, or NOT and one of them, after IS, but found "NUL".',
    'Did you mean "NULL"?',
  ],
  [
    'SELECT a FROM t ORDER BY a NULLS «FRIST»',
    'Expected FIRST or LAST after NULLS, but found "FRIST".',
    'Did you mean "FIRST"?',
  ],
  [
    'CREATE TABLE IF NOT «EXIST» t (a int) FORMAT (json, json)',
    'Expected EXISTS, but found "EXIST".',
    'Did you mean "EXISTS"?',
  ],
  ['INSERT «INOT» t VALUES (1)', 'Expected INTO, but found "INOT".', 'Did you mean "INTO"?'],
  ['SELECT a FROM t LATERAL xs AS «WHERE» a = 1', 'Expected AS and a name for the elements, but found "WHERE".', ''],
  ['SELECT a FROM `t`.«*»', 'Expected a table name, but found "*".', ''],
  ['SET a = «`x`»', 'Expected a value, but found `x`.', ''],
  ['DROP TABLE a«,» b', 'Expected the end of the statement, but found ",".', ''],
  ['«FROM» t SELECT a', 'Expected a statement, but found "FROM".', ''],
  [
    'EXPLAIN «ANALYZE» SELECT 1',
    'ANALYZE is not offered.',
    'EXPLAIN query says what will be read, and asks Kafka for how much.',
    'UNSUPPORTED',
  ],
]
for (const wrong of CASES) test(wrong[0].slice(0, 100), () => check(wrong))

test('a text without a statement', () => {
  for (const text of ['', '  \n', ';', ' ; ; ', '-- nothing', '/* nothing */']) {
    assert.throws(
      () => parseScript(text),
      { code: 'SYNTAX', message: 'The text holds no statement.', hint: 'Try: SHOW TABLES' },
      JSON.stringify(text),
    )
  }
})

test('the place of an unclosed string is where it begins', () => {
  assert.throws(() => parseScript("SELECT a\nFROM t\n  WHERE b = 'x AND c = 1"), {
    message: 'The string that begins at line 3, column 13 is not closed.',
  })
  assert.throws(() => parseScript("SELECT 'C:\\temp\\' FROM t"), {
    hint: 'A backslash before a quote keeps the string open; a backslash itself is written "\\\\".',
  })
})

test('an error in the second statement is marked where it stands in the whole text', () => {
  check(['SET max.size = 1M;\nSELECT a «FORM» t', 'Expected FROM, but found "FORM".', 'Did you mean "FROM"?'])
})

test('the first error in the text is reported, also when a later piece cannot be read', () => {
  check(["SELECT * «FORM» t WHERE a = 'open", 'Expected FROM, but found "FORM".', 'Did you mean "FROM"?'])
})

test('pieces of the text in messages are cut and cleaned', () => {
  assert.throws(() => parseScript(`SELECT a FROM t \`${'x'.repeat(200)}\` b`), {
    message: 'Expected the end of the statement, but found "b".',
  })
  assert.throws(() => parseScript(`${'x'.repeat(200)} b`), {
    message: `Expected a statement, but found "${'x'.repeat(60)}…".`,
  })
  assert.throws(() => parseScript("SHOW 'a\nb'"), { message: "Expected what to show, but found the string 'a b'." })
  assert.throws(() => parseScript('SELECT a\u200bb FROM t'), {
    message: 'The invisible character U+200B means nothing here.',
  })
})
