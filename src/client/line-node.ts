/** The client's WebSocket in Node: the `ws` library, because the built-in one sends no headers and cannot pause. */
import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import { ConnectionError, type Line, type LineHandlers } from './line.ts'

/**
 * Not a limit: the client bounds what a server sends; larger than any frame of ours, as other servers may send larger
 * ones.
 */
const MAX_FRAME_BYTES = 256 * 1024 * 1024
/** Not a limit: the client reads no more of the text with which a handshake was refused. */
const MAX_REFUSAL_BYTES = 64 * 1024

/** `title` of HQ's errors, `error` of the agent's, else the text itself. */
function refusalText(body: string): string {
  try {
    const { title, error } = JSON.parse(body) as { title?: unknown; error?: unknown }
    return typeof title === 'string' ? title : typeof error === 'string' ? error : body
  } catch {
    return body.slice(0, 300)
  }
}

export function openLine(url: string, headers: Readonly<Record<string, string>>, handlers: LineHandlers): Line {
  const ws = new WebSocket(url, {
    headers,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    skipUTF8Validation: true,
  })
  let failure: Error | undefined
  let over = false
  const finish = (code: number) => {
    if (over) return
    over = true
    handlers.closed(code, failure)
  }
  ws.on('open', () => handlers.opened())
  ws.on('message', (data: Buffer) => handlers.message(data.toString()))
  ws.on('error', (cause) => {
    failure ??= new ConnectionError(
      `Cannot talk to ${new URL(url).host}: ${cause.message === '' && 'code' in cause ? String(cause.code) : cause.message}`,
    )
  })
  ws.on('unexpected-response', (_request, response: IncomingMessage) => {
    let body = ''
    const done = () => {
      failure = new ConnectionError(
        `The server refused the connection (HTTP ${response.statusCode}): ${refusalText(body)}`,
        response.statusCode,
      )
      ws.terminate()
      finish(1006)
    }
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      if (body.length < MAX_REFUSAL_BYTES) body += chunk
    })
    response.on('end', done)
    response.on('error', done)
  })
  ws.on('close', finish)
  return {
    send: (text) => ws.send(text),
    close: () => (ws.readyState === ws.CONNECTING ? ws.terminate() : ws.close(1000)),
    pause: () => ws.pause(),
    resume: () => ws.resume(),
  }
}
