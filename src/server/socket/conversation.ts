/** A query's way to its client, as the server sees all of them: over a WebSocket, or as the answer of a REST call. */
import type { Account } from '../access/auth.ts'

/** What the server counts, limits and ends. */
export interface Conversation {
  readonly id: string
  readonly account: Account | undefined
  readonly environmentName: string | undefined
  readonly state: 'waiting' | 'running' | 'ending' | 'closed'
  /** The client has not taken anything for a while: it may have forgotten this query. */
  readonly abandoned: boolean
  /** It runs, or has something that its client has not taken. */
  readonly holds: boolean
  /** Bytes written to the network so far. */
  readonly bytesSent: number
  /** Ends whatever goes on, and says why. */
  stop(reason: string): void
  /** Ends one that is not running a query, and says why. */
  refuse(text: string): void
  /** Ends the wait for the client's close. */
  closeNow(): void
  /** Cuts the connection without a word. */
  destroy(): void
}
