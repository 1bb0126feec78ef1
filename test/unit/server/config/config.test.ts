import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError, loadConfig, readConfig, type ServerConfig } from '../../../../src/server/config/config.ts'
import { hashPassword, hashToken, passwordMatches } from '../../../../src/server/access/secrets.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const ACCOUNT = `
serviceAccounts:
  - {name: ci, token: abc-0123456789abcd, permissions: [{environments: ["*"], topics: ["*"]}]}
`
const KAFKA = `
environments:
  - name: demo
    kafka: {brokers: [a:9092]}
`

async function problems(yaml: string): Promise<readonly string[]> {
  try {
    await loadConfig({ file: file('problems.yaml', yaml) })
  } catch (cause) {
    assert.ok(cause instanceof ConfigError, String(cause))
    return cause.problems
  }
  return []
}

test('a whole file', async () => {
  const config = await loadConfig({
    file: file(
      'whole.yaml',
      `
server: {host: 0.0.0.0, port: 8080}
environments:
  - name: first
    kafka: {brokers: 'a:9092, b:9093'}
  - name: prod
    default: true
    kafka:
      brokers: [c:9092]
      tls: {ca: PEM, rejectUnauthorized: false}
      sasl: {mechanism: scram-sha-512, username: u, password: p}
      requestTimeout: 5s
    registry: {url: 'https://r:8081', username: ru, password: rp}
    formats: {payments: {key: string, value: AVRO}}
users:
  - {name: admin, passwordHash: '${await hashPassword('secret')}', permissions: [{environments: [prod], topics: ['pay*']}]}
serviceAccounts:
  - {name: ci, tokenHash: '${hashToken('abc-0123456789abcd')}', permissions: [{environments: ['*'], topics: ['*']}, {effect: deny, environments: ['*'], topics: [salaries]}]}
settings: {lenses.sql.settings.max.size: 20m, max.idle.time: 5s, format.timestamp: false}
limits: {server.heartbeat.interval: 5s, max.concurrent.queries.per.user: 2, server.max.message.bytes: 64k}
log: {level: warn}
`,
    ),
  })
  assert.deepEqual(config.server, { host: '0.0.0.0', port: 8080 })
  assert.deepEqual(config.environments[0], {
    name: 'first',
    default: false,
    kafka: { brokers: ['a:9092', 'b:9093'] },
    formats: {},
  })
  assert.deepEqual(config.environments[1].kafka, {
    brokers: ['c:9092'],
    tls: { ca: 'PEM', rejectUnauthorized: false },
    sasl: { mechanism: 'SCRAM-SHA-512', username: 'u', password: 'p' },
    requestTimeoutMs: 5000,
  })
  assert.equal(config.environments[1].default, true)
  assert.deepEqual(config.environments[1].registry, { url: 'https://r:8081', username: 'ru', password: 'rp' })
  assert.deepEqual(config.environments[1].formats, { payments: { key: 'STRING', value: 'AVRO' } })
  assert.equal(config.limits['server.heartbeat.interval'], 5000)
  assert.equal(config.limits['max.concurrent.queries.per.user'], 2)
  assert.equal(config.limits['server.max.message.bytes'], 65536)
  assert.equal(config.limits['max.concurrent.queries'], 250)
  assert.equal(config.settings['max.size'], '20m')
  assert.equal(config.log.level, 'warn')
  assert.deepEqual(config.serviceAccounts[0].permissions[1], {
    effect: 'deny',
    environments: ['*'],
    topics: ['salaries'],
  })
})

test('formats of topics: windowed keys, settings of CSV, schemas of Glue', async () => {
  const environment = (more: string): string => `${ACCOUNT}
environments:
  - name: demo
    kafka: {brokers: [a:9092]}
    ${more}
`
  const { environments } = await loadConfig({
    file: file(
      'formats.yaml',
      environment(
        "formats: {t: {key: 'tw[long]', value: csv, csv: {header: [a, b], delimiter: ';'}}}\n    glue: {folder: /schemas}",
      ),
    ),
  })
  assert.deepEqual(environments[0].formats, {
    t: { key: 'TWLONG', value: 'CSV', csv: { header: ['a', 'b'], delimiter: ';' } },
  })
  assert.deepEqual(environments[0].glue, { folder: '/schemas' })
  const withIds = await loadConfig({ file: file('ids.yaml', environment('formats: {t: {value: AVRO, ids: headers}}')) })
  assert.deepEqual(withIds.environments[0].formats, { t: { key: undefined, value: 'AVRO', ids: 'headers' } })
  assert.match(
    (await problems(environment('formats: {t: {value: AVRO, ids: body}}'))).join(),
    /formats\.t\.ids: "body" is not headers or payload/,
  )
  const wrong = await problems(environment("formats: {t: {key: TWTWLONG, value: CSV, csv: {header: a, quote: ''}}}"))
  assert.equal(wrong.length, 3)
  assert.match(wrong.join('\n'), /formats\.t\.csv\.header: "a" is not a list of column names/)
  assert.match(wrong.join('\n'), /formats\.t\.csv\.quote: "" is not one ASCII character/)
  assert.match(wrong.join('\n'), /formats\.t\.key: "TWTWLONG" is not one of STRING/)
})

test('what is left out on purpose is told as such', async () => {
  const all = (await problems(`{auth: {}, oidc: {issuer: 'https://id'}, policies: []}`)).join('\n')
  assert.match(all, /^oidc: unknown key\. Single sign-on \(OIDC, SAML\) is not offered: log in with user and password/m)
  assert.match(all, /^policies: unknown key\. Data policies are not offered: nothing is masked on its own\./m)
})

test('problems name the key, the value and what was expected; all at once', async () => {
  const found = await problems(`
server: {port: 99999, prot: 1}
environments:
  - name: demo
    kafka: {brokers: ['not an address'], sasl: {mechanism: PLAN}}
    registry: {url: 'ftp://x'}
    formats: {t: {value: AVOR}}
users: [{name: admin, password: x}]
limits: {server.heartbeat.intervall: 5s, max.concurrent.queries: many}
log: {level: loud}
settings: {max.sise: 1g, max.size: 12parsecs}
`)
  const all = found.join('\n')
  assert.match(all, /^server\.port: 99999 is not a whole number from 0 to 65535\.$/m)
  assert.match(all, /^server\.prot: unknown key\. Did you mean "port"\?$/m)
  assert.match(
    all,
    /^environments\[0\]\.kafka\.brokers\[0\]: "not an address" is not an address such as kafka-1:9092\.$/m,
  )
  assert.match(
    all,
    /^environments\[0\]\.kafka\.sasl\.mechanism: "PLAN" is not one of PLAIN, .* Did you mean "PLAIN"\?$/m,
  )
  assert.match(all, /^environments\[0\]\.registry\.url: the value is not an address/m)
  assert.match(all, /^environments\[0\]\.formats\.t\.value: "AVOR" is not one of STRING, .*Did you mean "AVRO"\?$/m)
  assert.match(all, /^users\[0\]\.permissions: missing; expected a list such as/m)
  assert.match(
    all,
    /^limits\.server\.heartbeat\.intervall: unknown key\. Did you mean "server\.heartbeat\.interval"\?$/m,
  )
  assert.match(all, /^limits\.max\.concurrent\.queries: "many" is not a whole number/m)
  assert.match(all, /^log\.level: "loud" is not one of debug, info, warn, error, silent\.$/m)
  assert.match(all, /^settings\.max\.sise: .*Did you mean "max\.size"\?$/m)
  assert.match(all, /^settings\.max\.size: .*12parsecs/m)
})

test('one mistake is one problem, also where a value has several forms', async () => {
  const kafka = (more: string): Promise<readonly string[]> =>
    problems(`${ACCOUNT}environments: [{name: demo, kafka: {brokers: a, ${more}}}]`)
  assert.deepEqual(await problems(`${ACCOUNT}${KAFKA}server: {tls: 5}`), [
    'server.tls: 5 is not a map of cert, certFile, key, keyFile, ca, caFile.',
  ])
  assert.deepEqual(await kafka('tls: {cart: x}'), ['environments[0].kafka.tls.cart: unknown key. Did you mean "cert"?'])
  assert.deepEqual(await kafka('tls: 5'), [
    'environments[0].kafka.tls: 5 is not a map of ca, caFile, cert, certFile, key, keyFile, passphrase, passphraseFile, servername, rejectUnauthorized.',
  ])
  assert.deepEqual(await kafka('connectTimeout: 5ms'), [
    'environments[0].kafka.connectTimeout: "5ms" is not a time such as 500ms, 10s, 5m or 4h, at least 10.',
  ])
  assert.deepEqual(await kafka('sasl: {mechanism: oauthbearer}'), [
    'environments[0].kafka.sasl.token: missing; expected the token, or better tokenFile.',
  ])
  assert.deepEqual(await problems(`${ACCOUNT}${KAFKA}settings: {max.size: [1], max.idle.time: 5s}`), [
    'settings.max.size: a list is not a text, a number, true or false.',
  ])
})

test('a key without a value is like one that is not there', async () => {
  const config = await loadConfig({
    file: file('empty.yaml', `${ACCOUNT}${KAFKA}server: {port: }\nlog:\nlimits: {max.concurrent.queries: }\nusers:\n`),
  })
  assert.deepEqual([config.server.port, config.log.level, config.limits['max.concurrent.queries']], [9991, 'info', 250])
  assert.deepEqual(config.users, [])
})

test('nothing is allowed by default: no accounts, no start', async () => {
  assert.match((await problems(KAFKA)).join(), /^users: nobody could log in\. Give at least one account/)
  assert.match((await problems(ACCOUNT)).join(), /^environments: none given\. Name a Kafka cluster: --brokers/)
})

test('broken files: what and where, without their contents', async () => {
  const path = file('broken.yaml', 'users:\n  - name: admin\n   password: [hunter2\n')
  await assert.rejects(
    loadConfig({ file: path }),
    (e) =>
      e instanceof ConfigError && /is not YAML: line \d, column \d+/.test(e.message) && !e.message.includes('hunter2'),
  )
  await assert.rejects(loadConfig({ file: join(folder, 'missing.yaml') }), /missing\.yaml" cannot be read \(ENOENT\)/)
  await assert.rejects(loadConfig({ file: file('list.yaml', '- a') }), /is not a map of server, environments/)
})

test('no message holds the value of a secret', async () => {
  const found = await problems(`
environments:
  - name: demo
    kafka: {brokers: [a:9092], sasl: {username: u, password: [hunter2]}}
    registry: {url: 'hunter2://r', password: hunter2}
users: [{name: admin, passwordHash: hunter2, permissions: []}]
serviceAccounts: [{name: ci, tokenHash: hunter2, permissions: []}, {name: cj, token: 'hunter2 with space after', permissions: []}]
`)
  assert.equal(found.length, 6, found.join('\n'))
  assert.ok(!found.join().includes('hunter2'), found.join('\n'))
})

test('secrets from files', async () => {
  const path = file('secret.txt', 'from the file\n')
  const config = await loadConfig({
    file: file(
      'files.yaml',
      `environments: [{name: demo, kafka: {brokers: [a:1], sasl: {username: u, passwordFile: '${path}'}}}]\nusers: [{name: admin, passwordFile: '${path}', permissions: []}]`,
    ),
  })
  assert.deepEqual(config.environments[0].kafka.sasl, { mechanism: 'PLAIN', username: 'u', password: 'from the file' })
  assert.equal(await passwordMatches('from the file', config.users[0].passwordHash), true)
  assert.equal(await passwordMatches('from the file\n', config.users[0].passwordHash), false)
  const twice = await problems(
    `${ACCOUNT}\nenvironments: [{name: demo, kafka: {brokers: [a:1], sasl: {username: u, password: x, passwordFile: '${path}'}}}]`,
  )
  assert.match(twice.join('\n'), /sasl\.password: given together with passwordFile/)
  const missing = await problems(
    `${ACCOUNT}\nenvironments: [{name: demo, kafka: {brokers: [a:1], sasl: {username: u, passwordFile: /nowhere/x}}}]`,
  )
  assert.match(missing.join('\n'), /sasl\.passwordFile: the file "\/nowhere\/x" cannot be read \(ENOENT\)\./)
})

const LINE = {
  brokers: ['h:1', 'i:2'],
  registry: 'http://r:8081',
  environment: 'demo',
  port: '7777',
  user: ['admin:se:cret'],
  serviceAccount: ['ci:token-of-ci-0123456789'],
}

test('a server in one line', async () => {
  const config = await loadConfig({ overrides: LINE })
  assert.deepEqual(config.server, { host: '127.0.0.1', port: 7777 })
  assert.deepEqual(config.environments, [
    {
      name: 'demo',
      default: true,
      kafka: { brokers: ['h:1', 'i:2'] },
      registry: { url: 'http://r:8081' },
      formats: {},
    },
  ])
  assert.equal(await passwordMatches('se:cret', config.users[0].passwordHash), true)
  assert.equal(config.serviceAccounts[0].tokenHash, hashToken('token-of-ci-0123456789'))
})

test('the same by environment variables; the command line wins over them, they over the file', async () => {
  const users = file('users.txt', 'admin:pw1\nother:pw2\n')
  const env = {
    SLUICE_BROKERS: 'h:1,i:2',
    SLUICE_REGISTRY: 'http://r:8081',
    SLUICE_ENVIRONMENT: 'demo',
    SLUICE_SERVER_PORT: '7777',
    SLUICE_USER_FILE: users,
    SLUICE_SERVICE_ACCOUNT: 'ci:token-of-ci-0123456789',
    SLUICE_TLS: 'true',
    SLUICE_SASL_USERNAME: 'u',
    SLUICE_SASL_PASSWORD_FILE: file('pw.txt', 'p'),
    SLUICE_LIMIT_MAX_CONCURRENT_QUERIES: '7',
    SLUICE_SETTING_MAX_SIZE: '1g',
    SLUICE_PORT: 'tcp://10.0.0.1:9991',
    SLUICE_SERVICE_PORT: '9991',
    PATH: '/bin',
  }
  const config = await loadConfig({
    env,
    file: file('under.yaml', 'server: {port: 1111}\nenvironments: [{name: demo, kafka: {brokers: [z:1]}}]'),
  })
  assert.equal(config.server.port, 7777)
  assert.deepEqual(config.environments[0].kafka, {
    brokers: ['h:1', 'i:2'],
    tls: {},
    sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' },
  })
  assert.deepEqual(
    config.users.map((u) => u.name),
    ['admin', 'other'],
  )
  assert.equal(config.limits['max.concurrent.queries'], 7)
  assert.equal(config.settings['max.size'], '1g')
  const over = await loadConfig({
    env,
    overrides: { port: '2222', limit: ['max.concurrent.queries=8'], set: ['max.size=2g'] },
  })
  assert.equal(over.server.port, 2222)
  assert.equal(over.limits['max.concurrent.queries'], 8)
  assert.equal(over.settings['max.size'], '2g')
})

test('problems say which option or variable they come from', async () => {
  await assert.rejects(
    loadConfig({ overrides: { ...LINE, port: 'x' } }),
    /server\.port \(from --port\): "x" is not a whole number/,
  )
  await assert.rejects(
    loadConfig({ env: { SLUICE_SERVER_PORT: 'x' }, overrides: { ...LINE, port: undefined } }),
    /server\.port \(from SLUICE_SERVER_PORT\)/,
  )
  await assert.rejects(loadConfig({ overrides: { ...LINE, user: ['admin'] } }), /--user: expected name:password/)
  await assert.rejects(loadConfig({ overrides: { ...LINE, limit: ['x'] } }), /--limit "x": expected name=value/)
  await assert.rejects(
    loadConfig({ env: { SLUICE_BROKER: 'h:1' }, overrides: LINE }),
    /SLUICE_BROKER: no such environment variable\. Did you mean "SLUICE_BROKERS"\?/,
  )
  await assert.rejects(
    loadConfig({ overrides: { ...LINE, brokers: ['h:1', 'bad broker'] } }),
    /environments\[0\]\.kafka\.brokers\[1\]: "bad broker"/,
  )
})

test('options change the environment they name, or the default one', async () => {
  const path = file(
    'two.yaml',
    `environments:\n  - {name: a, kafka: {brokers: [a:1]}}\n  - {name: b, default: true, kafka: {brokers: [b:1]}}\n${ACCOUNT}`,
  )
  const brokers = (config: ServerConfig) => config.environments.map((e) => `${e.name} ${e.kafka.brokers.join()}`)
  assert.deepEqual(brokers(await loadConfig({ file: path, overrides: { brokers: ['x:1'] } })), ['a a:1', 'b x:1'])
  assert.deepEqual(brokers(await loadConfig({ file: path, overrides: { brokers: ['x:1'], environment: 'a' } })), [
    'a x:1',
    'b b:1',
  ])
  assert.deepEqual(brokers(await loadConfig({ file: path, overrides: { brokers: ['x:1'], environment: 'c' } })), [
    'a a:1',
    'b b:1',
    'c x:1',
  ])
})

test('names given twice, two defaults', async () => {
  await assert.rejects(
    readConfig({
      environments: [1, 2].map(() => ({ name: 'x', default: true, kafka: { brokers: ['a:1'] } })),
      users: [],
    }),
    (e) => {
      assert.match(String(e), /environments: the name "x" is given twice/)
      assert.match(String(e), /"x" and "x" are both marked as default/)
      return true
    },
  )
})

test('Flink by the address of its gateway, or with all that there is to say', async () => {
  const withFlink = (flink: string): string => `
environments:
  - name: demo
    kafka: {brokers: [a:9092]}
    flink: ${flink}
${ACCOUNT}`
  const flinkOf = async (flink: string) =>
    (await loadConfig({ file: file('flink.yaml', withFlink(flink)) })).environments[0].flink
  assert.deepEqual(await flinkOf('http://flink:8083'), { gateway: 'http://flink:8083' })
  assert.deepEqual(
    await flinkOf(
      '{gateway: http://flink:8083, rest: http://jobs:8081/, parallelism: 8, requestTimeout: 5s, planTimeout: 2m}',
    ),
    {
      gateway: 'http://flink:8083',
      rest: 'http://jobs:8081/',
      parallelism: 8,
      requestTimeoutMs: 5000,
      planTimeoutMs: 120_000,
    },
  )
  for (const wrong of [
    '{gateway: http://flink:8083, rest: jobs}',
    '{gateway: http://flink:8083, rest: http://jobs/v1}',
  ])
    assert.match((await problems(withFlink(wrong))).join('\n'), /environments\[0\]\.flink\.rest: .*http:\/\/flink:8081/)
})
