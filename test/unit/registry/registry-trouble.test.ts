/**
 * A schema registry that fails while records are read: an error or a wait, never a bad record. Only a schema that does
 * not exist, or that nobody can use, makes its records bad.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import { createRegistry } from '../../../src/registry/client.ts'
import type { Registry } from '../../../src/registry/registry.ts'
import { encodeAvro, framed } from '../../support/avro-encode.ts'
import { fakeRegistry, type FakeRegistry } from '../../support/fake-registry.ts'
import { memoryWorld, type WorldValue } from '../../support/memory-world.ts'

const OWN = '{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}'
const OTHER = '{"type":"record","name":"Refund","fields":[{"name":"id","type":"long"},{"name":"why","type":"string"}]}'

/** The id of the schema that the subject of the topic does not have. */
const OTHER_ID = 7

/**
 * Statements over three records of the subject's schema and one of another between them, with a registry that answers
 * the question for the other schema in its own way.
 */
async function ask(
  sql: string,
  answer: NonNullable<FakeRegistry['intercept']> | 'none',
  add: (fake: FakeRegistry) => void = () => undefined,
): Promise<unknown[]> {
  const fake = await fakeRegistry()
  fake.add('orders-value', { id: 1, schema: OWN })
  add(fake)
  if (answer !== 'none')
    fake.intercept = (request, response) => request.url === `/schemas/ids/${OTHER_ID}` && answer(request, response)
  const real = createRegistry({ url: fake.url, retries: 2, backoffMs: 1, timeoutMs: 2000 })
  const own = (id: bigint): WorldValue => framed(1, encodeAvro(OWN, { id }))
  const values = [own(1n), own(2n), framed(OTHER_ID, encodeAvro(OTHER, { id: 3n, why: 'broken' })), own(4n)]
  const records = values.map((value, i) => ({ partition: 0, timestampMs: 1_700_000_000_000 + i, key: null, value }))
  const world = memoryWorld([{ name: 'orders', batch: 100, detect: true, records }], { registry: (): Registry => real })
  const answers: unknown[] = []
  const sink = {
    send: (frame: string) => {
      const { type, data } = JSON.parse(frame) as { type: string; data: { value?: unknown } }
      if (type === 'RECORD') answers.push(data.value)
      if (type === 'BADRECORD') answers.push(type)
      if (type === 'ERROR') answers.push({ error: data })
    },
    drained: () => undefined,
  }
  await runRequest({ sql, live: false }, { catalog: world.catalog, log: world.log }, sink, new AbortController().signal)
  world.catalog.close()
  real.close()
  await fake.close()
  return answers
}

/** The only answer: an error that matches. */
function isError(answers: readonly unknown[], expected: RegExp): void {
  const last = answers.at(-1) as { error?: string }
  assert.match(last.error ?? JSON.stringify(answers), expected)
  assert.ok(!answers.includes('BADRECORD'), JSON.stringify(answers))
}

const STATEMENTS = [
  'SELECT id FROM orders',
  'SELECT sum(id) AS s FROM orders',
  'SELECT _error FROM orders WHERE _bad',
  'SELECT * FROM orders ORDER BY id',
]

describe('a registry that fails in the middle', () => {
  const failures: readonly [string, NonNullable<FakeRegistry['intercept']>, RegExp][] = [
    [
      '503',
      (_q, r) =>
        r.writeHead(503, { 'content-type': 'application/json' }).end('{"error_code":50003,"message":"no leader"}') !==
        undefined,
      /HTTP 503: no leader/,
    ],
    ['500', (_q, r) => r.writeHead(500).end('') !== undefined, /HTTP 500/],
    ['429', (_q, r) => r.writeHead(429).end('') !== undefined, /HTTP 429/],
    ['401', (_q, r) => r.writeHead(401).end('') !== undefined, /asks for credentials/],
    ['403', (_q, r) => r.writeHead(403).end('') !== undefined, /asks for credentials/],
    [
      'a page with 200',
      (_q, r) => r.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sign in</h1>') !== undefined,
      /not JSON/,
    ],
    [
      'a page with 404',
      (_q, r) => r.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Nothing here</h1>') !== undefined,
      /HTTP 404 without/,
    ],
    [
      'JSON of somebody else with 200',
      (_q, r) => r.writeHead(200).end('{"status":"ok"}') !== undefined,
      /without a schema/,
    ],
    ['a connection that ends', (_q, r) => r.destroy() !== undefined, /cannot be reached/],
  ]
  for (const [name, answer, expected] of failures) {
    it(`${name}: the query ends with the error, no record is called bad`, async () => {
      for (const sql of STATEMENTS) isError(await ask(sql, answer), expected)
    })
  }

  it('503 that passes: waited for, all rows', async () => {
    let failures = 0
    // Once when the statement looks at the sample, with all its attempts; then while records are read.
    const answers = await ask(
      'SELECT id FROM orders',
      (_q, r) => {
        if (++failures > 2) return false
        r.writeHead(503).end('')
        return true
      },
      (fake) => fake.add('refunds', { id: OTHER_ID, schema: OTHER }),
    )
    assert.deepEqual(answers, [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }])
  })

  it('a schema that does not exist makes its records bad', async () => {
    assert.deepEqual(await ask('SELECT id FROM orders', 'none'), [{ id: 1 }, { id: 2 }, 'BADRECORD', { id: 4 }])
  })

  it('and so does one that nobody can use: references that lead nowhere, a type that is not known', async () => {
    const dangling = { id: OTHER_ID, schema: OTHER, references: [{ name: 'x', subject: 'nowhere', version: 1 }] }
    assert.deepEqual(await ask('SELECT id FROM orders', 'none', (fake) => fake.add('refunds', dangling)), [
      { id: 1 },
      { id: 2 },
      'BADRECORD',
      { id: 4 },
    ])
    const thrift = { id: OTHER_ID, schema: OTHER, schemaType: 'THRIFT' as 'AVRO' }
    assert.deepEqual(await ask('SELECT id FROM orders', 'none', (fake) => fake.add('refunds', thrift)), [
      { id: 1 },
      { id: 2 },
      'BADRECORD',
      { id: 4 },
    ])
  })
})
