/**
 * The OpenAPI document against the routes, and every call of it against real answers of a server on the embedded broker
 * and registry: reading, changing, refused.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { Consumer } from '@platformatic/kafka'
import { WebSocket } from 'ws'
import { type Sandbox, startSandbox } from '../../../../src/sandbox/sandbox.ts'
import { readConfig } from '../../../../src/server/config/config.ts'
import { createHttp } from '../../../../src/server/http/http.ts'
import { defaultLimits } from '../../../../src/server/limits.ts'
import { createLog } from '../../../../src/server/log.ts'
import { openEnvironment } from '../../../../src/server/open-environment.ts'
import { type RunningServer, startServer } from '../../../../src/server/start.ts'
import { DEMO_PATH } from '../fixture.ts'

const KEY = 'all-rights-0123456789'

interface Operation {
  readonly operationId: string
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}
interface Schema {
  readonly type?: string | readonly string[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly oneOf?: readonly Schema[]
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** The part of JSON Schema that the document uses. */
function problems(value: unknown, schema: Schema, place = '$'): string[] {
  if (schema.oneOf !== undefined) {
    const each = schema.oneOf.map((one) => problems(value, one, place))
    return each.filter((found) => found.length === 0).length === 1
      ? []
      : [`${place} is not exactly one of the shapes`, ...each.flat()]
  }
  const kind =
    value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value
  const types = schema.type === undefined ? undefined : [schema.type].flat()
  if (types !== undefined && !types.includes(kind) && !(kind === 'integer' && types.includes('number')))
    return [`${place} is ${kind}, not ${types.join(' or ')}`]
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return [`${place} is none of ${schema.enum.join(', ')}`]
  if (Array.isArray(value)) return value.flatMap((item, i) => problems(item, schema.items ?? {}, `${place}[${i}]`))
  if (kind !== 'object') return []
  const object = value as Record<string, unknown>
  return [
    ...(schema.required ?? []).filter((name) => !(name in object)).map((name) => `${place}.${name} is missing`),
    ...(schema.properties === undefined || schema.required === undefined
      ? []
      : Object.keys(object).filter((name) => !Object.hasOwn(schema.properties ?? {}, name))
    ).map((name) => `${place}.${name} is not in the document`),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, part]) =>
      name in object ? problems(object[name], part, `${place}.${name}`) : [],
    ),
  ]
}

describe('the OpenAPI document', () => {
  let sandbox: Sandbox
  let server: RunningServer
  let document: Document

  before(async () => {
    sandbox = await startSandbox({ sizes: { vessels: 50, payments: 50, customers: 20, orders: 20, corrupt: 20 } })
    const config = await readConfig({
      server: { port: 0 },
      environments: [{ name: 'demo', kafka: { brokers: sandbox.brokers }, registry: sandbox.registryUrl }],
      users: [
        { name: 'admin', password: 'secret', permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
      ],
      serviceAccounts: [
        { name: 'all', token: KEY, permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
      ],
    })
    server = await startServer(config, { log: createLog('silent'), open: openEnvironment })
    // Groups, so that there is something to tell of them, and to change.
    for (const groupId of ['readers', 'moved', 'movedProxied']) {
      const reader = new Consumer({ clientId: 'reader', groupId, bootstrapBrokers: [sandbox.brokers] })
      await reader.joinGroup({})
      await reader.commit({ offsets: [{ topic: 'cc_payments', partition: 0, offset: 1n, leaderEpoch: 0 }] })
      await reader.close(true)
    }
    document = (await (await fetch(`${server.url}/api/v1/openapi.json`)).json()) as Document
  })
  after(async () => {
    await server.close(0)
    await sandbox.close()
  })

  const ask = (method: string, path: string, body?: unknown, key = KEY, headers: Record<string, string> = {}) =>
    fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    })

  /** The id of a download that waits. */
  async function openDownload(): Promise<string> {
    const opened = await ask('POST', '/api/v1/sql/exports', { sql: 'SELECT 1', format: 'csv' })
    return ((await opened.json()) as { id: string }).id
  }

  it('describes every route, and no other', async () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const context = {
      config: { server: {}, limits: defaultLimits(), environments: [] },
      environments: [],
      accounts: undefined,
      log: createLog('silent'),
      health: undefined,
      metrics: undefined,
      view: undefined,
    } as unknown as Parameters<typeof createHttp>[0]
    const registered: string[] = []
    await createHttp({
      ...context,
      onRoute: (method, path) =>
        void registered.push(`${method} ${path.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}')}`),
    }).ready()
    // The page is for people; the older spelling of the proxy path is an alias; HEAD comes with every GET.
    const expected = registered.filter(
      (r) => !/^GET \/(studio\/.*)?$/.test(r) && !r.includes(' /environment/') && !r.startsWith('HEAD '),
    )
    assert.deepEqual(expected.sort(), described.sort())
    const ids = Object.values(document.paths).flatMap((o) => Object.values(o).map((x) => x.operationId))
    assert.equal(new Set(ids).size, ids.length)
  })

  /** What to put into a call's path and body; the document itself says the rest. */
  const FILL: Readonly<Record<string, string>> = {
    environment: 'demo',
    topic: 'cc_payments',
    name: 'cc_payments',
    connection: 'kafka',
    partition: '0',
    offset: '0',
    id: '1',
    path: 'subjects',
    version: '1',
  }
  const QUERY: Readonly<Record<string, string>> = {
    '/api/v1/sql/paging': '?table=cc_payments',
    '/api/sql/validation': '?sql=SELECT%201',
  }

  it('answers every reading call as the document says', async () => {
    let checked = 0
    for (const [path, operations] of Object.entries(document.paths)) {
      const operation = operations['get']
      if (operation === undefined || path === '/api/logout') continue
      const download = path.includes('/exports/{id}') ? await openDownload() : undefined
      const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'id' && download) || FILL[name])
      const response = await ask(
        'GET',
        filled + (QUERY[path.replace('/api/v1/environments/{environment}/proxy', '')] ?? ''),
      )
      const said = operation.responses[String(response.status)]
      assert.ok(said !== undefined, `${filled}: ${response.status} ${await response.clone().text()}`)
      const schema = said.content?.['application/json']?.schema
      if (download !== undefined && path.endsWith('/file')) continue
      if (schema === undefined) continue
      assert.deepEqual(problems(await response.json(), schema), [], filled)
      checked++
    }
    assert.ok(checked > 25, `${checked} calls`)
  })

  it('describes subjects of the registry among the datasets', async () => {
    for (const prefix of ['', '/api/v1/environments/{environment}/proxy']) {
      for (const [path, asked] of [
        ['/api/v1/datasets', '/api/v1/datasets?connections=schema-registry&connections=kafka&pageSize=500'],
        ['/api/v1/datasets/{connection}/{name}', '/api/v1/datasets/schema-registry/cc_payments-value'],
      ] as const) {
        const response = await ask('GET', prefix.replace('{environment}', 'demo') + asked)
        const schema = document.paths[prefix + path]['get'].responses['200'].content?.['application/json']?.schema
        const told: unknown = await response.json()
        assert.ok(schema !== undefined && JSON.stringify(told).includes('SchemaRegistrySubject'))
        assert.deepEqual(problems(told, schema), [], asked)
      }
    }
  })

  it('answers a refusal in the documented shape of each part of the API', async () => {
    const components = (document as unknown as { components: { schemas: Record<string, Schema> } }).components.schemas
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const ref = (
          operation.responses['default']?.content?.['application/json']?.schema as { $ref?: string } | undefined
        )?.$ref
        if (ref === undefined || path === '/api/login' || path === '/api/v1/login') continue
        const response = await ask(
          method.toUpperCase(),
          path.replaceAll(/\{(\w+)\}/g, (_, name: string) => FILL[name]),
          undefined,
          'nothing',
        )
        assert.equal(response.status, 401, `${method} ${path}`)
        const body: unknown = await response.json()
        assert.deepEqual(problems(body, components[ref.split('/').at(-1) ?? '']), [], `${method} ${path}`)
        assert.doesNotMatch(JSON.stringify(body), /token/i)
      }
    }
  })

  /** What one changing call is given: values of its path, a body. */
  interface Given {
    readonly id: string
    readonly path?: Readonly<Record<string, string>>
    readonly body?: unknown
    readonly headers?: Readonly<Record<string, string>>
    /** Another status than that of success, which the document has as well. */
    readonly status?: number
  }

  /** Makes a call as the document describes it, and holds the answer against it. */
  async function checked({ id, path: values = {}, body, headers = {}, status }: Given): Promise<void> {
    const place = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, operation]) =>
        operation.operationId === id ? [{ path, method: method.toUpperCase(), operation }] : [],
      ),
    )[0]
    assert.ok(place !== undefined, id)
    const { operation, method } = place
    const wanted = operation.requestBody?.content['application/json']?.schema
    if (body !== undefined || wanted !== undefined)
      assert.deepEqual(problems(body, wanted ?? {}), [], `${id}: the body that is sent`)
    const filled = place.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURI(values[name] ?? FILL[name]))
    const response = await ask(method, filled, body, KEY, headers)
    const text = await response.text()
    const expected = status ?? Number(Object.keys(operation.responses).find((code) => code.startsWith('2')))
    assert.equal(response.status, expected, `${id}: ${text}`)
    const said = operation.responses[String(expected)].content
    const type = (response.headers.get('content-type') ?? '').split(';')[0]
    if (said === undefined) {
      if (expected === 204) assert.equal(text, '', id)
      return
    }
    const schema = said[type]?.schema
    assert.ok(schema !== undefined, `${id}: ${type} is not in the document`)
    assert.deepEqual(problems(type === 'application/json' ? JSON.parse(text) : text, schema), [], id)
  }

  /** Changing calls in an order in which they make sense; `suffix` tells the agent's form from the proxied one. */
  const changes = (suffix: string): readonly Given[] => {
    const topic = `made${suffix}`
    const at = (more: Readonly<Record<string, string>> = {}) => ({ topic, name: topic, ...more })
    const schema = { schema: JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }] }) }
    const subject = `subjects/${topic}-value`
    const group = `moved${suffix}`
    const calls: readonly Given[] = [
      {
        id: 'createTopic',
        body: { topicName: topic, partitions: 1, replication: 1, configs: { 'retention.ms': '60000' } },
      },
      {
        id: 'createTopicWithFormat',
        body: {
          name: `${topic}2`,
          partitions: 1,
          format: { key: { format: 'STRING' }, value: { format: 'AVRO', schema: schema.schema } },
        },
      },
      { id: 'describeTopic', path: at(), body: { description: 'what for' } },
      { id: 'tagTopic', path: at(), body: { tags: [{ name: 'a' }] } },
      { id: 'changeSettings', path: at(), body: { configs: [{ key: 'retention.ms', value: '70000' }] } },
      { id: 'addPartitions', path: at(), body: { partitions: 3 } },
      {
        id: 'declareFormats',
        body: { topicName: topic, keyType: 'STRING', valueType: 'JSON', description: 'd', tags: [{ name: 'b' }] },
      },
      { id: 'deleteRecords', path: at({ partition: '0', offset: '0' }) },
      { id: 'resend', path: { topic: 'customers', partition: '0', offset: '3' } },
      { id: 'sqlPresentation', body: { sql: 'SELECT * FROM cust WHERE nothing', caret: 18 } },
      { id: 'sqlFields', body: { tables: ['customers', 'nothing'] } },
      { id: 'saveQuery', path: at(), body: { sql: 'SELECT :a AS a', parameters: { a: '1' }, shared: true } },
      { id: 'deleteSavedQuery', path: at() },
      { id: 'registryPost', path: { path: `${subject}/versions` }, body: schema },
      { id: 'registryPut', path: { path: `config/${topic}-value` }, body: { compatibility: 'NONE' } },
      { id: 'registryDelete', path: { path: subject } },
      { id: 'writeSchema', path: { name: `${topic}-key` }, body: { format: 'AVRO', schema: '"string"' } },
      { id: 'setCompatibility', path: { name: `${topic}-key` }, body: { compatibility: 'FULL' } },
      { id: 'setRegistryCompatibility', body: { compatibility: 'NONE' } },
      { id: 'deleteSchemaVersion', path: { name: `${topic}-key`, version: '1' } },
      { id: 'writeSchema', path: { name: `${topic}-key` }, body: { schema: '"long"' } },
      { id: 'deleteSubject', path: { name: `${topic}-key` } },
      {
        id: 'moveGroup',
        path: { name: group },
        body: { type: 'timestamp', target: '2026-01-01T00:00:00Z', topics: ['cc_payments'] },
      },
      { id: 'movePartition', path: { name: group }, body: { type: 'absolute', offset: 2 } },
      { id: 'deletePartitionOffset', path: { name: group } },
      { id: 'movePartition', path: { name: group }, body: { type: 'start' } },
      { id: 'deleteGroupOffsets', path: { name: group }, body: { topics: ['cc_payments'] } },
      { id: 'deleteGroup', path: { name: group } },
      { id: 'sqlExport', body: { sql: 'SELECT 1 AS one', format: 'csv' } },
      { id: 'sqlExport', body: { sql: 'SELECT 1 AS one', format: 'json', name: 'one' } },
      { id: 'deleteTopic', path: at() },
    ]
    return calls.map((given) => ({ ...given, id: given.id + suffix }))
  }

  it('answers every changing call as the document says, in both forms', async () => {
    const done = new Set<string>()
    for (const given of [...changes(''), ...changes('Proxied')]) {
      await checked(given)
      done.add(given.id)
    }
    for (const suffix of ['', 'Proxied']) {
      await checked({ id: `killRunningQuery${suffix}`, path: { id: '1' } })
      await checked({ id: `killQuery${suffix}`, path: { id: await runningQuery() } })
      done.add(`killRunningQuery${suffix}`).add(`killQuery${suffix}`)
      await checked({ id: `openDownload${suffix}`, body: { sql: 'SELECT 1', format: 'csv' } })
      await checked({ id: `endDownload${suffix}`, path: { id: await openDownload() } })
      done.add(`openDownload${suffix}`).add(`endDownload${suffix}`)
    }
    await checked({ id: 'login', body: { user: 'admin', password: 'secret' } })
    await checked({ id: 'loginSession', body: { username: 'admin', password: 'secret' } })
    await checked({ id: 'createEnvironment', status: 501 })
    await checked({ id: 'logoutSession' })
    for (const id of ['login', 'loginSession', 'createEnvironment', 'logoutSession']) done.add(id)
    const changing = Object.values(document.paths).flatMap((operations) =>
      Object.entries(operations).flatMap(([method, operation]) => (method === 'get' ? [] : [operation.operationId])),
    )
    assert.deepEqual(
      changing.filter((id) => !done.has(id)),
      [],
      'calls that nobody has checked',
    )
  })

  it('has texts as JSON for whoever takes JSON alone', async () => {
    for (const accept of ['application/json', 'text/plain']) {
      await checked({ id: 'createTopic', body: { topicName: 'accepted' }, headers: { accept } })
      await checked({ id: 'deleteTopic', path: { topic: 'accepted' }, headers: { accept } })
    }
  })

  it('says which login and logout there is', async () => {
    await checked({ id: 'logout' })
    const wrong = await fetch(`${server.url}/api/login`, {
      method: 'POST',
      body: '{"user":"admin","password":"wrong"}',
    })
    assert.equal(wrong.status, 401)
    const { schemas } = (document as unknown as { components: { schemas: Record<string, Schema> } }).components
    assert.deepEqual(problems(await wrong.json(), schemas['AgentError']), [])
  })

  /** The id of a query that runs until it is ended. */
  async function runningQuery(): Promise<string> {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}${DEMO_PATH}`, {
      headers: { authorization: `Bearer ${KEY}` },
    })
    await once(ws, 'open')
    ws.send(
      JSON.stringify({
        sql: 'SELECT a.id FROM cc_payments a CROSS JOIN cc_payments b CROSS JOIN cc_payments c CROSS JOIN cc_payments d LIMIT 100000000',
      }),
    )
    ws.pause()
    after(() => ws.terminate())
    for (let i = 0; ; i++) {
      const queries = (await (await ask('GET', '/api/v1/sql/queries')).json()) as { id: string; status: string }[]
      const found = queries.find((q) => q.status === 'Running')
      if (found !== undefined) return found.id
      assert.ok(i < 200, 'it runs')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
})
