/**
 * The client that is timed: sends one request on a WebSocket and counts frames until END or the close. It decodes
 * nothing but the first and the last frames. node bench/client.ts URL TOKEN SQL [pauseMs] → one line of JSON.
 * `pauseMs`: a slow reader, which stops for so long after each 1,000 frames.
 */
import { WebSocket } from 'ws'

const [url, token, sql, pause = '0'] = process.argv.slice(2)
const pauseMs = Number(pause)
const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false })
let [frames, bytes, started, firstMs] = [0, 0, 0, -1]
let last = ''
let error = ''

socket.on('open', () => {
  started = performance.now()
  socket.send(JSON.stringify({ sql }))
})
socket.on('message', (data: Buffer) => {
  frames++
  bytes += data.length
  if (firstMs < 0 && data.length > 30 && data.toString('latin1', 2, 16) === 'type":"RECORD"')
    firstMs = performance.now() - started
  if (data.length < 400) {
    last = data.toString()
    if (last.startsWith('{"type":"ERROR"') || last.startsWith('{"type":"SENTINEL"')) error ||= last
  }
  if (pauseMs > 0 && frames % 1000 === 0) {
    socket.pause()
    setTimeout(() => socket.resume(), pauseMs)
  }
})
let endMs = -1
socket.on('close', () => {
  endMs = performance.now() - started
  console.log(
    JSON.stringify({ seconds: endMs / 1000, firstMs, frames, bytes, error, ended: last.startsWith('{"type":"END"') }),
  )
})
socket.on('error', (e) => {
  error = String(e)
})
