/** What a configuration that is wrong says of the secrets in it: nothing. */
import assert from 'node:assert/strict'
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
