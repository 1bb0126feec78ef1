/** A few calls of an account at a time, the others in order, and none for whom has left; of a connection one at a time. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { connect, Socket } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { CallGate, MAX_PIPELINED, RequestTurns } from '../../../../src/server/http/call-gate.ts'
import { startFixture } from '../fixture.ts'

const AT_ONCE = 8
const WAITING = 200
const never = new AbortController().signal

type End = (() => void) | undefined

/** Enters, and notes when it is its turn. */
function entered(gate: CallGate, who: string, began: string[], name: string, signal = never): Promise<End> {
  const entering = gate.enter(who, signal)
  assert.notEqual(entering, 'full')
  return (entering as Promise<End>).then((end) => {
    if (end !== undefined) began.push(name)
    return end
  })
}

test('so many at once; each that ends lets the next one in, in a later turn; other accounts do not wait', async () => {
  const gate = new CallGate()
  const began: string[] = []
  const all = Array.from({ length: AT_ONCE + 2 }, (_, i) => entered(gate, 'a', began, `${i}`))
  const other = entered(gate, 'b', began, 'b')
  await other
  await turn()
  assert.deepEqual(began, ['0', '1', '2', '3', '4', '5', '6', '7', 'b'])
  const [first] = await Promise.all(all.slice(0, AT_ONCE))
  first?.()
  await Promise.resolve()
  assert.equal(began.includes('8'), false, 'not in the same turn')
  await turn()
  await turn()
  assert.deepEqual(began.slice(-1), ['8'])
  ;(await all[AT_ONCE])?.()
  await turn()
  await turn()
  assert.deepEqual(began.slice(-1), ['9'])
})

test('whose client is gone does not take a turn', async () => {
  const gate = new CallGate()
  const began: string[] = []
  const running = Array.from({ length: AT_ONCE }, (_, i) => entered(gate, 'a', began, `${i}`))
  const leaving = new AbortController()
  const left = entered(gate, 'a', began, 'left', leaving.signal)
  const stays = entered(gate, 'a', began, 'stays')
  leaving.abort()
  assert.equal(await left, undefined)
  ;(await running[0])?.()
  await stays
  assert.deepEqual(began.slice(-1), ['stays'])
})

test('beyond those that may wait: full, until some have ended', async () => {
  const gate = new CallGate()
  const began: string[] = []
  const all = Array.from({ length: AT_ONCE + WAITING }, (_, i) => entered(gate, 'a', began, `${i}`))
  assert.equal(gate.enter('a', never), 'full')
  await entered(gate, 'b', began, 'b')
  ;(await all[0])?.()
  await turn()
  await turn()
  assert.notEqual(gate.enter('a', never), 'full')
})

test('of a connection one request is answered at a time, in order, each in a turn of its own', async () => {
  const turns = new RequestTurns()
  const [one, other] = [new Socket(), new Socket()]
  const responses = Array.from({ length: 4 }, () => new ServerResponse(new IncomingMessage(one)))
  const began: number[] = []
  const note = async (entering: Promise<boolean> | boolean, n: number): Promise<void> => {
    if (await entering) began.push(n)
  }
  responses.slice(0, 3).forEach((response, n) => void note(turns.enter(one, response), n))
  void note(turns.enter(other, responses[3]), 3)
  await turn()
  assert.deepEqual(began, [0, 3], 'another connection does not wait')
  responses[0].emit('close')
  await Promise.resolve()
  assert.deepEqual(began, [0, 3], 'not in the same turn')
  await turn()
  assert.deepEqual(began, [0, 3, 1])
  responses[1].emit('close')
  await turn()
  responses[2].emit('close')
  assert.equal(turns.enter(one, responses[0]), true, 'nothing is left of those that were answered')
})

test('whose connection is gone is not answered, and one with too many that wait is cut', async () => {
  const turns = new RequestTurns()
  const socket = new Socket()
  const response = new ServerResponse(new IncomingMessage(socket))
  assert.equal(turns.enter(socket, response), true)
  const waiting = Array.from({ length: MAX_PIPELINED }, () => turns.enter(socket, response))
  assert.equal(socket.destroyed, false)
  assert.equal(turns.enter(socket, response), false)
  assert.equal(socket.destroyed, true)
  assert.equal(turns.enter(socket, response), false)
  response.emit('close')
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set([false]))
})

test('over a connection: all that may wait are answered in order; more are not', async () => {
  const { server } = await startFixture()
  const paths = ['/health', '/nowhere', '/metrics', '/api/auth', '/']
  const said = async (count: number): Promise<string[]> => {
    const socket = connect(server.port, '127.0.0.1').setEncoding('utf8')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', () => undefined)
    const requests = Array.from({ length: count }, (_, n) => `GET ${paths[n % 5]} HTTP/1.1\r\nHost: x\r\n`)
    socket.write(`${requests.join('\r\n')}Connection: close\r\n\r\n`)
    await once(socket, 'close')
    return [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)
  }
  try {
    const all = Array.from({ length: MAX_PIPELINED + 1 }, (_, n) => ['200', '404', '200', '401', '200'][n % 5])
    assert.deepEqual(await said(MAX_PIPELINED + 1), all)
    assert.ok((await said(3 * MAX_PIPELINED)).length < all.length)
    assert.equal((await fetch(`${server.url}/health`)).status, 200)
  } finally {
    await server.close(0)
  }
})
