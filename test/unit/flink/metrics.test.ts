/** What is made of Flink's metrics: a JobManager that answers what one of Flink 2.2 answers, or anything else. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { countsAtEnd, followJob, progressOf, type SourceCounts } from '../../../src/flink/metrics.ts'
import { eventually } from '../../support/eventually.ts'

const RANGES = [
  { partition: 0, start: 100, end: 300 },
  { partition: 1, start: 0, end: 600 },
]
const SOURCES = [{ table: 'sluice_0', topic: 'pay.ments', ranges: RANGES }]
const METRIC = 'Source__sluice_0[1]'
const VALUES: Readonly<Record<string, readonly [sum: number | string, max: number]>> = {
  [`${METRIC}.numBytesIn`]: ['4.0E3', 3000],
  [`${METRIC}.numRecordsIn`]: [400, 300],
  [`${METRIC}.KafkaSourceReader.topic.pay.ments.partition.0.currentOffset`]: [199, 199],
  // A part that does not read this partition says -1.
  [`${METRIC}.KafkaSourceReader.topic.pay.ments.partition.1.currentOffset`]: [298, 299],
}

let server: Server | undefined
const asked: string[] = []

async function jobManager(answer: (url: URL, response: ServerResponse) => void): Promise<string> {
  asked.length = 0
  server = createServer(({ url = '' }, response) => {
    asked.push(url)
    answer(new URL(url, 'http://flink'), response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

const asFlink = (url: URL, response: ServerResponse): void => {
  const names = url.searchParams.get('get')?.split(',')
  const body =
    names === undefined
      ? {
          vertices: [
            { id: 'v', name: 'Source: sluice_0[1] -> Calc[2]', status: 'RUNNING' },
            { id: 'w', name: 'Sink[3]' },
          ],
        }
      : names.flatMap((id) => {
          const [sum, max] = VALUES[id] ?? []
          return sum === undefined ? [] : [{ id, sum, max }]
        })
  response.end(JSON.stringify(body))
}

describe("the metrics of Flink's JobManager", () => {
  it('say how far a source is', async () => {
    const rest = await jobManager(asFlink)
    const over = new AbortController()
    const told: ReadonlyMap<string, SourceCounts>[] = []
    let job: string | undefined
    const followed = followJob(
      rest,
      () => job,
      SOURCES,
      (counts) => told.push(counts),
      over.signal,
      5,
    )
    job = 'j'
    await eventually('the counts are told', () => told.length > 0)
    over.abort()
    await followed
    assert.deepEqual(
      [...told[0]],
      [
        [
          'sluice_0',
          {
            bytes: 4000,
            records: 400,
            offsets: new Map([
              [0, 199],
              [1, 299],
            ]),
            finished: false,
          },
        ],
      ],
    )
    assert.ok(asked.every((url) => url.startsWith('/v1/jobs/j')))
    const { progress, scanned } = progressOf(RANGES, told[0].get('sluice_0'), false)
    assert.deepEqual(
      progress.map(({ position, bytesRead, complete }) => [position, bytesRead, complete]),
      [
        [200, 1000, false],
        [300, 3000, false],
      ],
    )
    assert.deepEqual(
      [...scanned],
      [
        [0, 100],
        [1, 300],
      ],
    )
  })

  it('are carried on to the end of a job, and are none where none have come', () => {
    const counts = {
      bytes: 4000,
      records: 200,
      offsets: new Map([
        [0, 199],
        [1, 299],
      ]),
      finished: false,
    }
    const ended = progressOf(RANGES, counts, true)
    assert.deepEqual(
      ended.progress.map(({ position, bytesRead, complete }) => [position, bytesRead, complete]),
      [
        [300, 2000, true],
        [600, 6000, true],
      ],
    )
    assert.deepEqual(progressOf(RANGES, { ...counts, finished: true }, false), ended)
    // Half of the offsets hold a record.
    assert.deepEqual(
      [...ended.scanned],
      [
        [0, 100],
        [1, 300],
      ],
    )
    const unseen = progressOf(RANGES, undefined, true)
    assert.deepEqual(
      unseen.progress.map(({ position, bytesRead }) => [position, bytesRead]),
      [
        [300, 0],
        [600, 0],
      ],
    )
    assert.deepEqual([...unseen.scanned], [])
  })

  it('that make no sense leave the position between the captured offsets', () => {
    const wild = {
      bytes: 1,
      records: 1,
      offsets: new Map([
        [0, -1],
        [1, 1e15],
      ]),
      finished: false,
    }
    assert.deepEqual(
      progressOf(RANGES, wild, false).progress.map(({ position }) => position),
      [100, 600],
    )
  })

  it('have the sums of a job that has ended, as soon as all of its parts have', async () => {
    const sums = { 'read-bytes': 7001, 'read-records': 77, 'read-bytes-complete': true, 'read-records-complete': true }
    const two = { ...SOURCES[0], table: 'sluice_1' }
    const others = ['sluice_2', 'sluice_3'].map((table) => ({ ...SOURCES[0], table }))
    let times = 0
    const rest = await jobManager((_, response) => {
      const isOver = ++times > 2
      const vertices = [
        null,
        { name: 'Source: sluice_0[1] -> Calc[2]', status: 'FINISHED', metrics: sums },
        {
          name: 'Source: sluice_1[3]',
          status: isOver ? 'FINISHED' : 'RUNNING',
          metrics: { ...sums, 'read-records-complete': isOver },
        },
        // Of two sources in one part nobody knows which has read what.
        { name: 'Source: sluice_2[4] -> Join[6] <- Source: sluice_3[5]', status: 'FINISHED', metrics: sums },
      ]
      response.end(JSON.stringify({ vertices: isOver ? vertices.slice(1) : vertices }))
    })
    const counts = await countsAtEnd(rest, 'j/..', [...SOURCES, two, ...others], new AbortController().signal)
    assert.equal(times, 3)
    assert.ok(asked.every((url) => url === '/v1/jobs/j%2F..'))
    assert.deepEqual([...counts.keys()], ['sluice_0', 'sluice_1'])
    const { progress, scanned } = progressOf(RANGES, counts.get('sluice_0'), true)
    // 200 and 600 offsets of 800: together they are the sums.
    assert.deepEqual(
      progress.map(({ bytesRead, complete }) => [bytesRead, complete]),
      [
        [1750, true],
        [5251, true],
      ],
    )
    assert.deepEqual(
      [...scanned],
      [
        [0, 19],
        [1, 58],
      ],
    )
  })

  for (const [what, metrics] of [
    ['none', undefined],
    ['null', null],
    ['a fraction', { 'read-records': 0.5 }],
    ['below zero', { 'read-bytes': -1 }],
    ['a text', { 'read-bytes': '7' }],
  ] as const)
    it(`have no sums where they are ${what}`, async () => {
      const whole = { 'read-bytes-complete': true, 'read-records-complete': true, 'read-bytes': 1, 'read-records': 1 }
      const vertex = {
        name: 'Source: sluice_0[1]',
        status: 'FINISHED',
        metrics: metrics && { ...whole, ...metrics },
      }
      const rest = await jobManager((_, response) => response.end(JSON.stringify({ vertices: [vertex] })))
      assert.equal((await countsAtEnd(rest, 'j', SOURCES, new AbortController().signal)).size, 0)
    })

  it('are not waited for where the statement is over', async () => {
    const over = new AbortController()
    const rest = await jobManager(() => over.abort())
    assert.equal((await countsAtEnd(rest, 'j', SOURCES, over.signal)).size, 0)
    assert.equal((await countsAtEnd('http://127.0.0.1:9', 'j', SOURCES, new AbortController().signal)).size, 0)
  })

  for (const [what, answer] of [
    ['no JSON', (_: URL, response: ServerResponse) => response.end('<html>')],
    ['an error', (_: URL, response: ServerResponse) => response.writeHead(500).end('{}')],
    ['a redirection', (_: URL, response: ServerResponse) => response.writeHead(302, { location: '/' }).end()],
    ['17 MiB', (_: URL, response: ServerResponse) => response.end(`"${'x'.repeat(17 * 1024 * 1024)}"`)],
    ['vertices that are none', (_: URL, response: ServerResponse) => response.end('{"vertices":[{},{"name":5}]}')],
  ] as const)
    it(`are passed over where the answer is ${what}`, async () => {
      const rest = await jobManager((url, response) => void answer(url, response))
      const over = new AbortController()
      const told: ReadonlyMap<string, SourceCounts>[] = []
      const followed = followJob(
        rest,
        () => 'j',
        SOURCES,
        (counts) => told.push(counts),
        over.signal,
        5,
      )
      await eventually('it is asked twice', () => asked.length > 1)
      over.abort()
      await followed
      assert.ok(told.every((counts) => counts.size === 0))
    })
})
