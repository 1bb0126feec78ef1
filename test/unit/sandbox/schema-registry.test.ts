/** The embedded schema registry: Confluent's HTTP API as clients use it, and its errors in Confluent's shape. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { startRegistry, type Registry } from '../../../src/sandbox/schema-registry.ts'

const RECORD = '{"type": "record", "name": "R", "fields": [ {"name": "a", "type": "int"} ]}'
const OTHER = '{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}'

let registry: Registry

beforeEach(async () => {
  registry = await startRegistry()
})
afterEach(() => registry.close())

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${registry.url}${path}`, {
    method,
    headers,
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  })
  return {
    status: response.status,
    body: (await response.json()) as unknown,
    type: response.headers.get('content-type'),
  }
}

async function get(path: string): Promise<unknown> {
  const { status, body } = await call('GET', path)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

async function refused(method: string, path: string, body?: unknown): Promise<[number, number]> {
  const answer = await call(method, path, body)
  const { error_code, message } = answer.body as { error_code: number; message: string }
  assert.ok(message.length > 0)
  return [answer.status, error_code]
}

const register = async (subject: string, schema: string, more: object = {}) =>
  (
    (await call('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schema, ...more })).body as {
      id: number
    }
  ).id

describe('the embedded registry', () => {
  it('gives ids and versions, the same for the same schema, and the text back as it came', async () => {
    assert.equal(await register('t-value', RECORD), 1)
    assert.equal(await register('t-value', OTHER), 2)
    assert.equal(await register('u-value', JSON.stringify(JSON.parse(RECORD))), 1)
    assert.equal(await register('t-value', RECORD), 1)
    assert.deepEqual(await get('/subjects'), ['t-value', 'u-value'])
    assert.deepEqual(await get('/subjects?subjectPrefix=u'), ['u-value'])
    assert.deepEqual(await get('/subjects/t-value/versions'), [1, 2])
    assert.deepEqual(await get('/subjects/t-value/versions/1'), {
      subject: 't-value',
      version: 1,
      id: 1,
      schema: RECORD,
    })
    assert.deepEqual(await get('/subjects/t-value/versions/latest'), {
      subject: 't-value',
      version: 2,
      id: 2,
      schema: OTHER,
    })
    assert.deepEqual(await get('/schemas/ids/1'), { schema: RECORD })
    assert.deepEqual(await get('/schemas/ids/1/schema'), JSON.parse(RECORD))
    assert.deepEqual(await get('/schemas/ids/1/versions'), [
      { subject: 't-value', version: 1 },
      { subject: 'u-value', version: 1 },
    ])
    assert.deepEqual(await get('/schemas/types'), ['JSON', 'PROTOBUF', 'AVRO'])
    assert.equal((await call('GET', '/subjects')).type, 'application/vnd.schemaregistry.v1+json')
  })

  it('looks schemas up', async () => {
    await register('t-value', RECORD)
    const { body } = await call('POST', '/subjects/t-value', { schema: RECORD })
    assert.deepEqual(body, { subject: 't-value', version: 1, id: 1, schema: RECORD })
    assert.deepEqual(await refused('POST', '/subjects/t-value', { schema: OTHER }), [404, 40403])
    assert.deepEqual(await refused('POST', '/subjects/none', { schema: RECORD }), [404, 40401])
  })

  it('keeps JSON and Protobuf schemas and references', async () => {
    const proto = 'syntax = "proto3";\nmessage M { int32 a = 1; }\n'
    const id = await register('m', proto, { schemaType: 'PROTOBUF' })
    assert.deepEqual(await get(`/schemas/ids/${id}`), { schemaType: 'PROTOBUF', schema: proto })
    await register('json', '{"type":"object"}', { schemaType: 'JSON' })
    const references = [{ name: 'm.proto', subject: 'm', version: 1 }]
    const user = await register('user', 'syntax = "proto3";\nimport "m.proto";\nmessage U { M m = 1; }\n', {
      schemaType: 'PROTOBUF',
      references,
    })
    assert.deepEqual(((await get(`/schemas/ids/${user}`)) as { references: unknown }).references, references)
    assert.deepEqual(await get('/subjects/m/versions/1/referencedby'), [user])
  })

  it('refuses in the shape of Confluent', async () => {
    await register('t', RECORD)
    assert.deepEqual(await refused('GET', '/subjects/none/versions'), [404, 40401])
    assert.deepEqual(await refused('GET', '/subjects/none/versions/latest'), [404, 40401])
    assert.deepEqual(await refused('GET', '/subjects/t/versions/9'), [404, 40402])
    assert.deepEqual(await refused('GET', '/subjects/t/versions/zero'), [422, 42202])
    assert.deepEqual(await refused('GET', '/schemas/ids/77'), [404, 40403])
    assert.deepEqual(await refused('POST', '/subjects/t/versions', { schema: '{not json' }), [422, 42201])
    assert.deepEqual(
      await refused('POST', '/subjects/t/versions', {
        schema: RECORD,
        references: [{ name: 'x', subject: 'none', version: 1 }],
      }),
      [422, 42201],
    )
    assert.deepEqual(await refused('POST', '/subjects/t/versions', { schema: RECORD, schemaType: 'XML' }), [422, 42201])
    assert.deepEqual(await refused('POST', '/subjects/t/versions', 'nonsense'), [400, 400])
    assert.deepEqual(await refused('GET', '/nowhere'), [404, 404])
    assert.deepEqual(await refused('GET', '/subjects/%zz/versions'), [400, 400])
  })

  it('deletes softly first, then for good', async () => {
    await register('t', RECORD)
    await register('t', OTHER)
    assert.deepEqual((await call('DELETE', '/subjects/t/versions/1')).body, 1)
    assert.deepEqual(await get('/subjects/t/versions'), [2])
    assert.deepEqual(await get('/subjects/t/versions?deleted=true'), [1, 2])
    assert.deepEqual(await refused('DELETE', '/subjects/t?permanent=true'), [404, 40405])
    assert.deepEqual((await call('DELETE', '/subjects/t')).body, [2])
    assert.deepEqual(await refused('DELETE', '/subjects/t'), [404, 40404])
    assert.deepEqual(await get('/subjects'), [])
    assert.deepEqual(await get('/subjects?deleted=true'), ['t'])
    assert.deepEqual(await get('/schemas/ids/1'), { schema: RECORD })
    assert.deepEqual((await call('DELETE', '/subjects/t?permanent=true')).body, [1, 2])
    assert.deepEqual(await get('/subjects?deleted=true'), [])
    assert.deepEqual(await refused('DELETE', '/subjects/t'), [404, 40401])
  })

  it('remembers compatibility levels, and judges nothing', async () => {
    assert.deepEqual(await get('/config'), { compatibilityLevel: 'BACKWARD' })
    assert.deepEqual((await call('PUT', '/config/t', { compatibility: 'FULL' })).body, { compatibility: 'FULL' })
    assert.deepEqual(await get('/config/t'), { compatibilityLevel: 'FULL' })
    assert.deepEqual(await refused('GET', '/config/u'), [404, 40408])
    assert.deepEqual(await refused('PUT', '/config', { compatibility: 'SOMETIMES' }), [422, 42203])
    assert.deepEqual((await call('POST', '/compatibility/subjects/t/versions/latest', { schema: RECORD })).body, {
      is_compatible: true,
    })
  })

  it('can ask for a password, fail on command, and count', async () => {
    const closed = await startRegistry({ credentials: { user: 'u', password: 'p' } })
    assert.equal((await fetch(`${closed.url}/subjects`)).status, 401)
    const authorization = `Basic ${Buffer.from('u:p').toString('base64')}`
    assert.equal((await fetch(`${closed.url}/subjects`, { headers: { authorization } })).status, 200)
    await closed.close()
    registry.failNext(1, 503)
    assert.deepEqual(await refused('GET', '/subjects'), [503, 503])
    await get('/subjects?deleted=true')
    assert.equal(registry.requests.get('GET /subjects'), 2)
  })

  it('takes up what its folder holds', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-registry-'))
    const first = await startRegistry({ dataFolder: folder })
    first.schemas.register('kept', { schema: RECORD })
    await first.close()
    const second = await startRegistry({ dataFolder: folder })
    assert.equal(second.schemas.register('kept', { schema: RECORD }), 1)
    assert.equal(second.schemas.register('kept', { schema: OTHER }), 2)
    await second.close()
    await rm(folder, { recursive: true })
  })
})
