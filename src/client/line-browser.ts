/**
 * The client's WebSocket in browsers. It sends no headers and cannot be paused: what arrives faster than it is read
 * waits in memory.
 */
import { ConnectionError, type Line, type LineHandlers } from './line.ts'

interface BrowserSocket {
  readonly readyState: number
  send(text: string): void
  close(code?: number): void
  addEventListener(
    type: 'open' | 'message' | 'close' | 'error',
    listener: (event: { readonly data?: unknown; readonly code?: number }) => void,
  ): void
}

export function openLine(url: string, _headers: Readonly<Record<string, string>>, handlers: LineHandlers): Line {
  const Socket = (globalThis as unknown as { WebSocket: new (url: string) => BrowserSocket }).WebSocket
  const socket = new Socket(url)
  let failure: Error | undefined
  socket.addEventListener('open', () => handlers.opened())
  socket.addEventListener('message', (event) => handlers.message(String(event.data)))
  socket.addEventListener('error', () => {
    failure ??= new ConnectionError(`Cannot talk to ${new URL(url).host}.`)
  })
  socket.addEventListener('close', (event) => handlers.closed(event.code ?? 1006, failure))
  return {
    send: (text) => socket.send(text),
    close: () => socket.close(1000),
    pause: () => undefined,
    resume: () => undefined,
  }
}
