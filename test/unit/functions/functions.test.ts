/** Every example of every function is run, and so is every row of the reference's table of vectors. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  AGGREGATE_DOCS,
  findFunction,
  returnText,
  SCALAR_FUNCTIONS,
  SCALAR_NAMES,
  signature,
} from '../../../src/functions/all-functions.ts'
import { show } from './evaluate.ts'

describe('examples in the documentation', () => {
  for (const fn of SCALAR_FUNCTIONS) {
    for (const example of fn.examples) {
      test(example.sql, () => assert.equal(show(example.sql), example.result))
    }
  }
})

/** Expression, result. The result of a text is shown without its quotes. */
const VECTORS: readonly (readonly [string, string])[] = [
  ["ABBREVIATE('harbourmaster', 9)", 'harbou...'],
  ["BASE64('quay')", 'cXVheQ=='],
  ["DECODE64('cXVheQ==')", 'quay'],
  ["SWAPCASE('MvOtter')", 'mVoTTER'],
  ["CENTER('ab', 6, '*')", '**ab**'],
  ["CHOP('dock7')", 'dock'],
  ["CONCAT('a', NULL, 'c')", 'ac'],
  ["CONTAINS('Seagull','Gull')", 'false'],
  ["DIGITS('bay-12/7')", '127'],
  ["DROPLEFT('ferry',2)", 'rry'],
  ["DROPRIGHT('ferry',2)", 'fer'],
  ["TAKELEFT('ferry',2)", 'fe'],
  ["TAKERIGHT('ferry',2)", 'ry'],
  ["INDEXOF('lighthouse','house')", '5'],
  ["SUBSTR('lighthouse',5)", 'house'],
  ["SUBSTRING('lighthouse',0,5)", 'light'],
  ["LPAD('7',3,'0')", '007'],
  ["LEFTPAD('7',3,'0')", '007'],
  ["RPAD('7',3,'0')", '700'],
  ["RIGHTPAD('7',3,'0')", '700'],
  ["LEN('🛳')", '2'],
  ["LENGTH('🛳')", '2'],
  ["STRIPACCENTS('Ålesund café')", 'Alesund cafe'],
  ["REGEXP('berth-42','([a-z]+)-(\\d+)')", '["berth","42"]'],
  ["REGEX('berth','\\d+')", '[]'],
  ["ANONYMIZE('Mara')", '****'],
  ["EMAIL('mara@quay.example')", 'm*****@quay.example'],
  ["FIRST2('Mara')", 'Ma*****'],
  ["LAST2('Mara')", '*****ra'],
  ["INITIALS('Mara Holt')", 'MH'],
  ['FLATTEN([[1],[2,3]])', '[1,2,3]'],
  ['IN_ARRAY(3,[3,4])', 'true'],
  ['SIZEOF([3,4])', '2'],
  ["REPEAT('x',2)", '["x","x"]'],
  ["ZIP([1,2],'n',['a'],'s')", '[{"n":1,"s":"a"}]'],
  ["ZIP_ALL([1,2],'n',['a'],'s')", '[{"n":1,"s":"a"},{"n":2,"s":null}]'],
  ['JSON_EXTRACT_FIRST(\'{"a":[{"b":1},{"b":2}]}\',\'$.a[*].b\')', '1'],
  ['ROUND(2.5)', '3'],
  ['ROUND(-2.5)', '-2'],
  ['CEIL(2.1)', '3'],
  ['FLOOR(-2.1)', '-3'],
  ['MOD(17,5)', '2'],
  ['MOD(-7,3)', '-1'],
  ['POW(2,10)', '1024'],
  ['MAX(3,8,5)', '8'],
  ['MIN(3,8,5)', '3'],
  ['CAST(9.99 AS int)', '9'],
  ['CAST(2.46 AS int)', '2'],
  ['ROUND(DISTANCE(41.15,-8.61,41.16,-8.61))', '1112'],
  ["CONVERT_DATETIME('2024-02-29 07:05','yyyy-MM-dd HH:mm','dd/MM/yyyy')", '29/02/2024'],
  ["TO_DATE('2024-02-29','yyyy-MM-dd')", '2024-02-29T00:00:00Z'],
  ['TO_TIMESTAMP(1709190305410)', '2024-02-29T07:05:05.41Z'],
  ['MONTH_TEXT(TO_TIMESTAMP(1709190305410))', 'February'],
  ['EXTRACT_TIME(TO_TIMESTAMP(1709190305000))', '07:05:05'],
  ["MKSTRING('2016-01-01 00:11:14')", '"2016-01-01 00:11:14"'],
  ["UNCAPITALIZE('Otter Bay Quay')", 'otter bay quay'],
  ["DUMP('abc')", 'io.lenses.sql.model.StringValue@StringValue(abc)'],
  ["FORMAT_TIME(TO_TIMESTAMP(1451679000000), 'K:mm a, z')", '8:10 PM, UTC'],
  ["FORMAT_DATE(TO_TIMESTAMP(1709190305410), 'HH:mm')", '07:05'],
  ['TO_TIMESTAMP(1503121233000000)', '+49602-01-06T11:50:00Z'],
  ["`TRUNCATE`('lighthouse', 5)", 'light'],
  ["POSITION('house' IN 'lighthouse')", '6'],
]

describe('vectors of the reference', () => {
  for (const [sql, result] of VECTORS) test(sql, () => assert.equal(show(sql), result))
})

describe('the catalog', () => {
  test('names and aliases are lower case and unique', () => {
    const names = SCALAR_FUNCTIONS.flatMap((fn) => [fn.name, ...(fn.aliases ?? [])])
    assert.equal(new Set(names).size, names.length)
    assert.deepEqual(
      names.filter((name) => !/^[a-z][a-z0-9_]*$/.test(name)),
      [],
    )
    assert.equal(SCALAR_NAMES.length, names.length)
  })
  test('every function has one sentence, and an example or a usage', () => {
    for (const fn of SCALAR_FUNCTIONS) {
      assert.match(fn.description, /^[A-Z-].*\.$/s, fn.name)
      assert.ok(fn.examples.length > 0 || fn.usage !== undefined, fn.name)
      assert.match(returnText(fn), /^[a-z<>]+$/, fn.name)
      assert.ok(signature(fn).startsWith(fn.name.toUpperCase()), fn.name)
    }
  })
  test('look-up ignores case and knows aliases', () => {
    assert.equal(findFunction('SubString')?.name, 'substr')
    assert.equal(findFunction('MASK')?.name, 'anonymize')
    assert.equal(findFunction('constructor'), undefined)
    assert.equal(findFunction('no_such'), undefined)
  })
  test('exists is described as clients expect it', () => {
    const exists = findFunction('exists')
    assert.equal(exists?.description, 'Returns true if the given field is present in the payload or false otherwise.')
    assert.equal(exists && returnText(exists), 'boolean')
  })
  test('only the last parameter repeats, and nothing required follows an optional one', () => {
    for (const fn of SCALAR_FUNCTIONS) {
      fn.parameters.forEach((p, i) => {
        assert.ok(p.variadic !== true || i === fn.parameters.length - 1, fn.name)
        assert.ok(p.optional === true || !fn.parameters.slice(0, i).some((q) => q.optional === true), fn.name)
      })
    }
  })
  test('aggregates of the dialect are documented', () => {
    const names = AGGREGATE_DOCS.map((doc) => doc.name)
    for (const name of [
      'count',
      'sum',
      'avg',
      'first',
      'last',
      'collect',
      'collect_unique',
      'maxk',
      'mink',
      'maxk_unique',
      'mink_unique',
      'topk',
      'bottomk',
      'max',
      'min',
    ])
      assert.ok(names.includes(name), name)
  })
})
