/**
 * Statements that change something, on the embedded broker and on a real Kafka with a real registry: what clients are
 * told, what lies in Kafka afterwards, and what becomes of the schemas. The same scenarios on both.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import type { QueryEnvironment } from '../../src/engine/host.ts'
import { runRequest } from '../../src/engine/request.ts'
import { Queries } from '../../src/engine/queries.ts'
import type { Right } from '../../src/plan/administration.ts'
import { startBroker } from '../../src/sandbox/broker.ts'
import { startRegistry } from '../../src/sandbox/schema-registry.ts'
import type { Account } from '../../src/server/access/auth.ts'
import type { Environment } from '../../src/server/environment.ts'
import { openEnvironment } from '../../src/server/open-environment.ts'
import { sharedCluster, topicName, withoutKcat } from './cluster.ts'
import { kafkaHand, kcatRead } from './kafka-hand.ts'

interface Place {
  readonly bootstrap: string
  readonly registryUrl: string
  close(): Promise<void>
}

async function sandbox(): Promise<Place> {
  const broker = await startBroker()
  const registry = await startRegistry()
  return {
    bootstrap: broker.bootstrap,
    registryUrl: registry.url,
    async close() {
      await broker.close()
      await registry.close()
    },
  }
}

const shared = await sharedCluster()
const ALL: readonly Right[] = ['read', 'insert', 'delete', 'create', 'drop']

interface Answer {
  /** `data.value` of each RECORD. */
  readonly values: unknown[]
  readonly error: string | undefined
}

function account(name: string, ...permissions: Account['permissions']): Account {
  return { name, kind: 'user', permissions }
}

const admin = account('admin', { effect: 'allow', environments: ['*'], topics: ['*'], rights: ALL })

function scenarios(title: string, open: () => Promise<Place>, skip: string | false): void {
  describe(`statements that change something, on ${title}`, { skip }, () => {
    let place: Place
    let environment: Environment
    const queries = new Queries()

    before(async () => {
      place = await open()
      environment = await openEnvironment({
        name: 'e2e',
        default: true,
        kafka: { brokers: [place.bootstrap] },
        registry: { url: place.registryUrl },
        formats: {},
      })
    })
    after(async () => {
      await environment.close()
      await place.close()
    })

    async function ask(sql: string, who: Account = admin): Promise<Answer> {
      const frames: string[] = []
      const view: QueryEnvironment = {
        ...environment.query(who),
        queries: { registry: queries, user: who.name, account: who.name, environment: 'e2e' },
      }
      const sink = { send: (frame: string) => void frames.push(frame), drained: () => undefined }
      await runRequest({ sql, live: false }, view, sink, new AbortController().signal)
      const parsed = frames.map((frame) => JSON.parse(frame) as { type: string; data: { value: unknown } & string })
      return {
        values: parsed.filter((f) => f.type === 'RECORD').map((f) => f.data.value),
        error: parsed.find((f) => f.type === 'ERROR')?.data,
      }
    }
    /** The values of statements that have to succeed. */
    async function good(sql: string, who?: Account): Promise<unknown[]> {
      const { values, error } = await ask(sql, who)
      assert.equal(error, undefined, sql)
      return values
    }
    const info = (text: string): unknown[] => [{ flag: true, info: text }]

    it('tells clients what they expect', async () => {
      const t = topicName('greetings')
      const create = `CREATE TABLE ${t}(_key string, _value string) FORMAT (string, string)`
      assert.deepEqual(await good(create), info(`Topic ${t} has been created`))
      assert.deepEqual(await ask(create), { values: [], error: `Kafka topic ${t} already exists` })
      assert.deepEqual(
        await good(`INSERT INTO ${t}(_key, _value) VALUES ('Hello', 'World')`),
        info('1 records inserted'),
      )
      assert.deepEqual(await good(`SELECT * FROM ${t} LIMIT 1`), ['World'])
      assert.deepEqual(await good(`DROP TABLE ${t}`), [true])
      assert.match((await ask(`SELECT * FROM ${t}`)).error ?? '', /Unknown table/)
      assert.deepEqual(await good(create), info(`Topic ${t} has been created`))
      assert.deepEqual(await good(`SELECT count(*) AS n FROM ${t}`), [{ n: 0 }])
      assert.deepEqual(await good(`DROP TABLE ${t}`), [true])
    })

    it('everything of Avro there and back, by the registry', async () => {
      const t = topicName('avro')
      await good(
        `CREATE TABLE ${t} (_key.id long, _key.part string, i int, l long, f float, d double, s text, b boolean, y bytes, u uuid, da date, ti time, ts timestamp, de decimal(30,5), a int[], n.x.y string NULL)
         FORMAT (Avro, Avro) PROPERTIES (partitions=3)`,
      )
      await good(
        `INSERT INTO ${t} (_key.id, _key.part, i, l, f, d, s, b, y, u, da, ti, ts, de, a, n.x.y) VALUES
         (9223372036854775807, 'p', -2147483648, -9223372036854775808, 0.5, 1e-300, 'ä€😀', true, 'hi', '0F8FAD5B-D9CB-469F-A165-70867728950E', '1969-12-31', '23:59:59.999', '2024-02-29T12:00:00.001Z',
          -1234567890123456789012345.00001, [1,-1], NULL)`,
      )
      const [row] = await good(`SELECT *, _key FROM ${t}`)
      assert.deepEqual(row, {
        i: -2147483648,
        l: Number(-9223372036854775808n),
        f: 0.5,
        d: 1e-300,
        s: 'ä€😀',
        b: true,
        y: 'aGk=',
        u: '0f8fad5b-d9cb-469f-a165-70867728950e',
        da: '1969-12-31',
        ti: '23:59:59.999',
        ts: '2024-02-29T12:00:00.001Z',
        de: Number('-1234567890123456789012345.00001'),
        a: [1, -1],
        n: { x: { y: null } },
        _key: { id: Number(9223372036854775807n), part: 'p' },
      })
      const exact = await good(`SELECT CAST(de AS string) AS de, CAST(l AS string) AS l FROM ${t}`)
      assert.deepEqual(exact, [{ de: '-1234567890123456789012345.00001', l: '-9223372036854775808' }])
      const registered = (await (await fetch(`${place.registryUrl}/subjects/${t}-value/versions/latest`)).json()) as {
        schema: string
      }
      const fields = (JSON.parse(registered.schema) as { fields: { name: string; type: unknown }[] }).fields
      // Plain types: the JDBC driver shows the type of a union as UNION.
      assert.equal(fields.find((f) => f.name === 'i')?.type, 'int')
      await good(`DROP TABLE ${t}`)
      assert.equal((await fetch(`${place.registryUrl}/subjects/${t}-value/versions`)).status, 404)
    })

    it('keys land where other producers put them', async () => {
      const t = topicName('keys')
      await good(`CREATE TABLE ${t}(_key string, _value int) FORMAT (string, int) PROPERTIES (partitions=7)`)
      const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`)
      await good(`INSERT INTO ${t}(_key, _value) VALUES ${keys.map((k, i) => `('${k}', ${i})`).join(', ')}`)
      // `_key = literal` reads the one partition that the default partitioner chooses.
      for (const [i, key] of keys.entries())
        assert.deepEqual(await good(`SELECT _value FROM ${t} WHERE _key = '${key}'`), [{ _value: i }])
      await good(`DROP TABLE ${t}`)
    })

    it('INSERT … SELECT of many records, in several batches', async () => {
      const [from, to] = [topicName('many'), topicName('many')]
      await good(
        `CREATE TABLE ${from}(_key int, id int, pad text) FORMAT (int, json); CREATE TABLE ${to}(_key int, id int, pad text) FORMAT (int, avro) PROPERTIES (partitions=2)`,
      )
      const pad = 'x'.repeat(2000)
      const rows = Array.from({ length: 300 }, (_, i) => `(${i}, ${i}, '${pad}')`).join(', ')
      for (let i = 0; i < 5; i++) await good(`INSERT INTO ${from}(_key, id, pad) VALUES ${rows}`)
      assert.deepEqual(await good(`INSERT INTO ${to} SELECT * FROM ${from}`), info('1500 records inserted'))
      assert.deepEqual(await good(`SELECT count(*) AS n, count(DISTINCT id) AS d, min(len(pad)) AS p FROM ${to}`), [
        { n: 1500, d: 300, p: 2000 },
      ])
      const stopped = await ask(`SET max.size = 1m; INSERT INTO ${to} SELECT * FROM ${from}`)
      assert.match(stopped.error ?? '', /stopped by max.size.*\d+ records were inserted before/s)
      await good(`DROP TABLE ${from}; DROP TABLE ${to}`)
    })

    it('TRUNCATE and DELETE, also of a compacted topic', async () => {
      const t = topicName('films')
      await good(
        `CREATE TABLE ${t}(_key int, name text, year int) FORMAT (int, avro) PROPERTIES (compacted=true, partitions=2, 'segment.ms'='100000')`,
      )
      await good(`INSERT INTO ${t}(_key, name, year) VALUES (1, 'a', 1968), (2, 'b', 1999), (3, 'c', 2018)`)
      assert.deepEqual(await good(`DELETE FROM ${t} WHERE _value.year = 1968`), info('1 records deleted'))
      assert.deepEqual(await good(`SELECT count(*) AS n FROM ${t}`), [{ n: 4 }])
      assert.match((await ask(`DELETE FROM ${t} WHERE _meta.offset <= 0`)).error ?? '', /is compacted/)
      await good(`TRUNCATE TABLE \`${t}\``)
      assert.deepEqual(await good(`SELECT count(*) AS n FROM ${t}`), [{ n: 0 }])
      const [{ statement }] = (await good(`SHOW CREATE TABLE ${t}`)) as { statement: string }[]
      assert.match(statement, /partitions = 2.*compacted = true.*'segment.ms' = '100000'/s)
      await good(`INSERT INTO ${t}(_key, name, year) VALUES (1, 'a', 1968)`)
      await good(`DROP TABLE ${t}`)
      const log = topicName('log')
      await good(`CREATE TABLE ${log}(_value string) FORMAT (string, string)`)
      await good(`INSERT INTO ${log}(_value) VALUES ('a'), ('b'), ('c'), ('d')`)
      assert.deepEqual(await good(`DELETE FROM ${log} WHERE _meta.offset <= 1`), info('2 records deleted'))
      assert.deepEqual(await good(`SELECT * FROM ${log}`), ['c', 'd'])
      await good(`TRUNCATE TABLE ${log}`)
      assert.deepEqual(await good(`SELECT * FROM ${log}`), [])
      await good(`DROP TABLE ${log}`)
    })

    it('Kafka and the registry refuse: the reason arrives, nothing is left behind', async () => {
      const t = topicName('refused')
      assert.match(
        (await ask(`CREATE TABLE ${t}(a int) FORMAT (string, avro) PROPERTIES (replication=9)`)).error ?? '',
        /INVALID_REPLICATION_FACTOR/,
      )
      assert.equal((await fetch(`${place.registryUrl}/subjects/${t}-value/versions`)).status, 404)
      await good(`CREATE TABLE ${t}(_value string) FORMAT (string, string) PROPERTIES ('max.message.bytes'='1000')`)
      const { error } = await ask(`INSERT INTO ${t}(_value) VALUES ('${'x'.repeat(2000)}')`)
      assert.match(error ?? '', /Row 1 was not written.*MESSAGE_TOO_LARGE/)
      await good(`DROP TABLE ${t}`)
    })

    it('an account does what its rights say', async () => {
      const [t, hidden] = [topicName('shown'), topicName('hidden')]
      await good(
        `CREATE TABLE ${t}(_value string) FORMAT (string, string); CREATE TABLE ${hidden}(_value string) FORMAT (string, string)`,
      )
      await good(`CREATE SYNONYM syn_${t} FOR ${t}; CREATE SYNONYM syn_${hidden} FOR ${hidden}`)
      const reader = account(
        'reader',
        { effect: 'allow', environments: ['*'], topics: ['*'] },
        { effect: 'deny', environments: ['*'], topics: ['hidden*'] },
      )
      for (const sql of [
        `INSERT INTO ${t}(_value) VALUES ('x')`,
        `TRUNCATE TABLE ${t}`,
        `DROP TABLE ${t}`,
        `DELETE FROM ${t} WHERE _value = 'x'`,
        `CREATE TABLE x${t}(_value string) FORMAT (string, string)`,
        `CREATE SYNONYM x${t} FOR ${t}`,
      ])
        assert.match((await ask(sql, reader)).error ?? '', /^The account "reader" may not/, sql)
      for (const sql of [
        `INSERT INTO ${hidden}(_value) VALUES ('x')`,
        `TRUNCATE TABLE ${hidden}`,
        `DROP TABLE ${hidden}`,
        `SELECT * FROM syn_${hidden}`,
      ])
        assert.match((await ask(sql, reader)).error ?? '', /^Unknown table/, sql)
      assert.deepEqual(
        (await good('SHOW SYNONYMS', reader)).filter((s) => JSON.stringify(s).includes(hidden)),
        [],
      )
      assert.deepEqual(await good(`SELECT * FROM syn_${t}`, reader), [])
      const writer = account(
        'writer',
        { effect: 'allow', environments: ['*'], topics: ['*'], rights: ['insert'] },
        { effect: 'deny', environments: ['*'], topics: ['hidden*'], rights: ['insert'] },
      )
      await good(`INSERT INTO ${t}(_value) VALUES ('x')`, writer)
      assert.match((await ask(`INSERT INTO ${hidden}(_value) VALUES ('x')`, writer)).error ?? '', /may not insert/)
      assert.deepEqual(await good(`SELECT * FROM ${hidden}`, writer), [])
      await good(`DROP SYNONYM syn_${t}; DROP SYNONYM syn_${hidden}; DROP TABLE ${t}; DROP TABLE ${hidden}`)
    })

    it('queries are shown and killed', async () => {
      const t = topicName('slow')
      await good(`CREATE TABLE ${t}(_value string) FORMAT (string, string)`)
      await good(`INSERT INTO ${t}(_value) VALUES ${Array.from({ length: 5000 }, (_, i) => `('${i}')`).join(', ')}`)
      let release: (() => void) | undefined
      const frames: string[] = []
      // A reader that is behind for ever: the query waits until somebody ends it.
      const sink = {
        send: (frame: string) => void frames.push(frame),
        drained: () => new Promise<void>((resolve) => (release = resolve)),
      }
      const running = runRequest(
        { sql: `SELECT * FROM ${t}`, live: false },
        {
          ...environment.query(admin),
          queries: { registry: queries, user: 'somebody', account: 'somebody', environment: 'e2e' },
        },
        sink,
        new AbortController().signal,
      )
      while (release === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
      const shown = (await good('SHOW QUERIES')) as { id: string; sql: string; user: string; status: string }[]
      const query = shown.find((q) => q.user === 'somebody')
      assert.equal(query?.sql, `SELECT * FROM ${t}`)
      const other = account('other', { effect: 'allow', environments: ['*'], topics: ['*'] })
      assert.deepEqual(
        ((await good('SHOW QUERIES', other)) as { user: string }[]).map((q) => q.user),
        ['other'],
      )
      assert.match((await ask(`KILL QUERY '${query?.id}'`, other)).error ?? '', /No query with the id/)
      await good(`KILL QUERY '${query?.id}'`)
      assert.equal((await running).outcome, 'error')
      assert.match(frames.at(-1) ?? '', /The query was killed by \\"admin\\"/)
      const past = (await good('SHOW ALL QUERIES')) as { id: string; status: string; message: string | null }[]
      assert.equal(past.find((q) => q.id === query?.id)?.status, 'Killed')
      await good(`DROP TABLE ${t}`)
    })
  })
}

scenarios('the embedded broker', sandbox, false)
scenarios(
  'a real Kafka',
  async () => ({ bootstrap: shared.kafka.bootstrap, registryUrl: shared.registry.url, close: async () => undefined }),
  shared.skip,
)

describe('writing over SASL and TLS', { skip: shared.skip }, () => {
  it('a topic is made, written, truncated and dropped', async () => {
    const { saslSslBootstrap, caFile, users } = shared.kafka
    const sasl = { mechanism: 'SCRAM-SHA-512', username: users[0].name, password: users[0].password } as const
    const kafka = { brokers: [saslSslBootstrap], tls: { ca: readFileSync(caFile) }, sasl }
    const environment = await openEnvironment({
      name: 'e2e',
      default: true,
      kafka,
      registry: { url: shared.registry.url },
      formats: {},
    })
    const t = topicName('secure')
    const frames: string[] = []
    const sql = `CREATE TABLE ${t}(_key string, a int) FORMAT (string, avro); INSERT INTO ${t}(_key, a) VALUES ('k', 1); SELECT * FROM ${t}; TRUNCATE TABLE ${t}; DROP TABLE ${t}`
    const summary = await runRequest(
      { sql, live: false },
      environment.query(admin),
      { send: (f) => void frames.push(f), drained: () => undefined },
      new AbortController().signal,
    )
    await environment.close()
    assert.equal(summary.error, undefined)
    assert.ok(frames.some((f) => f.includes('"value":{"a":1}')))
  })
})

describe('what other clients see of it', { skip: shared.skip || withoutKcat }, () => {
  it('librdkafka reads keys, values, headers and tombstones; the Java client puts keys into the same partitions', async () => {
    const { bootstrap } = shared.kafka
    const environment = await openEnvironment({
      name: 'e2e',
      default: true,
      kafka: { brokers: [bootstrap] },
      formats: {},
    })
    const [ours, theirs] = [topicName('ours'), topicName('theirs')]
    const keys = Array.from({ length: 30 }, (_, i) => `key-${i}-${'ä'.repeat(i % 7)}`)
    const rows = keys.map((key, i) => `('${key}', 'v${i}', 'h${i}')`).join(', ')
    const sql = [ours, theirs]
      .map((t) => `CREATE TABLE ${t}(_key string, _value string) FORMAT (string, string) PROPERTIES (partitions = 11)`)
      .join('; ')
    const ask = async (text: string) => {
      const summary = await runRequest(
        { sql: text, live: false },
        environment.query(admin),
        { send: () => undefined, drained: () => undefined },
        new AbortController().signal,
      )
      assert.equal(summary.error, undefined, text)
    }
    await ask(
      `${sql}; INSERT INTO ${ours}(_key, _value, _headers.trace) VALUES ${rows}; INSERT INTO ${ours}(_key, _value) VALUES ('key-0-', NULL)`,
    )
    const hand = await kafkaHand(bootstrap)
    const acknowledged = await hand.produce(
      theirs,
      keys.map((key) => ({ key, value: 'x' })),
    )
    const read = await kcatRead(bootstrap, ours, ['-X', 'check.crcs=true'])
    for (const [i, key] of keys.entries()) {
      const found = read.find((r) => r.key === key && r.payload === `v${i}`)
      assert.deepEqual([found?.partition, found?.headers], [acknowledged[i][0], ['trace', `h${i}`]], key)
    }
    assert.equal(read.filter((r) => r.key === 'key-0-' && r.payload === null).length, 1)
    await ask(`DROP TABLE ${ours}; DROP TABLE ${theirs}`)
    await hand.close()
    await environment.close()
  })
})
