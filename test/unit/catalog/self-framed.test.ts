/** Topics with the frames of AWS Glue and of Apicurio's eight-byte ids, found and read through the catalog. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import type { TableFacet } from '../../../src/plan/catalog.ts'
import { apicurioRoot, confluentAddress } from '../../../src/registry/apicurio.ts'
import { isGlueFrame, readGlueFolder } from '../../../src/registry/glue.ts'
import type { Registry } from '../../../src/registry/registry.ts'
import { type Asked, reader } from '../../formats/driver.ts'
import { encodeAvro } from '../../support/avro-encode.ts'
import { type MemoryRegistry, memoryWorld, type WorldTopic } from '../../support/memory-world.ts'

type Headers = readonly { readonly key: string; readonly value: Uint8Array | null }[]

const A = '{"type":"record","name":"A","fields":[{"name":"id","type":"long"},{"name":"note","type":"string"}]}'
const IDS = [
  '9c52a1a0-0000-4000-8000-000000000001',
  '9c52a1a0-0000-4000-8000-0000000000ff',
  '9c52a1a0-0000-4000-8000-0000000000aa',
] as const

function glue(id: string, payload: Uint8Array, compressed = false): Buffer {
  return Buffer.concat([
    Buffer.of(3, compressed ? 5 : 0),
    Buffer.from(id.replaceAll('-', ''), 'hex'),
    compressed ? deflateSync(payload) : payload,
  ])
}
function wide(id: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9)
  head.writeBigInt64BE(BigInt(id), 1)
  return Buffer.concat([head, payload])
}
function topic(values: readonly Buffer[]): WorldTopic {
  return {
    name: 't',
    detect: true,
    records: values.map((value, i) => ({ partition: 0, timestampMs: i, key: null, value })),
  }
}
/** What a query reads of the record; `bad` for a record that does not say its schema, or says one that is not known. */
async function read(
  facet: TableFacet,
  value: Buffer,
  asked: readonly Asked[],
  headers: Headers = [],
): Promise<unknown> {
  const { frame } = facet
  assert.ok(frame !== undefined && facet.framing === 'own')
  const schema = frame.schemaIn(value, headers)
  if (schema < 0) return 'bad'
  try {
    return reader(await facet.decoder(schema), asked)(value.subarray(frame.skip(schema)), 2)
  } catch (error) {
    assert.ok(error instanceof Error)
    return 'bad'
  }
}
const ASKED: readonly Asked[] = [
  { path: ['id'], parts: ['value'], type: { kind: 'long' } },
  { path: ['note'], parts: ['text'], type: { kind: 'string' } },
]

test('Glue: schemas from a folder, plain and compressed payloads, ids that are not there', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-glue-'))
  try {
    await writeFile(path.join(folder, `${IDS[0]}.avsc`), A)
    await writeFile(path.join(folder, `${IDS[1].toUpperCase()}.json`), '{"type":"object"}')
    await writeFile(path.join(folder, 'README'), 'not a schema')
    const schemas = await readGlueFolder(folder)
    assert.deepEqual([...schemas.keys()].sort(), [IDS[0], IDS[1]])
    const good = glue(IDS[0], encodeAvro(A, { id: 5, note: 'plain' }))
    const packed = glue(IDS[0], encodeAvro(A, { id: 2n ** 60n, note: 'packed' }), true)
    const { catalog } = memoryWorld([topic([good, packed, good])], { registry: null, glue: schemas })
    const facet = (await catalog.table('t'))?.value as TableFacet
    assert.deepEqual([facet.format, facet.framing, facet.detail], ['AVRO', 'own', 'ids of Glue in the records'])
    assert.deepEqual(await read(facet, good, ASKED), [{ value: 5 }, { text: '"plain"' }])
    assert.deepEqual(await read(facet, packed, ASKED), [{ value: 2n ** 60n }, { text: '"packed"' }])
    assert.deepEqual(
      await read(facet, glue(IDS[1], Buffer.from('{"id":7,"note":"j"}')), ASKED),
      [{ value: 7 }, { text: '"j"' }],
      'a record of another schema',
    )
    const bomb = deflateSync(Buffer.alloc(80 << 20))
    for (const bad of [
      glue(IDS[2], Buffer.alloc(3)),
      good.subarray(0, 17),
      Buffer.concat([glue(IDS[0], Buffer.alloc(0)).fill(5, 1, 2), Buffer.from('no zlib')]),
      Buffer.concat([glue(IDS[0], Buffer.alloc(0)).fill(5, 1, 2), bomb]),
      Buffer.from('text'),
    ])
      assert.equal(await read(facet, bad, ASKED), 'bad')
    await assert.rejects(readGlueFolder(path.join(folder, 'none')), /The folder of Glue schemas cannot be read/)
    assert.equal(isGlueFrame(good, 0, good.length), true)
    catalog.close()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('eight-byte ids: fetched from Apicurio, also one that turns up later', async () => {
  const asked: number[] = []
  const registry = (inner: MemoryRegistry): Registry =>
    Object.assign(Object.create(inner) as Registry, {
      versions: async () => [],
      schemaByGlobalId: async (id: number) => {
        asked.push(id)
        return id === 7 || id === 8 ? { type: 'AVRO' as const, text: A, references: [] } : undefined
      },
    })
  const value = wide(7, encodeAvro(A, { id: 5, note: 'x' }))
  const world = memoryWorld([topic([value, value, value])], { registry })
  const facet = (await world.catalog.table('t'))?.value as TableFacet
  assert.deepEqual([facet.format, facet.framing, facet.detail], ['AVRO', 'own', 'eight-byte ids in the records'])
  assert.deepEqual(await read(facet, value, ASKED), [{ value: 5 }, { text: '"x"' }])
  const later = wide(8, encodeAvro(A, { id: 6, note: 'y' }))
  assert.deepEqual(await read(facet, later, ASKED), [{ value: 6 }, { text: '"y"' }])
  assert.equal(await read(facet, wide(9, encodeAvro(A, { id: 6, note: 'y' })), ASKED), 'bad')
  assert.deepEqual(asked, [7, 7, 8, 9])
})

test('Apicurio’s own API is found beside its Confluent API', () => {
  assert.equal(apicurioRoot('http://r:8080/apis/ccompat/v7'), 'http://r:8080')
  assert.equal(apicurioRoot('http://r:8080/apis/registry/v2/'), 'http://r:8080')
  assert.equal(apicurioRoot('http://r:8081'), undefined)
  assert.equal(confluentAddress('http://r:8080/apis/registry/v3'), 'http://r:8080/apis/ccompat/v7')
  assert.equal(confluentAddress('http://r:8081'), 'http://r:8081')
})
