/**
 * Topics of several formats, configured: what each record is read as, what happens to ids that nobody knows, and that a
 * topic's records may change from one to the next.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import { formatNamed, traitsOf } from '../../../src/formats/format.ts'
import {
  memoryWorld,
  type MemoryRegistry,
  type WorldOptions,
  type WorldTopic,
  type WorldValue,
} from '../../support/memory-world.ts'

const SCHEMA =
  '{"type":"record","name":"Order","fields":[{"name":"id","type":"long"},{"name":"note","type":["null","string"]}]}'

const avro = (id: number): WorldValue => ({ json: { id, note: null } as never })
const text = (s: string): WorldValue => Buffer.from(s)

function topic(values: readonly WorldValue[]): WorldTopic {
  const records = values.map((value, i) => ({ partition: 0, timestampMs: 1_700_000_000_000 + i, key: null, value }))
  return { name: 'mix', batch: 100, value: { name: 'AVRO', schemas: [SCHEMA] }, records }
}

async function ask(
  values: readonly WorldValue[],
  format: string,
  sql: string,
  options: Partial<WorldOptions> = {},
): Promise<unknown[]> {
  const named = formatNamed(format)
  assert.ok(named !== undefined)
  const world = memoryWorld([topic(values)], { formats: { mix: { value: named } }, ...options })
  const rows: unknown[] = []
  const sink = {
    send: (frame: string) => {
      const { type, data } = JSON.parse(frame) as { type: string; data: { value?: unknown } }
      if (type === 'RECORD') rows.push(data.value)
      if (type === 'BADRECORD' || type === 'ERROR') rows.push(type === 'ERROR' ? data : type)
    },
    drained: () => undefined,
  }
  await runRequest({ sql, live: false }, { catalog: world.catalog, log: world.log }, sink, new AbortController().signal)
  world.catalog.close()
  return rows
}

describe('a chain of formats', () => {
  it('is named with | between known formats', () => {
    assert.equal(formatNamed(' avro | json|String '), 'AVRO|JSON|STRING')
    for (const wrong of ['AVRO|', 'AVRO|NONE', 'JSON|JSON', 'TWLONG|JSON', '|'])
      assert.equal(formatNamed(wrong), undefined, wrong)
    const { columns, created } = traitsOf('AVRO|JSON')
    assert.deepEqual([columns, created], [true, false])
  })

  it('gives each record to the first format that takes it; what none takes is bad and says so', async () => {
    const values = [avro(1), text('{"id":2}'), text('hello'), Buffer.from([0xff, 0xfe]), null, avro(3), text('')]
    assert.deepEqual(await ask(values, 'AVRO|JSON|STRING', 'SELECT * FROM mix'), [
      { id: 1, note: null },
      { id: 2 },
      'hello',
      'BADRECORD',
      null,
      { id: 3, note: null },
      '',
    ])
    assert.deepEqual(await ask(values, 'AVRO|JSON|STRING', 'SELECT _error FROM mix WHERE _bad'), [
      { _error: 'value: none of the formats of its topic takes it: it is not framed, JSON, STRING' },
    ])
    assert.deepEqual(await ask(values, 'AVRO|JSON|STRING|BYTES', 'SELECT _value FROM mix WHERE _meta.offset = 3'), [
      { _value: '//4=' },
    ])
    assert.deepEqual(await ask(values, 'AVRO|JSON', 'SELECT id FROM mix'), [
      { id: 1 },
      { id: 2 },
      'BADRECORD',
      'BADRECORD',
      { id: null },
      { id: 3 },
      'BADRECORD',
    ])
  })

  it('keeps to the order in which the formats are named', async () => {
    assert.deepEqual(await ask([text('{"id":2}')], 'STRING|JSON', 'SELECT _value FROM mix'), [{ _value: '{"id":2}' }])
    assert.deepEqual(await ask([text('17'), text('017')], 'JSON|STRING', 'SELECT _value FROM mix'), [
      { _value: 17 },
      { _value: '017' },
    ])
  })

  it('a frame whose id nobody knows is no frame: the next formats are asked', async () => {
    const long = Buffer.alloc(8)
    long.writeBigInt64BE(123_456_789_012n)
    assert.equal(long[0], 0)
    assert.deepEqual(await ask([long, avro(1), long], 'AVRO|LONG', 'SELECT _value FROM mix'), [
      { _value: 123_456_789_012 },
      { _value: { id: 1, note: null } },
      { _value: 123_456_789_012 },
    ])
    const [row] = (await ask(
      [Buffer.from('000000ffff02', 'hex')],
      'AVRO|JSON',
      'SELECT _error FROM mix WHERE _bad',
    )) as { _error: string }[]
    assert.match(row._error, /^value: The schema registry at \S+ does not know schema 65535, and it is not JSON$/)
  })

  it('a framed record that does not fit its schema is bad, and no text', async () => {
    const damaged = Buffer.from([0, 0, 0, 0, 1])
    const [row] = (await ask([damaged, avro(1)], 'AVRO|JSON|STRING|BYTES', 'SELECT _error FROM mix WHERE _bad')) as {
      _error: string
    }[]
    assert.match(row._error, /^value: not avro 1 from field "id" on$/)
  })

  it('without a registry the other formats are still read', async () => {
    const rows = await ask([avro(1), text('{"id":2}')], 'AVRO|JSON', 'SELECT id FROM mix', { registry: null })
    assert.deepEqual(rows, ['BADRECORD', { id: 2 }])
  })

  it('may change with every record: one question to the registry for each schema', async () => {
    const values = Array.from({ length: 6000 }, (_, i) => [avro(i), text(`{"id":${i}}`), text(`line ${i}`)][i % 3])
    let asked = 0
    const registry = (own: MemoryRegistry): MemoryRegistry => {
      const schemaById = own.schemaById.bind(own)
      own.schemaById = (id) => {
        asked++
        return schemaById(id)
      }
      return own
    }
    const rows = await ask(
      values,
      'AVRO|JSON|STRING',
      'SELECT count(*) AS n, count(id) AS ids, sum(id) AS s FROM mix WHERE id IS NOT NULL OR _value LIKE "line%"',
      { registry },
    )
    const sum = Array.from({ length: 6000 }, (_, i) => (i % 3 === 2 ? 0 : i)).reduce((a, b) => a + b, 0)
    assert.deepEqual(rows, [{ n: 6000, ids: 4000, s: sum }])
    assert.equal(asked, 1)
  })
})
