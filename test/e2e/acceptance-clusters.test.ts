/**
 * `sluice server` on real Kafka by configuration alone: every kind of listener and login, by command line, environment
 * variables and file; two environments in one server; https and wss; and configurations that are wrong, which name the
 * key and give no secret away.
 */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request as passOn } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { encodeAvro, framed } from '../support/avro-encode.ts'
import { type ProcessOptions, type SluiceProcess, startSluice, TOKEN } from '../support/sluice-process.ts'
import { registerSchema, sharedCluster, type Kafka, startKafka, topicName } from './cluster.ts'
import { kafkaHand, type KafkaHand } from './kafka-hand.ts'

const cluster = await sharedCluster()
const {
  bootstrap,
  saslBootstrap,
  sslBootstrap,
  mtlsBootstrap,
  saslSslBootstrap,
  caFile,
  clientCertFile,
  clientKeyFile,
  users,
} = cluster.kafka

describe('servers on every kind of listener', { skip: cluster.skip }, () => {
  let hand: KafkaHand
  let folder = ''
  let passwordFile = ''
  const topic = topicName('clusters')
  const user = users[1]

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-clusters-'))
    passwordFile = join(folder, 'password')
    await writeFile(passwordFile, `${user.password}\n`)
    hand = await kafkaHand(bootstrap)
    await hand.create(topic)
    await hand.produce(topic, [
      { key: 'a', value: '{"n":1}' },
      { key: 'b', value: '{"n":2}' },
    ])
  })
  after(async () => {
    await hand?.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function served<T>(
    args: readonly string[],
    use: (sluice: SluiceProcess) => Promise<T>,
    options: ProcessOptions = {},
  ): Promise<T> {
    const sluice = await startSluice(args, options)
    try {
      return await use(sluice)
    } finally {
      await sluice.close()
      assert.ok(!sluice.output().includes(user?.password), 'no secret in what the server says')
    }
  }
  const reads = async (sluice: SluiceProcess) =>
    assert.deepEqual(await sluice.values(`SELECT n FROM ${topic} WHERE n > 1`), [{ n: 2 }])
  const refusal = async (sluice: SluiceProcess) =>
    (await sluice.ask(`SET kafka.offset.timeout = 3s; SELECT n FROM ${topic}`)).error ?? ''

  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    it(`${mechanism}, the password in a file`, () =>
      served(
        [
          '--brokers',
          saslBootstrap,
          '--sasl-mechanism',
          mechanism,
          '--sasl-username',
          user.name,
          '--sasl-password',
          `@${passwordFile}`,
        ],
        reads,
      ))
  }

  it('SCRAM over TLS, by environment variables, the password in a file', () =>
    served([], reads, {
      env: {
        SLUICE_BROKERS: saslSslBootstrap,
        SLUICE_TLS_CA_FILE: caFile,
        SLUICE_SASL_MECHANISM: 'SCRAM-SHA-512',
        SLUICE_SASL_USERNAME: user.name,
        SLUICE_SASL_PASSWORD_FILE: passwordFile,
      },
    }))

  it('TLS, and mutual TLS', async () => {
    await served(['--brokers', sslBootstrap, '--tls', '--tls-ca', caFile], reads)
    await served(
      ['--brokers', mtlsBootstrap, '--tls-ca', caFile, '--tls-cert', clientCertFile, '--tls-key', clientKeyFile],
      reads,
    )
  })

  it('OAUTHBEARER by a file, its token in another that is read again for each connection', async () => {
    const tokenFile = join(folder, 'token')
    const file = join(folder, 'oauth.yaml')
    await writeFile(tokenFile, unsecuredToken('admin', 3600))
    await writeFile(
      file,
      `server: {port: 0}
environments:
  - name: oauth
    kafka: {brokers: '${saslSslBootstrap}', tls: {caFile: ${caFile}}, sasl: {mechanism: OAUTHBEARER, tokenFile: ${tokenFile}}, retryTimeout: 1s}
serviceAccounts:
  - {name: everything, token: ${TOKEN}, permissions: [{environments: ['*'], topics: ['*']}]}
log: {level: warn}
`,
    )
    await served(['--config', file], reads, { plain: true })
    await writeFile(tokenFile, unsecuredToken('admin', -60))
    await served(
      ['--config', file],
      async (sluice) => assert.match(await refusal(sluice), /OAUTHBEARER|expired|token/i),
      { plain: true },
    )
    // By the command line, without encryption.
    await served(
      ['--brokers', saslBootstrap, '--sasl-mechanism', 'OAUTHBEARER', '--sasl-token', unsecuredToken('reader', 3600)],
      reads,
    )
  })

  it('a registry behind TLS with an authority of its own, and a login', async () => {
    const registry = await guardedRegistry()
    try {
      const t = topicName('guarded')
      const schema = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'id', type: 'long' }] })
      const id = await registerSchema(cluster.registry.url, `${t}-value`, schema)
      await hand.create(t)
      await hand.produce(t, [{ value: framed(id, encodeAvro(schema, { id: 7 })) }])
      const file = join(folder, 'registry.yaml')
      const text = (more: string) => `server: {port: 0}
environments:
  - name: guarded
    kafka: {brokers: '${bootstrap}'}
    registry: {url: '${registry.url}'${more}}
serviceAccounts:
  - {name: everything, token: ${TOKEN}, permissions: [{environments: ['*'], topics: ['*']}]}
log: {level: warn}
`
      const login = `, username: sluice, passwordFile: ${passwordFile}`
      const asked = async (more: string, use: (sluice: SluiceProcess) => Promise<void>) => {
        await writeFile(file, text(more))
        await served(['--config', file], use, { plain: true })
      }
      await asked(`${login}, tls: {caFile: ${caFile}}`, async (sluice) => {
        assert.deepEqual(await sluice.values(`SELECT id FROM ${t}`), [{ id: 7 }])
        const passed = await fetch(`${sluice.url}/api/proxy-sr/schemas/types`, {
          headers: { authorization: `Bearer ${TOKEN}` },
        })
        assert.ok(((await passed.json()) as string[]).includes('AVRO'))
      })
      // The same without a file.
      await served(
        [
          '--brokers',
          bootstrap,
          '--registry',
          registry.url,
          '--registry-ca',
          caFile,
          '--registry-username',
          'sluice',
          '--registry-password',
          `@${passwordFile}`,
        ],
        async (sluice) => assert.deepEqual(await sluice.values(`SELECT id FROM ${t}`), [{ id: 7 }]),
      )
      const error = async (sluice: SluiceProcess) => (await sluice.ask(`SELECT id FROM ${t}`)).error ?? ''
      await asked(login, async (sluice) =>
        assert.match(await error(sluice), /registry.*certificate.*registry\.tls\.caFile/i),
      )
      await asked(`, tls: {caFile: ${caFile}}`, async (sluice) =>
        assert.match(await error(sluice), /registry.*credentials/i),
      )
      assert.ok(registry.asked() > 2)
    } finally {
      registry.close()
    }
  })

  it('refusals of the broker are told in words', async () => {
    await served(
      ['--brokers', saslBootstrap, '--sasl-username', user.name, '--sasl-password', 'wrong'],
      async (sluice) => assert.match(await refusal(sluice), /[Aa]uthentication|SASL|password/),
    )
    await served(['--brokers', sslBootstrap, '--tls'], async (sluice) =>
      assert.match(await refusal(sluice), /certificate|authority|TLS/),
    )
    await served(['--brokers', mtlsBootstrap, '--tls-ca', caFile], async (sluice) =>
      assert.match(await refusal(sluice), /certificate|TLS|closed/),
    )
    await served(['--brokers', '127.0.0.1:1'], async (sluice) => assert.match(await refusal(sluice), /127\.0\.0\.1:1/))
  })

  it('two environments with different clusters, from one file, over https and wss', async () => {
    let other: Kafka | undefined
    let second: KafkaHand | undefined
    try {
      other = await startKafka({ heap: '256m' })
      second = await kafkaHand(other.bootstrap)
      await second.create(topic)
      await second.produce(topic, [{ value: '{"n":22}' }])
      const file = join(folder, 'sluice.yaml')
      await writeFile(
        file,
        `server:
  port: 0
  tls: {certFile: ${clientCertFile}, keyFile: ${clientKeyFile}}
environments:
  - name: first
    kafka:
      brokers: [${saslSslBootstrap}]
      tls: {caFile: ${caFile}}
      sasl: {mechanism: SCRAM-SHA-256, username: ${user.name}, passwordFile: ${passwordFile}}
  - name: second
    default: true
    kafka: {brokers: ['${other.bootstrap}']}
serviceAccounts:
  - {name: everything, token: ${TOKEN}, permissions: [{environments: ['*'], topics: ['*']}]}
  - {name: narrow, token: narrow-token-0123456789, permissions: [{environments: [second], topics: ['*']}]}
log: {level: warn}
`,
      )
      const sluice = await startSluice(['--config', file], { plain: true })
      try {
        assert.match(sluice.url, /^https:/)
        const ask = (environment: string | undefined, token = TOKEN) =>
          overTls(sluice.url, environment, token, `SELECT n FROM ${topic}`)
        assert.deepEqual(await ask('first'), [1, 2])
        assert.deepEqual(await ask('second'), [22])
        assert.deepEqual(await ask(undefined), [22])
        assert.deepEqual(await ask('second', 'narrow-token-0123456789'), [22])
        await assert.rejects(ask('first', 'narrow-token-0123456789'), /40[134]/)
        await assert.rejects(ask('third'), /40[34]/)
        await assert.rejects(ask('first', 'wrong'), /401/)
      } finally {
        await sluice.close()
      }
    } finally {
      await second?.close()
      await other?.stop()
    }
  })

  it('what is wrong is named by its key; all of it at once; no secret among it', async () => {
    const wrong = async (args: readonly string[], options: ProcessOptions, ...expected: RegExp[]) => {
      const outcome = await startSluice(args, options).then(
        async (sluice) => {
          await sluice.close()
          return 'it started'
        },
        (error: Error) => error.message,
      )
      for (const pattern of expected) assert.match(outcome, pattern)
      assert.doesNotMatch(outcome, /hush|\n\s+at /)
    }
    const file = join(folder, 'wrong.yaml')
    await writeFile(
      file,
      'server: {port: 99999}\nenvironments:\n  - name: a\n    kafka: {broker: [x:1], sasl: {mechanism: MAGIC, username: u, password: hush}}\nlimits: {max.concurrent.queries: lots}\nsettings: {max.sizes: 1g}\n',
    )
    await wrong(
      ['--config', file],
      { plain: true },
      /server\.port/,
      /kafka\.broker\b/,
      /sasl\.mechanism/,
      /max\.concurrent\.queries/,
      /max\.sizes/,
      /ended with code [12]/,
    )
    await Promise.all([
      wrong(['--config', join(folder, 'absent.yaml')], { plain: true }, /absent\.yaml/),
      wrong(['--brokers', 'localhost:port'], {}, /brokers/),
      wrong(
        ['--brokers', bootstrap, '--sasl-username', 'u', '--sasl-password', `@${join(folder, 'nowhere')}`],
        {},
        /nowhere/,
      ),
      wrong(
        ['--brokers', bootstrap],
        { env: { SLUICE_LIMIT_MAX_CONCURRENT_QUERIES: '-1' } },
        /SLUICE_LIMIT_MAX_CONCURRENT_QUERIES|max\.concurrent\.queries/,
      ),
      wrong(['--brokers', bootstrap], { plain: true }, /--service-account/),
    ])
  })
})

/** A token as Kafka's validator of unsecured tokens takes it. */
function unsecuredToken(name: string, seconds: number): string {
  const now = Math.floor(Date.now() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub: name, iat: now - 120, exp: now + seconds })}.`
}

/** The real registry behind HTTPS and a login: user `sluice`, password of the second user of Kafka. */
async function guardedRegistry(): Promise<{ url: string; asked(): number; close(): void }> {
  const behind = new URL(cluster.registry.url)
  const wanted = `Basic ${Buffer.from(`sluice:${users[1].password}`).toString('base64')}`
  let asked = 0
  const [cert, key] = await Promise.all(
    ['server-cert.pem', 'server-key.pem'].map((name) => readFile(join(dirname(caFile), name))),
  )
  const server = createServer({ cert, key }, (request, response) => {
    asked++
    if (request.headers.authorization !== wanted)
      return response.writeHead(401, { 'content-type': 'application/json' }).end('{"error_code":401}')
    const { authorization: _, host: __, ...headers } = request.headers
    const onward = passOn(
      { host: behind.hostname, port: behind.port, method: request.method, path: request.url, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    request.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}${behind.pathname}`,
    asked: () => asked,
    close: () => server.close(() => undefined).closeAllConnections(),
  }
}

async function overTls(url: string, environment: string | undefined, token: string, sql: string): Promise<number[]> {
  const path =
    environment === undefined ? '/api/ws/v2/sql/execute' : `/environment/${environment}/proxy/api/ws/v2/sql/execute`
  const socket = new WebSocket(`${url.replace('https', 'wss')}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    rejectUnauthorized: false,
  })
  return await new Promise((resolve, reject) => {
    const found: number[] = []
    socket.on('open', () => socket.send(JSON.stringify({ sql })))
    socket.on('message', (text) => {
      const frame = JSON.parse(String(text)) as { type: string; data: { value: { n: number } } & string }
      if (frame.type === 'RECORD') found.push(frame.data.value.n)
      if (frame.type === 'ERROR') reject(new Error(frame.data))
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(found))
  })
}
