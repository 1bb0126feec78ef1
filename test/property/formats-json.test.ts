import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonDecoder } from '../../src/formats/json/decoder.ts'
import { fieldsOf, Items } from '../../src/engine/program/values/json-parts.ts'
import { firstKeys, jsonElement, jsonItems, jsonMember, parseJson } from '../../src/formats/json/text.ts'
import { JsonText } from '../../src/lib/json-text.ts'
import type { Value } from '../../src/types.ts'
import { type Asked, type Part, reader, type Step } from '../formats/driver.ts'

const RUNS = { numRuns: 250, seed: 20260302 }
const JSON_KIND = { kind: 'json' } as const

const KEYS = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'id',
    'name',
    'amount',
    'currency',
    'ключ',
    'quo"te',
    'back\\slash',
    '',
    'a much longer key than the others',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
)
const SCALAR = fc.oneof(
  fc.constantFrom(null, true, false, 0, -0, 1.5, 1e21, 1e-7, -12.345678901234567, 123456789012345, 1234567890123456),
  fc.integer(),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.string({ unit: 'binary' }),
  fc.string({ minLength: 10, maxLength: 60 }),
)
const DOCUMENT = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 5, depthSize: 'medium' }, SCALAR, tie('array'), tie('object')),
  array: fc.array(tie('value'), { maxLength: 5 }),
  object: fc.dictionary(KEYS, tie('value'), { maxKeys: 7 }),
})).value

/** The document as text with white space and escapes of many kinds. */
function write(value: unknown, random: () => number): string {
  const space = (): string => (random() < 0.7 ? '' : ['\n', ' ', '\t', '\r\n', '    '][Math.floor(random() * 5)])
  const string = (s: string): string =>
    `"${[...s].map((c) => (random() < 0.03 ? [...Array(c.length)].map((_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join('') : JSON.stringify(c).slice(1, -1))).join('')}"`
  const any = (v: unknown): string => {
    if (typeof v === 'string') return string(v)
    if (Object.is(v, -0)) return '-0'
    if (Array.isArray(v)) return `[${space()}${v.map((item) => any(item) + space()).join(`,${space()}`)}]`
    if (typeof v === 'object' && v !== null)
      return `{${space()}${Object.entries(v)
        .map(([k, item]) => `${string(k)}${space()}:${space()}${any(item)}${space()}`)
        .join(`,${space()}`)}}`
    return JSON.stringify(v)
  }
  return space() + any(value) + space()
}

function source(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 0) / 4294967296
  }
}

function paths(value: unknown, at: Step[]): { path: Step[]; value: unknown }[] {
  const below = Array.isArray(value)
    ? value.flatMap((item, i) => paths(item, [...at, i]))
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([k, item]) => paths(item, [...at, k]))
      : []
  return [{ path: at, value }, ...below]
}

/** The value that JSON.parse would make of what the reader gave. */
function plain(value: Value | undefined): unknown {
  return value instanceof JsonText ? JSON.parse(value.text) : typeof value === 'bigint' ? Number(value) : value
}

test('any selection of paths comes out as JSON.parse has it', () => {
  fc.assert(
    fc.property(DOCUMENT, fc.integer(), (value, seed) => {
      const random = source(seed)
      const text = write(value, random)
      const parsed = JSON.parse(text) as unknown
      const chosen = paths(parsed, []).filter(() => random() < 0.4)
      const asked: Asked[] = chosen.map(({ path }) => ({
        path,
        type: JSON_KIND,
        parts: (['value', 'text', 'exists', 'slice'] as const).filter(() => random() < 0.5) as Part[],
      }))
      const missing: Asked = { path: ['no such member', 3], parts: ['value', 'exists'], type: JSON_KIND }
      const got = reader(jsonDecoder(), [...asked, missing], { validate: random() < 0.3 })(Buffer.from(text), 4)
      if (got === 'bad') return assert.fail(`bad: ${text}`)
      asked.forEach(({ parts }, i) => {
        const expected = chosen[i].value
        const where = `${chosen[i].path.join('.')} of ${text}`
        if (parts.includes('exists')) assert.equal(got[i].exists, true, where)
        if (parts.includes('text'))
          assert.deepEqual(got[i].text === null ? null : JSON.parse(got[i].text ?? ''), expected, where)
        if (parts.includes('slice')) {
          if (typeof expected === 'string')
            assert.ok(got[i].slice === expected || got[i].slice === `made ${expected}`, where)
          else assert.deepEqual(plain(got[i].value), expected, where)
        } else if (parts.includes('value')) assert.deepEqual(plain(got[i].value), expected, where)
      })
      assert.deepEqual(got[asked.length], { value: null, exists: false })
    }),
    RUNS,
  )
})

/** Whether JSON.parse accepts the bytes as UTF-8 text, a byte order mark in front allowed. */
function valid(bytes: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder().decode(bytes))
    return true
  } catch {
    return false
  }
}

test('with validation a record is bad exactly when JSON.parse refuses it', () => {
  fc.assert(
    fc.property(DOCUMENT, fc.integer(), (value, seed) => {
      const random = source(seed)
      const bytes = Buffer.from(write(value, random))
      const readers = [
        reader(jsonDecoder(), [], { validate: true }),
        reader(jsonDecoder(), [{ path: [], parts: ['text'], type: JSON_KIND }]),
        reader(jsonDecoder(), [{ path: ['a', 0], parts: ['exists'], type: JSON_KIND }], { validate: true }),
      ]
      for (let i = 0; i < 12; i++) {
        const damaged = Buffer.from(
          random() < 0.3 ? bytes.subarray(0, Math.floor(random() * (bytes.length + 1))) : bytes,
        )
        for (let n = Math.floor(random() * 3); n > 0 && damaged.length > 0; n--)
          damaged[Math.floor(random() * damaged.length)] = '{}[]",:\\0123456789-+.eEutfn \n\u0001'.charCodeAt(
            Math.floor(random() * 33),
          )
        for (const read of readers)
          assert.equal(
            read(damaged, random() < 0.5 ? 0 : 7) !== 'bad',
            valid(damaged),
            JSON.stringify(damaged.toString()),
          )
      }
    }),
    RUNS,
  )
})

test('damaged bytes never make a selection throw or hang', () => {
  fc.assert(
    fc.property(DOCUMENT, fc.integer(), (value, seed) => {
      const random = source(seed)
      const bytes = Buffer.from(write(value, random))
      const chosen = paths(value, []).filter(() => random() < 0.4)
      const read = reader(
        jsonDecoder(),
        chosen.map(({ path }) => ({ path, type: JSON_KIND, parts: ['slice', 'text'] as const })),
      )
      for (let i = 0; i < 20; i++) {
        const damaged = Buffer.from(
          random() < 0.3 ? bytes.subarray(0, Math.floor(random() * (bytes.length + 1))) : bytes,
        )
        for (let n = Math.floor(random() * 4); n > 0 && damaged.length > 0; n--)
          damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256)
        const got = read(damaged, random() < 0.5 ? 0 : 7)
        assert.ok(got === 'bad' || Array.isArray(got))
      }
    }),
    { ...RUNS, numRuns: 150 },
  )
})

test('of repeated keys the first counts: in paths, in text, and in what is made of text', () => {
  const member = fc.tuple(
    fc.constantFrom('a', 'b', 'c', 'd"', '\u0061'),
    fc.oneof(fc.integer(), fc.constantFrom('{"a":1,"a":2}', '[{"b":1,"b":2}]')),
  )
  fc.assert(
    fc.property(fc.array(member, { maxLength: 6 }), fc.integer(), (members, seed) => {
      const random = source(seed)
      const text = `{${members.map(([k, v]) => `${random() < 0.2 ? `"\\u${k.charCodeAt(0).toString(16).padStart(4, '0')}${JSON.stringify(k.slice(1)).slice(1)}` : JSON.stringify(k)}:${v}`).join(',')}}`
      // The last counts for JSON.parse: so it is given the members backwards.
      const reversed = JSON.parse(
        `{${[...members]
          .reverse()
          .map(
            ([k, v]) =>
              `${JSON.stringify(k)}:${String(v).replace('"a":1,"a":2', '"a":1').replace('"b":1,"b":2', '"b":1')}`,
          )
          .join(',')}}`,
      ) as Record<string, unknown>
      const asked = ['a', 'b', 'c', 'd"'].map((k): Asked => ({ path: [k], type: JSON_KIND, parts: ['value'] }))
      const got = reader(jsonDecoder(), [...asked, { path: [], parts: ['text'], type: JSON_KIND }])(
        Buffer.from(text),
        1,
      )
      if (got === 'bad') return assert.fail(text)
      asked.forEach(({ path }, i) => {
        assert.deepEqual(plain(got[i].value), reversed[path[0] as string] ?? null, text)
      })
      const shown = got[4].text ?? ''
      assert.deepEqual(JSON.parse(shown), reversed, text)
      assert.equal(firstKeys(shown), shown)
      const parsed = parseJson(text) as JsonText
      assert.equal(firstKeys(parsed.text), parsed.text)
      for (const key of Object.keys(reversed)) assert.deepEqual(plain(jsonMember(parsed, key)), reversed[key], text)
      assert.deepEqual(asFields(parsed), reversed, text)
      assert.deepEqual(asFields(new JsonText(text)), reversed, text)
    }),
    RUNS,
  )
})

/** As comparisons see an object, at every depth. */
function asFields(json: JsonText): Record<string, unknown> {
  const fields = fieldsOf(json)
  return Object.fromEntries(Array.from({ length: fields.count }, (_, i) => [fields.name(i), deep(fields.value(i))]))
}

function deep(v: Value): unknown {
  if (!(v instanceof JsonText)) return plain(v)
  if (!v.isArray) return asFields(v)
  const found: unknown[] = []
  const items = new Items(v)
  for (let next = items.next(); next !== undefined; next = items.next()) found.push(deep(next))
  return found
}

test('JsonText is looked into as JSON.parse would', () => {
  fc.assert(
    fc.property(DOCUMENT, fc.integer(), (value, seed) => {
      const text = write(value, source(seed))
      const expected = JSON.parse(text) as unknown
      const parsed = parseJson(text)
      assert.deepEqual(plain(parsed), expected)
      if (!(parsed instanceof JsonText)) return
      if (Array.isArray(expected)) {
        assert.deepEqual(jsonItems(parsed)?.map(plain), expected)
        expected.forEach((item, i) => assert.deepEqual(plain(jsonElement(parsed, i)), item))
        assert.equal(jsonElement(parsed, expected.length), null)
        const items = new Items(parsed)
        for (const item of expected) assert.deepEqual(plain(items.next() as never), item)
        assert.equal(items.next(), undefined)
      } else {
        for (const [key, item] of Object.entries(expected as object))
          assert.deepEqual(plain(jsonMember(parsed, key)), item)
        assert.equal(jsonItems(parsed), undefined)
        assert.deepEqual(asFields(parsed), expected)
      }
    }),
    RUNS,
  )
})
