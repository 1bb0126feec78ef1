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
/** How long the end of a session may take, when nobody waits for it any more. */
const CLOSE_MS = 10_000

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
  readonly resultType?: 'NOT_READY' | 'PAYLOAD' | 'EOS'
  readonly jobID?: string
  readonly results?: { readonly data?: readonly { readonly fields: FlinkRow }[] }
  readonly nextResultUri?: string | null
  readonly errors?: readonly string[]
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
    const begun = await this.#ask('POST', `${this.#path}/statements`, { statement })
    const operation = textOf(begun, 'operationHandle')
    this.#operation = operation
    this.#isSubmitting = false
    let next = `${this.#path}/operations/${operation}/result/0?rowFormat=JSON`
    let waitMs = ASK_AGAIN_MS
    const { planTimeoutMs = PLAN_MS } = this.#config
    const late = systemClock.monotonic() + planTimeoutMs
    for (;;) {
      const page = (await this.#ask('GET', next)) as Page
      // Once a job is submitted, its result is ready, and empty at first.
      if (page.resultType === 'NOT_READY' && systemClock.monotonic() > late)
        throw new FlinkError(givenBack(`its plan was not made within ${planTimeoutMs} ms (flink.planTimeout)`))
      this.jobId = page.jobID ?? this.jobId
      const rows = page.results?.data ?? []
      if (rows.length > 0) {
        waitMs = ASK_AGAIN_MS
        yield rows.map(({ fields }) => fields)
      }
      if (page.resultType === 'EOS' || typeof page.nextResultUri !== 'string') break
      next = page.nextResultUri
      if (page.resultType !== 'NOT_READY' && rows.length > 0) continue
      await sleep(systemClock, waitMs)
      this.#signal.throwIfAborted()
      waitMs = Math.min(waitMs * 1.5, SLOWEST_ASK_MS)
    }
    this.#operation = undefined
    await this.#ask('DELETE', `${this.#path}/operations/${operation}/close`).catch(() => undefined)
  }

  /** Cancels what runs and ends the session; never rejects. */
  async close(): Promise<void> {
    if (this.#handle === undefined) return
    const path = this.#path
    this.#handle = undefined
    const end = (of: string): Promise<unknown> =>
      this.#send('DELETE', of, undefined, { signal: AbortSignal.timeout(CLOSE_MS) }).catch(() => undefined)
    // An operation whose rows are being fetched counts as finished and cannot be cancelled: closing it ends its job.
    if (this.#operation !== undefined || this.#isSubmitting) {
      if (this.#operation !== undefined) await end(`${path}/operations/${this.#operation}/close`)
      const { rest } = this.#config
      await (rest === undefined ? this.#endJobs(path) : this.#cancelJobs(rest)).catch(() => undefined)
    }
    await end(path)
  }

  /** An operation that is closed while it submits its job leaves that behind: it is found by its name. */
  async #endJobs(path: string): Promise<void> {
    const late = AbortSignal.timeout(CLOSE_MS)
    const run = async (statement: string): Promise<readonly FlinkRow[]> => {
      const begun = await this.#send('POST', `${path}/statements`, { statement }, { signal: late })
      const result = `${path}/operations/${textOf(begun, 'operationHandle')}/result/0?rowFormat=JSON`
      for (;;) {
        const page = (await this.#send('GET', result, undefined, { signal: late })) as Page
        if (page.resultType !== 'NOT_READY') return (page.results?.data ?? []).map(({ fields }) => fields)
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
  async #cancelJobs(rest: string): Promise<void> {
    const signal = AbortSignal.timeout(CLOSE_MS)
    for (let look = 0; look < LOOKS_FOR_JOBS; look++) {
      const answer = await fetch(new URL('/v1/jobs/overview', rest), { redirect: 'manual', signal })
      const text = await boundedText(answer, MAX_ANSWER_BYTES, 'flink.answer.max.bytes')
      const { jobs = [] } = JSON.parse(text) as { readonly jobs?: readonly Record<string, unknown>[] }
      for (const { jid, name, state } of jobs)
        if (name === this.#name && ENDED[String(state)] === undefined)
          await fetch(new URL(`/v1/jobs/${encodeURIComponent(String(jid))}?mode=cancel`, rest), {
            method: 'PATCH',
            redirect: 'manual',
            signal,
          })
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
      answer = text === '' ? {} : JSON.parse(text)
    } catch {
      answer = undefined
    }
    if (typeof answer !== 'object' || answer === null)
      throw new FlinkError(`The SQL gateway of Flink answered ${response.status} with something that is no JSON.`)
    const { errors } = answer as Page
    if (!response.ok || errors !== undefined) {
      const sentence = sentenceOf(errors, response.status)
      throw sentence.includes(PLANNER_FAILED) ? new PlannerFault(sentence) : new FlinkError(sentence)
    }
    return answer
  }
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
