/**
 * What several readers of one scan do together beside giving the right rows: bad and lost records, statistics, live
 * results, errors, limits, cancelling; helpers that refuse, fail or end. The helpers run on the same thread, behind the
 * same ports as on a server.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import type { ExchangePort } from '../../../../src/engine/exchange/port.ts'
import { help, type HelperEnvironment } from '../../../../src/engine/exchange/read-share.ts'
import type { QueryEnvironment } from '../../../../src/engine/host.ts'
import { runRequest } from '../../../../src/engine/request.ts'
import { type BatchSource, KafkaError, type KafkaLog, type ScanRequest } from '../../../../src/kafka/log.ts'
import { Progress } from '../../../../src/kafka/read/progress.ts'
import { memoryWorld, type MemoryWorld, type WorldRecord, type WorldTopic } from '../../../support/memory-world.ts'
import { helpersHere } from '../../../support/slt.ts'

interface Frame {
  readonly type: string
  readonly rowId: string | null
  readonly data: never
}

const PARTITIONS = 4
const EACH = 30

/** `t`: 4 partitions of 30 records, a batch for each, `{"n": 0…119}`; records by `n` may be something else. */
function numbers(others: Readonly<Record<number, WorldRecord['value']>> = {}): WorldTopic {
  return {
    name: 't',
    partitions: PARTITIONS,
    batch: 1,
    records: Array.from({ length: PARTITIONS * EACH }, (_, n) => ({
      partition: n % PARTITIONS,
      timestampMs: 1_700_000_000_000 + n,
      key: { json: `k${n % 7}` },
      value: others[n] ?? { json: { n } },
    })),
  }
}

const WAYS = [1, 2, 4, 'auto'] as const

interface Options extends Partial<QueryEnvironment> {
  readonly live?: boolean
  readonly readers?: (typeof WAYS)[number]
  readonly signal?: AbortSignal
  readonly drained?: () => Promise<void> | undefined
  readonly sent?: (frame: Frame) => void
}

async function ask(world: MemoryWorld, sql: string, options: Options = {}): Promise<Frame[]> {
  const { live = false, readers = 4, signal, drained, sent, ...environment } = options
  const frames: Frame[] = []
  const send = (text: string): void => {
    const frame = JSON.parse(text) as Frame
    frames.push(frame)
    sent?.(frame)
  }
  const log = environment.log ?? world.log
  await runRequest(
    { sql, live, statsMs: 0 },
    {
      catalog: world.catalog,
      log,
      defaults: { 'query.parallel': readers },
      helpers: async (most) => helpersHere(most, { catalog: world.catalog, log }),
      aloneMs: 0,
      ...environment,
    },
    { send, drained: drained ?? (() => undefined) },
    signal ?? new AbortController().signal,
  )
  return frames
}

const of = <T>(frames: readonly Frame[], type: string): T[] => frames.filter((f) => f.type === type).map((f) => f.data)
const values = (frames: readonly Frame[]): unknown[] =>
  of<{ value: unknown }>(frames, 'RECORD')
    .map((r) => r.value)
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
const error = (frames: readonly Frame[]): string => of<string>(frames, 'ERROR').join('\n')
const reasons = (frames: readonly Frame[]) =>
  of<{ reason: { type: string; resume: string; amount: number; places: string } }>(frames, 'SENTINEL').map(
    (s) => s.reason,
  )

/** A log whose scans are others. */
function withScans(log: KafkaLog, scan: (request: ScanRequest, signal: AbortSignal) => BatchSource): KafkaLog {
  return {
    bounds: (...args) => log.bounds(...args),
    offsetsForTime: (...args) => log.offsetsForTime(...args),
    scan,
  }
}

describe('several readers', () => {
  it('count a bad record once, report it once, and stop at it where they have to', async () => {
    const bad = Buffer.from('{"n":')
    const world = memoryWorld([numbers({ 5: bad, 42: bad, 111: bad })])
    for (const readers of WAYS) {
      const frames = await ask(world, 'SET show.bad.records = true; SELECT n FROM t', { readers })
      assert.equal(of(frames, 'RECORD').length, 117)
      const places = of<{ metadata: { partition: number; offset: number } }>(frames, 'BADRECORD').map(
        ({ metadata }) => metadata.offset * PARTITIONS + metadata.partition,
      )
      assert.deepEqual(
        places.sort((a, b) => a - b),
        [5, 42, 111],
        String(readers),
      )
      assert.equal(of<{ badRecordsTotal: number }>(frames, 'STATS').at(-1)?.badRecordsTotal, 3, String(readers))
      const rows = await ask(world, 'SELECT _bad AS b, count(*) AS c FROM t GROUP BY _bad', { readers })
      assert.deepEqual(values(rows), [
        { b: false, c: 117 },
        { b: true, c: 3 },
      ])
    }
    world.catalog.close()
    const once = memoryWorld([numbers({ 42: bad })])
    for (const readers of WAYS)
      assert.match(
        error(await ask(once, 'SET skip.bad.records = false; SELECT sum(n) AS s FROM t', { readers })),
        /The record at offset 10 of partition 2 of t cannot be read as JSON \(skip\.bad\.records = false\)/,
      )
    once.catalog.close()
  })

  it('tell together which records were deleted on the way', async () => {
    const world = memoryWorld([numbers()])
    // The offsets 5 to 9 of each partition vanish before they can be read.
    const log = withScans(world.log, (request, signal) => {
      const source = world.log.scan(
        {
          ...request,
          ranges: request.ranges.flatMap((r) =>
            [
              { ...r, end: Math.min(r.end, 5) },
              { ...r, start: Math.max(r.start, 10) },
            ].filter((part) => part.start < part.end),
          ),
        },
        signal,
      )
      const lost = request.ranges.flatMap((r) => {
        const [start, end] = [Math.max(r.start, 5), Math.min(r.end, 10)]
        if (start >= end) return []
        const progress = new Progress({ partition: r.partition, start, end })
        progress.lose(start, end)
        return [progress]
      })
      return { next: () => source.next(), progress: [...lost, ...source.progress], close: () => source.close() }
    })
    for (const readers of WAYS) {
      const frames = await ask(world, 'SELECT count(n) AS c FROM t', { readers, log })
      assert.deepEqual(values(frames), [{ c: 100 }])
      const [lost] = reasons(frames)
      assert.deepEqual([lost.type, lost.amount], ['LOST', 20], String(readers))
      assert.match(lost.places, /^partition 0, offsets 5 to 9; .*partition 3, offsets 5 to 9$/)
      assert.equal(of<{ recordsSkipped: number }>(frames, 'STATS').at(-1)?.recordsSkipped, 20)
    }
    world.catalog.close()
  })

  it('give the sums of one in STATS, partition by partition', async () => {
    const world = memoryWorld([numbers()])
    type Stats = { bytesRead: number; recordsScanned: number; sourcesStats: Record<string, Record<string, object>> }
    for (const sql of ['SELECT n FROM t WHERE n > 3', 'SELECT sum(n) AS s FROM t']) {
      const shown: unknown[] = []
      for (const readers of WAYS) {
        // The last is sent between two batches: what all have read stands in a register of queries.
        const last = of<Stats>(await ask(world, sql, { readers }), 'STATS').at(-1)
        shown.push([last?.bytesRead, last?.recordsScanned, Object.values(last?.sourcesStats ?? {})[0]])
      }
      for (const other of shown.slice(1)) assert.deepEqual(other, shown[0], sql)
    }
    world.catalog.close()
  })

  it('end live results with the exact groups', async () => {
    const world = memoryWorld([numbers()])
    const last = async (readers: Options['readers']): Promise<unknown[]> => {
      const rows = new Map<string | null, unknown>()
      for (const frame of await ask(world, 'SELECT n % 5 AS g, count(*) AS c, sum(n) AS s FROM t GROUP BY n % 5', {
        readers,
        live: true,
      }))
        if (frame.type === 'RECORD') rows.set(frame.rowId, (frame.data as { value: unknown }).value)
      return [...rows.values()].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
    }
    const alone = await last(1)
    assert.equal(alone.length, 5)
    for (const readers of WAYS) assert.deepEqual(await last(readers), alone, String(readers))
    world.catalog.close()
  })

  it('show the groups of all of them in live results, while they read', async () => {
    const world = memoryWorld([numbers()])
    for (const readers of [2, 4] as const) {
      const shown = new Map<string | null, { g: number; c: number }>()
      const ids = new Map<number, Set<string | null>>()
      const goOn = Promise.withResolvers<void>()
      // No reader comes to its end before a client has seen something of each: five batches of each are read.
      const held = withScans(world.log, (request, signal) => {
        const source = world.log.scan(request, signal)
        let batches = 0
        const next = async () => {
          if (batches++ === 5) await goOn.promise
          return await source.next()
        }
        return { next, progress: source.progress, close: () => source.close() }
      })
      const frames = await ask(world, 'SELECT n % 5 AS g, count(*) AS c FROM t GROUP BY n % 5', {
        readers,
        live: true,
        log: held,
        sent: ({ type, rowId, data }) => {
          if (type !== 'RECORD') return
          const { value } = data as { value: { g: number; c: number } }
          shown.set(rowId, value)
          ids.set(value.g, (ids.get(value.g) ?? new Set()).add(rowId))
          if ([...shown.values()].reduce((sum, { c }) => sum + c, 0) >= readers * 5) goOn.resolve()
        },
      })
      assert.equal(error(frames), '')
      assert.deepEqual(
        [...ids.values()].map((rowIds) => rowIds.size),
        [1, 1, 1, 1, 1],
      )
      assert.deepEqual(
        [...shown.values()].sort((a, b) => a.g - b.g),
        [0, 1, 2, 3, 4].map((g) => ({ g, c: 24 })),
      )
    }
    world.catalog.close()
  })

  it('carry values of every class from thread to thread', async () => {
    const text =
      '{"n":3,"d":2.5,"big":123456789012345678901,"text":"ü","list":[1,{"x":[2.0,null]}],"map":{"a":{"b":"c"}},' +
      '"yes":true,"no":null}'
    const all = Array.from({ length: 120 }, (_, n) => [n, { json: null, text }])
    const world = memoryWorld([numbers(Object.fromEntries(all) as Record<number, { json: null; text: string }>)])
    const columns = [
      'n / 2 AS half',
      '(n * 2.0) / 2 AS whole',
      'CAST(d AS DECIMAL(10, 4)) AS dec',
      'big',
      'text',
      'list',
      'map',
      'yes',
      'no',
      '_key AS k',
      '_meta.timestamp AS ts',
      'LAST_OFFSET() AS last',
      '_bad AS bad',
    ]
    for (const sql of [
      `SELECT ${columns.join(', ')} FROM t ORDER BY _meta.partition, _meta.offset`,
      `SELECT DISTINCT ${columns.slice(0, 9).join(', ')} FROM t`,
      `SELECT ${columns.slice(0, 3).join(', ')}, count(*) AS c FROM t GROUP BY n / 2, (n * 2.0) / 2, CAST(d AS DECIMAL(10, 4))`,
      'SELECT collect(list, 3) AS l, max(big) AS m, first(map) AS f FROM t GROUP BY yes',
      'SELECT * FROM t WHERE n / 2.0 > 1.0',
      'SELECT a.list, b.map FROM t a JOIN t b ON a._key = b._key AND a.n / 1.5 = b.n / 1.5 WHERE a._meta.offset = b._meta.offset',
    ]) {
      const alone = await ask(world, sql, { readers: 1 })
      const wanted = values(alone)
      assert.ok(wanted.length > 0 || error(alone) !== '', sql)
      for (const readers of WAYS) {
        const several = await ask(world, sql, { readers })
        assert.equal(error(several), error(alone), sql)
        assert.deepEqual(values(several), wanted, `${sql} ${readers}`)
      }
      assert.equal(error(alone), '', sql)
    }
    world.catalog.close()
  })

  it('name columns as they like', async () => {
    const world = memoryWorld([numbers()])
    for (const name of ['$', '__proto__', 'constructor', 'kind'])
      assert.equal(
        values(await ask(world, `SELECT {'x': n} AS \`${name}\`, n AS \`a$\` FROM t WHERE n > 5`)).length,
        values(await ask(world, `SELECT {'x': n} AS \`${name}\`, n AS \`a$\` FROM t WHERE n > 5`, { readers: 1 }))
          .length,
      )
    world.catalog.close()
  })

  it('stop at an error in any share, with its place in the statement', async () => {
    const world = memoryWorld([numbers({ 42: { json: { n: 'no number' } } })])
    for (const sql of [
      'SELECT sum(CAST(n AS INT)) AS s FROM t',
      'SELECT CAST(n AS INT) AS i FROM t WHERE _meta.offset >= 0',
      "SELECT DATE_TO_STR(n, 'yyyy') AS i FROM t",
    ]) {
      const alone = error(await ask(world, sql, { readers: 1 }))
      for (const readers of WAYS) assert.equal(error(await ask(world, sql, { readers })), alone, sql)
    }
    const refusing = withScans(world.log, () => {
      throw new KafkaError(
        29,
        'TOPIC_AUTHORIZATION_FAILED',
        'Topic "t": not allowed (TOPIC_AUTHORIZATION_FAILED)',
        false,
      )
    })
    const kafka = await ask(world, 'SELECT count(n) AS c FROM t', {
      helpers: async (most) => helpersHere(most, { catalog: world.catalog, log: refusing }),
    })
    assert.equal(error(kafka), 'Topic "t": not allowed (TOPIC_AUTHORIZATION_FAILED)')
    world.catalog.close()
  })

  it('keep to the limits of groups, in a share and when shares are merged', async () => {
    const world = memoryWorld([numbers()])
    const most = (n: number) => `SET max.group.records = ${n}; SELECT n, count(*) AS c FROM t GROUP BY n`
    for (const n of [10, 40, 119]) {
      const alone = error(await ask(world, most(n), { readers: 1 }))
      assert.match(alone, /max\.group\.records/)
      for (const readers of WAYS) assert.equal(error(await ask(world, most(n), { readers })), alone)
    }
    for (const readers of WAYS) assert.equal(values(await ask(world, most(120), { readers })).length, 120)
    world.catalog.close()
  })
})

describe('a helper', () => {
  it('that sees the table in another way leaves its share to the leader, also when the query is cut short', async () => {
    const world = memoryWorld([numbers()])
    const other = memoryWorld([{ ...numbers(), value: { name: 'STRING' }, records: [] }])
    const helpers = async (most: number) => helpersHere(most, { catalog: other.catalog, log: other.log })
    for (const readers of WAYS) {
      assert.deepEqual(values(await ask(world, 'SELECT sum(n) AS s FROM t', { readers, helpers })), [{ s: 7140 }])
      assert.equal(values(await ask(world, 'SELECT n FROM t WHERE n >= 0', { readers, helpers })).length, 120)
      const rows: unknown[] = []
      let where = 'n >= 0'
      for (let parts = 0; ; parts++) {
        assert.ok(parts < 200)
        const sql = `SET max.size = 700; SELECT n FROM t WHERE ${where}`
        const frames = await ask(world, sql, { readers, helpers })
        assert.equal(error(frames), '')
        rows.push(...values(frames))
        const [reason] = reasons(frames)
        if (reason === undefined) break
        where = `n >= 0 AND (${reason.resume})`
      }
      assert.equal(rows.length, 120)
      assert.equal(new Set(rows.map((r) => JSON.stringify(r))).size, 120)
    }
    world.catalog.close()
    other.catalog.close()
  })

  it('that does not know the topic leaves it to the leader, too', async () => {
    const world = memoryWorld([numbers()])
    const other = memoryWorld([])
    const helpers = async (most: number) => helpersHere(most, { catalog: other.catalog, log: other.log })
    assert.deepEqual(values(await ask(world, 'SELECT sum(n) AS s FROM t', { helpers })), [{ s: 7140 }])
    world.catalog.close()
    other.catalog.close()
  })

  it('that ends in the middle ends the query with an error that says to ask again', async () => {
    const world = memoryWorld([numbers()])
    const helpers = async (most: number): Promise<ExchangePort[]> =>
      Array.from({ length: most }, () => {
        const { port1, port2 } = new MessageChannel()
        port1.on('message', () => port1.close())
        return port2
      })
    for (const sql of ['SELECT sum(n) AS s FROM t', 'SELECT n FROM t WHERE n >= 0'])
      assert.equal(
        error(await ask(world, sql, { helpers })),
        'A thread that read a part of the topic for this query has ended. Ask again.',
      )
    world.catalog.close()
  })

  /** Helpers, and how many of them are at work. */
  function counted(world: HelperEnvironment): { ask: (most: number) => Promise<ExchangePort[]>; busy: number } {
    const state = {
      busy: 0,
      ask: async (most: number) =>
        Array.from({ length: most }, () => {
          const { port1, port2 } = new MessageChannel()
          state.busy++
          void help(port1, world).then(() => {
            state.busy--
          })
          return port2
        }),
    }
    return state
  }

  async function free(helpers: { readonly busy: number }): Promise<void> {
    while (helpers.busy > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  it('is free again when the query has ended, by its end, a LIMIT, an error, max.size or a cancel', {
    timeout: 60_000,
  }, async () => {
    const world = memoryWorld([numbers({ 42: Buffer.from('{"n":') })])
    for (const readers of [2, 4, 'auto'] as const) {
      for (const sql of [
        'SELECT sum(n) AS s FROM t',
        'SELECT n FROM t WHERE n >= 0 LIMIT 3',
        'SET skip.bad.records = false; SELECT sum(n) AS s FROM t',
        'SET max.size = 500; SELECT n FROM t WHERE n >= 0',
      ]) {
        const helpers = counted(world)
        await ask(world, sql, { readers, helpers: helpers.ask })
        await free(helpers)
      }
      const helpers = counted(world)
      const abort = new AbortController()
      // The reader of the frames stands still after the first row: everything waits for it.
      const still = new Promise<void>(() => undefined)
      let shown = 0
      const sent = (frame: Frame): void => {
        if (frame.type !== 'RECORD' || shown++ > 0) return
        setImmediate(() => abort.abort(new Error('gone')))
      }
      await ask(world, 'SELECT n FROM t WHERE n >= 0', {
        readers,
        helpers: helpers.ask,
        signal: abort.signal,
        drained: () => (shown > 0 ? still : undefined),
        sent,
      })
      await free(helpers)
    }
    world.catalog.close()
  })

  it('that has met a limit does not cut an answer that is complete', async () => {
    const world = memoryWorld([numbers()])
    for (let bytes = 100; bytes < 6000; bytes += 100) {
      const frames = await ask(world, `SET max.size = ${bytes}; SELECT n FROM t WHERE n >= 0 LIMIT 5`)
      if (values(frames).length === 5) assert.deepEqual(reasons(frames), [], `${bytes}`)
    }
    world.catalog.close()
  })

  it('sends large rows in small messages', async () => {
    const text = 'x'.repeat(100_000)
    const world = memoryWorld([
      numbers(Object.fromEntries(Array.from({ length: 120 }, (_, n) => [n, { json: { n, text } }]))),
    ])
    let most = 0
    const helpers = async (n: number): Promise<ExchangePort[]> =>
      helpersHere(n, world).map((port) => ({
        postMessage: port.postMessage.bind(port),
        close: port.close.bind(port),
        on(event: string, listener: (message: never) => void) {
          port.on(event as 'message', (message: { kind: string; rows?: { rows: unknown[] } }) => {
            most = Math.max(most, message?.rows?.rows.length ?? 0)
            listener(message as never)
          })
          return port
        },
      })) as unknown as ExchangePort[]
    const frames = await ask(world, 'SELECT n, text FROM t WHERE n >= 0', { helpers })
    assert.equal(values(frames).length, 120)
    assert.ok(most > 0 && most <= 3, `${most} rows of 100 kB in one message`)
    world.catalog.close()
  })
})

describe('a plan that is too large to be copied', () => {
  const inOne = { ...numbers(), partitions: 1, batch: 1000 }
  const records = Array.from({ length: 130_000 }, (_, n) => ({
    partition: 0,
    timestampMs: 1_700_000_000_000 + n,
    key: null,
    value: { json: { n } },
  }))
  it('is read by one thread: IN among more constants than fit on a stack', async () => {
    const world = memoryWorld([{ ...inOne, records }])
    const frames = await ask(world, 'SELECT count(*) AS c FROM t WHERE n IN (SELECT n FROM t)', { readers: 2 })
    assert.deepEqual(
      frames
        .filter(({ type }) => type === 'RECORD' || type === 'ERROR')
        .map(({ data }) => (data as { value: unknown }).value),
      [{ c: 130_000 }],
    )
  })
})
