/** From where a request comes, whatever stands in its headers; and that the log says so. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { Proxies } from '../../../../src/server/access/origin.ts'
import { AGENT_PATH, ask, converse, DEMO_PATH, startFixture } from '../fixture.ts'

test('the last address on the way that is no trusted proxy', () => {
  const proxies = new Proxies(['10.0.0.7', '192.168.0.0/16', 'fd00::/8'])
  for (const [remoteAddress, forwarded, expected] of [
    ['10.0.0.7', '203.0.113.5', '203.0.113.5'],
    ['10.0.0.7', undefined, '10.0.0.7'],
    ['10.0.0.7', '', '10.0.0.7'],
    ['10.0.0.7', '198.51.100.1, 203.0.113.5', '203.0.113.5'],
    ['10.0.0.7', '198.51.100.1, 203.0.113.5 , 192.168.3.4', '203.0.113.5'],
    ['10.0.0.7', '192.168.3.4,192.168.3.5', '192.168.3.4'],
    ['::ffff:10.0.0.7', '203.0.113.5', '203.0.113.5'],
    ['fd00::1', '2001:db8::5', '2001:db8::5'],
    // With a port, which is another one each time.
    ['10.0.0.7', '203.0.113.5:4711', '203.0.113.5'],
    ['10.0.0.7', '[2001:db8::5]:4711', '2001:db8::5'],
    ['10.0.0.7', '[2001:db8::5]', '2001:db8::5'],
    // What is no address was written by nobody who is trusted.
    ['10.0.0.7', 'unknown', '10.0.0.7'],
    ['10.0.0.7', '203.0.113.5, <script>', '10.0.0.7'],
    ['10.0.0.7', 'x'.repeat(10_000), '10.0.0.7'],
    // From elsewhere the header means nothing.
    ['10.0.0.8', '203.0.113.5', '10.0.0.8'],
    ['', '203.0.113.5', ''],
  ] as const)
    assert.equal(
      proxies.addressOf({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }),
      expected,
      `${remoteAddress} ${forwarded}`,
    )
  const nobody = new Proxies().addressOf({
    socket: { remoteAddress: '10.0.0.7' },
    headers: { 'x-forwarded-for': '203.0.113.5' },
  })
  assert.equal(nobody, '10.0.0.7')
})

test('the log says where a refused token, upgrade or login comes from, behind a balancer that is trusted', async () => {
  const { server, logged } = await startFixture(undefined, { server: { port: 0, trustedProxies: ['127.0.0.1'] } })
  const from = (last: number) => ({ 'x-forwarded-for': `198.51.100.99, 203.0.113.${last}` })
  const wrong = { authorization: 'Bearer nobodys-token-0123456789' }
  try {
    await fetch(`${server.url}/api/auth`, { headers: { ...from(1), ...wrong } })
    const refused = new WebSocket(server.url.replace('http', 'ws') + DEMO_PATH, { headers: from(2) })
    refused.on('error', () => undefined)
    await new Promise((resolve) => refused.once('close', resolve))
    await converse(server, AGENT_PATH, ask('SELECT 1', { token: 'nobodys-token-0123456789' }), from(3))
    for (const body of ['{"user":"admin","password":"wrong"}', '{"token":"nobodys-token-0123456789"}'])
      await fetch(`${server.url}/api${body.includes('token') ? '/v1' : ''}/login`, {
        method: 'POST',
        headers: from(4),
        body,
      })
    const said = logged.flatMap((line) => {
      const { msg, address } = JSON.parse(line) as { msg: string; address?: string }
      return address === undefined ? [] : [`${msg}: ${address}`]
    })
    assert.deepEqual(said, [
      'a token was refused: 203.0.113.1',
      'connection refused: 203.0.113.2',
      'a token was refused: 203.0.113.3',
      'login: 203.0.113.4',
      'login: 203.0.113.4',
    ])
  } finally {
    await server.close(0)
  }
})
