/**
 * How results that are not complete say so: the cap of rows, a broker that stands still, a query that takes too long;
 * and partial rows of `live`. On a Kafka in memory.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runRequest } from '../../../src/engine/request.ts'
import type { BatchSource, KafkaLog } from '../../../src/kafka/log.ts'
import { Progress } from '../../../src/kafka/read/progress.ts'
import { memoryWorld, type WorldTopic } from '../../support/memory-world.ts'

interface Frame {
  readonly type: string
  readonly rowId: string | null
  readonly data: {
    readonly value?: unknown
    readonly reason?: {
      readonly type: string
      readonly source: string
      readonly amount?: number
      readonly timeout?: number
      readonly resume?: string
      readonly places?: string
    }
  }
}

function numbers(count: number): WorldTopic {
  return {
    name: 'numbers',
    batch: 500,
    records: Array.from({ length: count }, (_, i) => ({
      partition: 0,
      timestampMs: 1_700_000_000_000 + i,
      key: null,
      value: { json: { i }, text: `{"i":${i}}` },
    })),
  }
}

async function ask(
  topics: readonly WorldTopic[],
  sql: string,
  options: { readonly live?: boolean; readonly log?: (log: KafkaLog) => KafkaLog } = {},
): Promise<Frame[]> {
  const world = memoryWorld(topics)
  const frames: Frame[] = []
  const sink = { send: (frame: string) => void frames.push(JSON.parse(frame) as Frame), drained: () => undefined }
  const log = options.log?.(world.log) ?? world.log
  await runRequest(
    { sql, live: options.live ?? false },
    { catalog: world.catalog, log },
    sink,
    new AbortController().signal,
  )
  world.catalog.close()
  return frames
}

/** Gives the last batch only after `ms`. */
function lateAtTheEnd(ms: number): (log: KafkaLog) => KafkaLog {
  return (log) => ({
    bounds: (...args) => log.bounds(...args),
    offsetsForTime: (...args) => log.offsetsForTime(...args),
    scan: (request, signal) => {
      const source: BatchSource = log.scan(request, signal)
      const next = async () => {
        const batch = await source.next()
        if (batch !== undefined && source.progress.every((p) => p.position >= p.end))
          await new Promise((resolve) => setTimeout(resolve, ms))
        return batch
      }
      return { next, progress: source.progress, close: () => source.close() }
    },
  })
}

const rows = (frames: readonly Frame[]) => frames.filter((f) => f.type === 'RECORD')
const reason = (frames: readonly Frame[]) => frames.find((f) => f.type === 'SENTINEL')?.data.reason

/** Gives two batches, then nothing until it is told to stop. */
function standingStill(log: KafkaLog): KafkaLog {
  return {
    bounds: (...args) => log.bounds(...args),
    offsetsForTime: (...args) => log.offsetsForTime(...args),
    scan: (request, signal) => {
      const source: BatchSource = log.scan(request, signal)
      let left = 2
      const next = () =>
        left-- > 0
          ? source.next()
          : new Promise<never>((_, reject) =>
              signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
            )
      return { next, progress: source.progress, close: () => source.close() }
    },
  }
}

/** The first 100 offsets are deleted before they can be read. */
function losing(log: KafkaLog): KafkaLog {
  return {
    bounds: (...args) => log.bounds(...args),
    offsetsForTime: (...args) => log.offsetsForTime(...args),
    scan: (request, signal) => {
      const source = log.scan({ ...request, ranges: request.ranges.map((r) => ({ ...r, start: 100 })) }, signal)
      const progress = new Progress({ partition: 0, start: 0, end: 100 })
      progress.lose(0, 40)
      progress.lose(40, 100)
      return { next: () => source.next(), progress: [progress, ...source.progress], close: () => source.close() }
    },
  }
}

describe('a result that is not complete says so', () => {
  it('records that vanish while the query runs: SENTINEL LOST, how many and where; an error where a subquery needs them', async () => {
    const frames = await ask([numbers(300)], 'SELECT count(i) AS n FROM numbers', { log: losing })
    assert.deepEqual(
      rows(frames).map((f) => f.data.value),
      [{ n: 200 }],
    )
    const told = reason(frames)
    assert.deepEqual(
      [told?.type, told?.source, told?.amount, told?.places],
      ['LOST', 'numbers', 100, 'partition 0, offsets 0 to 99'],
    )
    const error = await ask([numbers(300)], 'SELECT 1 AS one FROM __dual WHERE 1 < (SELECT count(i) FROM numbers)', {
      log: losing,
    })
    assert.match(
      String(error.find((f) => f.type === 'ERROR')?.data),
      /numbers lost 100 records that were deleted while it ran \(partition 0, offsets 0 to 99\)/,
    )
  })

  it('10,000 rows without LIMIT: SENTINEL LIMIT, and a condition to read on with', async () => {
    const frames = await ask([numbers(10_003)], 'SELECT i FROM numbers')
    assert.equal(rows(frames).length, 10_000)
    const told = reason(frames)
    assert.deepEqual([told?.type, told?.source, told?.amount], ['LIMIT', 'numbers', 10_000])
  })

  it('a cap that is just not reached is no news, and neither is a LIMIT that was written', async () => {
    const exactly = await ask([numbers(10_000)], 'SELECT i FROM numbers')
    assert.deepEqual([rows(exactly).length, reason(exactly)], [10_000, undefined])
    const written = await ask([numbers(5)], 'SELECT i FROM numbers LIMIT 2')
    assert.deepEqual([rows(written).length, reason(written)], [2, undefined])
  })

  it('max.size: what was not read is a condition that can be asked', async () => {
    const first = await ask([numbers(2000)], 'SET max.size = 1; SELECT i FROM numbers')
    const told = reason(first)
    assert.equal(told?.type, 'SCANNEDSIZE')
    const rest = await ask([numbers(2000)], `SELECT i FROM numbers WHERE i >= 0 AND (${told?.resume})`)
    assert.deepEqual(
      [...rows(first), ...rows(rest)].map((f) => (f.data.value as { i: number }).i),
      Array.from({ length: 2000 }, (_, i) => i),
    )
  })

  it('max.idle.time: SENTINEL IDLETIMEOUT, the rows so far are kept', async () => {
    const frames = await ask([numbers(3000)], 'SET max.idle.time = 30ms; SELECT COUNT(i) AS n FROM numbers', {
      log: standingStill,
    })
    assert.deepEqual(
      rows(frames).map((f) => f.data.value),
      [{ n: 1000 }],
    )
    assert.deepEqual([reason(frames)?.type, reason(frames)?.timeout], ['IDLETIMEOUT', 30])
  })

  it('max.idle.time: work on the rows is not silence of the topic', async () => {
    const world = memoryWorld([numbers(2000)])
    const frames: Frame[] = []
    const busy = (ms: number): void => {
      for (const until = performance.now() + ms; performance.now() < until; );
    }
    const sink = {
      send: (frame: string) => {
        frames.push(JSON.parse(frame) as Frame)
        if (frames.length % 400 === 0) busy(200)
      },
      drained: () => undefined,
    }
    const slow: KafkaLog = {
      bounds: (...args) => world.log.bounds(...args),
      offsetsForTime: (...args) => world.log.offsetsForTime(...args),
      scan: (request, signal) => {
        const source: BatchSource = world.log.scan(request, signal)
        return {
          next: () => new Promise((resolve) => setTimeout(() => resolve(source.next()), 5)),
          progress: source.progress,
          close: () => source.close(),
        }
      },
    }
    await runRequest(
      { sql: 'SET max.idle.time = 150ms; SELECT i FROM numbers', live: false },
      { catalog: world.catalog, log: slow },
      sink,
      new AbortController().signal,
    )
    world.catalog.close()
    assert.deepEqual([rows(frames).length, reason(frames)], [2000, undefined])
  })

  it('max.query.time met when everything has been read: nothing was cut off, so nothing says so', async () => {
    const frames = await ask([numbers(3000)], 'SET max.query.time = 400ms; SELECT i FROM numbers', {
      log: lateAtTheEnd(500),
    })
    assert.deepEqual([rows(frames).length, reason(frames)], [3000, undefined])
  })

  it('max.query.time: SENTINEL COMPLETIONTIMEOUT, the rows so far are kept', async () => {
    const frames = await ask([numbers(3000)], 'SET max.query.time = 400ms; SELECT i FROM numbers', {
      log: standingStill,
    })
    assert.equal(rows(frames).length, 1000)
    assert.deepEqual([reason(frames)?.type, reason(frames)?.timeout], ['COMPLETIONTIMEOUT', 400])
  })
})

/** Lets the engine wait before the third batch. */
function pausing(log: KafkaLog): KafkaLog {
  return {
    bounds: (...args) => log.bounds(...args),
    offsetsForTime: (...args) => log.offsetsForTime(...args),
    scan: (request, signal) => {
      const source: BatchSource = log.scan(request, signal)
      let asked = 0
      const next = async () => {
        if (++asked === 3) await new Promise((resolve) => setTimeout(resolve, 900))
        return source.next()
      }
      return { next, progress: source.progress, close: () => source.close() }
    },
  }
}

describe('live', () => {
  it('max.idle.time holds also while partial rows of many groups are sent', async () => {
    const started = performance.now()
    const frames = await ask(
      [numbers(3000)],
      'SET max.idle.time = 1200ms; SET max.query.time = 6s; SELECT i, COUNT(*) AS n FROM numbers GROUP BY i LIMIT 5000',
      {
        live: true,
        log: standingStill,
      },
    )
    assert.deepEqual([reason(frames)?.type, reason(frames)?.timeout], ['IDLETIMEOUT', 1200])
    assert.ok(performance.now() - started < 5000)
  })

  it('rows of a group while it grows carry one rowId; the last of them is the answer', async () => {
    const sql = 'SELECT i % 2 AS odd, COUNT(*) AS n FROM numbers GROUP BY i % 2'
    const frames = await ask([numbers(3000)], sql, { live: true, log: pausing })
    const values = rows(frames).map((f) => f.data.value)
    assert.deepEqual(values.slice(0, 2), [
      { odd: 0, n: 500 },
      { odd: 1, n: 500 },
    ])
    const last = new Map(rows(frames).map((f) => [f.rowId, f.data.value]))
    assert.deepEqual(
      [...last.values()],
      [
        { odd: 0, n: 1500 },
        { odd: 1, n: 1500 },
      ],
    )
    const plain = await ask([numbers(3000)], sql, { log: pausing })
    assert.equal(rows(plain).length, 2)
  })
})
