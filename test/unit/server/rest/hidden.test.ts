/** What REST calls must not tell or do: hidden subjects, redirections of a registry; and changes in the log. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { openEnvironment } from '../../../../src/server/open-environment.ts'
import { startSandbox } from '../../../../src/sandbox/sandbox.ts'
import type { RunningServer } from '../../../../src/server/start.ts'
import { startFixture, type Fixture } from '../fixture.ts'
import { createRegistry } from '../../../../src/registry/client.ts'
import { fakeRegistry, type FakeRegistry } from '../../../support/fake-registry.ts'

const READER = 'reader-0123456789ab'
const WRITER = 'writer-0123456789ab'

describe('a registry with hidden subjects', () => {
  let registry: FakeRegistry
  let fixture: Fixture
  let server: RunningServer
  before(async () => {
    registry = await fakeRegistry()
    for (const subject of ['seen-value', 'seen-key', 'hidden-value', 'secret-value'])
      registry.add(subject, { id: registry.subjects.size + 1, schema: '"string"' })
    fixture = await startFixture(
      undefined,
      {
        environments: [{ name: 'demo', kafka: { brokers: ['127.0.0.1:1'] }, registry: registry.url }],
        serviceAccounts: [
          {
            name: 'reader',
            token: READER,
            permissions: [{ environments: ['*'], topics: ['seen'], rights: ['create'] }],
          },
          {
            name: 'writer',
            token: WRITER,
            permissions: [
              { environments: ['*'], topics: ['*'], rights: ['all'] },
              { effect: 'deny', environments: ['*'], topics: ['secret'] },
            ],
          },
        ],
      },
      { open: openEnvironment },
    )
    server = fixture.server
  })
  after(async () => {
    await server.close(0)
    await registry.close()
  })

  const post = (path: string, body: unknown, key = READER) =>
    fetch(`${server.url}/api/proxy-sr/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    })
  const paths = [
    'compatibility/subjects/seen-value/versions/latest',
    'subjects/seen-value',
    'subjects/seen-value/versions',
  ]

  it('says the same of references to one that is hidden and to one that is not there, and asks the registry nothing', async () => {
    for (const path of paths) {
      const answer = async (subject: string) => {
        const response = await post(path, { schema: '"string"', references: [{ name: 'X', subject, version: 1 }] })
        return `${response.status} ${(await response.text()).replaceAll(subject, '…')}`
      }
      const before = registry.requests.length
      const told = [await answer('hidden-value'), await answer('nothing-value'), await answer(':.:hidden-value')]
      assert.equal(new Set(told).size, 1, told.join('\n'))
      assert.match(told[0], /^422 .*There is no subject/)
      assert.equal(registry.requests.length, before)
      await answer('seen-key')
      assert.equal(registry.requests.length, before + 1, 'what may be seen is asked for')
    }
  })

  it('refuses references that it does not understand, and does not ask the registry what it makes of them', async () => {
    const before = registry.requests.length
    for (const references of [
      'hidden-value',
      { subject: 'hidden-value' },
      [['hidden-value']],
      [{ subject: ['hidden-value'] }],
      [{ Subject: 'hidden-value' }],
      [null],
    ])
      for (const path of paths) assert.equal((await post(path, { schema: '"string"', references })).status, 422)
    assert.equal(registry.requests.length, before)
  })

  it('a name with its context is the same subject: what denies it denies that, too', async () => {
    const status = async (subject: string) =>
      (
        await fetch(`${server.url}/api/proxy-sr/subjects/${encodeURIComponent(subject)}/versions`, {
          headers: { authorization: `Bearer ${WRITER}` },
        })
      ).status
    assert.equal(await status('hidden-value'), 200)
    for (const subject of ['secret-value', ':.:secret-value', ':.other:secret-value', 'secret-key'])
      assert.equal(await status(subject), 404, subject)
    assert.ok(!registry.requests.some((request) => request.includes('secret')), registry.requests.join('\n'))
  })

  it('writes down who changed what, and how it ended; not what the bodies say', async () => {
    await post('subjects/seen-value/versions', { schema: '{"secret":"of the body"}' }, WRITER)
    await fetch(`${server.url}/api/proxy-sr/subjects/seen-value`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${READER}` },
    })
    await fetch(`${server.url}/api/proxy-sr/subjects`, { headers: { authorization: `Bearer ${READER}` } })
    const changes = fixture.logged
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => msg === 'change by REST')
      .slice(-2)
    assert.deepEqual(
      changes.map(({ user, kind, environment, call, method, of, status }) => ({
        user,
        kind,
        environment,
        call,
        method,
        of,
        status,
      })),
      [
        {
          user: 'writer',
          kind: 'service account',
          environment: 'demo',
          call: 'registryPost',
          method: 'POST',
          of: { '*': 'subjects/seen-value/versions' },
          status: changes[0].status,
        },
        {
          user: 'reader',
          kind: 'service account',
          environment: 'demo',
          call: 'registryDelete',
          method: 'DELETE',
          of: { '*': 'subjects/seen-value' },
          status: 403,
        },
      ],
    )
    assert.ok(!fixture.logged.join('').includes('of the body'))
  })
})

describe('schemas of a few lines that stand for very many fields', () => {
  /** 2 to the power of `levels` fields. */
  const schema = (levels: number): string => {
    const types = ['{"type":"record","name":"L0","fields":[{"name":"a","type":"int"},{"name":"b","type":"int"}]}']
    for (let i = 1; i < levels; i++) {
      const inner = types[i - 1]
      types.push(
        `{"type":"record","name":"L${i}","fields":[{"name":"a","type":${inner}},{"name":"b","type":"L${i - 1}"}]}`,
      )
    }
    return types[types.length - 1]
  }

  it('are listed as far as one page has room, and others get their turn', async () => {
    const sandbox = await startSandbox({ sizes: { vessels: 1, payments: 1, customers: 1, orders: 1, corrupt: 1 } })
    const { server } = await startFixture(
      undefined,
      { environments: [{ name: 'demo', kafka: { brokers: sandbox.brokers }, registry: sandbox.registryUrl }] },
      { open: openEnvironment },
    )
    try {
      for (let i = 0; i < 12; i++) {
        sandbox.broker.createTopic(`wide${i}`)
        const made = await fetch(`${sandbox.registryUrl}/subjects/wide${i}-value/versions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ schema: schema(24) }),
        })
        assert.equal(made.status, 200)
      }
      const headers = { authorization: 'Bearer fixture-token-0123456789' }
      const list = async (query: string) =>
        (await (await fetch(`${server.url}/api/v1/datasets?${query}`, { headers })).json()) as {
          datasets: { values: { name: string; fields: { value: unknown[] } }[] }
        }
      const { datasets } = await list('pageSize=500&query=wide')
      const counts = datasets.values.map(({ fields }) => fields.value.length)
      assert.equal(counts.length, 12)
      assert.equal(
        counts.reduce((a, b) => a + b),
        50_000,
      )
      assert.ok(Math.max(...counts) <= 10_000)
      await list('pageSize=5&query=nowhere.to.be.found')
    } finally {
      await server.close(0)
      await sandbox.close()
    }
  })
})

describe('a registry that redirects', () => {
  let other: Server
  let first: Server
  const asked: string[] = []
  const urlOf = (of: Server): string => `http://127.0.0.1:${(of.address() as AddressInfo).port}`
  before(async () => {
    other = createServer((request, response) => {
      asked.push(request.headers.authorization ?? '')
      response.writeHead(200, { 'content-type': 'application/json' }).end('["seen-value"]')
    })
    first = createServer((request, response) => {
      response.writeHead(307, { location: urlOf(other) + request.url }).end()
    })
    for (const one of [other, first]) await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))
  })
  after(() => {
    for (const one of [other, first]) one.close()
  })

  it('is not followed by calls that are passed on, nor by queries: credentials go nowhere else', async () => {
    const config = { url: urlOf(first), username: 'u', password: 'p' }
    const { server } = await startFixture(
      undefined,
      { environments: [{ name: 'demo', kafka: { brokers: ['127.0.0.1:1'] }, registry: config }] },
      { open: openEnvironment },
    )
    try {
      const response = await fetch(`${server.url}/api/proxy-sr/subjects`, {
        headers: { authorization: 'Bearer fixture-token-0123456789' },
      })
      assert.equal(response.status, 502)
      assert.match(await response.text(), /redirects to another address/)
      const registry = createRegistry(config)
      await assert.rejects(registry.subjects(), /redirects to another address \(HTTP 307\)/)
      registry.close()
      assert.deepEqual(asked, [])
    } finally {
      await server.close(0)
    }
  })
})
