import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { oneLine } from '../../../src/lib/text/json-walk.ts'
import { memberText } from '../../../src/lib/text/lossless-json.ts'

test('JSON in one line: white space between parts goes where there is a line break, strings stay', () => {
  assert.equal(oneLine('{"a": 1, "b":\t[1 , 2]}'), '{"a": 1, "b":\t[1 , 2]}')
  assert.equal(oneLine('{\r\n  "a b" : "x  \\n\\" y",\n\t"c": [ 1,\n 2 ]\r}'), '{"a b":"x  \\n\\" y","c":[1,2]}')
  assert.equal(oneLine('\n"a\nb\r"\n'), '"a\\nb\\r"')
  assert.equal(oneLine('{"v":\n}'), '{"v":}')
})

test('JSON in one line is the same value', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const value: unknown = JSON.parse(json)
      const line = oneLine(`\n${JSON.stringify(value, null, '\t')}\r\n`)
      assert.equal(line, JSON.stringify(value))
    }),
  )
})

test('a member of an object with white space, and with an escaped name', () => {
  const text = ' {\r\n\t"a" : { "x": 1 } ,\n "caf\\u00e9" :"b" , "n": -1.0\n}'
  assert.equal(memberText(text, 'a'), '{ "x": 1 }')
  assert.equal(memberText(text, 'café'), '"b"')
  assert.equal(memberText(text, 'n'), '-1.0')
  assert.equal(memberText(text, 'x'), undefined)
  assert.equal(memberText('{ }', 'x'), undefined)
  assert.equal(memberText('"{"', 'x'), undefined)
})
