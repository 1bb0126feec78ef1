/** Which kind of schema a text of Apicurio's own API is. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { ApicurioApi } from '../../../src/registry/apicurio.ts'

const KINDS: readonly (readonly [kind: string, text: string, artifactType?: string])[] = [
  ['AVRO', '"string"'],
  ['AVRO', '{"type":"string","avro.java.string":"String"}'],
  ['AVRO', '["null","string"]'],
  ['AVRO', '{"type":"long"}'],
  ['AVRO', '{"type":"long","logicalType":"timestamp-millis"}'],
  ['AVRO', '{"type":{"type":"string"}}'],
  ['AVRO', '{"type":"record","name":"R","fields":[]}'],
  [
    'AVRO',
    '{"type":"record","name":"R","fields":[{"name":"x","type":{"type":"map","values":"int"},"default":{"properties":1}}]}',
  ],
  ['AVRO', '{"type":"array","items":"string"}'],
  ['AVRO', '{"type":"array","items":{"type":"record","name":"R","fields":[]}}'],
  ['AVRO', '{"type":"enum","name":"E","symbols":["A"]}'],
  ['JSON', '{"type":"object","properties":{"type":{"type":"string","enum":["record"]}}}'],
  ['JSON', '{"$schema":"http://json-schema.org/draft-07/schema#","type":"string"}'],
  ['JSON', '{"type":"string","maxLength":3}'],
  ['JSON', '{"type":["null","string"]}'],
  ['JSON', '{"type":"array","items":{"type":"object"}}'],
  ['JSON', '{"type":"integer"}'],
  ['JSON', '{"oneOf":[{"type":"string"}]}'],
  ['JSON', 'true'],
  ['PROTOBUF', '// c\nsyntax="proto3"; message M {}'],
  // What the registry says counts before what the text looks like.
  ['JSON', '{"type":"string"}', 'JSON'],
  ['AVRO', '{"type":"string"}', 'AVRO'],
  ['PROTOBUF', '"?"', 'PROTOBUF'],
  ['AVRO', '"string"', 'KCONNECT'],
]

test('Avro, JSON Schema and Protobuf, by the type that the registry gives, else by the text', async () => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const [, id, references] = /globalIds\/(\d+)(\/references)?$/.exec(request.url ?? '') ?? []
    const [, text, artifactType] = KINDS[Number(id)]
    if (artifactType !== undefined) response.setHeader('X-Registry-ArtifactType', artifactType)
    response.end(references === undefined ? text : '[]')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const api = new ApicurioApi({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  try {
    const found: unknown[] = []
    for (let id = 0; id < KINDS.length; id++) found.push([(await api.schema('globalIds', id))?.type, KINDS[id][1]])
    assert.deepEqual(
      found,
      KINDS.map(([kind, text]) => [kind, text]),
    )
    assert.equal(asked.length, 2 * KINDS.length)
  } finally {
    api.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})
