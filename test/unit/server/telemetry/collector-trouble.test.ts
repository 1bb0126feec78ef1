/** A collector that is down, slow or answers with errors costs queries nothing; what is lost is counted and said once. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { RunningServer } from '../../../../src/server/start.ts'
import { Collector } from '../../../support/collector.ts'
import { eventually } from '../../../support/eventually.ts'
import { AGENT_PATH, ask, converse, DEMO_PATH, BEARER, type Fixture, startFixture, TOKEN } from '../fixture.ts'

/** Nothing listens at port 1 of this machine. */
const DEAD = 'http://127.0.0.1:1/v1/traces?key=secret-key'
/** One try a request. */
const SHORT = { 'telemetry.traces.timeout': '100ms' }

async function spans(server: RunningServer): Promise<{ readonly sent: number; readonly dropped: number }> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const count = (outcome: string) =>
    Number(new RegExp(`^sluice_trace_spans_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 'NaN')
  return { sent: count('sent'), dropped: count('dropped') }
}

const lines = ({ logged }: Fixture, about: string) => logged.filter((line) => line.includes(about))

async function fixture(endpoint: string, limits: Record<string, unknown> = SHORT): Promise<Fixture> {
  return await startFixture(undefined, { telemetry: { traces: { endpoint } }, limits })
}

describe('a collector', () => {
  it('that is down: queries answer, spans are counted, one line says so without the key in the address', async () => {
    const world = await fixture(DEAD)
    try {
      for (let round = 1; round <= 2; round++) {
        const { frames } = await converse(world.server, DEMO_PATH, ask('anything'), BEARER)
        assert.deepEqual(
          frames.map(({ type }) => type),
          ['RECORD', 'RECORD', 'END'],
        )
        await eventually('dropped', async () => (await spans(world.server)).dropped === round)
      }
      const [said, ...more] = lines(world, 'traces cannot be sent')
      assert.deepEqual(more, [])
      assert.match(said, /ECONNREFUSED/)
      assert.ok(!said.includes('secret-key'))
    } finally {
      await world.server.close(0)
    }
  })

  it('that answers 500, and then is well: both are said', async () => {
    const collector = await Collector.start('fails')
    const world = await fixture(collector.endpoint, {})
    try {
      await converse(world.server, DEMO_PATH, ask('anything'), BEARER)
      await eventually('dropped', async () => (await spans(world.server)).dropped === 1)
      assert.match(lines(world, 'traces cannot be sent')[0], /the collector answered 500/)
      collector.manner = 'takes'
      await converse(world.server, DEMO_PATH, ask('anything'), BEARER)
      await eventually('sent', async () => (await spans(world.server)).sent === 1)
      assert.equal(lines(world, 'traces are sent again').length, 1)
    } finally {
      await world.server.close(0)
      await collector.close()
    }
  })

  it('that never answers: no more wait than the limit allows, and the server stops in time', async () => {
    const collector = await Collector.start('hangs')
    const world = await fixture(collector.endpoint, {
      'telemetry.traces.queue': 5,
      'telemetry.traces.timeout': '1m',
      'shutdown.traces': '50ms',
      'max.concurrent.queries.per.user': 0,
    })
    try {
      // Five are with the collector, five wait.
      for (let i = 0; i < 20; i++) await converse(world.server, DEMO_PATH, ask('anything'), BEARER)
      assert.equal((await spans(world.server)).dropped, 10)
      assert.match(lines(world, 'traces cannot be sent')[0], /telemetry\.traces\.queue/)
    } finally {
      await world.server.close(0)
      // For a process that does not end with its server: what was under way is answered.
      collector.release()
      await eventually('the rest', () => collector.spans.length === 10)
      await collector.close()
    }
  })

  it('gets all that waits when the server stops', async () => {
    const collector = await Collector.start('hangs')
    const unhurried = {
      'telemetry.traces.timeout': '5m',
      'shutdown.traces': '1m',
      'max.concurrent.queries.per.user': 0,
    }
    const world = await fixture(collector.endpoint, unhurried)
    const client = async () => {
      for (let i = 0; i < 50; i++) await converse(world.server, AGENT_PATH, ask('anything', { token: TOKEN }))
    }
    await Promise.all(Array.from({ length: 20 }, client))
    collector.release()
    await world.server.close(0)
    assert.equal(collector.spans.length, 1000)
    assert.deepEqual(lines(world, 'traces cannot be sent'), [])
    await collector.close()
  })

  it('that is down, and a thousand queries', async () => {
    const world = await fixture(DEAD, { ...SHORT, 'telemetry.traces.queue': 10, 'max.concurrent.queries.per.user': 0 })
    try {
      let answered = 0
      const client = async () => {
        for (let i = 0; i < 50; i++) {
          const { frames } = await converse(world.server, AGENT_PATH, ask('anything', { token: TOKEN }))
          if (frames.at(-1)?.type === 'END') answered++
        }
      }
      await Promise.all(Array.from({ length: 20 }, client))
      assert.equal(answered, 1000)
      await eventually('dropped', async () => (await spans(world.server)).dropped === 1000)
      assert.equal(lines(world, 'traces cannot be sent').length, 1)
    } finally {
      await world.server.close(0)
    }
  })
})

describe('a server without traces', () => {
  it('loads nothing for them, one with traces does', async () => {
    const loaded = async (telemetry: object): Promise<string> => {
      const program = `
        import { registerHooks } from 'node:module'
        const seen = new Set()
        registerHooks({ load: (url, context, next) => { seen.add(url); return next(url, context) } })
        const { startFixture } = await import(${JSON.stringify(new URL('../fixture.ts', import.meta.url).href)})
        const { server } = await startFixture(undefined, ${JSON.stringify(telemetry)})
        await server.close(0)
        console.log([...seen].filter((url) => /opentelemetry\\/(sdk|otlp|resources|core)/.test(url)).length)`
      const args = ['--input-type=module', '--eval', program]
      return (await promisify(execFile)(process.execPath, args)).stdout.trim()
    }
    const [off, on] = await Promise.all([loaded({}), loaded({ telemetry: { traces: { endpoint: DEAD } } })])
    assert.equal(off, '0')
    assert.ok(Number(on) > 20, on)
  })
})
