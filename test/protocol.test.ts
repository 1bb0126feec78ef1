/**
 * Plays the conversations of test/protocol/*.transcript against a server whose engine and Kafka are stand-ins, or
 * (`engine real`) against the real engine on the embedded broker. A file holds several conversations:
 *
 *     == title
 *     engine echo | forever | fail | quiet | real     what runs the statements (echo unless said)
 *     limit name=value                         a limit of the server
 *     basePath /path, trustForwardedPrefix true  of the server's configuration
 *     connect /path                            opens a WebSocket; http METHOD /path asks plainly
 *     header Name: value                       of the connect or http line above; body text likewise
 *     > text        >hex 00ff        >size n   the client sends a text message, a binary one, a text message of n bytes
 *     bye | drop                               the client says goodbye, or cuts the line
 *     login                                    takes a token as admin; <token> stands for it in every later line
 *     revoke name | password name | narrow name
 *                                              takes an account away, gives it another password or token, or takes
 *                                              topics from it; undone at the end of the conversation
 *     wait ms                                  lets time pass
 *     < text                                   the next message of the server; <uuid>, <number>, <text> and <any> stand
 *     for what varies
 *     <~ text                                  the next one that is no heartbeat: how many come depends on the machine
 *     refused n text, status n text            the HTTP answer: to the handshake, to the http line
 *     aborted                                  the statement that runs was told to stop
 *     closed n                                 the server closed with this code, and nothing was left unread
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { WebSocket } from 'ws'
import { runRequest } from '../src/engine/request.ts'
import { error, record } from '../src/protocol/frames.ts'
import { type Sandbox, startSandbox } from '../src/sandbox/sandbox.ts'
import { openEnvironment } from '../src/server/open-environment.ts'
import { hashToken } from '../src/server/access/secrets.ts'
import type { Run } from '../src/server/socket/session.ts'
import { type Fixture, echo, startFixture, summary } from './unit/server/fixture.ts'

const PATIENCE_MS = 5000

let aborted = Promise.withResolvers<void>()

const engines: Readonly<Record<string, Run>> = {
  echo,
  forever: (_request, _environment, sink, signal) => {
    sink.send(record('"started"', 0, 'row-0', null))
    return new Promise((resolve) => {
      const stop = () => {
        aborted.resolve()
        resolve(summary({ outcome: 'cancelled' }))
      }
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  },
  fail: async (_request, _environment, sink) => {
    sink.send(error('Unknown table "nowhere".', 0))
    return summary({ outcome: 'error', error: 'Unknown table "nowhere".' })
  },
  quiet: async () => {
    await new Promise((resolve) => setTimeout(resolve, 1000))
    return summary()
  },
}

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  '<uuid>': '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}',
  '<number>': '-?\\d+(?:\\.\\d+)?',
  '<text>': '(?:[^"\\\\]|\\\\.)*',
  '<any>': '.*',
}

function matches(expected: string, actual: string): boolean {
  const pattern = expected
    .split(/(<(?:uuid|number|text|any)>)/)
    .map((part) => PLACEHOLDERS[part] ?? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('')
  return new RegExp(`^${pattern}$`, 's').test(actual)
}

/** What comes from the server, one thing at a time. */
class Inbox {
  readonly #items: string[] = []
  #held: string[] | undefined
  #arrived = Promise.withResolvers<void>()

  put(item: string): void {
    if (this.#held !== undefined) {
      this.#held.push(item)
      return
    }
    this.#items.push(item)
    this.#arrived.resolve()
  }

  /** What comes while `work` runs stands after its result: the order of two connections is no part of the protocol. */
  async first(work: () => Promise<string>): Promise<void> {
    this.#held = []
    const result = await work()
    const held = this.#held
    this.#held = undefined
    for (const item of [result, ...held]) this.put(item)
  }

  async next(): Promise<string> {
    while (this.#items.length === 0) {
      const timer = setTimeout(() => this.put('nothing: the server is silent'), PATIENCE_MS)
      await this.#arrived.promise
      clearTimeout(timer)
      this.#arrived = Promise.withResolvers()
    }
    return this.#items.shift() as string
  }
}

interface Step {
  readonly line: number
  readonly verb: string
  readonly rest: string
}

interface Conversation {
  readonly title: string
  readonly steps: Step[]
}

function parse(text: string): Conversation[] {
  const conversations: Conversation[] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [verb, ...words] = line.split(' ')
    const rest = words.join(' ')
    if (verb === '==') conversations.push({ title: rest, steps: [] })
    else conversations[conversations.length - 1].steps.push({ line: i + 1, verb, rest })
  }
  return conversations
}

let sandbox: Promise<Sandbox> | undefined

async function startReal(limits: Record<string, string>): Promise<Fixture> {
  sandbox ??= startSandbox({ sizes: { vessels: 500, payments: 500, customers: 50, orders: 50, corrupt: 50 } })
  const { brokers, registryUrl } = await sandbox
  return startFixture(
    runRequest,
    { limits, environments: [{ name: 'demo', kafka: { brokers }, registry: registryUrl }] },
    { open: openEnvironment },
  )
}

const fixtures = new Map<string, Promise<Fixture>>()
after(async () => {
  for (const fixture of fixtures.values()) await (await fixture).server.close(0)
  await (await sandbox)?.close()
})

function fixtureFor(conversation: Conversation): Promise<Fixture> {
  const engine = conversation.steps.find((s) => s.verb === 'engine')?.rest ?? 'echo'
  const limits = Object.fromEntries(conversation.steps.filter((s) => s.verb === 'limit').map((s) => s.rest.split('=')))
  const placed = Object.fromEntries(
    conversation.steps
      .filter((s) => s.verb === 'basePath' || s.verb === 'trustForwardedPrefix')
      .map((s) => [s.verb, s.rest]),
  )
  const key = `${engine} ${JSON.stringify(limits)} ${JSON.stringify(placed)}`
  let fixture = fixtures.get(key)
  if (fixture === undefined) {
    fixture =
      engine === 'real' ? startReal(limits) : startFixture(engines[engine], { limits, server: { port: 0, ...placed } })
    fixtures.set(key, fixture)
  }
  return fixture
}

/** The header and body lines right after step `at`. */
function about(
  steps: readonly Step[],
  at: number,
  token: string,
): { headers: Record<string, string>; body: string | undefined } {
  const headers: Record<string, string> = {}
  let body: string | undefined
  for (let i = at + 1; steps[i]?.verb === 'header' || steps[i]?.verb === 'body'; i++) {
    const rest = steps[i].rest.replaceAll('<token>', token)
    if (steps[i].verb === 'body') body = rest
    else headers[rest.split(': ')[0]] = rest.slice(rest.indexOf(': ') + 2)
  }
  return { headers, body }
}

function connect(base: string, path: string, headers: Record<string, string>, inbox: Inbox): WebSocket {
  const ws = new WebSocket(base.replace('http', 'ws') + path, { headers })
  ws.on('message', (data, isBinary) => inbox.put(`< ${isBinary ? 'binary ' : ''}${data.toString()}`))
  ws.on('close', (code) => inbox.put(`closed ${code}`))
  ws.on('error', () => undefined)
  ws.on('unexpected-response', (_request, response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('end', () => inbox.put(`refused ${response.statusCode} ${Buffer.concat(chunks)}`))
  })
  return ws
}

function changeAccount({ server, config }: Fixture, verb: string, name: string): void {
  const other = <T extends { readonly name: string }>(accounts: readonly T[], hash: Partial<T>): T[] =>
    accounts.flatMap((account) => {
      if (account.name !== name) return [account]
      if (verb === 'revoke') return []
      return verb === 'password'
        ? [{ ...account, ...hash }]
        : [{ ...account, permissions: [{ effect: 'allow', environments: ['demo'], topics: ['b*'] }] }]
    })
  server.setAccounts(
    other(config.users, { passwordHash: `${config.users[0].passwordHash}x` }),
    other(config.serviceAccounts, { tokenHash: hashToken('another') }),
  )
}

async function logIn(url: string): Promise<string> {
  const response = await fetch(`${url}/api/login`, {
    method: 'POST',
    body: JSON.stringify({ user: 'admin', password: 'secret' }),
  })
  assert.equal(response.status, 200)
  return await response.text()
}

async function opened(ws: WebSocket): Promise<void> {
  if (ws.readyState === ws.CONNECTING) await new Promise((resolve) => ws.once('open', resolve))
}

async function play(conversation: Conversation, file: string): Promise<void> {
  const fixture = await fixtureFor(conversation)
  const { server, config } = fixture
  const { origin } = new URL(server.url)
  const inbox = new Inbox()
  let ws: WebSocket | undefined
  aborted = Promise.withResolvers()
  const socket = async (): Promise<WebSocket> => {
    assert.ok(ws !== undefined, 'connect comes first')
    await opened(ws)
    return ws
  }
  let token = ''
  const steps = conversation.steps
  for (const [at, { verb, line }] of steps.entries()) {
    const where = `${file}:${line}`
    const rest = steps[at].rest.replaceAll('<token>', token)
    if (verb === 'connect') ws = connect(origin, rest, about(steps, at, token).headers, inbox)
    else if (verb === 'http') {
      const [method, path] = rest.split(' ')
      await inbox.first(async () => {
        const response = await fetch(origin + path, { method, ...about(steps, at, token) })
        return `status ${response.status} ${await response.text()}`
      })
    } else if (verb === '>') (await socket()).send(rest)
    else if (verb === '>hex') (await socket()).send(Buffer.from(rest, 'hex'))
    else if (verb === '>size') (await socket()).send('x'.repeat(Number(rest)))
    else if (verb === 'login') token = await logIn(server.url)
    else if (verb === 'revoke' || verb === 'password' || verb === 'narrow') {
      // The handshake comes first, whichever of the two is quicker.
      if (ws !== undefined && ws.readyState === ws.CONNECTING)
        await new Promise((resolve) => ws?.once('open', resolve).once('unexpected-response', resolve))
      changeAccount(fixture, verb, rest)
    } else if (verb === 'wait') await new Promise((resolve) => setTimeout(resolve, Number(rest)))
    else if (verb === 'bye') (await socket()).close()
    else if (verb === 'drop') (await socket()).terminate()
    else if (verb === 'aborted') await aborted.promise
    else if (['<', '<~', 'refused', 'closed', 'status'].includes(verb)) {
      let actual = await inbox.next()
      while (verb === '<~' && actual.startsWith('< {"type":"HEARTBEAT"')) actual = await inbox.next()
      const expected = `${verb === '<~' ? '<' : verb} ${rest}`
      assert.ok(matches(expected, actual), `${where}\nexpected ${expected}\nactual   ${actual}`)
    } else
      assert.ok(
        ['engine', 'limit', 'basePath', 'trustForwardedPrefix', 'header', 'body'].includes(verb),
        `${where}: unknown line "${verb}"`,
      )
  }
  ws?.terminate()
  server.setAccounts(config.users, config.serviceAccounts)
}

const folder = new URL('./protocol/', import.meta.url)
for (const file of readdirSync(folder).filter((name) => name.endsWith('.transcript'))) {
  for (const conversation of parse(readFileSync(new URL(file, folder), 'utf8'))) {
    test(`${file}: ${conversation.title}`, { timeout: 30_000 }, () => play(conversation, file))
  }
}
