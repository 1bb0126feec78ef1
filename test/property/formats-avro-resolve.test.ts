/**
 * Records of an older schema read as a newer one says, beside avsc's own resolution on random pairs of schemas; and
 * pairs of schemas that mean harm.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import avsc from 'avsc'
import fc from 'fast-check'
import { avroDecoder } from '../../src/formats/avro/decoder.ts'
import { resolveAvro } from '../../src/formats/avro/resolve.ts'
import { type AvroNode, parseAvroSchema } from '../../src/formats/avro/schema.ts'
import { reader } from '../formats/driver.ts'

const RUNS = { numRuns: 300, seed: 20261128 }

interface Pair {
  readonly writer: unknown
  readonly reader: unknown
  readonly value: unknown
  /** A default of the reader's type. */
  readonly fallback: unknown
}

/** Pseudo-random choices from one seed. */
class Choices {
  #state: number
  #names = 0
  constructor(seed: number) {
    this.#state = seed | 0
  }
  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0
    return ((this.#state >>> 8) * n) >>> 24
  }
  name(prefix: string): string {
    return `${prefix}${this.#names++}`
  }
}

function pair(c: Choices, depth: number): Pair {
  const kind = c.below(depth === 0 ? 5 : 9)
  const simple = (type: string, value: unknown, fallback: unknown): Pair => ({
    writer: type,
    reader: type,
    value,
    fallback,
  })
  if (kind === 0) return simple('int', c.below(100) - 50, c.below(1000))
  if (kind === 1) return simple('string', `v${c.below(10)}`, `ä"${c.below(10)}`)
  if (kind === 2) return simple('boolean', c.below(2) === 0, c.below(2) === 0)
  if (kind === 3) return { writer: 'int', reader: 'long', value: c.below(100), fallback: -3 }
  if (kind === 4) return choice(c)
  const inner = pair(c, depth - 1)
  if (kind === 5) {
    const values = Array.from({ length: c.below(4) }, () => inner.value)
    return {
      writer: { type: 'array', items: inner.writer },
      reader: { type: 'array', items: inner.reader },
      value: values,
      fallback: [inner.fallback],
    }
  }
  if (kind === 6)
    return {
      writer: { type: 'map', values: inner.writer },
      reader: { type: 'map', values: inner.reader },
      value: { k: inner.value },
      fallback: { z: inner.fallback },
    }
  if (kind === 7 && !Array.isArray(inner.writer))
    return {
      writer: ['null', inner.writer],
      reader: ['null', inner.reader],
      value: c.below(2) === 0 ? null : inner.value,
      fallback: null,
    }
  return record(c, depth - 1)
}

function choice(c: Choices): Pair {
  const name = c.name('E')
  const renamed = c.below(2) === 0 ? c.name('E') : name
  const value = ['A', 'B', 'C'][c.below(3)]
  return {
    writer: { type: 'enum', name, symbols: ['A', 'B', 'C'] },
    reader: { type: 'enum', name: renamed, aliases: [name], symbols: ['C', 'X', 'A'], default: 'X' },
    value,
    fallback: 'C',
  }
}

function record(c: Choices, depth: number): Pair {
  const name = c.name('R')
  const written: unknown[] = []
  const read: unknown[] = []
  const value: Record<string, unknown> = {}
  const fallback: Record<string, unknown> = {}
  for (let i = 0; i <= c.below(5); i++) {
    const field = c.name('f')
    const part = pair(c, depth)
    if (c.below(3) === 0) {
      read.push({ name: field, type: part.reader, default: part.fallback })
      continue
    }
    const renamed = c.below(2) === 0
    const shown = renamed ? c.name('g') : field
    written.push({ name: field, type: part.writer })
    value[field] = part.value
    fallback[shown] = part.fallback
    read.push({ name: shown, type: part.reader, ...(renamed ? { aliases: ['other', field] } : {}) })
  }
  const shownName = c.below(2) === 0 ? name : c.name('R')
  return {
    writer: { type: 'record', name, fields: written },
    reader: { type: 'record', name: shownName, aliases: [name], fields: read },
    value,
    fallback,
  }
}

test('an older record is what avsc makes of it with the newer schema', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { writer, reader: newer, value } = record(new Choices(seed), 3)
      const from = avsc.Type.forSchema(writer as avsc.Schema)
      const to = avsc.Type.forSchema(newer as avsc.Schema)
      const bytes = from.toBuffer(value)
      const expected = to.fromBuffer(bytes, to.createResolver(from))
      const schema = parseAvroSchema(JSON.stringify(writer))
      const node = resolveAvro(schema.node, parseAvroSchema(JSON.stringify(newer)).node)
      const decoder = avroDecoder({ ...schema, node }, 'avro')
      const whole = reader(decoder, [{ path: [], parts: ['value', 'text'], type: decoder.type }], { validate: true })(
        bytes,
        3,
      )
      assert.ok(whole !== 'bad', JSON.stringify({ writer, newer }))
      assert.deepEqual(
        JSON.parse(whole[0].text as string),
        JSON.parse(JSON.stringify(expected)),
        JSON.stringify({ writer, newer }),
      )
      // One field at a time is what it is in the whole.
      if (decoder.type.kind !== 'struct') return assert.fail()
      for (const field of decoder.type.fields) {
        const got = reader(decoder, [{ path: [field.name], parts: ['value', 'exists'], type: field.type }])(bytes, 1)
        assert.deepEqual(
          got,
          [{ value: (whole[0].value as Map<string, unknown>).get(field.name), exists: true }],
          field.name,
        )
      }
    }),
    RUNS,
  )
})

const resolved = (older: unknown, newer: unknown): AvroNode =>
  resolveAvro(parseAvroSchema(JSON.stringify(older)).node, parseAvroSchema(JSON.stringify(newer)).node)
const shape = (fields: readonly unknown[], name = 'R') => ({ type: 'record', name, fields })

test('without a difference nothing is made', () => {
  const older = parseAvroSchema(
    JSON.stringify(
      shape([
        { name: 'a', type: 'int' },
        { name: 'gone', type: 'int' },
      ]),
    ),
  ).node
  assert.equal(
    resolveAvro(
      older,
      parseAvroSchema(
        JSON.stringify(
          shape([
            { name: 'a', type: 'long' },
            { name: 'new', type: 'int' },
          ]),
        ),
      ).node,
    ),
    older,
  )
  const other = parseAvroSchema(
    JSON.stringify(
      shape(
        [
          { name: 'a', type: 'int', default: 1 },
          { name: 'b', type: 'int', default: 1 },
        ],
        'Other',
      ),
    ),
  ).node
  assert.equal(resolveAvro(older, other), older, 'a record of another name')
})

test('defaults that are none, that never end or that grow without end are no defaults', () => {
  const bad = [
    { name: 'a', type: 'int', default: 'x' },
    { name: 'b', type: { type: 'fixed', name: 'F', size: 4 }, default: 'abc' },
    { name: 'c', type: { type: 'enum', name: 'E', symbols: ['A'] }, default: 'B' },
    { name: 'd', type: 'bytes', default: null },
    { name: 'e', type: shape([{ name: 'again', type: 'S', default: {} }], 'S'), default: {} },
    { name: 'f', type: { type: 'record', name: 'T', fields: [{ name: 'need', type: 'string' }] }, default: {} },
  ]
  const node = resolved(
    shape([{ name: 'id', type: 'int' }]),
    shape([...bad, { name: 'id', type: 'int' }, { name: 'good', type: 'int', default: 7 }]),
  )
  assert.deepEqual(node.kind === 'record' && node.fields.map((f) => f.name), ['id', 'good'])
  // Each record holds two of the next: 2^40 parts.
  let type: unknown = { type: 'record', name: 'N0', fields: [{ name: 'x', type: 'null', default: null }] }
  for (let i = 1; i <= 40; i++)
    type = shape(
      [
        { name: 'l', type, default: {} },
        { name: 'r', type: `N${i - 1}`, default: {} },
      ],
      `N${i}`,
    )
  const start = performance.now()
  const wide = resolved(
    shape([{ name: 'id', type: 'int' }]),
    shape([
      { name: 'id', type: 'int' },
      { name: 'w', type, default: {} },
    ]),
  )
  assert.deepEqual(wide.kind === 'record' && wide.fields.map((f) => f.name), ['id'])
  assert.ok(performance.now() - start < 5000)
})

test('thousands of aliases, and recursive types that can be matched in thousands of ways', () => {
  const aliases = Array.from({ length: 50_000 }, (_, i) => `x${i}`)
  const start = performance.now()
  const node = resolved(
    shape(aliases.slice(0, 5000).map((name) => ({ name, type: 'int' }))),
    shape([
      { name: 'one', type: 'int', aliases },
      { name: 'two', type: 'int', aliases },
      { name: 'x4', type: 'int', aliases },
    ]),
  )
  assert.deepEqual(node.kind === 'record' && node.fields.slice(0, 5).map((f) => f.name), [
    'one',
    'two',
    'x2',
    'x3',
    'x4',
  ])
  const all = Array.from({ length: 64 }, (_, k) => `W.R${k}`)
  const ring = (namespace: string, length: number): unknown => {
    let inner: unknown = `${namespace}.R0`
    for (let i = length - 1; i >= 0; i--) {
      const fields = [
        { name: 'n', type: inner },
        { name: namespace, type: 'int', default: 1 },
      ]
      inner = { type: 'record', name: `R${i}`, namespace, aliases: namespace === 'W' ? [] : all, fields }
    }
    return inner
  }
  const round = resolved(ring('W', 61), ring('X', 59))
  assert.equal(round.kind, 'record')
  avroDecoder({ node: round, names: new Map() }, 'avro')
  assert.ok(performance.now() - start < 5000)
})

test('unions of thousands of records, each of which may be each', () => {
  const union = (namespace: string, aliases: readonly string[]) =>
    Array.from({ length: 4000 }, (_, i) => ({ ...shape([], `${namespace}.T${namespace}${i}`), aliases }))
  const older = parseAvroSchema(JSON.stringify(shape([{ name: 'u', type: union('W', []) }]))).node
  const newer = parseAvroSchema(
    JSON.stringify(
      shape([
        { name: 'u', type: union('X', ['A.a', 'A.b']) },
        { name: 'n', type: 'int', default: 1 },
      ]),
    ),
  ).node
  const start = performance.now()
  assert.equal(resolveAvro(older, newer), older)
  assert.ok(performance.now() - start < 2000)
})

test('a small record of many parts does not become a large value', () => {
  const older = {
    type: 'record',
    name: 'R',
    fields: [
      {
        name: 'list',
        type: { type: 'array', items: { type: 'record', name: 'I', fields: [{ name: 'b', type: 'boolean' }] } },
      },
    ],
  }
  const items = {
    type: 'record',
    name: 'I',
    fields: [
      { name: 'b', type: 'boolean' },
      { name: 'text', type: 'string', default: 'x'.repeat(100_000) },
    ],
  }
  const node = resolved(older, {
    type: 'record',
    name: 'R',
    fields: [{ name: 'list', type: { type: 'array', items } }],
  })
  const decoder = avroDecoder({ node, names: new Map() }, 'avro')
  const bytes = avsc.Type.forSchema(older as avsc.Schema).toBuffer({
    list: Array.from({ length: 100_000 }, () => ({ b: true })),
  })
  for (const part of ['value', 'text'] as const)
    assert.equal(reader(decoder, [{ path: [], parts: [part], type: decoder.type }])(bytes, 1), 'bad')
})
