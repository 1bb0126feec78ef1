/** What the HTTP routes share: the parts of the running server that they ask. Types only. */
import type { IncomingMessage } from 'node:http'
import type { QueryEnvironment } from '../../engine/host.ts'
import type { Account, Accounts } from '../access/auth.ts'
import type { ExportTickets } from '../export/tickets.ts'
import type { ServerConfig } from '../config/config.ts'
import type { Environment } from '../environment.ts'
import type { Health } from '../health.ts'
import type { AnswerExport, AskWorker } from '../rest/route.ts'
import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { Traces } from '../telemetry/traces.ts'

/** Made once a server, in `start`. */
export interface HttpContext {
  readonly config: ServerConfig
  readonly accounts: Accounts
  readonly health: Health
  readonly metrics: Metrics
  readonly log: Log
  /** Where calls are traced. */
  readonly traces?: Traces | undefined
  readonly environments: readonly Environment[]
  /** Called for every route; a test compares them with the document. */
  readonly onRoute?: (method: string, path: string) => void
  /** Ends a login and what runs by it. Rejects with a UserError when that counts on this server alone for now. */
  logout(token: string): Promise<void>
  /** The account whose credential came with a request; a credential that is not good is logged. */
  who(request: IncomingMessage): Account | undefined
  /** Answers a question that takes as long as its input makes it, not on this thread where there are others. */
  ask: AskWorker
  export: AnswerExport
  readonly tickets: ExportTickets
  /** An environment as an account may use it. */
  view(environment: Environment, account: Account): QueryEnvironment
}
