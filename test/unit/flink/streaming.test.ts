/** What EXPLAIN FLINK STREAMING prints: the keys and values of the same INSERT, or why not. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { translatingOnly } from '../../support/flink-refusals.ts'
import { memoryWorld, type WorldTopic } from '../../support/memory-world.ts'
import { ANY_CASE, runCase } from '../../support/slt.ts'

type Plain = 'STRING' | 'JSON' | 'INT' | 'LONG'

function topic(name: string, key: Plain, value: Plain): WorldTopic {
  return { name, key: { name: key }, value: { name: value }, records: [] }
}

const world = memoryWorld([
  topic('j', 'STRING', 'JSON'),
  topic('to_j', 'STRING', 'JSON'),
  topic('to_int', 'INT', 'JSON'),
  topic('texts', 'STRING', 'STRING'),
  topic('numbers', 'INT', 'LONG'),
  topic('to_numbers', 'INT', 'LONG'),
])

async function printed(insert: string): Promise<string> {
  const sql = `EXPLAIN FLINK STREAMING INSERT INTO ${insert}`
  const lines = await runCase({ ...ANY_CASE, sql }, { ...world, other: translatingOnly(() => undefined) })
  return lines
    .map((line) => (line.startsWith('{') ? (JSON.parse(line) as { statement: string }).statement : line))
    .join('\n')
}

for (const [insert, wanted] of [
  ['to_j SELECT a FROM j', /SELECT CAST\(NULL AS BYTES\), ENCODE\(CONCAT\('{', '"a":'/],
  ['to_int SELECT a FROM j', /SELECT CAST\(NULL AS BYTES\), ENCODE/],
  ['to_j SELECT _key, a FROM j', /SELECT `x0`, ENCODE\(CONCAT\('{', '"a":'.* sluice_key AS `x0`/],
  ["to_j SELECT CONCAT(_key, '-b') AS _key, a AS z FROM j", /SELECT ENCODE\(`e_\w+`, 'UTF-8'\), ENCODE\(.*"z":/],
  ['to_j SELECT NULL AS _value, _key FROM j', /SELECT `x0`, CAST\(NULL AS BYTES\) FROM \(SELECT sluice_key AS `x0`/],
  ['to_j SELECT _value FROM j', /SELECT CAST\(NULL AS BYTES\), `x0` FROM \(SELECT sluice_value AS `x0`/],
  ['to_j SELECT * FROM j', /SELECT `x0`, `x1` FROM \(SELECT sluice_key AS `x0`, sluice_value AS `x1`/],
  ['texts SELECT _key AS _value FROM j', /SELECT CAST\(NULL AS BYTES\), ENCODE\(`r0`, 'UTF-8'\)/],
  ['to_numbers SELECT * FROM numbers', /sluice_key BYTES,\n {2}sluice_value BYTES,/],
  [
    'to_numbers SELECT _key, NULL AS _value FROM numbers WHERE _value > 1',
    /sluice_key BYTES,\n {2}sluice_value BIGINT,/,
  ],
  ['to_numbers SELECT * FROM numbers WHERE _key > 1', /ERROR .*looks at the number that a key is, or copies it/],
  [
    'to_int SELECT _key, a FROM j',
    /ERROR .*A key that is copied stays what it is, and that of to_int is INT, not STRING/,
  ],
  ['to_j SELECT a AS _key, a FROM j', /ERROR .*A whole key is copied, NULL or a text for a topic of texts/],
  ['to_j SELECT a AS _value FROM j', /ERROR .*A whole value is copied, NULL or a text/],
  ['to_j SELECT _key AS _headers.k, a FROM j', /ERROR .*Headers are not written by a job/],
  ['to_j SELECT a AS b.c FROM j', /ERROR .*Columns that make structures/],
  ['to_j SELECT a, _value FROM j', /ERROR .*"_value" is the whole value, and other columns are parts of it/],
  ['to_numbers SELECT a FROM j', /ERROR .*is a single value; it has no "a"/],
] as const)
  it(`INSERT INTO ${insert}`, async () => {
    assert.match(await printed(insert), wanted)
  })
