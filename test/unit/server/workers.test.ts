/**
 * Queries on worker threads, over the embedded broker: what one does to others, what becomes of a thread's end, and
 * that all threads see the same world.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, test } from 'node:test'
import { WebSocket } from 'ws'
import { BatchWriter } from '../../../src/sandbox/log/batch-writer.ts'
import { type Broker, startBroker } from '../../../src/sandbox/broker.ts'
import { type Registry, startRegistry } from '../../../src/sandbox/schema-registry.ts'
import { readConfig } from '../../../src/server/config/config.ts'
import { createLog } from '../../../src/server/log.ts'
import { type RunningServer, startServer } from '../../../src/server/start.ts'
import { encodeAvro, framed } from '../../support/avro-encode.ts'
import { eventually, stoodStill } from '../../support/eventually.ts'

const ALL = [{ environments: ['*'], topics: ['*'], rights: ['all'] }]
const ACCOUNTS = ['anna', 'ben', 'cleo'] as const
type Name = (typeof ACCOUNTS)[number]
const OBEDIENT = new URL('../../support/obedient-worker.ts', import.meta.url)
const RECORDS = 2000
/** Rows of more bytes than sockets and chunks take on the way: whoever does not read holds the scan. */
const BIG = 'SELECT * FROM big'

interface Frame {
  readonly type: string
  readonly data?: unknown
}

let broker: Broker
let registry: Registry
before(async () => {
  broker = await startBroker()
  registry = await startRegistry()
  const writer = new BatchWriter()
  const append = (topic: string, ...texts: readonly string[]): void => {
    for (const text of texts) {
      const value = Buffer.from(text)
      writer.add(1_700_000_000_000, null, { buffer: value, length: value.length })
    }
    broker.append(topic, 0, writer.finish())
  }
  broker.createTopic('big')
  for (let i = 0; i < RECORDS; i += 50)
    append('big', ...Array.from({ length: 50 }, (_, n) => JSON.stringify({ n: i + n, text: 'x'.repeat(16_000) })))
  broker.createTopic('small')
  append('small', '{"n":1}', '{"n":2}', '{"n":3}')
})
after(async () => {
  await broker.close()
  await registry.close()
})

/** Runs a test with a server that has accounts `anna`, `ben` and `cleo`. */
async function withServer(
  limits: Record<string, number>,
  use: (server: RunningServer) => Promise<void>,
  worker?: URL,
): Promise<void> {
  const config = await readConfig({
    server: { port: 0 },
    environments: [{ name: 'demo', kafka: { brokers: [broker.bootstrap] }, registry: registry.url }],
    serviceAccounts: ACCOUNTS.map((name) => ({ name, token: tokenOf(name), permissions: ALL })),
    limits,
  })
  const server = await startServer(config, { log: createLog('silent'), worker })
  try {
    await use(server)
  } finally {
    await server.close(0)
  }
}

function tokenOf(name: Name): string {
  return `token-of-${name}-0123456789`
}

interface Asked {
  readonly frames: Frame[]
  /** Resolves with all frames when the server has closed. */
  readonly done: Promise<Frame[]>
  readonly socket: WebSocket
}

const V2 = '/api/v1/environments/demo/proxy/api/ws/v2/sql/execute'

function start(server: RunningServer, name: Name, sql: string, { path = V2, reads = true, headers = {} } = {}): Asked {
  const socket = new WebSocket(server.url.replace('http', 'ws') + path, {
    headers: { authorization: `Bearer ${tokenOf(name)}`, ...headers },
  })
  const frames: Frame[] = []
  socket.on('message', (message) => {
    frames.push(JSON.parse(String(message)) as Frame)
    // Once: it may be asked to go on.
    if (!reads && frames.at(-1)?.type === 'RECORD') {
      reads = true
      socket.pause()
    }
  })
  socket.on('open', () => socket.send(JSON.stringify({ sql })))
  const done = once(socket, 'close').then(() => frames)
  return { frames, done, socket }
}

/** Values of the rows; an ERROR is thrown. */
async function ask(server: RunningServer, name: Name, sql: string): Promise<unknown[]> {
  return rows(await start(server, name, sql).done)
}

function rows(frames: readonly Frame[]): unknown[] {
  const error = errorOf(frames)
  if (error !== undefined) throw new Error(error)
  assert.equal(frames.at(-1)?.type, 'END')
  return frames.filter(({ type }) => type === 'RECORD').map(({ data }) => (data as { value: unknown }).value)
}

function errorOf(frames: readonly Frame[]): string | undefined {
  const data = frames.find(({ type }) => type === 'ERROR')?.data
  return data === undefined ? undefined : String(data)
}

/** A query that runs and goes on running, since its client has stopped reading after the first rows. */
async function holding(server: RunningServer, name: Name): Promise<Asked> {
  const asked = start(server, name, BIG, { reads: false })
  await eventually('the first row has come', () => asked.frames.some(({ type }) => type === 'RECORD'))
  return asked
}

function occupation(server: RunningServer): readonly (readonly string[])[] {
  return server.workers?.occupation.threads ?? []
}

async function threadsReady(server: RunningServer, count: number): Promise<void> {
  await eventually(`${count} threads are ready`, () => occupation(server).length >= count)
}

/** While `use` runs, cleo holds one of the two threads, so that all others are on the other one. */
async function onTheOtherThread<T>(server: RunningServer, use: () => Promise<T>): Promise<T> {
  const holder = await holding(server, 'cleo')
  await threadsReady(server, 2)
  assert.deepEqual(occupation(server).flat(), [BIG])
  try {
    return await use()
  } finally {
    holder.socket.terminate()
    await eventually('nothing runs', () => occupation(server).flat().length === 0)
  }
}

test('a step that takes too long ends with its thread and the limit’s name; another account’s query does not notice', async () => {
  await withServer(
    { 'server.workers': 2, 'server.worker.stall.timeout': 2000 },
    async (server) => {
      const held = await holding(server, 'ben')
      await threadsReady(server, 2)
      const slow = start(server, 'anna', 'SELECT 1 AS one /* SPIN */')
      await eventually('it runs', () => occupation(server).flat().length === 2)
      assert.deepEqual(await ask(server, 'ben', 'SELECT 1 AS one'), [{ one: 1 }])
      assert.match(errorOf(await slow.done) ?? '', /took more than 2000 ms \(server\.worker\.stall\.timeout\)/)
      held.socket.resume()
      assert.equal(rows(await held.done).length, RECORDS)
      assert.equal(server.workers?.ended.stalled, 1)
      assert.deepEqual(await ask(server, 'anna', 'SELECT 1 AS one'), [{ one: 1 }])
    },
    OBEDIENT,
  )
})

test('a query that fills the heap of its thread ends with the limit’s name, and the server lives', async () => {
  await withServer(
    { 'server.workers': 2, 'server.worker.heap': 64 * 1024 * 1024, 'server.worker.stall.timeout': 60_000 },
    async (server) => {
      const full = await start(server, 'anna', 'SELECT 1 AS one /* FILL */').done
      assert.match(errorOf(full) ?? '', /server\.worker\.heap/)
      assert.deepEqual(await ask(server, 'anna', 'SELECT 1 AS one'), [{ one: 1 }])
      assert.equal(server.workers?.ended.memory, 1)
    },
    OBEDIENT,
  )
})

test('a thread that fails ends with its queries, which are told to ask again', async () => {
  await withServer(
    { 'server.workers': 1 },
    async (server) => {
      assert.match(errorOf(await start(server, 'anna', 'SELECT 1 AS one /* THROW */').done) ?? '', /Ask again\.$/)
      assert.deepEqual(await ask(server, 'anna', 'SELECT 1 AS one'), [{ one: 1 }])
    },
    OBEDIENT,
  )
})

test('threads that fail at their start are not started over and over', async () => {
  await withServer(
    { 'server.workers': 2 },
    async (server) => {
      const failed = () => server.workers?.ended.fault ?? 0
      await eventually('the first has failed', () => failed() > 0)
      assert.match(errorOf(await start(server, 'anna', 'SELECT 1 AS one').done) ?? '', /Ask again\.$/)
      assert.ok((await stoodStill(failed, 500)) <= 6)
    },
    new URL("data:text/javascript,throw new Error('at the start')"),
  )
})

test('when threads end under them, queries that have shown nothing are begun anew, others are told to ask again', async () => {
  await withServer({ 'server.workers': 2 }, async (server) => {
    const shown = await holding(server, 'anna')
    // Waits for the broker, which has been told to take its time.
    broker.faults.set({ kind: 'delay', api: 'Fetch', ms: 600_000, times: 1_000_000 })
    try {
      const counting = start(server, 'ben', 'SELECT count(*) AS found FROM small WHERE n > 1')
      const scanning = start(server, 'ben', 'SELECT n FROM small')
      const writing = start(server, 'ben', 'INSERT INTO small (n) SELECT n FROM small WHERE n > 100')
      await eventually('they run', () => occupation(server).flat().length === 4)
      await eventually('they read', () => broker.faults.acted('delay') >= 2)
      broker.faults.clear()
      await server.workers?.restart()
      assert.deepEqual(rows(await counting.done), [{ found: 2 }])
      const frames = await scanning.done
      assert.deepEqual(rows(frames), [{ n: 1 }, { n: 2 }, { n: 3 }])
      assert.equal(frames.filter(({ type }) => type === 'METADATA').length, 1)
      assert.match(errorOf(await writing.done) ?? '', /Look what it has done before you ask again\.$/)
      shown.socket.resume()
      assert.match(errorOf(await shown.done) ?? '', /Ask again\.$/)
      assert.ok(shown.frames.length < RECORDS)
    } finally {
      broker.faults.clear()
    }
  })
})

test('views, tables and records that one thread made are there on the other', async () => {
  await withServer({ 'server.workers': 2 }, async (server) => {
    await ask(server, 'anna', 'CREATE VIEW large_ones AS SELECT n FROM small WHERE n > 1')
    const elsewhere = (sql: string) => onTheOtherThread(server, () => ask(server, 'anna', sql))
    assert.deepEqual(await elsewhere('SELECT * FROM large_ones'), [{ n: 2 }, { n: 3 }])
    await elsewhere('DROP VIEW large_ones')
    await assert.rejects(ask(server, 'anna', 'SELECT * FROM large_ones'), /large_ones/)

    await ask(server, 'anna', 'CREATE TABLE made (_key string, n int) FORMAT (string, json)')
    await elsewhere("INSERT INTO made (_key, n) VALUES ('a', 1)")
    assert.deepEqual(await ask(server, 'anna', 'SELECT n FROM made'), [{ n: 1 }])
    await elsewhere('DROP TABLE made')
    await assert.rejects(ask(server, 'anna', 'SELECT n FROM made'), /made/)
    await elsewhere('CREATE TABLE made (_key string, m int) FORMAT (string, json)')
    await ask(server, 'anna', "INSERT INTO made (_key, m) VALUES ('a', 7)")
    assert.deepEqual(await elsewhere('SELECT m FROM made'), [{ m: 7 }])
    await ask(server, 'anna', 'DROP TABLE made')
  })
})

test('a schema that one thread has met is known to the other', async () => {
  const schema = (...names: string[]): string =>
    JSON.stringify({
      type: 'record',
      name: 'r',
      fields: names.map((name) => ({ name, type: ['null', 'int'], default: null })),
    })
  // Not under the topic's subject: only reading finds them.
  const [first, second] = [schema('a'), schema('a', 'b')].map((text, i) =>
    registry.schemas.register(`elsewhere-${i}`, { schema: text, schemaType: 'AVRO' }),
  )
  broker.createTopic('mixed')
  const writer = new BatchWriter()
  const add = (id: number, text: string, value: Record<string, number>): void => {
    const bytes = framed(id, encodeAvro(text, value))
    writer.add(1_700_000_000_000, null, { buffer: bytes, length: bytes.length })
    broker.append('mixed', 0, writer.finish())
  }
  for (let i = 0; i < 300; i++) add(first, schema('a'), { a: i })
  await withServer({ 'server.workers': 2 }, async (server) => {
    assert.equal((await ask(server, 'anna', 'SELECT a FROM mixed')).length, 300)
    await onTheOtherThread(server, () => ask(server, 'anna', 'SELECT a FROM mixed LIMIT 1'))
    add(second, schema('a', 'b'), { a: 300, b: 1 })
    // One thread reads to the end and meets it, the other one knows.
    await ask(server, 'anna', 'SELECT a FROM mixed')
    const columns = await onTheOtherThread(server, () => ask(server, 'anna', 'SELECT b FROM mixed WHERE b IS NOT NULL'))
    assert.deepEqual(columns, [{ b: 1 }])
  })
})

test('SHOW QUERIES tells of all threads, with counts; KILL QUERY ends a query on another one', async () => {
  await withServer({ 'server.workers': 2 }, async (server) => {
    const held = await holding(server, 'ben')
    await threadsReady(server, 2)
    const running = async () =>
      (
        (await ask(server, 'anna', 'SHOW QUERIES')) as {
          id: string
          sql: string
          user: string
          recordsScanned: number
        }[]
      ).find(({ sql }) => sql === BIG)
    await eventually('it is counted', async () => ((await running())?.recordsScanned ?? 0) > 0)
    const entry = await running()
    assert.equal(entry?.user, 'ben')
    await ask(server, 'anna', `KILL QUERY '${entry?.id}'`)
    held.socket.resume()
    assert.match(errorOf(await held.done) ?? '', /killed by "anna"/)
    assert.equal(await running(), undefined)
    const all = (await ask(server, 'anna', 'SHOW ALL QUERIES')) as { id: string; status: string }[]
    assert.equal(all.find(({ id }) => id === entry?.id)?.status, 'Killed')
  })
})

test('a client that does not read holds the scan, and one that leaves frees its place', async () => {
  await withServer({ 'server.workers': 2 }, async (server) => {
    const held = await holding(server, 'ben')
    await threadsReady(server, 2)
    let scanned = 0
    const look = async (): Promise<void> => {
      const entries = (await ask(server, 'anna', 'SHOW QUERIES')) as { sql: string; recordsScanned: number }[]
      scanned = entries.find(({ sql }) => sql === BIG)?.recordsScanned ?? scanned
    }
    const looking = setInterval(() => void look().catch(() => undefined), 100)
    try {
      await eventually('it is counted', () => scanned > 0)
      const still = await stoodStill(() => scanned, 1500)
      assert.ok(still < RECORDS, `${still} records were read for a client that takes none`)
    } finally {
      clearInterval(looking)
    }
    held.socket.resume()
    assert.equal(rows(await held.done).length, RECORDS)

    const leaver = await holding(server, 'ben')
    assert.ok(occupation(server).flat().includes(BIG))
    leaver.socket.terminate()
    await eventually('nothing runs', () => occupation(server).flat().length === 0)
  })
})

test('the dialects of the JDBC driver and of lenses-cli', async () => {
  await withServer({ 'server.workers': 1 }, async (server) => {
    const jdbc = start(server, 'anna', 'SELECT n FROM small', {
      path: '/api/v1/environments/demo/proxy/api/ws/v3/jdbc/execute',
    })
    await eventually('the driver has its END', () => jdbc.frames.some(({ type }) => type === 'END'))
    jdbc.socket.close()
    await jdbc.done
    assert.equal(jdbc.frames.filter(({ type }) => type === 'RECORD').length, 3)
    const headers = { 'user-agent': 'Go-http-client/1.1', 'x-kafka-lenses-token': tokenOf('anna') }
    const cli = await start(server, 'anna', 'SELECT n FROM nowhere', { path: '/api/ws/v2/sql/execute', headers }).done
    const error = cli.find(({ type }) => type === 'ERROR')?.data as { value: string } | undefined
    assert.match(error?.value ?? '', /nowhere/)
  })
})

test('a server that closes tells those whose queries run', async () => {
  let held: Asked | undefined
  await withServer({ 'server.workers': 2 }, async (server) => {
    held = await holding(server, 'anna')
    const closed = server.close(0)
    held.socket.resume()
    await closed
  })
  assert.match(errorOf((await held?.done) ?? []) ?? '', /shutting down/)
})

test('an account stands in at most half of the threads', async () => {
  await withServer({ 'server.workers': 4 }, async (server) => {
    const held: Asked[] = []
    for (let i = 0; i < 5; i++) held.push(await holding(server, 'anna'))
    const busy = () =>
      occupation(server)
        .map(({ length }) => length)
        .filter((length) => length > 0)
    assert.equal(busy().length, 2)
    // Until it is there, the next one is better off with others than with a thread that has to be started.
    await threadsReady(server, 3)
    const other = await holding(server, 'ben')
    assert.equal(busy().length, 3)
    assert.ok(busy().includes(1), 'alone on a thread')
    assert.equal(
      busy().reduce((sum, length) => sum + length, 0),
      6,
    )
    for (const { socket } of [...held, other]) socket.terminate()
  })
})

test('more requests than there are places wait for one', async () => {
  await withServer({ 'server.workers': 1, 'server.worker.queries': 2 }, async (server) => {
    const held = [await holding(server, 'anna'), await holding(server, 'ben')]
    const later = [start(server, 'anna', 'SELECT 1 AS one'), start(server, 'ben', 'SELECT 2 AS two')]
    const gone = start(server, 'cleo', 'SELECT 3 AS three')
    await eventually('they wait', () => server.workers?.occupation.waiting === 3)
    gone.socket.terminate()
    await eventually('one has left', () => server.workers?.occupation.waiting === 2)
    held[0].socket.terminate()
    assert.deepEqual(rows(await later[0].done), [{ one: 1 }])
    assert.deepEqual(rows(await later[1].done), [{ two: 2 }])
    held[1].socket.terminate()
  })
})

test('without workers, queries run where the sockets are', async () => {
  await withServer({ 'server.workers': 0 }, async (server) => {
    assert.equal(server.workers, undefined)
    assert.deepEqual(await ask(server, 'anna', 'SELECT n FROM small WHERE n > 2'), [{ n: 3 }])
  })
})
