/**
 * The answer of an export over HTTP: the head goes out with the first bytes, so that what goes wrong before is an
 * ordinary error; what became of the export stands in the trailer. It counts as a query of its account, and ends when
 * its client is gone or takes nothing. It does not know what the bytes say.
 */
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type ExportOutcome, type ExportSummary, trailerText } from '../../export/outcome.ts'
import type { Timer } from '../../lib/clock.ts'
import type { QueryRequest } from '../../protocol/frames.ts'
import type { Account } from '../access/auth.ts'
import { CallError } from '../workers/calls.ts'
import type { Conversation } from '../socket/conversation.ts'
import type { SessionHost } from '../socket/session.ts'
import { WebSocketOut } from '../socket/websocket-out.ts'

/** The name of the trailer. */
export const OUTCOME_TRAILER = 'Sluice-Outcome'

/** A client that has taken nothing for this part of `server.stalled.send.timeout` does not count as a running query. */
const ABANDONED_PART = 1 / 12
/**
 * Limit `export.head.time` (ms): how long the head of an answer waits for the first bytes, so that an error can still
 * be an ordinary one. Beyond it: the head is sent, and what goes wrong later stands in the trailer.
 */
const HEAD_MS = 30_000

class Stopped extends Error {}

/** An HTTP response that has not begun. */
export interface Unanswered {
  readonly response: ServerResponse
  /** Sends the head of a good answer. */
  head(): void
}

/** One export, from the request to the end of the response. */
export class ExportAnswer implements Conversation {
  readonly id = randomUUID()
  readonly account: Account
  environmentName: string | undefined
  state: Conversation['state'] = 'waiting'
  readonly #host: SessionHost
  readonly #answer: Unanswered
  readonly #out: WebSocketOut
  readonly #abort = new AbortController()
  #begun = false
  #stall: Timer | undefined
  #bytes = 0
  #outcome: ExportOutcome | undefined

  constructor(host: SessionHost, account: Account, answer: Unanswered) {
    this.#host = host
    this.account = account
    this.#answer = answer
    const { response } = answer
    const socket = {
      get destroyed() {
        return response.destroyed
      },
      write: (bytes: Uint8Array, taken: (error?: Error | null) => void) => {
        this.#begin()
        this.#bytes += bytes.length
        return response.write(bytes, taken)
      },
    }
    this.#out = new WebSocketOut(socket, () => !response.writableEnded, host.clock)
    response.once('close', () => this.#closed())
  }

  get abandoned(): boolean {
    return this.#takesNothingFor(this.#host.limits['server.stalled.send.timeout'] * ABANDONED_PART)
  }

  get holds(): boolean {
    return this.state === 'running' || this.#out.unsentBytes > 0
  }

  /** What became of the file, when its end has been sent. */
  get outcome(): ExportOutcome | undefined {
    return this.#outcome
  }

  get bytesSent(): number {
    return this.#bytes
  }

  /**
   * Runs the request, and resolves when the answer is complete. Rejects with a `CallError` as long as nothing of an
   * answer was sent.
   */
  async run(request: QueryRequest): Promise<void> {
    const environment = this.#host.environment(this.account)
    const refusal = typeof environment === 'string' ? environment : this.#host.admit(this.account)
    if (typeof environment === 'string' || refusal !== undefined) {
      this.#host.closed(this)
      throw new CallError(typeof environment === 'string' ? 403 : 429, refusal ?? '')
    }
    this.environmentName = environment.name
    this.state = 'running'
    this.#host.started(this, request)
    this.#watchReader()
    const head = this.#host.clock.after(HEAD_MS, () => this.#begin())
    try {
      const summary = await environment.run(request, this.#out, this.#abort.signal)
      this.#host.ended(this, summary)
      await this.#finish(summary)
    } catch (cause) {
      this.#failed(cause)
    } finally {
      head.cancel()
      this.#stall?.cancel()
      if (!this.#begun) this.#host.closed(this)
    }
  }

  stop(reason: string): void {
    this.#abort.abort(new Stopped(reason))
  }

  refuse(): void {
    // It runs from its first moment on.
  }

  closeNow(): void {
    // There is no wait for a close.
  }

  destroy(): void {
    this.#answer.response.destroy()
  }

  async #finish(summary: ExportSummary): Promise<void> {
    this.state = 'ending'
    const outcome = summary.exported
    // NDJSON without rows has no bytes.
    if (outcome !== undefined) this.#begin()
    if (!this.#begun) throw new CallError(statusOf(summary), summary.error ?? 'The export was ended before it began.')
    await this.#out.finished()
    // The thread has ended in the middle of the file, and only a broken connection says that it is not whole.
    if (outcome === undefined && this.#bytes > 0) return this.destroy()
    this.#end(outcome ?? { outcome: 'error', rows: 0, error: summary.error })
  }

  #end(outcome: ExportOutcome): void {
    const { response } = this.#answer
    if (response.destroyed) return
    this.#outcome = outcome
    response.addTrailers({ [OUTCOME_TRAILER]: trailerText(outcome) })
    response.end()
  }

  /** A fault of ours, or an error before the head was sent. */
  #failed(cause: unknown): void {
    if (cause instanceof CallError && !this.#begun) throw cause
    const reference = this.id
    this.#host.failed(this, reference, cause)
    if (this.#begun) return this.destroy()
    throw new CallError(500, `Internal error, reference ${reference}. The server's log has the details.`)
  }

  #begin(): void {
    if (this.#begun || this.#answer.response.destroyed) return
    this.#begun = true
    try {
      this.#answer.head()
    } catch (cause) {
      // Whoever brings bytes, or a timer, has nobody to tell it.
      this.#host.failed(this, this.id, cause)
      this.stop('The answer could not be begun.')
      this.destroy()
    }
  }

  #takesNothingFor(ms: number): boolean {
    return this.#out.unsentBytes > 0 && this.#host.clock.monotonic() - this.#out.lastProgressMs > ms
  }

  #watchReader(): void {
    const limitMs = this.#host.limits['server.stalled.send.timeout']
    this.#stall = this.#host.clock.every(Math.max(10, limitMs / 8), () => {
      if (!this.#takesNothingFor(limitMs)) return
      this.stop(`The client took nothing for ${limitMs} ms (server.stalled.send.timeout).`)
      this.destroy()
    })
  }

  #closed(): void {
    this.state = 'closed'
    this.#stall?.cancel()
    this.stop('The client closed the connection.')
    this.#out.release()
    this.#host.closed(this)
  }
}

/** Of what ended before the first bytes. */
function statusOf({ errorCode, outcome, error }: ExportSummary): number {
  if (errorCode !== undefined) return errorCode === 'FORBIDDEN' ? 403 : 400
  return outcome === 'end' && error === undefined ? 500 : 503
}
