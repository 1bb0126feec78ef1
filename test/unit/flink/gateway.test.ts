/** A SQL gateway that answers anything but what it should. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { FlinkError, FlinkSession, MAX_ANSWER_BYTES, sentenceOf } from '../../../src/flink/gateway.ts'
import { eventually } from '../../support/eventually.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

let server: Server | undefined
const asked: string[] = []
const statements: string[] = []
/** What the sessions called their jobs, the newest at the end. */
const jobNames: string[] = []

async function session(
  answer: Answer,
  signal = new AbortController().signal,
  requestTimeoutMs = 60_000,
  rest?: string,
  options?: Record<string, string>,
  planTimeoutMs?: number,
) {
  asked.length = 0
  statements.length = 0
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    request.on('data', (body: Buffer) => {
      const { statement, properties } = JSON.parse(String(body)) as {
        statement?: string
        properties?: Record<string, string>
      }
      if (statement !== undefined) statements.push(statement)
      if (properties !== undefined) jobNames.push(properties['pipeline.name'])
    })
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return new FlinkSession(
    { gateway: `http://127.0.0.1:${port}`, rest, requestTimeoutMs, options, planTimeoutMs },
    signal,
  )
}

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

const json = (response: ServerResponse, value: object, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

/** A gateway of which all but the results is in order. */
const withResults =
  (results: (page: number) => object): Answer =>
  ({ method, url = '' }, response) => {
    const page = /result\/(\d+)/.exec(url)?.[1]
    if (page !== undefined) return json(response, results(Number(page)))
    if (method === 'POST' && url === '/v3/sessions') return json(response, { sessionHandle: 's' })
    if (url.endsWith('/statements')) return json(response, { operationHandle: 'o' })
    json(response, {})
  }

const nextOf = (page: number) => `/v3/sessions/s/operations/o/result/${page + 1}?rowFormat=JSON`

describe('a SQL gateway', () => {
  it('gives rows page by page; the operation and the session are closed', async () => {
    const s = await session(
      withResults((page) =>
        page < 3
          ? { resultType: 'PAYLOAD', results: { data: [{ fields: [page] }] }, nextResultUri: nextOf(page) }
          : { resultType: 'EOS' },
      ),
    )
    await s.open('x')
    const rows: unknown[] = []
    for await (const page of s.query('SELECT 1')) rows.push(...page)
    assert.deepEqual(rows, [[0], [1], [2]])
    await s.close()
    assert.ok(asked.includes('DELETE /v3/sessions/s/operations/o/close'))
    assert.ok(asked.includes('DELETE /v3/sessions/s'))
  })

  it('that is left before the end ends what runs', async () => {
    const abort = new AbortController()
    const [mine, other] = ['a'.repeat(32), 'b'.repeat(32)]
    // The job was submitted while its operation was closed: only its name is known.
    const jobs = () => [
      { fields: [mine, jobNames.at(-1), 'RUNNING', ''] },
      { fields: [other, 'y', 'RUNNING', ''] },
      { fields: [other, jobNames.at(-1), 'FINISHED', ''] },
    ]
    const isClosed = () => asked.some((line) => line.startsWith('DELETE'))
    const s = await session(
      withResults((page) =>
        isClosed()
          ? { resultType: 'EOS', results: { data: jobs() } }
          : { resultType: 'NOT_READY', nextResultUri: nextOf(page) },
      ),
      abort.signal,
    )
    await s.open('x')
    const next = s.query('SELECT 1').next()
    const rejected = assert.rejects(next, /over/)
    await eventually('a result is asked for', () => asked.some((line) => line.includes('result')))
    abort.abort(new Error('over'))
    await rejected
    await s.close()
    assert.ok(asked.includes('DELETE /v3/sessions/s/operations/o/close'))
    assert.ok(asked.includes('DELETE /v3/sessions/s'))
    const stopped = statements.filter((statement) => statement.startsWith('STOP'))
    assert.deepEqual([...new Set(stopped)], [`STOP JOB '${mine}'`])
  })

  it('that is lost: the job is cancelled at the JobManager, which is asked for it by name', async () => {
    const abort = new AbortController()
    const manager: string[] = []
    const [mine, other] = ['a'.repeat(32), 'b'.repeat(32)]
    const rest = createServer((request, response) => {
      manager.push(`${request.method} ${request.url}`)
      const jobs = [
        { jid: mine, name: jobNames.at(-1), state: 'RUNNING' },
        { jid: other, name: jobNames.at(-1), state: 'FINISHED' },
        { jid: other, name: 'y', state: 'RUNNING' },
      ]
      json(response, { jobs })
    })
    rest.listen(0, '127.0.0.1')
    await once(rest, 'listening')
    const s = await session(
      withResults((page) => ({ resultType: 'NOT_READY', nextResultUri: nextOf(page) })),
      abort.signal,
      60_000,
      `http://127.0.0.1:${(rest.address() as AddressInfo).port}`,
    )
    await s.open('x')
    const rejected = assert.rejects(s.query('SELECT 1').next(), /over/)
    await eventually('a result is asked for', () => asked.some((line) => line.includes('result')))
    server?.closeAllConnections()
    server?.close()
    abort.abort(new Error('over'))
    await rejected
    await s.close()
    rest.close()
    const cancelled = manager.filter((line) => line.startsWith('PATCH'))
    assert.deepEqual([...new Set(cancelled)], [`PATCH /v1/jobs/${mine}?mode=cancel`])
  })

  it('that does not answer any more holds a statement that is over for one closing time at most', async (t) => {
    const abort = new AbortController()
    let isStalled = false
    const s = await session((request, response) => {
      if (!isStalled)
        withResults((page) => ({ resultType: 'NOT_READY', nextResultUri: nextOf(page) }))(request, response)
    }, abort.signal)
    await s.open('x')
    const rejected = assert.rejects(s.query('SELECT 1').next(), /over/)
    await eventually('a result is asked for', () => asked.some((line) => line.includes('result')))
    isStalled = true
    abort.abort(new Error('over'))
    await rejected
    const times: number[] = []
    t.mock.method(AbortSignal, 'timeout', (ms: number) => {
      times.push(ms)
      return AbortSignal.abort(new Error('late'))
    })
    await s.close()
    // One for all, and a shorter one for its first step.
    assert.deepEqual(times, [10_000, 3000])
  })

  it('whose job is known is not looked for it: closing the operation ends it', async () => {
    const abort = new AbortController()
    const s = await session(
      withResults((page) => ({
        resultType: 'PAYLOAD',
        jobID: 'j',
        results: { data: [{ fields: [page] }] },
        nextResultUri: nextOf(page),
      })),
      abort.signal,
    )
    await s.open('x')
    for await (const _ of s.query('SELECT 1')) break
    await s.close()
    assert.deepEqual(asked.slice(-2), ['DELETE /v3/sessions/s/operations/o/close', 'DELETE /v3/sessions/s'])
    assert.deepEqual(statements, ['SELECT 1'])
  })

  describe('that stops in the middle of the rows', () => {
    const first = { resultType: 'PAYLOAD', results: { data: [{ fields: ['1'] }] }, nextResultUri: nextOf(0) }
    for (const [what, second, sentence] of [
      ['nothing', '', /something that is no JSON/],
      ['a list', '[]', /without rows, and without the end of them/],
      ['no member', '{}', /without rows, and without the end of them/],
      ['a word that is unknown', '{"resultType":"LATER","nextResultUri":"/x"}', /without rows, and without the end/],
      ['no next page', '{"resultType":"PAYLOAD","results":{"data":[]}}', /neither the end of the rows nor the next/],
      ['no next page, and not ready', '{"resultType":"NOT_READY"}', /neither the end of the rows nor the next/],
      ['a next page that is null', '{"resultType":"PAYLOAD","nextResultUri":null}', /neither the end of the rows nor/],
      ['the same page again', JSON.stringify({ ...first, nextResultUri: nextOf(0) }), /next page is the same one/],
      ['rows that are a text', '{"resultType":"EOS","results":{"data":"x"}}', /rows that are none/],
      ['rows without fields', '{"resultType":"EOS","results":{"data":[{}]}}', /rows that are none/],
      ['an error that is no list', '{"errors":"x"}', /answered 200/],
    ] as const)
      it(`with ${what} is an error, and no end of them`, async () => {
        const answered = withResults(() => first)
        const s = await session((request, response) => {
          if (request.url?.includes('result/1') === true) response.writeHead(200).end(second)
          else answered(request, response)
        })
        await s.open('x')
        const rows: unknown[] = []
        const read = async (): Promise<void> => {
          for await (const page of s.query('SELECT 1')) rows.push(...page)
        }
        await assert.rejects(read(), (error: Error) => error instanceof FlinkError && sentence.test(error.message))
        assert.deepEqual(rows, [['1']])
      })
  })

  it('has a name for the jobs of each session: the end of one ends none of another with the same title', async () => {
    const s = await session(withResults(() => ({ resultType: 'EOS' })))
    await s.open('x')
    await s.open('x')
    const [one, next] = jobNames.slice(-2)
    assert.match(one, /^x ./)
    assert.match(next, /^x ./)
    assert.notEqual(one, next)
  })

  it('gives each session what its jobs need, and no heartbeats that nobody sends', async () => {
    let properties: Record<string, string> = {}
    const s = await session((request, response) => {
      request.on('data', (body: Buffer) => {
        properties = (JSON.parse(String(body)) as { properties: Record<string, string> }).properties
      })
      request.on('end', () => json(response, { sessionHandle: 's' }))
    })
    await s.open('x')
    assert.equal(properties['execution.runtime-mode'], 'batch')
    assert.equal(properties['execution.shutdown-on-attached-exit'], 'false')
  })

  describe('whose planner fails', () => {
    const fault = ['java.lang.StackOverflowError\n\tat org.apache.calcite.rex.RexShuttle.apply(RexShuttle.java:1)']
    const rows = { resultType: 'EOS', results: { data: [{ fields: [7] }] } }
    const ask = async (s: FlinkSession) => {
      await s.open('x')
      const all: unknown[] = []
      for await (const page of s.query('SELECT 1')) all.push(...page)
      return all
    }
    const SET = "SET 'table.optimizer.agg-phase-strategy' = 'AUTO'"

    it('with two phases of groups is asked once more, with as many as it likes', async () => {
      const s = await session(withResults(() => (statements.length === 1 ? { errors: fault } : rows)))
      assert.deepEqual(await ask(s), [[7]])
      assert.deepEqual(statements, ['SELECT 1', SET, 'SELECT 1'])
    })
    it('again gives the statement back', async () => {
      const s = await session(withResults(() => (statements.at(-1) === SET ? rows : { errors: fault })))
      await assert.rejects(ask(s), /gave the statement back: its planner failed: java\.lang\.StackOverflowError/)
      assert.deepEqual(statements, ['SELECT 1', SET, 'SELECT 1'])
    })
    it('behind the first rows is not asked again', async () => {
      const first = { ...rows, resultType: 'PAYLOAD', nextResultUri: nextOf(0) }
      const late = await session(withResults((page) => (page === 0 ? first : { errors: fault })))
      await assert.rejects(ask(late), /its planner failed/)
      assert.deepEqual(statements, ['SELECT 1'])
    })
    it('in phases that the configuration chose is not asked again', async () => {
      const chosen = await session(
        withResults(() => ({ errors: fault })),
        undefined,
        undefined,
        undefined,
        { 'table.optimizer.agg-phase-strategy': 'ONE_PHASE' },
      )
      await assert.rejects(ask(chosen), /its planner failed/)
      assert.deepEqual(statements, ['SELECT 1'])
    })
  })

  it('with a page of stack traces says its last sentence', () => {
    const trace = [
      'Internal server error.',
      '<Exception on server side:\norg.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed\n\tat a.b(C.java:1)\nCaused by: org.apache.flink.table.api.ValidationException: SQL validation failed. Column x\n\tat d\nEnd of exception on server side>',
    ]
    assert.equal(
      sentenceOf(trace, 500),
      'Flink could not run the statement: ValidationException: SQL validation failed. Column x',
    )
  })

  it('whose job a value has ended says our sentence', () => {
    const trace = [
      "Caused by: java.lang.NumberFormatException: For input string: 'sluice: a list: [1]'. Invalid character found.",
    ]
    assert.equal(
      sentenceOf(trace, 500),
      'Flink gave the statement back: a list: [1]. Leave it to Sluice: SET engine = sluice.',
    )
  })
  it('gives the statement back where the planner itself fails', () => {
    const failed = (where: string) =>
      [
        'org.apache.flink.table.gateway.service.utils.SqlExecutionException: Failed to execute the operation.',
        'Caused by: java.lang.IndexOutOfBoundsException: Index 2 out of bounds for length 2',
        '\tat java.base/java.util.Objects.checkIndex(Objects.java:385)',
        `\tat ${where}(Some.java:1)`,
      ].join('\n')
    assert.match(
      sentenceOf([failed('org.apache.calcite.rel.rules.SomeRule.onMatch')], 500),
      /^Flink gave the statement back: its planner failed: .*Index 2 out of bounds/,
    )
    assert.match(sentenceOf([failed('org.example.Job.run')], 500), /^Flink could not run the statement: /)
  })

  it('gives the statement back where a topic got partitions in the meantime', () => {
    const said =
      'java.lang.IllegalArgumentException: Unexpected size of key set: expected >= 1, but got 0\n\tat x.Y.z(Y.java:1)'
    assert.match(
      sentenceOf([`org.apache.flink.X: failed\nCaused by: ${said}`], 500),
      /gave the statement back: a topic has other/,
    )
  })

  it('gives the statement back where a task has failed, and does not say of what', () => {
    const said =
      'org.apache.flink.runtime.operators.coordination.TaskNotRunningException: Task is not running, but FAILED'
    assert.match(
      sentenceOf([`Caused by: ${said}\n\tat x.Y.z(Y.java:1)`], 500),
      /gave the statement back: a task of its/,
    )
  })

  it('gives the statement back where the compiler of generated code fails', () => {
    assert.match(
      sentenceOf(
        [
          'Caused by: java.lang.RuntimeException: Could not instantiate generated class',
          'Caused by: org.codehaus.commons.compiler.InternalCompilerException: Invalid local variable index 16',
        ],
        500,
      ),
      /^Flink gave the statement back: its planner failed: .*variable index 16/,
    )
  })

  it('gives the statement back where the planner finds no way, and where Avro meets a record of another kind', () => {
    assert.match(
      sentenceOf(
        ['Caused by: org.apache.calcite.plan.RelOptPlanner$CannotPlanException: There are not enough rules'],
        500,
      ),
      /^Flink gave the statement back: its planner failed: .*not enough rules/,
    )
    assert.match(
      sentenceOf(['Caused by: org.apache.avro.AvroTypeException: Found old.Flag, expecting union'], 500),
      /^Flink gave the statement back: a record does not fit the newest schema of its topic there: .*Found old.Flag/,
    )
  })

  for (const [what, answer, sentence] of [
    ['answers no JSON', (_, r) => void r.end('<html>'), /something that is no JSON/],
    ['answers a number', (_, r) => void r.end('5'), /something that is no JSON/],
    ['answers without a handle', (_, r) => json(r, {}), /without sessionHandle/],
    ['answers 500 without a word', (_, r) => json(r, {}, 500), /answered 500/],
    ['leads elsewhere', (_, r) => void r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end('{}'), /answered 302/],
    ['breaks the connection', (request) => void request.socket.destroy(), /could not be asked/],
  ] as [string, Answer, RegExp][])
    it(`that ${what} is an error`, async () => {
      const s = await session(answer)
      await assert.rejects(s.open('x'), (error: Error) => error instanceof FlinkError && sentence.test(error.message))
    })

  it('that does not come to the end of a plan has its time', async () => {
    const s = await session(
      withResults((page) => ({ resultType: 'NOT_READY', nextResultUri: nextOf(page) })),
      undefined,
      undefined,
      undefined,
      undefined,
      50,
    )
    await s.open('x')
    await assert.rejects(s.query('SELECT 1').next(), /its plan was not made within 50 ms \(flink\.planTimeout\)/)
    await s.close()
    assert.ok(asked.includes('DELETE /v3/sessions/s/operations/o/close'))
  })

  it('whose job gives nothing for long is waited for', async () => {
    const s = await session(
      withResults((page) =>
        page < 4
          ? { resultType: 'PAYLOAD', jobID: 'j', results: { data: [] }, nextResultUri: nextOf(page) }
          : { resultType: 'EOS' },
      ),
      undefined,
      undefined,
      undefined,
      undefined,
      1,
    )
    await s.open('x')
    assert.deepEqual(await s.query('SELECT 1').next(), { done: true, value: undefined })
  })

  it('that does not answer is an error after its time', async () => {
    const s = await session(() => undefined, undefined, 50)
    await assert.rejects(s.open('x'), /did not answer within 50 ms \(flink\.requestTimeout\)/)
  })

  it('that answers without end is an error that names the limit', async () => {
    const chunk = Buffer.alloc(1 << 20, 32)
    const s = await session((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    await assert.rejects(
      s.open('x'),
      new RegExp(`more than ${MAX_ANSWER_BYTES} bytes \\(flink\\.answer\\.max\\.bytes\\)`),
    )
  })

  it('that opens a session when nobody waits for it any more is told to close it', async () => {
    const abort = new AbortController()
    let open: (() => void) | undefined
    const late = await session((request, response) => {
      if (request.method === 'POST') open = () => json(response, { sessionHandle: 's' })
      else json(response, {})
    }, abort.signal)
    const rejected = assert.rejects(late.open('t'), /the statement is over/)
    await eventually('it was asked', () => open !== undefined)
    abort.abort(new Error('the statement is over'))
    await rejected
    open?.()
    await eventually('it is closed', () => asked.includes('DELETE /v3/sessions/s'))
  })

  it('gives the statement back where a number has another size than its type', () => {
    const said =
      'java.lang.RuntimeException: One or more fetchers have encountered exception\nCaused by: org.apache.flink.formats.raw.RawFormatDeserializationSchema$DeserializationException: Size of data received for deserializing BIGINT type is not 8.'
    assert.match(sentenceOf([said], 500), /Flink gave the statement back: a key or value has another size/)
  })

  it('is not asked any more once the statement is over', async () => {
    const abort = new AbortController()
    const s = await session(
      withResults(() => ({ resultType: 'EOS' })),
      abort.signal,
    )
    abort.abort(new Error('over'))
    await assert.rejects(s.open('x'), /over/)
    assert.deepEqual(asked, [])
  })
})
