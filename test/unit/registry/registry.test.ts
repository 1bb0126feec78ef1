/** The registry client against an HTTP server that behaves, misbehaves, or is not there. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { systemClock } from '../../../src/lib/clock.ts'
import { createRegistry, type RegistryConfig, RegistryError } from '../../../src/registry/client.ts'
import { fakeRegistry } from '../../support/fake-registry.ts'

const INT = '{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]}'
const LONG = '{"type":"record","name":"A","fields":[{"name":"x","type":"long"}]}'
const cleanUps: (() => unknown)[] = []
after(async () => {
  for (const cleanUp of cleanUps) await cleanUp()
})

async function world(options: Parameters<typeof fakeRegistry>[0] = {}, config: Partial<RegistryConfig> = {}) {
  const server = await fakeRegistry(options)
  const registry = createRegistry({ url: server.url, backoffMs: 1, ...config })
  cleanUps.push(
    () => server.close(),
    () => registry.close(),
  )
  return { server, registry }
}

function failure(promise: Promise<unknown>): Promise<RegistryError> {
  return promise.then(
    () => assert.fail('expected a RegistryError'),
    (error: unknown) => {
      assert.ok(error instanceof RegistryError, String(error))
      return error
    },
  )
}

test('schemas by id, by subject, newest, list of versions and of subjects', async () => {
  const { server, registry } = await world({ prefix: '/apis/ccompat/v7' })
  server.add('a/b c-value', { id: 7, schema: INT })
  server.add('a/b c-value', { id: 9, schema: LONG })
  server.add('doc-value', { id: 11, schema: '{"type":"object"}', schemaType: 'JSON' })
  assert.deepEqual(await registry.schemaById(7), {
    type: 'AVRO',
    text: INT,
    id: 7,
    subject: undefined,
    version: undefined,
    references: [],
  })
  assert.deepEqual(await registry.latest('a/b c-value'), {
    type: 'AVRO',
    text: LONG,
    id: 9,
    subject: 'a/b c-value',
    version: 2,
    references: [],
  })
  assert.equal((await registry.schema('a/b c-value', 1))?.text, INT)
  assert.deepEqual(await registry.versions('a/b c-value'), [1, 2])
  assert.deepEqual(await registry.subjects(), ['a/b c-value', 'doc-value'])
  assert.equal((await registry.schemaById(11))?.type, 'JSON')
  assert.deepEqual(await registry.usesOf(9), [{ subject: 'a/b c-value', version: 2 }])
})

test('what is not there is undefined or empty, not an error', async () => {
  const { registry } = await world()
  assert.equal(await registry.schemaById(1), undefined)
  assert.equal(await registry.latest('none'), undefined)
  assert.equal(await registry.schema('none', 3), undefined)
  assert.deepEqual(await registry.versions('none'), [])
})

test('a known schema is asked for once; questions that are under way are shared', async () => {
  const { server, registry } = await world()
  server.add('t-value', { id: 1, schema: INT })
  const [one, two] = await Promise.all([registry.schemaById(1), registry.schemaById(1)])
  assert.equal(one, two)
  assert.equal(await registry.schemaById(1), one)
  await registry.schema('t-value', 1)
  await registry.schema('t-value', 1)
  assert.deepEqual(server.requests, ['GET /schemas/ids/1', 'GET /subjects/t-value/versions/1'])
})

test('the cache is bounded: the schema not used for longest is asked for again', async () => {
  const { server, registry } = await world({}, { cacheSchemas: 2 })
  for (const id of [1, 2, 3]) server.add(`s${id}`, { id, schema: INT })
  for (const id of [1, 2, 1, 3, 1, 2]) await registry.schemaById(id)
  assert.deepEqual(server.requests, [
    'GET /schemas/ids/1',
    'GET /schemas/ids/2',
    'GET /schemas/ids/3',
    'GET /schemas/ids/2',
  ])
})

test('an unknown id is not asked for again within registry.unknown.ttl', async () => {
  let now = 0
  const { server, registry } = await world({}, { clock: { ...systemClock, now: () => now } })
  assert.equal(await registry.schemaById(5), undefined)
  now = 29_999
  assert.equal(await registry.schemaById(5), undefined)
  assert.equal(server.requests.length, 1)
  server.add('late-value', { id: 5, schema: INT })
  now = 30_000
  assert.equal((await registry.schemaById(5))?.text, INT)
})

test('references come resolved, each once, what is needed first standing first', async () => {
  const { server, registry } = await world()
  server.add('base', { id: 1, schema: '"base"' })
  server.add('left', { id: 2, schema: '"left"', references: [{ name: 'x.Base', subject: 'base', version: 1 }] })
  server.add('right', { id: 3, schema: '"right"', references: [{ name: 'x.Base', subject: 'base', version: 1 }] })
  server.add('top', {
    id: 4,
    schema: '"top"',
    references: [
      { name: 'x.Left', subject: 'left', version: 1 },
      { name: 'x.Right', subject: 'right', version: 1 },
    ],
  })
  const schema = await registry.schemaById(4)
  assert.deepEqual(
    schema?.references.map((r) => [r.name, r.text]),
    [
      ['x.Base', '"base"'],
      ['x.Left', '"left"'],
      ['x.Right', '"right"'],
    ],
  )
})

test('references that lead in a circle, nowhere, or too deep are an error', async () => {
  const { server, registry } = await world()
  server.add('egg', { id: 1, schema: '"egg"', references: [{ name: 'hen', subject: 'hen', version: 1 }] })
  server.add('hen', { id: 2, schema: '"hen"', references: [{ name: 'egg', subject: 'egg', version: 1 }] })
  server.add('lost', { id: 3, schema: '"lost"', references: [{ name: 'gone', subject: 'gone', version: 4 }] })
  for (let i = 0; i < 50; i++)
    server.add(`d${i}`, {
      id: 100 + i,
      schema: '"d"',
      references: i === 49 ? [] : [{ name: 'd', subject: `d${i + 1}`, version: 1 }],
    })
  assert.match((await failure(registry.schemaById(1))).message, /lead back to itself/)
  assert.match((await failure(registry.schemaById(3))).message, /subject gone, version 4, which is not there/)
  assert.match((await failure(registry.schemaById(100))).message, /schema\.reference\.depth = 32/)
})

test('basic authentication, from the configuration or from the address; bearer token', async () => {
  const basic = `Basic ${Buffer.from('reader:s3cr t').toString('base64')}`
  const one = await world({ authorization: basic }, { username: 'reader', password: 's3cr t' })
  assert.deepEqual(await one.registry.subjects(), [])
  const inUrl = createRegistry({ url: one.server.url.replace('//', '//reader:s3cr%20t@') })
  assert.deepEqual(await inUrl.subjects(), [])
  assert.equal(inUrl.url, one.server.url)
  const two = await world({ authorization: 'Bearer tok' }, { token: 'tok' })
  assert.deepEqual(await two.registry.subjects(), [])
})

test('wrong, missing and secret credentials: the sentence says which, and never shows one', async () => {
  const { server, registry } = await world(
    { authorization: 'Bearer right' },
    { username: 'reader', password: 'hunter2' },
  )
  const refused = await failure(registry.subjects())
  assert.equal(refused.message, `Schema registry at ${server.url} refused the configured credentials (HTTP 401).`)
  assert.equal(refused.status, 401)
  const missing = await failure(createRegistry({ url: server.url }).subjects())
  assert.match(missing.message, /asks for credentials, and none are configured \(HTTP 401\)/)
  const nowhere = await failure(createRegistry({ url: 'http://reader:hunter2@127.0.0.1:1', backoffMs: 1 }).subjects())
  assert.match(nowhere.message, /^Schema registry at http:\/\/127\.0\.0\.1:1 cannot be reached: .*/)
  assert.doesNotMatch(nowhere.message, /hunter2|reader/)
  assert.throws(
    () => createRegistry({ url: 'reader:hunter2@host' }),
    (e: Error) => e instanceof RegistryError && !e.message.includes('hunter2'),
  )
})

test('5xx and broken connections are tried again, twice', async () => {
  const { server, registry } = await world()
  server.add('t-value', { id: 1, schema: INT })
  let failures = 2
  server.intercept = (request, response) => {
    if (failures-- <= 0) return false
    if (failures === 0) request.socket.destroy()
    else response.writeHead(500).end('{"error_code":50001,"message":"Error in the backend data store"}')
    return true
  }
  assert.equal((await registry.schemaById(1))?.text, INT)
  assert.equal(server.requests.length, 3)
  failures = 99
  server.requests.length = 0
  const error = await failure(registry.schemaById(2))
  assert.equal(server.requests.length, 3)
  assert.equal(error.message, `Schema registry at ${server.url} answered HTTP 500: Error in the backend data store.`)
  assert.deepEqual([error.status, error.registryCode], [500, 50001])
})

test('a registry that does not answer: a time limit, then quick failures until registry.down.ttl is over', async () => {
  let now = 0
  const { server, registry } = await world({}, { timeoutMs: 80, clock: { ...systemClock, now: () => now } })
  server.intercept = () => true
  const error = await failure(registry.subjects())
  assert.equal(error.message, `Schema registry at ${server.url} did not answer within registry.timeout = 80 ms.`)
  assert.equal(error.unreachable, true)
  now = 4_999
  assert.equal(await failure(registry.schemaById(1)), error)
  assert.equal(server.requests.length, 1)
  now = 5_000
  server.intercept = undefined
  assert.deepEqual(await registry.subjects(), [])
})

test('an answer larger than registry.max.response.bytes is refused', async () => {
  const { server, registry } = await world({}, { maxResponseBytes: 1000 })
  server.add('big', { id: 1, schema: JSON.stringify('x'.repeat(2000)) })
  assert.match((await failure(registry.schemaById(1))).message, /more than registry\.max\.response\.bytes = 1000\.$/)
})

test('something else than a registry at the address', async () => {
  const wrongPath = await world({ prefix: '/apis/ccompat/v7' })
  const registry = createRegistry({ url: new URL(wrongPath.server.url).origin })
  assert.match(
    (await failure(registry.schemaById(1))).message,
    /HTTP 404 without a registry's error code; is the path of its address right\?$/,
  )
  const html = await world()
  html.server.intercept = (_, response) => Boolean(response.end('<html>hello</html>'))
  assert.match((await failure(html.registry.subjects())).message, /is it the address of a registry\?$/)
  html.server.intercept = (_, response) => Boolean(response.end('{"schema":5}'))
  assert.match((await failure(html.registry.schemaById(1))).message, /is it the address of a registry\?$/)
})

test('close ends requests that are under way', async () => {
  const { server, registry } = await world()
  server.intercept = () => true
  const waiting = failure(registry.subjects())
  setTimeout(() => registry.close(), 20)
  assert.match((await waiting).message, /was closed/)
})

test('registering gives the id, says what kind of schema it is, and carries credentials', async () => {
  const { server, registry } = await world(
    { authorization: `Basic ${Buffer.from('u:p').toString('base64')}` },
    { username: 'u', password: 'p' },
  )
  const bodies: unknown[] = []
  server.intercept = (request, response) => {
    if (request.method !== 'POST') return false
    let text = ''
    request.on('data', (piece) => (text += piece))
    request.on('end', () => {
      bodies.push({
        path: request.url,
        body: JSON.parse(text),
        authorization: request.headers.authorization?.slice(0, 5),
        type: request.headers['content-type'],
      })
      response.writeHead(200).end('{"id":42}')
    })
    return true
  }
  assert.equal(await registry.register('a/b-value', 'AVRO', INT), 42)
  assert.equal(await registry.register('p-value', 'PROTOBUF', 'syntax = "proto3";'), 42)
  const type = 'application/vnd.schemaregistry.v1+json'
  assert.deepEqual(bodies, [
    { path: '/subjects/a%2Fb-value/versions', body: { schema: INT }, authorization: 'Basic', type },
    {
      path: '/subjects/p-value/versions',
      body: { schemaType: 'PROTOBUF', schema: 'syntax = "proto3";' },
      authorization: 'Basic',
      type,
    },
  ])
})

test('a schema that is not compatible is refused with the reason, at once', async () => {
  const { server, registry } = await world()
  server.intercept = (request, response) => {
    if (request.method !== 'POST') return false
    response.writeHead(409).end('{"error_code":409,"message":"READER_FIELD_MISSING_DEFAULT_VALUE"}')
    return true
  }
  const error = await failure(registry.register('a-value', 'AVRO', INT))
  assert.match(error.message, /answered HTTP 409: READER_FIELD_MISSING_DEFAULT_VALUE/)
  assert.equal(server.requests.filter((r) => r.startsWith('POST')).length, 1)
})

test('a subject that is deleted is asked for anew; one that is not there is gone already', async () => {
  const { server, registry } = await world()
  server.add('a-value', { id: 1, schema: INT })
  assert.equal((await registry.schema('a-value', 1))?.text, INT)
  server.intercept = (request, response) => {
    if (request.method !== 'DELETE') return false
    const there = server.subjects.delete(decodeURIComponent((request.url ?? '').split('/')[2]))
    response.writeHead(there ? 200 : 404).end(there ? '[1]' : '{"error_code":40401,"message":"Subject not found"}')
    return true
  }
  await registry.deleteSubject('a-value')
  await registry.deleteSubject('a-value')
  server.add('a-value', { id: 2, schema: LONG })
  assert.equal((await registry.schema('a-value', 1))?.text, LONG)
})
