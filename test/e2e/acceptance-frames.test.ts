/**
 * What comes over the socket of a running server on real Kafka: order and shapes of frames, exact digits, bad records,
 * live aggregations, several statements, many queries at once, and inputs made to break it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { encodeAvro, framed } from '../support/avro-encode.ts'
import { type Frame, type SluiceProcess, startSluice, TOKEN } from '../support/sluice-process.ts'
import { registerSchema, sharedCluster, topicName } from './cluster.ts'
import { type HandRecord, kafkaHand, type KafkaHand } from './kafka-hand.ts'

const cluster = await sharedCluster()
const types = (frames: readonly Frame[]): string => frames.map(({ type }) => type).join(' ')
/** Without HEARTBEATs, which may come in any silence. */
const spoken = (frames: readonly Frame[]): Frame[] => frames.filter(({ type }) => type !== 'HEARTBEAT')
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

describe('frames', { skip: cluster.skip }, () => {
  let hand: KafkaHand
  let sluice: SluiceProcess
  /** 60,000 JSON payments in two partitions. */
  const payments = topicName('frames-payments')
  const currencies = ['EUR', 'USD', 'NOR', 'GBP', 'SEK']

  before(async () => {
    const args = ['--brokers', cluster.kafka.bootstrap, '--registry', cluster.registry.url, '--environment', 'demo']
    ;[hand, sluice] = await Promise.all([
      kafkaHand(cluster.kafka.bootstrap),
      startSluice([
        ...args,
        '--limit',
        'server.heartbeat.interval=100',
        '--limit',
        'max.concurrent.queries.per.user=0',
        '--limit',
        'server.max.message.bytes=256k',
      ]),
    ])
    await hand.create(payments, { partitions: 2 })
    for (let round = 0; round < 3; round++) {
      const records = Array.from({ length: 20_000 }, (_, i) => ({
        key: `m${i % 100}`,
        value: JSON.stringify({
          id: round * 20_000 + i,
          currency: currencies[i % 5],
          amount: (i % 1000) / 4,
          merchant: `merchant ${i % 100}`,
        }),
        partition: i % 2,
      }))
      await hand.produce(payments, records)
    }
  })
  after(async () => {
    await sluice?.close()
    await hand?.close()
  })

  it('METADATA, RECORDs, SENTINEL, the last STATS, END, close 1000', async () => {
    const {
      frames: all,
      code,
      stats,
    } = await sluice.ask(`SET max.size = '1k'; SELECT * FROM ${payments}`, { stats: 2, environment: 'demo' })
    const frames = spoken(all)
    assert.match(types(frames), /^METADATA RECORD (RECORD |STATS )+SENTINEL STATS END$/)
    assert.equal(code, 1000)
    assert.deepEqual(frames[0].data, { fields: ['offset', 'partition', 'timestamp', '__keysize', '__valuesize'] })
    assert.equal(frames.at(-1)?.text, '{"type":"END","rowId":null,"statementIndex":null}')
    const [record] = frames.filter(({ type }) => type === 'RECORD')
    assert.deepEqual(Object.keys(record), ['type', 'data', 'rowId', 'statementIndex', 'text', 'atMs'])
    assert.deepEqual(Object.keys(record.data as object), ['key', 'value', 'metadata', 'rownum'])
    assert.match(record.rowId ?? '', UUID)
    const sentinel = frames.find(({ type }) => type === 'SENTINEL')?.data as {
      event: string
      reason: Record<string, unknown>
    }
    assert.deepEqual(Object.keys(sentinel), ['event', 'reason'])
    assert.match(String(sentinel.reason.sourceId), UUID)
    // STATS: the fields of the specification, offsets inclusive.
    assert.ok(stats !== undefined)
    const names = [
      'id',
      'bytesRead',
      'sources',
      'sourceConfigs',
      'sourcesStats',
      'badRecordsTotal',
      'recordsSkipped',
      'results',
      'recordsScanned',
      'duration',
      'startedAt',
    ]
    assert.deepEqual(Object.keys(stats), names)
    const [source, topic] = Object.entries(stats.sources as Record<string, string>)[0]
    assert.equal(topic, payments)
    assert.equal(sentinel.reason.sourceId, source)
    const config = (stats.sourceConfigs as Record<string, Record<string, unknown>>)[source]
    for (const name of [
      'live.aggs',
      'max.idle.time',
      'format.timestamp',
      'show.bad.records',
      'kafka.offset.timeout',
      'max.query.time',
      'max.size',
    ])
      assert.ok(name in config, name)
    assert.deepEqual(
      [config['max.size'], config['max.idle.time'], config['max.query.time'], config['kafka.offset.timeout']],
      [1024, 20_000, 3_600_000, 10_000],
    )
    const partition = (stats.sourcesStats as Record<string, Record<string, Record<string, number>>>)[source]['0']
    assert.deepEqual(Object.keys(partition), ['begin', 'offsetBound', 'bytesRead', 'recordsScanned', 'end'])
    assert.deepEqual([partition.begin, partition.offsetBound], [0, 29_999])

    const whole = await sluice.ask(`SELECT count(*), currency FROM ${payments} GROUP BY currency`, { stats: 2 })
    assert.deepEqual([whole.stats?.recordsScanned, whole.stats?.results, whole.stats?.badRecordsTotal], [60_000, 5, 0])
    assert.deepEqual(Object.keys(whole.frames.find(({ type }) => type === 'RECORD')?.data as object), [
      'value',
      'rownum',
    ])
  })

  it('STATS are not sent more often than the floor allows; none without being asked for', async () => {
    const asked = await sluice.ask(
      `SET fetch.max.bytes = '2k'; SELECT count(*) FROM ${payments} WHERE merchant LIKE '%x%'`,
      { stats: 1 },
    )
    const times = asked.frames.filter(({ type }) => type === 'STATS').map(({ atMs }) => atMs)
    assert.ok(times.length >= 1)
    // The last one comes when it comes; arrival times are a little off.
    for (const [i, at] of times.slice(1, -1).entries()) assert.ok(at - times[i] > 150, `${times}`)
    assert.ok(!types((await sluice.ask(`SELECT * FROM ${payments} LIMIT 10`)).frames).includes('STATS'))
  })

  it('HEARTBEAT in silence, without data, and not while rows flow', async () => {
    // However fast the machine is: so many pairs take longer than the time given.
    const silent = await sluice.ask(
      `SET max.query.time = 1s; SELECT count(*) AS n FROM ${payments} AS a CROSS JOIN ${payments} AS b WHERE a.id + b.id < 0`,
    )
    const beats = silent.frames.filter(({ type }) => type === 'HEARTBEAT')
    assert.ok(beats.length > 0, types(silent.frames))
    for (const { text } of beats) assert.doesNotMatch(text, /"data":[^n]/)
    // Each comes after 100 ms of silence at least; how much silence there is while rows flow depends on the machine.
    const flowing = await sluice.ask(`SELECT * FROM ${payments} LIMIT 60000`)
    for (const { frames } of [silent, flowing]) {
      const lasted = (frames.at(-1)?.atMs ?? 0) + 100
      assert.ok(frames.filter(({ type }) => type === 'HEARTBEAT').length <= lasted / 100, types(frames))
    }
  })

  it('a row over 1 MiB: where clients refuse such frames a BADRECORD with its place and size, elsewhere a row', async () => {
    const t = topicName('frames-large')
    await hand.create(t, { config: { 'max.message.bytes': '8000000' } })
    const settings = { 'max.request.size': '8000000', 'batch.size': '0' }
    await hand.produce(t, [{ value: '{"a":"small"}' }, { value: JSON.stringify({ a: 'x'.repeat(1_100_000), b: 1 }) }], {
      settings,
    })
    const environment = 'demo'
    const { frames, error, code } = await sluice.ask(`SELECT * FROM ${t}`, { environment })
    assert.deepEqual([types(spoken(frames)), error, code], ['METADATA RECORD BADRECORD END', undefined, 1000])
    const { metadata } = (JSON.parse(spoken(frames)[2].text) as { data: { metadata: Record<string, unknown> } }).data
    assert.deepEqual([metadata.partition, metadata.offset, metadata.limit], [0, 1, 'server.max.frame.bytes'])
    assert.ok(Number(metadata.frameBytes) > 1_100_000)
    const whole = await sluice.ask(`SELECT * FROM ${t}`)
    assert.equal(types(spoken(whole.frames)), 'METADATA RECORD RECORD END')
    assert.deepEqual(await sluice.values(`SELECT b FROM ${t} WHERE b = 1`), [{ b: 1 }])
    assert.deepEqual(await sluice.values(`SELECT LEN(a) AS n FROM ${t}`), [{ n: 5 }, { n: 1_100_000 }])
    // Just below the limit it is a frame.
    await hand.produce(t, [{ value: JSON.stringify({ a: 'y'.repeat(1_048_000) }) }], { settings })
    const most = await sluice.ask(`SELECT * FROM ${t} WHERE _meta.offset = 2`, { environment })
    assert.equal(types(spoken(most.frames)), 'METADATA RECORD END')
    assert.ok(Buffer.byteLength(spoken(most.frames)[1].text) < 1_048_576)
  })

  it('whole numbers keep their digits: JSON, LONG, Avro, sums', async () => {
    const t = topicName('frames-digits')
    await hand.create(t)
    const key = Buffer.alloc(8)
    key.writeBigInt64BE(1_491_318_144_456_507_320n)
    await hand.produce(t, [
      { key, value: '{"n":9007199254740993,"d":{"m":-9223372036854775808},"a":[9223372036854775807]}' },
    ])
    const text = spoken((await sluice.ask(`SELECT *, _key AS k FROM ${t}`)).frames)[1].text
    for (const digits of [
      '"n":9007199254740993',
      '"m":-9223372036854775808',
      '[9223372036854775807]',
      '"k":1491318144456507320',
    ])
      assert.ok(text.includes(digits), text)
    assert.ok(spoken((await sluice.ask(`SELECT n + 1 AS n FROM ${t}`)).frames)[1].text.includes('"n":9007199254740994'))
    assert.equal((await sluice.values(`SELECT n FROM ${t} WHERE n = 9007199254740993`)).length, 1)
    assert.equal((await sluice.values(`SELECT n FROM ${t} WHERE n = 9007199254740992`)).length, 0)
    assert.equal((await sluice.values(`SELECT n FROM ${t} WHERE _key = 1491318144456507320`)).length, 1)
    assert.equal((await sluice.values(`SELECT n FROM ${t} WHERE _key = 1491318144456507321`)).length, 0)
  })

  it('records that cannot be read: BADRECORD, a count, and the rest', async () => {
    const t = topicName('frames-bad')
    await hand.create(t)
    const schema = JSON.stringify({
      type: 'record',
      name: 'R',
      fields: [
        { name: 'id', type: 'long' },
        { name: 'note', type: ['null', 'string'] },
      ],
    })
    const id = await registerSchema(cluster.registry.url, `${t}-value`, schema)
    const good = (n: number) => framed(id, encodeAvro(schema, { id: n, note: `note ${n}` }))
    const records: HandRecord[] = [
      { value: good(1) },
      { value: 'not avro at all' },
      { value: good(2).subarray(0, 8) },
      { value: null },
      { value: Buffer.concat([Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]), Buffer.from('unknown id')]) },
      { value: Buffer.alloc(0) },
      { value: good(3) },
    ]
    await hand.produce(t, records)
    const { frames, stats, error } = await sluice.ask(`SELECT id, note FROM ${t}`, { stats: 1000 })
    assert.equal(error, undefined)
    assert.deepEqual(
      frames.filter(({ type }) => type === 'RECORD').map(({ data }) => (data as { value: unknown }).value),
      [
        { id: 1, note: 'note 1' },
        { id: null, note: null },
        { id: 3, note: 'note 3' },
      ],
    )
    const bad = frames
      .filter(({ type }) => type === 'BADRECORD')
      .map(({ data }) => (data as { metadata: Record<string, unknown> }).metadata)
    assert.deepEqual(
      bad.map(({ offset }) => offset),
      [1, 2, 4, 5],
    )
    for (const metadata of bad) {
      assert.deepEqual(Object.keys(metadata).sort(), ['offset', 'partition', 'sourceId', 'table', 'timestamp'])
      assert.equal(metadata.table, t)
      assert.equal(typeof metadata.timestamp, 'number')
      assert.match(String(metadata.sourceId), UUID)
    }
    assert.equal(stats?.badRecordsTotal, 4)
    assert.ok(
      !types((await sluice.ask(`SET show.bad.records = false; SELECT id, note FROM ${t}`)).frames).includes(
        'BADRECORD',
      ),
    )
    assert.match(
      (await sluice.ask(`SET skip.bad.records = false; SELECT id, note FROM ${t}`)).error ?? '',
      /offset 1 of partition 0/,
    )
  })

  it('live: rows of an aggregation are replaced by rowId, and end in the right state', async () => {
    const state = async (sql: string) => {
      const { frames, error } = await sluice.ask(sql, { live: true })
      assert.equal(error, undefined)
      const rows = new Map<string, unknown>()
      const versions = frames.filter(({ type }) => type === 'RECORD')
      for (const { rowId, data } of versions) rows.set(String(rowId), (data as { value: unknown }).value)
      return { rows: [...rows.values()] as Record<string, unknown>[], versions: versions.length }
    }
    const slow = `SET fetch.max.bytes = '1k'; `
    const terms = (n: number) =>
      Array.from({ length: n }, (_, i) => `SIZEOF(REGEX_MATCHES(merchant, '(m|e)+.*${i}')) >= 0`).join(' AND ')
    const query = (n: number) =>
      `SELECT currency, count(*) AS n, sum(amount) AS s FROM ${payments} WHERE ${terms(n)} GROUP BY currency`
    const still = await sluice.values(
      `SELECT currency, count(*) AS n, sum(amount) AS s FROM ${payments} GROUP BY currency`,
    )
    const sorted = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).sort()
    // A machine that is done before the first look at the groups gets more to do.
    for (let n = 30, versions = 0; versions <= still.length; n *= 2) {
      assert.ok(n <= 960, `${versions} versions of ${still.length} rows`)
      const live = await state(slow + query(n))
      assert.deepEqual(sorted(live.rows), sorted(still))
      versions = live.versions
    }
    const having = await state(
      `${slow}SELECT merchant, count(*) AS n FROM ${payments} GROUP BY merchant HAVING count(*) >= 600 LIMIT 7`,
    )
    assert.equal(having.rows.length, 7)
    for (const row of having.rows) assert.equal(row.n, 600)
    // Without an aggregation it changes nothing.
    assert.equal((await sluice.ask(`SELECT * FROM ${payments} LIMIT 5`, { live: true })).values.length, 5)
  })

  it('several statements, their index, SET for this request alone, comments', async () => {
    const sql = `-- first\nSET max.size = '1g'; /* two; */ SELECT 1 AS a; SELECT id FROM ${payments} LIMIT 2; -- end`
    const { frames } = await sluice.ask(sql)
    const records = frames.filter(({ type }) => type === 'RECORD')
    assert.deepEqual(
      records.map(({ statementIndex }) => statementIndex),
      [1, 2, 2],
    )
    assert.equal(types(spoken(frames)), 'METADATA RECORD METADATA RECORD RECORD END')
    const next = await sluice.ask(`SELECT id FROM ${payments} LIMIT 1`, { stats: 1000 })
    assert.equal(
      Object.values(next.stats?.sourceConfigs as Record<string, Record<string, unknown>>)[0]['max.size'],
      209_715_200,
    )
    // The first statement that fails ends the request.
    const failed = await sluice.ask(`SELECT 1; SELECT a FROM nowhere; SELECT 2`)
    assert.equal(types(spoken(failed.frames)), 'METADATA RECORD ERROR END')
  })

  it('a hundred queries at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        sluice.ask(
          i % 2 === 0
            ? `SELECT currency, count(*) AS n FROM ${payments} GROUP BY currency`
            : `SELECT id FROM ${payments} WHERE id % 1000 = ${i} LIMIT 500`,
        ),
      ),
    )
    for (const [i, { error, values, code }] of answers.entries()) {
      assert.equal(error, undefined)
      assert.equal(code, 1000)
      assert.equal(values.length, i % 2 === 0 ? 5 : 60)
    }
  })

  it('inputs made to break it: the server answers others all the while', async () => {
    let seed = 20_260_101
    const random = (n: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return seed % n
    }
    const t = topicName('frames-garbage')
    await hand.create(t)
    const bytes = () => Buffer.from(Array.from({ length: random(60) }, () => random(256)))
    await hand.produce(
      t,
      Array.from({ length: 300 }, (_, i) => ({
        key: i % 5 === 0 ? null : bytes(),
        value: i % 7 === 0 ? null : i % 3 === 0 ? `{"a":${'[{"b":'.repeat(random(40))}` : bytes(),
      })),
    )
    const words = [
      'SELECT',
      '*',
      'FROM',
      t,
      payments,
      'WHERE',
      '(',
      ')',
      'a',
      '=',
      "'",
      '"',
      '`',
      ',',
      'GROUP BY',
      'LIMIT',
      '1',
      '-',
      'NULL',
      'CAST(',
      'AS',
      'count(*)',
      'JOIN',
      'ON',
      '[',
      ']',
      ';',
      '--',
      '/*',
      '\u0000',
      '💥',
      'SET',
      'max.size',
      'ORDER BY',
      'CASE',
      'WHEN',
      'END',
      '_meta.offset',
      '_key',
      'UNION',
    ]
    const statement = () => Array.from({ length: random(25) }, () => words[random(words.length)]).join(' ')
    const raw = (send: (socket: WebSocket) => void) =>
      new Promise<number>((resolve, reject) => {
        const socket = new WebSocket(`${sluice.url.replace('http', 'ws')}/api/ws/v2/sql/execute`, {
          headers: { authorization: `Bearer ${TOKEN}` },
        })
        const timer = setTimeout(() => reject(new Error('no end after 120 s')), 120_000)
        socket.on('open', () => send(socket))
        socket.on('error', () => undefined)
        socket.on('close', (code) => {
          clearTimeout(timer)
          resolve(code)
        })
      })
    const tasks: (() => Promise<unknown>)[] = []
    for (let i = 0; i < 150; i++) tasks.push(() => sluice.ask(`SET max.size = '1m'; ${statement()}`))
    for (let i = 0; i < 60; i++)
      tasks.push(() =>
        sluice.ask(
          `${random(2) === 0 ? 'SELECT *' : 'SELECT a, _key, count(*)'} FROM ${t} ${random(2) === 0 ? '' : 'WHERE a.b IS NULL'} LIMIT 50`,
        ),
      )
    for (let i = 0; i < 40; i++)
      tasks.push(() => raw((socket) => socket.send(random(2) === 0 ? bytes() : bytes().toString('latin1'))))
    for (const text of [
      'null',
      '[]',
      '"x"',
      '{"sql":1}',
      '{"sql":"SELECT 1","stats":"x"}',
      '{"sql":"SELECT 1","live":5}',
      `{"sql":"${'x'.repeat(300_000)}"}`,
      '{"__proto__":{"sql":"SELECT 1"}}',
    ])
      tasks.push(() => raw((socket) => socket.send(text)))
    tasks.push(() => raw((socket) => socket.terminate()))
    tasks.push(() =>
      raw((socket) => {
        socket.send(JSON.stringify({ sql: `SELECT * FROM ${payments} LIMIT 60000` }))
        setTimeout(() => socket.terminate(), 20)
      }),
    )
    const wait = [...tasks]
    const others: Promise<void> = (async () => {
      while (wait.length > 0)
        assert.deepEqual(await sluice.values(`SELECT count(*) AS c FROM ${payments}`), [{ c: 60_000 }])
    })()
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let task = wait.shift(); task !== undefined; task = wait.shift()) await task()
      }),
    )
    await others
    assert.doesNotMatch(sluice.output(), /Internal error|"level":"(error|fatal)"|"level":(50|60)/)
  })
})
