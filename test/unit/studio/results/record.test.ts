import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { differences } from '../../../../src/studio/record/differences.ts'
import { fromBase64, hexLines, wrongByte } from '../../../../src/studio/record/hex.ts'
import { childrenOf, indented, leafText, leavesOf, memberOf, rootOf } from '../../../../src/studio/record/json-tree.ts'
import {
  aroundSql,
  detailOf,
  detailSql,
  elsewhereSql,
  keyCondition,
  placeOf,
  sameKeySql,
  topicOf,
} from '../../../../src/studio/record/record-source.ts'
import { comparable, known, NO_RECORD, opened } from '../../../../src/studio/record/record-state.ts'
import { parseScript } from '../../../../src/sql/parse.ts'

const place = { topic: 'orders', partition: 2, offset: '9007199254740993' }

test('a tree is taken apart where one looks, without losing a digit', () => {
  const text = '{"a":[1,{"b":9007199254740993}],"t":"x\\"y","n":null,"e":{}}'
  const root = rootOf(text)
  assert.deepEqual(
    childrenOf(text, root).children.map(({ name, kind }) => [name, kind]),
    [
      ['a', 'array'],
      ['t', 'text'],
      ['n', 'null'],
      ['e', 'object'],
    ],
  )
  assert.equal(leafText(text, memberOf(text, root, 't') ?? root), 'x"y')
  assert.deepEqual(childrenOf(text, root, 2).rest, true)
  assert.deepEqual(leavesOf(text, 10).leaves, [
    { path: 'a[0]', json: '1' },
    { path: 'a[1].b', json: '9007199254740993' },
    { path: 't', json: '"x\\"y"' },
    { path: 'n', json: 'null' },
    { path: 'e', json: '{}' },
  ])
  assert.equal(leavesOf(text, 2).rest, true)
})

test('any JSON: indented text is the same JSON, laid out as the language does', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value)
      assert.equal(indented(text), JSON.stringify(value, undefined, 2))
    }),
  )
  assert.ok(indented(`[${'1,'.repeat(100_000)}1]`, 1000).length < 1100)
})

test('a tree of JSON with white space between its parts', () => {
  const text = ' {\r\n\t"a" : [ 1 , { "b c" : 2 } ] ,\n "e" : { } , "f" : [\n] , "t": "x" }\n'
  assert.deepEqual(leavesOf(text, 10).leaves, [
    { path: 'a[0]', json: '1' },
    { path: 'a[1].b c', json: '2' },
    { path: 'e', json: '{ }' },
    { path: 'f', json: '[\n]' },
    { path: 't', json: '"x"' },
  ])
  const { children } = childrenOf(text, rootOf(text))
  assert.deepEqual(
    children.map(({ hasChildren }) => hasChildren),
    [true, false, false, false],
  )
  assert.equal(indented(text), JSON.stringify(JSON.parse(text), undefined, 2))
  assert.equal(keyCondition('{ "a": { "b" :1 } , "c" : "x" }\n'), "_key.a.b = 1 AND _key.c = 'x'")
  const detail = detailOf('{"value":{"k": "x" ,"v":\n{"n": 1.50}\n,"p":null},"metadata":{"offset":1},"rownum":0}')
  assert.deepEqual([detail.key, detail.value, detail.preview], ['"x"', '{"n": 1.50}', undefined])
})

test('no two values of a tree have one path', () => {
  const text = '{"a.b":1,"a":{"b":2,"":3},"a[0]":4,"l":[5]}'
  const paths = leavesOf(text, 10).leaves.map(({ path }) => path)
  assert.deepEqual(paths, ['`a.b`', 'a.b', 'a.``', '`a[0]`', 'l[0]'])
})

test('where a record stands', () => {
  const data = '{"key":"k","value":{},"metadata":{"offset":9007199254740993,"partition":2},"rownum":0'
  assert.deepEqual(placeOf(`${data}}`, 'orders'), place)
  assert.equal(placeOf(`${data}}`, undefined), undefined)
  assert.equal(placeOf('{"value":{"n":1},"rownum":0}', 'orders'), undefined)
  assert.equal(topicOf('SELECT * FROM `my-topic` WHERE a = 1', undefined), 'my-topic')
  assert.equal(topicOf('SELECT * FROM `o*`', { sources: { s: 'orders' } }), 'orders')
  assert.equal(topicOf('SELECT * FROM `o*`', { sources: { s: 'orders', t: 'old' } }), undefined)
})

test('what is asked about a record can be parsed, and is exact', () => {
  const odd = { topic: 'a-b.c d`e', partition: 0, offset: '3' }
  for (const sql of [detailSql(odd), aroundSql(odd), sameKeySql(odd.topic, '{"a":{"b c":"x\'y"},"n":null}')])
    assert.equal(parseScript(sql).length, 1)
  assert.equal(parseScript(elsewhereSql('"100 %"')).length, 1)
  assert.match(aroundSql(place), /BETWEEN 9007199254740943 AND 9007199254741043 LIMIT 101$/)
  assert.match(aroundSql(odd), /BETWEEN 0 AND 53/)
  assert.equal(keyCondition('{"a":{"b":1},"c":"x\'y"}'), "_key.a.b = 1 AND _key.c = 'x''y'")
  assert.deepEqual([keyCondition('null'), keyCondition('5')], ['_key IS NULL', '_key = 5'])
})

test('what the server says of a record', () => {
  const detail = detailOf(
    '{"value":{"k":"x","v":{"n":1.50},"r":"AAE=","rk":null,"h":[],"e":null,"p":null},"metadata":{"offset":1},"rownum":0}',
  )
  assert.deepEqual(
    [detail.value, detail.bytes, detail.keyBytes, detail.error],
    ['{"n":1.50}', 'AAE=', undefined, undefined],
  )
  const state = opened({ ...NO_RECORD, side: 'hex' }, { place, row: undefined })
  assert.deepEqual([state.side, state.isLoading, known(state)], ['hex', true, undefined])
  const whole = known({ ...state, detail: { ...detail, preview: '{"n' }, whole: { value: '{"n":1}' } })
  assert.deepEqual([whole?.value, whole?.preview], ['{"n":1}', undefined])
  assert.equal(comparable(detail), '{"key":"x","value":{"n":1.50},"headers":[],"metadata":{"offset":1}}')
})

test('differences are of what is written', () => {
  const { all } = differences('{"a":1.50,"b":[1,2],"c":null}', '{"a":1.5,"b":[1],"d":0,"c":null}')
  assert.deepEqual(
    all.map(({ path, mark }) => `${path} ${mark}`),
    ['a changed', 'b[0] same', 'b[1] left', 'c same', 'd right'],
  )
})

test('bytes in lines; the wrong byte that an error tells of', () => {
  const bytes = fromBase64('AAECQUJD') ?? new Uint8Array()
  assert.deepEqual(hexLines(bytes, 9, 4), [
    { offset: '00000000', bytes: ['00', '01', '02', '41'], characters: '...A' },
    { offset: '00000004', bytes: ['42', '43'], characters: 'BC' },
  ])
  assert.equal(fromBase64('*'), undefined)
  assert.deepEqual(wrongByte('value: not JSON at byte 12 (l)'), { side: 'value', byte: 12 })
  assert.deepEqual(wrongByte('key: not JSON: it ends too early, after 7 bytes'), { side: 'key', byte: 7 })
  assert.equal(wrongByte('value: unknown schema 3'), undefined)
})
