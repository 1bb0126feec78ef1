/**
 * A server on a broker with more topics and partitions than lists show at once: what is asked of the broker, and how
 * large answers get. Nothing is timed.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'
import { BatchWriter } from '../../../src/sandbox/log/batch-writer.ts'
import { readConfig } from '../../../src/server/config/config.ts'
import { createLog } from '../../../src/server/log.ts'
import { openEnvironment } from '../../../src/server/open-environment.ts'
import { type RunningServer, startServer } from '../../../src/server/start.ts'
import { MAX_EXAMINED } from '../../../src/server/rest/topics/dataset-list.ts'
import { RANGES_SHOWN } from '../../../src/engine/explain.ts'
import { STATS_PARTITIONS } from '../../../src/engine/statistics.ts'
import { RESUME_RANGES } from '../../../src/engine/scan/ending/unread.ts'
import { BEARER, converse, DEMO_PATH, TOKEN } from '../server/fixture.ts'

const NARROW = 'narrow-token-0123456789'
const TOPICS = MAX_EXAMINED + 1
const PARTITIONS = 2 * STATS_PARTITIONS + 500
const RECORDS = 5
/** What every client takes as one message. */
const FRAME_BYTES = 1024 * 1024 - 1
const name = (i: number): string => `team.topic-${String(i).padStart(5, '0')}`

let broker: Broker
let server: RunningServer

before(async () => {
  broker = await startBroker()
  for (let i = 0; i < TOPICS; i++) broker.createTopic(name(i))
  broker.createTopic('wide', { partitions: PARTITIONS })
  const writer = new BatchWriter()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (let n = 0; n < RECORDS; n++) {
      const value = Buffer.from(JSON.stringify({ n: partition * RECORDS + n }))
      writer.add(1_700_000_000_000 + n, null, { buffer: value, length: value.length })
    }
    broker.append('wide', partition, writer.finish())
  }
  const config = await readConfig({
    server: { port: 0 },
    environments: [{ name: 'demo', kafka: { brokers: [broker.bootstrap] } }],
    serviceAccounts: [
      { name: 'ci', token: TOKEN, permissions: [{ environments: ['*'], topics: ['*'] }] },
      { name: 'narrow', token: NARROW, permissions: [{ environments: ['*'], topics: [name(7), '*-00008'] }] },
    ],
  })
  server = await startServer(config, { log: createLog('silent'), open: openEnvironment })
})
after(async () => {
  await server.close(0)
  await broker.close()
})

/** Requests of that kind that the broker had while something ran. */
async function counted<T>(api: string, work: () => Promise<T>): Promise<[T, number]> {
  const asked = (): number => broker.stats.requests.get(api) ?? 0
  const first = asked()
  return [await work(), asked() - first]
}

async function rows(sql: string, token = TOKEN): Promise<readonly Record<string, unknown>[]> {
  const { frames } = await converse(server, DEMO_PATH, JSON.stringify({ sql }), { authorization: `Bearer ${token}` })
  const error = frames.find((frame) => frame.type === 'ERROR')
  if (error !== undefined) throw new Error(String(error.data))
  return frames.flatMap((f) => (f.type === 'RECORD' ? [(f.data as { value: Record<string, unknown> }).value] : []))
}

async function rest<T>(path: string, body?: object): Promise<{ readonly status: number; readonly json: T }> {
  const answer = await fetch(`${server.url}/api/v1/environments/demo/proxy/${path}`, {
    headers: { ...BEARER, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  })
  return { status: answer.status, json: (await answer.json()) as T }
}

test('a list of topics is one question to the broker, whoever sees how much of it', async () => {
  const [all, asked] = await counted('Metadata', () => rows('SHOW TABLES'))
  assert.deepEqual([all.length, all[0]['name'], asked], [TOPICS + 1, name(0), 1])
  const [few, again] = await counted('Metadata', () => rows('SHOW TABLES', NARROW))
  assert.deepEqual([few.map((row) => row['name']), again], [[name(7), name(8)], 1])
})

test('a pattern asks for what it matches, and for nothing when that is too much', async () => {
  await assert.rejects(
    async () => {
      const [, asked] = await counted('Metadata', () => rows('SELECT * FROM `team.*`'))
      assert.fail(`${asked}`)
    },
    new RegExp(`matches ${TOPICS} topics, and max.pattern.topics is 100`),
  )
  const [found, asked] = await counted('Metadata', () => rows('SELECT count(*) AS n FROM `team.topic-0000*`'))
  assert.equal(found[0]['n'], 0)
  // The list, and each of the ten with what is behind it.
  assert.ok(asked <= 1 + 3 * 10, `${asked}`)
})

test('names that editors offer are the first that fit, and no more than are shown', async () => {
  interface Presentation {
    readonly suggestions: readonly { readonly display: string }[]
  }
  const offered = async (sql: string): Promise<readonly string[]> => {
    const { json } = await rest<Presentation>('api/v1/sql/presentation', { sql, caret: sql.length })
    return json.suggestions.map(({ display }) => display)
  }
  const first = await offered('SELECT * FROM ')
  assert.deepEqual([first.length, first[0], first[199]], [200, name(0), name(199)])
  const below = await offered('SELECT * FROM team.topic-0123')
  assert.deepEqual(
    below,
    Array.from({ length: 10 }, (_, i) => name(1230 + i)),
  )
  assert.deepEqual(await offered('SELECT * FROM wi'), ['wide'])
})

test('names come by the page, of one list; an error names the nearest of all', async () => {
  interface Names {
    readonly total: number
    readonly topics: readonly { readonly name: string; readonly partitions: number }[]
  }
  const [names, asked] = await counted('Metadata', async () => {
    const pages: Names[] = []
    for (let page = 1; page <= 4; page++)
      pages.push((await rest<Names>(`api/v1/kafka/topic-names?pageSize=2000&page=${page}`)).json)
    return pages
  })
  assert.deepEqual([names[0].total, names.map(({ topics }) => topics.length)], [TOPICS + 1, [2000, 2000, 1002, 0]])
  assert.deepEqual(names[2].topics.at(-1), { name: 'wide', partitions: PARTITIONS })
  assert.ok(asked <= 2, `${asked}`)
  await assert.rejects(rows('SELECT * FROM team.topik-01234'), /Did you mean "team.topic-01234"/)
})

test('what would look into each of very many topics is refused, and says what to ask', async () => {
  interface Problem {
    readonly title?: string
    readonly error?: string
  }
  for (const [query, what] of [
    ['sortField=records', /Sorting by records .* rest\.datasets\.examined is 5,000/],
    ['hasRecords=true', /rest\.datasets\.examined/],
    ['search=nowhere', /searchFields=false/],
  ] as const) {
    const [{ status, json }, asked] = await counted('DescribeConfigs', () => rest<Problem>(`api/v1/datasets?${query}`))
    assert.deepEqual([status, asked], [400, 0], query)
    assert.match(String(json.title ?? json.error), what)
  }
  interface Page {
    readonly datasets: { readonly values: readonly { readonly name: string }[]; readonly totalCount: number }
  }
  const page = async (query: string): Promise<unknown[]> => {
    const { datasets } = (await rest<Page>(`api/v1/datasets?pageSize=2&${query}`)).json
    return [datasets.totalCount, ...datasets.values.map((value) => value.name)]
  }
  assert.deepEqual(await page('search=TOPIC-0001&searchFields=false'), [10, name(10), name(11)])
  assert.deepEqual(await page('sortOrder=desc'), [TOPICS + 1, 'wide', name(TOPICS - 1)])
  assert.deepEqual(await page('sortField=partitions&sortOrder=desc'), [TOPICS + 1, 'wide', name(0)])
  const [metadata, asked] = await counted('DescribeConfigs', () => rest<object[]>('api/metadata/topics?pageSize=3'))
  assert.deepEqual([metadata.json.length, asked <= 3], [3, true])
})

test('a topic of very many partitions: every row, few requests, frames that every client takes', async () => {
  const all = PARTITIONS * RECORDS
  const [counts, offsets] = await counted('ListOffsets', () => rows('SELECT count(*) AS n, sum(n) AS s FROM wide'))
  assert.deepEqual(counts, [{ n: all, s: (all * (all - 1)) / 2 }])
  // Both ends, for the sample and for the scan: a question for all partitions, not one for each.
  assert.ok(offsets <= 8, `${offsets}`)
  const [{ frames }, fetches] = await counted('Fetch', () =>
    converse(server, DEMO_PATH, JSON.stringify({ sql: `SELECT n FROM wide LIMIT ${all}`, stats: 1000 }), BEARER),
  )
  const values = frames.flatMap((f) => (f.type === 'RECORD' ? [(f.data as { value: { n: number } }).value.n] : []))
  assert.equal(new Set(values).size, all)
  assert.ok(fetches <= PARTITIONS / 16, `${fetches}`)
  const stats = frames.filter((frame) => frame.type === 'STATS')
  assert.ok(stats.length > 0)
  for (const frame of stats) assert.ok(JSON.stringify(frame).length < FRAME_BYTES / 4)
  const last = stats.at(-1)?.data as {
    readonly recordsScanned: number
    readonly sourcesStats: Record<string, Record<string, { readonly recordsScanned: number }>>
    readonly sourcesRest: Record<string, Record<string, number>>
  }
  const [listed] = Object.values(last.sourcesStats)
  const [rest] = Object.values(last.sourcesRest)
  assert.equal(Object.keys(listed).length, STATS_PARTITIONS)
  const left = PARTITIONS - STATS_PARTITIONS
  assert.deepEqual(
    [rest['partitions'], rest['done'], rest['offsets'], rest['offsetsRead'], rest['recordsScanned']],
    [left, left, left * RECORDS, left * RECORDS, left * RECORDS],
  )
  assert.equal(last.recordsScanned, all)
})

test('where a limit ends the reading of very many partitions, it is said in a frame that every client takes', async () => {
  const ended = async (bytes: number): Promise<{ readonly type: string; readonly resume?: string }> => {
    const sql = `SET max.size = '${bytes}'; SELECT n FROM wide LIMIT 1000000`
    const { frames } = await converse(server, DEMO_PATH, JSON.stringify({ sql }), BEARER)
    for (const frame of frames) assert.ok(JSON.stringify(frame).length < FRAME_BYTES / 4)
    const data = frames.find((frame) => frame.type === 'SENTINEL')?.data as { reason: { type: string } }
    return data.reason
  }
  const whole = broker.store.sizeBytes
  const early = await ended(Math.round(whole / 10))
  assert.deepEqual([early.type, early.resume], ['SCANNEDSIZE', undefined])
  const late = await ended(Math.round(whole * (1 - RESUME_RANGES / 2 / PARTITIONS)))
  assert.equal(late.type, 'SCANNEDSIZE')
  assert.match(String(late.resume), /^\(_meta\.partition = /)
})

test('EXPLAIN of very many partitions is short', async () => {
  const plain = await rows('EXPLAIN SELECT count(*) FROM wide')
  assert.match(JSON.stringify(plain), new RegExp(`Reads ${PARTITIONS} of ${PARTITIONS} partitions`))
  const narrowed = JSON.stringify(await rows('EXPLAIN SELECT count(*) FROM wide WHERE _meta.offset >= 2'))
  assert.match(narrowed, new RegExp(`0:\\[2, 5\\) .* and ${(PARTITIONS - RANGES_SHOWN).toLocaleString('en')} more`))
  assert.ok(narrowed.length < 10_000)
})
