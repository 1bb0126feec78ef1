/**
 * The image, the Compose file and the unit, as far as they can be read: there need not be a container engine. The check
 * of the image's health is run for real.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { DEFAULT_PORT, loadConfig, type ServerConfig } from '../../../src/server/config/config.ts'
import { startFixture } from '../server/fixture.ts'
import { dockerfile, imageProblem, imageVariables, mebibytes, read, root, yaml } from './files.ts'

const manifest = JSON.parse(read('package.json')) as {
  version: string
  bin: { sluice: string }
  optionalDependencies: { node: string }
}

describe('the image', () => {
  const all = dockerfile()
  const lastStage = all.at(-1)?.stage ?? -1
  const last = all.filter(({ stage }) => stage === lastStage)
  const one = (word: string) => {
    const found = last.filter((instruction) => instruction.word === word)
    assert.equal(found.length, 1, `${word}, once in the last stage`)
    return found[0].text
  }
  const base = /^BASE=(\S+)$/.exec(all.find(({ word }) => word === 'ARG')?.text ?? '')?.[1] ?? ''

  it('is made in several stages, all on one version of Node', () => {
    assert.ok(lastStage >= 1)
    for (const { text } of all.filter(({ word }) => word === 'FROM')) assert.match(text, /^\$\{BASE\} AS \w+$/)
    assert.equal(imageProblem(base), undefined)
    assert.equal(/:(\d+)/.exec(base)?.[1], /\d+/.exec(manifest.optionalDependencies.node)?.[0])
  })

  it('fetches nothing by address and holds no tool for it', () => {
    assert.deepEqual(
      all.filter(({ word, text }) => word === 'ADD' || /https?:\/\/(?!127\.0\.0\.1)|\bcurl\b|\bwget\b/.test(text)),
      [],
    )
  })

  it('runs as a user who is not root, by number, after everything was put in place', () => {
    assert.match(one('USER'), /^[1-9]\d*:[1-9]\d*$/)
    const after = last.slice(last.findIndex(({ word }) => word === 'USER'))
    assert.deepEqual(
      after.filter(({ word }) => ['RUN', 'COPY'].includes(word)),
      [],
    )
  })

  it('copies what exists, is let into the context, and comes from a stage that exists', () => {
    const lines = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
    assert.equal(lines[0], '*', 'everything is left out but what is named')
    const allowed = lines.slice(1).map((line) => line.replace(/^!/, ''))
    for (const path of allowed) assert.ok(existsSync(join(root, path)), path)
    const stages = all.flatMap(({ word, text }) => (word === 'FROM' ? [text.replace(/.* AS /, '')] : []))
    const copied: string[] = []
    for (const { text } of all.filter(({ word }) => word === 'COPY')) {
      const from = /^--from=(\S+) /.exec(text)?.[1]
      if (from === undefined) copied.push(...text.split(/\s+/).slice(0, -1))
      else assert.ok(stages.includes(from), text)
    }
    assert.deepEqual(copied.toSorted(), allowed.toSorted())
  })

  it('starts the program, offers its port, and keeps its data in a volume of its user', () => {
    assert.deepEqual(JSON.parse(one('ENTRYPOINT')), ['node', `/app/${manifest.bin.sluice}`])
    assert.equal(one('WORKDIR'), '/app')
    assert.equal(one('EXPOSE'), String(DEFAULT_PORT))
    const folder = imageVariables().SLUICE_SERVER_DATA_FOLDER
    assert.deepEqual(JSON.parse(one('VOLUME')), [folder])
    const [user, group] = one('USER').split(':')
    assert.ok(one('RUN').includes(`install -d -o ${user} -g ${group} -m 0700 ${folder}`))
  })

  /** Exit code of the health check against a port of this machine. */
  async function check(port: number): Promise<number> {
    const command = JSON.parse(/CMD (\[.*\])$/.exec(one('HEALTHCHECK'))?.[1] ?? '') as string[]
    assert.equal(command[0], 'node')
    const child = spawn(process.execPath, command.slice(1), {
      env: { ...process.env, SLUICE_SERVER_PORT: String(port) },
      stdio: 'ignore',
    })
    const [code] = await once(child, 'close')
    return code
  }

  it('is healthy as long as the server takes requests', async () => {
    const { server } = await startFixture(undefined, { limits: { 'shutdown.delay': '1h' } })
    try {
      assert.equal(await check(server.port), 0)
      void server.close()
      assert.equal(await check(server.port), 1, 'draining')
    } finally {
      void server.close(0)
      await server.close()
    }
    assert.equal(await check(server.port), 1, 'nothing listens')
  })
})

describe('the Compose file', () => {
  interface Service {
    readonly image: string
    readonly build?: { readonly context: string; readonly dockerfile: string }
    readonly environment?: Readonly<Record<string, string | number>>
    readonly ports: readonly string[]
    readonly volumes?: readonly string[]
    readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
    readonly healthcheck?: object
    readonly read_only?: boolean
    readonly cap_drop?: readonly string[]
    readonly security_opt?: readonly string[]
    readonly mem_limit?: string
    readonly stop_grace_period?: string
  }
  const compose = yaml<{ services: Record<string, Service>; volumes: Record<string, null> }>('deploy/compose.yaml')
  const { sluice, kafka, registry } = compose.services
  const given: Record<string, string> = { SLUICE_PASSWORD: 'secret', SLUICE_TOKEN: 'token-0123456789-token' }
  const filled = (text: string) => text.replace(/\$\{(\w+):\?[^}]+\}/g, (_, name: string) => given[name])
  const variables = Object.fromEntries(
    Object.entries(sluice.environment ?? {}).map(([name, value]) => [name, filled(String(value))]),
  )
  let config: ServerConfig
  before(async () => {
    config = await loadConfig({ env: { ...imageVariables(), ...variables } })
  })

  it('has images with versions, of which Sluice is this one', () => {
    for (const { image } of Object.values(compose.services)) assert.equal(imageProblem(image), undefined, image)
    assert.equal(sluice.image, `sluice:${manifest.version}`)
    assert.ok(existsSync(join(root, 'deploy', sluice.build?.context ?? '', sluice.build?.dockerfile ?? '')))
  })

  it('gives Sluice a configuration that it takes, reachable from the other containers, with its data in a volume', () => {
    assert.equal(config.server.host, '0.0.0.0')
    assert.ok(sluice.volumes?.includes(`sluice:${config.server.dataFolder}`))
    assert.deepEqual(
      [...config.users, ...config.serviceAccounts].map(({ name }) => name),
      ['admin', 'me'],
    )
  })

  it('has no secret in it', () => {
    for (const name of ['SLUICE_USER', 'SLUICE_SERVICE_ACCOUNT'])
      assert.match(String(sluice.environment?.[name]), /^\w+:\$\{\w+:\?[^}]+\}$/)
  })

  it('names the brokers as Kafka announces them, and the port of the registry', () => {
    const [environment] = config.environments
    const announced = String(kafka.environment?.KAFKA_ADVERTISED_LISTENERS).split(',')
    assert.ok(announced.includes(`PLAINTEXT://${environment.kafka.brokers}`), `${environment.kafka.brokers}`)
    const own = registry.ports[0].split(':').at(-1)
    assert.equal(environment.registry?.url, `http://registry:${own}/apis/ccompat/v7`)
    const host = /HOST:\/\/127\.0\.0\.1:(\d+)/.exec(announced.join(','))?.[1]
    assert.deepEqual(kafka.ports, [`127.0.0.1:${host}:${host}`])
    const protocols = String(kafka.environment?.KAFKA_LISTENER_SECURITY_PROTOCOL_MAP).split(',')
    const listeners = String(kafka.environment?.KAFKA_LISTENERS).split(',')
    assert.deepEqual(
      protocols.map((pair) => pair.split(':')[0]),
      listeners.map((listener) => listener.split(':')[0]),
    )
  })

  it('opens ports on the loopback interface only', () => {
    for (const port of Object.values(compose.services).flatMap(({ ports }) => ports))
      assert.match(port, /^127\.0\.0\.1:\d+:\d+$/)
    assert.deepEqual(sluice.ports, [`127.0.0.1:${config.server.port}:${config.server.port}`])
  })

  it('waits for what exists, and stores in volumes that exist', () => {
    for (const { depends_on = {}, volumes = [] } of Object.values(compose.services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        assert.ok(compose.services[name] !== undefined, name)
        if (condition === 'service_healthy') assert.ok(compose.services[name].healthcheck !== undefined, name)
      }
      for (const volume of volumes) assert.ok(Object.hasOwn(compose.volumes, volume.split(':')[0]), volume)
    }
  })

  it('lets Sluice write to its volume alone, gives it no rights, and time and memory enough', () => {
    assert.equal(sluice.read_only, true)
    assert.deepEqual(sluice.cap_drop, ['ALL'])
    assert.deepEqual(sluice.security_opt, ['no-new-privileges:true'])
    const { limits } = config
    assert.ok(mebibytes(sluice.mem_limit ?? '') > limits['server.max.memory'])
    const graceMs = Number(/^(\d+)s$/.exec(sluice.stop_grace_period ?? '')?.[1]) * 1000
    assert.ok(graceMs >= limits['shutdown.delay'] + limits['shutdown.grace'] + 2000)
  })
})

describe('the unit of systemd', () => {
  const lines = read('deploy/systemd/sluice.service')
    .split('\n')
    .filter((line) => /^\w+=/.test(line))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
  const value = (name: string) => lines.filter(([key]) => key === name).map(([, text]) => text)

  it('is hardened, and leaves the engine its machine code', () => {
    for (const [name, text] of Object.entries({
      User: 'sluice',
      NoNewPrivileges: 'yes',
      ProtectSystem: 'strict',
      ProtectHome: 'yes',
      PrivateTmp: 'yes',
      PrivateDevices: 'yes',
      RestrictNamespaces: 'yes',
      CapabilityBoundingSet: '',
      MemoryDenyWriteExecute: 'no',
    }))
      assert.deepEqual(value(name), [text], name)
  })

  it('ends the server as it wants to be ended, with memory and time enough', async () => {
    assert.deepEqual(value('KillSignal'), ['SIGTERM'])
    assert.deepEqual(value('Restart'), ['on-failure'])
    assert.match(value('ExecReload')[0], / -HUP \$MAINPID$/)
    const env = Object.fromEntries(value('Environment').map((pair) => pair.split('=')))
    assert.equal(env.SLUICE_SERVER_DATA_FOLDER, `/var/lib/${value('StateDirectory')[0]}`)
    const { limits, server } = await loadConfig({
      env: { ...env, SLUICE_BROKERS: 'kafka:9092', SLUICE_USER: 'admin:secret' },
    })
    assert.equal(server.dataFolder, env.SLUICE_SERVER_DATA_FOLDER)
    assert.ok(mebibytes(value('MemoryMax')[0]) > limits['server.max.memory'])
    assert.ok(Number(value('TimeoutStopSec')[0]) * 1000 >= limits['shutdown.delay'] + limits['shutdown.grace'] + 2000)
  })

  it('starts the program of the package', () => {
    const { bin } = manifest
    const [program, ...args] = value('ExecStart')[0].split(' ')
    assert.equal(program, `/opt/sluice/bin/${Object.keys(bin)[0]}`)
    assert.deepEqual(args, ['server', '--config', '/etc/sluice/sluice.yaml'])
  })
})
