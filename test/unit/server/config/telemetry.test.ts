/** `telemetry` of the configuration: where traces go, by file, variable and option, and what is said of mistakes. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError, loadConfig, readConfig } from '../../../../src/server/config/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-telemetry-'))
after(() => rmSync(folder, { recursive: true }))

const OTHERS = {
  environments: [{ name: 'demo', kafka: { brokers: ['a:9092'] } }],
  users: [{ name: 'admin', password: 'secret', permissions: [] }],
}
const ENDPOINT = 'http://127.0.0.1:4318/v1/traces'

async function traces(given: unknown) {
  return (await readConfig({ ...OTHERS, telemetry: { traces: given } })).telemetry?.traces
}

async function problems(given: unknown): Promise<readonly string[]> {
  const cause: unknown = await traces(given).catch((error: unknown) => error)
  assert.ok(cause instanceof ConfigError, 'a mistake')
  return cause.problems
}

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test('nothing is sent unless there is an address; the rest has defaults', async () => {
  assert.equal((await readConfig(OTHERS)).telemetry, undefined)
  assert.deepEqual((await readConfig({ ...OTHERS, telemetry: {} })).telemetry, {})
  assert.deepEqual(await traces({ endpoint: ENDPOINT }), {
    endpoint: ENDPOINT,
    headers: {},
    ratio: 1,
    statement: 'none',
    account: false,
  })
})

test('headers are a map, or lines of a file or of a variable', async () => {
  assert.deepEqual((await traces({ endpoint: ENDPOINT, headers: { 'X-Key': 'a: b' } }))?.headers, { 'x-key': 'a: b' })
  const headersFile = file('headers', 'Authorization: Bearer abc\n\nx-key: 1\n')
  const both = { authorization: 'Bearer abc', 'x-key': '1' }
  assert.deepEqual((await traces({ endpoint: ENDPOINT, headersFile }))?.headers, both)
  const config = await loadConfig({
    env: {
      SLUICE_BROKERS: 'a:9092',
      SLUICE_USER: 'admin:secret',
      SLUICE_TELEMETRY_TRACES_ENDPOINT: ENDPOINT,
      SLUICE_TELEMETRY_TRACES_HEADERS_FILE: headersFile,
      SLUICE_TELEMETRY_TRACES_RATIO: '0.25',
      // Set for all programs of a machine: it is not this server that they are for.
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://elsewhere:4318',
    },
    overrides: { tracesRatio: '0.5' },
  })
  assert.deepEqual(config.telemetry?.traces, {
    endpoint: ENDPOINT,
    headers: both,
    ratio: 0.5,
    statement: 'none',
    account: false,
  })
  assert.ok(config.files.includes(headersFile))
})

test('mistakes are named with their place and without their secrets', async () => {
  assert.deepEqual(await problems({ ratio: 0.5 }), [
    'telemetry.traces.endpoint: missing; expected an address such as http://127.0.0.1:4318/v1/traces.',
  ])
  assert.match(
    (await problems({ endpoint: 'collector:4317' }))[0],
    /^telemetry\.traces\.endpoint: the value is not an address/,
  )
  const secret = await problems({ endpoint: 'https://me:hunter2@collector/v1/traces' })
  assert.match(secret[0], /holds a user name; write headers/)
  for (const headers of ['hunter2', { key: 'hunter2\n' }, { 'a b': 'hunter2' }, { key: 2 }, ['hunter2']])
    assert.match(
      (await problems({ endpoint: ENDPOINT, headers }))[0],
      /headers: the value is not a map of header names/,
    )
  const wrong = await problems({ endpoint: ENDPOINT, headersFile: file('wrong', 'hunter2') })
  assert.match(wrong[0], /headersFile: the file does not hold lines such as/)
  assert.ok(![...secret, ...wrong].join().includes('hunter2'))
  assert.match((await problems({ endpoint: ENDPOINT, ratio: 2 }))[0], /ratio: 2 is not a number from 0 to 1/)
  assert.match((await problems({ endpoint: ENDPOINT, statement: 'all' }))[0], /one of none, masked, full/)
  assert.match((await problems({ endpoint: ENDPOINT, tls: { caFile: file('ca', 'x') } }))[0], /tls: of no use/)
  assert.match((await problems({ endpoint: ENDPOINT, sampling: 1 }))[0], /unknown key/)
})
