/**
 * A reader made for a layout gives exactly what the general reader gives: for records of that layout, for others, and
 * for damaged ones.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonDecoder } from '../../src/formats/json/decoder.ts'
import { layoutOf } from '../../src/formats/json/layout.ts'
import { type Asked, type Part, reader } from '../formats/driver.ts'

const RUNS = { numRuns: 1000, seed: 20261121 }
const JSON_KIND = { kind: 'json' } as const
const KEYS = ['id', 'time', 'amount', 'currency', 'ключ', 'a much longer key than all of the others together']
const SCALAR = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    0,
    1.5,
    12345678901234567890n,
    'x',
    'quo"te',
    'back\\slash',
    'žluť',
    '',
    [1, { a: 2 }],
    { b: [] },
  ),
  fc.integer(),
  fc.string({ maxLength: 20 }),
)
const RECORD = fc.array(SCALAR, { minLength: KEYS.length, maxLength: KEYS.length })

/** One serializer: the keys in an order of its own, with white space of its own. */
function write(values: readonly unknown[], keys: readonly string[], space: string): Buffer {
  const text = (v: unknown): string => (typeof v === 'bigint' ? String(v) : JSON.stringify(v))
  return Buffer.from(`{${keys.map((k, i) => `${JSON.stringify(k)}:${space}${text(values[i])}`).join(`,${space}`)}}`)
}

const ORDER = fc.shuffledSubarray(KEYS, { minLength: 1 })
const SPACE = fc.constantFrom('', ' ', '\n  ')
const PARTS = fc.constantFrom<Part[]>(
  ['value'],
  ['text'],
  ['slice'],
  ['exists'],
  ['value', 'exists'],
  ['slice', 'text'],
)

test('a layout reader and the general reader agree', () => {
  let guessed = 0
  fc.assert(
    fc.property(
      RECORD,
      RECORD,
      ORDER,
      ORDER,
      SPACE,
      SPACE,
      fc.subarray([...KEYS, 'missing'], { minLength: 1 }),
      PARTS,
      fc.nat(),
      fc.nat(255),
      (a, b, order, other, space, gap, wanted, parts, at, byte) => {
        const sample = write(a, order, space)
        const made = jsonDecoder().specialize?.(sample) ?? jsonDecoder()
        if (made !== jsonDecoder()) guessed++
        const asked: Asked[] = wanted.map((key) => ({ path: [key], type: JSON_KIND, parts }))
        const [special, general] = [reader(made, asked), reader(jsonDecoder(), asked)]
        const same = write(b, order, space)
        const damaged = Buffer.from(same)
        damaged[at % damaged.length] = byte
        // Strings of the sample's own lengths with a quote, a backslash, a control character or half of a character in
        // them.
        const worn = Buffer.from(sample)
        worn[at % worn.length] = byte
        for (const record of [
          sample,
          same,
          write(b, other, gap),
          damaged,
          worn,
          same.subarray(0, at % same.length),
          Buffer.from('[1]'),
          Buffer.from('5'),
          Buffer.alloc(0),
        ]) {
          for (const padding of [0, 9])
            assert.deepEqual(special(record, padding), general(record, padding), record.toString())
        }
      },
    ),
    RUNS,
  )
  assert.ok(guessed > RUNS.numRuns / 2, `only ${guessed} of the samples had a layout`)
})

test('what has no plain layout has none', () => {
  const layout = (text: string): unknown => layoutOf(Buffer.from(text))?.map((s) => s.prefix.toString())
  assert.deepEqual(layout('{"a":1, "b" : [2,{"c":3}],"d":null}'), ['{"a":', ', "b" : ', ',"d":'])
  for (const text of [
    '',
    '{',
    '{}',
    '[]',
    '5',
    '{"a":1,"a":2}',
    '{"a\\n":1}',
    '{"a":1',
    '{"a"',
    '{"a":',
    '{"a":1,}',
    `{"${'k'.repeat(100)}":1}`,
    '{"a":tru}',
  ])
    assert.equal(layout(text), undefined, text)
})
