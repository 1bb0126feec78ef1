/**
 * Two servers in processes of their own that share their state in a compacted topic of a real Kafka: what one makes is
 * seen on the other, of two changes one counts, all of it survives a restart of both; and what is said when the topic
 * goes away, or cannot serve.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { createTopic, deleteTopic } from '../../src/kafka/admin/topics.ts'
import { Cluster } from '../../src/kafka/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { type SluiceProcess, startSluice, TOKEN } from '../support/sluice-process.ts'
import { sharedCluster, topicName } from './cluster.ts'

const { kafka, skip } = await sharedCluster()
/** Attempts at making both servers change one thing at the same moment. */
const ROUNDS = 200

describe('state in a topic', { skip }, () => {
  const topic = topicName('state')
  let cluster: Cluster
  let servers: readonly SluiceProcess[] = []

  const args = (name: string): string[] => [
    '--brokers',
    kafka.bootstrap,
    '--environment',
    'demo',
    '--state-topic',
    name,
  ]
  const start = async (): Promise<void> => {
    servers = await Promise.all([startSluice(args(topic)), startSluice(args(topic))])
  }
  const stop = () => Promise.all(servers.map((server) => server.close()))
  const views = async (server: SluiceProcess): Promise<string> => {
    const rows = (await server.values('SHOW VIEWS')) as { name: string; statement: string }[]
    return rows.map(({ name, statement }) => `${name}: ${statement}`).join('\n')
  }
  const health = async ({ url }: SluiceProcess) =>
    (await (await fetch(`${url}/health`)).json()) as { status: string; stateTopic: string }

  before(async () => {
    cluster = new Cluster({ brokers: [kafka.bootstrap] })
    await start()
  })
  after(async () => {
    await stop()
    cluster.close()
  })

  it('is created compacted, and is no table', async () => {
    const { entries, compacted } = await cluster.topicConfig(topic)
    assert.equal(compacted, true)
    assert.equal(entries.find(({ name }) => name === 'cleanup.policy')?.value, 'compact')
    const [one] = servers
    const names = (await one.values('SHOW TABLES')).map((row) => (row as { name: string }).name)
    assert.equal(names.includes(topic), false)
    assert.match((await one.ask(`SELECT * FROM \`${topic}\``)).error ?? '', /[Uu]nknown table/)
    assert.notEqual((await one.ask(`DROP TABLE \`${topic}\``)).error, undefined)
    assert.notEqual((await one.ask(`INSERT INTO \`${topic}\` (_value) VALUES ('x')`)).error, undefined)
    assert.deepEqual((await health(one)).stateTopic, 'up')
  })

  it('what is made on one server is there on the other', async (t) => {
    const [one, two] = servers
    const took: number[] = []
    for (let i = 0; i < 10; i++) {
      await one.values(`CREATE VIEW seen${i} AS SELECT ${i} AS n FROM __dual`)
      const begun = performance.now()
      await eventually('the other server shows it', async () => (await views(two)).includes(`seen${i}:`))
      took.push(performance.now() - begun)
    }
    t.diagnostic(`from the answer on one server to SHOW VIEWS on the other: at most ${Math.max(...took).toFixed(0)} ms`)
    assert.deepEqual(await two.values('SELECT n FROM seen3'), [{ n: 3 }])
    await two.values('DROP VIEW seen0')
    await eventually('the first server shows that it is gone', async () => !(await views(one)).includes('seen0:'))
  })

  it('of two changes at the same time one counts on both, and the author of the other is told', async () => {
    let conflicts = 0
    for (let i = 0; i < ROUNDS && conflicts === 0; i++) {
      const answers = await Promise.all(
        servers.map((server, which) => server.ask(`CREATE VIEW both${i} AS SELECT ${which} AS n FROM __dual`)),
      )
      const errors = answers.flatMap(({ error }) => error ?? [])
      assert.equal(errors.length, 1, errors.join('\n'))
      if (/The view "both\d+" was changed from elsewhere at the same time/.test(errors[0])) conflicts++
      else assert.match(errors[0], /already exists/)
    }
    assert.equal(conflicts, 1)
    await eventually('both show the same', async () => (await views(servers[0])) === (await views(servers[1])))
  })

  it('REST calls that come too late are answered by 409', async () => {
    const name = topicName('described')
    await createTopic(cluster, { name, partitions: 1, replication: 1, config: {} })
    const describe = async ({ url }: SluiceProcess, description: string): Promise<readonly [number, string]> => {
      const response = await fetch(`${url}/api/v1/datasets/kafka/${name}/description`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ description }),
      })
      return [response.status, await response.text()]
    }
    let conflict: string | undefined
    for (let i = 0; i < ROUNDS && conflict === undefined; i++) {
      const answers = await Promise.all(servers.map((server, which) => describe(server, `${which} ${i}`)))
      for (const [status, text] of answers) if (status === 409) conflict = text
      assert.ok(
        answers.every(([status]) => status === 409 || status < 300),
        JSON.stringify(answers),
      )
      assert.ok(answers.some(([status]) => status < 300))
    }
    assert.match(conflict ?? '', /was changed from elsewhere at the same time/)
  })

  it('survives a restart of both, and can be exported', async () => {
    const before = await views(servers[0])
    await stop()
    await start()
    assert.equal(await views(servers[0]), before)
    assert.equal(await views(servers[1]), before)
    const main = join(import.meta.dirname, '../../src/cli/main.ts')
    const { stdout } = await promisify(execFile)(process.execPath, [main, 'state', 'export'], {
      env: {
        ...process.env,
        SLUICE_BROKERS: kafka.bootstrap,
        SLUICE_ENVIRONMENT: 'demo',
        SLUICE_STATE_TOPIC: topic,
        SLUICE_SERVICE_ACCOUNT: `acceptance:${TOKEN}`,
      },
    })
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; name: string })
      .flatMap(({ kind, name }) => (kind === 'view' ? [name] : []))
    assert.deepEqual(
      names,
      before.split('\n').map((line) => line.replace(/:.*/, '')),
    )
  })

  it('that is deleted leaves objects as they are, takes no change, and says so', async () => {
    const shown = await views(servers[0])
    await deleteTopic(cluster, topic)
    for (const server of servers) {
      await eventually('it is said', async () => (await health(server)).stateTopic === 'lost')
      assert.equal((await health(server)).status, 'degraded')
      assert.equal(await views(server), shown)
      assert.match((await server.ask('CREATE VIEW w AS SELECT 1 AS n FROM __dual')).error ?? '', /it was deleted/)
      assert.match(server.output(), /the state topic is lost/)
    }
  })

  it('that is not compacted is refused at the start', async () => {
    const name = topicName('state')
    await createTopic(cluster, { name, partitions: 1, replication: 1, config: { 'cleanup.policy': 'delete' } })
    await assert.rejects(startSluice(args(name)), /cleanup\.policy=delete: .* Set cleanup\.policy=compact/)
  })
})
