/**
 * The REST API of Flink's SQL gateway (v3, `docs/dev/table/sql-gateway/rest` of Flink 2.2): a session, its statements,
 * their results page by page. Every answer is bounded; errors are sentences without stack traces.
 */
import { randomUUID } from 'node:crypto'
import { systemClock, sleep } from '../lib/clock.ts'
import { UserError } from '../lib/user-error.ts'
import { GUARD } from './translate/terms.ts'

/** Where Flink is, and what jobs of a session have. */
export interface FlinkConfig {
  /** `http://host:8083`, without a path behind it. */
  readonly gateway: string
  /** REST of the JobManager, `http://host:8081`: how far a job is, and its end where the gateway is lost. */
  readonly rest?: string
  /** Parallel parts of a job; undefined: as the cluster has it. */
  readonly parallelism?: number
  /** Further options of each session. */
  readonly options?: Readonly<Record<string, string>>
  /** Properties of the Kafka connector, where Flink reaches Kafka in another way than this server does. */
  readonly kafka?: Readonly<Record<string, string>>
  /** The schema registry, where Flink reaches it at another address than this server. */
  readonly registry?: string
  /** Milliseconds that the gateway may take to answer one request. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** Milliseconds that the plan of a statement may take, until its job is submitted. Default 300,000. */
  readonly planTimeoutMs?: number
}

/** Flink said no, or nothing. */
export class FlinkError extends UserError {
  /** Another engine may have an answer. */
  get isGivenBack(): boolean {
    return this.message.startsWith(BACK)
  }
}

const BACK = 'Flink gave the statement back: '

/** Its planner failed, and had nothing to say about the statement. */
class PlannerFault extends FlinkError {}

/**
 * How groups are made: two phases, of which the first one groups what each task reads, and one, which brings each record
 * to the task of its group. Without statistics Flink takes the one.
 */
const PHASES = 'table.optimizer.agg-phase-strategy'

/**
 * Limit `flink.answer.max.bytes` (bytes): one answer of the SQL gateway. Beyond it: an error. Its pages hold some
 * thousand rows at most.
 */
export const MAX_ANSWER_BYTES = 128 * 1024 * 1024
/** Default of `requestTimeoutMs`. */
const REQUEST_MS = 30_000
/** Default of `planTimeoutMs`. */
const PLAN_MS = 300_000
/** How long until a result that is not there is asked for again: at first, and at most. */
const ASK_AGAIN_MS = 20
const SLOWEST_ASK_MS = 500
/** How long the end of a session may take, with all that is done for it; and the end of an operation alone. */
const CLOSE_MS = 10_000
const CLOSE_OPERATION_MS = 3000

/** How often a job is looked for that may still come. */
const LOOKS_FOR_JOBS = 2
/** States of a job that has ended or is about to. */
const ENDED: Readonly<Record<string, true>> = {
  FINISHED: true,
  FAILED: true,
  CANCELED: true,
  CANCELLING: true,
  FAILING: true,
}

/** One row: a text, number, boolean or null for each column. */
export type FlinkRow = readonly (string | number | boolean | null | readonly (string | null)[])[]

interface Page {
  readonly rows: readonly FlinkRow[]
  readonly jobId: string | undefined
  /** Its plan is made, and its job submitted where it has one. */
  readonly isPlanned: boolean
  /** Where the next page is; undefined: it was the last one, and said so. */
  readonly next: string | undefined
}

/** One session of the gateway: temporary tables live and end with it. */
export class FlinkSession {
  readonly #config: FlinkConfig
  readonly #signal: AbortSignal
  #handle: string | undefined
  /** Of its jobs, and of no others: what is left of them is found by it and ended. */
  #name = ''
  /** The running statement, to be cancelled when the session ends before it. */
  #operation: string | undefined
  /** A statement was sent, and nobody has said yet under which operation. */
  #isSubmitting = false
  /** Id of the job of the last query that had one. */
  jobId: string | undefined
  #hasTwoPhases: boolean

  constructor(config: FlinkConfig, signal: AbortSignal) {
    this.#config = config
    this.#signal = signal
    this.#hasTwoPhases = config.options?.[PHASES] === undefined
  }

  /** `title`: begins the names of its jobs. Rejects with a FlinkError, or the signal's reason. */
  async open(title: string): Promise<void> {
    this.#name = `${title} ${randomUUID()}`
    const { parallelism, options } = this.#config
    const properties = {
      [PHASES]: 'TWO_PHASE',
      ...options,
      'execution.runtime-mode': 'batch',
      'table.local-time-zone': 'UTC',
      // Else the JobManager cancels the job after three minutes without a heartbeat, which the gateway never sends.
      'execution.shutdown-on-attached-exit': 'false',
      ...(parallelism === undefined ? {} : { 'parallelism.default': String(parallelism) }),
      'pipeline.name': this.#name,
    }
    const asked = this.#ask('POST', '/v3/sessions', { properties }, new AbortController().signal)
    // One that comes when nobody waits for it any more would be left behind.
    const opened = asked.then((answer) => {
      this.#handle = textOf(answer, 'sessionHandle')
      if (this.#signal.aborted) return this.close()
    })
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const leave = (): void => reject(this.#signal.reason)
    this.#signal.addEventListener('abort', leave, { once: true })
    try {
      await Promise.race([opened, aborted])
    } finally {
      this.#signal.removeEventListener('abort', leave)
      opened.catch(() => undefined)
    }
    this.#signal.throwIfAborted()
  }

  /** Runs a statement without rows (DDL). */
  async execute(statement: string): Promise<void> {
    for await (const _ of this.query(statement));
  }

  /**
   * The rows of a statement, page by page as they come. A plan of two phases is deeper: what the planner does not get over
   * it is asked for once more with as many as it likes.
   */
  async *query(statement: string): AsyncGenerator<readonly FlinkRow[]> {
    let began = false
    try {
      for await (const page of this.#query(statement)) {
        began = true
        yield page
      }
    } catch (cause) {
      if (began || !this.#hasTwoPhases || !(cause instanceof PlannerFault)) throw cause
      this.#hasTwoPhases = false
      for await (const _ of this.#query(`SET '${PHASES}' = 'AUTO'`));
      yield* this.#query(statement)
    }
  }

  async *#query(statement: string): AsyncGenerator<readonly FlinkRow[]> {
    this.#isSubmitting = true
    this.jobId = undefined
    const begun = await this.#ask('POST', `${this.#path}/statements`, { statement })
    const operation = textOf(begun, 'operationHandle')
    this.#operation = operation
    this.#isSubmitting = false
    let next = `${this.#path}/operations/${operation}/result/0?rowFormat=JSON`
    let waitMs = ASK_AGAIN_MS
    const { planTimeoutMs = PLAN_MS } = this.#config
    const late = systemClock.monotonic() + planTimeoutMs
    for (;;) {
      const page = pageOf(await this.#ask('GET', next), next)
      // Once a job is submitted, its result is ready, and empty at first.
      if (!page.isPlanned && systemClock.monotonic() > late)
        throw new FlinkError(givenBack(`its plan was not made within ${planTimeoutMs} ms (flink.planTimeout)`))
      this.jobId = page.jobId ?? this.jobId
      const { rows } = page
      if (rows.length > 0) {
        waitMs = ASK_AGAIN_MS
        yield rows
      }
      if (page.next === undefined) break
      next = page.next
      if (rows.length > 0) continue
      await sleep(systemClock, waitMs)
      this.#signal.throwIfAborted()
      waitMs = Math.min(waitMs * 1.5, SLOWEST_ASK_MS)
    }
    this.#operation = undefined
    await this.#ask('DELETE', `${this.#path}/operations/${operation}/close`).catch(() => undefined)
  }

  /** Cancels what runs and ends the session, within CLOSE_MS; never rejects. */
  async close(): Promise<void> {
    if (this.#handle === undefined) return
    const path = this.#path
    this.#handle = undefined
    const late = AbortSignal.timeout(CLOSE_MS)
    const end = (of: string, signal = late): Promise<boolean> =>
      this.#send('DELETE', of, undefined, { signal }).then(
        () => true,
        () => false,
      )
    // An operation whose rows are being fetched counts as finished and cannot be cancelled: closing it ends its job.
    if (this.#operation !== undefined || this.#isSubmitting) {
      const isClosed =
        this.#operation !== undefined &&
        (await end(`${path}/operations/${this.#operation}/close`, AbortSignal.timeout(CLOSE_OPERATION_MS)))
      const { rest } = this.#config
      const { jobId } = this
      // Of one that is known nothing can come any more.
      if (jobId !== undefined && rest !== undefined) await cancelJob(rest, jobId, late).catch(() => undefined)
      else if (jobId === undefined || !isClosed)
        await (rest === undefined ? this.#endJobs(path, late) : this.#cancelJobs(rest, late)).catch(() => undefined)
    }
    await end(path)
  }

  /** An operation that is closed while it submits its job leaves that behind: it is found by its name. */
  async #endJobs(path: string, late: AbortSignal): Promise<void> {
    const run = async (statement: string): Promise<readonly FlinkRow[]> => {
      const begun = await this.#send('POST', `${path}/statements`, { statement }, { signal: late })
      const result = `${path}/operations/${textOf(begun, 'operationHandle')}/result/0?rowFormat=JSON`
      for (;;) {
        const page = pageOf(await this.#send('GET', result, undefined, { signal: late }), result)
        if (page.isPlanned) return page.rows
        await sleep(systemClock, ASK_AGAIN_MS)
      }
    }
    for (let look = 0; look < LOOKS_FOR_JOBS; look++) {
      const left = (await run('SHOW JOBS')).filter(
        ([, name, state]) => name === this.#name && ENDED[String(state)] === undefined,
      )
      for (const [id] of left) if (/^[0-9a-f]{32}$/.test(String(id))) await run(`STOP JOB '${id}'`)
      await sleep(systemClock, SLOWEST_ASK_MS)
    }
  }

  /** The same through the JobManager, also when the gateway is lost. */
  async #cancelJobs(rest: string, late: AbortSignal): Promise<void> {
    for (let look = 0; look < LOOKS_FOR_JOBS; look++) {
      const answer = await fetch(new URL('/v1/jobs/overview', rest), { redirect: 'manual', signal: late })
      const text = await boundedText(answer, MAX_ANSWER_BYTES, 'flink.answer.max.bytes')
      const { jobs = [] } = JSON.parse(text) as { readonly jobs?: readonly Record<string, unknown>[] }
      for (const { jid, name, state } of jobs)
        if (name === this.#name && ENDED[String(state)] === undefined) await cancelJob(rest, String(jid), late)
      await sleep(systemClock, SLOWEST_ASK_MS)
    }
  }

  get #path(): string {
    return `/v3/sessions/${encodeURIComponent(this.#handle ?? '')}`
  }

  async #ask(method: string, path: string, body?: object, signal = this.#signal): Promise<object> {
    this.#signal.throwIfAborted()
    const { requestTimeoutMs = REQUEST_MS } = this.#config
    const late = AbortSignal.timeout(requestTimeoutMs)
    try {
      return await this.#send(method, path, body, { signal: AbortSignal.any([signal, late]) })
    } catch (cause) {
      this.#signal.throwIfAborted()
      if (cause instanceof FlinkError) throw cause
      throw new FlinkError(
        late.aborted
          ? `The SQL gateway of Flink did not answer within ${requestTimeoutMs} ms (flink.requestTimeout).`
          : `The SQL gateway of Flink could not be asked: ${reasonOf(cause)}.`,
      )
    }
  }

  async #send(method: string, path: string, body: object | undefined, { signal }: { signal: AbortSignal }) {
    const response = await fetch(new URL(path, this.#config.gateway), {
      method,
      redirect: 'manual',
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await boundedText(response, MAX_ANSWER_BYTES, 'flink.answer.max.bytes')
    let answer: unknown
    try {
      // What was closed or cancelled has nothing to say.
      answer = text === '' && method === 'DELETE' ? {} : JSON.parse(text)
    } catch {
      answer = undefined
    }
    if (typeof answer !== 'object' || answer === null)
      throw new FlinkError(`The SQL gateway of Flink answered ${response.status} with something that is no JSON.`)
    const errors = 'errors' in answer ? answer.errors : undefined
    if (!response.ok || errors !== undefined) {
      const said = Array.isArray(errors) ? errors.map(String) : [String(errors)]
      const sentence = sentenceOf(errors === undefined ? undefined : said, response.status)
      throw sentence.includes(PLANNER_FAILED) ? new PlannerFault(sentence) : new FlinkError(sentence)
    }
    return answer
  }
}

/** A job that has ended already stays as it is. */
async function cancelJob(rest: string, id: string, signal: AbortSignal): Promise<void> {
  const path = `/v1/jobs/${encodeURIComponent(id)}?mode=cancel`
  const answer = await fetch(new URL(path, rest), { method: 'PATCH', redirect: 'manual', signal })
  await answer.body?.cancel()
}

/** The body of an answer. Throws a FlinkError beyond `most` bytes, by the name of the limit. */
export async function boundedText(response: Response, most: number, limit: string): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > most) throw new FlinkError(`An answer of Flink has more than ${most} bytes (${limit}).`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

/**
 * A page of results. Rows end where Flink says that it was the last one (EOS), and nowhere else. Throws a FlinkError for
 * anything that is no page. `asked`: where it was.
 */
function pageOf(answer: object, asked: string): Page {
  const { resultType, jobID, results, nextResultUri } = answer as Readonly<Record<string, unknown>>
  if (resultType !== 'EOS' && resultType !== 'PAYLOAD' && resultType !== 'NOT_READY')
    throw new FlinkError('The SQL gateway of Flink answered without rows, and without the end of them.')
  if (resultType !== 'EOS' && typeof nextResultUri !== 'string')
    throw new FlinkError('The SQL gateway of Flink answered with neither the end of the rows nor the next page.')
  const data = (typeof results === 'object' && results !== null && 'data' in results ? results.data : undefined) ?? []
  const rows = Array.isArray(data)
    ? data.map((row: unknown) => (row as { readonly fields?: unknown } | null)?.fields)
    : []
  if (!Array.isArray(data) || !rows.every(isRow))
    throw new FlinkError('The SQL gateway of Flink answered with rows that are none.')
  const next = resultType === 'EOS' ? undefined : String(nextResultUri)
  if (rows.length > 0 && next === asked)
    throw new FlinkError('The SQL gateway of Flink answered with rows whose next page is the same one.')
  return { rows, jobId: typeof jobID === 'string' ? jobID : undefined, isPlanned: resultType !== 'NOT_READY', next }
}

function isRow(fields: unknown): fields is FlinkRow {
  return Array.isArray(fields)
}

function textOf(answer: object, name: string): string {
  const value = (answer as Record<string, unknown>)[name]
  if (typeof value !== 'string') throw new FlinkError(`The SQL gateway of Flink answered without ${name}.`)
  return value
}

function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return inner instanceof Error ? inner.message || ('code' in inner ? String(inner.code) : inner.name) : String(inner)
}

/** What is said where a value, and not the statement, is beyond Flink. */
export function givenBack(reason: string): string {
  return `${BACK}${reason.slice(0, SHOWN)}. Leave it to Sluice: SET engine = sluice.`
}

/** The longest part of a message of Flink's that is shown. */
const SHOWN = 400

const PLANNER_FAILED = 'its planner failed: '

/** A fault of the planner's own, and nothing that it has to say about the statement. */
function isPlannerFault(said: string, deepest: string): boolean {
  // No way found; or code that its compiler could not take.
  if (/\b(CannotPlan|InternalCompiler|CyclicMetadata)Exception\b/.test(deepest)) return true
  if (
    !/^java\.lang\.((String|Array)?IndexOutOfBounds|ClassCast|NullPointer|IllegalState)Exception|^java\.lang\.(Assertion|StackOverflow)Error/.test(
      deepest,
    )
  )
    return false
  return /\bat org\.apache\.(calcite|flink\.table\.planner)\./.test(said.slice(said.lastIndexOf(deepest)))
}

/** Of a page of Java stack traces the sentence at the bottom; of a value that ended the job, ours. */
export function sentenceOf(errors: readonly string[] | undefined, status: number): string {
  const said = (errors ?? []).join('\n')
  const at = said.lastIndexOf(GUARD)
  if (at >= 0) {
    const line = said
      .slice(at + GUARD.length)
      .split('\n', 1)[0]
      .replace(/['"]?\. Invalid character found\.?$|['"]$/, '')
    return givenBack(line)
  }
  const causes = said.split('\n').filter((line) => /^(Caused by: )?[\w.$]+(Exception|Error)\b/.test(line.trim()))
  const deepest = causes
    .at(-1)
    ?.trim()
    .replace(/^Caused by: /, '')
  // By somebody there; or Flink saw before it began that there is nothing to read, and did not get over it.
  if (deepest?.includes('JobCancellationException')) return givenBack('its job was cancelled there')
  // Whoever asks a task that has just failed may hear that before what it failed of.
  if (deepest?.includes('TaskNotRunningException')) return givenBack('a task of its job failed there')
  // The connector looks for offsets of a partition that the statement names none of.
  if (deepest?.includes('Unexpected size of key set') === true)
    return givenBack('a topic has other partitions there than when the statement began')
  if (deepest !== undefined && /Size of data received for deserializing/.test(deepest))
    return givenBack(`a key or value has another size than its type there: ${deepest}`)
  if (deepest !== undefined && /\bAvroTypeException\b/.test(deepest))
    return givenBack(`a record does not fit the newest schema of its topic there: ${deepest}`)
  if (deepest !== undefined && isPlannerFault(said, deepest)) return givenBack(`${PLANNER_FAILED}${deepest}`)
  if (deepest === undefined) return `The SQL gateway of Flink answered ${status}.`
  return `Flink could not run the statement: ${deepest.replace(/^[\w.$]+\.(\w+)/, '$1').slice(0, SHOWN)}`
}
