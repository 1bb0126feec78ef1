/**
 * File pairs: `<name>.avsc` + `<name>.hex` → `<name>.json`; `<name>.in.json` → `<name>.out.json`; `<name>.bad.json` is
 * refused.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { avroDecoder } from '../../src/formats/avro/decoder.ts'
import { jsonDecoder } from '../../src/formats/json/decoder.ts'
import { DEFAULT_RENDER, renderValue } from '../../src/formats/text/render.ts'
import { reader } from './driver.ts'

const avroFolder = new URL('./avro/', import.meta.url)
const jsonFolder = new URL('./json/', import.meta.url)
const JSON_KIND = { kind: 'json' } as const

for (const file of readdirSync(avroFolder).filter((name) => name.endsWith('.avsc'))) {
  const name = file.slice(0, -5)
  test(`avro/${name}`, () => {
    const load = (extension: string): string =>
      readFileSync(new URL(`${name}.${extension}`, avroFolder), 'utf8').trimEnd()
    const decoder = avroDecoder(load('avsc'), 'avro 1')
    const bytes = Buffer.from(load('hex'), 'hex')
    const expected = load('json')
    const got = reader(decoder, [{ path: [], parts: ['text', 'value'], type: decoder.type }], { validate: true })(
      bytes,
      2,
    )
    if (got === 'bad') return assert.fail('bad')
    assert.equal(got[0].text, expected)
    if (!JSON.stringify(decoder.type, knownOnce()).includes('"json"'))
      assert.equal(renderValue(got[0].value ?? null, decoder.type, DEFAULT_RENDER), expected)
    assert.deepEqual(
      reader(decoder, [{ path: [], parts: ['text'], type: decoder.type }], { validate: true })(
        Buffer.concat([bytes, Buffer.of(0)]),
      ),
      'bad',
    )
  })
}

/** Lets JSON.stringify through the cyclic types of recursive schemas. */
function knownOnce(): (key: string, value: unknown) => unknown {
  const seen = new Set<unknown>()
  return (_key, value) => {
    if (typeof value !== 'object' || value === null) return value
    if (seen.has(value)) return undefined
    seen.add(value)
    return value
  }
}

for (const file of readdirSync(jsonFolder)) {
  const bytes = readFileSync(new URL(file, jsonFolder))
  const read = reader(jsonDecoder(), [{ path: [], parts: ['text'], type: JSON_KIND }])
  const check = reader(jsonDecoder(), [], { validate: true })
  if (file.endsWith('.in.json')) {
    test(`json/${file}`, () => {
      const expected = readFileSync(new URL(file.replace('.in.', '.out.'), jsonFolder), 'utf8')
      assert.deepEqual(read(bytes, 3), [{ text: expected }])
      assert.deepEqual(check(bytes), [])
    })
  } else if (file.endsWith('.bad.json')) {
    test(`json/${file}`, () => {
      for (const padding of [0, 3]) assert.deepEqual([read(bytes, padding), check(bytes, padding)], ['bad', 'bad'])
    })
  }
}
