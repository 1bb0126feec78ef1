import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jsonDecoder } from '../../src/formats/json/decoder.ts'
import { JSON_LIMIT_DEPTH } from '../../src/formats/json/scan.ts'
import { numberWithoutValue } from '../../src/formats/json/values.ts'
import { findMember, jsonMember, parseJson } from '../../src/formats/json/text.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import type { DataType, Value } from '../../src/types.ts'
import { type Asked, type Got, reader, type Step } from './driver.ts'

const JSON_KIND: DataType = { kind: 'json' }

function ask(path: readonly Step[], ...parts: Asked['parts']): Asked {
  return { path, parts, type: JSON_KIND }
}
function read(text: string | Uint8Array, ...asked: Asked[]): Got[] | 'bad' {
  return reader(jsonDecoder(), asked)(Buffer.from(text as string), 2)
}

test('numbers are exact', () => {
  const cases: [string, Value][] = [
    ['0', 0],
    ['-0', -0],
    ['15', 15],
    ['-123456789012345', -123456789012345],
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['-9007199254740993', -9007199254740993n],
    ['123456789012345678901234567890', 123456789012345678901234567890n],
    ['1.10', 1.1],
    ['0.1', 0.1],
    ['12.570543333333333', 12.570543333333333],
    ['1e3', 1000],
    ['1E-3', 0.001],
    ['5e-324', 5e-324],
    ['100000000000000000000.5', 1e20],
    ['0.00000000000000000000000001', 1e-26],
    ['3.141592653589793', Math.PI],
    ['99999999999999.9', 99999999999999.9],
  ]
  for (const [text, value] of cases) {
    assert.deepEqual(read(`{"a":${text}}`, ask(['a'], 'value', 'text')), [{ value, text }])
    assert.deepEqual(read(text, ask([], 'value', 'text')), [{ value, text }])
  }
  assert.equal(read('{"a":1e999}', ask(['a'], 'value')), 'bad')
  assert.deepEqual(read('{"a":1e999}', ask(['a'], 'text')), [{ text: '1e999' }])
})

test('numbers are looked for beside long strings', () => {
  const long = (piece: string, tail: string): string =>
    `{"o":{"s":"${piece.repeat((10 << 20) / piece.length)}","n":${tail}}}`
  for (const piece of ['x', '\\n', '1e999 ']) {
    const text = long(piece, '1e100')
    const got = read(text, ask(['o'], 'value'))
    assert.ok(got !== 'bad' && got[0].value instanceof JsonText && got[0].value.text === text.slice(5, -1))
  }
  assert.equal(read(long('\\"', '[-0.5,{"m":-1E999}]'), ask(['o'], 'value')), 'bad')
  assert.deepEqual(numberWithoutValue('{"a-1":"1e999 \\\\","b":[-,1.,-1e999]}'), { number: '-1e999', at: 28 })
  assert.equal(numberWithoutValue(`"${'\\"1e999'.repeat(3)}`), undefined)
  assert.equal(numberWithoutValue(''), undefined)
})

test('null and missing are told apart by exists only', () => {
  assert.deepEqual(
    read(
      '{"a":null,"o":{},"s":1}',
      ask(['a'], 'value', 'text', 'exists'),
      ask(['b'], 'value', 'exists'),
      ask(['o', 'x'], 'exists'),
      ask(['s', 'x'], 'exists', 'value'),
      ask(['a', 'x'], 'exists'),
    ),
    [
      { value: null, text: null, exists: true },
      { value: null, exists: false },
      { exists: false },
      { exists: false, value: null },
      { exists: false },
    ],
  )
})

test('steps by name need an object, steps by number an array', () => {
  assert.deepEqual(
    read(
      '{"a":[{"b":1},{"b":2}],"0":"x"}',
      ask(['a', 1, 'b'], 'value'),
      ask(['a', 0], 'text'),
      ask([0], 'exists'),
      ask(['a', 'b'], 'exists'),
      ask(['0'], 'value'),
      ask(['a', 2], 'exists'),
    ),
    [{ value: 2 }, { text: '{"b":1}' }, { exists: false }, { exists: false }, { value: 'x' }, { exists: false }],
  )
  assert.deepEqual(read('[10,20,30]', ask([2], 'value'), ask([0], 'value')), [{ value: 30 }, { value: 10 }])
  assert.deepEqual(read('5', ask(['a'], 'value', 'exists')), [{ value: null, exists: false }])
})

test('strings have ranges where they have no escapes', () => {
  assert.deepEqual(
    read(
      '{"a":"Grüße","b":"x\\ny","c":"","d":7,"e":"\\ud83d\\ude00"}',
      ...['a', 'b', 'c', 'd', 'e'].map((name) => ask([name], 'slice')),
    ),
    [
      { value: null, slice: 'Grüße' },
      { value: 'x\ny', slice: 'made x\ny' },
      { value: null, slice: '' },
      { value: 7, slice: undefined },
      { value: '😀', slice: 'made 😀' },
    ],
  )
})

test('keys with escapes are the same keys', () => {
  assert.deepEqual(
    read(
      '{"\\u0061mount":1,"\\"":2,"n\\u00e9e":3}',
      ask(['amount'], 'value'),
      ask(['"'], 'value'),
      ask(['née'], 'value'),
    ),
    [{ value: 1 }, { value: 2 }, { value: 3 }],
  )
})

test('the first of repeated keys counts, whatever is asked', () => {
  const text = '{"a":{"x":1,"x":2},"b":1,"a":{"y":3},"b":"later"}'
  assert.deepEqual(
    read(
      text,
      ask(['a'], 'text', 'value'),
      ask(['a', 'y'], 'exists'),
      ask(['a', 'x'], 'value'),
      ask(['b'], 'slice'),
      ask([], 'text'),
    ),
    [
      { text: '{"x":1}', value: new JsonText('{"x":1}') },
      { exists: false },
      { value: 1 },
      { value: 1, slice: undefined },
      { text: '{"a":{"x":1},"b":1}' },
    ],
  )
  assert.equal(jsonMember(new JsonText('{"a":1,"a":2}'), 'a'), 1)
  assert.equal(findMember(new JsonText('{"a":null}'), 'a'), null)
  assert.equal(findMember(new JsonText('{"a":null}'), 'b'), undefined)
})

test('objects of very many keys are compared, too', () => {
  const members = Array.from({ length: 2000 }, (_, i) => `"k${i % 1000}":${i}`)
  assert.deepEqual(read(`{${members.join(',')}}`, ask([], 'text')), [{ text: `{${members.slice(0, 1000).join(',')}}` }])
})

test('reading stops when all is found; checking does not', () => {
  const damaged = '{"a":1,"b":tru'
  const asked = [ask(['a'], 'value')]
  assert.deepEqual(read(damaged, ...asked), [{ value: 1 }])
  assert.equal(reader(jsonDecoder(), asked, { validate: true })(Buffer.from(damaged)), 'bad')
  assert.equal(read(damaged, ask(['b'], 'value')), 'bad')
  assert.equal(read('{"z":tru,"a":1}', ...asked), 'bad', 'damage before the wanted member is seen')
})

test('what stands behind the value is seen by whoever reads the whole value', () => {
  assert.equal(read('{"a":1} x', ask([], 'text'), ask(['a'], 'value')), 'bad')
  assert.equal(read('{"a":1} x', ask([], 'value'), ask(['a'], 'value')), 'bad')
  assert.equal(read('5 6', ask([], 'value')), 'bad')
  assert.deepEqual(read('{"a":1} x', ask(['a'], 'value')), [{ value: 1 }])
  assert.deepEqual(read('{"a":1} \n', ask([], 'text'), ask(['a'], 'value')), [{ text: '{"a":1}' }, { value: 1 }])
})

test('what ends in the middle of a token does not read on into the next record', () => {
  for (const text of ['{"a', '{"a"', '{"a":', '{"a":1', '{"a":"x', '{"a":12', '{"a":[1,', '{"a":{"b"', '[1', '"x']) {
    const bytes = Buffer.from(`${text}":1,"a":2}]}"`)
    const cut = bytes.subarray(0, text.length)
    assert.equal(reader(jsonDecoder(), [ask([], 'text')])(cut), 'bad', text)
    assert.equal(reader(jsonDecoder(), [ask(['b'], 'value')], { validate: true })(cut, 9), 'bad', text)
  }
})

test(`nesting ends at ${JSON_LIMIT_DEPTH} levels`, () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
  assert.deepEqual(read(nested(JSON_LIMIT_DEPTH), ask([], 'text')), [{ text: nested(JSON_LIMIT_DEPTH) }])
  assert.equal(read(nested(JSON_LIMIT_DEPTH + 1), ask([], 'text')), 'bad')
  assert.equal(read(`{"a":${nested(1_000_000)},"b":1}`, ask(['b'], 'value')), 'bad')
  assert.equal(read('['.repeat(1_000_000), ask([], 'value')), 'bad')
  assert.equal(parseJson(nested(JSON_LIMIT_DEPTH + 1)), undefined)
})

test('a declared type is kept to', () => {
  const cases: [string, DataType, Value | 'bad'][] = [
    ['1', { kind: 'double' }, 1],
    ['"1"', { kind: 'long' }, 'bad'],
    ['1.5', { kind: 'long' }, 'bad'],
    ['true', { kind: 'boolean' }, true],
    ['0.5', { kind: 'decimal' }, new Decimal(5n, 1)],
    ['7', { kind: 'string' }, 'bad'],
    ['null', { kind: 'long' }, null],
    ['12345678901234567890', { kind: 'double' }, 12345678901234567000],
  ]
  for (const [text, type, value] of cases) {
    const got = reader(jsonDecoder(), [{ path: ['a'], parts: ['value'], type }])(Buffer.from(`{"a":${text}}`))
    assert.deepEqual(got === 'bad' ? got : got[0].value, value, `${text} as ${type.kind}`)
  }
})

test('a hundred members are read like one', () => {
  const values = ['1', '"x"', '"y\\n"', 'null', 'true', '{"a":1}', '-2.5', '9007199254740993', '"Grüße"', '[]']
  const members = Array.from({ length: 100 }, (_, i) => `"k${i}":${values[i % 10]}`)
  const text = `{${members.join(',')}}`
  const plain = read(text, ...members.map((_, i) => ask([`k${i}`], 'value', 'exists')))
  const ranged = read(text, ...members.map((_, i) => ask([`k${i}`], 'slice')))
  const expected: Value[] = [
    1,
    'x',
    'y\n',
    null,
    true,
    new JsonText('{"a":1}'),
    -2.5,
    9007199254740993n,
    'Grüße',
    new JsonText('[]'),
  ]
  for (let i = 0; i < 100; i++) {
    assert.deepEqual(plain[i], { value: expected[i % 10], exists: true })
    const string = expected[i % 10]
    assert.deepEqual(
      ranged[i],
      typeof string !== 'string'
        ? { value: string, slice: undefined }
        : string === 'y\n'
          ? { value: string, slice: 'made y\n' }
          : { value: null, slice: string },
    )
  }
  for (const damage of ['tru', '01', '"x', '{"a":}', '1e', '-', ''])
    assert.equal(
      read(
        text.replace('"k90":1,', `"k90":${damage},`),
        ask(['k99'], 'value'),
        ...members.map((_, i) => ask([`k${i}`], 'value')),
      ),
      'bad',
      damage,
    )
})

test('a number of a million digits is no value, but has a text', () => {
  const digits = '9'.repeat(1_000_000)
  assert.equal(read(`[${digits}]`, ask([0], 'value')), 'bad')
  assert.deepEqual(read(`[${digits}]`, ask([0], 'text')), [{ text: digits }])
  assert.deepEqual(read(`[${digits.slice(0, 100)}]`, ask([0], 'value')), [{ value: BigInt(digits.slice(0, 100)) }])
})
