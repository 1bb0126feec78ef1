import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeDouble, writeFloat, writeInteger } from '../../src/formats/text/number-writer.ts'
import {
  DEFAULT_RENDER,
  doubleText,
  floatText,
  isoDate,
  isoTime,
  isoTimestamp,
  jsonString,
  renderValue,
} from '../../src/formats/text/render.ts'
import { Decimal } from '../../src/lib/decimal.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import type { DataType, Value } from '../../src/types.ts'

test('values as JSON and as plain text', () => {
  const cases: [Value, DataType, string, string?][] = [
    [null, { kind: 'long' }, 'null'],
    [true, { kind: 'boolean' }, 'true'],
    [5, { kind: 'int' }, '5'],
    [5, { kind: 'double' }, '5.0'],
    [-0, { kind: 'double' }, '-0.0'],
    [0.1, { kind: 'double' }, '0.1'],
    [Math.fround(0.1), { kind: 'float' }, '0.1'],
    [Number.NaN, { kind: 'double' }, '"NaN"', 'NaN'],
    [Number.NEGATIVE_INFINITY, { kind: 'float' }, '"-Infinity"', '-Infinity'],
    [1491318144456507320n, { kind: 'long' }, '1491318144456507320'],
    [new Decimal(-1250n, 2), { kind: 'decimal' }, '-12.50'],
    ['a"b', { kind: 'string' }, '"a\\"b"', 'a"b'],
    [new Uint8Array([0, 255, 16]), { kind: 'bytes' }, '"AP8Q"', 'AP8Q'],
    [19429, { kind: 'date' }, '"2023-03-13"', '2023-03-13'],
    [74833679390, { kind: 'time', unit: 'micros' }, '"20:47:13.67939"', '20:47:13.67939'],
    [1678707765410, { kind: 'timestamp', unit: 'millis' }, '"2023-03-13T11:42:45.41Z"', '2023-03-13T11:42:45.41Z'],
    [[1, null, 2], { kind: 'array', element: { kind: 'double' } }, '[1.0,null,2.0]'],
    [
      new Map([
        ['b', 1],
        ['a', 2],
      ]),
      { kind: 'map', value: { kind: 'long' } },
      '{"b":1,"a":2}',
    ],
    [
      new Map<string, Value>([
        ['x', 1],
        ['y', [new Map([['z', 2]])]],
      ]),
      {
        kind: 'struct',
        fields: [
          { name: 'x', type: { kind: 'double' }, nullable: false },
          {
            name: 'y',
            type: {
              kind: 'array',
              element: { kind: 'struct', fields: [{ name: 'z', type: { kind: 'float' }, nullable: false }] },
            },
            nullable: false,
          },
        ],
      },
      '{"x":1.0,"y":[{"z":2.0}]}',
    ],
    [new JsonText('{ "a" : 1.0 }'), { kind: 'json' }, '{ "a" : 1.0 }'],
    [1.5, { kind: 'json' }, '1.5'],
    [-0, { kind: 'json' }, '-0'],
    [1e21, { kind: 'json' }, '1e+21'],
  ]
  for (const [value, type, json] of cases) {
    assert.equal(renderValue(value, type, DEFAULT_RENDER), json)
  }
})

test('settings change dates and decimals', () => {
  const render = { timestamp: false, decimal: 1, uuid: true }
  assert.equal(renderValue(19429, { kind: 'date' }, render), '19429')
  assert.equal(renderValue(1678707765410n, { kind: 'timestamp', unit: 'nanos' }, render), '1678707765410')
  assert.equal(renderValue(new Decimal(-1255n, 2), { kind: 'decimal' }, render), '-12.6')
})

test('dates and times', () => {
  assert.equal(isoTimestamp(1678707744267, 'millis', true), '2023-03-13T11:42:24.267Z')
  assert.equal(isoTimestamp(1678707744000, 'millis', true), '2023-03-13T11:42:24.000Z')
  assert.equal(isoTimestamp(-1, 'millis', true), '1969-12-31T23:59:59.999Z')
  assert.equal(isoTimestamp(1491318144456507320n, 'nanos', true), '2017-04-04T15:02:24.456Z')
  assert.equal(isoTimestamp(1678707744000, 'millis'), '2023-03-13T11:42:24Z')
  assert.equal(isoTimestamp(0, 'micros', false, true), '1970-01-01T00:00:00')
  assert.equal(isoDate(-719529), '-0001-12-31')
  assert.equal(isoTime(0, 'millis'), '00:00:00')
  assert.equal(jsonString('\u2028"'), JSON.stringify('\u2028"'))
})

/** Written digits and the text that the language gives must be the same. */
function written(write: (o: Uint8Array, w: number, value: number) => number, value: number): string {
  const o = Buffer.alloc(48)
  return o.latin1Slice(0, write(o, 0, value))
}

test('the number writer prints what the language prints', () => {
  let state = 1
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) | 0) / 4294967296 + 0.5
  const edges = [
    0,
    -0,
    1,
    0.1,
    1e-6,
    9.9e-7,
    123456.7,
    999999999.9999999,
    1e9,
    1e15,
    1e21,
    5e-324,
    1.7976931348623157e308,
    12.570543333333333,
    55.85040166666667,
    -128,
    2 ** -10,
    0.3,
    1 / 3,
    4.35,
    2.675,
    100,
    1e8 + 0.5,
  ]
  for (const edge of edges)
    for (const value of [edge, -edge]) assert.equal(written(writeDouble, value), doubleText(value))
  for (let i = 0; i < 200_000; i++) {
    const value = [
      random() * 360 - 180,
      random() * 10 ** Math.floor(random() * 18 - 7),
      Number((random() * 1e6).toPrecision(1 + Math.floor(random() * 17))),
    ][i % 3]
    if (written(writeDouble, value) !== doubleText(value)) assert.equal(written(writeDouble, value), doubleText(value))
  }
  for (let i = 0; i < 20_000; i++) {
    const float = Math.fround((random() - 0.5) * 10 ** Math.floor(random() * 40 - 20))
    assert.equal(written(writeFloat, float), floatText(float))
    assert.equal(Math.fround(Number(written(writeFloat, float))), float)
    const integer = Math.floor((random() - 0.5) * 2 ** Math.floor(random() * 54))
    assert.equal(written(writeInteger, integer), String(integer === 0 ? 0 : integer))
  }
})

declare global {
  interface Buffer {
    latin1Slice(from: number, to: number): string
  }
}
