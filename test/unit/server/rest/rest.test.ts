/**
 * The REST calls on the embedded broker and registry: rights; wrong bodies; CORS; cookies. Answers against the
 * document: `openapi.test.ts`.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it, test } from 'node:test'
import { WebSocket } from 'ws'
import { type Sandbox, startSandbox } from '../../../../src/sandbox/sandbox.ts'
import { Accounts } from '../../../../src/server/access/auth.ts'
import { readConfig } from '../../../../src/server/config/config.ts'
import { defaultLimits } from '../../../../src/server/limits.ts'
import { createLog } from '../../../../src/server/log.ts'
import { openEnvironment } from '../../../../src/server/open-environment.ts'
import { hashToken } from '../../../../src/server/access/secrets.ts'
import { type RunningServer, startServer } from '../../../../src/server/start.ts'
import { systemClock } from '../../../../src/lib/clock.ts'
import { converse, DEMO_PATH, startFixture } from '../fixture.ts'

const KEY = 'all-rights-0123456789'
const READER = 'reader-0123456789'

describe('REST on the embedded broker', () => {
  let sandbox: Sandbox
  let server: RunningServer

  before(async () => {
    sandbox = await startSandbox({ sizes: { vessels: 50, payments: 50, customers: 20, orders: 20, corrupt: 20 } })
    const config = await readConfig({
      server: { port: 0, corsOrigins: ['http://page.example:8080'] },
      environments: [{ name: 'demo', kafka: { brokers: sandbox.brokers }, registry: sandbox.registryUrl }],
      users: [
        { name: 'admin', password: 'secret', permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
      ],
      serviceAccounts: [
        { name: 'all', token: KEY, permissions: [{ environments: ['*'], topics: ['*'], rights: ['all'] }] },
        { name: 'reader', token: READER, permissions: [{ environments: ['*'], topics: ['cc_*', 'new*'] }] },
        { name: 'elsewhere', token: 'elsewhere-0123456789', permissions: [{ environments: ['prod'], topics: ['*'] }] },
      ],
    })
    server = await startServer(config, { log: createLog('silent'), open: openEnvironment })
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

  it('makes, changes and deletes with the right only; what may not be seen does not exist', async () => {
    const status = async (method: string, path: string, body: unknown, key: string) =>
      (await ask(method, path, body, key)).status
    const topic = { topicName: 'new_topic', partitions: 1, replication: 1, configs: {} }
    assert.equal(await status('POST', '/api/topics', topic, READER), 403)
    assert.equal(await status('POST', '/api/topics', topic, KEY), 200)
    for (const [method, path, body] of [
      ['DELETE', '/api/topics/new_topic', undefined],
      ['DELETE', '/api/topics/new_topic/0/1', undefined],
      ['PUT', '/api/configs/topics/new_topic', { configs: [{ key: 'retention.ms', value: '1' }] }],
      ['PUT', '/api/v1/kafka/topics/new_topic/partitions', { partitions: 2 }],
      ['POST', '/api/v1/metadata/topics', { topicName: 'new_topic', keyType: 'STRING', valueType: 'JSON' }],
      ['DELETE', '/api/proxy-sr/subjects/new_topic-value', undefined],
      ['POST', '/api/proxy-sr/subjects/new_topic-value/versions', { schema: '"string"' }],
      ['PUT', '/api/proxy-sr/config', { compatibility: 'NONE' }],
    ] as const)
      assert.equal(await status(method, path, body, READER), 403, `${method} ${path}`)
    for (const [method, path] of [
      ['GET', '/api/topics/customers'],
      ['GET', '/api/topics/customers/brokerConfigs'],
      ['GET', '/api/v2/topics/customers/partitions'],
      ['DELETE', '/api/topics/customers'],
      ['GET', '/api/v1/datasets/kafka/customers'],
      ['GET', '/api/metadata/topics/customers'],
      ['GET', '/api/v1/sql/paging?table=customers'],
      ['GET', '/api/proxy-sr/subjects/orders-value/versions'],
    ] as const)
      assert.equal(await status(method, path, undefined, READER), 404, `${method} ${path}`)
    const names = ((await (await ask('GET', '/api/topics', undefined, READER)).json()) as { topicName: string }[]).map(
      (t) => t.topicName,
    )
    assert.ok(names.includes('cc_payments') && !names.includes('customers'), names.join())
    const subjects = (await (await ask('GET', '/api/proxy-sr/subjects', undefined, READER)).json()) as string[]
    assert.ok(subjects.length > 0 && subjects.every((s) => s.startsWith('cc_')), subjects.join())
    assert.equal(await status('GET', '/api/topics', undefined, 'elsewhere-0123456789'), 403)
    assert.equal(await status('DELETE', '/api/topics/new_topic', undefined, KEY), 200)
    assert.equal(await status('GET', '/api/topics/new_topic', undefined, KEY), 404)
  })

  it('the list of topics has pages, and says so', async () => {
    const page = async (query: string) => {
      const answer = await ask('GET', `/api/topics${query}`)
      const topics = (await answer.json()) as { topicName: string }[]
      const { headers } = answer
      return { names: topics.map((t) => t.topicName), total: headers.get('x-total-count'), link: headers.get('link') }
    }
    const all = await page('')
    assert.deepEqual([String(all.names.length), all.link], [all.total, null])
    const first = await page('?pageSize=3')
    assert.deepEqual([first.names, first.total], [all.names.slice(0, 3), all.total])
    assert.equal(first.link, '<?page=2&pageSize=3>; rel="next"')
    assert.deepEqual((await page('?page=2&pageSize=3')).names, all.names.slice(3, 6))
    assert.equal((await ask('GET', '/api/topics?page=0')).status, 400)
  })

  it('details of a topic: formats and why, types as trees, places and bytes, rights', async () => {
    const details = async (topic: string, key = KEY) => {
      const answer = await ask('GET', `/api/v1/kafka/topics/${topic}/details`, undefined, key)
      return (await answer.json()) as {
        value: { format: string; origin: string; detail: string; type: { fields: { name: string; type: object }[] } }
        rights: string[]
        bytes: number
        partitions: { leader: number; replicas: number[]; inSync: number[]; bytes: number; end: number }[]
      }
    }
    const { value, rights, bytes, partitions } = await details('orders')
    assert.deepEqual(
      [value.format, value.origin, value.detail],
      ['AVRO', 'registry', 'registry subject orders-value, version 1'],
    )
    const lines = value.type.fields.find(({ name }) => name === 'lines')?.type as { element?: { fields: unknown[] } }
    assert.ok((lines.element?.fields.length ?? 0) > 0, JSON.stringify(lines))
    assert.equal(partitions.length, 3)
    assert.deepEqual([partitions[0].leader, partitions[0].replicas, partitions[0].inSync], [1, [1], [1]])
    assert.ok(bytes > 0 && bytes === partitions.reduce((sum, p) => sum + p.bytes, 0))
    assert.ok(rights.includes('insert') && rights.includes('drop'))
    assert.deepEqual((await details('cc_payments', READER)).rights, ['read'])
    assert.equal((await ask('GET', '/api/v1/kafka/topics/orders/details', undefined, READER)).status, 404)
  })

  it('refuses bodies and parameters that are wrong, naming the field', async () => {
    for (const [method, path, body, words] of [
      ['POST', '/api/topics', {}, /"topicName" must be/],
      ['POST', '/api/topics', [], /must be a JSON object/],
      ['POST', '/api/topics', { topicName: 'x', partitions: 0 }, /"partitions" must be/],
      ['POST', '/api/topics', { topicName: 'x', configs: 'y' }, /"configs" must be/],
      ['POST', '/api/v1/kafka/topic', { name: 'x', format: { key: { format: 'AVOR' } } }, /format\.key\.format/],
      ['PUT', '/api/configs/topics/cc_payments', {}, /names no setting/],
      ['DELETE', '/api/topics/cc_payments/x/1', undefined, /partition must be/],
      ['GET', '/api/v1/datasets?page=0', undefined, /"page" must be/],
      ['GET', '/api/v1/datasets?hasRecords=maybe', undefined, /"hasRecords" must be/],
      ['GET', '/api/v1/datasets?compacted=2', undefined, /"compacted" must be true or false; it is "2"/],
      [
        'GET',
        '/api/v1/datasets?isCompacted=true&compacted=false',
        undefined,
        /Only one value can be given as "isCompacted" and "compacted"/,
      ],
      ['GET', '/api/v1/datasets?search=a&search=b', undefined, /Only one value can be given as "search"/],
      ['GET', '/api/v1/datasets?sortBy=weight', undefined, /"sortBy" must be one of name, records, .*; it is "weight"/],
      ['GET', '/api/v1/datasets?sortField=version', undefined, /"sortField" must be one of name, /],
      ['GET', '/api/v1/datasets?sortField=toString', undefined, /"sortField" must be one of name, /],
      [
        'GET',
        '/api/v1/datasets?connections=schema-registry&sortBy=records',
        undefined,
        /"sortBy" must be one of name, version, format, compatibility/,
      ],
      ['GET', '/api/v1/datasets?sortingOrder=up', undefined, /"sortingOrder" must be one of asc, desc; it is "up"/],
      ['GET', '/api/v1/datasets?sortOrder=asc&sortingOrder=desc', undefined, /Only one value/],
      ['GET', '/api/v1/datasets?format=AVOR', undefined, /"AVOR" is no format; there are .*AVRO/],
      ['GET', '/api/v1/datasets?recordCount=some', undefined, /"recordCount" must be one of all, empty, nonEmpty/],
      [
        'GET',
        '/api/v1/datasets?connections=postgres',
        undefined,
        /no connection "postgres"; there are "kafka" and "schema-registry"/,
      ],
      ['PUT', '/api/v1/sr/default/config', { compatibility: 'SOME' }, /"compatibility" must be one of NONE, BACKWARD/],
      ['PUT', '/api/v1/sr/default/config', {}, /"compatibility" must be one of NONE/],
      [
        'PUT',
        '/api/v1/sr/default/subject/x-value/current-version',
        { format: 'XML', schema: 'x' },
        /"format" must be one of AVRO, JSON, PROTOBUF/,
      ],
      ['PUT', '/api/v1/sr/default/subject/x-value/current-version', { format: 'AVRO' }, /"schema" must be/],
      ['PUT', '/api/v1/sr/default/subject/x-value/current-version', { format: 7, schema: 'x' }, /"format" must be/],
      ['PUT', '/api/v1/sr/default/subject/x-value/current-version', 'x', /must be a JSON object/],
      ['DELETE', '/api/v1/sr/default/subject/x-value/version/first', undefined, /version must be/],
      ['GET', '/api/v1/sql/paging', undefined, /"table" is missing/],
      ['POST', '/api/v1/sql/presentation', { sql: 5 }, /"sql" must be/],
      ['POST', '/api/v1/sql/presentation', { sql: 'x', caret: -1 }, /"caret" must be/],
      ['GET', '/api/sql/validation', undefined, /"sql" must be/],
    ] as const) {
      const response = await ask(method, path, body)
      const text = await response.text()
      assert.equal(response.status, 400, `${method} ${path} ${text}`)
      assert.match(JSON.parse(text).error, words)
    }
  })

  it('passes on only known calls of the registry, and never its credentials', async () => {
    for (const path of [
      'mode',
      'subjects/..%2fconfig',
      'subjects/a%2f..%2f..',
      'exporters',
      'schemas/ids/x',
      'subjects/a/versions/1/referencedby/..',
      '',
    ])
      assert.equal((await ask('GET', `/api/proxy-sr/${path}`)).status, 404, path)
    assert.equal((await ask('PUT', '/api/proxy-sr/subjects/a', {})).status, 404)
    assert.equal((await ask('GET', '/api/proxy-sr/subjects/cc_payments-value/versions/latest')).status, 200)
    assert.equal((await ask('GET', '/api/proxy-sr/subjects/cc_nothing-value/versions', undefined, READER)).status, 404)
  })

  it('pages and searches datasets', async () => {
    const page = async (query: string) =>
      (
        (await (await ask('GET', `/api/v1/datasets?${query}`)).json()) as {
          datasets: { values: { name: string }[]; pagesAmount: number; totalCount: number }
        }
      ).datasets
    // Not their records: the demo goes on.
    const names = async (query: string) => (await page(query)).values.map(({ name }) => name)
    const all = await page('pageSize=500')
    const pages = [await page('pageSize=3&page=1'), await page('pageSize=3&page=2')]
    assert.deepEqual(
      pages.flatMap((p) => p.values.map((v) => v.name)),
      all.values.map((v) => v.name).slice(0, 6),
    )
    assert.equal(pages[0].pagesAmount, Math.ceil(all.totalCount / 3))
    assert.deepEqual(
      (await page('search=MMSI')).values.map((v) => v.name),
      ['sea_vessel_position_reports'],
    )
    assert.deepEqual((await page('search=MMSI&searchFields=False')).values, [])
    // The names that lenses-cli sends mean the same.
    for (const [mcp, cli] of [
      ['search=MMSI', 'query=MMSI'],
      ['search=MMSI&searchFields=False', 'query=MMSI&includeMetadata=false'],
      ['isCompacted=true', 'compacted=true'],
      ['hasRecords=false', 'recordCount=empty'],
      ['sortOrder=desc', 'sortingOrder=desc'],
      ['sortField=records&sortOrder=desc', 'sortBy=records&sortingOrder=desc'],
      ['schemaFormat=AVRO', 'format=avro'],
    ])
      assert.deepEqual(await names(mcp), await names(cli), cli)
    assert.deepEqual(
      (await page('isCompacted=true')).values.map((v) => v.name),
      ['customers'],
    )
    const by = async <T>(field: string, order: string) =>
      ((await page(`pageSize=500&sortField=${field}&sortOrder=${order}`)).values as unknown as Record<string, T>[]).map(
        (v) => v[field],
      )
    for (const field of ['records', 'partitions', 'consumers', 'replication']) {
      const up = await by<number>(field, 'asc')
      assert.deepEqual(
        up,
        [...up].sort((a, b) => a - b),
        field,
      )
      // Topics of the demo grow meanwhile.
      const down = await by<number>(field, 'desc')
      assert.deepEqual(
        down,
        [...down].sort((a, b) => b - a),
        field,
      )
    }
    for (const field of ['keyType', 'valueType'])
      assert.deepEqual(await by(field, 'asc'), [...(await by<string>(field, 'asc'))].sort(), field)
    const avro = (await page('format=AVRO&pageSize=500')).values as unknown as { keyType: string; valueType: string }[]
    assert.ok(
      avro.length > 0 &&
        avro.length < all.totalCount &&
        avro.every((v) => v.keyType === 'AVRO' || v.valueType === 'AVRO'),
    )
    assert.deepEqual(
      (await page('sortOrder=desc&pageSize=500')).values.map((v) => v.name),
      all.values.map((v) => v.name).reverse(),
    )
  })

  it('tells and changes subjects of the registry, to whoever may', async () => {
    interface Subject {
      readonly name: string
      readonly format: string
      readonly version: number
      readonly compatibility: string
      readonly schema?: string
      readonly schemaId?: string
    }
    const list = async (query: string, key = KEY) =>
      (
        (await (await ask('GET', `/api/v1/datasets?connections=schema-registry&${query}`, undefined, key)).json()) as {
          datasets: { values: Subject[] }
        }
      ).datasets.values
    const one = async (name: string) =>
      (await (await ask('GET', `/api/v1/datasets/schema-registry/${encodeURIComponent(name)}`)).json()) as Subject
    const told = (await (await ask('GET', '/api/proxy-sr/subjects')).json()) as string[]
    assert.deepEqual(
      (await list('pageSize=99999')).map((s) => s.name),
      told.sort(),
    )
    assert.deepEqual([...new Set((await list('', READER)).map((s) => s.name.slice(0, 3)))], ['cc_'])
    for (const name of ['orders-value', 'nowhere-value', '..', '../config', 'a/b'])
      assert.equal(
        (await ask('GET', `/api/v1/datasets/schema-registry/${encodeURIComponent(name)}`, undefined, READER)).status,
        404,
        name,
      )

    const name = 'odd näme/1-value'
    const at = `/api/v1/sr/default/subject/${encodeURIComponent(name)}`
    const [first, second] = [
      '"string"',
      JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'tonnage', type: 'int' }] }),
    ]
    assert.equal((await ask('PUT', `${at}/current-version`, { format: 'AVRO', schema: first })).status, 200)
    const { id } = (await (await ask('PUT', `${at}/current-version`, { format: 'Avro', schema: second })).json()) as {
      id: number
    }
    assert.equal((await ask('PUT', `${at}/config`, { compatibility: 'BACKWARDS_TRANSITIVE' })).status, 200)
    const { version, format, compatibility, schema, schemaId } = await one(name)
    assert.deepEqual(
      [version, format, compatibility, schema, schemaId],
      [2, 'AVRO', 'BACKWARD_TRANSITIVE', second, String(id)],
    )
    for (const query of [
      'search=TONNAGE',
      'query=n%C3%A4me',
      'sortBy=version&sortingOrder=desc&pageSize=1&format=AVRO',
    ])
      assert.deepEqual(
        (await list(query)).map((s) => [s.name, s.version]),
        [[name, 2]],
        query,
      )
    for (const query of [
      'search=tonnage&searchFields=false',
      'format=PROTOBUF&search=tonnage',
      'hasRecords=true',
      'tags=x',
    ])
      assert.deepEqual(await list(query), [], query)
    const protobuf = 'syntax = "proto3"; message M { int32 a = 1; }'
    assert.equal(
      (
        await ask('PUT', '/api/v1/sr/default/subject/cc_proto-value/current-version', {
          format: 'PROTOBUF',
          schema: protobuf,
        })
      ).status,
      200,
    )
    assert.deepEqual(
      (await list('format=protobuf&search=cc_')).map((s) => [s.name, s.format]),
      [['cc_proto-value', 'PROTOBUF']],
    )

    for (const [method, path, body] of [
      ['PUT', '/api/v1/sr/default/subject/cc_proto-value/current-version', { schema: first }],
      ['PUT', '/api/v1/sr/default/subject/cc_proto-value/config', { compatibility: 'NONE' }],
      ['PUT', '/api/v1/sr/default/config', { compatibility: 'NONE' }],
      ['DELETE', '/api/v1/sr/default/subject/cc_proto-value/version/1', undefined],
      ['DELETE', '/api/v1/sr/default/subject/cc_proto-value', undefined],
    ] as const)
      assert.equal((await ask(method, path, body, READER)).status, 403, `${method} ${path}`)
    assert.equal((await ask('DELETE', '/api/v1/sr/default/subject/orders-value', undefined, READER)).status, 404)
    for (const path of ['', '/version/1', '/version/9'])
      assert.equal((await ask('DELETE', `/api/v1/sr/default/subject/nowhere-value${path}`)).status, 404, path)
    for (const path of ['%2e%2e', '..%2fconfig'])
      assert.equal((await ask('DELETE', `/api/v1/sr/default/subject/${path}`)).status, 404, path)

    assert.equal((await ask('DELETE', `${at}/version/2`)).status, 204)
    assert.equal((await one(name)).version, 1)
    assert.equal((await ask('DELETE', at)).status, 204)
    assert.equal((await ask('DELETE', '/api/v1/sr/default/subject/cc_proto-value')).status, 204)
    assert.equal((await ask('GET', `/api/v1/datasets/schema-registry/${encodeURIComponent(name)}`)).status, 404)

    assert.equal((await ask('PUT', '/api/v1/sr/default/config', { compatibility: 'full' })).status, 200)
    assert.deepEqual(await (await ask('GET', '/api/v1/sr/default/config', undefined, READER)).json(), {
      compatibility: 'FULL',
    })
    assert.equal(
      (await list('search=orders-value'))[0].compatibility,
      'FULL',
      'a subject without a level has that of the registry',
    )
    assert.equal((await ask('PUT', '/api/v1/sr/default/config', { compatibility: 'BACKWARD' })).status, 200)
  })

  it('keeps a description and tags, finds topics by them, and forgets them with the topic', async () => {
    const path = '/api/v1/datasets/kafka/tagged'
    assert.equal((await ask('POST', '/api/topics', { topicName: 'tagged' })).status, 200)
    assert.equal((await ask('PUT', `${path}/description`, { description: 'What shops sell' })).status, 200)
    assert.equal((await ask('PUT', `${path}/tags`, { tags: [{ name: 'shop' }, { name: 'eu' }] })).status, 200)
    const found = async (query: string) =>
      (
        (await (await ask('GET', `/api/v1/datasets?${query}`)).json()) as {
          datasets: { values: { name: string; description: string | null; tags: { name: string }[] }[] }
        }
      ).datasets.values
    for (const query of ['tags=shop', 'tags=nothing&tags=eu', 'search=shops%20sell']) {
      const [dataset, ...more] = await found(query)
      assert.deepEqual(
        [dataset?.name, dataset?.description, dataset?.tags, more],
        ['tagged', 'What shops sell', [{ name: 'shop' }, { name: 'eu' }], []],
        query,
      )
    }
    assert.deepEqual(await found('tags=nothing'), [])
    const metadata = (await (await ask('GET', '/api/metadata/topics/tagged')).json()) as { description: string }
    assert.equal(metadata.description, 'What shops sell')
    const description = async () =>
      ((await (await ask('GET', '/api/metadata/topics/tagged')).json()) as { description: string | null }).description
    for (const nothing of [{}, { description: null }]) {
      await ask('PUT', `${path}/description`, { description: 'again' })
      assert.equal(await description(), 'again')
      assert.equal((await ask('PUT', `${path}/description`, nothing)).status, 200)
      assert.equal(await description(), null, JSON.stringify(nothing))
    }
    for (const [method, body] of [
      ['description', []],
      ['tags', { tags: 'x' }],
      ['tags', { tags: [''] }],
      ['description', { description: 5 }],
    ] as const)
      assert.equal((await ask('PUT', `${path}/${method}`, body)).status, 400)
    assert.equal((await ask('PUT', '/api/v1/datasets/kafka/cc_payments/tags', { tags: [] }, READER)).status, 403)
    assert.equal((await ask('PUT', '/api/v1/datasets/kafka/customers/tags', { tags: [] }, READER)).status, 404)
    await ask('DELETE', '/api/topics/tagged')
    await ask('POST', '/api/topics', { topicName: 'tagged' })
    assert.equal(
      ((await (await ask('GET', '/api/metadata/topics/tagged')).json()) as { description: string | null }).description,
      null,
    )
  })

  it('tells which settings are the topic’s own, and takes an empty list of changes', async () => {
    interface Setting {
      readonly name: string
      readonly value: string
      readonly originalValue: string
      readonly isDefault: boolean
    }
    const own = async () => {
      const { config } = (await (await ask('GET', '/api/topics/settled')).json()) as { config: Setting[] }
      assert.ok(config.length > 5 && config.every((c) => c.originalValue === c.value))
      return config.filter((c) => !c.isDefault).map((c) => [c.name, c.originalValue])
    }
    await ask('POST', '/api/topics', {
      topicName: 'settled',
      configs: { 'cleanup.policy': 'compact', 'max.message.bytes': 5_000_000 },
    })
    const given = [
      ['cleanup.policy', 'compact'],
      ['max.message.bytes', '5000000'],
    ]
    assert.deepEqual(await own(), given)
    for (const configs of [[], {}]) {
      const response = await ask('PUT', '/api/configs/topics/settled', { configs })
      assert.equal(response.status, 200)
      assert.equal(await response.text(), 'Topic [settled] updated config with [SetTopicConfiguration(List())]')
    }
    assert.deepEqual(await own(), given)
    assert.equal((await ask('PUT', '/api/configs/topics/nowhere', { configs: [] })).status, 404)
    assert.equal((await ask('PUT', '/api/configs/topics/cc_payments', { configs: [] }, READER)).status, 403)
    await ask('DELETE', '/api/topics/settled')
  })

  it('writes a record once more', async () => {
    const size = async () =>
      ((await (await ask('GET', '/api/topics/customers')).json()) as { messagesPerPartition: { end: number }[] })
        .messagesPerPartition[0].end
    const before = await size()
    assert.deepEqual(await (await ask('PUT', '/api/topics/customers/0/3/resend')).json(), {
      topicName: 'customers',
      partition: 0,
      offset: 3,
    })
    assert.equal(await size(), before + 1)
    const { frames } = await converse(
      server,
      DEMO_PATH,
      JSON.stringify({ sql: `SELECT * FROM customers WHERE _meta.offset IN (3, ${before}) AND _meta.partition = 0` }),
      { authorization: `Bearer ${KEY}` },
    )
    const rows = frames.filter((f) => f.type === 'RECORD').map((f) => f.data as { key: unknown; value: unknown })
    assert.equal(rows.length, 2)
    assert.deepEqual([rows[0].key, rows[0].value], [rows[1].key, rows[1].value])
    for (const [path, status] of [
      ['/api/topics/customers/0/100000/resend', 404],
      ['/api/topics/customers/9/0/resend', 404],
      ['/api/topics/customers/x/0/resend', 400],
    ] as const)
      assert.equal((await ask('PUT', path)).status, status, path)
    assert.equal((await ask('PUT', '/api/topics/cc_payments/0/0/resend', undefined, READER)).status, 403)
  })

  it('suggests views, synonyms and their columns, to whoever may see them', async () => {
    const sql = (text: string) =>
      converse(server, DEMO_PATH, JSON.stringify({ sql: text }), { authorization: `Bearer ${KEY}` })
    await sql(
      'CREATE VIEW seen AS SELECT id, amount * 2 AS twice FROM cc_payments; CREATE SYNONYM second FOR customers',
    )
    await sql('CREATE TABLE sealed (a text, b int) FORMAT (json, json)')
    const offered = async (text: string, key = KEY) => {
      const body = { sql: text.replace('|', ''), caret: text.indexOf('|') }
      const p = (await (await ask('POST', '/api/v1/sql/presentation', body, key)).json()) as {
        suggestions: { display: string }[]
      }
      return p.suggestions.map((s) => s.display)
    }
    assert.deepEqual(await offered('SELECT * FROM se|'), ['sea_vessel_position_reports', 'sealed', 'second', 'seen'])
    assert.deepEqual(await offered('SELECT * FROM se|', READER), ['seen'])
    assert.deepEqual(await offered('SELECT twi| FROM seen'), ['twice'])
    assert.deepEqual(await offered('SELECT s.| FROM seen s'), ['id', 'twice'])
    assert.deepEqual(await offered('SELECT s.| FROM sealed s'), ['a', 'b'])
    assert.deepEqual(await offered('SELECT c.| FROM customers c', READER), [])
    await sql('DROP VIEW seen; DROP SYNONYM second; DROP TABLE sealed')
  })

  it('lists queries and ends them: one’s own, or all of them with all rights', async () => {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}${DEMO_PATH}`, {
      headers: { authorization: `Bearer ${READER}` },
    })
    await once(ws, 'open')
    ws.send(
      JSON.stringify({
        sql: 'SELECT a.id FROM cc_payments a CROSS JOIN cc_payments b CROSS JOIN cc_payments c CROSS JOIN cc_payments d LIMIT 100000000',
      }),
    )
    ws.pause()
    const list = async (key: string) =>
      (await (await ask('GET', '/api/v1/sql/queries', undefined, key)).json()) as {
        id: string
        status: string
        username: string
        sql: string
      }[]
    let running: { id: string } | undefined
    for (let i = 0; i < 100 && running === undefined; i++) {
      running = (await list(READER)).find((q) => q.status === 'Running' && q.sql.includes('CROSS JOIN'))
      if (running === undefined) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.ok(running !== undefined, 'it runs')
    const numbers = (await (await ask('GET', '/api/sql/queries')).json()) as { id: number; user: string }[]
    assert.deepEqual(
      numbers.map((q) => q.user),
      ['reader'],
    )
    assert.equal((await ask('DELETE', `/api/v1/sql/execution/${crypto.randomUUID()}`)).status, 404)
    assert.equal(
      (await ask('DELETE', `/api/v1/sql/execution/${running.id}`, undefined, 'elsewhere-0123456789')).status,
      403,
    )
    assert.equal((await ask('DELETE', `/api/v1/sql/execution/${running.id}`)).status, 204)
    for (let i = 0; i < 100; i++) {
      const found = (await list(KEY)).find((q) => q.id === running.id)
      if (found?.status === 'Killed') break
      assert.ok(i < 99, found?.status)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    assert.equal(await (await ask('DELETE', `/api/sql/queries/${numbers[0].id}`)).json(), false)
    ws.terminate()
  })

  it('says why a query ended that a logout ended', async () => {
    const token = await (
      await fetch(`${server.url}/api/login`, {
        method: 'POST',
        body: JSON.stringify({ user: 'admin', password: 'secret' }),
      })
    ).text()
    const sql =
      "SELECT a.id FROM cc_payments a CROSS JOIN cc_payments b CROSS JOIN cc_payments c CROSS JOIN cc_payments d WHERE CONCAT(a.id, b.id, c.id, d.id) = 'x'"
    const ended = converse(server, DEMO_PATH, JSON.stringify({ sql }), { authorization: `Bearer ${token}` })
    const list = async () =>
      (await (await ask('GET', '/api/v1/sql/queries')).json()) as {
        sql: string
        status: string
        message: string | null
      }[]
    for (let i = 0; !(await list()).some((q) => q.sql === sql); i++) {
      assert.ok(i < 100, 'it runs')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await fetch(`${server.url}/api/logout`, { headers: { 'X-Kafka-Lenses-Token': token } })
    const why = 'Not authenticated any more: the login was ended by a logout.'
    const { frames, code } = await ended
    assert.deepEqual(
      [frames.filter((f) => f.type === 'ERROR').map((f) => f.data), frames.at(-1)?.type, code],
      [[why], 'END', 1000],
    )
    const entry = (await list()).find((q) => q.sql === sql)
    assert.deepEqual([entry?.status, entry?.message], ['Killed', why])
  })

  it('answers text to whoever takes text, and JSON to whoever takes JSON alone', async () => {
    const create = (name: string, accept: string) => ask('POST', '/api/topics', { topicName: name }, KEY, { accept })
    assert.equal(await (await create('plain', 'application/json, text/plain')).text(), 'Topic [plain] created')
    assert.equal(await (await create('quoted', 'application/json')).text(), '"Topic [quoted] created"')
  })

  it('lets pages of a named origin in, and sends others nothing', async () => {
    const preflight = await fetch(`${server.url}/api/v1/environments`, {
      method: 'OPTIONS',
      headers: {
        origin: 'http://page.example:8080',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization',
      },
    })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers.get('access-control-allow-origin'), 'http://page.example:8080')
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /Authorization/)
    assert.equal(preflight.headers.get('access-control-allow-credentials'), null)
    const good = await ask('GET', '/api/v1/environments', undefined, KEY, { origin: 'http://page.example:8080' })
    assert.equal(good.headers.get('access-control-allow-origin'), 'http://page.example:8080')
    const other = await ask('GET', '/api/v1/environments', undefined, KEY, { origin: 'http://other.example' })
    assert.equal(other.headers.get('access-control-allow-origin'), null)
    assert.equal(other.headers.get('vary'), 'Origin')
    const refused = await fetch(`${server.url}/api/v1/environments`, {
      method: 'OPTIONS',
      headers: { origin: 'http://other.example', 'access-control-request-method': 'GET' },
    })
    assert.equal(refused.status, 404)
    assert.equal(refused.headers.get('access-control-allow-methods'), null)
  })

  it('sets a cookie that pages cannot read, and takes it away at the logout', async () => {
    const login = await fetch(`${server.url}/api/v1/login`, {
      method: 'POST',
      body: JSON.stringify({ username: 'admin', password: 'secret' }),
    })
    const [cookie, device] = login.headers.getSetCookie()
    assert.match(device, /^sluice_device=[\w-]{36}; Max-Age=31536000; Path=\/; HttpOnly; SameSite=Strict$/)
    assert.match(cookie, /^session_id=[\w-]{36}; Max-Age=14400; Path=\/; HttpOnly; SameSite=Strict$/)
    const pair = cookie.split(';')[0]
    const who = () => fetch(`${server.url}/api/auth`, { headers: { cookie: pair } })
    assert.equal((await who()).status, 200)
    const logout = await fetch(`${server.url}/api/v1/logout`, { method: 'POST', headers: { cookie: pair } })
    assert.match(logout.headers.get('set-cookie') ?? '', /^session_id=; .*Max-Age=0/)
    assert.equal((await who()).status, 401)
  })
})

test('CORS is off unless it is configured; an origin that is none is a mistake in the configuration', async () => {
  const { server } = await startFixture()
  try {
    const response = await fetch(`${server.url}/api/v1/environments`, {
      method: 'OPTIONS',
      headers: { origin: 'http://page.example', 'access-control-request-method': 'GET' },
    })
    assert.equal(response.headers.get('access-control-allow-origin'), null)
    assert.equal(response.status, 404)
  } finally {
    await server.close()
  }
  for (const origin of ['*', 'page.example', 'http://page.example/', 'http://page.example/path'])
    await assert.rejects(
      startFixture(undefined, { server: { port: 0, corsOrigins: [origin] } }),
      /corsOrigins\[0\]/,
      origin,
    )
})

test('a service account is good until it expires', () => {
  const nowMs = Date.UTC(2027, 0, 31)
  const clock = { ...systemClock, now: () => nowMs, monotonic: () => 0 }
  const account = (expiresAt: number) => ({ name: 'ci', tokenHash: hashToken('key'), permissions: [], expiresAt })
  assert.equal(new Accounts([], [account(nowMs + 1)], defaultLimits(), clock).byToken('key')?.name, 'ci')
  assert.equal(new Accounts([], [account(nowMs)], defaultLimits(), clock).byToken('key'), undefined)
})

test('the expiry in the configuration is a day or a moment', async () => {
  const read = (expires: unknown) =>
    readConfig({
      environments: [{ name: 'demo', kafka: { brokers: ['127.0.0.1:1'] } }],
      serviceAccounts: [
        { name: 'a', token: 't'.repeat(16), expires, permissions: [{ environments: ['*'], topics: ['*'] }] },
      ],
    })
  assert.equal((await read('2027-01-31')).serviceAccounts[0].expiresAt, Date.UTC(2027, 0, 31))
  assert.equal((await read('2027-01-31T12:00:00Z')).serviceAccounts[0].expiresAt, Date.UTC(2027, 0, 31, 12))
  for (const wrong of ['soon', '31.1.2027', 5, '2027-13-01'])
    await assert.rejects(read(wrong), /serviceAccounts\[0\]\.expires/)
})

test('one address cannot keep all others from logging in', async () => {
  const clock = { ...systemClock, after: (_ms: number, call: () => void) => systemClock.after(0, call) }
  const accounts = new Accounts([], [], defaultLimits(), clock)
  const many = () => Array.from({ length: 12 }, () => accounts.login('nobody', 'x', '10.0.0.1'))
  const busy = async () => (await Promise.all(many())).filter((o) => o === 'busy').length
  assert.equal(await busy(), 0)
  assert.equal(await busy(), 4)
  const tries = many()
  assert.equal(await accounts.login('nobody', 'x', '10.0.0.2'), undefined)
  await Promise.all(tries)
})
