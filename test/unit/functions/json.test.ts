/** JsonPath and the lossless reading of JSON text under it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { findJson } from '../../../src/functions/support/json-path.ts'
import { parseJsonPath } from '../../../src/functions/support/json-path-parse.ts'
import { ValueError } from '../../../src/functions/function.ts'
import { jsonElements, jsonValue } from '../../../src/lib/json-read.ts'
import { compactJson } from '../../../src/lib/text/json-walk.ts'
import { JsonText } from '../../../src/lib/json-text.ts'
import { dynamic } from './evaluate.ts'

const HARBOUR = `{
  "name": "Otter Bay", "id": 9007199254740993, "fee": 1.10,
  "berths": [
    {"no": 1, "size": 12.5, "ship": "Mara", "tags": ["a", "b"]},
    {"no": 2, "size": 20, "ship": null},
    {"no": 3, "size": 7, "ship": "Otter ☂", "deep": {"no": 33}}
  ],
  "a-b": {"c d": 1, "é": 2, "q'": 3}, "empty": {}, "none": []
}`

function find(path: string, text = HARBOUR): string[] {
  return findJson(text, parseJsonPath(path), Number.POSITIVE_INFINITY)
}

describe('paths', () => {
  const CASES: readonly (readonly [string, readonly string[]])[] = [
    ['$.name', ['"Otter Bay"']],
    ['name', ['"Otter Bay"']],
    ['$.id', ['9007199254740993']],
    ['$.fee', ['1.10']],
    ["$['name']", ['"Otter Bay"']],
    ['$["a-b"]["c d"]', ['1']],
    ['$.a-b.é', ['2']],
    ["$['a-b']['q\\'']", ['3']],
    ["$['a-b']['\\u00e9']", ['2']],
    ['$.berths[*].no', ['1', '2', '3']],
    ['$.berths.*.no', ['1', '2', '3']],
    ['$.berths[0].ship', ['"Mara"']],
    ['$.berths[-1].no', ['3']],
    ['$.berths[9]', []],
    ['$.berths[-9]', []],
    ['$.berths[0,2].no', ['1', '3']],
    ['$.berths[0:2].no', ['1', '2']],
    ['$.berths[1:].no', ['2', '3']],
    ['$.berths[:-1].no', ['1', '2']],
    ['$.berths[::2].no', ['1', '3']],
    ['$.berths[::-1].no', ['3', '2', '1']],
    ['$.berths[-2:].no', ['2', '3']],
    ['$.berths[ 0 : 1 ].no', ['1']],
    ["$.berths[0]['no','size']", ['1', '12.5']],
    ['$..no', ['1', '2', '3', '33']],
    ['$..deep.no', ['33']],
    ['$..tags[0]', ['"a"']],
    ['$..[2].no', ['3']],
    ['$.berths[2]..no', ['3', '33']],
    ['$.berths[?(@.size > 10)].no', ['1', '2']],
    ['$.berths[?@.size>=20].no', ['2']],
    ['$.berths[?(@.ship)].no', ['1', '2', '3']],
    ['$.berths[?(@.tags)].no', ['1']],
    ['$.berths[?(!@.tags)].no', ['2', '3']],
    ["$.berths[?(@.ship == 'Mara')].no", ['1']],
    ['$.berths[?(@.ship == null)].no', ['2']],
    ['$.berths[?(@.ship != null && @.size < 10)].no', ['3']],
    ['$.berths[?(@.no == 1 || (@.no == 3 && @.size == 7))].no', ['1', '3']],
    ["$.berths[?(@['no'] < 2)].no", ['1']],
    ["$.berths[?('Mara' == @.ship)].no", ['1']],
    ['$.berths[?(@.deep.no > 30)].no', ['3']],
    ['$.berths[?(@.size > $.berths[2].size)].no', ['1', '2']],
    ["$.berths[?(@.tags[1] == 'b')].no", ['1']],
    ["$.berths[?(@.size > 'x')].no", []],
    ['$.berths[0]', ['{"no":1,"size":12.5,"ship":"Mara","tags":["a","b"]}']],
    ['$.empty', ['{}']],
    ['$.empty.*', []],
    ['$.none[*]', []],
    ['$.name.x', []],
    ['$.name[0]', []],
    ['$.nowhere..x', []],
  ]
  for (const [path, result] of CASES) test(path, () => assert.deepEqual(find(path), result))

  test('the whole document', () => {
    assert.deepEqual(find('$', ' [1, 2] '), ['[1,2]'])
    assert.deepEqual(find('$', ' "x y" '), ['"x y"'])
    assert.deepEqual(find('$..*', '{"a":[1,{"b":2}]}'), ['[1,{"b":2}]', '1', '{"b":2}', '2'])
    assert.deepEqual(find('$[*]', '[[],{},"",0,null,false]'), ['[]', '{}', '""', '0', 'null', 'false'])
  })
  test('64-bit integers compare exactly', () => {
    const text = '[{"id":9007199254740993},{"id":9007199254740992}]'
    assert.deepEqual(find('$[?(@.id == 9007199254740993)].id', text), ['9007199254740993'])
    assert.deepEqual(find('$[?(@.id > 9007199254740992)].id', text), ['9007199254740993'])
  })
  test('of duplicate keys the last one counts', () => assert.deepEqual(find('$.a', '{"a":1,"a":2}'), ['2']))
})

describe('paths that are none', () => {
  const BAD = [
    '$.',
    '$[',
    '$[]',
    '$.a[',
    "$['a]",
    '$.a[1',
    '$.a]',
    '$ a',
    '$.a[?]',
    '$.a[?()]',
    '$.a[?(@.x >)]',
    '$.a[?(1)]',
    '$.a.length()',
    '$.a[(@.length-1)]',
    '$...a',
    '',
    '$[1:2:x]',
    '$[?(@.x == y)]',
    '$[?(@.x =~ /a/)]',
  ]
  for (const path of BAD)
    test(path, () =>
      assert.throws(
        () => parseJsonPath(path),
        (error) => error instanceof ValueError && /is not a JsonPath: at position \d+ it needs/.test(error.message),
      ),
    )
  test('too long, too deep, too wide', () => {
    assert.throws(
      () => dynamic('json_extract_all', '{}', `$${'.a'.repeat(3000)}`),
      /JSON_EXTRACT_ALL.*function\.max\.pattern\.chars.*4096/,
    )
    assert.throws(() => parseJsonPath(`$[?${'('.repeat(60)}@.a${')'.repeat(60)}]`), /nested deeper than 50/)
    const wide = `[${'[1,2,3,4,5,6,7,8,9,10],'.repeat(2000)}0]`
    assert.throws(
      () => dynamic('json_extract_all', wide, '$..[?(@..[0] == $..[9])]'),
      /JSON_EXTRACT_ALL.*function\.max\.json\.places.*200000/,
    )
  })
  test('very deep documents', () => {
    const deep = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`
    assert.equal(find('$..[0]', deep(2000)).length, 2000)
    assert.equal(findJson(deep(20_000), parseJsonPath('$..[0]'), 1)[0].length, 39_999)
    assert.throws(
      () => dynamic('json_extract_all', deep(20_000), '$..[0]'),
      /JSON_EXTRACT_ALL: the path.*function\.max\.string\.bytes/,
    )
  })
})

describe('the functions', () => {
  test('dynamic and structured values are documents too', () => {
    assert.equal(dynamic('json_extract_first', new JsonText('{"a": [1, 2]}'), '$.a'), '[1,2]')
    assert.equal(dynamic('json_extract_first', '{"a":1}', '$.b'), null)
    assert.deepEqual(dynamic('json_extract_all', '{"a":1}', '$.b'), [])
  })
  test('text that is not JSON is an error', () => {
    for (const text of ['', '{', '{"a":}', 'abc', '[1,]', '{"a":1}x'])
      assert.throws(() => dynamic('json_extract_first', text, '$.a'), /JSON_EXTRACT_FIRST: the text is not JSON/, text)
  })
})

describe('lossless reading', () => {
  test('values', () => {
    assert.equal(jsonValue(' 12 '), 12)
    assert.equal(jsonValue('-9007199254740993'), -9007199254740993n)
    assert.equal(jsonValue('1e3'), 1000)
    assert.equal(jsonValue('"a\\u00e9\\n"'), 'aé\n')
    assert.equal(jsonValue('true'), true)
    assert.equal(jsonValue('null'), null)
    assert.deepEqual(jsonValue(' { "a" : [ 1 ] } '), new JsonText('{"a":[1]}'))
  })
  test('any JSON, however it is laid out, reads as JSON.parse reads it', () => {
    const layout = fc.tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, '\t', ' \r'))
    fc.assert(
      fc.property(layout, ([value, indent]) => {
        const text = JSON.stringify(value, null, indent)
        assert.equal(compactJson(text), JSON.stringify(value))
        assert.deepEqual(find('$', text), [JSON.stringify(value)])
        if (Array.isArray(value)) {
          const items = jsonElements(new JsonText(text)).map((item) =>
            item instanceof JsonText ? JSON.parse(item.text) : typeof item === 'bigint' ? Number(item) : item,
          )
          assert.deepEqual(items, JSON.parse(text))
          assert.deepEqual(
            find('$[*]', text),
            value.map((item) => JSON.stringify(item)),
          )
        }
      }),
      { seed: 11, numRuns: 500 },
    )
  })
  test('`..` and a walk of the parsed document find the same', () => {
    const walk = (value: unknown): unknown[] =>
      value !== null && typeof value === 'object'
        ? [...Object.values(value), ...Object.values(value).flatMap(walk)]
        : []
    const plain = fc
      .jsonValue({ maxDepth: 4 })
      .filter((v) => !JSON.stringify(v).includes('"__proto__"') && !/"\d+":/.test(JSON.stringify(v)))
    fc.assert(
      fc.property(plain, (value) =>
        assert.deepEqual(
          find('$..*', JSON.stringify(value)),
          walk(value).map((v) => JSON.stringify(v)),
        ),
      ),
      { seed: 11, numRuns: 500 },
    )
  })
})
