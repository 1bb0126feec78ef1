/** How a server leaves service: what balancers see, what is still taken, and what ends the waits. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { type Clock, systemClock } from '../../../../src/lib/clock.ts'
import { record } from '../../../../src/protocol/frames.ts'
import type { RunningServer } from '../../../../src/server/start.ts'
import type { Run } from '../../../../src/server/socket/session.ts'
import { startBroker } from '../../../../src/sandbox/broker.ts'
import { eventually } from '../../../support/eventually.ts'
import { ask, BEARER, converse, DEMO_PATH, fakeEnvironment, startFixture, summary } from '../fixture.ts'

const LEADER_NOT_AVAILABLE = 5
const JSON_OF_50 = 'Content-Type: application/json\r\nContent-Length: 50'
const DELAY_MS = 61_000
const GRACE_MS = 122_000
const LIMITS = { 'shutdown.delay': '61s', 'shutdown.grace': '122s' }

/** Time stands still; `pass` is the end of the wait of that length. */
function standing() {
  const waiting = new Map<number, () => void>()
  const clock: Clock = {
    ...systemClock,
    after(delayMs, run) {
      waiting.set(delayMs, run)
      return { cancel: () => void waiting.delete(delayMs) }
    },
    every: () => ({ cancel: () => undefined }),
  }
  const pass = (delayMs: number) => {
    const run = waiting.get(delayMs)
    assert.ok(run !== undefined, `something waits for ${delayMs} ms`)
    waiting.delete(delayMs)
    run()
  }
  return { clock, waits: (delayMs: number) => waiting.has(delayMs), pass }
}

/** `long` runs until it is let go or ended, everything else is done at once. */
function held() {
  const gate = Promise.withResolvers<void>()
  let running = 0
  const run: Run = async (request, _environment, sink, signal) => {
    if (request.sql === 'long') {
      running++
      await Promise.race([gate.promise, once(signal, 'abort')])
    }
    if (signal.aborted) return summary({ outcome: 'cancelled' })
    sink.send(record('1', 0, 'r', null))
    return summary({ results: 1 })
  }
  return { run, letGo: gate.resolve, begun: () => eventually('it runs', () => running > 0) }
}

async function start(limits: Record<string, string> = LIMITS) {
  const time = standing()
  const query = held()
  const { server } = await startFixture(query.run, { limits }, { clock: time.clock })
  return { server, time, query }
}

async function stateOf(server: RunningServer, path: string): Promise<[number, unknown]> {
  const answer = await fetch(server.url + path)
  return [answer.status, ((await answer.json()) as { state: string }).state]
}

const rest = (server: RunningServer) => fetch(`${server.url}/api/v1/environments`, { headers: BEARER })
const types = async (talk: ReturnType<typeof converse>) => (await talk).frames.map(({ type }) => type)

/** The status with which a WebSocket is refused. */
async function refusal(server: RunningServer): Promise<number> {
  const ws = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: BEARER })
  const [, response] = await once(ws, 'unexpected-response')
  response.resume()
  return response.statusCode
}

describe('a server that is asked to stop', () => {
  it('goes on for shutdown.delay and says so, then takes nothing new, then ends with its last query', async () => {
    const { server, time, query } = await start()
    assert.deepEqual(await stateOf(server, '/health'), [200, 'ready'])
    assert.deepEqual(await stateOf(server, '/health/live'), [200, 'ready'])
    const long = types(converse(server, DEMO_PATH, ask('long'), BEARER))
    await query.begun()

    const closed = server.close()
    assert.deepEqual(await stateOf(server, '/health'), [503, 'draining'])
    assert.deepEqual(await stateOf(server, '/health/live'), [200, 'draining'])
    assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^sluice_draining 1$/m)
    assert.equal((await rest(server)).status, 200, 'calls are answered during the delay')
    assert.deepEqual(await types(converse(server, DEMO_PATH, ask('short'), BEARER)), ['RECORD', 'END'])

    time.pass(DELAY_MS)
    const refused = await rest(server)
    assert.equal(refused.status, 503)
    assert.equal(refused.headers.get('connection'), 'close')
    assert.equal(((await refused.json()) as { title: string }).title, 'The server is shutting down.')
    assert.equal(await refusal(server), 503)
    assert.deepEqual(await stateOf(server, '/health'), [503, 'draining'])
    assert.deepEqual(await stateOf(server, '/health/live'), [200, 'draining'])
    assert.equal((await fetch(`${server.url}/metrics`)).status, 200)

    query.letGo()
    assert.deepEqual(await long, ['RECORD', 'END'])
    await closed
    await assert.rejects(fetch(`${server.url}/health/live`))
  })

  it('takes nothing new at once where there is no delay, and ends queries after shutdown.grace', async () => {
    const { server, time, query } = await start({ 'shutdown.grace': '122s' })
    const long = converse(server, DEMO_PATH, ask('long'), BEARER)
    await query.begun()
    const closed = server.close()
    assert.deepEqual(await stateOf(server, '/health'), [503, 'draining'])
    assert.equal((await rest(server)).status, 503)
    time.pass(GRACE_MS)
    const { frames } = await long
    assert.deepEqual(
      frames.map(({ type }) => type),
      ['ERROR', 'END'],
    )
    assert.match(String(frames[0].data), /shutdown\.grace/)
    await closed
  })

  it('is hurried through the delay and the grace by a second call', async () => {
    const { server, time, query } = await start()
    const long = types(converse(server, DEMO_PATH, ask('long'), BEARER))
    await query.begun()
    const closed = server.close()
    assert.ok(time.waits(DELAY_MS))
    void server.close(0)
    assert.deepEqual(await long, ['ERROR', 'END'])
    await closed
    assert.ok(!time.waits(DELAY_MS) && !time.waits(GRACE_MS))
  })

  it('waits for nothing when it is to end at once', async () => {
    const { server, time } = await start()
    const closed = server.close(0)
    assert.ok(!time.waits(DELAY_MS))
    await closed
  })

  it('waits for no request that is not complete: not at all for half a head, and until it is hurried for half a body', async () => {
    const { server, time } = await start({})
    const halves = [
      '',
      'GET /health HTTP/1.1\r\nHost: x\r\n',
      `POST /api/login HTTP/1.1\r\nHost: x\r\n${JSON_OF_50}\r\n\r\n{"u`,
    ]
    const sockets = await Promise.all(
      halves.map(async (text) => {
        const socket = connect(server.port, server.host)
        socket.on('error', () => undefined)
        await once(socket, 'connect')
        socket.write(text)
        return { socket, ended: once(socket, 'close') }
      }),
    )
    const [nothing, head, body] = sockets
    // Answered behind what the others have sent.
    assert.equal((await fetch(`${server.url}/health`)).status, 200)
    const closed = server.close()
    await eventually('it closes', () => time.waits(1000))
    time.pass(1000)
    await Promise.all([nothing.ended, head.ended])
    assert.equal(body.socket.destroyed, false)
    void server.close(0)
    await Promise.all([body.ended, closed])
  })
})

describe('a Kafka that does not answer', () => {
  it('leaves the server ready, since no other would reach it; the metrics report it', async () => {
    const probe = async () => {
      throw new Error('no broker answers')
    }
    const { server } = await startFixture(undefined, {}, { open: async ({ name }) => fakeEnvironment(name, { probe }) })
    try {
      assert.deepEqual(await stateOf(server, '/health'), [200, 'ready'])
      const metrics = await (await fetch(`${server.url}/metrics`)).text()
      assert.match(metrics, /^sluice_kafka_up\{environment="demo"\} 0$/m)
      assert.match(metrics, /^sluice_draining 0$/m)
    } finally {
      await server.close(0)
    }
  })

  it('keeps a server out of service that has never read the state topic, for two minutes', async () => {
    let passedMs = 0
    const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passedMs }
    const broker = await startBroker()
    const config = {
      environments: [{ name: 'demo', kafka: { brokers: [broker.bootstrap], retryTimeout: '200ms' } }],
      state: { topic: 'state' },
      limits: { 'server.workers': 0 },
    }
    broker.faults.set({ kind: 'error', api: 'ListOffsets', topic: 'state', code: LEADER_NOT_AVAILABLE, times: 100_000 })
    const { server } = await startFixture(undefined, config, { open: undefined, clock })
    try {
      assert.deepEqual(await stateOf(server, '/health'), [503, 'starting'])
      assert.deepEqual(await stateOf(server, '/health/live'), [200, 'starting'])
      passedMs = 120_000
      assert.deepEqual(await stateOf(server, '/health'), [200, 'ready'])
      passedMs = 0
      broker.faults.clear()
      await eventually('it is read', async () => (await stateOf(server, '/health'))[1] === 'ready')
    } finally {
      await server.close(0)
      await broker.close()
    }
  })
})
