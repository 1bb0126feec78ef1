/**
 * Three servers on a real Kafka behind HAProxy: one service. Logins, queries, limits and objects are those of all of
 * them; a server that is stopped in order loses nobody's answer, one that is killed no more than that its clients ask
 * again.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { produce } from '../../src/kafka/admin/produce.ts'
import { createTopic } from '../../src/kafka/admin/topics.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { sharedCluster, topicName, withoutHaproxy } from './cluster.ts'
import { type Asked, ask, asksAgain, type Fleet, type FleetServer, rows, startFleet } from './several-servers-hands.ts'

const { kafka, skip } = await sharedCluster()
const CLIENTS = 200
const RECORDS = 3000
/** Attempts of a client; it waits for nothing between them. */
const TRIES = 100
const KEY = 'the-key-of-all-three-servers-0123456789'

describe('several servers behind a balancer', { skip: skip || withoutHaproxy, timeout: 180_000 }, () => {
  const topic = topicName('fleet')
  const state = topicName('state')
  const follow = `SELECT n FROM \`${topic}\``
  let fleet: Fleet
  let one: FleetServer
  let two: FleetServer
  let three: FleetServer
  let anna = ''
  let admin = ''
  const asked: Asked[] = []

  const config = `
environments:
  - {name: demo, kafka: {brokers: [${JSON.stringify(kafka.bootstrap)}]}, formats: {"${topic}": {value: JSON}}}
state: {topic: ${state}}
server: {session: {key: [${KEY}]}}
users:
  - {name: admin, password: admin, permissions: [{environments: ['*'], topics: ['*'], rights: [all]}]}
  - {name: anna, password: anna, permissions: [{environments: ['*'], topics: ['*']}], limits: {max.concurrent.queries: 1000}}
  - {name: few, password: few, permissions: [{environments: ['*'], topics: ['*']}], limits: {max.concurrent.queries: 3}}
limits: {shutdown.delay: 2s, shutdown.grace: 10s, server.workers: 1}
log: {level: warn}
`

  async function login(name: string, url = fleet.url): Promise<string> {
    const body = JSON.stringify({ user: name, password: name })
    const response = await fetch(`${url}/api/login`, { method: 'POST', body })
    assert.equal(response.status, 200)
    return await response.text()
  }
  const who = async (url: string, token: string): Promise<number> =>
    (await fetch(`${url}/api/auth`, { headers: { authorization: `Bearer ${token}` } })).status
  /** A query that runs until it is ended. */
  async function following(server: FleetServer, token: string): Promise<Asked> {
    const query = ask(server.url, token, follow, { follow: true })
    asked.push(query)
    await eventually('it runs', () => query.frames.some(({ type }) => type === 'METADATA'))
    return query
  }
  const shown = async (server: FleetServer, token: string, sql = 'SHOW ALL QUERIES') =>
    (await rows(server.url, token, sql)).filter((row) => row['sql'] === follow && row['status'] === 'Running')
  /** How often the balancer has said that a server went or came. */
  const count = async ({ name }: FleetServer, what: 'DOWN' | 'UP'): Promise<number> =>
    (await fleet.balancerOutput()).split(`Server sluice/${name} is ${what}`).length
  const nameOf = ({ url }: FleetServer): string => new URL(url).port

  before(async () => {
    const cluster = new Cluster({ brokers: [kafka.bootstrap] })
    await createTopic(cluster, { name: topic, partitions: 3, replication: 1, config: {} })
    const records = Array.from({ length: RECORDS }, (_, n) => ({
      key: Buffer.from(String(n)),
      value: Buffer.from(JSON.stringify({ n })),
    }))
    await produce(cluster, topic, records)
    cluster.close()
    fleet = await startFleet(config)
    ;[one, two, three] = fleet.servers
    ;[anna, admin] = await Promise.all([login('anna'), login('admin')])
  })
  after(async () => {
    for (const { socket } of asked) socket.terminate()
    await fleet.close()
  })

  it('a login at the balancer is good on all of them', async () => {
    for (const { url } of [fleet, one, two, three]) {
      assert.equal(await who(url, anna), 200)
      assert.equal(await who(url, anna.slice(0, -1)), 401)
      assert.deepEqual(await rows(url, anna, 'SELECT 1 AS n'), [{ n: 1 }])
    }
  })

  it('a logout on one ends the login on all, and what runs by it', async () => {
    const token = await login('anna', one.url)
    const query = await following(three, token)
    const headers = { authorization: `Bearer ${token}` }
    assert.equal((await fetch(`${two.url}/api/logout`, { headers })).status, 204)
    assert.match((await query.done).error ?? '', /the login was ended by a logout/)
    for (const { url } of [one, two, three]) await eventually('it is over', async () => (await who(url, token)) === 401)
    assert.equal(await who(one.url, anna), 200, 'another login of the same user goes on')
  })

  it('what is made on one is there on the others', async (t) => {
    await rows(one.url, admin, `CREATE VIEW seen AS SELECT COUNT(*) AS n FROM \`${topic}\``)
    const begun = performance.now()
    for (const { url } of [two, three])
      await eventually('it is seen', async () => (await ask(url, admin, 'SELECT n FROM seen').done).error === undefined)
    t.diagnostic(`seen, and asked, on the two others after ${(performance.now() - begun).toFixed(0)} ms`)
    assert.deepEqual(await rows(three.url, admin, 'SELECT n FROM seen'), [{ n: RECORDS }])
  })

  it('queries of one are shown and ended on another', async (t) => {
    const query = await following(two, anna)
    const begun = performance.now()
    await eventually('one shows it', async () => (await shown(one, admin)).length === 1)
    t.diagnostic(`shown on another server after ${(performance.now() - begun).toFixed(0)} ms`)
    const [row] = await shown(one, anna)
    assert.match(String(row['server']), new RegExp(`:${nameOf(two)}$`))
    assert.deepEqual(await shown(one, await login('few')), [])
    const list = await fetch(`${three.url}/api/v1/sql/queries`, { headers: { authorization: `Bearer ${anna}` } })
    await eventually('three has heard of it', async () => (await shown(three, anna)).length === 1)
    assert.equal(list.status, 200)
    await rows(three.url, anna, `KILL QUERY '${row['id']}'`)
    assert.match((await query.done).error ?? '', /The query was killed by "anna"/)
    await eventually('it is gone everywhere', async () => (await shown(one, admin, 'SHOW QUERIES')).length === 0)
  })

  it('queries of an account count on all of them', async () => {
    const few = await login('few')
    const queries = await Promise.all([one, two, three].map((server) => following(server, few)))
    for (const { url } of [one, two, three])
      await eventually('a fourth one is refused', async () => {
        const { error = '' } = await ask(url, few, 'SELECT 1 AS n').done
        return /Too many queries of "few" are running, 2 of them on other servers: .* is 3/.test(error)
      })
    queries[0].socket.terminate()
    await eventually(
      'there is a place',
      async () => (await ask(two.url, few, 'SELECT 1 AS n').done).error === undefined,
    )
    for (const { socket } of queries) socket.terminate()
  })

  it('a server that is stopped gets nothing new, and what runs on it goes on', async () => {
    const query = await following(two, anna)
    const before = { down: await count(two, 'DOWN'), up: await count(two, 'UP') }
    const stopped = two.stop()
    await eventually('the balancer knows it', async () => (await count(two, 'DOWN')) > before.down)
    const served = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const response = await fetch(`${fleet.url}/health/live`)
      served.add(/sluice_server=(\w+)/.exec(response.headers.get('set-cookie') ?? '')?.[1] ?? '')
    }
    assert.deepEqual([...served].sort(), ['one', 'three'])
    assert.deepEqual(await rows(fleet.url, anna, 'SELECT 1 AS n'), [{ n: 1 }])
    assert.equal(query.socket.readyState, query.socket.OPEN)
    query.socket.terminate()
    assert.equal(await stopped, 0)
    await two.start()
    await eventually('it is back', async () => (await count(two, 'UP')) > before.up)
  })

  /** All clients at once, over and over until the work is done: how often one had to ask again. */
  async function whileClientsAsk(work: () => Promise<unknown>): Promise<{ asked: number; again: number }> {
    const sql = `SELECT COUNT(*) AS n, SUM(n) AS s FROM \`${topic}\``
    const right = JSON.stringify([{ n: RECORDS, s: (RECORDS * (RECORDS - 1)) / 2 }])
    const figures = { asked: 0, again: 0 }
    let isDone = false
    const begun = eventually('half of the clients have their answers', () => figures.asked >= CLIENTS / 2)
    const ended = begun.then(work).finally(() => {
      isDone = true
    })
    ended.catch(() => undefined)
    const client = async (): Promise<void> => {
      for (let tries = 1; ; tries++) {
        const outcome = await ask(fleet.url, anna, sql).done
        figures.asked++
        if (outcome.error === undefined && outcome.isWhole) return assert.equal(JSON.stringify(outcome.rows), right)
        assert.ok(asksAgain(outcome) && tries < TRIES, JSON.stringify(outcome))
        figures.again++
      }
    }
    while (!isDone) await Promise.all(Array.from({ length: CLIENTS }, client))
    await ended
    await Promise.all(Array.from({ length: CLIENTS }, client))
    return figures
  }

  /** The balancer has seen a server go and come. */
  async function turns(server: FleetServer, how: () => Promise<unknown>): Promise<void> {
    const before = { down: await count(server, 'DOWN'), up: await count(server, 'UP') }
    await how()
    await eventually('the balancer knows that it went', async () => (await count(server, 'DOWN')) > before.down)
    await server.start()
    await eventually('the balancer knows that it came', async () => (await count(server, 'UP')) > before.up)
  }

  const say = (t: TestContext, { asked: all, again }: { asked: number; again: number }) =>
    t.diagnostic(`${CLIENTS} clients asked ${all} times, ${again} times once more`)

  it('all are started anew, one after the other: every client has its answer', async (t) => {
    const restart = async () => {
      for (const server of [one, two, three]) await turns(server, () => server.stop())
    }
    say(t, await whileClientsAsk(restart))
    for (const { url } of [one, two, three]) {
      assert.equal(await who(url, anna), 200, 'logins are still good')
      assert.deepEqual(await rows(url, admin, 'SELECT n FROM seen'), [{ n: RECORDS }])
    }
  })

  it('one is killed in the middle: its clients ask again, and have their answers', async (t) => {
    const query = await following(two, anna)
    say(t, await whileClientsAsk(() => turns(two, () => two.kill())))
    const outcome = await query.done
    assert.ok(asksAgain(outcome) && outcome.error === undefined, 'nobody takes what has come for the whole')
    await eventually('all know each other again', async () => {
      const texts = await Promise.all([one, two, three].map(async ({ url }) => (await fetch(`${url}/metrics`)).text()))
      return (await Promise.all(texts)).every((text) => /^sluice_servers 3$/m.test(text))
    })
    for (const server of fleet.servers) assert.doesNotMatch(await server.output(), /"level":50|query failed inside/)
  })
})
