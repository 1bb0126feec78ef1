/** What the client needs of a WebSocket, whichever library or browser it comes from. */

export interface LineHandlers {
  opened(): void
  message(text: string): void
  /** Exactly once, at the end. `failure` says why there was no proper end. */
  closed(code: number, failure: Error | undefined): void
}

export interface Line {
  send(text: string): void
  /** Says goodbye. */
  close(): void
  /** Stops reading from the network, if that is possible here. */
  pause(): void
  resume(): void
}

/** Opens a WebSocket; `headers` are left out where they cannot be sent. */
export type OpenLine = (url: string, headers: Readonly<Record<string, string>>, handlers: LineHandlers) => Line

/** The server refused, or could not be reached, or went away. */
export class ConnectionError extends Error {
  /** HTTP status of a refused handshake. */
  readonly status: number | undefined
  constructor(message: string, status?: number) {
    super(message)
    this.name = 'ConnectionError'
    this.status = status
  }
}
