/**
 * The peer of `SELECT *`: a bare `ws` server that sends one prebuilt frame of the same size again and again, with
 * back-pressure and nothing else.
 */
import { type WebSocket, WebSocketServer } from 'ws'

/** Frames sent between two looks at the socket's buffer. */
const STRETCH = 500
const HIGH_WATER_BYTES = 1 << 20

const [count, size] = process.argv.slice(2).map(Number)
const frame = Buffer.from(`{"type":"RECORD","data":{"value":"${'x'.repeat(Math.max(0, size - 37))}"}}`)
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })

async function feed(socket: WebSocket): Promise<void> {
  for (let sent = 0; sent < count; ) {
    for (let i = 0; i < STRETCH && sent < count; i++, sent++) socket.send(frame, { binary: false })
    while (socket.bufferedAmount > HIGH_WATER_BYTES) await new Promise((resolve) => setImmediate(resolve))
  }
  socket.send('{"type":"END","rowId":null,"statementIndex":null}')
  socket.close(1000)
}

server.on('connection', (socket) => socket.once('message', () => void feed(socket)))
server.on('listening', () => {
  const address = server.address()
  if (address !== null && typeof address !== 'string') console.log(JSON.stringify({ port: address.port }))
})
