/** What a configuration that is wrong says of the secrets in it: nothing. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError, loadConfig, readConfig } from '../../../../src/server/config/config.ts'

async function complaintOf(reading: Promise<unknown>): Promise<string> {
  const cause = await reading.then(
    () => undefined,
    (failure: unknown) => failure,
  )
  assert.ok(cause instanceof ConfigError)
  return cause.problems.join('\n')
}

const GOOD = {
  environments: [{ name: 'e', kafka: { brokers: ['h:1'] } }],
  users: [{ name: 'a', password: 'b', permissions: [{ environments: ['*'], topics: ['*'] }] }],
}

test('a value of the wrong shape is not shown where it may be a login', async () => {
  const kafka = (more: object) => ({ environments: [{ name: 'e', kafka: { brokers: ['h:1'], ...more } }] })
  for (const wrong of [
    { serviceAccounts: { name: 'a', token: 'SECRET' } },
    { serviceAccounts: 'a:SECRET' },
    { serviceAccounts: ['a:SECRET'] },
    { users: 'admin:SECRET' },
    { users: { name: 'a', password: 'SECRET' } },
    { users: ['d:SECRET'] },
    { users: [['d', 'SECRET']] },
    { users: [{ name: { SECRET: 1 }, password: ['SECRET'] }] },
    { server: 'SECRET' },
    { server: { session: 'SECRET' } },
    { server: { tls: 'SECRET' } },
    kafka({ tls: 'SECRET' }),
    kafka({ sasl: 'user:SECRET' }),
    kafka({ brokers: ['user:SECRET@host:9092'] }),
    kafka({ brokers: 'user:SECRET@host:9092' }),
  ]) {
    const text = await complaintOf(readConfig({ ...GOOD, ...wrong }))
    assert.ok(!text.includes('SECRET'), text)
  }
})

const SECRET = 'hunter2-Zq9'

test('no value below a place of credentials is shown, whichever key it went to by mistake', async () => {
  const kafka = (more: object) => ({ environments: [{ name: 'e', kafka: { brokers: ['h:1'], ...more } }] })
  const beside = (more: object) => ({ environments: [{ name: 'e', kafka: { brokers: ['h:1'] }, ...more }] })
  const login = { mechanism: 'PLAIN', username: 'u', password: 'p' }
  const account = { name: 'a', password: 'b', permissions: [] }
  const service = { name: 'ci', token: 'a-token-0123456789', permissions: [] }
  const each = (keys: readonly string[], of: (key: string) => object): object[] => keys.map(of)
  for (const wrong of [
    ...each(['mechanism', 'passwordFile', 'tokenFile', SECRET], (key) =>
      kafka({ sasl: { ...login, password: key === 'passwordFile' ? undefined : 'p', [key]: SECRET } }),
    ),
    ...each(['username', 'password', 'token'], (key) => kafka({ sasl: { ...login, [key]: [SECRET] } })),
    kafka({ sasl: { ...login, mechanism: 918273645 } }),
    ...each(['ca', 'cert', 'key', 'passphrase', 'servername', 'rejectUnauthorized', SECRET, `key:${SECRET}`], (key) =>
      kafka({ tls: { [key]: key === 'rejectUnauthorized' ? SECRET : { a: SECRET } } }),
    ),
    ...each(['caFile', 'certFile', 'keyFile', 'passphraseFile'], (key) => kafka({ tls: { [key]: SECRET } })),
    ...each(['connectTimeout', 'requestTimeout', 'idleTimeout', 'responseMaxBytes', `sasl:${SECRET}`], (key) =>
      kafka({ [key]: SECRET }),
    ),
    kafka({ brokers: [`user:${SECRET}`] }),
    ...each(['url', 'timeout', 'tls', 'passwordFile', 'tokenFile'], (key) =>
      beside({ registry: { url: 'http://r:1', [key]: SECRET } }),
    ),
    beside({ registry: `http://user:${SECRET}%zz@r:1` }),
    beside({ registry: `ftp://user:${SECRET}@r:1` }),
    ...each(['gateway', 'rest', 'parallelism', 'options', 'kafka', 'requestTimeout'], (key) =>
      beside({ flink: { gateway: 'http://f:1', [key]: SECRET } }),
    ),
    beside({ flink: `http://user:${SECRET}@flink:8083` }),
    beside({ flink: `http://flink:8083/?key=${SECRET}` }),
    beside({ flink: { gateway: 'http://f:1', options: { a: [SECRET] } } }),
    ...each(['name', 'permissions', 'passwordHash', 'passwordFile', 'group', 'limits', `x ${SECRET}`], (key) => ({
      users: [{ ...account, [key]: key === 'name' ? `ann:${SECRET}` : SECRET }],
    })),
    { users: [{ ...account, group: SECRET }], groups: [{ name: 'g' }] },
    { users: [account, account].map((a) => ({ ...a, name: `ann:${SECRET}` })) },
    ...each(['tokenHash', 'tokenFile', 'expires', 'group'], (key) => ({
      serviceAccounts: [{ ...service, token: undefined, [key]: SECRET }],
    })),
    { server: { tls: { certFile: SECRET, keyFile: SECRET } } },
    { server: { session: { keyFile: SECRET } } },
    { server: { session: { [SECRET]: 1 } } },
    { telemetry: { traces: { endpoint: `http://c:1/?key=${SECRET}`, ratio: SECRET } } },
    { telemetry: { traces: { endpoint: `http://user:${SECRET}@c:1/` } } },
    { telemetry: { traces: { endpoint: 'http://c:1/', headersFile: SECRET } } },
    { telemetry: { traces: { endpoint: 'http://c:1/', statement: SECRET, account: SECRET } } },
    { [`password: ${SECRET}`]: 1 },
  ]) {
    const text = await complaintOf(readConfig({ ...GOOD, ...wrong }))
    assert.ok(!text.includes(SECRET) && !text.includes('918273645'), text)
    assert.ok(!/[\u{fdd0}\u{fdd1}]/u.test(text), text)
  }
})

test('what is nearly a known word is shown, as is what stands in other places', async () => {
  const sasl = (mechanism: string) => ({
    environments: [{ name: 'e', kafka: { brokers: ['h:1'], sasl: { mechanism, username: 'u', password: 'p' } } }],
  })
  for (const [wrong, said] of [
    [sasl('SCRAM-SHA256'), 'environments[0].kafka.sasl.mechanism: "SCRAM-SHA256" is not one of PLAIN, SCRAM-SHA-256'],
    [sasl('Kerberos'), 'environments[0].kafka.sasl.mechanism: the value is not one of PLAIN, SCRAM-SHA-256'],
    [{ server: { port: '99999' } }, 'server.port: 99999 is not a whole number'],
    [
      { environments: [{ name: 'e', kafka: { brokers: ['h:99999'] } }] },
      '"h:99999" is not an address such as kafka-1:9092',
    ],
    [{ environments: [{ name: 'e', kafka: { hosts: 1 } }] }, 'environments[0].kafka.hosts: unknown key. Known here: '],
    [{ users: [{ name: 'a', paswordHash: 'x' }] }, 'users[0].paswordHash: unknown key. Did you mean "passwordHash"?'],
  ] as const) {
    const text = await complaintOf(readConfig({ ...GOOD, ...wrong }))
    assert.ok(text.includes(said), text)
  }
})

test('a file that is no YAML, or nearly none, is not quoted: neither in the error nor on standard error', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-yaml-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'sluice.yaml')
  const warned: string[] = []
  const hear = (warning: Error): void => void warned.push(warning.message)
  process.on('warning', hear)
  t.after(() => process.off('warning', hear))
  for (const line of [
    `password: !${SECRET}`,
    `password: !x ${SECRET}`,
    `password: {{ ${SECRET} }}`,
    `? {password: ${SECRET}}\n  : 1`,
    `password: *${SECRET}`,
    `password: "${SECRET}`,
    `%${SECRET}`,
  ]) {
    writeFileSync(file, `users:\n- name: a\n  ${line}\n`)
    const text = await complaintOf(loadConfig({ file }))
    assert.ok(!text.includes(SECRET), text)
  }
  await new Promise(setImmediate)
  assert.deepEqual(warned, [])
})

test('"@" begins the name of a file on the command line, and nothing else in a variable', async () => {
  const overrides = { brokers: 'h:1', user: ['a:b'], saslUsername: 'u' }
  const env = { SLUICE_SASL_PASSWORD: '@S3cret', SLUICE_SERVICE_ACCOUNT: 'ci:@S3cret-0123456789' }
  const config = await loadConfig({ env, overrides })
  assert.deepEqual(config.environments[0].kafka.sasl, { mechanism: 'PLAIN', username: 'u', password: '@S3cret' })
  assert.deepEqual(config.files, [])
  const flag = loadConfig({ env: {}, overrides: { ...overrides, saslPassword: '@/no/such' } })
  assert.match(await complaintOf(flag), /the file "\/no\/such" cannot be read \(ENOENT\)/)
  const file = loadConfig({ env: { SLUICE_SASL_PASSWORD_FILE: '/no/such' }, overrides })
  assert.match(await complaintOf(file), /the file "\/no\/such" cannot be read \(ENOENT\)/)
})
